import Events
import Settings

/// Turns the profiles and events of a scenario into the records that a shop would send.
struct RecordWriter {
    private static let calls = ["track", "identify", "alias", "page", "screen", "group"]
    static let eventKind = MappingKind(
        "an event",
        keys: ["at", "received", "user", "anonymous"] + calls + [
            "event", "record", "properties", "traits", "context", "message_id", "copies", "repeat",
        ]
    )
    static let profileKind = MappingKind(
        "a profile",
        keys: [
            "user", "anonymous", "email", "phone", "time_zone", "locale", "consent", "traits", "at",
        ]
    )
    static let repeatKind = MappingKind(
        "`repeat`",
        keys: ["times", "every", "with"],
        required: ["times"]
    )
    static let aliasKind = MappingKind("an alias", keys: ["previous"], required: ["previous"])
    private static let outbound: [Channel] = [
        .email, .sms, .whatsApp, .viber, .telegram, .webPush, .mobilePush,
    ]

    let start: EventTime
    let mistakes: Mistakes

    // MARK: Profiles

    /// A profile is a log-in with its traits and one consent event a channel, when the clock begins.
    func records(ofProfiles entries: [YAMLNode.Entry]) -> [ScenarioRecord] {
        entries.flatMap { entry -> [ScenarioRecord] in
            guard let fields = Fields(entry.value, as: RecordWriter.profileKind, mistakes) else {
                return []
            }
            let time = fields["at"].flatMap { instant($0, "`at`") } ?? start
            var identity = JSONMembers()
            // Its name is its user id; `user: null` makes a person who never logged in.
            if fields.node["user"]?.isNull != true {
                identity.add("userId", JSONText.of(fields.text("user") ?? entry.key))
            }
            if let anonymous = fields.text("anonymous") {
                identity.add("anonymousId", JSONText.of(anonymous))
            }
            identity.add("timestamp", JSONText.of(ScenarioTime.write(time)))
            var traits = JSONMembers()
            for trait in fields.entries("traits") {
                traits.add(trait.key, JSONText.of(trait.value))
            }
            for (key, name) in [("email", "email"), ("phone", "phone"), ("time_zone", "timezone")] {
                if let text = fields.text(key) { traits.add(name, JSONText.of(text)) }
            }
            var login = identity
            login.add("type", JSONText.of("identify"))
            login.add("messageId", JSONText.of("profile-\(entry.key)"))
            login.add("traits", traits.object)
            if let locale = fields.text("locale") {
                login.add("context", "{\"locale\":\(JSONText.of(locale))}")
            }
            var records = [record(login.object, at: time)]
            for (channel, state) in consents(fields) {
                var change = identity
                change.add("type", JSONText.of("track"))
                change.add("event", JSONText.of("Consent Updated"))
                change.add("messageId", JSONText.of("profile-\(entry.key)-\(channel.name)"))
                change.add(
                    "properties",
                    "{\"channel\":\(JSONText.of(channel.name)),\"state\":\(JSONText.of(state))}"
                )
                records.append(record(change.object, at: time))
            }
            return records
        }
    }

    private func consents(_ fields: Fields) -> [(Channel, String)] {
        guard let node = fields["consent"] else { return [] }
        let states = ConsentState.allCases.map(\.name)
        func check(_ node: YAMLNode) -> String? {
            if let text = node.text, states.contains(text) { return text }
            let remedy = node.text.map { Suggestion.remedy(for: $0, among: states) } ?? ""
            mistakes.add("a consent cannot be \(node.kindName)\(remedy)", at: node.mark)
            return nil
        }
        guard let entries = node.entries else {
            return check(node).map { state in RecordWriter.outbound.map { ($0, state) } } ?? []
        }
        return entries.compactMap { entry in
            guard let channel = Channel(name: entry.key) else {
                let names = Channel.allCases.map(\.name)
                let remedy = Suggestion.remedy(for: entry.key, among: names)
                mistakes.add("there is no channel `\(entry.key)`\(remedy)", at: entry.mark)
                return nil
            }
            return check(entry.value).map { (channel, $0) }
        }
    }

    // MARK: Events

    /// The records of events, in file order.
    func records(of events: [YAMLNode]) -> [ScenarioRecord] {
        var records: [ScenarioRecord] = []
        for (index, node) in events.enumerated() {
            guard let fields = Fields(node, as: RecordWriter.eventKind, mistakes) else { continue }
            guard let rounds = rounds(fields) else { continue }
            for round in 0..<rounds.times {
                if records.count > ScenarioReader.recordsMax { return records }
                let event =
                    rounds.isRepeated ? substitute(node, round: round, rounds.values) : node
                let suffix = rounds.isRepeated ? "-\(round + 1)" : ""
                let before = mistakes.all.count
                let delay = TimeSpan(milliseconds: rounds.every.milliseconds * Int64(round))
                records += self.records(ofEvent: event, "e\(index + 1)\(suffix)", delay: delay)
                // What is wrong in the first round is wrong in all.
                if mistakes.all.count > before { break }
            }
        }
        return records
    }

    private struct Rounds {
        var times = 1
        var every = TimeSpan.zero
        var isRepeated = false
        var values: [(name: String, values: [YAMLNode])] = []
    }

    private func rounds(_ fields: Fields) -> Rounds? {
        guard let node = fields["repeat"] else { return Rounds() }
        var rounds = Rounds(isRepeated: true)
        if node.entries == nil {
            guard let times = fields.integer("repeat", in: 1...ScenarioReader.recordsMax) else {
                return nil
            }
            rounds.times = times
            return rounds
        }
        guard let repeats = fields.fields("repeat", as: RecordWriter.repeatKind),
            let times = repeats.integer("times", in: 1...ScenarioReader.recordsMax)
        else { return nil }
        rounds.times = times
        rounds.every = repeats.span("every") ?? .zero
        for entry in repeats.entries("with") {
            let values = entry.value.readList("`\(entry.key)`", mistakes)
            if values.isEmpty {
                entry.value.reject("`\(entry.key)`", expected: "a list of values", mistakes)
                return nil
            }
            rounds.values.append((entry.key, values))
        }
        return rounds
    }

    /// Puts the round's number for `<n>` and its value for the `<name>` of each list.
    private func substitute(
        _ node: YAMLNode,
        round: Int,
        _ lists: [(name: String, values: [YAMLNode])]
    ) -> YAMLNode {
        var copy = node
        switch node.content {
        case .scalar(let scalar):
            guard scalar.text.contains("<") else { return node }
            for list in lists where scalar.text == "<\(list.name)>" {
                return list.values[round % list.values.count]
            }
            var text = replace("<n>", in: scalar.text, with: "\(round + 1)")
            for list in lists {
                let value = list.values[round % list.values.count].text ?? ""
                text = replace("<\(list.name)>", in: text, with: value)
            }
            copy.content = .scalar(YAMLNode.Scalar(text, isQuoted: scalar.isQuoted))
        case .sequence(let elements):
            copy.content = .sequence(elements.map { substitute($0, round: round, lists) })
        case .mapping(let entries):
            copy.content = .mapping(
                entries.map { entry in
                    guard entry.key != "repeat" else { return entry }
                    var entry = entry
                    entry.value = substitute(entry.value, round: round, lists)
                    return entry
                }
            )
        }
        return copy
    }

    private func replace(_ word: String, in text: String, with value: String) -> String {
        text.split(separator: word, omittingEmptySubsequences: false).joined(separator: value)
    }

    private func records(
        ofEvent node: YAMLNode,
        _ id: String,
        delay: TimeSpan
    ) -> [ScenarioRecord] {
        guard let fields = Fields(node, as: RecordWriter.eventKind, mistakes) else { return [] }
        let at = fields["at"].flatMap { instant($0, "`at`") }
        let received = fields["received"].flatMap { instant($0, "`received`") } ?? at
        guard let received else {
            if fields["at"] == nil, fields["received"] == nil {
                mistakes.add("the event needs `at`, the instant at which it happens", at: node.mark)
            }
            return []
        }
        guard let value = value(of: fields, id, at: at.map { $0 + delay }) else { return [] }
        let copies = fields.integer("copies", in: 1...1_000) ?? 1
        return Array(repeating: record(value, at: received + delay), count: copies)
    }

    private func record(_ value: String, at received: EventTime) -> ScenarioRecord {
        ScenarioRecord(received: received, value: Array(value.utf8))
    }

    /// The value of a record, or nil after a mistake.
    private func value(of fields: Fields, _ id: String, at time: EventTime?) -> String? {
        let kinds = (RecordWriter.calls + ["event", "record"]).filter { fields.node[$0] != nil }
        guard kinds.count == 1 else {
            let what =
                kinds.isEmpty
                ? "the event needs one of" : "the event must be one thing only; there are"
            let names = kinds.isEmpty ? RecordWriter.calls + ["event", "record"] : kinds
            mistakes.add("\(what): \(names.joined(separator: ", "))", at: fields.mark)
            return nil
        }
        let kind = kinds[0]
        if kind == "record" { return fields.text("record") }
        if kind == "event" {
            guard let raw = fields["event"], raw.entries != nil else {
                fields.reject("event", "must be the event itself, a mapping")
                return nil
            }
            return JSONText.of(raw)
        }
        var event = JSONMembers()
        event.add("type", JSONText.of(kind))
        event.add("messageId", JSONText.of(fields.text("message_id") ?? id))
        for (key, name) in [("user", "userId"), ("anonymous", "anonymousId")] {
            // As text, whatever it looks like; raw events can have other types.
            if let text = fields.text(key) { event.add(name, JSONText.of(text)) }
        }
        if let time { event.add("timestamp", JSONText.of(ScenarioTime.write(time))) }
        addCall(kind, fields, &event)
        for key in ["properties", "context"] {
            guard let node = fields[key] else { continue }
            if node.entries == nil {
                node.reject("`\(key)`", expected: "a mapping", mistakes)
            }
            event.add(key, JSONText.of(node))
        }
        return event.object
    }

    private func addCall(_ kind: String, _ fields: Fields, _ event: inout JSONMembers) {
        switch kind {
        case "track":
            if let name = fields.text("track") { event.add("event", JSONText.of(name)) }
        case "page", "screen":
            if let name = fields.text(kind) { event.add("name", JSONText.of(name)) }
        case "alias":
            guard let node = fields["alias"] else { break }
            let previous =
                node.entries == nil
                ? fields.text("alias")
                : fields.fields("alias", as: RecordWriter.aliasKind)?.text("previous")
            if let previous { event.add("previousId", JSONText.of(previous)) }
        default:
            break
        }
        let traits = fields[kind == "identify" ? "identify" : "traits"]
        if let traits {
            if traits.entries == nil {
                traits.reject("the traits", expected: "a mapping", mistakes)
            }
            event.add("traits", JSONText.of(traits))
        }
    }

    private func instant(_ node: YAMLNode, _ what: String) -> EventTime? {
        node.readInstant(what, start: start, mistakes)
    }
}

/// The members of a JSON object, in order.
private struct JSONMembers {
    private var text = ""

    mutating func add(_ name: String, _ json: String) {
        if !text.isEmpty { text += "," }
        text += JSONText.of(name) + ":" + json
    }

    var object: String { "{" + text + "}" }
}
