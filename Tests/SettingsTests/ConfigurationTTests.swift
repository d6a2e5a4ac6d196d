import Events
import Flows
import FrequencyCapping
import Pipeline
import Settings
import Testing
import Windows

@Suite("Configuration T")
struct ConfigurationTTests {
    private func settings() throws -> Settings {
        try Settings.load(folder: Repository.configurationT)
    }

    private func flow(
        _ id: String,
        _ trigger: FlowDefinition.Trigger,
        _ priority: Int,
        _ steps: [FlowDefinition.Step]
    ) -> FlowDefinition {
        var flow = FlowDefinition(
            id: id,
            messageClass: .marketing,
            trigger: trigger,
            steps: steps
        )
        flow.priority = priority
        flow.jitter = .zero
        return flow
    }

    private func send(_ flow: String, _ id: String, _ channel: Channel) -> FlowDefinition.Step {
        FlowDefinition.Step(
            id: id,
            action: .send(
                FlowDefinition.Message(channels: [channel], template: "\(flow)_\(id)")
            )
        )
    }

    @Test func `its flows are the expected ones`() throws {
        var s2 = send("cart", "s2", .sms)
        (s2.after, s2.delay) = (0, .hours(4))
        var s3 = send("cart", "s3", .whatsApp)
        (s3.after, s3.delay) = (0, .hours(24))
        s3.condition = .test(.cartValue, .isAtLeast(2_000))
        var k2 = send("checkout", "k2", .sms)
        (k2.after, k2.delay) = (0, .hours(2))
        let expected = [
            flow(
                "cart",
                .abandonedCart(inactivity: .minutes(60)),
                80,
                [send("cart", "s1", .email), s2, s3]
            ),
            flow(
                "checkout",
                .abandonedCheckout(inactivity: .minutes(30)),
                90,
                [send("checkout", "k1", .email), k2]
            ),
            flow(
                "view",
                .abandonedView(inactivity: .minutes(60)),
                60,
                [send("view", "v1", .email)]
            ),
        ]
        let flows = try settings().rules.flows
        #expect(flows == expected)
        #expect(flows.map(\.cooldown) == [.days(3), .days(1), .days(7)])
        #expect(flows.map(\.maxLateness) == [.hours(6), .hours(2), .hours(6)])
        #expect(flows.map(\.orderGuard) == [.hours(24), .hours(24), .days(10)])
    }

    @Test func `its policies are the expected ones`() throws {
        let rules = try settings().rules
        #expect(
            rules.caps == [
                CapRule(
                    id: "C1",
                    channels: ChannelSet(.email),
                    limit: 1,
                    window: .sliding(.hours(16))
                ),
                CapRule(
                    id: "C2",
                    channels: ChannelSet(.sms),
                    limit: 1,
                    window: .sliding(.hours(24))
                ),
                CapRule(
                    id: "C3",
                    channels: .outbound,
                    limit: 3,
                    window: .calendar(.day, zone: nil)
                ),
            ]
        )
        #expect(
            rules.quiet == [
                QuietRule(
                    id: "sms",
                    channels: ChannelSet(.sms),
                    window: QuietWindow(start: 21 * 60, end: 10 * 60)
                ),
                QuietRule(
                    id: "other",
                    channels: ChannelSet.all.subtracting(ChannelSet(.sms)),
                    window: QuietWindow(start: 22 * 60, end: 8 * 60)
                ),
            ]
        )
        #expect(rules.gaps == [])
        #expect(rules.disorder == .minutes(5))
        #expect(rules.shopCountry == PackedLetters.country("IN"))
        #expect(rules.shopCurrency == PackedLetters.currency("INR"))
        #expect(rules.zones.names[Int(rules.shopZone)] == "Asia/Kolkata")
        #expect(rules.firstWeekday == 1)
    }
}
