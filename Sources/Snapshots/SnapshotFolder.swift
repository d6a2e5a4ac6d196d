import CPlatform
import Glibc

/// A folder of snapshots: the last ones by their epochs.
package struct SnapshotFolder: Sendable {
    static let prefix = "epoch-"
    static let suffix = ".snapshot"
    static let partialSuffix = ".partial"

    /// Where it is.
    package let path: String
    /// How many snapshots are kept.
    package var kept = 2
    /// How snapshots reach the disk.
    package var calls = SystemCalls()

    /// Names a folder; it is made when the first snapshot is written.
    package init(_ path: String) { self.path = path }

    // MARK: Reading

    /// The snapshots' paths, newest first; none if the folder does not exist.
    package func list() throws(SnapshotError) -> [String] {
        try names().filter { $0.hasSuffix(SnapshotFolder.suffix) }.sorted(by: >).map {
            path + "/" + $0
        }
    }

    /// The newest snapshot with which the closure succeeds; nil if there is none at all.
    ///
    /// One that cannot be used is told to `log`, and the one before it is tried. If none can be
    /// used, the newest one's error is thrown: going on without any is for people to decide.
    package func newest<Result: ~Copyable>(
        log: (SnapshotError) -> Void,
        _ use: (SnapshotFile) throws(SnapshotError) -> Result
    ) throws(SnapshotError) -> Result? {
        var first: SnapshotError?
        for path in try list() {
            do throws(SnapshotError) {
                return try use(try SnapshotFile(path: path))
            } catch {
                log(error)
                if first == nil { first = error }
            }
        }
        if let first { throw first }
        return nil
    }

    // Files of ours by name, finished and not.
    private func names() throws(SnapshotError) -> [String] {
        guard let directory = unsafe opendir(path) else {
            if errno == ENOENT { return [] }
            throw SnapshotError(
                .system,
                path,
                "cannot read the snapshot folder \(path): \(systemReason())"
            )
        }
        defer { _ = unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            // The name ends with a zero and is copied before the next entry is read.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name.hasPrefix(SnapshotFolder.prefix) { names.append(name) }
        }
        return names
    }

    // MARK: Writing

    /// Writes a snapshot: the closure hands all state to the writer and answers how many profiles
    /// there were.
    ///
    /// It has its name, and older ones are removed, only when all of it is on the disk.
    package func write(
        _ header: SnapshotHeader,
        _ save: (inout SnapshotWriter) -> Int
    ) throws(SnapshotError) -> SnapshotSummary {
        let begin = collie_monotonic_nanoseconds()
        if unsafe mkdir(path, 0o700) < 0, errno != EEXIST {
            throw SnapshotError(
                .system,
                path,
                "cannot make the snapshot folder \(path): \(systemReason())"
            )
        }
        let number = String(header.epoch)
        let padded = String(repeating: "0", count: max(0, 20 - number.count)) + number
        var writer = try SnapshotWriter(
            folder: path,
            name: SnapshotFolder.prefix + padded + SnapshotFolder.suffix,
            header: header,
            calls: calls
        )
        let profiles = save(&writer)
        let file = try writer.finish()
        try removeOld()
        return SnapshotSummary(
            path: file.path,
            bytes: file.bytes,
            unpackedBytes: file.unpacked,
            profiles: profiles,
            seconds: Double(collie_monotonic_nanoseconds() - begin) / 1e9
        )
    }

    /// Removes what is older than the last ones, and what never got its name.
    private func removeOld() throws(SnapshotError) {
        for path in try list().dropFirst(kept) { _ = unsafe unlink(path) }
        for name in try names() where name.hasSuffix(SnapshotFolder.partialSuffix) {
            _ = unsafe unlink(path + "/" + name)
        }
    }
}
