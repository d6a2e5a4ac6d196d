/// What short texts were found to mean.
///
/// Events name the same few products, zones and kinds of event again and again. A text of at most
/// sixteen bytes is two words, which are compared whole; one that is longer is never found. Owned
/// by one thread.
struct ShortMemo<Value: BitwiseCopyable> {
    /// A text as its beginning and its end, which overlap or meet.
    struct Key: Equatable, BitwiseCopyable {
        var first: UInt64 = 0
        var last: UInt64 = 0
        /// 0 is no key.
        var length = 0

        /// Whether the text is short enough.
        var isSet: Bool { length != 0 }

        /// The key of a text; none for one that is empty or too long.
        init(_ bytes: RawSpan) {
            let count = bytes.byteCount
            guard count > 0, count <= 16 else { return }
            length = count
            if count >= 8 {
                first = bytes.word(at: 0)
                last = bytes.word(at: count - 8)
            } else {
                for index in 0..<count { first = first << 8 | UInt64(bytes.byte(index)) }
            }
        }

        init() {}
    }

    private struct Row {
        var key = Key()
        var value: Value
    }

    private var rows: [Row]
    private let shift: UInt64

    /// Makes an empty memo of so many rows, a power of two.
    init(rows count: Int, _ value: Value) {
        rows = Array(repeating: Row(value: value), count: count)
        shift = UInt64(UInt64.bitWidth - count.trailingZeroBitCount)
    }

    private func place(of key: Key) -> Int {
        let mixed = (key.first ^ key.last &* 0xa076_1d64_78bd_642f) &* 0x9e37_79b9_7f4a_7c15
        return Int(mixed >> shift)
    }

    /// What a text means, if it is known.
    func find(_ key: Key) -> Value? {
        let place = place(of: key)
        return rows[place].key == key && key.isSet ? rows[place].value : nil
    }

    /// Remembers what a text means.
    mutating func note(_ key: Key, _ value: Value) {
        if key.isSet { rows[place(of: key)] = Row(key: key, value: value) }
    }
}
