import Encoding
import Engine
import Events
import Foundation
import Kafka
import KafkaTesting
import Memory
import Testing

/// What only a real broker shows: who leads, what is committed, what a subscriber sees.
@Suite(
    "Kafka at a real broker",
    .serialized,
    .oneAtATimeAtTheBroker,
    .enabled(if: RealKafka.isAvailable, Comment(rawValue: RealKafka.howTo))
)
struct RealBrokerTests {
    let broker: RealKafka
    let settings: KafkaSettings
    let events = unique("events")
    let prefix = unique("out") + "."
    let lines = Lines()

    init() throws {
        broker = try RealKafka.shared.get()
        var settings = KafkaSettings(bootstrapServers: broker.bootstrapServers)
        settings.group = unique("group")
        settings.leaderTopic = unique("leader")
        settings.sessionTimeout = .milliseconds(1_500)
        settings.consumerProperties = ["heartbeat.interval.ms": "300"]
        self.settings = settings
    }

    private var decisions: String { prefix + "collie.decisions" }

    private func create(_ name: String, _ partitions: Int) throws {
        let inspection = try BrokerInspection(settings, log: .silent())
        try inspection.createTopic(name, partitions: partitions, within: .seconds(20))
    }

    private func createAll() throws {
        try create(settings.leaderTopic, 1)
        try create(events, 2)
        try create(decisions, 2)
    }

    private func echo(
        _ delivery: KafkaSink.Delivery,
        _ change: (inout KafkaSettings) -> Void = { _ in }
    ) throws -> Echo {
        var settings = settings
        change(&settings)
        return try Echo(settings, [events], prefix: prefix, delivery: delivery, log: lines.log)
    }

    private func reader(_ topic: String? = nil) throws -> Reader {
        try Reader(settings, topic ?? decisions, partitions: 2, log: .silent())
    }

    @Test(arguments: [KafkaSink.Delivery.atLeastOnce, .exactlyOnce])
    func `offsets are committed with the outputs, and the next leader goes on behind them`(
        _ delivery: KafkaSink.Delivery
    ) throws {
        try createAll()
        let first = (0..<500).map { "a\($0)" }
        try write(first, to: events, settings)
        do {
            let echo = try echo(delivery)
            try echo.lead()
            try echo.turns(until: "all read") { echo.read.count >= 500 }
            try echo.turns(until: "idle") { echo.lastMark?.idlePartitions == [0, 1] }
            // At-least-once commits offsets at intervals, so the last ones may come with a later mark.
            let both = [TopicPartition(events, 0), TopicPartition(events, 1)]
            var committed: Int64 = 0
            try until("all offsets are committed") {
                try echo.turn()
                let offsets = try echo.membership.committedOffsets(both, within: .seconds(5))
                committed = offsets.compactMap { $0 }.reduce(0, +)
                return committed >= 500
            }
            #expect(committed == 500)
        }
        try write(["b"], to: events, settings)
        let next = try echo(delivery)
        try next.lead()
        try next.turns(until: "b") { !next.read.isEmpty }
        #expect(next.read == ["b"])
        let reader = try reader()
        try reader.wait(for: 501)
        #expect(reader.seen.compactMap(\.value).sorted() == (first + ["b"]).sorted())
    }

    @Test func `a newcomer stands by without disturbing, and leads when the leader leaves`() throws
    {
        try createAll()
        let leader = try echo(.exactlyOnce)
        try leader.lead()
        let term = leader.membership.term
        var written: [String] = []
        func more(_ count: Int) throws {
            let values = (0..<count).map { "v\(written.count + $0)" }
            try write(values, to: events, settings)
            written += values
        }
        try more(50)
        let newcomer = try echo(.exactlyOnce)
        // A thread of its own: the tests' pool may be busy with other tests.
        let waiting = Waiting(newcomer.membership)
        try until("the newcomer stands by") {
            try leader.turn()
            return lines.all.filter { $0.hasPrefix("stands by") }.count == 2
        }
        // The group rebalances now; two heartbeats later it is over.
        let end = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < end {
            try more(5)
            try leader.turn()
        }
        try leader.turns(until: "all read") { leader.read.count == written.count }
        #expect(leader.membership.term == term)
        #expect(newcomer.membership.term == nil)
        leader.membership.close()
        try until("the newcomer leads") { newcomer.membership.term != nil }
        try waiting.end()
        try newcomer.begin()
        try more(10)
        try newcomer.turns(until: "the rest") { newcomer.read.count == 10 }
        let reader = try reader()
        try reader.wait(for: written.count)
        #expect(reader.seen.compactMap(\.value).sorted() == written.sorted())
    }

    /// Waits for the leadership on a thread of its own.
    private final class Waiting: @unchecked Sendable {
        // @unchecked: the semaphore orders the only write before the only read.
        private let isOver = DispatchSemaphore(value: 0)
        private var outcome: Result<Bool, any Error>?

        init(_ membership: KafkaMembership) {
            Thread { [self] in
                outcome = Result { try membership.waitForLeadership() }
                isOver.signal()
            }.start()
        }

        func end() throws {
            guard isOver.wait(timeout: .now() + 10) == .success else {
                throw TooLate(description: "the wait for the leadership has no end")
            }
            _ = try outcome?.get()
        }
    }

    @Test func `a leader that hangs is replaced, and nothing it left unfinished is ever seen`()
        throws
    {
        try createAll()
        try write((0..<100).map { "v\($0)" }, to: events, settings)
        let zombie = try echo(.exactlyOnce) {
            $0.consumerProperties["max.poll.interval.ms"] = "1500"
        }
        try zombie.lead()
        try until("an open transaction") {
            try zombie.turn(committing: false)
            return zombie.output.records.count > 0
        }
        // It hangs from here on; the broker gives its place to another.
        let next = try echo(.exactlyOnce)
        try next.lead()
        #expect(throws: KafkaError.self) { try zombie.sink!.commit(zombie.lastMark) }
        try next.turns(until: "all read") { next.read.count == 100 }
        do throws(any Error) {
            try zombie.turn()
            Issue.record("a zombie goes on")
        } catch {
            #expect((error as? KafkaError)?.kind == .leadershipLost)
        }
        let reader = try reader()
        try reader.wait(for: 100)
        try until("the end") {
            try reader.poll()
            return reader.ends >= 2
        }
        #expect(reader.seen.count == 100)
        #expect(Set(reader.seen.compactMap(\.value)).count == 100)
    }

    @Test func `a zombie whose leadership nobody told it of is fenced by its transactions`() throws
    {
        try createAll()
        try create(unique("other"), 1)
        var transactional = settings
        transactional.transactionalID = unique("deployment")
        var zombie = try KafkaProducer(transactional, log: .silent())
        try zombie.takeOverTransactions { true }
        let topic = try zombie.open(topic: decisions)
        func put(_ text: String) throws(KafkaError) {
            let bytes = Array(text.utf8)
            let none: [UInt8] = []
            try zombie.write(
                to: topic,
                key: bytes.span.bytes,
                hasKey: true,
                headers: none.span.bytes,
                value: bytes.span.bytes,
                hasValue: true,
                mayWait: { true }
            )
        }
        try zombie.begin()
        try put("lost")
        try zombie.flush { true }
        let next = try KafkaProducer(transactional, log: .silent())
        try next.takeOverTransactions { true }
        do throws(KafkaError) {
            try zombie.commit { true }
            Issue.record("a fenced producer has committed")
        } catch {
            #expect(error.kind == .fenced)
            #expect(error.isFatal)
        }
        let reader = try reader()
        try until("the end") {
            try reader.poll()
            return reader.ends >= 2
        }
        #expect(reader.seen.isEmpty)
    }

    @Test func `a transaction is seen when it is committed and not before`() throws {
        try createAll()
        try write(["x", "y"], to: events, settings)
        let echo = try echo(.exactlyOnce)
        try echo.lead()
        try until("an open transaction") {
            try echo.turn(committing: false)
            return echo.output.records.count == 2
        }
        let reader = try reader()
        try until("the end") {
            try reader.poll()
            return reader.ends >= 2
        }
        #expect(reader.seen.isEmpty)
        try echo.sink!.commit(echo.lastMark)
        try reader.wait(for: 2)
    }

    @Test func `behind a backlog epochs share transactions, and all of it is seen once`() throws {
        try createAll()
        let values = (0..<5_000).map { "v\($0)" }
        try write(values, to: events, settings)
        let echo = try echo(.exactlyOnce)
        try echo.lead()
        try echo.turns(until: "all read") { echo.read.count >= 5_000 }
        try echo.turns(until: "nothing is held") { !echo.sink!.isHolding }
        #expect(echo.held > 0)
        let reader = try reader()
        try reader.wait(for: 5_000)
        #expect(reader.seen.compactMap(\.value).sorted() == values.sorted())
        let both = [TopicPartition(events, 0), TopicPartition(events, 1)]
        let offsets = try echo.membership.committedOffsets(both, within: .seconds(5))
        #expect(offsets.compactMap { $0 }.reduce(0, +) == 5_000)
    }

    @Test func `a broker that is killed and comes back is waited for, and all goes on`() throws {
        guard broker.isOurs else { return }
        try createAll()
        defer { if broker.isDown { broker.restart() } }
        let echo = try echo(.atLeastOnce) { $0.sessionTimeout = .seconds(60) }
        try echo.lead()
        try write(["a"], to: events, settings)
        try echo.turns(until: "a") { echo.read == ["a"] }
        broker.kill()
        try echo.turns(until: "the notice") { lines.contains("waiting for broker") }
        #expect(lines.contains("Connection refused") || lines.contains("Disconnected"))
        try echo.turns(until: "no partition is idle") { echo.lastMark?.idlePartitions == [] }
        broker.restart()
        try write(["b"], to: events, settings)
        // The session may have ended meanwhile: then this instance has to lead anew.
        try until("b", within: .seconds(30)) {
            do { try echo.turn() } catch let error as KafkaError {
                guard error.kind == .leadershipLost else { throw error }
                try echo.lead()
            }
            return echo.read.contains("b")
        }
        #expect(lines.contains("the broker answers after"))
    }

    @Test func `what a transaction left open when the broker crashed is never seen`() throws {
        guard broker.isOurs else { return }
        try create(decisions, 2)
        defer { if broker.isDown { broker.restart() } }
        var transactional = settings
        transactional.transactionalID = unique("deployment")
        transactional.transactionTimeout = .seconds(2)
        transactional.producerProperties["socket.timeout.ms"] = "2000"
        func write(_ value: String, with producer: inout KafkaProducer) throws {
            let handle = try producer.open(topic: decisions)
            let bytes = Array(value.utf8)
            let nothing: [UInt8] = []
            try producer.write(
                to: handle,
                key: nothing.span.bytes,
                hasKey: false,
                headers: nothing.span.bytes,
                value: bytes.span.bytes,
                hasValue: true,
                partition: 0,
                mayWait: { true }
            )
            try producer.flush { true }
        }
        var first = try KafkaProducer(transactional, log: .silent())
        try first.takeOverTransactions { true }
        try first.begin()
        try write("lost", with: &first)
        broker.kill()
        broker.restart()
        var next = try KafkaProducer(transactional, log: .silent())
        try next.takeOverTransactions { true }
        try next.abandonRemains(in: [decisions, "no-such"]) { true }
        try next.begin()
        try write("kept", with: &next)
        try next.commit { true }
        let reader = try reader()
        try reader.wait(for: 1)
        #expect(reader.seen.map(\.value) == ["kept"])
    }

    @Test func `a missing topic is named and waited for, and new partitions are read`() throws {
        try create(settings.leaderTopic, 1)
        try create(decisions, 2)
        let echo = try echo(.atLeastOnce)
        try echo.lead()
        try echo.turns(until: "the notice") {
            lines.contains("waiting for topic \(events) (it does not exist)")
        }
        try create(events, 1)
        try echo.turns(until: "the topic") { lines.contains("reads \(events)[0] too") }
        try write(["a"], to: events, settings)
        try echo.turns(until: "a") { echo.read == ["a"] }
        let inspection = try BrokerInspection(settings, log: .silent())
        try inspection.addPartitions(events, upTo: 2, within: .seconds(10))
        try until("the partition exists") {
            try inspection.topic(events, within: .seconds(5)).partitions == 2
        }
        try write(["b"], to: events, settings, partition: 1)
        try echo.turns(until: "b") { echo.read == ["a", "b"] }
        #expect(echo.membership.partitions.count == 2)
    }

    @Test func `TLS with a password lets in who knows it, and says why to who does not`() throws {
        guard let servers = broker.secureServers, let authority = broker.authority else { return }
        var secure = settings
        secure.bootstrapServers = servers
        secure.properties = [
            "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN",
            "sasl.username": "collie", "sasl.password": "collie-secret",
            "ssl.ca.location": authority,
        ]
        try create(decisions, 2)
        try write(["s"], to: decisions, secure)
        let reader = try Reader(secure, decisions, partitions: 2, log: .silent())
        try reader.wait(for: 1)
        let inspection = try BrokerInspection(secure, log: .silent())
        #expect(try inspection.brokers(within: .seconds(10)).count == 1)
        secure.properties["sasl.password"] = "not-the-secret"
        let refused = try BrokerInspection(secure, log: lines.log)
        do throws(KafkaError) {
            _ = try refused.brokers(within: .seconds(3))
            Issue.record("a wrong password was taken")
        } catch {
            #expect(error.kind == .authentication)
            #expect(error.description.contains("uthentication failed"))
        }
        #expect(!lines.all.contains { $0.contains("not-the-secret") })
    }

    @Test func `an inspection tells partitions and retention`() throws {
        let inspection = try BrokerInspection(settings, log: .silent())
        try inspection.createTopic(
            events,
            partitions: 3,
            settings: ["retention.ms": "3600000"],
            within: .seconds(10)
        )
        let topic = try inspection.topic(events, within: .seconds(10))
        #expect(topic.partitions == 3)
        #expect(topic.replication == 1)
        #expect(topic.retention == .seconds(3_600))
        #expect(topic.cleanupPolicy == "delete")
        #expect(topic.problem == nil)
        #expect(
            try inspection.topic("no-such", within: .seconds(10)).problem == "it does not exist"
        )
    }
}
