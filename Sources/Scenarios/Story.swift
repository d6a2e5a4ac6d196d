import Encoding
import Events

/// One line of what happened: a command, a decision, or another output, and whose it is.
struct StoryLine: Sendable {
    /// Its time; nil for dead letters.
    var time: EventTime?
    /// The profile that owns it in the end.
    var profile: String?
    /// Its fields, by the names that expectations use.
    var fields: [String: JSONValue]
    /// The send id of a command.
    var sendID: String?

    /// The text of a field.
    func text(_ field: String) -> String? { fields[field]?.text }
}

/// The outputs of a run, sorted by what they are and told with the names of the scenario.
struct Story: Sendable {
    private(set) var commands: [StoryLine] = []
    private(set) var decisions: [StoryLine] = []
    private(set) var identity: [StoryLine] = []
    private(set) var reviews: [StoryLine] = []
    private(set) var deadLetters: [StoryLine] = []
    private let names: [String: String]
    private let profiles: [PersonName: String]
    private var survivors: [String: String] = [:]

    init(_ result: RunResult) {
        profiles = result.profiles
        var names: [String: String] = [:]
        // The strongest name of a profile is what it is called.
        let order = result.profiles.keys.sorted {
            ($0.kind?.rawValue ?? 0, $0.value) < ($1.kind?.rawValue ?? 0, $1.value)
        }
        for name in order {
            guard let profile = result.profiles[name], name.kind != nil else { continue }
            if names[profile] == nil { names[profile] = name.value }
        }
        self.names = names
        for output in result.outputs where output.topic == .identity {
            let value = JSONValue(json: output.value)
            if let absorbed = value["absorbed"]?.text, let survivor = value["survivor"]?.text {
                survivors[absorbed] = survivor
            }
        }
        for output in result.outputs { add(output) }
        // Outputs come in the order in which they were found out; people think in time.
        commands = Story.inOrder(commands)
        decisions = Story.inOrder(decisions)
    }

    private static func inOrder(_ lines: [StoryLine]) -> [StoryLine] {
        lines.enumerated().sorted {
            ($0.element.time ?? .none, $0.offset) < ($1.element.time ?? .none, $1.offset)
        }.map(\.element)
    }

    private mutating func add(_ output: RunOutput) {
        let value = JSONValue(json: output.value)
        var fields: [String: JSONValue] = [:]
        if case .object(let members) = value { fields = members }
        func header(_ name: String) -> JSONValue? { output.headers[name].map { .text($0) } }
        fields["at"] = fields["at"] ?? header("ce_time")
        var line = StoryLine(
            time: (fields["at"]?.text).flatMap { ScenarioTime.read($0, start: nil) },
            profile: owner(output.key),
            fields: fields
        )
        switch output.topic {
        case .decisions:
            decisions.append(line)
        case .identity:
            let type = output.headers["ce_type"] ?? ""
            let words = type.split(separator: ".")
            line.fields["type"] = .text(words.count > 1 ? String(words[1]) : type)
            identity.append(line)
        case .review:
            reviews.append(line)
        case .deadLetters:
            line.fields = [
                "reason": header("collie_reason") ?? .null,
                "field": header("collie_field") ?? .null,
            ]
            deadLetters.append(line)
        default:
            line.sendID = output.headers["ce_id"]
            line.fields["expires"] = header("ce_expirytime")
            line.fields["cause"] = header("ce_causationid")
            line.fields["rules"] = fields["explain"]?["rules"]
            commands.append(line)
        }
    }

    /// The profile that holds what was said of another in the end.
    private func owner(_ profile: String?) -> String? {
        guard var profile else { return nil }
        for _ in 0...survivors.count {
            guard let next = survivors[profile] else { return profile }
            profile = next
        }
        return profile
    }

    /// What a profile is called.
    func name(of profile: String?) -> String {
        guard let profile else { return "-" }
        return names[profile] ?? "profile " + profile.prefix(8)
    }

    /// The profile of a name, or nil if nobody has it.
    func profile(of name: PersonName) -> String? { profiles[name] ?? nil }
}
