import Foundation
import Glibc
import Kafka
import KafkaTesting
import Testing

/// What an instance does, seen from outside.
@Suite("collie run", .serialized, .oneAtATimeAtTheBroker)
struct RunTests {
    /// Compares what subscribers saw with what was ordered; a mock cluster may show some twice.
    private func expect(_ reader: Reader, shows orders: [String], in cluster: Cluster) throws {
        try reader.wait(for: orders.count)
        try until("every order is confirmed") {
            try reader.poll()
            return Set(try reader.orders()).isSuperset(of: orders)
        }
        #expect(Set(try reader.orders()) == Set(orders))
        #expect(Set(reader.sendIDs).count == orders.count)
        if cluster.kind == .real { #expect(reader.seen.count == orders.count) }
    }

    @Test func `orders are confirmed, left carts come to a reminder, poison is put aside`() throws {
        let deployment = try Deployment(try Cluster())
        try deployment.createTopics()
        let program = try deployment.lead()
        try deployment.put([
            deployment.event(
                "identify",
                user: "c",
                ago: 8_000,
                #""traits":{"email":"c@example.com"}"#
            ),
            deployment.event(
                "track",
                user: "c",
                ago: 7_900,
                #""event":"Consent Updated","properties":{"channel":"email","state":"subscribed"}"#
            ),
            deployment.event(
                "track",
                user: "c",
                ago: 7_800,
                #""event":"Product Added","properties":{"cart_id":"k","product_id":"P","price":9}"#
            ),
            "{\"type\":\"track\",\"event\":",
        ])
        let orders = try deployment.order(20)
        let commands = try deployment.reader("send.email")
        try commands.wait(for: 21)
        #expect(Set(try commands.orders()) == Set(orders))
        let reminder = try commands.objects().first { $0["flow"] as? String == "cart" }
        #expect((reminder?["to"] as? [String: String]) == ["email": "c@example.com"])
        for record in commands.seen {
            #expect(record.headers["ce_type"] == "send.requested.v1")
            #expect(record.key == record.headers["ce_subject"])
        }
        let decisions = try deployment.reader("collie.decisions")
        try until("decisions") {
            try decisions.poll()
            return try decisions.objects().count { $0["outcome"] as? String == "sent" } == 21
        }
        let letters = try deployment.reader("collie.dead-letters")
        try letters.wait(for: 1)
        #expect(letters.seen[0].value == "{\"type\":\"track\",\"event\":")
        #expect(letters.seen[0].headers["collie_reason"] == "invalid_json")
        #expect(letters.seen[0].headers["collie_topic"] == deployment.events)
        #expect(letters.seen[0].headers["collie_partition"] != nil)
        #expect(letters.seen[0].headers["collie_offset"] != nil)
        program.send(SIGTERM)
        #expect(try program.end(within: .seconds(10)) == 0)
        try program.says("stopped: 24 records, 21 send commands")
        #expect(try deployment.committed() >= 24)
    }

    @Test func `an instance that is stopped hands over, and nothing is lost or doubled`() throws {
        let cluster = try Cluster()
        let deployment = try Deployment(cluster)
        try deployment.createTopics()
        let first = try deployment.lead()
        var orders = try deployment.order(50)
        let second = try deployment.run()
        try second.says("stands by")
        orders += try deployment.order(50)
        let reader = try deployment.reader("send.email")
        try reader.wait(for: 60)
        #expect(!second.errors.contains("leads: reads"))
        let begin = ContinuousClock.now
        first.send(SIGTERM)
        orders += try deployment.order(50)
        #expect(try first.end(within: .seconds(10)) == 0)
        try second.says("leads: reads", within: .seconds(30))
        print("hand-over after SIGTERM: \(ContinuousClock.now - begin)")
        orders += try deployment.order(50)
        try expect(reader, shows: orders, in: cluster)
        second.send(SIGTERM)
        #expect(try second.end(within: .seconds(10)) == 0)
        #expect(try deployment.committed() >= Int64(orders.count))
    }

    @Test func `an instance that is killed is replaced within the session timeout`() throws {
        let cluster = try Cluster()
        let deployment = try Deployment(cluster)
        try deployment.createTopics()
        let first = try deployment.lead()
        var orders = try deployment.order(30)
        let second = try deployment.run()
        try second.says("stands by")
        orders += try deployment.order(30)
        let reader = try deployment.reader("send.email")
        try reader.wait(for: 40)
        orders += try deployment.order(30)
        let begin = ContinuousClock.now
        first.send(SIGKILL)
        #expect(try first.end(within: .seconds(5)) == 128 + SIGKILL)
        try second.says("this instance leads now", within: .seconds(30))
        let silence = ContinuousClock.now - begin
        try second.says("leads: reads")
        let working = ContinuousClock.now - begin
        print("after kill -9: leads after \(silence), reads after \(working)")
        // 1.5 s of session timeout, and two more.
        if cluster.kind == .real { #expect(working < .milliseconds(3_500)) }
        orders += try deployment.order(30)
        try expect(reader, shows: orders, in: cluster)
    }

    @Test func `who has lost the journal does not begin, unless that is accepted`() throws {
        let deployment = try Deployment(try Cluster())
        try deployment.createTopics()
        let first = try deployment.lead()
        let orders = try deployment.order(3)
        let reader = try deployment.reader("send.email")
        try expect(reader, shows: orders, in: deployment.cluster)
        first.send(SIGTERM)
        #expect(try first.end(within: .seconds(10)) == 0)
        deployment.journal = "another"
        try deployment.cluster.create(deployment.output("another"), 1)
        let second = try deployment.run()
        try second.says("whose epochs the journal \(deployment.output("another")) does not hold")
        try second.says("the journal names none of it")
        #expect(try second.end(within: .seconds(20)) == 4)
        let third = try deployment.run("--accept-loss")
        try third.says("leads: reads")
        third.send(SIGTERM)
        #expect(try third.end(within: .seconds(10)) == 0)
    }

    @Test(.enabled(if: Cluster.kind == .real, Comment(rawValue: RealKafka.howTo)))
    func `where the past is gone, a start needs a snapshot`() throws {
        let deployment = try Deployment(try Cluster(.real))
        try deployment.createTopics()
        let disk = deployment.folder.path + "/disk"
        let first = try deployment.run(snapshots: disk)
        try first.says("leads: reads")
        var orders = try deployment.order(9)
        let reader = try deployment.reader("send.email")
        try expect(reader, shows: orders, in: deployment.cluster)
        first.send(SIGTERM)
        #expect(try first.end(within: .seconds(10)) == 0)
        try first.says("snapshot: epoch")

        let partitions =
            (0..<Deployment.partitions).map { TopicPartition(deployment.events, Int32($0)) }
            + [TopicPartition(deployment.output("collie.journal"), 0)]
        let ends = try KafkaConsumer(deployment.settings, log: .silent())
            .ends(of: partitions, within: .seconds(10))
        try BrokerInspection(deployment.settings, log: .silent()).deleteRecords(
            before: Array(zip(partitions, ends)).map { (partition: $0, offset: $1) },
            within: .seconds(10)
        )

        let second = try deployment.run(snapshots: disk)
        try second.says("snapshot of epoch")
        try second.says("leads: reads")
        orders += try deployment.order(9)
        try expect(reader, shows: orders, in: deployment.cluster)
        second.send(SIGTERM)
        #expect(try second.end(within: .seconds(10)) == 0)
        let third = try deployment.run()
        try third.says("a new instance may begin with a copy")
        #expect(try third.end(within: .seconds(20)) == 4)
    }

    @Test func `a folder that cannot be written is complained about and nothing else`() throws {
        let deployment = try Deployment(try Cluster())
        try deployment.createTopics()
        // Where nobody can make a folder, not even root.
        let program = try deployment.run(snapshots: "/proc/collie")
        try program.says("leads: reads")
        let orders = try deployment.order(3)
        let reader = try deployment.reader("send.email")
        try expect(reader, shows: orders, in: deployment.cluster)
        try program.says("no snapshot: cannot make the snapshot folder /proc/collie")
        program.send(SIGTERM)
        #expect(try program.end(within: .seconds(10)) == 0)
        #expect(try deployment.audit().code == 0)
    }

    @Test func `a second signal ends at once`() throws {
        let deployment = try Deployment(try Cluster(Cluster.kindToKill))
        try deployment.createTopics()
        let program = try deployment.lead()
        try deployment.order(1)
        let reader = try deployment.reader("send.email")
        try reader.wait(for: 1)
        // With a broker that hangs there is something to wait for.
        try deployment.cluster.hang()
        program.send(SIGTERM)
        try program.says("stops: works off")
        let begin = ContinuousClock.now
        program.send(SIGTERM)
        let code = try program.end(within: .seconds(5))
        #expect(ContinuousClock.now - begin < .seconds(1))
        // Whichever comes first: the signal, or an end for want of anything to work off.
        #expect(code == 128 + SIGTERM || code == 0)
    }

    @Test func `a broker that is away is waited for, from the start and later`() throws {
        let cluster = try Cluster(Cluster.kindToKill)
        let deployment = try Deployment(cluster)
        try deployment.createTopics()
        let first = try deployment.lead()
        var orders = try deployment.order(10)
        let reader = try deployment.reader("send.email")
        try reader.wait(for: 10)
        try cluster.takeAway()
        try first.says("waiting for broker")
        let second = try deployment.run()
        try second.says("waiting for broker")
        try cluster.bringBack()
        try first.says("the broker answers after")
        try second.says("stands by", within: .seconds(30))
        orders += try deployment.order(10)
        try expect(reader, shows: orders, in: cluster)
        // Either may lead now, for the session is long over.
        try until("one leads") {
            [first, second].contains { $0.errors.contains("leads: reads") }
        }
        for program in [first, second] { program.send(SIGTERM) }
        for program in [first, second] {
            #expect(try program.end(within: .seconds(10)) == 0, "\(program.errors)")
        }
        if cluster.kind == .real { #expect(try deployment.committed() >= 20) }
    }

    @Test func `a stop is heard while the broker is away`() throws {
        let deployment = try Deployment(try Cluster())
        deployment.brokers = "127.0.0.1:1"
        let program = try deployment.run()
        try program.says("waiting for broker 127.0.0.1:1")
        let begin = ContinuousClock.now
        program.send(SIGINT)
        #expect(try program.end(within: .seconds(10)) == 0)
        #expect(ContinuousClock.now - begin < .seconds(3))
    }

    @Test(.enabled(if: Cluster.kind == .real, Cluster.autoCreates))
    func `topics that are not there are waited for, and named`() throws {
        let deployment = try Deployment(try Cluster())
        try deployment.createTopics(except: [deployment.events, deployment.leader])
        let program = try deployment.run()
        try program.says("waiting for topic \(deployment.leader) (it does not exist)")
        try program.says("waiting for topic \(deployment.events) (it does not exist)")
        try deployment.cluster.create(deployment.leader, 1)
        try program.says("leads: reads 0 partitions")
        try deployment.cluster.create(deployment.events, Deployment.partitions)
        try program.says("reads \(deployment.events)[0], \(deployment.events)[1] too")
        let orders = try deployment.order(5)
        try expect(
            try deployment.reader("send.email"),
            shows: orders,
            in: deployment.cluster
        )
    }

    @Test func `a leader topic of two partitions is refused`() throws {
        let deployment = try Deployment(try Cluster())
        try deployment.createTopics(except: [deployment.leader])
        try deployment.cluster.create(deployment.leader, 2)
        let program = try deployment.run()
        #expect(try program.end(within: .seconds(20)) == 3)
        #expect(program.errors.contains("\(deployment.leader) has 2 partitions; it must have one"))
    }
}
