import Memory

/// The beginning and the end of a snapshot file, read and checked against each other.
struct SnapshotEnds {
    let header: SnapshotHeader
    let entries: [SnapshotFormat.Entry]

    init(_ input: borrowing InputFile) throws(SnapshotError) {
        let path = input.path
        guard let frame = try SnapshotEnds.beginning(of: input) else {
            throw SnapshotError.damaged(path, "it is cut off")
        }
        let last = input.length - SnapshotFormat.endLength
        guard let (offset, manifest) = try SnapshotEnds.end(of: input, frame) else {
            throw SnapshotError.damaged(path, "its end is missing or not its own")
        }
        let first = SnapshotFormat.beginLength + Int(frame.packed)
        guard first <= offset, offset + Int(manifest.packed) == last else {
            throw SnapshotError.damaged(path, "its parts are not as long as they should be")
        }
        header = try SnapshotEnds.content(
            of: frame,
            at: SnapshotFormat.beginLength,
            in: input
        ) { reader throws(StateError) in try SnapshotHeader(&reader) }
        entries = try SnapshotEnds.content(
            of: manifest,
            at: offset,
            in: input
        ) { reader throws(StateError) in
            try SnapshotEnds.manifest(&reader, from: first, to: offset)
        }
    }

    /// What a frame says, as the closure reads it.
    private static func content<Content>(
        of frame: SnapshotFormat.Frame,
        at offset: Int,
        in input: borrowing InputFile,
        _ body: (inout StateReader) throws(StateError) -> Content
    ) throws(SnapshotError) -> Content {
        guard var unpacker = FrameUnpacker() else { throw SnapshotError.withoutMemory(input.path) }
        var packed = StateBuffer()
        try input.read(offset, Int(frame.packed), into: &packed)
        guard let bytes = unpacker.unpack(packed.bytes, length: Int(frame.length)) else {
            throw SnapshotError.damaged(input.path, "the frame at byte \(offset) is not sound")
        }
        var reader = StateReader(bytes)
        do throws(StateError) { return try body(&reader) } catch {
            throw SnapshotError(error, input.path)
        }
    }

    /// Lengths of the header; nil if the file ends before that.
    private static func beginning(
        of input: borrowing InputFile
    ) throws(SnapshotError) -> SnapshotFormat.Frame? {
        let path = input.path
        var begin = StateBuffer(room: 64)
        try input.read(0, min(input.length, SnapshotFormat.beginLength), into: &begin)
        var reader = StateReader(begin.bytes)
        guard let magic = try? reader.get(UInt64.self) else { return nil }
        guard magic == SnapshotFormat.magic else {
            throw SnapshotError(
                .notASnapshot,
                path,
                "\(path) is not a snapshot of Collie's: move it out of the folder"
            )
        }
        guard let version = try? reader.get(UInt32.self) else { return nil }
        guard version <= SnapshotFormat.version else {
            throw SnapshotError(
                .newerFormat,
                path,
                "snapshot \(path) has format \(version), and this version of Collie reads up to "
                    + "\(SnapshotFormat.version): start the version that wrote it, or move it away "
                    + "to use an older snapshot or the log"
            )
        }
        guard version == SnapshotFormat.version else {
            throw SnapshotError(
                .olderFormat,
                path,
                "snapshot \(path) has format \(version), and this version of Collie reads only "
                    + "\(SnapshotFormat.version): move it away and let the log be read from its "
                    + "beginning, or start the version that wrote it"
            )
        }
        guard let zero = try? reader.get(UInt32.self),
            let packed = try? reader.get(UInt32.self),
            let length = try? reader.get(UInt32.self)
        else { return nil }
        guard zero == 0, packed <= SnapshotFormat.pieceMax,
            length <= SnapshotFormat.pieceMax
        else { throw SnapshotError.damaged(path, "its beginning is not sound") }
        return SnapshotFormat.Frame(packed: packed, length: length)
    }

    /// Where the manifest stands; nil if the end is not that of this beginning.
    private static func end(
        of input: borrowing InputFile,
        _ header: SnapshotFormat.Frame
    ) throws(SnapshotError) -> (offset: Int, manifest: SnapshotFormat.Frame)? {
        let last = input.length - SnapshotFormat.endLength
        guard last >= SnapshotFormat.beginLength else { return nil }
        var end = StateBuffer(room: 64)
        try input.read(last, SnapshotFormat.endLength, into: &end)
        var reader = StateReader(end.bytes)
        guard let offset = try? reader.get(UInt64.self),
            let packed = try? reader.get(UInt32.self),
            let length = try? reader.get(UInt32.self),
            let digest = try? reader.get(UInt64.self),
            let magic = try? reader.get(UInt64.self),
            magic == SnapshotFormat.magicEnd
        else { return nil }
        let manifest = SnapshotFormat.Frame(packed: packed, length: length)
        guard digest == SnapshotFormat.digest(header: header, manifest: manifest, at: offset),
            offset <= UInt64(last), length <= SnapshotFormat.pieceMax
        else { return nil }
        return (Int(offset), manifest)
    }

    /// The pieces, which must stand one behind the other.
    private static func manifest(
        _ reader: inout StateReader,
        from first: Int,
        to last: Int
    ) throws(StateError) -> [SnapshotFormat.Entry] {
        var entries: [SnapshotFormat.Entry] = []
        var place = UInt64(first)
        for _ in 0..<(try reader.get(UInt32.self)) {
            let piece = StatePiece(
                section: try reader.get(UInt8.self),
                range: try reader.get(UInt8.self),
                count: try reader.get(UInt32.self)
            )
            let offset = try reader.get(UInt64.self)
            let frame = SnapshotFormat.Frame(
                packed: try reader.get(UInt32.self),
                length: try reader.get(UInt32.self)
            )
            let digest = try reader.get(UInt64.self)
            guard offset == place, frame.length <= SnapshotFormat.pieceMax else {
                throw .damaged("its pieces do not stand where they should")
            }
            place += UInt64(frame.packed)
            entries.append(
                SnapshotFormat.Entry(piece: piece, offset: offset, frame: frame, digest: digest)
            )
        }
        guard place == UInt64(last), reader.left == 0 else {
            throw .damaged("its pieces do not fill it")
        }
        return entries
    }
}
