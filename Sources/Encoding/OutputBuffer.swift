package import Events
import Memory

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
/// Filled by one thread, then handed to egress, which gives it back. Grows while it warms up. Most
/// of what the engine writes goes through here byte by byte, so it keeps its own memory and moves
/// whole words: nothing but numbers of its own changes while a text is written.
@safe
package final class OutputBuffer: @unchecked Sendable {
    // @unchecked: one owner at a time, handed over through rings.

    private var entries = GrowingBuffer<OutputRecord>(room: 256)
    /// The epoch it belongs to.
    package var epoch: UInt64 = 0

    // Owned by this object alone; `used` of `room` bytes are filled.
    private var start: UnsafeMutableRawPointer
    private var used = 0
    private var room = 1 << 16

    private var open = OutputRecord(
        order: OutputOrder(second: 0, sequence: 0, profile: .none, ordinal: 0),
        key: OutputRange(begin: 0, end: 0),
        headers: OutputRange(begin: 0, end: 0),
        value: OutputRange(begin: 0, end: 0),
        topic: .decisions,
        hasKey: false,
        hasValue: true
    )

    // The date written last, `2026-05-04T`, in two words: most of a buffer's instants share one.
    private var lastDay = Int64.min
    private var lastDate: (UInt64, UInt64) = (0, 0)

    /// An empty buffer.
    package init() { unsafe start = .allocate(byteCount: 1 << 16, alignment: 16) }

    deinit { unsafe start.deallocate() }

    /// Forgets all records.
    package func removeAll() {
        entries.removeAll()
        used = 0
    }

    // MARK: Records

    /// The records of a buffer, in the order in which they were written.
    package struct Records {
        fileprivate let buffer: OutputBuffer

        /// How many there are.
        package var count: Int { buffer.count }

        /// One of them.
        package subscript(index: Int) -> OutputRecord { buffer[record: index] }
    }

    /// The records.
    package var records: Records { Records(buffer: self) }

    /// How many records there are.
    package var count: Int { entries.count }

    /// A record.
    package subscript(record index: Int) -> OutputRecord { entries[index] }

    private var position: UInt32 { UInt32(used) }

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
        let place = unsafe takeRoom(length + 6)
        // As many bytes as were just taken.
        unsafe place.storeBytes(of: UInt16(truncatingIfNeeded: length), as: UInt16.self)
        unsafe (place + 2).copyMemory(from: name.utf8Start, byteCount: length)
        unsafe (place + 2 + length).storeBytes(of: 0, as: UInt32.self)
        return used
    }

    /// Ends the header whose value began at the position.
    package func endHeader(_ begin: Int) {
        precondition(begin >= 4 && begin <= used, "a header that was begun")
        unsafe (start + begin - 4)
            .storeBytes(of: UInt32(truncatingIfNeeded: used - begin), as: UInt32.self)
    }

    /// Ends the headers; the value comes next.
    package func endHeaders() {
        open.headers.end = position
        open.value.begin = position
    }

    /// Ends the record.
    package func end() {
        open.value.end = position
        entries.append(open)
    }

    /// Says that the open record has no key.
    package func withoutKey() { open.hasKey = false }

    /// Says that the open record has no value.
    package func withoutValue() { open.hasValue = false }

    /// The bytes of a range, lent until the buffer changes.
    @_lifetime(borrow self)
    package func slice(_ range: OutputRange) -> RawSpan {
        precondition(range.begin <= range.end && Int(range.end) <= used)
        // The buffer's memory lives as long as `self`, and the range was just checked.
        let slice = unsafe UnsafeRawBufferPointer(
            start: start + Int(range.begin),
            count: Int(range.end - range.begin)
        )
        return unsafe _overrideLifetime(slice.bytes, borrowing: self)
    }

    /// All bytes, lent until the buffer changes.
    package var all: RawSpan {
        @_lifetime(borrow self)
        get { slice(OutputRange(begin: 0, end: UInt32(used))) }
    }

    // MARK: Bytes

    /// The place of so many more bytes, all of which the caller fills.
    @unsafe
    @inline(__always)
    private func takeRoom(_ length: Int) -> UnsafeMutableRawPointer {
        if room &- used < length { grow(length) }
        let place = unsafe start + used
        used &+= length
        return unsafe place
    }

    @inline(never)
    private func grow(_ more: Int) {
        var larger = room
        while larger - used < more { larger *= 2 }
        let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        // Both are at least as long as what is used.
        unsafe moved.copyMemory(from: start, byteCount: used)
        unsafe start.deallocate()
        unsafe start = moved
        room = larger
    }

    /// Adds text that needs no escape.
    package func put(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        // A static string is UTF-8 in memory that lives for ever.
        unsafe takeRoom(length).copyMemory(from: text.utf8Start, byteCount: length)
    }

    /// Adds bytes as they are.
    package func put(_ span: RawSpan) {
        let length = span.byteCount
        let place = unsafe takeRoom(length)
        unsafe span.withUnsafeBytes {
            // Room was just made; source and target are different memory.
            unsafe UnsafeMutableRawBufferPointer(start: place, count: length).copyMemory(from: $0)
        }
    }

    /// Adds a byte.
    package func put(_ byte: UInt8) { unsafe takeRoom(1).storeBytes(of: byte, as: UInt8.self) }

    /// Adds a hash as 32 hexadecimal digits.
    package func put(_ hash: Hash128) {
        let place = unsafe takeRoom(32)
        // Four times eight of the bytes that were just taken.
        unsafe place.storeBytes(of: hexDigits(hash.high >> 32), as: UInt64.self)
        unsafe (place + 8).storeBytes(of: hexDigits(hash.high), as: UInt64.self)
        unsafe (place + 16).storeBytes(of: hexDigits(hash.low >> 32), as: UInt64.self)
        unsafe (place + 24).storeBytes(of: hexDigits(hash.low), as: UInt64.self)
    }

    /// Adds a whole number.
    package func put(number: Int64) {
        if number < 0 { put(45) }
        var rest = number.magnitude
        var digits = 1
        var bound: UInt64 = 10
        while digits < 20, rest >= bound {
            digits += 1
            // 10^20 is no number of 64 bits; twenty digits are the most.
            bound = digits < 20 ? bound &* 10 : .max
        }
        let place = unsafe takeRoom(digits)
        while digits > 0 {
            digits -= 1
            let digit = UInt8(truncatingIfNeeded: rest % 10) + 48
            unsafe (place + digits).storeBytes(of: digit, as: UInt8.self)
            rest /= 10
        }
    }

    /// Adds an instant as RFC 3339 in UTC with milliseconds.
    package func put(_ time: EventTime) {
        let second = time.second
        let day = floorDivide(second, 86_400)
        if day != lastDay { noteDate(day) }
        let left = second - day * 86_400
        let (hour, minute) = (left / 3_600, left / 60 % 60)
        let part = time.milliseconds - second * 1_000
        let place = unsafe takeRoom(24)
        // 24 bytes: the date in eleven, the time in twelve, a Z. Each word but the date's second
        // one stays within its place, and what that one writes too much is written over.
        unsafe place.storeBytes(of: lastDate.0, as: UInt64.self)
        unsafe (place + 8).storeBytes(of: lastDate.1, as: UInt64.self)
        unsafe (place + 11).storeBytes(of: twoDigits(hour), as: UInt16.self)
        unsafe (place + 13).storeBytes(of: 58, as: UInt8.self)
        unsafe (place + 14).storeBytes(of: twoDigits(minute), as: UInt16.self)
        unsafe (place + 16).storeBytes(of: 58, as: UInt8.self)
        unsafe (place + 17).storeBytes(of: twoDigits(left % 60), as: UInt16.self)
        unsafe (place + 19).storeBytes(of: 46, as: UInt8.self)
        unsafe (place + 20).storeBytes(of: twoDigits(part / 10), as: UInt16.self)
        unsafe (place + 22).storeBytes(of: UInt8(part % 10) + 48, as: UInt8.self)
        unsafe (place + 23).storeBytes(of: 90, as: UInt8.self)
    }

    private func noteDate(_ day: Int64) {
        let date = CivilDate(day: day)
        let year = min(max(date.year, 0), 9_999)
        lastDate.0 =
            UInt64(twoDigits(year / 100)) | UInt64(twoDigits(year % 100)) << 16 | 45 << 32
            | UInt64(twoDigits(date.month)) << 40 | 45 << 56
        lastDate.1 = UInt64(twoDigits(date.day)) | 84 << 16
        lastDay = day
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
        let end = span.byteCount
        // What needs no escape takes as many bytes as it has, and is written by eight.
        if room &- used < end + 10 { grow(end + 10) }
        put(34)
        var offset = 0
        while offset < end {
            if offset &+ 8 <= end {
                // In bounds by the condition just checked.
                let word = unsafe span.unsafeLoadUnaligned(
                    fromUncheckedByteOffset: offset,
                    as: UInt64.self
                )
                if isPlain(word) {
                    unsafe takeRoom(8).storeBytes(of: word, as: UInt64.self)
                    offset &+= 8
                    continue
                }
            }
            // In bounds by the loop.
            let byte = unsafe span.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            if byte >= 0x80 {
                offset += putSequence(span, at: offset)
            } else {
                if byte < 32 || byte == 34 || byte == 92 { escape(byte) } else { put(byte) }
                offset &+= 1
            }
        }
        put(34)
    }

    /// Adds what is not ASCII; answers how many bytes that was.
    private func putSequence(_ span: RawSpan, at offset: Int) -> Int {
        let length = OutputBuffer.sequenceLength(span, at: offset)
        if length == 0 {
            put(0xef)
            put(0xbf)
            put(0xbd)
            return 1
        }
        put(span.extracting(offset..<offset + length))
        return length
    }

    private func escape(_ byte: UInt8) {
        switch byte {
        case 34: put(#"\""#)
        case 92: put(#"\\"#)
        case 10: put(#"\n"#)
        case 13: put(#"\r"#)
        case 9: put(#"\t"#)
        default:
            put(#"\u00"#)
            put(48 + (byte >> 4))
            let low = byte & 15
            put(low < 10 ? low + 48 : low + 87)
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

/// Two decimal digits, the tens in the lower byte.
private func twoDigits(_ number: Int64) -> UInt16 {
    let small = UInt16(truncatingIfNeeded: number)
    return (small / 10 + 48) | (small % 10 + 48) << 8
}

/// Eight hexadecimal digits of the lower half of a word, the first in the lowest byte.
private func hexDigits(_ word: UInt64) -> UInt64 {
    // Each nibble to a byte of its own, then the bytes turned round.
    var nibbles = word & 0xffff_ffff
    nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
    nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
    nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
    // One in each byte that is a letter: those are 39 further than the digits.
    let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
    return (nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39).byteSwapped
}

/// Whether eight bytes are ASCII that JSON takes as it is.
@inline(__always)
private func isPlain(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = word ^ (ones &* 34)
    let backslashes = word ^ (ones &* 92)
    // A byte's highest bit is set where the byte is not ASCII, or becomes so below 32, 34 or 92.
    let marks =
        word | (word &- ones &* 32) | (quotes &- ones) & ~quotes
        | (backslashes &- ones) & ~backslashes
    return marks & (ones &* 128) == 0
}
