import Events
import Flows

/// Compiles conditions from their YAML.
///
/// `{all: [...]}`, `{any: [...]}`, `{not: ...}`, or subjects with what is asked of them:
/// `{cart.value: {at_least: 2000}, profile.tier: [gold, silver]}`. Several keys of a mapping, and
/// the elements of a list, must all hold.
struct ConditionReader {
    /// Hashes texts as the decoder hashes those of events.
    let hashKey: SipHash
    let attributes: AttributeTable
    let mistakes: Mistakes

    /// The operators, by what they ask.
    static let operators = [
        "is", "is_not", "one_of", "none_of", "at_least", "at_most", "more_than", "less_than",
        "exists", "missing",
    ]

    private static let depthMax = 16

    /// Reads a condition.
    ///
    /// - Parameter hasEvent: whether there is an event that `event.…` can ask.
    func read(_ node: YAMLNode, hasEvent: Bool, depth: Int = 0) -> Condition? {
        guard depth < ConditionReader.depthMax else {
            mistakes.add("a condition nested too deeply", at: node.mark)
            return nil
        }
        if let elements = node.elements {
            return .all(elements.compactMap { read($0, hasEvent: hasEvent, depth: depth + 1) })
        }
        guard let entries = node.entries, !entries.isEmpty else {
            node.reject(
                "a condition",
                expected: "a mapping such as {cart.value: {at_least: 2000}}",
                mistakes
            )
            return nil
        }
        let parts = entries.compactMap { read($0, hasEvent: hasEvent, depth: depth) }
        guard parts.count == entries.count else { return nil }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private func read(_ entry: YAMLNode.Entry, hasEvent: Bool, depth: Int) -> Condition? {
        switch entry.key {
        case "all", "any":
            let nodes = entry.value.readList("`\(entry.key)`", mistakes)
            if nodes.isEmpty { mistakes.add("`\(entry.key)` is empty", at: entry.value.mark) }
            let parts = nodes.compactMap { read($0, hasEvent: hasEvent, depth: depth + 1) }
            return entry.key == "all" ? .all(parts) : .any(parts)
        case "not":
            return read(entry.value, hasEvent: hasEvent, depth: depth + 1).map { .not($0) }
        default:
            return ConditionSubject.find(entry, hasEvent: hasEvent, in: self)
        }
    }

    // MARK: Tests

    /// Reads what is asked of a subject: a value, a list of values, or operators.
    func tests(
        _ node: YAMLNode,
        of subject: Condition.Subject,
        as form: ConditionSubject.Form,
        besides: [String] = []
    ) -> Condition? {
        let parts: [Condition.Test?]
        if let entries = node.entries {
            let asked = entries.filter { !besides.contains($0.key) }
            if asked.isEmpty {
                mistakes.add("what is asked? such as {at_least: 1}", at: node.mark)
            }
            parts = asked.map { test($0, form) }
        } else {
            parts = [values(node, form).map { .isOneOf($0) }]
        }
        let tests = parts.compactMap { $0.map { Condition.test(subject, $0) } }
        guard !tests.isEmpty, tests.count == parts.count else { return nil }
        return tests.count == 1 ? tests[0] : .all(tests)
    }

    private func test(_ entry: YAMLNode.Entry, _ form: ConditionSubject.Form) -> Condition.Test? {
        let what = "`\(entry.key)`"
        switch entry.key {
        case "is", "one_of": return values(entry.value, form).map { .isOneOf($0) }
        case "is_not", "none_of": return values(entry.value, form).map { .isNoneOf($0) }
        case "exists":
            return entry.value.readTruth(what, mistakes).map { $0 ? .exists : .missing }
        case "missing":
            return entry.value.readTruth(what, mistakes).map { $0 ? .missing : .exists }
        case "at_least", "at_most", "more_than", "less_than":
            guard form == .number || form == .any else {
                mistakes.add("\(what) compares numbers, and this is none", at: entry.mark)
                return nil
            }
            guard let bound = entry.value.readNumber(what, mistakes) else { return nil }
            switch entry.key {
            case "at_least": return .isAtLeast(bound)
            case "at_most": return .isAtMost(bound)
            case "more_than": return .isGreater(than: bound)
            default: return .isLess(than: bound)
            }
        default:
            let remedy = Suggestion.remedy(for: entry.key, among: ConditionReader.operators)
            mistakes.add("a condition cannot ask `\(entry.key)`\(remedy)", at: entry.mark)
            return nil
        }
    }

    private func values(
        _ node: YAMLNode,
        _ form: ConditionSubject.Form
    ) -> [Condition.Value]? {
        let nodes = node.readList("a value", mistakes)
        if nodes.isEmpty { mistakes.add("a value is missing", at: node.mark) }
        let values = nodes.compactMap { value($0, form) }
        return values.isEmpty || values.count != nodes.count ? nil : values
    }

    private func value(_ node: YAMLNode, _ form: ConditionSubject.Form) -> Condition.Value? {
        switch form {
        case .number: return node.readNumber("the value", mistakes).map { .number($0) }
        case .truth: return node.readTruth("the value", mistakes).map { .boolean($0) }
        case .country:
            return node.readCountry("the value", mistakes).map { .text(UInt64($0)) }
        case .currency:
            return node.readCurrency("the value", mistakes).map { .text(UInt64($0)) }
        case .any:
            // What is quoted is a text, as in JSON.
            if let truth = node.truth { return .boolean(truth) }
            if let number = node.number { return .number(number) }
            return node.readText("the value", mistakes).map {
                .text(hashKey.hash(kind: HashKind.attribute, $0).low)
            }
        }
    }
}
