import Events
import Flows

/// What conditions can ask about: one row for each subject.
///
/// A new subject is a new row (and its case of `Condition.Subject`).
struct ConditionSubject: Sendable {
    /// What kind of value a subject has.
    enum Form: Sendable {
        case number
        case truth
        case country
        case currency
        /// A trait or property: whatever the event brought.
        case any
    }

    /// The key, or its beginning if the rest is free.
    var key: String
    /// Whether what follows the key is a free name.
    var isPrefix = false
    /// Reads the entry, whose key matches; `rest` is what follows.
    var read: @Sendable (_ entry: YAMLNode.Entry, _ rest: String, ConditionReader) -> Condition?
    /// Whether it needs an event.
    var needsEvent = false

    static let all: [ConditionSubject] = [
        plain("cart.value", .cartValue, .number),
        plain("cart.quantity", .cartQuantity, .number),
        plain("cart.lines", .cartLines, .number),
        plain("cart.currency", .cartCurrency, .currency),
        plain("profile.known", .isKnown, .truth),
        plain("country", .country, .country),
        ConditionSubject(key: "reachable", read: reachable),
        ConditionSubject(key: "orders", read: orders),
        ConditionSubject(key: "orders.within_", isPrefix: true, read: ordersWithin),
        ConditionSubject(key: "profile.", isPrefix: true) { entry, rest, reader in
            attribute("traits." + rest, entry, reader).flatMap { index in
                reader.tests(entry.value, of: .profile(attribute: index), as: .any)
            }
        },
        ConditionSubject(
            key: "event.",
            isPrefix: true,
            read: { entry, rest, reader in
                attribute("properties." + rest, entry, reader).flatMap { index in
                    reader.tests(entry.value, of: .event(attribute: index), as: .any)
                }
            },
            needsEvent: true
        ),
    ]

    /// The keys for suggestions and documentation.
    static let names = all.map { $0.isPrefix ? $0.key + "…" : $0.key }

    /// Reads the entry by the row that its key names.
    static func find(
        _ entry: YAMLNode.Entry,
        hasEvent: Bool,
        in reader: ConditionReader
    ) -> Condition? {
        for subject in all {
            let matches =
                subject.isPrefix ? entry.key.hasPrefix(subject.key) : entry.key == subject.key
            guard matches else { continue }
            if subject.needsEvent, !hasEvent {
                reader.mistakes.add(
                    "`\(entry.key)` can be asked of a trigger's, goal's or exit's event only",
                    at: entry.mark
                )
                return nil
            }
            return subject.read(entry, String(entry.key.dropFirst(subject.key.count)), reader)
        }
        let remedy = Suggestion.remedy(for: entry.key, among: names + ["all", "any", "not"])
        reader.mistakes.add("a condition cannot ask about `\(entry.key)`\(remedy)", at: entry.mark)
        return nil
    }

    // MARK: Rows

    private static func plain(
        _ key: String,
        _ subject: Condition.Subject,
        _ form: Form
    ) -> ConditionSubject {
        ConditionSubject(key: key) { entry, _, reader in
            reader.tests(entry.value, of: subject, as: form)
        }
    }

    private static func attribute(
        _ path: String,
        _ entry: YAMLNode.Entry,
        _ reader: ConditionReader
    ) -> UInt16? {
        guard !path.split(separator: ".", omittingEmptySubsequences: false).contains("") else {
            reader.mistakes.add("`\(entry.key)` lacks a name behind the dot", at: entry.mark)
            return nil
        }
        guard let index = reader.attributes.index(of: path) else {
            reader.mistakes.add(
                "conditions ask for more than \(AttributeTable.max) traits and properties",
                at: entry.mark
            )
            return nil
        }
        return index
    }

    // `reachable: sms`; of several channels one is enough.
    private static func reachable(
        _ entry: YAMLNode.Entry,
        _ rest: String,
        _ reader: ConditionReader
    ) -> Condition? {
        let nodes = entry.value.readList("`reachable`", reader.mistakes)
        let channels = nodes.compactMap { $0.readChannel("`reachable`", reader.mistakes) }
        guard !channels.isEmpty, channels.count == nodes.count else { return nil }
        let parts = channels.map {
            Condition.test(.reachable($0), .isOneOf([.boolean(true)]))
        }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    // `orders: {within: 30d, at_least: 1}`
    private static func orders(
        _ entry: YAMLNode.Entry,
        _ rest: String,
        _ reader: ConditionReader
    ) -> Condition? {
        guard let within = entry.value["within"] else {
            reader.mistakes.add(
                "`orders` needs `within`, such as {within: 30d, at_least: 1}",
                at: entry.value.mark
            )
            return nil
        }
        guard let span = within.readSpan("`within`", in: orderSpans, reader.mistakes) else {
            return nil
        }
        return reader.tests(
            entry.value,
            of: .orderCount(within: span),
            as: .number,
            besides: ["within"]
        )
    }

    // `orders.within_30d: {at_least: 1}`
    private static func ordersWithin(
        _ entry: YAMLNode.Entry,
        _ rest: String,
        _ reader: ConditionReader
    ) -> Condition? {
        let span = YAMLNode(text: rest, at: entry.mark)
            .readSpan("`orders.within_…`", in: orderSpans, reader.mistakes)
        return span.flatMap {
            reader.tests(entry.value, of: .orderCount(within: $0), as: .number)
        }
    }

    private static let orderSpans: ClosedRange<TimeSpan> = .minutes(1) ... .days(4_000)
}
