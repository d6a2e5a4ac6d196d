import Events
import Flows
import FrequencyCapping
import Identity
import Pipeline
import TimeZones
import Windows

/// Makes up stories by seed.
///
/// Every seed draws its own weights and leaves some kinds of event out altogether, so that over
/// many seeds the rare things meet each other too (swarm testing: Groce et al., 2012).
struct StoryTeller {
    private var dice: Dice
    private var clock: Int64 = 0
    private var isLive = false
    private var moments: [Moment] = []
    private var messages = 0
    private var partitions = 1
    private var isHoarding = false
    private var persons: [Habits] = []
    private var past: [Happening] = []
    private let products = ["A", "B", "C", "D"]

    /// How one person behaves.
    private struct Habits {
        var user: Name?
        var anonymous: [Name]
        var addresses: [Name]
        var device: Name?
        var isLoggedIn: Bool
    }

    static let zones: ZoneTable = {
        let names = [
            "America/Los_Angeles", "America/New_York", "Asia/Kolkata", "Europe/Warsaw",
        ]
        return ZoneTable(
            names.compactMap(SystemZones.zone),
            countries: [
                "IN": ["Asia/Kolkata"], "PL": ["Europe/Warsaw"],
                "US": ["America/Los_Angeles", "America/New_York"],
            ]
        )
    }()

    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 3_600_000

    /// The story of a seed.
    static func story(_ seed: UInt64) -> Story {
        var teller = StoryTeller(dice: Dice(seed: seed))
        return teller.tell()
    }

    private init(dice: Dice) { self.dice = dice }

    private mutating func tell() -> Story {
        let rules = shop()
        // Days on which clocks change are told of more often than others.
        let day = dice.pick(
            ["2026-05-04", "2026-05-04", "2026-03-28", "2026-10-24", "2026-10-31", "2026-03-07"]
        )
        let parts = day.split(separator: "-").map { Int64($0) ?? 0 }
        let date = CivilDate(year: parts[0], month: parts[1], day: parts[2])
        clock = date.dayNumber * 86_400_000 + Int64(dice.below(24)) * Self.hour
        isLive = dice.chance(30)
        people()
        let events = 12 + dice.below(40)
        let pace = dice.pick([20_000, 5 * Self.minute, 20 * Self.minute, 90 * Self.minute])
        let lateness = dice.pick([0, 0, 10, 30])
        let repeats = dice.pick([0, 5, 15])
        var weights = weights()
        if dice.chance(15) { weights.append((60, .other)) }
        let stampsArrival = dice.chance(40)
        if isLive { moments.append(.clock(clock, isCaughtUp: true)) }
        partitions = dice.chance(12) ? 2 : 1
        if dice.chance(60) { introduce(rules) }
        for _ in 0..<events {
            pass(pace)
            if !past.isEmpty, dice.chance(repeats) {
                repeatEvent()
                continue
            }
            var event = event(weights, rules)
            event.time = time(lateness, rules)
            if stampsArrival || isLive { event.received = clock }
            event.partition = dice.below(partitions)
            add(event)
        }
        if isLive {
            for _ in 0..<3 {
                clock += 2 * 86_400_000
                moments.append(.clock(clock, isCaughtUp: true))
            }
        } else {
            moments.append(.pass(clock / 1_000 + 12 * 86_400))
        }
        return Story(rules: rules, partitions: partitions, moments: moments)
    }

    /// Everybody tells who they are and what they allow, as in a shop that has been open for long.
    private mutating func introduce(_ rules: Rules) {
        let allows = dice.pick([0, 60, 100])
        for index in persons.indices {
            messages += 1
            var event = Happening(
                meaning: .other,
                name: "identify",
                time: clock,
                messageID: "m\(messages)",
                own: identifiers(of: index, all: true)
            )
            event.partition = index % partitions
            if isLive { event.received = clock }
            add(event)
            for channel in [Channel.email, .sms, .whatsApp, .mobilePush] where dice.chance(allows) {
                messages += 1
                event.meaning = .consentUpdated
                event.name = "consent updated"
                event.messageID = "m\(messages)"
                event.channel = channel
                event.consent = .subscribed
                add(event)
            }
        }
    }

    private mutating func add(_ event: Happening) {
        past.append(event)
        moments.append(.event(event))
    }

    // MARK: Time

    /// Lets the clock go on, mostly by whole minutes, so that edges are met exactly.
    private mutating func pass(_ pace: Int64) {
        let isBehind = isLive && dice.chance(6)
        switch dice.below(20) {
        case 0: clock += Int64(dice.below(3)) * 86_400_000 + Self.hour
        case 1: clock += 1
        case 2...4: break
        case 5...7: clock += Int64(dice.below(Int(pace)))
        default:
            let whole = Int64(dice.below(Int(2 * pace / Self.minute) + 1)) * Self.minute
            clock += whole
        }
        if isLive {
            moments.append(.clock(clock, isCaughtUp: !isBehind))
        }
    }

    /// Event time: now, or some time ago.
    private mutating func time(_ lateness: Int, _ rules: Rules) -> Int64 {
        guard dice.chance(lateness) else { return clock + dice.pick([0, 0, 0, 0, -1, 999]) }
        let disorder = rules.disorder.milliseconds
        switch dice.below(8) {
        case 0...3: return clock - Int64(dice.below(Int(disorder)))
        case 4: return clock - disorder + dice.pick([-1, 0, 1, -1_000, 1_000])
        case 5: return clock - disorder - Int64(dice.below(2)) * Self.hour
        case 6: return clock - Int64(dice.below(10)) * Self.hour
        default: return clock - rules.maxAge.milliseconds - dice.pick([-1, 0, 1, Self.hour])
        }
    }

    // MARK: People

    private mutating func people() {
        let sharing = dice.pick([0, 0, 20, 50])
        isHoarding = dice.chance(6)
        func name(_ kind: IdentifierKind, _ number: Int, _ dice: inout Dice) -> Name {
            switch kind {
            case .phone:
                Name(kind: kind, value: ["+91900", "+48600", "+1700"][number % 3] + "\(number)")
            default: Name(kind: kind, value: "\(kind.name.prefix(2))\(number)")
            }
        }
        for number in 1...(1 + dice.below(4)) {
            func own(_ kind: IdentifierKind, _ dice: inout Dice) -> Name {
                name(kind, dice.chance(sharing) ? 1 + dice.below(4) : number, &dice)
            }
            var addresses: [Name] = []
            for kind in [IdentifierKind.email, .phone, .whatsAppID, .pushToken]
            where dice.chance(
                [90, 80, 30, 30][[.email, .phone, .whatsAppID].firstIndex(of: kind) ?? 3]
            ) {
                addresses.append(own(kind, &dice))
                if dice.chance(15) { addresses.append(name(kind, number + 4, &dice)) }
            }
            persons.append(
                Habits(
                    user: dice.chance(80) ? own(.userID, &dice) : nil,
                    anonymous: (0..<1 + dice.below(3)).map { extra in
                        extra == 0
                            ? own(.anonymousID, &dice)
                            : name(.anonymousID, number + 4 * extra, &dice)
                    },
                    addresses: addresses,
                    device: dice.chance(30) ? own(.deviceID, &dice) : nil,
                    isLoggedIn: dice.chance(40)
                )
            )
        }
    }

    /// The identifiers an event carries.
    private mutating func identifiers(of index: Int, all: Bool) -> [Name] {
        let habits = persons[index]
        var names: [Name] = []
        if habits.isLoggedIn || all, let user = habits.user { names.append(user) }
        for address in habits.addresses
        where all && dice.chance(90) || habits.isLoggedIn && dice.chance(30) || dice.chance(5) {
            names.append(address)
        }
        if names.isEmpty || dice.chance(70) { names.append(dice.pick(habits.anonymous)) }
        if let device = habits.device, dice.chance(50) { names.append(device) }
        return Array(Set(names)).sorted()
    }

    // MARK: Events

    private mutating func weights() -> [(Int, EventMeaning)] {
        let all: [(Int, EventMeaning)] = [
            (18, .productAdded), (6, .productRemoved), (5, .cartViewed), (7, .checkoutStarted),
            (3, .checkoutActivity), (8, .orderCompleted), (9, .productViewed), (5, .consentUpdated),
            (4, .messageReceived), (4, .messageClicked), (3, .productStockChanged), (16, .other),
            (1, .unsubscribed), (1, .markedAsSpam),
        ]
        return all.map { weight, meaning in
            (dice.chance(25) ? 0 : weight * (1 + dice.below(3)), meaning)
        } + [(8, .other)]
    }

    private mutating func event(_ weights: [(Int, EventMeaning)], _ rules: Rules) -> Happening {
        messages += 1
        let index = dice.below(persons.count)
        let meaning = dice.pick(weighted: weights)
        var event = Happening(
            meaning: meaning,
            name: Self.eventName(meaning),
            time: 0,
            messageID: "m\(messages)"
        )
        event.own = identifiers(of: index, all: false)
        context(&event)
        switch meaning {
        case .productAdded, .productRemoved:
            event.cart = cart()
            event.items = dice.chance(4) ? [] : [item()]
        case .cartViewed:
            event.cart = cart()
            if dice.chance(60) {
                event.hasList = true
                event.items = items()
            }
        case .checkoutStarted:
            event.cart = dice.chance(60) ? cart() : nil
            event.order = dice.chance(40) ? order() : nil
            event.checkout = dice.chance(30) ? order() : nil
            if dice.chance(50) {
                event.hasList = true
                event.items = items()
            }
        case .checkoutActivity:
            event.cart = dice.chance(30) ? cart() : nil
            event.checkout = dice.chance(30) ? order() : nil
        case .orderCompleted:
            event.cart = dice.chance(30) ? cart() : nil
            event.order = dice.chance(80) ? order() : nil
            event.checkout = dice.chance(20) ? order() : nil
            event.items = dice.chance(80) ? items() : []
        case .productViewed:
            event.items = dice.chance(95) ? [item()] : []
        case .productStockChanged:
            event.items = [Item(id: dice.pick(products), quantity: dice.pick([0, 0, 5, -1]))]
            event.own = []
        case .consentUpdated:
            event.channel = dice.pick([.email, .sms, .whatsApp, .mobilePush])
            event.consent = dice.pick(
                [
                    .subscribed, .subscribed, .subscribed, .subscribed, .unsubscribed,
                    .unsubscribed, .pending, .suppressed, .none, .didNotSubscribe,
                ]
            )
            if dice.chance(30),
                let address = persons[index].addresses.first(where: {
                    endpointKinds(event.channel ?? .email).contains($0.kind)
                })
            {
                event.endpoint = address
            }
        case .messageReceived:
            guard let phone = persons[index].addresses.first(where: { $0.kind == .phone }) else {
                break
            }
            event.own = [phone]
            event.endpoint = phone
            event.channel = dice.pick([.sms, .sms, .whatsApp])
            event.keyword = dice.pick([.stop, .stop, .start, .start, .stopAll, .other])
        case .unsubscribed, .markedAsSpam:
            event.channel = dice.chance(50) ? .email : nil
        case .other:
            other(&event, index)
        default: break
        }
        return event
    }

    /// Log-ins, aliases, and the triggers of plain flows.
    private mutating func other(_ event: inout Happening, _ index: Int) {
        switch dice.below(10) {
        case 0...3:
            event.name = "identify"
            event.own = identifiers(of: index, all: true)
            persons[index].isLoggedIn = true
        case 4:
            event.name = "alias"
            if let user = persons[index].user {
                let other = dice.pick(persons)
                event.own = [user]
                let value =
                    dice.chance(50) ? dice.pick(other.anonymous).value : other.user?.value ?? "us9"
                event.previous = [
                    Name(kind: .userID, value: value), Name(kind: .anonymousID, value: value),
                ].filter { $0 != user }
            }
        case 5:
            persons[index].isLoggedIn = false
            event.name = "log out"
        case 6: event.name = "campaign"
        case 7: event.name = "signed up"
        default:
            event.name = dice.pick(["campaign", "signed up", "goal", "exit"])
            event.order = dice.chance(50) ? order() : nil
            event.items = dice.chance(50) ? items() : []
        }
    }

    private mutating func context(_ event: inout Happening) {
        if dice.chance(10) {
            event.zone = dice.pick(["Asia/Kolkata", "Europe/Warsaw", "America/New_York"])
            event.zoneIsTrait = dice.chance(40)
        }
        if dice.chance(5) { event.country = dice.pick(["IN", "PL", "US"]) }
        if dice.chance(15) { event.plan = dice.pick(["gold", "basic"]) }
    }

    private mutating func cart() -> String? {
        isHoarding ? "c\(dice.below(12))" : dice.pick([nil, nil, "c1", "c1", "c2"])
    }

    private mutating func order() -> String { dice.pick(["o1", "o2", "o3"]) }

    private mutating func item() -> Item {
        Item(
            id: dice.pick(products),
            quantity: dice.pick([nil, nil, 1, 2]),
            price: dice.pick([Int64?.none, 900, 1_500, 2_000]).map { $0 * 1_000_000 }
        )
    }

    private mutating func items() -> [Item] {
        var items: [Item] = []
        for product in products where dice.chance(40) {
            var item = item()
            item.id = product
            items.append(item)
        }
        return items
    }

    /// The same event once more: a repeat of the message, or of what it says under another name.
    private mutating func repeatEvent() {
        var event = dice.pick(past.suffix(8))
        if dice.chance(50) {
            messages += 1
            event.messageID = "m\(messages)"
        }
        if event.received != nil { event.received = clock }
        moments.append(.event(event))
    }

    private static func eventName(_ meaning: EventMeaning) -> String {
        meaning.name.split(separator: "_").joined(separator: " ")
    }

    // MARK: The shop

    private mutating func shop() -> Rules {
        let zones = Self.zones
        var rules = Rules(
            hashKey: SipHash(key0: 7, key1: 11),
            zones: zones,
            shopZone: zones.index(of: "Asia/Kolkata"),
            shopCountry: PackedLetters.country("IN") ?? 0,
            shopCurrency: PackedLetters.currency("INR") ?? 0
        )
        rules.disorder = dice.pick([.minutes(5), .minutes(5), .seconds(60)])
        rules.maxAge = dice.pick([.hours(72), .hours(3)])
        rules.attributeNames = ["plan"]
        rules.attributeIsTrait = [true]
        rules.firstWeekday = dice.pick([1, 7])
        rules.identity.sessionAttribution = dice.chance(20)
        if dice.chance(25) {
            rules.identity[.anonymousID].count = 1 + dice.below(3)
            rules.identity[.email].count = 1 + dice.below(2)
            rules.identity.userIDsPerValueMax = 1 + dice.below(2)
            rules.identity.mergesMax = dice.pick([2, 100])
        }
        if dice.chance(65) {
            rules.impliedConsent = [ImpliedConsentRule(country: 0, channels: .all)]
        } else if dice.chance(50) {
            let country = PackedLetters.country("IN") ?? 0
            rules.impliedConsent = [
                ImpliedConsentRule(country: country, channels: ChannelSet(.email))
            ]
        }
        var flows: [FlowDefinition] = []
        if dice.chance(85) { flows.append(cartFlow()) }
        if dice.chance(55) { flows.append(checkoutFlow()) }
        if dice.chance(50) { flows.append(viewFlow()) }
        if dice.chance(60) { flows.append(campaign()) }
        if dice.chance(20) { flows.append(plain("news", .marketing, "campaign", rules)) }
        if dice.chance(35) { flows.append(welcome(rules)) }
        if dice.chance(35) { flows.append(service(rules)) }
        for index in flows.indices { vary(&flows[index], rules) }
        rules.flows = flows.sorted { $0.id < $1.id }
        policies(&rules)
        return rules
    }

    private mutating func message(_ channel: Channel) -> FlowDefinition.Action {
        var message = FlowDefinition.Message(channels: [channel], template: "t")
        message.confirmsSubscription = dice.chance(10)
        if dice.chance(15) {
            message.fallback = dice.pick([
                [.sms], [.whatsApp, .email], [.email], [.mobilePush, .sms],
            ])
        }
        if dice.chance(10) {
            let second = dice.pick([Channel.sms, .whatsApp, .mobilePush, .inApp])
            if second != channel { message.channels.append(second) }
        }
        if dice.chance(15) { message.expiresAfter = .hours(2) }
        return .send(message)
    }

    private mutating func ladder(_ channels: [Channel]) -> [FlowDefinition.Step] {
        var steps: [FlowDefinition.Step] = []
        for (index, channel) in channels.enumerated() {
            var step = FlowDefinition.Step(id: "s\(index + 1)", action: message(channel))
            if index > 0 {
                step.after = dice.pick([0, 0, nil])
                step.delay = dice.pick([.zero, .minutes(30), .hours(2), .hours(4), .hours(24)])
                if dice.chance(30) {
                    step.condition = .test(
                        .cartValue,
                        .isAtLeast(Double(dice.pick([1_000, 2_000, 3_000])))
                    )
                } else if dice.chance(10) {
                    step.condition = .test(.reachable(.sms), .isOneOf([.boolean(true)]))
                } else if dice.chance(10) {
                    step.condition = .test(.orderCount(within: .hours(24)), .isLess(than: 1))
                }
            }
            steps.append(step)
        }
        if dice.chance(8), steps.count > 1 {
            steps.insert(
                FlowDefinition.Step(
                    id: "b",
                    action: dice.chance(50)
                        ? .wait
                        : .branch(.test(.cartValue, .isGreater(than: 1_000)), otherwise: nil),
                    delay: .minutes(20)
                ),
                at: 1
            )
            for index in steps.indices { steps[index].after = nil }
        }
        return steps
    }

    private mutating func channels(_ usual: [Channel]) -> [Channel] {
        let count = 1 + dice.below(usual.count)
        return usual.prefix(count).map { dice.chance(15) ? dice.pick([.email, .sms, .inApp]) : $0 }
    }

    private mutating func inactivity() -> TimeSpan {
        dice.pick([.minutes(60), .minutes(60), .minutes(30), .minutes(5), .minutes(90)])
    }

    private mutating func cartFlow() -> FlowDefinition {
        var flow = FlowDefinition(
            id: "cart",
            messageClass: .marketing,
            trigger: .abandonedCart(inactivity: inactivity()),
            steps: ladder(channels([.email, .sms, .whatsApp]))
        )
        flow.priority = 80
        return flow
    }

    private mutating func checkoutFlow() -> FlowDefinition {
        var flow = FlowDefinition(
            id: "checkout",
            messageClass: .marketing,
            trigger: .abandonedCheckout(inactivity: dice.pick([.minutes(30), .minutes(60)])),
            steps: ladder(channels([.email, .sms]))
        )
        flow.priority = 90
        return flow
    }

    private mutating func viewFlow() -> FlowDefinition {
        var flow = FlowDefinition(
            id: "view",
            messageClass: .marketing,
            trigger: .abandonedView(inactivity: inactivity()),
            steps: ladder(channels([.email, .mobilePush]))
        )
        flow.priority = 60
        return flow
    }

    private mutating func plain(_ id: String, _ kind: MessageClass, _ event: String, _ rules: Rules)
        -> FlowDefinition
    {
        let name = rules.hashKey.hash(kind: HashKind.eventName, event).low
        var match = FlowDefinition.EventMatch(name: name)
        if dice.chance(20) {
            match.condition = .test(
                .event(attribute: 0),
                .isNoneOf([.text(planHash("gold", rules))])
            )
        }
        var flow = FlowDefinition(
            id: id,
            messageClass: kind,
            trigger: .event(match),
            steps: ladder(channels([.email, .sms]))
        )
        if dice.chance(30) {
            flow.entry = .test(.profile(attribute: 0), .isOneOf([.text(planHash("gold", rules))]))
        }
        flow.reEntry = dice.pick([.always, .always, .never, .after(.hours(2))])
        if dice.chance(40) {
            let goal = rules.hashKey.hash(kind: HashKind.eventName, "goal").low
            flow.goals = [FlowDefinition.EventMatch(name: goal)]
            let exit = rules.hashKey.hash(kind: HashKind.eventName, "exit").low
            flow.exits = [FlowDefinition.EventMatch(name: exit)]
        }
        return flow
    }

    private mutating func campaign() -> FlowDefinition {
        plain("campaign", .marketing, "campaign", bare)
    }

    private var bare: Rules {
        Rules(
            hashKey: SipHash(key0: 7, key1: 11),
            zones: Self.zones,
            shopZone: 1,
            shopCountry: 0,
            shopCurrency: 0
        )
    }

    private mutating func welcome(_ rules: Rules) -> FlowDefinition {
        plain("welcome", .transactional, "signed up", rules)
    }

    private mutating func service(_ rules: Rules) -> FlowDefinition {
        plain("thanks", .service, dice.pick(["order completed", "signed up"]), rules)
    }

    private mutating func vary(_ flow: inout FlowDefinition, _ rules: Rules) {
        flow.onCap = dice.pick([
            .drop, .drop, .deferral(max: .hours(4)), .deferral(max: .hours(30)), .nextChannel,
        ])
        flow.onQuiet = dice.pick([.deferral, .deferral, .deferral, .drop, .nextChannel])
        flow.maxDeferral = dice.pick([.hours(14), .hours(14), .hours(3)])
        flow.jitter = dice.pick([.zero, .zero, .minutes(15)])
        flow.priority = dice.chance(20) ? 50 : flow.priority
        if dice.chance(25) { flow.cooldown = dice.pick([.zero, .hours(1), .hours(12)]) }
        if dice.chance(25) { flow.orderGuard = dice.pick([.zero, .hours(1), .hours(24)]) }
        if dice.chance(15) { flow.maxLateness = dice.pick([.minutes(10), .hours(2), .hours(24)]) }
        if dice.chance(10) { flow.countsTowardCaps.toggle() }
        if dice.chance(10) { flow.obeysCaps.toggle() }
        if dice.chance(10) { flow.obeysQuietHours.toggle() }
        if dice.chance(10), flow.trigger.inactivity != nil {
            flow.entry = .test(.cartLines, .isAtLeast(Double(1 + dice.below(2))))
        }
        if dice.chance(10) {
            let goal = rules.hashKey.hash(kind: HashKind.eventName, "goal").low
            flow.goals = [FlowDefinition.EventMatch(name: goal)]
        }
    }

    private mutating func policies(_ rules: inout Rules) {
        for number in 1...3 where dice.chance(55) {
            let channels = dice.pick([ChannelSet(.email), ChannelSet(.sms), .outbound])
            var rule = CapRule(
                id: "C\(number)",
                channels: channels,
                limit: 1 + dice.below(2),
                window: dice.pick([
                    .sliding(.hours(16)), .sliding(.hours(2)), .sliding(.minutes(240)),
                    .calendar(.day, zone: nil), .calendar(.week, zone: nil),
                    .calendar(.month, zone: nil),
                    .calendar(.day, zone: rules.zones.index(of: "Europe/Warsaw")),
                ])
            )
            if !rules.flows.isEmpty, dice.chance(20) {
                rule.flows = [dice.below(rules.flows.count)]
            }
            if !rules.flows.isEmpty, dice.chance(15) {
                rule.exemptFlows = [dice.below(rules.flows.count)]
            }
            if dice.chance(10) { rule.classes = .all }
            rules.caps.append(rule)
        }
        if dice.chance(30) {
            let channels = dice.pick([ChannelSet(.email), .outbound])
            rules.gaps.append(
                GapRule(id: "G", channels: channels, span: dice.pick([.minutes(30), .hours(2)]))
            )
        }
        let windows = [(21 * 60, 10 * 60), (22 * 60, 8 * 60), (13 * 60, 14 * 60), (90, 150)]
        for number in 1...2 where dice.chance(60) {
            let (start, end) = dice.pick(windows)
            var window = QuietWindow(start: start, end: end)
            if dice.chance(15) { window.weekdays = 0x1f }
            var rule = QuietRule(
                id: "Q\(number)",
                channels: dice.pick([.all, ChannelSet(.sms), ChannelSet(.email)]),
                window: window
            )
            if dice.chance(15) { rule.countries = [PackedLetters.country("IN") ?? 0] }
            if dice.chance(10) { rule.classes = .all }
            rules.quiet.append(rule)
        }
    }
}
