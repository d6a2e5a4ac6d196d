// A capture file, all numbers little-endian:
//
//     magic (8 bytes), format version (4), zero (4)
//     chunks: each an LZ4 frame with records of one partition, in the order of their offsets
//     manifest: an LZ4 frame, JSON that says of which topic they are and lists the chunks
//     offset of the manifest (8), its length, packed and not (4 each), digest of these and of the
//     first 16 bytes (8), magic backwards (8)
//
// Every frame carries checksums of its blocks, and the manifest a digest of each chunk's content. A
// file that was cut off has no end, and no byte is without a check. Chunks of a partition have its
// records in order and those of different partitions stand as they came, so that writing takes one
// chunk a partition of memory, and so does reading all of them merged by time.
//
// A record in its chunk: flags (1), offset and time as differences from the record before, then the
// key, the packed headers and the value, each behind its length. Numbers are LEB128, signed ones in
// zigzag.

enum CaptureFormat {
    static let version: UInt32 = 1
    static let magic: UInt64 = 0x0a1a_7061_636c_6f63
    static let magicEnd = magic.byteSwapped
    static let beginLength = 16
    static let endLength = 32
    /// A chunk is handed to the file when it has grown to this.
    static let chunkSize = 256 << 10
    /// A chunk or manifest is never longer, packed or not: a length beyond it is damage.
    static let frameMax = 1 << 28

    static let hasKey: UInt8 = 1
    static let hasHeaders: UInt8 = 2
    static let hasValue: UInt8 = 4
    static let hasTime: UInt8 = 8
}

/// What a capture file holds, and where.
package struct CaptureManifest: Codable, Equatable, Sendable {
    /// The topic that was captured.
    package var topic: String
    /// How many partitions it had.
    package var partitions: Int
    /// When, as RFC 3339.
    package var capturedAt: String
    /// The chunks in the order of the file.
    package var chunks: [Chunk] = []

    /// A run of records of one partition.
    package struct Chunk: Codable, Equatable, Sendable {
        /// The partition.
        package var partition: Int32
        /// How many records.
        package var records: Int
        /// The first record's offset in its partition.
        package var firstOffset: Int64
        /// The last record's.
        package var lastOffset: Int64
        /// The earliest record's time, in milliseconds since 1970; nil if no record has one.
        package var firstTime: Int64?
        /// The latest record's.
        package var lastTime: Int64?
        /// Where the frame stands in the file.
        var place: Int
        /// The frame's length.
        var packed: Int
        /// The content's length.
        var length: Int
        /// The content's digest.
        var digest: UInt64
    }

    private enum CodingKeys: String, CodingKey {
        case topic, partitions, chunks
        case capturedAt = "captured_at"
    }

    /// How many records there are.
    package var records: Int { chunks.reduce(0) { $0 + $1.records } }
    /// The time of the earliest record; nil if none has one.
    package var firstTime: Int64? { chunks.compactMap(\.firstTime).min() }
    /// The time of the latest record; nil if none has one.
    package var lastTime: Int64? { chunks.compactMap(\.lastTime).max() }
}

/// Why a capture cannot be written or used, as a sentence that says what to do.
package struct CaptureError: Error, Equatable, CustomStringConvertible {
    /// The sentence.
    package let description: String

    static func damaged(_ path: String, _ what: String) -> CaptureError {
        CaptureError(description: "\(path) is damaged: \(what); capture it again")
    }
}
