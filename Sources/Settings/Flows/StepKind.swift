import Events
import Flows

/// A thing that a step can do: the key that names it and how it is read.
///
/// A new kind of step is a new row (and its case of `FlowDefinition.Action`).
struct StepKind: Sendable {
    /// The key that names the kind.
    var key: String
    /// Keys that belong to it besides.
    var otherKeys: [String]
    /// Reads it; the key is there.
    var read: @Sendable (Fields, StepContext) -> FlowDefinition.Action?

    static let all = [
        StepKind(key: "send", otherKeys: ["delay"], read: send),
        StepKind(key: "wait", otherKeys: []) { _, _ in .wait },
        StepKind(key: "condition", otherKeys: ["else", "delay"], read: branch),
    ]

    static let mapping = MappingKind(
        "a step",
        keys: ["id", "description", "send", "wait", "condition", "else", "after", "delay", "if"],
        required: ["id"]
    )
    static let sendKind = MappingKind(
        "`send`",
        keys: [
            "channel", "channels", "fallback", "template", "expires_after", "variables",
            "compliance", "confirms_subscription",
        ]
    )

    private static func send(_ fields: Fields, _ step: StepContext) -> FlowDefinition.Action? {
        guard let send = fields.section("send", as: sendKind) else { return nil }
        var channels: [Channel] = []
        if send.has("channel"), send.has("channels") {
            send.reject("channels", "and `channel` exclude each other")
        }
        if let channel = send["channel"]?.readChannel("`channel`", send.mistakes) {
            channels = [channel]
        }
        channels += step.channels("channels", of: send)
        if channels.isEmpty, !send.has("channel"), !send.has("channels") {
            send.mistakes.add("`send` needs the key `channel` or `channels`", at: send.mark)
        }
        let fallback = step.channels("fallback", of: send)
        for channel in fallback where channels.contains(channel) {
            send.reject("fallback", "repeats the step's own channel `\(channel.name)`")
        }
        let message = FlowDefinition.Message(
            channels: channels,
            fallback: fallback,
            template: send.text("template", default: "\(step.flow)_\(step.id)"),
            expiresAfter: send.span("expires_after", in: .minutes(1) ... .days(30)),
            confirmsSubscription: send.truth("confirms_subscription", default: false),
            compliance: step.pairs("compliance", of: send),
            variables: step.pairs("variables", of: send)
        )
        return channels.isEmpty ? nil : .send(message)
    }

    private static func branch(_ fields: Fields, _ step: StepContext) -> FlowDefinition.Action? {
        let otherwise = fields["else"].flatMap { step.laterStep($0) }
        return step.flowContext.condition("condition", of: fields).map {
            .branch($0, otherwise: otherwise)
        }
    }
}

/// What a step's readers know of the flow around it.
struct StepContext {
    let flowContext: FlowContext
    let flow: String
    let id: String
    let index: Int
    /// The ids of all steps, in order.
    let ids: [String]

    /// The position of an earlier step.
    func earlierStep(_ node: YAMLNode) -> Int? { step(node, "`after`") { $0 < index } }

    /// The position of a later step: a flow never goes back.
    func laterStep(_ node: YAMLNode) -> Int? { step(node, "`else`") { $0 > index } }

    private func step(
        _ node: YAMLNode,
        _ what: String,
        where isAllowed: (Int) -> Bool
    ) -> Int? {
        let mistakes = flowContext.mistakes
        guard let name = node.readText(what, mistakes) else { return nil }
        guard let found = ids.firstIndex(of: name) else {
            let possible = ids.indices.filter(isAllowed).map { ids[$0] }
            let remedy = Suggestion.remedy(for: name, among: possible)
            mistakes.add("\(what): the flow has no step `\(name)`\(remedy)", at: node.mark)
            return nil
        }
        guard isAllowed(found) else {
            let order = what == "`after`" ? "an earlier" : "a later"
            mistakes.add("\(what) must name \(order) step; `\(name)` is none", at: node.mark)
            return nil
        }
        return found
    }

    /// A list of channels without repetitions.
    func channels(_ key: String, of fields: Fields) -> [Channel] {
        var channels: [Channel] = []
        for node in fields.list(key) {
            guard let channel = node.readChannel("`\(key)`", fields.mistakes) else { continue }
            if channels.contains(channel) {
                fields.mistakes.add("`\(channel.name)` stands here twice", at: node.mark)
            } else {
                channels.append(channel)
            }
        }
        return channels
    }

    /// A mapping that is passed through, in order of name.
    func pairs(_ key: String, of fields: Fields) -> [FlowDefinition.Pair] {
        fields.entries(key).compactMap { entry in
            entry.value.readText("`\(entry.key)`", fields.mistakes).map {
                FlowDefinition.Pair(name: entry.key, value: $0)
            }
        }.sorted { $0.name < $1.name }
    }
}
