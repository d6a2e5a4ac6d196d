import Events

/// Knows what an inbound text asks for (CO-5).
///
/// Its words without punctuation, case and needless blanks are looked up as a whole; anything else
/// is for a human.
struct KeywordTable {
    /// Longer texts are no keywords.
    static let textMax = 64

    private let words: WordTable

    init(_ keywords: [String: InboundKeyword]) {
        words = WordTable(
            keywords.sorted { $0.key < $1.key }.map { ($0.key, Int32($0.value.rawValue)) }
        )
    }

    func find(_ text: RawSpan) -> InboundKeyword {
        var normal = InlineArray<64, UInt8>(repeating: 0)
        var count = 0
        var isBlank = false
        var index = 0
        while index < text.byteCount {
            let byte = text.byte(index)
            let length = KeywordTable.blankLength(text, index)
            if length > 0 {
                isBlank = true
                index += length
                continue
            }
            let skipped = KeywordTable.punctuationLength(text, index)
            if skipped > 0 {
                index += skipped
                continue
            }
            if isBlank, count > 0 {
                guard count < KeywordTable.textMax else { return .other }
                normal[count] = 32
                count += 1
            }
            isBlank = false
            guard count < KeywordTable.textMax else { return .other }
            normal[count] = byte
            count += 1
            index += 1
        }
        guard count > 0 else { return .other }
        // Bytes have no padding between them.
        let found = unsafe words.find(normal.span.bytes.extracting(0..<count))
        return found < 0 ? .other : InboundKeyword(rawValue: UInt8(found)) ?? .other
    }

    // Blanks and control characters, no-break space (C2 A0), the spaces of U+2000 to U+200D.
    private static func blankLength(_ text: RawSpan, _ index: Int) -> Int {
        let byte = text.byte(index)
        if byte <= 32 || byte == 127 { return 1 }
        if byte == 0xc2, index + 1 < text.byteCount, text.byte(index + 1) == 0xa0 { return 2 }
        if byte == 0xe2, index + 2 < text.byteCount, text.byte(index + 1) == 0x80,
            text.byte(index + 2) <= 0x8d
        {
            return 3
        }
        return 0
    }

    // ASCII's signs, the inverted marks and quotes of Latin-1, and the block of general punctuation
    // (dashes, curly quotes, the ellipsis), CJK's full stop and comma, the danda.
    private static func punctuationLength(_ text: RawSpan, _ index: Int) -> Int {
        let byte = text.byte(index)
        if byte < 128 {
            let isLetterOrDigit = lowered(byte) &- 97 < 26 || byte &- 48 < 10
            return isLetterOrDigit ? 0 : 1
        }
        if byte == 0xc2, index + 1 < text.byteCount {
            switch text.byte(index + 1) {
            case 0xa1, 0xab, 0xb7, 0xbb, 0xbf: return 2
            default: return 0
            }
        }
        guard index + 2 < text.byteCount else { return 0 }
        let next = text.byte(index + 1)
        let last = text.byte(index + 2)
        if byte == 0xe2, next == 0x80, last >= 0x90 { return 3 }
        if byte == 0xe2, next == 0x81, last <= 0xaf { return 3 }
        if byte == 0xe3, next == 0x80, last == 0x81 || last == 0x82 { return 3 }
        if byte == 0xe0, next == 0xa5, last == 0xa4 || last == 0xa5 { return 3 }
        if byte == 0xef, next == 0xbc, last == 0x81 || last == 0x8c || last == 0x8e { return 3 }
        return 0
    }
}
