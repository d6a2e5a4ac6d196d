import Scenarios
import Settings
import Testing

@Suite("Scenario runner")
struct RunnerTests {
    /// Acts out a text as if it stood beside the scenario files.
    private func run(_ text: String, shardCounts: [Int] = [1, 4]) -> FileOutcome {
        var suite = ScenarioSuite(shardCounts: shardCounts)
        return suite.run(bytes: Array(text.utf8), path: scenarioFolder + "/made-up.yaml")
    }

    private func report(_ outcome: FileOutcome, isVerbose: Bool = false) -> String {
        var report = ScenarioReport(isVerbose: isVerbose)
        return (report.lines(of: outcome) + [report.summary]).joined(separator: "\n")
    }

    private static let story = """
        scenario: a cart is left
        config: configuration-t
        start: 2026-05-04T05:00:00Z
        profiles:
          u1: {time_zone: Asia/Kolkata, email: a@example.com, consent: subscribed}
          u2: {time_zone: Asia/Kolkata, email: b@example.com, consent: subscribed}
        events:
          - {at: 06:00, user: u1, track: Product Added,
             properties: {cart_id: c1, product_id: A, price: 1500}}
        run_until: 08:00
        expect:

        """

    private func told(_ expect: String) -> FileOutcome {
        let indented = expect.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        return run(RunnerTests.story + indented + "\n")
    }

    private static let right = "{at: 07:00, user: u1, flow: cart, step: s1, channel: email}"

    @Test func `what comes out as expected passes`() {
        let outcome = told("commands: [\(RunnerTests.right)]")
        #expect(outcome.mistakes.isEmpty)
        #expect(outcome.outcomes.map(\.judgement.isRight) == [true])
        #expect(report(outcome) == "pass  a cart is left\n1 scenario passes")
    }

    @Test(arguments: [
        "commands: []",
        "commands: [{at: 07:00:01, user: u1}]",
        "commands: [{at: 07:00, user: u2}]",
        "commands: [{at: 07:00, user: nobody-at-all}]",
        "commands: [{step: s2}]",
        "commands: [{channel: sms}]",
        "commands: [{variables: {value: 1501}}]",
        "commands: [{variables: {items: []}}]",
        "commands: [{products: [A, B]}]",
        "commands: [{expires: 08:00}]",
        "commands: [\(right), \(right)]",
        "commands: [{rules: [C1 1/1]}]",
        "decisions: [{outcome: capped}]",
        "decisions: [{outcome: sent, count: 2}]",
        "decisions: [{outcome: sent}, {outcome: sent}]",
        "no_decisions: [{user: u1}]",
        "identity: [{type: merged}]",
        "reviews: [{text: help}]",
        "dead_letters: [{reason: invalid_json}]",
        "profiles: 3",
        "persons: [[u1, u2]]",
        "persons: [[u1], [a@example.com]]",
        "persons: [[u3]]",
        "counters: {merges: 7}",
    ])
    func `a wrong expectation fails`(_ expect: String) {
        let outcome = told(expect)
        #expect(outcome.mistakes == [])
        #expect(outcome.outcomes.map(\.judgement.isRight) == [false])
        #expect(report(outcome).hasPrefix("FAIL  a cart is left\n"))
    }

    @Test(arguments: [
        "commands: [{at: \"2026-05-04T12:30:00+05:30\", variables: {value: 1500}}]",
        "commands: [{at: +2h, products: [A], to: {email: a@example.com}, rules: [C1 0/1]}]",
        "commands: [{email: A@example.com, class: marketing, time_zone: Asia/Kolkata}]",
        "decisions: [{outcome: sent, count: 1}, {outcome: sent}]",
        "no_decisions: [{user: u2}, {outcome: capped}]",
        "persons: [[u1, a@example.com], [u2, {email: b@example.com}]]",
        // The e-mails come with the user ids and make no profiles of their own.
        "profiles: 2",
        "counters: {commands: 1, decisions: 1, dead_letters: 0}",
    ])
    func `a right expectation passes`(_ expect: String) {
        let outcome = told(expect)
        #expect(outcome.mistakes == [])
        #expect(outcome.outcomes.flatMap(\.judgement.failures) == [])
    }

    @Test func `a failure shows expected and actual side by side`() {
        let text = report(
            told(
                """
                commands:
                  - {at: 07:00, user: u1, flow: cart, step: s1, channel: sms}
                  - {at: 07:30, user: u2, flow: view, step: v1}
                """
            )
        )
        #expect(text.contains("1 command is missing"))
        #expect(text.contains("1 command is different"))
        let lines = text.split(separator: "\n").map(String.init)
        let different = lines.first { $0.contains("~ 05-04 07:00:00  u1  cart/s1  sms") }
        #expect(different?.hasSuffix("05-04 07:00:00  u1  cart/s1  email  [A] 1500") == true)
        #expect(lines.contains { $0.hasSuffix("channel: expected sms, is email") })
        #expect(lines.contains { $0.contains("- 05-04 07:30:00  u2  view/v1") })
        // What was decided about who is concerned helps to find out why.
        #expect(lines.contains { $0.contains("decisions of u1:") })
        #expect(lines.contains { $0.contains("cart/s1  email  sent") })
    }

    @Test func `an unexpected command is marked`() {
        let text = report(told("commands: []"))
        #expect(text.contains("1 command is unexpected"))
        #expect(text.contains("+ "))
    }

    @Test func `a verbose report shows what passes, too`() {
        let text = report(told("commands: [\(RunnerTests.right)]"), isVerbose: true)
        #expect(text.contains("= 05-04 07:00:00  u1  cart/s1  email"))
        #expect(text.contains("all decisions:"))
    }

    @Test func `patterns that say little leave room for those that say more`() {
        let outcome = run(
            """
            scenario: two carts
            config: configuration-t
            start: 2026-05-04T05:00:00Z
            override: {caps: []}
            profiles:
              u1: {email: a@example.com, consent: subscribed}
            events:
              - {at: 06:00, user: u1, track: Product Added,
                 properties: {cart_id: c1, product_id: A}}
              - {at: 06:10, user: u1, track: Product Added,
                 properties: {cart_id: c2, product_id: B}}
            run_until: 08:00
            expect:
              commands: [{user: u1}, {user: u1, products: [A]}]
            """
        )
        // Each has its command, but not in this order.
        #expect(
            outcome.outcomes.flatMap(\.judgement.failures)
                == ["the commands come in another order"]
        )
    }

    @Test func `variants take what they do not say from the file`() {
        let outcome = run(
            """
            scenario: base
            config: configuration-t
            start: 2026-05-04T05:00:00Z
            events: [{at: 06:00, anonymous: a1, page: Home}]
            expect: {profiles: 1}
            variants:
              - variant: more
                also: [{at: 06:01, anonymous: a2, page: Home}]
                expect: {profiles: 2}
              - {variant: other, events: [], expect: {profiles: 0}}
              - {variant: none}
            """
        )
        #expect(outcome.mistakes.isEmpty)
        let titles = ["base", "base: more", "base: other", "base: none"]
        #expect(outcome.outcomes.map(\.title) == titles)
        #expect(outcome.outcomes.flatMap(\.judgement.failures) == [])
    }

    @Test func `events are repeated with numbers and values`() {
        let outcome = run(
            """
            scenario: a crowd
            config: configuration-t
            start: 2026-05-04T05:00:00Z
            events:
              - at: 06:00
                repeat: {times: 5, every: 1m, with: {name: [x, y]}}
                anonymous: <name>-<n>
                page: <name>
            run_until: 06:04
            expect:
              profiles: 5
              persons: [[x-1], [y-2], [x-3], [y-4], [x-5]]
            """
        )
        #expect(outcome.mistakes.isEmpty)
        #expect(outcome.outcomes.flatMap(\.judgement.failures) == [])
    }
}
