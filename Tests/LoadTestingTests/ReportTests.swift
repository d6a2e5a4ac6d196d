import Foundation
import LoadTesting
import Testing

@Suite("Load reports")
struct ReportTests {
    private static func latencies() -> OutputLatencies {
        var latencies = OutputLatencies(disorder: 1_000)
        var random = Random(seed: 1)
        let sent = SentEvents.Sent(intended: 0, eventTime: 0)
        latencies.noteEvent(sent)
        latencies.noteEvent(SentEvents.Sent(intended: 62_000_000, eventTime: 62_000))
        for _ in 0..<500 {
            let taken = Int64(20_000 + random.below(400_000))
            for kind in OutputLatencies.Kind.allCases {
                latencies.note(kind, of: sent, dueTime: 0, seenAt: taken)
                latencies.note(kind, of: sent, dueTime: 60_000, seenAt: 61_000_000 + taken)
            }
        }
        return latencies
    }

    private static func report(_ latencies: OutputLatencies) -> LoadReport {
        var events = LoadReport.Events()
        events.sent = 1_000
        events.confirmed = 999
        events.perSecond = 250
        events.errors = 1
        var outputs = LoadReport.Outputs()
        outputs.commands = latencies.count(.command)
        outputs.commandsPerSecond = 12.5
        var lag = LoadReport.Lag()
        lag.max = 70
        lag.end = 0
        return LoadReport(
            input: LoadReport.Input(
                source: "a <b> & \"c\"",
                topic: "t",
                speed: "2x",
                mark: "~x",
                startedAt: "2026-05-04T00:00:00Z",
                seconds: 4
            ),
            events: events,
            outputs: outputs,
            latency: LoadReport.Latencies(latencies),
            lag: lag
        )
    }

    @Test func `every quantity that can be asked for is measured`() throws {
        let report = ReportTests.report(ReportTests.latencies())
        for quantity in Objective.quantities {
            #expect(report.measured(quantity) != nil, "\(quantity)")
        }
        #expect(report.measured("lag") == 70 && report.measured("errors") == 1)
        #expect(report.measured("due.p50") == report.latency.commandsDue.p50)
        #expect(report.measured("over.p50") == report.latency.commandsRipe.p50)
        #expect(report.measured("decisions.due.max") == report.latency.decisionsDue.max)
        #expect(report.measured("nonsense") == nil)
        // Without an output there is no latency, and an objective about it is missed.
        var empty = ReportTests.report(OutputLatencies(disorder: 0))
        empty.judge([try Objective("p99<1s"), try Objective("errors<2")])
        #expect(empty.objectives.map(\.isMet) == [false, true])
    }

    @Test func `the summary is JSON that is read back`() throws {
        var report = ReportTests.report(ReportTests.latencies())
        report.judge([try Objective("p99<1s"), try Objective("errors=0")])
        let bytes = try JSONEncoder().encode(report)
        let object = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any])
        let latency = try #require(object["latency_ms"] as? [String: Any])
        let commands = try #require(latency["commands"] as? [String: Any])
        #expect(Set(commands.keys) == ["count", "p50", "p90", "p99", "p99.9", "max"])
        #expect(commands["count"] as? Int == 500)
        let read = try JSONDecoder().decode(LoadReport.self, from: bytes)
        #expect(
            read.objectives == report.objectives
                && read.latency.commands.p99 == report.measured("p99")
        )
    }

    @Test func `the page shows figures, verdicts and plots that lie in their frames`() throws {
        let latencies = ReportTests.latencies()
        var report = ReportTests.report(latencies)
        report.judge([try Objective("p99<1s"), try Objective("errors=0")])
        let samples = (1...40).map { second in
            var sample = LoadReport.Sample(
                second: Double(second),
                sent: second < 20 ? 250 : 2_500,
                commands: Double(second % 7),
                lag: second == 5 ? nil : Int64(second * 100)
            )
            sample.p50 = second % 3 == 0 ? nil : Double(second)
            return sample
        }
        let html = LoadPage(report, samples: samples, latencies: latencies).html
        #expect(html.contains("a &lt;b&gt; &amp; &quot;c&quot;") && !html.contains("<b> &"))
        #expect(html.contains("errors=0: missed, measured 1"))
        #expect(html.contains("p99&lt;1s: met"))
        #expect(!html.contains("http://") && !html.contains("https://"))
        let drawings = html.matches(of: /(?s)<svg.*?<\/svg>/)
        #expect(drawings.count == 5)
        var points = 0
        for drawing in drawings {
            for match in drawing.output.matches(of: /[ML]([\d.-]+) ([\d.-]+)/) {
                points += 1
                let x = try #require(Double(match.1))
                let y = try #require(Double(match.2))
                #expect((64...708).contains(x) && (12...192).contains(y), "\(x) \(y)")
            }
        }
        #expect(points > 150)
        // The lag that was not known leaves a gap.
        #expect(drawings[3].output.matches(of: /M/).count == 2)
        // Nothing at all is a page, too.
        let none = OutputLatencies(disorder: 0)
        let empty = LoadPage(ReportTests.report(none), samples: [], latencies: none).html
        #expect(empty.contains("Nothing was measured.") && !empty.contains("nan"))
    }
}
