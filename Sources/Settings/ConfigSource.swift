import Foundation

/// The files of a configuration, wherever they come from.
package struct ConfigSource: Sendable {
    /// A file.
    package struct File: Sendable {
        /// Its place below the configuration's folder, such as `flows/cart-recovery.yaml`.
        package var name: String
        /// What messages call it.
        package var path: String
        /// What is in it.
        package var bytes: [UInt8]
    }

    /// The files, in the order of their names.
    package var files: [File]
    /// Where `${file:…}` begins to look; nil where there are no files.
    package var folder: String?
    /// The environment that `${…}` asks.
    package var environment: [String: String]

    /// Files that are held in memory, by name: for embedded defaults and tests.
    package init(files: [String: String], environment: [String: String] = [:]) {
        self.files = files.keys.sorted().map {
            File(name: $0, path: $0, bytes: Array((files[$0] ?? "").utf8))
        }
        folder = nil
        self.environment = environment
    }

    /// The YAML files of a folder and of its folder `flows`.
    ///
    /// - Parameter environment: what `${…}` asks; nil is the process's own.
    package init(folder: String, environment: [String: String]? = nil) {
        let root = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        self.folder = root
        self.environment = environment ?? ProcessInfo.processInfo.environment
        var names = ["collie.yaml", "policies.yaml", "tracking-plan.yaml"]
        let flows = (try? FileManager.default.contentsOfDirectory(atPath: root + "/flows")) ?? []
        names += flows.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted().map {
            "flows/" + $0
        }
        files = names.compactMap { name in
            guard let data = FileManager.default.contents(atPath: root + "/" + name) else {
                return nil
            }
            return File(name: name, path: root + "/" + name, bytes: Array(data))
        }
    }

    /// Whether the folder is there at all.
    var hasFolder: Bool {
        guard let folder else { return true }
        return (try? FileManager.default.contentsOfDirectory(atPath: folder)) != nil
    }

    /// What messages call a file that may be missing.
    func path(of name: String) -> String { folder.map { $0 + "/" + name } ?? name }

    /// Reads a secret's file, relative to the folder.
    func readSecret(_ path: String) -> String? {
        guard let folder, !path.isEmpty else { return nil }
        let full = path.hasPrefix("/") ? path : folder + "/" + path
        guard let data = FileManager.default.contents(atPath: full), data.count <= 65_536 else {
            return nil
        }
        return String(data: data, encoding: .utf8)
    }
}
