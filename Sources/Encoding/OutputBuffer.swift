package import Events
package import Memory

/// Where an output record goes.
package enum OutputTopic: UInt8, BitwiseCopyable, Hashable, Sendable, CaseIterable {
    case sendEmail
    case sendSMS
    case sendWhatsApp
    case sendViber
    case sendTelegram
    case sendWebPush
    case sendMobilePush
    case sendInApp
    case sendAppInbox
    case decisions
    case identity
    case deadLetters
    case review

    /// The topic of a channel's send commands.
    package static func send(_ channel: Channel) -> OutputTopic {
        OutputTopic(rawValue: channel.rawValue) ?? .sendEmail
    }

    /// The topic's name.
    package var name: String {
        switch self {
        case .decisions: "collie.decisions"
        case .identity: "collie.identity"
        case .deadLetters: "collie.dead-letters"
        case .review: "collie.review"
        default: "send." + (Channel(rawValue: rawValue)?.name ?? "email")
        }
    }
}

/// Where an output stands among all others: the same for any number of threads.
package struct OutputOrder: BitwiseCopyable, Comparable, Sendable {
    /// For a timer the second it fired in; for an event the last second whose timers had fired.
    package var second: Int64
    /// For an event its place in the log, counted from 1; 0 for timers, which come first.
    package var sequence: UInt64
    /// For a timer the profile it belongs to.
    package var profile: Hash128
    /// What comes first of one event or profile.
    package var ordinal: UInt32

    package init(second: Int64, sequence: UInt64, profile: Hash128, ordinal: UInt32) {
        self.second = second
        self.sequence = sequence
        self.profile = profile
        self.ordinal = ordinal
    }

    package static func < (left: OutputOrder, right: OutputOrder) -> Bool {
        if left.second != right.second { return left.second < right.second }
        if left.sequence != right.sequence { return left.sequence < right.sequence }
        if left.profile != right.profile { return left.profile < right.profile }
        return left.ordinal < right.ordinal
    }
}

/// A range of bytes in an `OutputBuffer`.
package struct OutputRange: BitwiseCopyable, Sendable {
    package var begin: UInt32
    package var end: UInt32

    package init(begin: UInt32, end: UInt32) {
        self.begin = begin
        self.end = end
    }
}

/// One encoded record.
package struct OutputRecord: BitwiseCopyable, Sendable {
    /// Its place among all outputs.
    package var order: OutputOrder
    /// The key's bytes.
    package var key: OutputRange
    /// The headers, each as a 16-bit length, a name, a 32-bit length and a value, little-endian.
    package var headers: OutputRange
    /// The value's bytes.
    package var value: OutputRange
    /// Where it goes.
    package var topic: OutputTopic
    /// Whether it has a key.
    package var hasKey: Bool
    /// Whether it has a value.
    package var hasValue: Bool
}

/// The encoded outputs of one shard, or of the resolver, for one epoch.
///
/// Filled by one thread, then handed to egress, which gives it back. Grows while it warms up.
package final class OutputBuffer: @unchecked Sendable {
    // @unchecked: one owner at a time, handed over through rings.

    /// The records.
    package var records = GrowingBuffer<OutputRecord>(room: 256)
    /// Their bytes.
    package var bytes = GrowingBuffer<UInt8>(room: 1 << 16)
    /// The epoch it belongs to.
    package var epoch: UInt64 = 0

    private var open = OutputRecord(
        order: OutputOrder(second: 0, sequence: 0, profile: .none, ordinal: 0),
        key: OutputRange(begin: 0, end: 0),
        headers: OutputRange(begin: 0, end: 0),
        value: OutputRange(begin: 0, end: 0),
        topic: .decisions,
        hasKey: false,
        hasValue: true
    )

    /// An empty buffer.
    package init() {}

    /// Forgets all records.
    package func removeAll() {
        records.removeAll()
        bytes.removeAll()
    }

    private var position: UInt32 { UInt32(bytes.count) }

    /// Begins a record; its key's bytes come next.
    package func begin(_ topic: OutputTopic, order: OutputOrder) {
        open.topic = topic
        open.order = order
        open.hasKey = true
        open.hasValue = true
        open.key.begin = position
    }

    /// Ends the key; headers come next.
    package func endKey() {
        open.key.end = position
        open.headers.begin = position
    }

    /// Begins a header; its value's bytes come next.
    package func beginHeader(_ name: StaticString) -> Int {
        let length = name.utf8CodeUnitCount
        bytes.append(UInt8(truncatingIfNeeded: length))
        bytes.append(UInt8(truncatingIfNeeded: length >> 8))
        put(name)
        for _ in 0..<4 { bytes.append(0) }
        return bytes.count
    }

    /// Ends the header whose value began at the position.
    package func endHeader(_ begin: Int) {
        let length = bytes.count - begin
        for shift in 0..<4 {
            bytes[begin - 4 + shift] = UInt8(truncatingIfNeeded: length >> (8 * shift))
        }
    }

    /// Ends the headers; the value comes next.
    package func endHeaders() {
        open.headers.end = position
        open.value.begin = position
    }

    /// Ends the record.
    package func end() {
        open.value.end = position
        records.append(open)
    }

    /// Says that the open record has no key.
    package func withoutKey() { open.hasKey = false }

    /// Says that the open record has no value.
    package func withoutValue() { open.hasValue = false }

    /// The bytes of a range, lent until the buffer changes.
    @_lifetime(borrow self)
    package func slice(_ range: OutputRange) -> RawSpan {
        // The buffer's memory lives as long as `self`, and the range is checked by the slice.
        let memory = unsafe UnsafeRawBufferPointer(bytes.memory)
        let slice = unsafe UnsafeRawBufferPointer(
            rebasing: memory[Int(range.begin)..<Int(range.end)]
        )
        return unsafe _overrideLifetime(slice.bytes, borrowing: self)
    }

    /// All bytes, lent until the buffer changes.
    package var all: RawSpan {
        @_lifetime(borrow self)
        get { slice(OutputRange(begin: 0, end: UInt32(bytes.count))) }
    }

    // MARK: Bytes

    /// Adds text that needs no escape.
    package func put(_ text: StaticString) {
        // A static string is UTF-8 in memory that lives for ever.
        let span = unsafe UnsafeRawBufferPointer(
            start: text.utf8Start,
            count: text.utf8CodeUnitCount
        )
        unsafe bytes.append(span.bytes)
    }

    /// Adds bytes as they are.
    package func put(_ span: RawSpan) { bytes.append(span) }

    /// Adds a byte.
    package func put(_ byte: UInt8) { bytes.append(byte) }

    /// Adds a hash as 32 hexadecimal digits.
    package func put(_ hash: Hash128) {
        for word in [hash.high, hash.low] {
            var shift: UInt64 = 64
            while shift > 0 {
                shift -= 4
                let digit = UInt8(truncatingIfNeeded: word >> shift) & 15
                bytes.append(digit < 10 ? digit + 48 : digit + 87)
            }
        }
    }

    /// Adds a whole number.
    package func put(number: Int64) {
        if number < 0 { bytes.append(45) }
        var rest = number.magnitude
        var divisor: UInt64 = 1
        while rest / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(rest / divisor) + 48)
            rest %= divisor
            divisor /= 10
        }
    }

    private func put(padded number: Int64, digits: Int) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        var rest = number
        while divisor > 0 {
            bytes.append(UInt8((rest / divisor) % 10) + 48)
            rest %= divisor
            divisor /= 10
        }
    }

    /// Adds an instant as RFC 3339 in UTC with milliseconds.
    package func put(_ time: EventTime) {
        let second = time.second
        let day = floorDivide(second, 86_400)
        let date = CivilDate(day: day)
        let left = second - day * 86_400
        put(padded: min(max(date.year, 0), 9_999), digits: 4)
        put(45)
        put(padded: date.month, digits: 2)
        put(45)
        put(padded: date.day, digits: 2)
        put(84)
        put(padded: left / 3_600, digits: 2)
        put(58)
        put(padded: left / 60 % 60, digits: 2)
        put(58)
        put(padded: left % 60, digits: 2)
        put(46)
        put(padded: time.milliseconds - second * 1_000, digits: 3)
        put(90)
    }

    /// Adds an amount of millionths as a decimal number without trailing zeros.
    package func put(millionths amount: Int64) {
        if amount < 0 { put(45) }
        let magnitude = amount.magnitude
        put(number: Int64(magnitude / 1_000_000))
        var fraction = magnitude % 1_000_000
        guard fraction > 0 else { return }
        put(46)
        var divisor: UInt64 = 100_000
        while fraction > 0 {
            put(UInt8(fraction / divisor) + 48)
            fraction %= divisor
            divisor /= 10
        }
    }

    // MARK: JSON

    /// Adds a JSON string of UTF-8 bytes; what is not UTF-8 becomes U+FFFD.
    package func putJSON(_ span: RawSpan) {
        put(34)
        var offset = 0
        let end = span.byteCount
        while offset < end {
            // In bounds by the loop.
            let byte = unsafe span.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            if byte >= 0x80 {
                let length = OutputBuffer.sequenceLength(span, at: offset)
                if length == 0 {
                    put(0xef)
                    put(0xbf)
                    put(0xbd)
                    offset += 1
                } else {
                    put(span.extracting(offset..<offset + length))
                    offset += length
                }
                continue
            }
            escape(byte)
            offset += 1
        }
        put(34)
    }

    private func escape(_ byte: UInt8) {
        switch byte {
        case 34: put(#"\""#)
        case 92: put(#"\\"#)
        case 10: put(#"\n"#)
        case 13: put(#"\r"#)
        case 9: put(#"\t"#)
        case 0..<32:
            put(#"\u00"#)
            put(48 + (byte >> 4))
            let low = byte & 15
            put(low < 10 ? low + 48 : low + 87)
        default: put(byte)
        }
    }

    /// The length of the well-formed UTF-8 sequence at an offset, or 0 (Unicode 15, table 3-7).
    private static func sequenceLength(_ span: RawSpan, at offset: Int) -> Int {
        func byte(_ index: Int) -> UInt8 {
            guard offset + index < span.byteCount else { return 0 }
            // Checked just now.
            return unsafe span.unsafeLoad(
                fromUncheckedByteOffset: offset + index,
                as: UInt8.self
            )
        }
        let first = byte(0)
        let second = byte(1)
        func follows(_ index: Int) -> Bool { byte(index) & 0xc0 == 0x80 }
        switch first {
        case 0xc2...0xdf: return follows(1) ? 2 : 0
        case 0xe0: return second >= 0xa0 && follows(1) && follows(2) ? 3 : 0
        case 0xed: return second < 0xa0 && follows(1) && follows(2) ? 3 : 0
        case 0xe1...0xef: return follows(1) && follows(2) ? 3 : 0
        case 0xf0: return second >= 0x90 && follows(1) && follows(2) && follows(3) ? 4 : 0
        case 0xf4: return second < 0x90 && follows(1) && follows(2) && follows(3) ? 4 : 0
        case 0xf1...0xf3: return follows(1) && follows(2) && follows(3) ? 4 : 0
        default: return 0
        }
    }

    /// Adds a JSON string of a Swift string, for names from the config.
    package func putJSON(text: String) {
        var copy = text
        copy.withUTF8 { unsafe putJSON(UnsafeRawBufferPointer($0).bytes) }
    }

    /// Adds a Swift string as it is, for names from the config.
    package func put(text: String) {
        var copy = text
        copy.withUTF8 { unsafe put(UnsafeRawBufferPointer($0).bytes) }
    }
}
