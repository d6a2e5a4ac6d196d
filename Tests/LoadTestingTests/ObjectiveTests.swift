import LoadTesting
import Testing

@Suite("Objectives")
struct ObjectiveTests {
    @Test(arguments: [
        ("p99<100ms", "p99", "<", 100.0), ("p99.9 <= 1.5s", "p99.9", "<=", 1_500),
        ("max<250us", "max", "<", 0.25), ("due.p99<2m", "due.p99", "<", 120_000),
        ("Decisions.Due.P50<1s", "decisions.due.p50", "<", 1_000),
        ("lag<=20000", "lag", "<=", 20_000),
        ("throughput>50k/s", "throughput", ">", 50_000),
        ("commands>=1_000", "commands", ">=", 1_000),
        ("errors=0", "errors", "=", 0), ("lag.end=0", "lag.end", "=", 0),
        ("behind<5ms", "behind", "<", 5),
    ])
    func `they are read`(
        _ text: String,
        _ quantity: String,
        _ comparison: String,
        _ bound: Double
    ) throws {
        let objective = try Objective(text)
        #expect(objective.quantity == quantity)
        #expect(objective.comparison.rawValue == comparison)
        #expect(objective.bound == bound)
    }

    @Test(arguments: [
        ("p99", "compares nothing"), ("p98<1ms", "\"p98\" is not measured"),
        ("p99<100", "is a time: write p99<100ms"), ("lag<1s", "is a count: write lag<1000"),
        ("throughput>fast", "is a rate"), ("<3ms", "\"\" is not measured"),
        ("p99<-1ms", "is a time"),
        ("errors=", "is a count"),
    ])
    func `a wrong one says what would be right`(_ text: String, _ remedy: String) {
        do {
            _ = try Objective(text)
            Issue.record("\(text) is no objective")
        } catch { #expect(error.description.contains(remedy), "\(error)") }
    }

    @Test func `what is measured decides, and nothing measured is missed`() throws {
        let below = try Objective("p99<100ms")
        #expect(below.judge(99.9).isMet)
        #expect(!below.judge(100).isMet)
        #expect(below.judge(412.3).measured == "412 ms")
        #expect(below.judge(nil).measured == "nothing")
        #expect(!below.judge(nil).isMet)
        #expect(try Objective("p99<=100ms").judge(100).isMet)
        #expect(try Objective("throughput>100/s").judge(100.4).isMet)
        #expect(try !Objective("throughput>100/s").judge(100).isMet)
        #expect(try Objective("errors=0").judge(0).isMet)
        #expect(try !Objective("errors=0").judge(1).isMet)
        #expect(try !Objective("lag>=5").judge(4).isMet)
    }
}
