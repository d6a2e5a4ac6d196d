import Foundation
import KafkaTesting
import Synchronization

/// Ends the children that are left when this process is gone, however that went.
///
/// A shell reads along which of them live; the end of its input is the end of this process.
final class Orphanage: Sendable {
    static let shared = Orphanage()

    private let pipe: FileHandle?
    private let lock = Mutex<Void>(())

    private init() {
        let line = Pipe()
        let keeper = Process()
        keeper.executableURL = URL(filePath: "/bin/bash")
        keeper.arguments = [
            "-c",
            """
            trap '' INT TERM; declare -A all
            while read -r sign id; do
                if [ "$sign" = + ]; then all[$id]=1; else unset "all[$id]"; fi
            done
            for id in "${!all[@]}"; do kill -KILL "$id"; done
            """,
        ]
        keeper.standardInput = line
        keeper.standardOutput = FileHandle.nullDevice
        keeper.standardError = FileHandle.nullDevice
        // No child may keep the end open that says we live.
        _ = fcntl(line.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        pipe = (try? keeper.run()) == nil ? nil : line.fileHandleForWriting
    }

    /// A child has begun.
    func add(_ pid: pid_t) { write("+ \(pid)") }

    /// A child has ended and was waited for: its number may be another's now.
    func remove(_ pid: pid_t) { write("- \(pid)") }

    private func write(_ line: String) {
        lock.withLock { _ in pipe?.write(Data((line + "\n").utf8)) }
    }
}
