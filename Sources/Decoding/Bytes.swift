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
