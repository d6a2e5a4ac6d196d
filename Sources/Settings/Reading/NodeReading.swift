package import Events

/// Reading of single values: each method answers the value, or notes what is wrong and answers nil.
///
/// `what` names the value in the message, such as "`limit`".
extension YAMLNode {
    /// Notes that something else was expected here.
    package func reject(_ what: String, expected: String, _ mistakes: Mistakes) {
        mistakes.add("\(what) must be \(expected); it is \(kindName)", at: mark)
    }

    /// A text; numbers and truth values count as their text.
    package func readText(_ what: String, _ mistakes: Mistakes) -> String? {
        guard let text, !isNull else {
            reject(what, expected: "a text", mistakes)
            return nil
        }
        return text
    }

    /// A whole number; `_` may group digits.
    package func readInteger(
        _ what: String,
        in range: ClosedRange<Int>,
        _ mistakes: Mistakes
    ) -> Int? {
        let digits = scalar.flatMap { $0.isQuoted ? nil : $0.text }
        guard let value = digits.flatMap({ Int($0.filter { $0 != "_" }) }), range.contains(value)
        else {
            reject(what, expected: "a whole number \(YAMLNode.words(for: range))", mistakes)
            return nil
        }
        return value
    }

    private static func words(for range: ClosedRange<Int>) -> String {
        if range.upperBound == .max { return "from \(range.lowerBound)" }
        return "from \(range.lowerBound) to \(range.upperBound)"
    }

    /// The number that a scalar plainly is, or nil.
    package var number: Double? {
        guard let scalar, !scalar.isQuoted,
            scalar.text.utf8.allSatisfy({ "0123456789_.+-eE".utf8.contains($0) }),
            let value = Double(scalar.text.filter { $0 != "_" }), value.isFinite
        else { return nil }
        return value
    }

    /// A number.
    package func readNumber(_ what: String, _ mistakes: Mistakes) -> Double? {
        guard let number else {
            reject(what, expected: "a number, such as 2000", mistakes)
            return nil
        }
        return number
    }

    /// The truth value that a scalar plainly is, or nil.
    package var truth: Bool? {
        guard let scalar, !scalar.isQuoted else { return nil }
        switch scalar.text {
        case "true": return true
        case "false": return false
        default: return nil
        }
    }

    /// `true` or `false`.
    package func readTruth(_ what: String, _ mistakes: Mistakes) -> Bool? {
        guard let truth else {
            reject(what, expected: "true or false", mistakes)
            return nil
        }
        return truth
    }

    /// A length of time.
    package func readSpan(
        _ what: String,
        in range: ClosedRange<TimeSpan> = .zero ... .days(4_000),
        _ mistakes: Mistakes
    ) -> TimeSpan? {
        guard let span = text.flatMap(TimeSpan.init(text:)) else {
            let hint =
                text.flatMap { Int64($0) } == nil ? "" : " (a unit is missing: s, m, h, d or w)"
            reject(
                what,
                expected: "a length of time, such as 30s, 5m, 4h, 1h30m or 7d\(hint)",
                mistakes
            )
            return nil
        }
        guard range.contains(span) else {
            let bounds = "from \(range.lowerBound.text) to \(range.upperBound.text)"
            reject(what, expected: bounds, mistakes)
            return nil
        }
        return span
    }

    /// One of some words, with what each stands for.
    package func readChoice<Value>(
        _ what: String,
        of choices: KeyValuePairs<String, Value>,
        _ mistakes: Mistakes
    ) -> Value? {
        let names = choices.map(\.key)
        guard let text else {
            reject(what, expected: "one of \(names.joined(separator: ", "))", mistakes)
            return nil
        }
        if let found = choices.first(where: { $0.key == text }) { return found.value }
        mistakes.add(
            "\(what) cannot be \(kindName)\(Suggestion.remedy(for: text, among: names))",
            at: mark
        )
        return nil
    }

    /// The elements of a list; a single value counts as a list of one, nothing as an empty list.
    package func readList(_ what: String, _ mistakes: Mistakes) -> [YAMLNode] {
        switch content {
        case .sequence(let elements): return elements
        case .scalar: return isNull ? [] : [self]
        case .mapping:
            reject(what, expected: "a list", mistakes)
            return []
        }
    }
}
