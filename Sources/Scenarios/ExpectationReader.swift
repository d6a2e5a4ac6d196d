import Events
import Settings

/// Reads what a scenario expects.
struct ExpectationReader {
    static let personKeys: KeyValuePairs<String, IdentifierKind> = [
        "user": .userID, "anonymous": .anonymousID, "email": .email, "phone": .phone,
        "device": .deviceID,
    ]
    private static let persons = personKeys.map(\.key)
    private static let timeFields: Set<String> = ["at", "until", "expires"]

    static let commandKind = MappingKind(
        "an expected command",
        keys: ["at"] + persons + [
            "flow", "flow_version", "step", "channel", "class", "template", "to", "locale",
            "time_zone", "variables", "products", "compliance", "rules", "expires", "cause",
        ]
    )
    static let decisionKind = MappingKind(
        "an expected decision",
        keys: ["at"] + persons + [
            "flow", "step", "channel", "outcome", "until", "rules", "cause", "count",
        ]
    )
    static let identityKind = MappingKind(
        "an expected identity record",
        keys: ["at"] + persons + ["type", "cause", "kind", "count"]
    )
    static let reviewKind = MappingKind(
        "an expected review",
        keys: ["at"] + persons + ["why", "channel", "text", "cause"]
    )
    static let deadLetterKind = MappingKind(
        "an expected dead letter",
        keys: ["reason", "field"]
    )

    let start: EventTime
    let mistakes: Mistakes

    func read(_ fields: Fields) -> Expectation {
        var expectation = Expectation()
        if fields.node["commands"] != nil {
            expectation.commands = patterns(fields, "commands", ExpectationReader.commandKind)
        }
        expectation.decisions = patterns(fields, "decisions", ExpectationReader.decisionKind)
        expectation.noDecisions = patterns(fields, "no_decisions", ExpectationReader.decisionKind)
        expectation.identity = patterns(fields, "identity", ExpectationReader.identityKind)
        if fields.node["reviews"] != nil {
            expectation.reviews = patterns(fields, "reviews", ExpectationReader.reviewKind)
        }
        if fields.node["dead_letters"] != nil {
            expectation.deadLetters = patterns(
                fields,
                "dead_letters",
                ExpectationReader.deadLetterKind
            )
        }
        expectation.personsMark = fields["persons"]?.mark
        expectation.persons = fields.list("persons").map { group in
            group.readList("a person", mistakes).compactMap(name)
        }
        expectation.profiles = fields.integer("profiles")
        for entry in fields.entries("counters") {
            guard RunCounters.names.contains(entry.key) else {
                let remedy = Suggestion.remedy(for: entry.key, among: RunCounters.names)
                mistakes.add("there is no counter `\(entry.key)`\(remedy)", at: entry.mark)
                continue
            }
            let value = entry.value.readInteger("`\(entry.key)`", in: 0 ... .max, mistakes)
            if let value {
                expectation.counters.append(
                    Expectation.Counter(name: entry.key, value: value, mark: entry.mark)
                )
            }
        }
        if (fields.node.entries ?? []).isEmpty {
            mistakes.add("`expect` says nothing; `commands: []` means none", at: fields.mark)
        }
        return expectation
    }

    private func name(_ node: YAMLNode) -> PersonName? {
        if let entries = node.entries, entries.count == 1,
            let kind = ExpectationReader.personKeys.first(where: { $0.key == entries[0].key }),
            let value = entries[0].value.readText("`\(kind.key)`", mistakes)
        {
            return PersonName(kind: kind.value, value: value)
        }
        if let text = node.text, !node.isNull { return PersonName(kind: nil, value: text) }
        node.reject("a person", expected: "an identifier such as u1 or {anonymous: a1}", mistakes)
        return nil
    }

    private func patterns(_ fields: Fields, _ key: String, _ kind: MappingKind) -> [Pattern] {
        fields.list(key).compactMap { node in
            Fields(node, as: kind, mistakes).map(pattern)
        }
    }

    private func pattern(_ fields: Fields) -> Pattern {
        var pattern = Pattern(mark: fields.mark)
        for key in fields.kind.keys {
            guard let node = fields[key] else { continue }
            if let kind = ExpectationReader.personKeys.first(where: { $0.key == key })?.value {
                if pattern.person != nil {
                    mistakes.add("one of user, anonymous, email, … is enough", at: node.mark)
                }
                pattern.person = node.readText("`\(key)`", mistakes).map {
                    PersonName(kind: kind, value: $0)
                }
            } else if ExpectationReader.timeFields.contains(key) {
                if let time = node.readInstant("`\(key)`", start: start, mistakes) {
                    pattern.times.append((key, time))
                }
            } else {
                readValue(key, node, &pattern)
            }
        }
        return pattern
    }

    private func readValue(_ key: String, _ node: YAMLNode, _ pattern: inout Pattern) {
        switch key {
        case "products":
            pattern.products = node.readList("`products`", mistakes).compactMap {
                $0.readText("a product", mistakes)
            }
        case "rules":
            pattern.rules = node.readList("`rules`", mistakes).compactMap {
                $0.readText("a rule", mistakes)
            }
        case "count":
            pattern.count = node.readInteger("`count`", in: 0 ... .max, mistakes)
        case "outcome":
            checkName(node, "`outcome`", Outcome.allCases.map(\.name))
            pattern.values.append((key, node))
        case "channel":
            checkName(node, "`channel`", Channel.allCases.map(\.name))
            pattern.values.append((key, node))
        case "reason":
            checkName(node, "`reason`", DeadLetterReason.allCases.map(\.name))
            pattern.values.append((key, node))
        default:
            pattern.values.append((key, node))
        }
    }

    private func checkName(_ node: YAMLNode, _ what: String, _ names: [String]) {
        guard let text = node.text, names.contains(text) else {
            let remedy = node.text.map { Suggestion.remedy(for: $0, among: names) } ?? ""
            mistakes.add("\(what) cannot be \(node.kindName)\(remedy)", at: node.mark)
            return
        }
    }
}
