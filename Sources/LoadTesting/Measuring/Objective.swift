import Foundation

/// What a load must come to, such as `p99<100ms`: a quantity, a comparison, a bound.
package struct Objective: Equatable, Sendable, CustomStringConvertible {
    /// Why a text is no objective, as a sentence that says what would be one.
    package struct Mistake: Error, CustomStringConvertible {
        package let description: String
    }

    /// What kind of number a quantity is.
    private enum Unit { case time, rate, count }

    /// How it is compared.
    package enum Comparison: String, CaseIterable, Sendable {
        // Two signs before one, since the first that fits is taken.
        case atMost = "<="
        case atLeast = ">="
        case below = "<"
        case above = ">"
        case equal = "="

        func holds(_ measured: Double, _ bound: Double) -> Bool {
            switch self {
            case .atMost: measured <= bound
            case .atLeast: measured >= bound
            case .below: measured < bound
            case .above: measured > bound
            case .equal: measured == bound
            }
        }
    }

    /// The text, as it was given.
    package let description: String
    /// What is measured.
    package let quantity: String
    /// How it is compared.
    package let comparison: Comparison
    /// With what; a time is in milliseconds.
    package let bound: Double

    private static let percentiles = ["p50", "p90", "p99", "p99.9", "max"]
    private static let groups = ["", "due.", "over.", "decisions.", "decisions.due."]

    /// Everything that can be asked for, in the order in which it is told.
    package static let quantities: [String] =
        groups.flatMap { group in percentiles.map { group + $0 } }
        + ["throughput", "commands", "lag", "lag.end", "errors", "behind"]

    private static func unit(of quantity: String) -> Unit {
        switch quantity {
        case "throughput", "commands": .rate
        case "lag", "lag.end", "errors": .count
        default: .time
        }
    }

    /// Reads `quantity comparison bound`.
    package init(_ text: String) throws(Mistake) {
        description = text
        guard
            let (sign, place) = Comparison.allCases.lazy
                .compactMap({ sign in text.range(of: sign.rawValue).map { (sign, $0) } }).first
        else {
            throw Mistake(
                description: "\"\(text)\" compares nothing; write it as p99<100ms or lag<=5000"
            )
        }
        comparison = sign
        let name = text[..<place.lowerBound].trimmingCharacters(in: .whitespaces).lowercased()
        guard Objective.quantities.contains(name) else {
            throw Mistake(
                description: """
                    "\(name)" is not measured; there are \
                    \(Objective.quantities.prefix(5).joined(separator: ", ")), the same behind due., over., \
                    decisions. and decisions.due., \
                    \(Objective.quantities.suffix(6).joined(separator: ", "))
                    """
            )
        }
        quantity = name
        let value = text[place.upperBound...].trimmingCharacters(in: .whitespaces)
        let unit = Objective.unit(of: name)
        guard let bound = Objective.number(value, unit) else {
            let right: String
            switch unit {
            case .time: right = "is a time: write \(name)\(sign.rawValue)100ms (us, ms, s, m)"
            case .rate: right = "is a rate: write \(name)\(sign.rawValue)50000/s"
            case .count: right = "is a count: write \(name)\(sign.rawValue)1000"
            }
            throw Mistake(description: "\(name) \(right), not \"\(value)\"")
        }
        self.bound = bound
    }

    private static func number(_ text: String, _ unit: Unit) -> Double? {
        var digits = text
        func take(_ suffix: String) -> Bool {
            guard digits.hasSuffix(suffix) else { return false }
            digits.removeLast(suffix.count)
            return true
        }
        var factor = 1.0
        switch unit {
        case .time:
            if take("us") || take("µs") {
                factor = 0.001
            } else if take("ms") {
                factor = 1
            } else if take("s") {
                factor = 1_000
            } else if take("m") {
                factor = 60_000
            } else {
                return nil
            }
        case .rate, .count:
            if unit == .rate { _ = take("/s") }
            if take("k") {
                factor = 1_000
            } else if take("M") {
                factor = 1_000_000
            }
        }
        let bare = digits.trimmingCharacters(in: .whitespaces).replacing("_", with: "")
        guard let number = Double(bare), number.isFinite, number >= 0 else { return nil }
        return number * factor
    }

    /// What came of an objective.
    package struct Verdict: Codable, Equatable, Sendable {
        /// The objective as it was given.
        package var objective: String
        /// What was measured, with its unit, or that nothing was.
        package var measured: String
        /// Whether it holds.
        package var isMet: Bool

        private enum CodingKeys: String, CodingKey {
            case objective, measured
            case isMet = "met"
        }
    }

    /// Holds it against what was measured; what was not measured at all does not hold.
    package func judge(_ measured: Double?) -> Verdict {
        guard let measured else {
            return Verdict(objective: description, measured: "nothing", isMet: false)
        }
        let text: String
        switch Objective.unit(of: quantity) {
        case .time: text = Objective.text(milliseconds: measured)
        case .rate: text = String(format: "%.0f/s", measured)
        case .count: text = String(format: "%.0f", measured)
        }
        return Verdict(
            objective: description,
            measured: text,
            isMet: comparison.holds(measured, bound)
        )
    }

    /// A time as people read it.
    package static func text(milliseconds: Double) -> String {
        switch milliseconds {
        case ..<1: String(format: "%.2f ms", milliseconds)
        case ..<100: String(format: "%.1f ms", milliseconds)
        case ..<10_000: String(format: "%.0f ms", milliseconds)
        default: String(format: "%.1f s", milliseconds / 1_000)
        }
    }
}
