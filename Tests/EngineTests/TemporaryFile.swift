import Engine
import Foundation

/// A file that goes when the test is over.
final class TemporaryFile {
    let path: String

    /// Makes a file of lines; compressed where the suffix says so.
    init(_ lines: [String], suffix: String = "ndjson") throws {
        path = NSTemporaryDirectory() + "collie-\(UUID().uuidString).\(suffix)"
        let file = try LineFile(path: path)
        for line in lines { try file.write(Array(line.utf8)) }
        try file.close()
    }

    /// Makes a file of bytes.
    init(_ bytes: Data) throws {
        path = NSTemporaryDirectory() + "collie-\(UUID().uuidString)"
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    /// Unpacks a gzip file.
    init(unpacking packed: URL) throws {
        path = NSTemporaryDirectory() + "collie-\(UUID().uuidString).ndjson"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let gzip = Process()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", packed.path]
        gzip.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try gzip.run()
        gzip.waitUntilExit()
        guard gzip.terminationStatus == 0 else { throw CocoaError(.fileReadCorruptFile) }
    }

    deinit { unlink(path) }
}
