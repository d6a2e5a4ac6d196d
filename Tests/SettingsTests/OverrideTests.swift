import Decoding
import Events
import Flows
import FrequencyCapping
import Pipeline
import Settings
import Testing
import Windows

@Suite("Overrides")
struct OverrideTests {
    private func load(_ text: String) throws -> Settings {
        let mistakes = Mistakes()
        let tree = try #require(
            YAMLNode.parse(text, file: "override.yaml", mistakes: mistakes)
        )
        return try Settings.load(folder: Repository.configurationT, overrides: tree)
    }

    private func mistakes(_ text: String) -> [String] {
        Samples.mistakes(Samples.files(), overrides: text)
    }

    @Test func `a dotted key changes one setting of one flow`() throws {
        let rules = try load("flows.cart.max_deferral: 12h").rules
        #expect(rules.flows.map(\.maxDeferral) == [.hours(12), .hours(14), .hours(14)])
    }

    @Test func `nested keys do the same`() throws {
        let rules = try load("flows: {cart: {max_deferral: 12h, steps: {s2: {delay: 2h}}}}").rules
        #expect(rules.flows[0].maxDeferral == .hours(12))
        #expect(rules.flows[0].steps.map(\.delay) == [.zero, .hours(2), .hours(24)])
        #expect(rules.flows[0].steps.map(\.id) == ["s1", "s2", "s3"])
    }

    @Test func `conditions and triggers are replaced as a whole`() throws {
        let rules = try load(
            """
            flows.cart.steps.s3.if: {cart.quantity: {at_least: 2}}
            flows.view.trigger: {event: Product Clicked}
            flows.checkout.trigger.after: 45m
            """
        ).rules
        #expect(rules.flows[0].steps[2].condition == .test(.cartQuantity, .isAtLeast(2)))
        #expect(rules.flows[1].trigger == .abandonedCheckout(inactivity: .minutes(45)))
        #expect(rules.flows[2].trigger.inactivity == nil)
    }

    @Test func `rules are changed, added and taken away by their ids`() throws {
        let rules = try load(
            """
            caps:
              C1: {limit: 2}
              C2: ~
              C4: {channels: [viber], limit: 1, window: 1h}
            quiet_hours: []
            """
        ).rules
        #expect(rules.caps.map(\.id) == ["C1", "C3", "C4"])
        #expect(rules.caps[0].limit == 2)
        #expect(rules.caps[0].window == .sliding(.hours(16)))
        #expect(rules.quiet == [])
    }

    @Test func `flows are added and taken away`() throws {
        let rules = try load(
            """
            flows:
              view: ~
              birthday:
                class: marketing
                trigger: {event: Survey Answered}
                steps: [{id: b1, send: {channel: email}}]
            """
        ).rules
        #expect(rules.flows.map(\.id) == ["birthday", "cart", "checkout"])
        #expect(try load("flows: ~").rules.flows == [])
    }

    @Test func `librdkafka's and events' own dots stay`() throws {
        let settings = try load(
            """
            kafka.common.sasl.mechanism: PLAIN
            kafka: {consumer: {fetch.wait.max.ms: 7}}
            tracking_plan.events.my.event: {means: product_viewed}
            time.disorder: 60s
            """
        )
        #expect(settings.kafka.common == [.init(name: "sasl.mechanism", value: "PLAIN")])
        #expect(settings.kafka.consumer == [.init(name: "fetch.wait.max.ms", value: "7")])
        #expect(settings.rules.disorder == .seconds(60))
        let event = settings.plan.events.first { $0.name == "my.event" }
        #expect(event?.meaning == .productViewed)
    }

    @Test func `mistakes in them bear their own file`() {
        #expect(
            mistakes("flow.cart.jitter: 0s")
                == ["override.yaml:1:1: error: there is no setting `flow`; did you mean `flows`?"]
        )
        #expect(
            mistakes("flows.cart.jiter: 0s") == [
                "override.yaml:1:1: error: a flow has no key `jiter`; did you mean `jitter`?"
            ]
        )
        #expect(
            mistakes("flows.cart.jitter: soon").first?.hasPrefix("override.yaml:1:20: error:")
                == true
        )
        #expect(
            mistakes("[]")
                == [
                    "override.yaml:1:1: error: overrides must be a mapping of keys and values; it is a list"
                ]
        )
        let deep = String(repeating: "a.", count: 300)
        #expect(
            mistakes("flows: {\(deep)a: 1}")
                == ["override.yaml:1:9: error: a key has 1 to 12 names with dots between them"]
        )
        // A misspelt id would silently add something: what it lacks is said.
        #expect(mistakes("caps.al.limit: 2").isEmpty == false)
        #expect(mistakes("flows.crt.jitter: 0s").isEmpty == false)
        #expect(mistakes("flows.cart.steps.s9.delay: 1h").isEmpty == false)
    }
}
