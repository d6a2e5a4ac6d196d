import Events
import Pipeline

/// An identifier as a test writes it.
struct Name: Hashable, Comparable, CustomStringConvertible {
    var kind: IdentifierKind
    var value: String

    var description: String { "\(kind.name)=\(value)" }

    func hash(_ rules: Rules) -> Hash128 { rules.hashKey.hash(kind: kind.rawValue, value) }

    /// The country of a phone, by its prefix.
    var country: UInt16 {
        guard kind == .phone else { return 0 }
        if value.hasPrefix("+91") { return PackedLetters.country("IN") ?? 0 }
        if value.hasPrefix("+48") { return PackedLetters.country("PL") ?? 0 }
        if value.hasPrefix("+1") { return PackedLetters.country("US") ?? 0 }
        return 0
    }

    static func < (left: Name, right: Name) -> Bool {
        (left.kind.rawValue, left.value) < (right.kind.rawValue, right.value)
    }
}

/// A product as an event names it; the price is in millionths.
struct Item {
    var id: String?
    var quantity: Int?
    var price: Int64?
}

/// Something a customer did, before it becomes bytes.
struct Happening {
    var meaning: EventMeaning
    var name: String
    /// Event time and time of arrival, in milliseconds since 1970.
    var time: Int64
    var received: Int64?
    var messageID: String
    /// Strongest first.
    var own: [Name] = []
    /// `previousId` of an alias, in both of its roles.
    var previous: [Name] = []
    var cart: String?
    var checkout: String?
    var order: String?
    var items: [Item] = []
    var hasList = false
    var channel: Channel?
    var consent = ConsentState.none
    var endpoint: Name?
    var keyword = InboundKeyword.other
    var zone: String?
    var zoneIsTrait = false
    var country: String?
    var plan: String?
    var partition = 0

    /// All identifiers in the order in which they are joined.
    var names: [(name: Name, isPrevious: Bool)] {
        let all = own.map { ($0, false) } + previous.map { ($0, true) }
        return all.enumerated().sorted {
            ($0.element.0.kind.rawValue, $0.offset) < ($1.element.0.kind.rawValue, $1.offset)
        }.map { (name: $0.element.0, isPrevious: $0.element.1) }
    }

    /// The name by which flows are triggered, hashed.
    func nameHash(_ rules: Rules) -> UInt64 {
        rules.hashKey.hash(kind: HashKind.eventName, name).low
    }

    /// What settles operations of one instant: the hash of messageId and strongest identifier.
    func fingerprint(_ rules: Rules) -> UInt64 {
        guard let strongest = names.first?.name else { return 0 }
        var state = rules.hashKey.begin(kind: HashKind.message)
        state.append(strongest.hash(rules))
        for byte in messageID.utf8 { state.append(byte) }
        return state.finish().low
    }
}

/// One step of a story.
enum Moment {
    case event(Happening)
    /// The wall clock moves; `isCaughtUp` when nothing more waits to be read.
    case clock(Int64, isCaughtUp: Bool)
    /// Event time passes through a second, as at the end of a file.
    case pass(Int64)
}

/// A shop's rules and what happened in it.
struct Story {
    var rules: Rules
    var partitions = 1
    var moments: [Moment]
}

// MARK: Reading

/// An instant as RFC 3339 in UTC with milliseconds.
func stamp(_ milliseconds: Int64) -> String {
    let second = floorDivide(milliseconds, 1_000)
    let day = floorDivide(second, 86_400)
    let date = CivilDate(day: day)
    let left = second - day * 86_400
    func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        + "T\(padded(left / 3_600, 2)):\(padded(left / 60 % 60, 2)):\(padded(left % 60, 2))"
        + ".\(padded(milliseconds - second * 1_000, 3))Z"
}

/// The instant that such a text names.
func readStamp(_ text: String) -> Int64 {
    let numbers = text.split { !$0.isNumber }.compactMap { Int64($0) }
    guard numbers.count == 7 else { return 0 }
    let day = CivilDate(year: numbers[0], month: numbers[1], day: numbers[2]).dayNumber
    let second = ((day * 24 + numbers[3]) * 60 + numbers[4]) * 60 + numbers[5]
    return second * 1_000 + numbers[6]
}

extension Moment: CustomStringConvertible {
    var description: String {
        switch self {
        case .clock(let time, let isCaughtUp):
            "clock \(stamp(time))\(isCaughtUp ? "" : " (behind)")"
        case .pass(let second): "pass  \(stamp(second * 1_000))"
        case .event(let event): event.description
        }
    }
}

extension Happening: CustomStringConvertible {
    var description: String {
        var parts = ["event \(stamp(time)) \(name)"]
        parts += own.map(\.description)
        parts += previous.map { "previous:\($0)" }
        if let cart { parts.append("cart=\(cart)") }
        if let checkout { parts.append("checkout=\(checkout)") }
        if let order { parts.append("order=\(order)") }
        if !items.isEmpty || hasList {
            let lines = items.map { item in
                (item.id ?? "?") + (item.quantity.map { "×\($0)" } ?? "")
                    + (item.price.map { "@\($0 / 1_000_000)" } ?? "")
            }
            parts.append("\(hasList ? "list" : "")[\(lines.joined(separator: ", "))]")
        }
        if let channel { parts.append("on \(channel.name)") }
        if meaning == .consentUpdated { parts.append("-> \(consent.name)") }
        if let endpoint { parts.append("at \(endpoint)") }
        if meaning == .messageReceived { parts.append("says \(keyword)") }
        if let zone { parts.append("zone=\(zone)\(zoneIsTrait ? " (trait)" : "")") }
        if let country { parts.append("country=\(country)") }
        if let plan { parts.append("plan=\(plan)") }
        if let received { parts.append("received \(stamp(received))") }
        parts.append(messageID)
        return parts.joined(separator: " ")
    }
}
