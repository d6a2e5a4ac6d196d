import Glibc
package import Memory

/// What was written.
package struct SnapshotSummary: Sendable, Equatable {
    /// The file.
    package var path: String
    /// Its length.
    package var bytes: Int
    /// Bytes of state before packing.
    package var unpackedBytes: Int
    /// Profiles in it.
    package var profiles: Int
    /// How long it took.
    package var seconds: Double
}

/// Writes one snapshot: to a file of another name, which gets its own when it is whole and on the
/// disk.
///
/// Owned by one thread; takes no lock and asks for nothing but memory and the file, so it works in
/// a forked child. After a refusal of the system it takes nothing more. A file that does not get as
/// far as its name is removed.
package struct SnapshotWriter: ~Copyable, StateSink {
    private let path: String
    private let partialPath: String
    private let folder: String
    private let calls: SystemCalls
    private var descriptor: Int32
    private var packer = FramePacker()
    private var buffer = StateBuffer()
    private var entries = GrowingBuffer<SnapshotFormat.Entry>(room: 1 << 12)
    private var header = SnapshotFormat.Frame()
    private var offset: UInt64 = 0
    private var unpacked = 0
    /// What went wrong first.
    package private(set) var failure: SnapshotError?

    init(
        folder: String,
        name: String,
        header: SnapshotHeader,
        calls: SystemCalls
    ) throws(SnapshotError) {
        self.folder = folder
        self.calls = calls
        path = folder + "/" + name
        partialPath = path + SnapshotFolder.partialSuffix
        descriptor = unsafe open(partialPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        if descriptor < 0 {
            throw SnapshotError(
                .system,
                partialPath,
                "cannot write snapshot \(partialPath): \(systemReason())"
            )
        }
        begin(header)
    }

    deinit {
        if descriptor >= 0 {
            _ = close(descriptor)
            _ = unsafe unlink(partialPath)
        }
    }

    private mutating func begin(_ header: SnapshotHeader) {
        // Its lengths stand before it, so it is packed first.
        var text = StateBuffer()
        header.write(into: &text)
        var packed = StateBuffer()
        if let frame = packer.pack(text.bytes) { packed.put(frame) }
        guard packed.count > 0 else { return fail("LZ4 refuses the header") }
        self.header.packed = UInt32(packed.count)
        self.header.length = UInt32(text.count)
        buffer.removeAll()
        buffer.put(SnapshotFormat.magic)
        buffer.put(SnapshotFormat.version)
        buffer.put(UInt32(0))
        buffer.put(self.header.packed)
        buffer.put(self.header.length)
        buffer.put(packed.bytes)
        note(SnapshotWriter.write(buffer.bytes, to: descriptor, calls), buffer.count)
    }

    /// Takes a piece of state; false once anything has gone wrong.
    package mutating func take(_ piece: StatePiece, _ bytes: RawSpan) -> Bool {
        guard failure == nil else { return false }
        guard bytes.byteCount < SnapshotFormat.pieceMax else {
            fail("a piece of state is too long")
            return false
        }
        var digest = Digest()
        digest.add(bytes)
        let begin = offset
        pack(bytes)
        entries.append(
            SnapshotFormat.Entry(
                piece: piece,
                offset: begin,
                frame: SnapshotFormat.Frame(
                    packed: UInt32(offset - begin),
                    length: UInt32(bytes.byteCount)
                ),
                digest: digest.value
            )
        )
        unpacked += bytes.byteCount
        return failure == nil
    }

    /// Writes the end, brings all of it to the disk and gives the file its name.
    mutating func finish() throws(SnapshotError) -> (path: String, bytes: Int, unpacked: Int) {
        let begin = offset
        var list = StateBuffer()
        list.put(UInt32(entries.count))
        for index in 0..<entries.count {
            let entry = entries[index]
            list.put(entry.piece.section)
            list.put(entry.piece.range)
            list.put(entry.piece.count)
            list.put(entry.offset)
            list.put(entry.frame.packed)
            list.put(entry.frame.length)
            list.put(entry.digest)
        }
        var manifest = SnapshotFormat.Frame(packed: 0, length: UInt32(list.count))
        pack(list.bytes)
        manifest.packed = UInt32(offset - begin)
        buffer.removeAll()
        buffer.put(begin)
        buffer.put(manifest.packed)
        buffer.put(manifest.length)
        buffer.put(SnapshotFormat.digest(header: header, manifest: manifest, at: begin))
        buffer.put(SnapshotFormat.magicEnd)
        note(SnapshotWriter.write(buffer.bytes, to: descriptor, calls), buffer.count)
        try bringToDisk()
        return (path, Int(offset), unpacked)
    }

    private mutating func bringToDisk() throws(SnapshotError) {
        if failure == nil, calls.sync(descriptor) < 0 { fail(systemReason()) }
        if failure == nil, calls.rename(partialPath, path) < 0 { fail(systemReason()) }
        if let failure { throw failure }
        _ = close(descriptor)
        descriptor = -1
        // The name is the folder's, so it lasts when the folder does.
        let directory = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else {
            fail(systemReason())
            throw failure ?? SnapshotError(.system, folder, systemReason())
        }
        let result = calls.sync(directory)
        if result < 0 { fail(systemReason()) }
        _ = close(directory)
        if let failure { throw failure }
    }

    // MARK: Bytes

    private mutating func pack(_ bytes: RawSpan) {
        guard failure == nil else { return }
        let result: (reason: String?, count: Int)
        if let frame = packer.pack(bytes) {
            result = (SnapshotWriter.write(frame, to: descriptor, calls), frame.byteCount)
        } else {
            result = ("LZ4 refuses a piece", 0)
        }
        note(result.reason, result.count)
    }

    private mutating func note(_ reason: String?, _ count: Int) {
        if let reason { fail(reason) }
        offset += UInt64(count)
    }

    /// Writes all bytes; answers what the system says against it.
    private static func write(
        _ bytes: RawSpan,
        to descriptor: Int32,
        _ calls: SystemCalls
    ) -> String? {
        unsafe bytes.withUnsafeBytes { source in
            var begin = 0
            while begin < source.count {
                // What is left of memory that is borrowed for the call.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: source[begin...])
                let count = unsafe calls.write(descriptor, rest)
                if count < 0 {
                    if errno == EINTR { continue }
                    return systemReason()
                }
                begin += count
            }
            return nil
        }
    }

    private mutating func fail(_ reason: String) {
        guard failure == nil else { return }
        failure = SnapshotError(
            .system,
            path,
            "cannot write snapshot \(path): \(reason); the last one stays in force"
        )
    }
}
