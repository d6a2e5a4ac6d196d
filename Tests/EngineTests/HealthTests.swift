import Testing

@testable import Engine

@Suite("How an instance is")
struct HealthTests {
    private let health = Health()

    @Test func `a process that has just begun is alive and nothing else`() {
        let reading = health.reading
        #expect(reading.state == .starting)
        #expect(reading.isLive)
        #expect(!reading.isReady)
        #expect(!reading.isRestored)
    }

    @Test func `who leads, or stands by and knows the past, is ready; who is on the way is not`() {
        for state in Health.State.allCases where state != .draining && state != .failed {
            health.enter(state)
            #expect(health.reading.state == state)
            #expect(health.reading.isLive)
            #expect(health.reading.isReady == (state == .leading || state == .standingBy))
        }
    }

    @Test func `what was restored once stays so, also while another term begins`() {
        health.enter(.restoring)
        #expect(!health.reading.isRestored)
        health.enter(.recovering)
        #expect(health.reading.isRestored)
        health.enter(.restoring)
        #expect(health.reading.isRestored)
        #expect(!health.reading.isReady)
    }

    @Test func `who waits for something outside is alive, and ready when all of it is there`() {
        health.enter(.leading)
        health.waiting(for: "topic a", reason: "it does not exist")
        health.waiting(for: "broker b:1", reason: "refused")
        health.waiting(for: "broker b:1", reason: "timed out")
        #expect(health.reading.waits == ["broker b:1 (timed out)", "topic a (it does not exist)"])
        #expect(health.reading.isLive)
        #expect(!health.reading.isReady)
        health.over("broker b:1")
        #expect(!health.reading.isReady)
        health.over("topic a")
        #expect(health.reading.isReady)
    }

    @Test func `a wish to stop shows whatever the engine comes to`() {
        health.enter(.leading)
        health.drain()
        #expect(health.reading.state == .draining)
        health.enter(.standingBy)
        #expect(health.reading.state == .draining)
        #expect(health.reading.isLive)
        #expect(!health.reading.isReady)
    }

    @Test func `an error shows whatever else there is, and is the end of being alive`() {
        health.enter(.leading)
        health.drain()
        health.fail("the journal is gone")
        health.enter(.leading)
        #expect(health.reading.state == .failed)
        #expect(health.reading.failure == "the journal is gone")
        #expect(!health.reading.isLive)
        #expect(!health.reading.isReady)
    }

    @Test func `progress shows while the past is gone through, and then no more`() {
        #expect(health.reading.recovery == nil)
        health.enter(.recovering)
        health.recovery.begin(from: 100, to: 300)
        health.recovery.pass(position: 150)
        health.recovery.pass(records: 7)
        #expect(health.reading.recovery?.share == 0.25)
        #expect(health.reading.recovery?.records == 7)
        health.enter(.takingOver)
        #expect(health.reading.recovery?.share == 0.25)
        health.enter(.leading)
        #expect(health.reading.recovery == nil)
    }
}
