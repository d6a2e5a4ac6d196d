import Events

extension RawSpan {
    /// The byte at an offset, checked.
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        // Any bits are a byte; the offset is checked by the call.
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Whether all bytes are ASCII.
    var isASCII: Bool {
        var index = 0
        var bits: UInt64 = 0
        while index + 8 <= byteCount {
            // Within bounds, checked by the call; any bits are a number.
            bits |= unsafe unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < byteCount {
            bits |= UInt64(byte(index))
            index += 1
        }
        return bits & 0x8080_8080_8080_8080 == 0
    }

    /// Up to eight bytes as a number, the first the least; 0 for more of them.
    var shortWord: UInt64 {
        guard byteCount <= 8 else { return 0 }
        var word: UInt64 = 0
        for index in 0..<byteCount { word |= UInt64(byte(index)) << UInt64(8 * index) }
        return word
    }

    /// Eight bytes from an offset on as a number, checked.
    @inline(__always)
    func word(at offset: Int) -> UInt64 {
        // Any bits are a number; the offset is checked by the call.
        unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// Mixes length and bytes into a hash, eight bytes at a time: by the two halves of a product,
    /// as `TextStore` does.
    func mix(into hash: inout UInt64) {
        var product = (hash ^ UInt64(byteCount)).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
        hash = product.high ^ product.low
        var index = 0
        while index + 8 <= byteCount {
            // Within bounds, checked by the call; any bits are a number.
            let word = unsafe unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            product = (hash ^ word).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
            hash = product.high ^ product.low
            index += 8
        }
        var rest: UInt64 = 0
        if byteCount >= 8 {
            // The last eight bytes, some of them once more.
            rest = unsafe unsafeLoadUnaligned(fromByteOffset: byteCount - 8, as: UInt64.self)
        } else {
            while index < byteCount {
                rest = rest << 8 | UInt64(byte(index))
                index += 1
            }
        }
        product = (hash ^ rest).multipliedFullWidth(by: 0x8ebc_6af0_9c88_c6e3)
        hash = product.high ^ product.low
    }

    /// Whether the bytes are a word of ASCII, whatever the case; the word is in lower case.
    func isWord(_ word: StaticString) -> Bool {
        guard byteCount == word.utf8CodeUnitCount else { return false }
        for index in 0..<byteCount {
            // Below the word's count.
            let wanted = unsafe word.utf8Start[index]
            if lowered(byte(index)) != wanted { return false }
        }
        return true
    }
}

/// An ASCII letter in lower case; other bytes as they are.
@inline(__always)
func lowered(_ byte: UInt8) -> UInt8 {
    byte &- 65 < 26 ? byte | 0x20 : byte
}

extension Text {
    /// The text without blanks around it (ASCII's).
    @inline(__always)
    func trimmed(in block: EventBlock) -> Text {
        guard length > 0 else { return .none }
        let bytes = block.bytes(of: self)
        // Nearly all have none.
        if bytes.byte(0) > 32, bytes.byte(bytes.byteCount - 1) > 32 { return self }
        var first = 0
        var end = bytes.byteCount
        while first < end, bytes.byte(first) <= 32 { first += 1 }
        while end > first, bytes.byte(end - 1) <= 32 { end -= 1 }
        return Text(offset: offset + UInt32(first), length: UInt32(end - first))
    }
}
