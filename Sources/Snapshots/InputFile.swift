import Glibc
import Memory

/// A file that is read at any place.
@safe
struct InputFile: ~Copyable {
    let path: String
    let length: Int
    private var descriptor: Int32
    private var isOwned: Bool

    /// Opens a file.
    init(_ path: String) throws(SnapshotError) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        isOwned = descriptor >= 0
        var status = stat()
        guard descriptor >= 0, unsafe fstat(descriptor, &status) == 0 else {
            length = 0
            throw InputFile.failure(path)
        }
        length = Int(status.st_size)
    }

    /// Reads from a file that somebody else closes.
    init(lent descriptor: Int32, _ path: String, length: Int) {
        self.path = path
        self.length = length
        self.descriptor = descriptor
        isOwned = false
    }

    deinit { if isOwned { _ = close(descriptor) } }

    /// Hands the open file to the caller, who closes it.
    consuming func keep() -> Int32 {
        isOwned = false
        return descriptor
    }

    private static func failure(_ path: String) -> SnapshotError {
        SnapshotError(
            .system,
            path,
            "cannot read snapshot \(path): \(systemReason()); let Collie read it, or move it away"
        )
    }

    /// Reads so many bytes from a place, which must be there.
    func read(
        _ offset: Int,
        _ count: Int,
        into buffer: inout StateBuffer
    ) throws(SnapshotError) {
        guard offset >= 0, count >= 0, offset + count <= length else {
            throw SnapshotError.damaged(path, "it is cut off")
        }
        buffer.removeAll()
        let descriptor = descriptor
        var isCutOff = false
        let isRead = unsafe buffer.fill(count) { memory in
            var done = 0
            while done < count {
                // What is left of memory that is lent for the call.
                let got = unsafe pread(
                    descriptor,
                    memory.baseAddress.map { unsafe $0 + done },
                    count - done,
                    off_t(offset + done)
                )
                if got < 0 {
                    if errno == EINTR { continue }
                    return false
                }
                if got == 0 {
                    isCutOff = true
                    return false
                }
                done += got
            }
            return true
        }
        if isCutOff { throw SnapshotError.damaged(path, "it is cut off") }
        guard isRead else { throw InputFile.failure(path) }
    }
}
