package import Events

/// Reads instants as RFC 3339 and its looser relatives of ISO 8601 write them.
///
/// `2024-05-01T12:30:00.250+05:30` and its forms: a space for the T, small letters, no seconds, a
/// comma before the fraction, an offset without colon or minutes, no offset (UTC), a date alone
/// (its midnight in UTC). Digits of the fraction beyond milliseconds are dropped. A leap second is
/// the first instant of the next minute. Remembers the last date, since nearly all stamps of a
/// block share one.
package struct EventTimeReader {
    private var lastDate: UInt64 = 0
    private var lastDays: UInt16 = 0
    private var lastMidnight: Int64 = 0

    /// Knows no date yet.
    package init() {}

    /// Year 0 to year 9999, in milliseconds.
    static let plausible: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999

    /// The instant a text names, or nil.
    package mutating func read(_ bytes: RawSpan) -> EventTime? {
        let count = bytes.byteCount
        guard count >= 10 else { return nil }
        guard let midnight = date(bytes) else { return readEpoch(bytes) }
        if count == 24, let time = timeOfDay(bytes) {
            return EventTime(milliseconds: midnight + time)
        }
        if count == 10 { return EventTime(milliseconds: midnight) }
        let separator = bytes.byte(10)
        guard separator | 0x20 == UInt8(ascii: "t") || separator == 32, count >= 16,
            let hour = two(bytes, 11), hour < 24, bytes.byte(13) == UInt8(ascii: ":"),
            let minute = two(bytes, 14), minute < 60
        else { return nil }
        var milliseconds = midnight + (hour * 60 + minute) * 60_000
        var index = 16
        if index < count, bytes.byte(index) == UInt8(ascii: ":") {
            guard count >= 19, let second = two(bytes, 17), second <= 60 else { return nil }
            milliseconds += second * 1_000
            index = 19
            if index < count, bytes.byte(index) == UInt8(ascii: ".") || bytes.byte(index) == 44 {
                index += 1
                var unit: Int64 = 100
                let first = index
                while index < count {
                    let digit = bytes.byte(index) &- 48
                    guard digit < 10 else { break }
                    milliseconds += Int64(digit) * unit
                    unit /= 10
                    index += 1
                }
                guard index > first else { return nil }
            }
        }
        if index == count { return EventTime(milliseconds: milliseconds) }
        let sign = bytes.byte(index)
        if sign | 0x20 == UInt8(ascii: "z") {
            return index + 1 == count ? EventTime(milliseconds: milliseconds) : nil
        }
        guard let offset = offset(bytes, index) else { return nil }
        return EventTime(milliseconds: milliseconds - offset)
    }

    /// The instant of a number of seconds or milliseconds since 1970, or nil; from 100 billion on
    /// (as seconds the year 5138) it is milliseconds.
    package func read(number bytes: RawSpan) -> EventTime? {
        guard let micros = readMillionths(bytes) else { return nil }
        let isSeconds = micros.magnitude < 100_000_000_000 * 1_000_000
        let milliseconds = floorDivide(micros, isSeconds ? 1_000 : 1_000_000)
        guard EventTimeReader.plausible.contains(milliseconds) else { return nil }
        return EventTime(milliseconds: milliseconds)
    }

    // Ten or thirteen digits in quotes are an epoch too.
    private func readEpoch(_ bytes: RawSpan) -> EventTime? {
        guard bytes.byteCount == 10 || bytes.byteCount == 13 else { return nil }
        for index in 0..<bytes.byteCount where bytes.byte(index) &- 48 > 9 { return nil }
        return read(number: bytes)
    }

    private mutating func date(_ bytes: RawSpan) -> Int64? {
        // Ten bytes are there; any bits are a number.
        let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
        let days = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt16.self)
        if word == lastDate, days == lastDays { return lastMidnight }
        guard let century = two(bytes, 0), let rest = two(bytes, 2),
            bytes.byte(4) == UInt8(ascii: "-"), let month = two(bytes, 5),
            bytes.byte(7) == UInt8(ascii: "-"), let day = two(bytes, 8),
            month >= 1, month <= 12, day >= 1
        else { return nil }
        let date = CivilDate(year: century * 100 + rest, month: month, day: day)
        let number = date.dayNumber
        // Back again, it is the same date only if the month has such a day.
        guard CivilDate(day: number) == date else { return nil }
        lastDate = word
        lastDays = days
        lastMidnight = number * 86_400_000
        return lastMidnight
    }

    // The rest of the form that nearly all senders use, `T12:30:00.250Z`, by words: milliseconds
    // since midnight, or nil if it is another one.
    @inline(__always)
    private func timeOfDay(_ bytes: RawSpan) -> Int64? {
        // Twenty-four bytes are there; any bits are a number.
        let clock = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 11, as: UInt64.self)
        let rest = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 19, as: UInt32.self)
        guard bytes.byte(10) == UInt8(ascii: "T"), bytes.byte(23) == UInt8(ascii: "Z") else {
            return nil
        }
        // What should be digits become their values, what should be colons and the point zero.
        let digits = UInt64(littleEndian: clock) ^ 0x3030_3a30_303a_3030
        let parts = UInt32(littleEndian: rest) ^ 0x3030_302e
        // A byte beyond nine reaches the highest bit when 118 is added, or has it already.
        let isOther =
            (digits | (digits &+ 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0
            || (parts | (parts &+ 0x7676_7676)) & 0x8080_8080 != 0
        guard !isOther, digits & 0x0000_ff00_00ff_0000 == 0, parts & 0xff == 0 else { return nil }
        func two(_ place: UInt64) -> Int64 {
            Int64((digits >> place & 15) * 10 + (digits >> (place + 8) & 15))
        }
        let (hour, minute, second) = (two(0), two(24), two(48))
        guard hour < 24, minute < 60, second <= 60 else { return nil }
        let fraction =
            (parts >> 8 & 15) * 100 + (parts >> 16 & 15) * 10 + (parts >> 24 & 15)
        return (hour * 3_600 + minute * 60 + second) * 1_000 + Int64(fraction)
    }

    // An offset from UTC up to the text's end, in milliseconds.
    private func offset(_ bytes: RawSpan, _ index: Int) -> Int64? {
        let sign = bytes.byte(index)
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            index + 3 <= bytes.byteCount, let hours = two(bytes, index + 1), hours < 24
        else { return nil }
        var minutes: Int64 = 0
        let rest = bytes.byteCount - index
        if rest == 5 || rest == 6 && bytes.byte(index + 3) == UInt8(ascii: ":") {
            guard let given = two(bytes, bytes.byteCount - 2), given < 60 else { return nil }
            minutes = given
        } else if rest != 3 {
            return nil
        }
        let offset = (hours * 60 + minutes) * 60_000
        return sign == UInt8(ascii: "-") ? -offset : offset
    }

    @inline(__always)
    private func two(_ bytes: RawSpan, _ index: Int) -> Int64? {
        let tens = bytes.byte(index) &- 48
        let ones = bytes.byte(index + 1) &- 48
        guard tens < 10, ones < 10 else { return nil }
        return Int64(tens) * 10 + Int64(ones)
    }
}
