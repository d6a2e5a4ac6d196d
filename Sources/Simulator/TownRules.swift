import Events
import Flows
import FrequencyCapping
import Pipeline
import TimeZones
import Windows

/// The shop's rules in the town of a seed: several channels, tight caps, short windows.
enum TownRules {
    private static let zones: ZoneTable = ZoneTable(
        ["Asia/Kolkata", "Europe/Warsaw"].compactMap(SystemZones.zone),
        countries: ["IN": ["Asia/Kolkata"], "PL": ["Europe/Warsaw"]]
    )

    /// Draws the rules.
    static func rules(seed: UInt64) -> Rules {
        var chance = Chance(seed: seed, stream: 2)
        var rules = Rules(
            hashKey: SipHash(key0: 7, key1: 11),
            zones: zones,
            shopZone: zones.index(of: "Asia/Kolkata"),
            shopCountry: PackedLetters.country("IN") ?? 0,
            shopCurrency: PackedLetters.currency("INR") ?? 0
        )
        rules.disorder = chance.pick([.minutes(5), .seconds(10), .seconds(60)])
        rules.impliedConsent = [ImpliedConsentRule(country: 0, channels: .all)]
        rules.flows = [
            flow("campaign", .event(match("campaign entered", rules)), &chance),
            flow("cart", .abandonedCart(inactivity: .minutes(20)), &chance),
            flow("checkout", .abandonedCheckout(inactivity: .minutes(10)), &chance),
            flow("view", .abandonedView(inactivity: .minutes(30)), &chance),
            flow("welcome", .event(match("signed up", rules)), &chance),
        ].filter { _ in chance.happens(850) }
        rules.caps = [
            CapRule(
                id: "few",
                channels: [ChannelSet(.email), ChannelSet(.sms)],
                limit: 1 + chance.below(3),
                window: .sliding(.hours(chance.pick([1, 6, 24])))
            ),
            CapRule(
                id: "sms",
                channels: ChannelSet(.sms),
                limit: 1 + chance.below(2),
                window: .calendar(.day, zone: nil)
            ),
        ]
        if chance.happens(300) {
            rules.gaps = [GapRule(id: "gap", channels: .outbound, span: .minutes(10))]
        }
        return rules
    }

    private static func match(_ name: String, _ rules: Rules) -> FlowDefinition.EventMatch {
        FlowDefinition.EventMatch(
            name: rules.hashKey.hash(kind: HashKind.eventName, name).low
        )
    }

    private static func flow(
        _ id: String,
        _ trigger: FlowDefinition.Trigger,
        _ chance: inout Chance
    ) -> FlowDefinition {
        var steps: [FlowDefinition.Step] = []
        for number in 0..<(1 + chance.below(3)) {
            var message = FlowDefinition.Message(
                channels: [chance.pick([.email, .email, .sms, .inApp])],
                template: "\(id)\(number)"
            )
            if chance.happens(200) { message.fallback = [.sms] }
            if chance.happens(150), message.channels == [.email] { message.channels.append(.sms) }
            steps.append(
                FlowDefinition.Step(
                    id: "s\(number)",
                    action: .send(message),
                    delay: number == 0 ? .zero : .minutes(chance.pick([0, 5, 60]))
                )
            )
        }
        var flow = FlowDefinition(
            id: id,
            messageClass: .marketing,
            trigger: trigger,
            steps: steps
        )
        flow.priority = chance.below(100)
        flow.cooldown = chance.pick([.zero, .minutes(30), flow.cooldown])
        flow.onCap = chance.pick([.drop, .deferral(max: .hours(3)), .nextChannel])
        flow.jitter = chance.pick([.zero, .minutes(15)])
        return flow
    }
}
