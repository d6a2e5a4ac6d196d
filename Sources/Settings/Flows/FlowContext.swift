import Decoding
import Events
import Flows

/// What the readers of a flow's parts share.
struct FlowContext {
    let hashKey: SipHash
    let plan: TrackingPlan
    /// The tracking plan's file cannot be read, so nothing can be said about names of events.
    let isPlanBroken: Bool
    let conditions: ConditionReader
    let options: SettingsOptions
    let mistakes: Mistakes

    /// A condition that has no event to ask.
    func condition(_ key: String, of fields: Fields, hasEvent: Bool = false) -> Condition? {
        fields[key].flatMap { conditions.read($0, hasEvent: hasEvent) }
    }

    /// The hash of an event's canonical name; the tracking plan must know it.
    func eventName(_ node: YAMLNode) -> UInt64? {
        guard let text = node.readText("an event", mistakes) else { return nil }
        let wanted = text.lowercased()
        for event in plan.events {
            let names = [event.name] + event.aliases
            if names.contains(where: { $0.lowercased() == wanted }) {
                return EventNames.hash(event.name, hashKey: hashKey)
            }
        }
        // Calls that bring no name of their own are known by one all the same.
        let calls = EventNames.callNames.map(\.name) + [EventNames.mergeName]
        if calls.contains(wanted) { return EventNames.hash(wanted, hashKey: hashKey) }
        if isPlanBroken { return 0 }
        let names = plan.events.flatMap { [$0.name] + $0.aliases } + calls
        let nearest = Suggestion.nearest(to: text, among: names)
        let remedy = nearest.map { "did you mean `\($0)`?" } ?? "add it to its `events`"
        mistakes.add("the tracking plan has no event `\(text)`; \(remedy)", at: node.mark)
        return nil
    }

    static let matchKind = MappingKind("an event", keys: ["event", "where"], required: ["event"])

    /// Events that end a flow: names, or `{event: Name, where: condition}`.
    func matches(_ key: String, of fields: Fields) -> [FlowDefinition.EventMatch] {
        fields.list(key).compactMap { node in
            if node.entries == nil {
                return eventName(node).map { FlowDefinition.EventMatch(name: $0) }
            }
            guard let match = Fields(node, as: FlowContext.matchKind, mistakes),
                let name = match["event"].flatMap(eventName)
            else { return nil }
            return FlowDefinition.EventMatch(
                name: name,
                condition: condition("where", of: match, hasEvent: true)
            )
        }
    }
}
