/// A hash of words and bytes, the same on every machine (FNV-1a with a stir).
struct Digest {
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ word: Int64) {
        hash = (hash ^ UInt64(bitPattern: word)) &* 0x0000_0100_0000_01b3
        hash ^= hash >> 29
    }

    mutating func add(_ bytes: [UInt8]) {
        // Bytes have no padding between them.
        unsafe add(bytes.span.bytes)
    }

    mutating func add(_ bytes: RawSpan) {
        // Copied into words while the span is there.
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            add(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Int64.self))
            offset += 8
        }
        while offset < bytes.byteCount {
            add(Int64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)))
            offset += 1
        }
        add(Int64(bytes.byteCount))
    }
}
