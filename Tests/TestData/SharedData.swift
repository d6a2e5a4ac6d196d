package import Foundation

/// The folder of real input that lies beside the project, or nil where it is absent.
package let sharedFolder: URL? = {
    if let path = ProcessInfo.processInfo.environment["COLLIE_SHARED"] {
        return URL(fileURLWithPath: path)
    }
    var folder = URL(fileURLWithPath: #filePath)
    while folder.path != "/" {
        folder.deleteLastPathComponent()
        let candidate = folder.appendingPathComponent("shared")
        let design = candidate.appendingPathComponent("design").path
        if FileManager.default.fileExists(atPath: design) { return candidate }
    }
    return nil
}()

/// A file of it.
package func sharedFile(_ path: String) -> Data? {
    sharedFolder.flatMap { try? Data(contentsOf: $0.appendingPathComponent(path)) }
}
