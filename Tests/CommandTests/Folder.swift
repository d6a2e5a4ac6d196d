import Foundation

/// A folder for one test, gone when nobody holds it any more.
final class Folder: Sendable {
    let path: String

    init() throws {
        path =
            NSTemporaryDirectory() + "collie-command-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, with the folders it lies in; answers its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try write(name, Array(text.utf8))
    }

    /// Writes a file of bytes; answers its path.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = URL(filePath: path).appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(bytes).write(to: file)
        return file.path
    }

    /// Copies the shipped config here, with another collie.yaml if that is given; answers its path.
    func config(_ own: String? = nil) throws -> String {
        let config = path + "/config"
        try FileManager.default.copyItem(atPath: projectFolder + "/config", toPath: config)
        if let own { try write("config/collie.yaml", Folder.shop + own) }
        return config
    }

    // Two lines, so that what follows begins in the third.
    private static let shop = """
        shop: {name: shop, country: IN, currency: INR, time_zone: Asia/Kolkata}
        identity: {hash_key: "${COLLIE_TEST_KEY:-00112233445566778899aabbccddeeff}"}

        """
}

/// The folder that holds Package.swift.
let projectFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
