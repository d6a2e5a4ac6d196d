import Events
import Flows
import FrequencyCapping
import Pipeline
import Settings
import Testing
import Windows

@Suite("Policies")
struct PolicyTests {
    @Test func `every key finds its place`() throws {
        let rules = try Samples.settings(
            Samples.files(
                policies: """
                    week_start: sunday
                    caps:
                      - {id: a, channels: [sms, email], classes: [marketing, service], flows: cart, limit: 2, window: 16h}
                      - {id: b, scope: person, limit: 3, calendar: week, zone: UTC, exempt_from: [urgent], description: d}
                      - {id: c, tags: [urgent], limit: 4, calendar: month}
                    gaps:
                      - {id: g, channels: email, min: 4h}
                    quiet_hours:
                      - {id: q, channels: [sms], classes: [service], countries: [IN], weekdays: [monday, sunday], from: "21:30", to: "24:00"}
                    implied_consent:
                      - {countries: [US, CA], channels: [email]}
                      - {countries: all, channels: [in_app]}
                    """,
                flow: Samples.flow + "\ntags: [urgent]\n"
            )
        ).rules
        #expect(rules.firstWeekday == 7)
        #expect(rules.caps[0].channels == [ChannelSet(.sms), ChannelSet(.email)])
        #expect(rules.caps[0].classes == [ClassSet(.marketing), ClassSet(.service)])
        #expect(rules.caps[0].flows == [0])
        #expect(rules.caps[0].window == .sliding(.hours(16)))
        #expect(rules.caps[1].window == .calendar(.week, zone: rules.zones.index(of: "UTC")))
        #expect(rules.caps[1].channels == .outbound)
        #expect(rules.caps[1].exemptFlows == [0])
        #expect(rules.caps[2].flows == [0])
        #expect(rules.caps[2].window == .calendar(.month, zone: nil))
        #expect(rules.gaps == [GapRule(id: "g", channels: ChannelSet(.email), span: .hours(4))])
        var quiet = QuietRule(
            id: "q",
            channels: ChannelSet(.sms),
            window: QuietWindow(start: 1_290, end: 1_440, weekdays: 0b100_0001)
        )
        quiet.classes = ClassSet(.service)
        quiet.countries = [PackedLetters.country("IN") ?? 0]
        #expect(rules.quiet == [quiet])
        #expect(
            rules.impliedConsent == [
                ImpliedConsentRule(
                    country: PackedLetters.country("US") ?? 0,
                    channels: ChannelSet(.email)
                ),
                ImpliedConsentRule(
                    country: PackedLetters.country("CA") ?? 0,
                    channels: ChannelSet(.email)
                ),
                ImpliedConsentRule(country: 0, channels: ChannelSet(.inApp)),
            ]
        )
    }

    @Test func `a night longer than the flow may wait is warned of`() {
        let policies =
            Samples.policies + """

                quiet_hours:
                  - {id: evening, channels: [email], from: "21:00", to: "24:00"}
                  - {id: night, from: "00:00", to: "10:00"}
                """
        let flow = Samples.flow + "\nmax_deferral: 12h\n"
        #expect(
            Samples.mistakes(Samples.files(policies: policies, flow: flow)) == [
                "flows/cart.yaml:7:15: warning: `max_deferral` of 12h is too short for email, where it is quiet for up to 13h (evening, night): what is due early in that time is dropped as `expired`"
            ]
        )
        #expect(Samples.mistakes(Samples.files(policies: policies)) == [])
        let always = Samples.policies + "\nquiet_hours: [{id: q, from: \"00:00\", to: \"24:00\"}]"
        #expect(
            Samples.mistakes(Samples.files(policies: always)).first?.contains("it is always quiet")
                == true
        )
    }

    @Test func `quiet days that follow each other are one time`() {
        let policies =
            Samples.policies + """

                quiet_hours:
                  - {id: sunday, weekdays: [sunday], from: "00:00", to: "24:00"}
                  - {id: night, from: "22:00", to: "08:00"}
                """
        // From Saturday 22:00 to Monday 08:00.
        #expect(
            Samples.mistakes(Samples.files(policies: policies)).first?
                .contains("it is quiet for up to 1d10h (sunday, night)") == true
        )
    }

    @Test func `a lateness within the disorder is warned of`() {
        let flow = Samples.flow + "\nmax_lateness: 5m\n"
        #expect(
            Samples.mistakes(Samples.files(flow: flow)) == [
                "flows/cart.yaml:7:15: warning: `max_lateness` of 5m is not longer than the disorder of 5m (`time` in collie.yaml): every step comes `stale`"
            ]
        )
    }

    @Test func `a channel without a cap is warned of`() {
        let policies = "caps: [{id: a, channels: sms, limit: 1, window: 1d}]"
        #expect(
            Samples.mistakes(Samples.files(policies: policies)) == [
                "flows/cart.yaml:5:3: warning: no cap holds email of the flow `cart`; add one to policies.yaml, or say `obeys_caps: false`"
            ]
        )
    }

    @Test func `a fallback that is never used is warned of`() {
        let flow = Samples.flow.replacing(
            "{channel: email}",
            with: "{channel: email, fallback: sms}"
        )
        #expect(
            Samples.mistakes(Samples.files(flow: flow)).map { $0.prefix(50) } == [
                "flows/cart.yaml:6:38: warning: `fallback` is never"
            ]
        )
        #expect(Samples.mistakes(Samples.files(flow: flow + "\non_cap: next_channel\n")) == [])
        #expect(
            Samples.mistakes(Samples.files(flow: Samples.flow + "\non_quiet: next_channel\n"))
                == [
                    "flows/cart.yaml:7:11: warning: `next_channel` without a step that has a `fallback`: nothing is tried"
                ]
        )
    }
}
