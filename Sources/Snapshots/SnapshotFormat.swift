import Memory

// A snapshot file, all numbers little-endian:
//
//     magic (8 bytes), format version (4), zero (4), length of the header, packed and not (8)
//     header: an LZ4 frame
//     pieces of state: each one LZ4 frame
//     manifest: an LZ4 frame that lists the pieces
//     offset of the manifest (8), its length, packed and not (8), digest of both and of the first
//     24 bytes (8), magic backwards (8)
//
// Every frame carries checksums of its blocks; the manifest says where every piece must stand and
// what the digest of its content is, and the end says where the manifest stands. A file that was cut
// off has no end, and no byte is without a check.

enum SnapshotFormat {
    /// What is read and written; a change of the pieces' meaning makes a new one.
    static let version: UInt32 = 3
    static let magic: UInt64 = 0x0a1a_6569_6c6c_6f63
    static let magicEnd: UInt64 = magic.byteSwapped
    static let beginLength = 24
    static let endLength = 32
    /// A piece is never longer, packed or not: a length beyond it is damage.
    static let pieceMax = 1 << 30

    /// What the end says of the beginning and of itself.
    static func digest(header: Frame, manifest: Frame, at offset: UInt64) -> UInt64 {
        var digest = Digest()
        digest.add(magic)
        digest.add(UInt64(version))
        digest.add(UInt64(header.packed) << 32 | UInt64(header.length))
        digest.add(offset)
        digest.add(UInt64(manifest.packed) << 32 | UInt64(manifest.length))
        return digest.value
    }

    /// How long a frame is, packed and not.
    struct Frame: BitwiseCopyable, Equatable {
        var packed: UInt32 = 0
        var length: UInt32 = 0
    }

    /// One piece as the manifest lists it.
    struct Entry: BitwiseCopyable {
        var piece: StatePiece
        var offset: UInt64
        var frame: Frame
        var digest: UInt64
    }
}

/// A digest of bytes: eight at a time in four lanes, mixed by long multiplication.
///
/// Told apart are accidents, not forgeries.
package struct Digest {
    /// The digest of everything added so far.
    package private(set) var value: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// The digest of nothing.
    package init() {}

    private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }

    /// Adds a number.
    package mutating func add(_ number: UInt64) {
        value = Digest.mix(value ^ number, 0xa076_1d64_78bd_642f)
    }

    /// Adds bytes.
    package mutating func add(_ bytes: RawSpan) {
        let count = bytes.byteCount
        var offset = 0
        var (a, b) = (value ^ 0xe703_7ed1_a0b4_28db, value ^ 0x8ebc_6af0_9c88_c6e3)
        var (c, d) = (value ^ 0x5899_65cc_7537_4cc3, value ^ 0x1d8e_4e27_c47d_124f)
        func word(_ place: Int) -> UInt64 {
            // The callers keep the place within the bytes.
            unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self)
        }
        while offset &+ 32 <= count {
            a = Digest.mix(a ^ word(offset), 0xa076_1d64_78bd_642f)
            b = Digest.mix(b ^ word(offset &+ 8), 0xe703_7ed1_a0b4_28db)
            c = Digest.mix(c ^ word(offset &+ 16), 0x8ebc_6af0_9c88_c6e3)
            d = Digest.mix(d ^ word(offset &+ 24), 0x5899_65cc_7537_4cc3)
            offset &+= 32
        }
        value = a
        add(b)
        add(c)
        add(d)
        while offset &+ 8 <= count {
            add(word(offset))
            offset &+= 8
        }
        var rest: UInt64 = 0
        while offset < count {
            // In bounds by the loop's condition.
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            rest = rest << 8 | UInt64(byte)
            offset &+= 1
        }
        add(rest)
        add(UInt64(count))
    }
}
