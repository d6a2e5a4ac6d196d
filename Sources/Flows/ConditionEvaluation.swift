/// What is known of a condition's subject.
package enum Known: Equatable {
    /// A number; money in units of the currency.
    case number(Double)
    /// A text, by the hash that `Condition.Value.text` names.
    case text(UInt64)
    /// A truth value.
    case boolean(Bool)
}

extension Condition {
    /// Whether the condition holds; the closure says what is known of a subject, or nil.
    package func holds(_ lookUp: (Subject) -> Known?) -> Bool {
        switch self {
        case .all(let parts):
            for part in parts where !part.holds(lookUp) { return false }
            return true
        case .any(let parts):
            for part in parts where part.holds(lookUp) { return true }
            return false
        case .not(let part):
            return !part.holds(lookUp)
        case .test(let subject, let test):
            return test.passes(lookUp(subject))
        }
    }
}

extension Condition.Test {
    /// Whether what is known passes; an unknown subject passes `missing` only.
    package func passes(_ known: Known?) -> Bool {
        guard let known else { return self == .missing }
        switch self {
        case .exists: return true
        case .missing: return false
        case .isOneOf(let values): return values.contains { $0.equals(known) }
        case .isNoneOf(let values): return !values.contains { $0.equals(known) }
        case .isLess(let bound): return known.number.map { $0 < bound } ?? false
        case .isAtMost(let bound): return known.number.map { $0 <= bound } ?? false
        case .isGreater(let bound): return known.number.map { $0 > bound } ?? false
        case .isAtLeast(let bound): return known.number.map { $0 >= bound } ?? false
        }
    }
}

extension Condition.Value {
    fileprivate func equals(_ known: Known) -> Bool {
        switch (self, known) {
        case (.number(let left), .number(let right)): left == right
        case (.text(let left), .text(let right)): left == right
        case (.boolean(let left), .boolean(let right)): left == right
        default: false
        }
    }
}

extension Known {
    fileprivate var number: Double? {
        if case .number(let value) = self { value } else { nil }
    }
}
