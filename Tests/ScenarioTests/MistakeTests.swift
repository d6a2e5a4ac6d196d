import Scenarios
import Settings
import Testing

@Suite("Mistakes in scenario files")
struct MistakeTests {
    private func mistakes(_ text: String) -> [String] {
        var suite = ScenarioSuite(shardCounts: [1])
        let outcome = suite.run(bytes: Array(text.utf8), path: scenarioFolder + "/made-up.yaml")
        let prefix = scenarioFolder + "/"
        return outcome.mistakes.map { String($0.description.dropFirst(prefix.count)) }
    }

    private static let head = """
        scenario: x
        config: configuration-t
        start: 2026-05-04T05:00:00Z

        """

    @Test(arguments: [
        (
            "expect: {comands: []}",
            "made-up.yaml:4:10: error: `expect` has no key `comands`; did you mean `commands`?"
        ),
        (
            "expect: {commands: [{chanel: sms}]}",
            "made-up.yaml:4:22: error: an expected command has no key `chanel`; "
                + "did you mean `channel`?"
        ),
        (
            "expect: {decisions: [{outcome: caped}]}",
            "made-up.yaml:4:32: error: `outcome` cannot be `caped`; did you mean `capped`?"
        ),
        (
            "expect: {counters: {merge: 1}}",
            "made-up.yaml:4:21: error: there is no counter `merge`; did you mean `merges`?"
        ),
        (
            "expect: {commands: [{at: 7:00}]}",
            "made-up.yaml:4:26: error: `at` must be an instant such as 2026-05-04T06:00:00Z, "
                + "05-04 06:00, 06:00 or +1h30m; it is `7:00`"
        ),
        ("events: []", "made-up.yaml:1:1: error: the scenario needs `expect`: what must come out"),
        ("expect: {}", "made-up.yaml:4:9: error: `expect` says nothing; `commands: []` means none"),
        (
            "events: [{at: 06:00, user: u1}]\nexpect: {profiles: 1}",
            "made-up.yaml:4:10: error: the event needs one of: track, identify, alias, page, "
                + "screen, group, event, record"
        ),
        (
            "events: [{user: u1, page: Home}]\nexpect: {profiles: 1}",
            "made-up.yaml:4:10: error: the event needs `at`, the instant at which it happens"
        ),
        (
            "events: [{at: 04:00, user: u1, page: Home}]\nexpect: {profiles: 1}",
            "made-up.yaml:1:1: error: an event arrives at 05-04 04:00:00, before `start`"
        ),
        (
            "profiles: {u1: {consent: {smss: subscribed}}}\nexpect: {profiles: 1}",
            "made-up.yaml:4:27: error: there is no channel `smss`; did you mean `sms`?"
        ),
        (
            "down: [{from: 07:00, to: 06:00}]\nexpect: {profiles: 0}",
            "made-up.yaml:4:26: error: `to` must be later than `from`"
        ),
        (
            "override: {flows: {cart: {cooldwn: 3d}}}\nexpect: {profiles: 0}",
            "made-up.yaml:4:27: error: a flow has no key `cooldwn`; did you mean `cooldown`?"
        ),
    ])
    func `a mistake is located and explained`(_ text: String, _ expected: String) {
        #expect(mistakes(MistakeTests.head + text) == [expected])
    }

    @Test func `a file without configuration asks for one`() {
        #expect(
            mistakes("scenario: x\nstart: 2026-05-04T05:00:00Z\nexpect: {profiles: 0}\n")
                == [
                    "made-up.yaml:1:1: error: the scenario names no `config`, and none was given "
                        + "with --config"
                ]
        )
    }

    @Test func `a configuration that is not there is a mistake`() {
        let text = MistakeTests.head + "expect: {profiles: 0}"
        let found = mistakes(
            text.split(separator: "configuration-t").joined(separator: "nowhere")
        )
        #expect(found.contains { $0.contains("nowhere") })
    }

    @Test(arguments: [
        "", "[]", "a", "{", "scenario: [", "\u{0}", "scenario: x\nscenario: y", "variants: 3",
        "scenario: {}\nstart: []\nexpect: 3", "events: {a: {b: [}}",
        head + "events: 7\nexpect: {commands: 3}",
        head + "events: [[], 3, {at: {}, track: []}]\nexpect: {commands: [[], 3]}",
        head + "events: [{at: 06:00, repeat: {times: -1}, page: x}]\nexpect: {profiles: 0}",
        head + "events: [{at: 06:00, repeat: {times: 2, with: {a: []}}, page: x}]\nexpect: {}",
        head + "events: [{at: 9999-99-99T00:00:00Z, page: x}]\nexpect: {}",
        head + "run_until: 9999-12-31T00:00:00Z\nexpect: {profiles: 0}",
        head + "profiles: [u1]\nexpect: {persons: {a: b}}",
        head + "variants: [{}, [], 3]\nexpect: {profiles: 0}",
        head + "override: 3\nexpect: {profiles: 0}",
        head + "override: {flow: []}\nexpect: {profiles: 0}",
    ])
    func `a broken file is a mistake and never a crash`(_ text: String) {
        #expect(!mistakes(text).isEmpty)
    }

    @Test func `every beginning of a good file is read without a crash`() {
        let text =
            MistakeTests.head + """
                profiles: {u1: {email: a@example.com, consent: {email: subscribed}}}
                events: [{at: 06:00, copies: 2, user: u1, track: X, repeat: {times: 2, every: 1s}}]
                down: [{from: 07:00, to: 07:10}]
                expect: {commands: [{at: 06:00, user: u1, variables: {a: [1]}}]}
                """
        for length in 0..<text.utf8.count {
            _ = mistakes(String(decoding: Array(text.utf8).prefix(length), as: UTF8.self))
        }
    }
}
