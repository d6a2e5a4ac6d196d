import Decoding
import Events
import Flows
import Pipeline
import Settings
import Testing

@Suite("Flow files")
struct FlowFileTests {
    private func flow(_ text: String) throws -> (flow: FlowDefinition, settings: Settings) {
        let settings = try Samples.settings(Samples.files(flow: text))
        return (try #require(settings.rules.flows.first), settings)
    }

    private let key = SipHash(key: Array(0..<16))

    @Test func `every key finds its place`() throws {
        let (flow, settings) = try flow(
            """
            id: survey
            version: 7
            description: d
            owner: o
            approver: a
            hypothesis: h
            class: service
            priority: 12
            tags: [x, y]
            trigger: {event: viewed product, where: {event.plan: gold}}
            entry: {profile.known: true}
            re_entry: {after: 30d}
            cooldown: 1d
            order_guard: 2h
            max_lateness: 3h
            max_deferral: 4h
            jitter: 5m
            click_pause: 6m
            on_cap: {defer: {max: 7h}}
            on_quiet: next_channel
            obeys_caps: true
            counts_toward_cap: true
            obeys_quiet_hours: true
            goals: [Order Completed]
            exits: [{event: Survey Answered, where: {event.score: {at_most: 3}}}]
            steps:
              - id: a
                send:
                  channels: [email, sms]
                  fallback: viber
                  template: t
                  expires_after: 8h
                  variables: {z: 1, b: two}
                  compliance: {header: H}
                  confirms_subscription: true
                delay: 9m
                if: {country: [IN, NP]}
              - {id: w, wait: 1d}
              - {id: c, condition: {profile.tier: silver}, else: e}
              - {id: d, send: {channel: sms}, after: a}
              - {id: e, condition: {reachable: sms}}
            """
        )
        func name(_ event: String) -> UInt64 { key.hash(kind: HashKind.eventName, event).low }
        func text(_ value: String) -> Condition.Value {
            .text(key.hash(kind: HashKind.attribute, value).low)
        }
        #expect(settings.plan.attributes == ["properties.plan", "traits.tier", "properties.score"])
        #expect(settings.rules.attributeNames == settings.plan.attributes)
        #expect(settings.rules.attributeIsTrait == [false, true, false])
        // An alias stands for the canonical name.
        #expect(
            flow.trigger
                == .event(
                    .init(
                        name: name("product viewed"),
                        condition: .test(.event(attribute: 0), .isOneOf([text("gold")]))
                    )
                )
        )
        #expect(flow.entry == .test(.isKnown, .isOneOf([.boolean(true)])))
        #expect(flow.reEntry == .after(.days(30)))
        #expect((flow.id, flow.version, flow.priority) == ("survey", 7, 12))
        #expect(flow.messageClass == .service)
        #expect(flow.tags == ["x", "y"])
        #expect(flow.cooldown == .days(1))
        #expect(flow.orderGuard == .hours(2))
        #expect(flow.maxLateness == .hours(3))
        #expect(flow.maxDeferral == .hours(4))
        #expect(flow.jitter == .minutes(5))
        #expect(flow.clickPause == .minutes(6))
        #expect(flow.onCap == .deferral(max: .hours(7)))
        #expect(flow.onQuiet == .nextChannel)
        #expect(flow.obeysCaps && flow.countsTowardCaps && flow.obeysQuietHours)
        #expect(flow.goals == [.init(name: name("order completed"))])
        #expect(
            flow.exits == [
                .init(
                    name: name("survey answered"),
                    condition: .test(.event(attribute: 2), .isAtMost(3))
                )
            ]
        )
        let message = FlowDefinition.Message(
            channels: [.email, .sms],
            fallback: [.viber],
            template: "t",
            expiresAfter: .hours(8),
            confirmsSubscription: true,
            compliance: [.init(name: "header", value: "H")],
            variables: [.init(name: "b", value: "two"), .init(name: "z", value: "1")]
        )
        let india = Condition.Value.text(UInt64(PackedLetters.country("IN") ?? 0))
        let nepal = Condition.Value.text(UInt64(PackedLetters.country("NP") ?? 0))
        #expect(
            flow.steps == [
                .init(
                    id: "a",
                    action: .send(message),
                    delay: .minutes(9),
                    condition: .test(.country, .isOneOf([india, nepal]))
                ),
                .init(id: "w", action: .wait, delay: .days(1)),
                .init(
                    id: "c",
                    action: .branch(
                        .test(.profile(attribute: 1), .isOneOf([text("silver")])),
                        otherwise: 4
                    )
                ),
                .init(
                    id: "d",
                    action: .send(.init(channels: [.sms], template: "survey_d")),
                    after: 0
                ),
                .init(
                    id: "e",
                    action: .branch(
                        .test(.reachable(.sms), .isOneOf([.boolean(true)])),
                        otherwise: nil
                    )
                ),
            ]
        )
    }

    @Test func `a flow without choices has the defaults of its class and trigger`() throws {
        let cart = try flow(Samples.flow).flow
        let plain = FlowDefinition(
            id: "cart",
            messageClass: .marketing,
            trigger: .abandonedCart(inactivity: .minutes(60)),
            steps: cart.steps
        )
        #expect(cart == plain)
    }

    @Test(arguments: [
        ("{cart.value: {at_least: 2000}}", Condition.test(.cartValue, .isAtLeast(2_000))),
        ("{cart.value: {more_than: 1.5}}", .test(.cartValue, .isGreater(than: 1.5))),
        ("{cart.lines: {less_than: 3}}", .test(.cartLines, .isLess(than: 3))),
        ("{cart.lines: 3}", .test(.cartLines, .isOneOf([.number(3)]))),
        ("{cart.value: {exists: true}}", .test(.cartValue, .exists)),
        ("{cart.value: {exists: false}}", .test(.cartValue, .missing)),
        ("{cart.value: {missing: true}}", .test(.cartValue, .missing)),
        (
            "{cart.value: {at_least: 1, at_most: 2}}",
            .all([.test(.cartValue, .isAtLeast(1)), .test(.cartValue, .isAtMost(2))])
        ),
        (
            "{cart.currency: INR}",
            .test(.cartCurrency, .isOneOf([.text(UInt64(PackedLetters.currency("INR") ?? 0))]))
        ),
        (
            "{orders: {within: 30d, at_least: 1}}",
            .test(.orderCount(within: .days(30)), .isAtLeast(1))
        ),
        (
            "{orders.within_30d: {at_most: 0}}",
            .test(.orderCount(within: .days(30)), .isAtMost(0))
        ),
        ("{profile.age: 30}", .test(.profile(attribute: 0), .isOneOf([.number(30)]))),
        ("{profile.vip: true}", .test(.profile(attribute: 0), .isOneOf([.boolean(true)]))),
        (
            "{profile.vip: {is_not: false}}",
            .test(.profile(attribute: 0), .isNoneOf([.boolean(false)]))
        ),
        (
            "{reachable: [sms, email]}",
            .any([
                .test(.reachable(.sms), .isOneOf([.boolean(true)])),
                .test(.reachable(.email), .isOneOf([.boolean(true)])),
            ])
        ),
        (
            "{not: {any: [{cart.lines: 1}, {cart.lines: 2}]}}",
            .not(
                .any([
                    .test(.cartLines, .isOneOf([.number(1)])),
                    .test(.cartLines, .isOneOf([.number(2)])),
                ])
            )
        ),
        (
            "[{cart.lines: 1}, {cart.quantity: 2}]",
            .all([
                .test(.cartLines, .isOneOf([.number(1)])),
                .test(.cartQuantity, .isOneOf([.number(2)])),
            ])
        ),
        (
            "{cart.lines: 1, cart.quantity: 2}",
            .all([
                .test(.cartLines, .isOneOf([.number(1)])),
                .test(.cartQuantity, .isOneOf([.number(2)])),
            ])
        ),
    ])
    func `conditions mean what they say`(text: String, expected: Condition) throws {
        #expect(try flow(Samples.flow + "\nentry: \(text)\n").flow.entry == expected)
    }

    @Test func `calls without a name can start a flow`() throws {
        let text = Samples.flow.replacing(
            "{abandoned: cart, after: 60m}",
            with: "{event: $identify}"
        )
        let name = EventNames.hash("$identify", hashKey: key)
        #expect(try flow(text).flow.trigger == .event(.init(name: name)))
    }

    @Test func `a quoted number is a text`() throws {
        let entry = try flow(Samples.flow + "\nentry: {profile.pin: '0420'}\n").flow.entry
        let text = key.hash(kind: HashKind.attribute, "0420").low
        #expect(entry == .test(.profile(attribute: 0), .isOneOf([.text(text)])))
    }

    @Test(arguments: [
        ("0", TimeSpan.zero), ("250ms", TimeSpan(milliseconds: 250)), ("30s", .seconds(30)),
        ("5m", .minutes(5)), ("1h30m", .minutes(90)), ("1d", .days(1)), ("2w", .days(14)),
    ])
    func `lengths of time are read`(text: String, expected: TimeSpan) {
        #expect(TimeSpan(text: text) == expected)
        #expect(TimeSpan(text: expected.text) == expected)
    }

    @Test(arguments: [
        "", "5", "m", "5 m", "-5m", "5x", "1.5h", "99999999999999999999d", "99999999999w", "５m",
    ])
    func `what is no length of time is not read`(text: String) {
        #expect(TimeSpan(text: text) == nil)
    }
}
