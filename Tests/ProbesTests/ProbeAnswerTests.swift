import Engine
import Probes
import Testing

@Suite("Answers to probes")
struct ProbeAnswerTests {
    private func statuses(_ reading: Health.Reading) -> [Int32] {
        ["/livez", "/readyz", "/startupz"].map { ProbeAnswer(to: $0, reading).status }
    }

    private func reading(_ state: Health.State, isRestored: Bool = true) -> Health.Reading {
        var reading = Health.Reading()
        reading.state = state
        reading.isRestored = isRestored
        return reading
    }

    @Test func `alive is who does not end with an error, ready who does its job`() {
        #expect(statuses(reading(.starting, isRestored: false)) == [200, 503, 503])
        #expect(statuses(reading(.restoring, isRestored: false)) == [200, 503, 503])
        #expect(statuses(reading(.recovering)) == [200, 503, 200])
        #expect(statuses(reading(.joining)) == [200, 503, 200])
        #expect(statuses(reading(.standingBy)) == [200, 200, 200])
        #expect(statuses(reading(.takingOver)) == [200, 503, 200])
        #expect(statuses(reading(.leading)) == [200, 200, 200])
        #expect(statuses(reading(.draining)) == [200, 503, 200])
        #expect(statuses(reading(.failed)) == [503, 503, 200])
    }

    @Test(arguments: [
        (Health.State.standingBy, #"{"state":"standing by"}"#),
        (.takingOver, #"{"state":"taking over"}"#),
        (.leading, #"{"state":"leading"}"#),
        (.draining, #"{"state":"draining"}"#),
    ])
    func `the body names the state`(state: Health.State, body: String) {
        for path in ["/livez", "/readyz", "/startupz"] {
            #expect(ProbeAnswer(to: path, reading(state)).body == body + "\n")
        }
    }

    @Test func `a recovery says how far it is and how long it takes`() {
        var reading = reading(.recovering)
        reading.recovery = RecoveryProgress.Reading()
        reading.recovery?.elapsed = .seconds(10)
        #expect(
            ProbeAnswer(to: "/readyz", reading).body
                == #"{"state":"recovering","percent":0,"records":0,"elapsed_seconds":10}"# + "\n"
        )
        reading.recovery?.share = 0.25
        reading.recovery?.records = 1_000
        let body =
            #"{"state":"recovering","percent":25,"records":1000,"elapsed_seconds":10,"#
            + #""seconds_to_go":30}"#
        #expect(ProbeAnswer(to: "/readyz", reading).body == body + "\n")
    }

    @Test func `what is waited for and why it ends is told, whatever stands in it`() {
        var leading = reading(.leading)
        leading.waits = ["broker a:1 (timed out)", "topic /b (\"b\" is not\nthere)"]
        let body =
            #"{"state":"leading","waiting_for":["broker a:1 (timed out)","#
            + #""topic /b (\"b\" is not\nthere)"]}"#
        #expect(ProbeAnswer(to: "/readyz", leading).status == 503)
        #expect(ProbeAnswer(to: "/readyz", leading).body == body + "\n")
        var failed = reading(.failed)
        failed.failure = "kafka: it is gone"
        #expect(
            ProbeAnswer(to: "/livez", failed).body
                == #"{"state":"failed","reason":"kafka: it is gone"}"# + "\n"
        )
    }

    @Test func `another path is told what there is`() {
        for path in ["/", "/readyz/", "/metrics"] {
            let answer = ProbeAnswer(to: path, reading(.leading))
            #expect(answer.status == 404)
            #expect(answer.body.contains("/readyz"))
        }
    }
}
