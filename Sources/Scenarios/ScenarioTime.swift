package import Events
import Settings

/// Reads and writes the instants of scenario files.
///
/// `2026-05-04T06:00:00Z` with any offset and fraction; without a zone it is UTC. Short forms lean
/// on the scenario's start: `05-04 06:00` is of its year, `06:00` of its day, `+1h30m` is so long
/// after it.
package enum ScenarioTime {
    /// Reads an instant; nil if the text is none.
    package static func read(_ text: String, start: EventTime?) -> EventTime? {
        if text.hasPrefix("+") {
            guard let start, let span = TimeSpan(text: String(text.dropFirst())) else { return nil }
            return start + span
        }
        var reader = Reader(text)
        let digits = text.utf8.prefix { $0 >= 48 && $0 <= 57 }.count
        var date: CivilDate
        if digits == 4 {
            guard let year = reader.number(digits: 4), reader.take("-"),
                let month = reader.number(digits: 2), reader.take("-"),
                let day = reader.number(digits: 2), reader.take("T") || reader.take(" ")
            else { return nil }
            date = CivilDate(year: year, month: month, day: day)
        } else {
            guard let start else { return nil }
            date = CivilDate(day: floorDivide(start.second, 86_400))
            if text.utf8.dropFirst(digits).first == UInt8(ascii: "-") {
                guard let month = reader.number(digits: 2), reader.take("-"),
                    let day = reader.number(digits: 2), reader.take("T") || reader.take(" ")
                else { return nil }
                date = CivilDate(year: date.year, month: month, day: day)
            }
        }
        // A day that the month does not have would be another one.
        guard CivilDate(day: date.dayNumber) == date else { return nil }
        guard let clock = reader.clock(), let offset = reader.offset(), reader.isAtEnd else {
            return nil
        }
        return EventTime(milliseconds: date.dayNumber * 86_400_000 + clock - offset * 60_000)
    }

    /// The instant as people read it: `05-04 06:00:00`, UTC, with milliseconds if it has some.
    package static func show(_ time: EventTime) -> String {
        guard time.isSet else { return "-" }
        let second = time.second
        let day = floorDivide(second, 86_400)
        let date = CivilDate(day: day)
        let left = second - day * 86_400
        var text =
            "\(padded(date.month))-\(padded(date.day)) \(padded(left / 3_600)):"
            + "\(padded(left / 60 % 60)):\(padded(left % 60))"
        let rest = time.milliseconds - second * 1_000
        if rest > 0 { text += "." + String(String(rest + 1_000).dropFirst()) }
        return text
    }

    /// The instant as events carry it.
    package static func write(_ time: EventTime) -> String {
        let date = CivilDate(day: floorDivide(time.second, 86_400))
        let rest = time.milliseconds - time.second * 1_000
        let clock = show(EventTime(second: time.second)).suffix(8)
        return "\(date.year)-\(padded(date.month))-\(padded(date.day))T\(clock)."
            + String(rest + 1_000).dropFirst() + "Z"
    }

    private static func padded(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}

/// Walks over the bytes of an instant.
private struct Reader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ letter: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: letter) else { return false }
        position += 1
        return true
    }

    mutating func number(digits: Int) -> Int64? {
        guard position + digits <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<position + digits] {
            guard byte >= 48, byte <= 57 else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        position += digits
        return value
    }

    /// Milliseconds since midnight.
    mutating func clock() -> Int64? {
        guard let hour = number(digits: 2), take(":"), let minute = number(digits: 2),
            hour < 24, minute < 60
        else { return nil }
        var milliseconds = (hour * 60 + minute) * 60_000
        guard take(":") else { return milliseconds }
        guard let second = number(digits: 2), second < 60 else { return nil }
        milliseconds += second * 1_000
        guard take(".") else { return milliseconds }
        var unit: Int64 = 100
        var count = 0
        while let digit = number(digits: 1) {
            milliseconds += digit * unit
            unit /= 10
            count += 1
        }
        return count > 0 ? milliseconds : nil
    }

    /// Minutes ahead of UTC.
    mutating func offset() -> Int64? {
        if isAtEnd || take("Z") { return 0 }
        let sign: Int64
        if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
        guard let hours = number(digits: 2) else { return nil }
        _ = take(":")
        guard let minutes = number(digits: 2) else { return nil }
        return sign * (hours * 60 + minutes)
    }
}
