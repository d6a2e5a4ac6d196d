import Encoding
import Engine
import Events
import Foundation
import Kafka
import KafkaTesting
import Testing

@Suite("Kafka in a mock cluster")
struct MockClusterTests {
    @Test func `a record keeps its key, headers and value, and none is not the same as empty`()
        throws
    {
        let cluster = try MockCluster()
        try cluster.createTopic("t", partitions: 1)
        let settings = KafkaSettings(bootstrapServers: cluster.bootstrapServers)
        var producer = try KafkaProducer(settings, log: .silent())
        let topic = try producer.open(topic: "t")
        let key = Array("k".utf8)
        let value = Array("v".utf8)
        let none: [UInt8] = []
        let headers = pack([("ce_type", "cart"), ("empty", "")])
        for (hasKey, hasValue, isEmpty) in [
            (true, true, false), (false, true, false), (true, false, false), (true, true, true),
        ] {
            try producer.write(
                to: topic,
                key: isEmpty ? none.span.bytes : key.span.bytes,
                hasKey: hasKey,
                headers: isEmpty ? none.span.bytes : headers.span.bytes,
                value: isEmpty ? none.span.bytes : value.span.bytes,
                hasValue: hasValue,
                mayWait: { true }
            )
        }
        try producer.flush { true }
        #expect(producer.delivered == 4)
        let reader = try Reader(settings, "t", partitions: 1, log: .silent())
        try reader.wait(for: 4)
        let both = ["ce_type": "cart", "empty": ""]
        #expect(
            reader.seen == [
                Seen(key: "k", value: "v", headers: both, offset: 0),
                Seen(key: nil, value: "v", headers: both, offset: 1),
                Seen(key: "k", value: nil, headers: both, offset: 2),
                Seen(key: "", value: "", offset: 3),
            ]
        )
    }

    @Test func `an instance leads, echoes, commits, and another goes on where it stopped`() throws {
        let cluster = try MockCluster()
        for topic in ["events", "out.collie.decisions"] {
            try cluster.createTopic(topic, partitions: 2)
        }
        try cluster.createTopic("collie.leader", partitions: 1)
        var settings = KafkaSettings(bootstrapServers: cluster.bootstrapServers)
        settings.group = "g"
        let values = (0..<300).map { "a\($0)" }
        try write(values, to: "events", settings, headers: [("h", "x")])
        let lines = Lines()
        do {
            let echo = try Echo(
                settings,
                ["events"],
                prefix: "out.",
                delivery: .atLeastOnce,
                log: lines.log
            )
            try echo.lead()
            try echo.turns(until: "all echoed") { echo.read.count >= 300 }
            #expect(Set(echo.read) == Set(values))
            #expect(echo.headers.allSatisfy { $0 == ["h": "x"] })
            try echo.turns(until: "both partitions idle") {
                echo.lastMark?.idlePartitions == [0, 1]
            }
            echo.membership.stop()
            while case .epochEnd(let mark)? = try? echo.source!.fill(echo.block) {
                try echo.sink!.commit(mark)
            }
        }
        try write(["b"], to: "events", settings)
        let next = try Echo(
            settings,
            ["events"],
            prefix: "out.",
            delivery: .atLeastOnce,
            log: lines.log
        )
        try next.lead()
        try next.turns(until: "the new record") { !next.read.isEmpty }
        #expect(next.read == ["b"])
        let reader = try Reader(settings, "out.collie.decisions", partitions: 2, log: .silent())
        try reader.wait(for: 301)
        #expect(Set(reader.seen.compactMap(\.value)) == Set(values + ["b"]))
    }

    @Test func `a broker that goes away is waited for, and said so`() throws {
        let cluster = try MockCluster()
        for topic in ["events", "collie.decisions"] {
            try cluster.createTopic(topic, partitions: 1)
        }
        try cluster.createTopic("collie.leader", partitions: 1)
        let lines = Lines()
        let settings = KafkaSettings(bootstrapServers: cluster.bootstrapServers)
        let echo = try Echo(
            settings,
            ["events"],
            prefix: "",
            delivery: .atLeastOnce,
            log: lines.log
        )
        try echo.lead()
        try write(["a"], to: "events", settings)
        try echo.turns(until: "a") { echo.read == ["a"] }
        try cluster.setBroker(1, isUp: false)
        try echo.turns(until: "the notice") { lines.contains("waiting for broker") }
        #expect(echo.lastMark != nil)
        try cluster.setBroker(1, isUp: true)
        try echo.turns(until: "the end of it") { lines.contains("the broker answers after") }
        try write(["b"], to: "events", settings)
        try echo.turns(until: "b") { echo.read == ["a", "b"] }
    }

    @Test func `without any broker nothing fails, and a wish to stop is heard at once`() throws {
        let lines = Lines()
        let membership = try KafkaMembership(
            KafkaSettings(bootstrapServers: "127.0.0.1:1"),
            topics: ["events"],
            log: lines.log
        )
        let stopper = Thread { [membership] in
            let deadline = ContinuousClock.now + .seconds(10)
            while !lines.contains("waiting for broker"), ContinuousClock.now < deadline {
                usleep(10_000)
            }
            membership.stop()
        }
        stopper.start()
        #expect(try membership.waitForLeadership() == false)
        #expect(lines.contains("waiting for broker 127.0.0.1:1 (kafka: "))
        let begin = ContinuousClock.now
        membership.close()
        #expect(ContinuousClock.now - begin < .seconds(2))
    }

    @Test func `settings that guarantees rest on are refused, and secrets are not shown`() throws {
        func refusal(_ properties: [String: String]) -> String {
            var settings = KafkaSettings(bootstrapServers: "127.0.0.1:1")
            settings.properties = properties
            do throws(KafkaError) {
                _ = try KafkaConsumer(settings, log: .silent())
                return ""
            } catch { return error.kind == .configuration ? error.description : "\(error.kind)" }
        }
        #expect(refusal(["enable.auto.commit": "true"]).contains("offsets are committed with"))
        #expect(refusal(["isolation.level": "read_uncommitted"]).contains("cannot be set"))
        #expect(refusal(["fetch.wait.max.mss": "1"]).contains("no setting `fetch.wait.max.mss`"))
        #expect(refusal(["fetch.wait.max.ms": "never"]).contains("fetch.wait.max.ms"))
        #expect(!refusal(["ssl.key.pem": "hush"]).contains("hush"))
        #expect(refusal(["fetch.wait.max.ms": "11"]) == "")
    }

    @Test func `SCRAM with an old librdkafka is warned of`() {
        var settings = KafkaSettings(bootstrapServers: "x:1")
        #expect(BrokerInspection.warnings(settings).isEmpty)
        settings.properties["sasl.mechanisms"] = "SCRAM-SHA-512"
        let isOld = libraryVersion.compare("2.6.1", options: .numeric) == .orderedAscending
        #expect(BrokerInspection.warnings(settings).isEmpty == !isOld)
    }
}
