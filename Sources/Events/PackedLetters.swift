/// Countries and currencies as numbers: their ASCII letters, upper case, high byte first.
package enum PackedLetters {
    /// A country of two letters, or nil if it is none.
    package static func country(_ code: String) -> UInt16? {
        guard let packed = pack(code, count: 2) else { return nil }
        return UInt16(packed)
    }

    /// A currency of three letters, or nil if it is none.
    package static func currency(_ code: String) -> UInt32? { pack(code, count: 3) }

    private static func pack(_ code: String, count: Int) -> UInt32? {
        guard code.utf8.count == count else { return nil }
        var packed: UInt32 = 0
        for byte in code.utf8 {
            let upper = byte & 0xdf
            guard upper >= 65, upper <= 90, byte >= 65 else { return nil }
            packed = packed << 8 | UInt32(upper)
        }
        return packed
    }

    /// The letters again.
    package static func letters(_ packed: UInt32) -> String {
        var text = ""
        for shift in [UInt32(16), 8, 0] {
            let byte = UInt8(truncatingIfNeeded: packed >> shift)
            if byte != 0 { text.append(Character(Unicode.Scalar(byte))) }
        }
        return text
    }
}
