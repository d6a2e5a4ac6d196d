import Events
import Flows

/// A way to start a flow: the key that names it and how it is read.
///
/// A new trigger is a new row (and its case of `FlowDefinition.Trigger`).
struct TriggerKind: Sendable {
    /// The key that names the kind.
    var key: String
    /// Keys that belong to it besides.
    var otherKeys: [String]
    /// Reads it; the key is there.
    var read: @Sendable (Fields, FlowContext) -> FlowDefinition.Trigger?

    static let all = [
        TriggerKind(key: "abandoned", otherKeys: ["after"], read: abandoned),
        TriggerKind(key: "event", otherKeys: ["where"], read: event),
    ]

    static let mapping = MappingKind(
        "a trigger",
        keys: all.flatMap { [$0.key] + $0.otherKeys }
    )

    /// Reads a trigger by the row that one of its keys names.
    static func read(_ fields: Fields, _ context: FlowContext) -> FlowDefinition.Trigger? {
        KindTable.find(all, in: fields, key: \.key, otherKeys: \.otherKeys)?.read(fields, context)
    }

    private static func abandoned(
        _ fields: Fields,
        _ context: FlowContext
    ) -> FlowDefinition.Trigger? {
        let stage = fields.choice(
            "abandoned",
            of: ["view": 1, "cart": 2, "checkout": 3] as KeyValuePairs
        )
        let shortest: TimeSpan = context.options.allowShortWindows ? .seconds(1) : .minutes(5)
        let standard: TimeSpan = stage == 3 ? .minutes(30) : .minutes(60)
        let span = fields.span("after", in: shortest ... .days(7), default: standard)
        switch stage {
        case 1: return .abandonedView(inactivity: span)
        case 2: return .abandonedCart(inactivity: span)
        case 3: return .abandonedCheckout(inactivity: span)
        default: return nil
        }
    }

    private static func event(
        _ fields: Fields,
        _ context: FlowContext
    ) -> FlowDefinition.Trigger? {
        guard let name = fields["event"].flatMap(context.eventName) else { return nil }
        let condition = context.condition("where", of: fields, hasEvent: true)
        return .event(FlowDefinition.EventMatch(name: name, condition: condition))
    }
}

/// Finds the row of a table that a mapping means, by the one key that names a row.
enum KindTable {
    static func find<Kind>(
        _ table: [Kind],
        in fields: Fields,
        key: (Kind) -> String,
        otherKeys: (Kind) -> [String]
    ) -> Kind? {
        let found = table.filter { fields.has(key($0)) }
        guard let kind = found.first else {
            let names = table.map { "`\(key($0))`" }.joined(separator: ", ")
            fields.mistakes.add("\(fields.kind.name) needs one of \(names)", at: fields.mark)
            return nil
        }
        if found.count > 1 {
            fields.reject(key(found[1]), "and `\(key(kind))` exclude each other")
            return nil
        }
        let others = table.flatMap(otherKeys)
        for name in fields.kind.keys
        where others.contains(name) && fields.has(name) && !otherKeys(kind).contains(name) {
            fields.reject(name, "does not go with `\(key(kind))`")
        }
        return kind
    }
}
