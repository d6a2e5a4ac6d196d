import Foundation

/// The repository's own files, found from this file's place.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A file's text.
    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// What stands directly in a folder, by name.
    static func names(in folder: String) throws -> [String] {
        try FileManager.default
            .contentsOfDirectory(atPath: root.appendingPathComponent(folder).path).sorted()
    }

    /// All files below a folder whose names end so, as paths from the root.
    static func files(below folder: String, ending suffix: String) -> [String] {
        let base = root.appendingPathComponent(folder).path
        let found = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(suffix) }.sorted().map { folder + "/" + $0 }
    }

    /// The folder of data that lies beside the repository, or nil where it is absent.
    static let shared: URL? = {
        if let path = ProcessInfo.processInfo.environment["COLLIE_SHARED"] {
            return URL(fileURLWithPath: path)
        }
        var folder = root
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let candidate = folder.appendingPathComponent("shared")
            let schemas = candidate.appendingPathComponent("schemas").path
            if FileManager.default.fileExists(atPath: schemas) { return candidate }
        }
        return nil
    }()
}
