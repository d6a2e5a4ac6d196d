import Events
import Identity
import Pipeline

// Who is who, from the rules ID-1 to ID-12, by scanning lists.

/// An identifier value that was seen.
final class SeenName {
    let name: Name
    let hash: Hash128
    /// Event time of the earliest event that carried it.
    var first: Int64 = .max
    /// Whom it leads to.
    var person: Person?
    /// Who has it as an endpoint.
    var holders: [Person] = []
    /// Everything that was said about it.
    var consents: [ConsentFact] = []
    /// The user ids it was seen with.
    var users: Set<Name> = []
    /// A device of several people (ID-10), and how many collections it began.
    var isAmbiguous = false
    var collections: UInt64 = 0
    /// Seen with too many user ids (ID-11).
    var isQuarantined = false

    init(_ name: Name, _ rules: Rules) {
        self.name = name
        hash = name.hash(rules)
    }

    /// What may be sent to it on a channel: everything said, folded by event time. On a tie the
    /// more restrictive wins (CO-2); START gives back what STOP took (CO-5).
    ///
    func consent(_ channel: Channel) -> ConsentState {
        func rank(_ fact: ConsentFact) -> Int {
            switch fact.what {
            case .start: -1
            case .set(let state): Int(state.rawValue)
            case .stop: Int(ConsentState.unsubscribed.rawValue)
            }
        }
        let told = consents.filter { $0.channel == channel }
            .sorted { ($0.time, rank($0)) < ($1.time, rank($1)) }
        var state = ConsentState.none
        var before: ConsentState?
        for fact in told {
            switch fact.what {
            case .set(let new):
                state = new
                before = nil
            case .stop:
                // STOP takes marketing away; it lifts no suppression.
                before = before ?? state
                state = max(state, .unsubscribed)
            case .start:
                state = before ?? state
                before = nil
            }
        }
        return state
    }
}

/// Something said about an endpoint.
struct ConsentFact {
    enum What: Equatable {
        case set(ConsentState)
        case stop
        case start
    }

    var channel: Channel
    var what: What
    var time: Int64
}

/// Which kinds of endpoint a channel writes to, best first.
func endpointKinds(_ channel: Channel) -> [IdentifierKind] {
    switch channel {
    case .email: [.email]
    case .sms, .viber: [.phone]
    case .whatsApp: [.whatsAppID, .phone]
    case .telegram: [.telegramChatID]
    case .webPush: [.webPushToken]
    case .mobilePush: [.pushToken]
    case .inApp, .appInbox: []
    }
}

extension ReferencePipeline {
    func seen(_ name: Name) -> SeenName {
        if let known = names[name] { return known }
        let new = SeenName(name, rules)
        names[name] = new
        return new
    }

    /// Whom an event belongs to; joins its identifiers, strongest first (ID-4).
    func resolve(_ event: Happening) -> Person? {
        var person: Person?
        var isBarred = false
        let user = event.names.first { $0.name.kind == .userID }?.name
        for (name, isPrevious) in event.names {
            let node = seen(name)
            node.first = min(node.first, event.time)
            if let user, [.email, .phone, .deviceID].contains(name.kind), !node.isQuarantined {
                node.users.insert(user)
                if node.users.count > rules.identity.userIDsPerValueMax {
                    node.isQuarantined = true
                }
            }
            if person == nil {
                person = node.person ?? begin(at: node, event)
                // What is quarantined or ambiguous joins nobody.
                isBarred = node.isQuarantined || person!.isAmbiguous
            } else if node.isAmbiguous {
                attribute(node, to: person!, event)
            } else if !isBarred, !node.isQuarantined {
                person = join(person!, node, isAlias: isPrevious, event)
            }
            if name.kind.isEndpoint { hold(node, by: person!) }
        }
        return person
    }

    /// A person of whom only this identifier is known.
    private func begin(at node: SeenName, _ event: Happening) -> Person {
        var state = rules.hashKey.begin(kind: HashKind.profile)
        state.append(node.hash)
        if node.isAmbiguous {
            node.collections += 1
            state.append(node.collections)
        }
        let person = Person(id: state.finish(), root: node)
        person.isAmbiguous = node.isAmbiguous
        person.isKnown = node.name.kind == .userID
        node.person = person
        if !node.isAmbiguous { person.links.append(Link(node, event.time, isIdentifier: true)) }
        people.append(person)
        return person
    }

    /// ID-10's option: what the device collected since its last log-in goes to who logs in now.
    private func attribute(_ node: SeenName, to person: Person, _ event: Happening) {
        guard rules.identity.sessionAttribution, let collected = node.person,
            person.isKnown, !person.isAmbiguous
        else { return }
        merge(collected, into: person, event)
        node.person = nil
    }

    private func join(
        _ person: Person,
        _ node: SeenName,
        isAlias: Bool,
        _ event: Happening
    ) -> Person {
        let limits = rules.identity
        guard let other = node.person else {
            let links = person.links.filter {
                $0.isIdentifier && $0.node.name.kind == node.name.kind
                    && $0.time > event.time - limits[node.name.kind].span.milliseconds
            }
            // A second user id comes by alias only.
            let isFree =
                node.name.kind == .userID
                ? isAlias || !person.isKnown : links.count + 1 <= limits[node.name.kind].count
            if isFree, person.links.count < limits.mappingsMax {
                node.person = person
                person.links.append(Link(node, event.time, isIdentifier: true))
                if node.name.kind == .userID { person.isKnown = true }
            }
            return person
        }
        if other === person || other.isAmbiguous { return person }
        if person.isKnown, other.isKnown, !isAlias {
            // Two users: a device becomes ambiguous, an address stays where it is.
            let isDevice = [.anonymousID, .deviceID].contains(node.name.kind)
            if isDevice {
                node.isAmbiguous = true
                node.person = nil
            }
            if isDevice || !node.holders.contains(where: { $0 === person }) {
                outcomes.identity.append(
                    "\(stamp(event.time)) \(hexadecimal(person.id)) conflicts with "
                        + "\(hexadecimal(other.id)) over \(node.name.kind.name) \(event.messageID)"
                )
            }
            return person
        }
        guard fits(person, other, event.time) else { return person }
        if person.outranks(other) {
            merge(other, into: person, event)
            return person
        }
        merge(person, into: other, event)
        return other
    }

    /// Whether the union stays within the limits (ID-1, ID-12). User ids are not counted here:
    /// that two of them meet only by alias is settled before.
    ///
    private func fits(_ one: Person, _ other: Person, _ time: Int64) -> Bool {
        let limits = rules.identity
        let links = one.links + other.links
        if one.absorbed.count + other.absorbed.count + 1 > limits.mergesMax { return false }
        if links.count > limits.mappingsMax { return false }
        for kind in IdentifierKind.allCases where kind != .userID {
            let counted = links.filter {
                $0.isIdentifier && $0.node.name.kind == kind
                    && $0.time > time - limits[kind].span.milliseconds
            }
            if counted.count > limits[kind].count { return false }
        }
        return true
    }

    /// One person takes in another.
    private func merge(_ absorbed: Person, into survivor: Person, _ event: Happening) {
        for node in names.values {
            if node.person === absorbed { node.person = survivor }
            if node.holders.contains(where: { $0 === absorbed }) {
                node.holders.removeAll { $0 === absorbed || $0 === survivor }
                node.holders.append(survivor)
            }
        }
        survivor.links += absorbed.links
        survivor.isKnown = survivor.isKnown || absorbed.isKnown
        let gone = [absorbed.id] + absorbed.absorbed
        survivor.absorbed = gone + survivor.absorbed
        for id in gone {
            outcomes.identity.append(
                "\(stamp(event.time)) \(hexadecimal(survivor.id)) <- \(hexadecimal(id)) "
                    + event.messageID
            )
        }
        for waiting in absorbed.waiting { wait(waiting, survivor) }
        settleWaiting(survivor)
        people.removeAll { $0 === absorbed }
        bring(absorbed, into: survivor, event)
    }

    private func hold(_ node: SeenName, by person: Person) {
        guard !person.isAmbiguous, !node.holders.contains(where: { $0 === person }),
            node.holders.count < rules.identity.holdersMax
        else { return }
        node.holders.append(person)
        if node.person !== person { person.links.append(Link(node, 0, isIdentifier: false)) }
        settleWaiting(person)
    }

    // MARK: Consent

    /// The endpoints of a person that serve a channel.
    func endpoints(_ person: Person, _ channel: Channel) -> [SeenName] {
        names.values.filter {
            endpointKinds(channel).contains($0.name.kind)
                && $0.holders.contains { $0 === person }
        }
    }

    func applyConsent(_ event: Happening, _ person: Person) {
        switch event.meaning {
        case .consentUpdated:
            guard let channel = event.channel else { return }
            tell(.set(event.consent), channel, event, person)
        case .unsubscribed:
            tell(.set(.unsubscribed), event.channel ?? .email, event, person)
        case .markedAsSpam:
            tell(.set(.suppressed), event.channel ?? .email, event, person)
        case .messageReceived:
            guard let channel = event.channel, let writer = event.endpoint else { return }
            let node = seen(writer)
            switch event.keyword {
            case .other: return
            case .start: node.consents.append(fact(.start, channel, event))
            case .stop: node.consents.append(fact(.stop, channel, event))
            case .stopAll:
                // CO-5: all marketing to every endpoint of everybody who holds the writing one.
                for channel in Channel.allCases {
                    for holder in node.holders {
                        for endpoint in endpoints(holder, channel) {
                            endpoint.consents.append(fact(.stop, channel, event))
                        }
                    }
                }
            }
        default: return
        }
    }

    private func fact(
        _ what: ConsentFact.What,
        _ channel: Channel,
        _ event: Happening
    ) -> ConsentFact {
        ConsentFact(channel: channel, what: what, time: event.time)
    }

    /// A consent goes to the endpoint it names, else to all that the profile has on the channel,
    /// else it waits for the first.
    private func tell(
        _ what: ConsentFact.What,
        _ channel: Channel,
        _ event: Happening,
        _ person: Person
    ) {
        if let endpoint = event.endpoint {
            seen(endpoint).consents.append(fact(what, channel, event))
            return
        }
        wait(fact(what, channel, event), person)
        settleWaiting(person)
    }

    private func wait(_ fact: ConsentFact, _ person: Person) {
        guard case .set(let state) = fact.what else { return }
        if let index = person.waiting.firstIndex(where: { $0.channel == fact.channel }) {
            guard case .set(let old) = person.waiting[index].what else { return }
            if (fact.time, state.rawValue) > (person.waiting[index].time, old.rawValue) {
                person.waiting[index] = fact
            }
        } else {
            person.waiting.append(fact)
        }
    }

    private func settleWaiting(_ person: Person) {
        person.waiting.removeAll { fact in
            let found = endpoints(person, fact.channel)
            for endpoint in found { endpoint.consents.append(fact) }
            return !found.isEmpty
        }
    }
}
