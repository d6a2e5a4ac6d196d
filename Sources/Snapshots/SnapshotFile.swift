import Glibc
package import Memory

/// A snapshot that can be read: its ends are whole and its header is known.
///
/// What it holds is checked piece by piece as it is read. Several threads may read at a time, each
/// with memory of its own.
package final class SnapshotFile: Sendable {
    /// Where it is.
    package let path: String
    /// What it says of itself.
    package let header: SnapshotHeader
    /// Its length.
    package let bytes: Int
    private let descriptor: Int32
    private let entries: [SnapshotFormat.Entry]

    /// Opens a file and reads its ends.
    package init(path: String) throws(SnapshotError) {
        let input = try InputFile(path)
        let ends = try SnapshotEnds(input)
        self.path = path
        header = ends.header
        entries = ends.entries
        bytes = input.length
        descriptor = input.keep()
    }

    deinit { _ = close(descriptor) }

    /// A digest of what it holds in a section, and in a range of one that is divided.
    ///
    /// Two instances that have read the same log have the same digests.
    package func digest(section: UInt8, range: UInt8 = 0) -> UInt64 {
        var digest = Digest()
        for entry in entries where entry.piece.section == section && entry.piece.range == range {
            digest.add(entry.digest)
        }
        return digest.value
    }

    /// How many records a section has, over all ranges.
    package func count(section: UInt8) -> Int {
        entries.reduce(0) { $1.piece.section == section ? $0 + Int($1.piece.count) : $0 }
    }

    /// Bytes of a section before and after packing.
    package func size(section: UInt8) -> (unpacked: Int, packed: Int) {
        var size = (unpacked: 0, packed: 0)
        for entry in entries where entry.piece.section == section {
            size.unpacked += Int(entry.frame.length)
            size.packed += Int(entry.frame.packed)
        }
        return size
    }

    /// Hands the wanted pieces on, in the order in which they were written; each is sound.
    package func read<Taker: StateTaker & ~Copyable>(
        into taker: inout Taker
    ) throws(SnapshotError) {
        guard var unpacker = FrameUnpacker() else { throw SnapshotError.withoutMemory(path) }
        var packed = StateBuffer(room: 1 << 19)
        let input = InputFile(lent: descriptor, path, length: bytes)
        taker.expect { count(section: $0) }
        for entry in entries where taker.wants(entry.piece) {
            try input.read(Int(entry.offset), Int(entry.frame.packed), into: &packed)
            guard let content = unpacker.unpack(packed.bytes, length: Int(entry.frame.length))
            else {
                throw SnapshotError.damaged(path, "the piece at byte \(entry.offset) is not sound")
            }
            var digest = Digest()
            digest.add(content)
            guard digest.value == entry.digest else {
                throw SnapshotError.damaged(path, "the piece at byte \(entry.offset) is another")
            }
            do throws(StateError) { try taker.load(entry.piece, content) } catch {
                throw SnapshotError(error, path)
            }
        }
    }
}

/// What saved state is loaded into.
package protocol StateTaker: ~Copyable {
    /// Makes ready for so many records of each section, as the closure says; called first.
    mutating func expect(_ count: (UInt8) -> Int)
    /// Whether a piece holds anything for it.
    func wants(_ piece: StatePiece) -> Bool
    /// Takes in a piece.
    mutating func load(_ piece: StatePiece, _ bytes: RawSpan) throws(StateError)
}

extension SnapshotError {
    static func withoutMemory(_ path: String) -> SnapshotError {
        SnapshotError(.system, path, "there is no memory to read snapshot \(path)")
    }
}
