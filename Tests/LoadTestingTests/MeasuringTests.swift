import LoadTesting
import Testing

@Suite("Measuring")
struct MeasuringTests {
    private static let second: Int64 = 1_000_000

    @Test func `an output is counted from when its event was to be sent`() {
        var latencies = OutputLatencies(disorder: 300_000)
        let sent = SentEvents.Sent(intended: 50 * MeasuringTests.second, eventTime: 49_000)
        latencies.note(.command, of: sent, dueTime: 49_000, seenAt: 50_250_000)
        latencies.note(.command, of: sent, dueTime: 50_000, seenAt: 50_500_000)
        #expect(latencies.prompt[0].count == 2)
        #expect(latencies.prompt[0].minimum == 250_000)
        #expect(latencies.prompt[0].maximum == 500_000)
        #expect(latencies.due[0].count == 0 && latencies.prompt[1].count == 0)
        #expect(latencies.lately.count == 2)
        latencies.beginSecond()
        #expect(latencies.lately.count == 0 && latencies.prompt[0].count == 2)
    }

    @Test func `what is due later is counted from its due time and the disorder`() {
        var latencies = OutputLatencies(disorder: 300_000)
        let sent = SentEvents.Sent(intended: 50 * MeasuringTests.second, eventTime: 50_000)
        // Due at 3 650 s, heard of 300 s later, seen 40 ms behind that.
        latencies.note(.command, of: sent, dueTime: 3_650_000, seenAt: 3_950_040_000)
        #expect(latencies.due[0].maximum == 40_000 && latencies.prompt[0].count == 0)
        // An event so late that it was due before it came.
        let late = SentEvents.Sent(intended: 900 * MeasuringTests.second, eventTime: 50_000)
        latencies.note(.decision, of: late, dueTime: 110_000, seenAt: 900_030_000)
        #expect(latencies.due[1].maximum == 30_000)
    }

    @Test func `a reminder is also counted from the event with which its second was over`() {
        var latencies = OutputLatencies(disorder: 1_000)
        let sent = SentEvents.Sent(intended: 10_100_000, eventTime: 10_000)
        latencies.noteEvent(sent)
        // Due at 20.3 s, so its second is over, and the disorder behind it, at 22 s of event time.
        for (eventTime, intended) in [
            (21_999, 22_050_000), (22_000, 22_200_000), (23_000, 23_100_000),
        ] {
            latencies.noteEvent(
                SentEvents.Sent(intended: Int64(intended), eventTime: Int64(eventTime))
            )
        }
        latencies.note(.command, of: sent, dueTime: 20_300, seenAt: 22_230_000)
        #expect(latencies.due[0].maximum == 930_000 && latencies.ripe.maximum == 30_000)
        // This second is not over.
        latencies.note(.command, of: sent, dueTime: 22_000, seenAt: 24_000_000)
        #expect(latencies.due[0].count == 2 && latencies.ripe.count == 1)
    }

    @Test
    func `seconds that are long over are forgotten, and those before the first are not known`() {
        var seconds = SecondsSent(room: 3)
        seconds.note(eventTime: 5_500, intended: 1)
        #expect(seconds.end(of: 5_000) == nil && seconds.end(of: 4_000) == nil)
        seconds.note(eventTime: 7_000, intended: 2)
        seconds.note(eventTime: 6_000, intended: 3)
        #expect(seconds.end(of: 5_999) == 2 && seconds.end(of: 6_000) == 2)
        #expect(seconds.end(of: 7_000) == nil)
        seconds.note(eventTime: 9_000, intended: 4)
        #expect(seconds.end(of: 5_999) == nil && seconds.end(of: 6_000) == 2)
        #expect(seconds.end(of: 8_999) == 4)
        seconds.note(eventTime: 90_000, intended: 5)
        #expect(seconds.end(of: 8_999) == nil && seconds.end(of: 87_000) == 5)
    }

    @Test func `what cannot be attributed is counted and not measured`() {
        var latencies = OutputLatencies(disorder: 1_000)
        latencies.note(.command, of: nil, dueTime: 1, seenAt: 2)
        let sent = SentEvents.Sent(intended: 0, eventTime: 0)
        latencies.note(.decision, of: sent, dueTime: 5_000, isEnding: true, seenAt: 5_100_000)
        #expect(latencies.unknown == [1, 0])
        #expect(latencies.ended == 1)
        #expect(latencies.due[1].count == 0 && latencies.prompt[0].count == 0)
        #expect(latencies.count(.command) == 1 && latencies.count(.decision) == 1)
    }

    @Test func `events are remembered up to a bound, the newest at least, and the first counts`() {
        var events = SentEvents(room: 100)
        for id in UInt64(1)...1_000 {
            events.note(id, SentEvents.Sent(intended: Int64(id), eventTime: 0))
            // Again: it changes nothing.
            events.note(id, SentEvents.Sent(intended: -1, eventTime: 0))
            #expect(events.count <= 100)
            for known in max(1, Int(id) - 49)...Int(id) {
                #expect(events[UInt64(known)]?.intended == Int64(known))
            }
        }
        #expect(events.forgotten + events.count == 1_000)
        #expect(events[1] == nil)
    }

    @Test func `what an output says is found`() {
        let json = Array(
            #"{"at":"2026-05-04T00:00:00.250Z","x":"a \"cause\":\"no\"","cause":"m1~x","rules":[]}"#
                .utf8
        )
        var reading = OutputReading()
        #expect(OutputReading.text(of: "cause", in: json).map(Array.init) == Array("m1~x".utf8))
        #expect(
            OutputReading.text(of: "at", in: json).flatMap { reading.time($0) } == 1_777_852_800_250
        )
        #expect(OutputReading.text(of: "until", in: json) == nil)
        #expect(OutputReading.text(of: "at", in: Array(#"{"at":"202"#.utf8)) == nil)
        #expect(OutputReading.text(of: "at", in: []) == nil)
    }
}
