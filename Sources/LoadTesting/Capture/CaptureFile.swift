import Foundation
import Snapshots

/// A capture file that can be read: its ends are whole and its manifest is known.
///
/// Used by one thread.
package final class CaptureFile {
    /// What it holds.
    package let manifest: CaptureManifest
    /// Its length in bytes.
    package let bytes: Int
    private let path: String
    private let file: FileHandle
    private var unpacker: FrameUnpacker

    /// Opens a file and reads its ends.
    package init(path: String) throws(CaptureError) {
        guard let file = FileHandle(forReadingAtPath: path), let unpacker = FrameUnpacker() else {
            throw CaptureError(description: "cannot read \(path); is it there, and may we read it?")
        }
        self.path = path
        self.file = file
        self.unpacker = unpacker
        do { bytes = Int(try file.seekToEnd()) } catch {
            throw CaptureError(
                description: "cannot read \(path); it is no ordinary file that can be read twice"
            )
        }
        let begin = CaptureFormat.beginLength
        guard bytes >= begin,
            let first = CaptureFile.read(file, 0, begin),
            first.number(at: 0, bytes: 8) == CaptureFormat.magic
        else {
            throw CaptureError(
                description: "\(path) is no capture; `collie capture` makes one of a topic"
            )
        }
        let version = first.number(at: 8, bytes: 8)
        guard version == CaptureFormat.version else {
            throw CaptureError(
                description: """
                    \(path) is of format \(version), and this Collie reads \(CaptureFormat.version); \
                    use the version that wrote it, or capture again
                    """
            )
        }
        let endPlace = bytes - CaptureFormat.endLength
        guard endPlace >= begin,
            let end = CaptureFile.read(file, endPlace, CaptureFormat.endLength),
            end.number(at: 24, bytes: 8) == CaptureFormat.magicEnd
        else {
            throw CaptureError.damaged(
                path,
                "it has no end, so it was cut off or its capture did not finish"
            )
        }
        let place = Int(truncatingIfNeeded: end.number(at: 0, bytes: 8))
        let packed = Int(end.number(at: 8, bytes: 4))
        let length = Int(end.number(at: 12, bytes: 4))
        guard captureDigest(end: Array(end[..<16])) == end.number(at: 16, bytes: 8),
            place >= begin, place + packed == endPlace, length <= CaptureFormat.frameMax
        else { throw CaptureError.damaged(path, "its end is not sound") }
        guard
            let text = CaptureFile.content(file, &self.unpacker, place, packed, length),
            let manifest = try? JSONDecoder().decode(CaptureManifest.self, from: Data(text))
        else { throw CaptureError.damaged(path, "the list of what it holds is not sound") }
        self.manifest = manifest
        var expected = begin
        for chunk in manifest.chunks {
            // Without gaps between them no byte is without a check.
            guard chunk.place == expected, chunk.packed > 0, chunk.length <= CaptureFormat.frameMax
            else { throw CaptureError.damaged(path, "the list of what it holds is not sound") }
            expected += chunk.packed
        }
        guard expected == place else {
            throw CaptureError.damaged(path, "the list of what it holds is not sound")
        }
    }

    /// Reads everything once; throws if a byte is not as it was written.
    package func verify() throws(CaptureError) {
        for chunk in manifest.chunks {
            var reader = try read(chunk)
            var count = 0
            while reader.next() != nil { count += 1 }
            guard reader.isAtEnd, count == chunk.records else {
                throw CaptureError.damaged(path, "the chunk at byte \(chunk.place) is not sound")
            }
        }
    }

    /// The records of a chunk.
    func read(_ chunk: CaptureManifest.Chunk) throws(CaptureError) -> CaptureChunkReader {
        guard
            let content = CaptureFile.content(
                file,
                &unpacker,
                chunk.place,
                chunk.packed,
                chunk.length
            )
        else { throw CaptureError.damaged(path, "the chunk at byte \(chunk.place) is not sound") }
        var digest = Digest()
        digest.add(content.raw)
        guard digest.value == chunk.digest else {
            throw CaptureError.damaged(path, "the chunk at byte \(chunk.place) is another")
        }
        return CaptureChunkReader(content, partition: chunk.partition)
    }

    private static func content(
        _ file: FileHandle,
        _ unpacker: inout FrameUnpacker,
        _ place: Int,
        _ packed: Int,
        _ length: Int
    ) -> [UInt8]? {
        guard let frame = read(file, place, packed),
            let content = unpacker.unpack(frame.raw, length: length)
        else { return nil }
        return Array(copying: content)
    }

    /// Bytes at a place; nil if they are not there.
    private static func read(_ file: FileHandle, _ place: Int, _ count: Int) -> [UInt8]? {
        guard (try? file.seek(toOffset: UInt64(place))) != nil,
            let data = try? file.read(upToCount: count), data.count == count
        else { return nil }
        return Array(data)
    }
}

/// The records of a capture, those of all partitions merged by time.
///
/// Within a partition they keep their order, whatever their times say. Holds one chunk a partition.
package struct CaptureTraffic: Traffic {
    private let file: CaptureFile
    private var partitions: [Partition]

    private struct Partition {
        var chunks: ArraySlice<CaptureManifest.Chunk>
        var reader: CaptureChunkReader?
        var next: TrafficRecord?
        // Never runs back, so that a record with an early time does not overtake.
        var time = Int64.min
    }

    /// Begins at the first record.
    package init(_ file: CaptureFile) throws(CaptureError) {
        self.file = file
        let chunks = Dictionary(grouping: file.manifest.chunks, by: \.partition)
        partitions = chunks.sorted { $0.key < $1.key }.map { Partition(chunks: $0.value[...]) }
        for index in partitions.indices { try advance(index) }
    }

    /// The next record, with the time at which it is to be played.
    package mutating func next() throws(CaptureError) -> TrafficRecord? {
        var first: Int?
        for index in partitions.indices where partitions[index].next != nil {
            if let other = first, partitions[other].time <= partitions[index].time { continue }
            first = index
        }
        guard let first, var record = partitions[first].next else { return nil }
        record.time = partitions[first].time
        try advance(first)
        return record
    }

    private mutating func advance(_ index: Int) throws(CaptureError) {
        while true {
            if let record = partitions[index].reader?.next() {
                partitions[index].time = max(partitions[index].time, record.time ?? .min)
                partitions[index].next = record
                return
            }
            guard let chunk = partitions[index].chunks.popFirst() else {
                partitions[index].next = nil
                return
            }
            partitions[index].reader = try file.read(chunk)
        }
    }
}
