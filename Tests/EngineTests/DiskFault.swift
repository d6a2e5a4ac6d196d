import Foundation
import Glibc
import Snapshots
import Synchronization
import Testing

/// What a disk can do to an engine that saves its state there.
enum DiskFault: CaseIterable, CustomTestStringConvertible {
    case isFull
    case fillsUp
    case breaks
    case takesAThird
    case doesNotSync
    case isReadOnly
    case isNoFolder
    case takesTheSaverWithIt

    var testDescription: String { "the disk \(self)" }

    /// What an operator is told; nil if a snapshot can be made in spite of it.
    var complaint: String? {
        switch self {
        case .isFull, .fillsUp: "No space left on device"
        case .breaks, .doesNotSync: "Input/output error"
        case .isReadOnly: "Read-only file system"
        case .isNoFolder: "Not a directory"
        case .takesAThird: nil
        case .takesTheSaverWithIt: "the process that wrote it died"
        }
    }

    /// A folder on such a disk.
    func folder(_ path: String) -> SnapshotFolder {
        if self == .isNoFolder { return SnapshotFolder("/dev/null/\(path)") }
        var folder = SnapshotFolder(path)
        let system = SystemCalls()
        let calls = Counter()
        let process = getpid()
        switch self {
        case .isFull: unsafe folder.calls.write = { _, _ in refuse(ENOSPC) }
        case .fillsUp:
            unsafe folder.calls.write = { descriptor, bytes in
                // All, then what fits, then nothing more.
                switch calls.next() {
                case ..<5: unsafe system.write(descriptor, bytes)
                case 5: unsafe system.write(descriptor, part(of: bytes, 2))
                default: refuse(ENOSPC)
                }
            }
        case .breaks:
            unsafe folder.calls.write = { descriptor, bytes in
                calls.next() < 9 ? unsafe system.write(descriptor, bytes) : refuse(EIO)
            }
        case .takesAThird:
            unsafe folder.calls.write = { unsafe system.write($0, part(of: $1, 3)) }
        case .doesNotSync: folder.calls.sync = { _ in Int32(refuse(EIO)) }
        case .isReadOnly: folder.calls.rename = { _, _ in Int32(refuse(EROFS)) }
        case .takesTheSaverWithIt:
            unsafe folder.calls.write = { descriptor, bytes in
                // Never the process of the tests.
                if getpid() != process, calls.next() == 7 { kill(getpid(), SIGKILL) }
                return unsafe system.write(descriptor, bytes)
            }
        case .isNoFolder: break
        }
        return folder
    }
}

private func part(of bytes: UnsafeRawBufferPointer, _ divisor: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(rebasing: bytes.prefix(max(1, bytes.count / divisor)))
}

private func refuse(_ reason: Int32) -> Int {
    errno = reason
    return -1
}

private final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    /// How often it was asked before.
    func next() -> Int { count.add(1, ordering: .relaxed).oldValue }
}
