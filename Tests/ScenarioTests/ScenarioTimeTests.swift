import Events
import Scenarios
import Testing

@Suite("Instants of scenarios")
struct ScenarioTimeTests {
    // 2026-05-04T05:00:00Z
    private let start = EventTime(second: 1_777_870_800)

    @Test(arguments: [
        ("2026-05-04T06:00:00Z", 1_777_874_400_000),
        ("2026-05-04T06:00Z", 1_777_874_400_000),
        ("2026-05-04 06:00:00", 1_777_874_400_000),
        ("2026-05-04T11:30:00+05:30", 1_777_874_400_000),
        ("2026-05-03T23:00:00-0700", 1_777_874_400_000),
        ("2026-05-04T06:00:00.250Z", 1_777_874_400_250),
        ("05-04 06:00", 1_777_874_400_000),
        ("05-05 06:00:01", 1_777_960_801_000),
        ("06:00", 1_777_874_400_000),
        ("05:59:59.9", 1_777_874_399_900),
        ("+1h", 1_777_874_400_000),
    ])
    func `instants are read in every form`(_ text: String, _ expected: Int64) {
        #expect(ScenarioTime.read(text, start: start)?.milliseconds == expected)
    }

    @Test(arguments: [
        "", "x", "6:00", "06:60", "24:00", "06:00:60", "06:00:00.", "2026-02-30T00:00Z",
        "2026-13-01T00:00Z", "2026-05-04", "2026-05-04T06:00:00ZZ", "+", "+1", "05-04", "06:00+1",
    ])
    func `what is none is refused`(_ text: String) {
        #expect(ScenarioTime.read(text, start: start) == nil)
    }

    @Test func `what is written is read again`() {
        for milliseconds in [Int64(0), 1, 999, 1_777_874_400_250, 951_782_400_000] {
            let time = EventTime(milliseconds: milliseconds)
            #expect(ScenarioTime.read(ScenarioTime.write(time), start: nil) == time)
        }
    }

    @Test func `short forms need a start`() {
        #expect(ScenarioTime.read("06:00", start: nil) == nil)
        #expect(ScenarioTime.read("+1h", start: nil) == nil)
    }
}
