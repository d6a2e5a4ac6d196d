package import Events

extension TimeSpan {
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000),
        ("ms", 1),
    ]

    /// Reads a length of time; nil if the text is none.
    ///
    /// `30s`, `5m`, `4h`, `1d`, `2w`, `250ms`, or several together as in `1h30m`. A day is 24
    /// hours. Zero may stand without a unit.
    package init?(text: String) {
        if text == "0" {
            self = .zero
            return
        }
        var rest = Substring(text)
        var sum: Int64 = 0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(letters.count)
            guard let count = Int64(digits),
                let unit = TimeSpan.units.first(where: { $0.name == letters })
            else { return nil }
            let (product, isTooLong) = count.multipliedReportingOverflow(by: unit.milliseconds)
            let (total, overflows) = sum.addingReportingOverflow(product)
            guard !isTooLong, !overflows, total < TimeSpan.unlimited.milliseconds else {
                return nil
            }
            sum = total
        }
        self.init(milliseconds: sum)
    }

    /// The shortest text that `init(text:)` reads as this span.
    package var text: String {
        if milliseconds == 0 { return "0s" }
        var text = milliseconds < 0 ? "-" : ""
        var rest = milliseconds.magnitude
        // Weeks are left out: "14d" is read faster than "2w".
        for unit in TimeSpan.units.dropFirst() {
            let count = rest / UInt64(unit.milliseconds)
            rest %= UInt64(unit.milliseconds)
            if count > 0 { text += "\(count)\(unit.name)" }
        }
        return text
    }
}
