import Foundation
import Snapshots

/// Writes a capture file.
///
/// Owned by one thread; holds one chunk a partition. The file is whole after `close` and refused by
/// every reader before that.
package final class CaptureWriter {
    private let path: String
    private let file: FileHandle
    private var place = CaptureFormat.beginLength
    private var open: [Int32: CaptureChunkWriter] = [:]
    private var packer = FramePacker()
    /// What was written so far.
    package private(set) var manifest: CaptureManifest
    /// Records so far.
    package private(set) var records = 0
    /// Bytes the file has so far.
    package var bytes: Int { place }

    /// Makes the file, which must not exist: a capture is never written over.
    package init(path: String, topic: String, partitions: Int, at time: String) throws(CaptureError)
    {
        self.path = path
        manifest = CaptureManifest(topic: topic, partitions: partitions, capturedAt: time)
        if FileManager.default.fileExists(atPath: path) {
            throw CaptureError(description: "\(path) is there already; name another file")
        }
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else {
            throw CaptureError(
                description: "cannot write \(path); is its folder there, and may we write in it?"
            )
        }
        self.file = file
        var begin: [UInt8] = []
        begin.append(number: CaptureFormat.magic, bytes: 8)
        begin.append(number: UInt64(CaptureFormat.version), bytes: 8)
        try hand(Data(begin))
    }

    /// Adds a record; those of a partition come in the order of their offsets.
    package func add(_ record: TrafficRecord) throws(CaptureError) {
        let partition = record.partition ?? 0
        open[partition, default: CaptureChunkWriter()].add(record)
        records += 1
        if open[partition]!.bytes.count >= CaptureFormat.chunkSize { try end(partition) }
    }

    /// Writes what is still held and the manifest; nothing can be added after it.
    package func close() throws(CaptureError) {
        for partition in open.keys.sorted() { try end(partition) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let text = try? encoder.encode(manifest) else {
            throw CaptureError(description: "cannot write what \(path) holds")
        }
        let manifestPlace = place
        let packed = try write(Array(text))
        var end: [UInt8] = []
        end.append(number: UInt64(manifestPlace), bytes: 8)
        end.append(number: UInt64(packed), bytes: 4)
        end.append(number: UInt64(text.count), bytes: 4)
        let digest = captureDigest(end: end)
        end.append(number: digest, bytes: 8)
        end.append(number: CaptureFormat.magicEnd, bytes: 8)
        try hand(Data(end))
        do {
            try file.synchronize()
            try file.close()
        } catch { throw failure(error) }
        place += end.count
    }

    private func end(_ partition: Int32) throws(CaptureError) {
        guard let chunk = open[partition], chunk.records > 0 else { return }
        var digest = Digest()
        digest.add(chunk.bytes.raw)
        let begin = place
        let packed = try write(chunk.bytes)
        manifest.chunks.append(
            CaptureManifest.Chunk(
                partition: partition,
                records: chunk.records,
                firstOffset: chunk.firstOffset,
                lastOffset: chunk.lastOffset,
                firstTime: chunk.firstTime,
                lastTime: chunk.lastTime,
                place: begin,
                packed: packed,
                length: chunk.bytes.count,
                digest: digest.value
            )
        )
        open[partition]!.removeAll()
    }

    /// Writes a frame; answers its length.
    private func write(_ content: [UInt8]) throws(CaptureError) -> Int {
        guard let frame = CaptureWriter.frame(of: content, &packer) else {
            throw CaptureError(description: "LZ4 could not compress \(path)")
        }
        try hand(Data(frame))
        place += frame.count
        return frame.count
    }

    private static func frame(of content: [UInt8], _ packer: inout FramePacker) -> [UInt8]? {
        guard let frame = packer.pack(content.raw) else { return nil }
        return Array(copying: frame)
    }

    private func hand(_ data: Data) throws(CaptureError) {
        do { try file.write(contentsOf: data) } catch { throw failure(error) }
    }

    private func failure(_ error: any Error) -> CaptureError {
        CaptureError(description: "cannot write \(path): \(error.localizedDescription)")
    }
}

/// What the end says of itself and of the beginning.
func captureDigest(end: [UInt8]) -> UInt64 {
    var digest = Digest()
    digest.add(CaptureFormat.magic)
    digest.add(UInt64(CaptureFormat.version))
    digest.add(end.raw)
    return digest.value
}

extension [UInt8] {
    /// Adds a number, little-endian.
    mutating func append(number: UInt64, bytes: Int) {
        for index in 0..<bytes { append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
    }

    /// The number at a place, little-endian.
    func number(at place: Int, bytes: Int) -> UInt64 {
        (0..<bytes).reduce(0) { $0 | UInt64(self[place + $1]) << UInt64(8 * $1) }
    }
}
