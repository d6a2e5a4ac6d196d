import Foundation
import Glibc
import Kafka
import TestData

/// A Kafka of one broker for this run, or one that is lent.
final class Broker {
    /// Where it answers.
    let bootstrapServers: String
    /// Its process; nil if it is not ours.
    private let program: Program?

    private static let howTo = """
        name the folder of an unpacked Kafka release, the one with libs in it, in KAFKA_HOME (or a \
        Kafka that runs already: --brokers HOST:PORT)
        """

    /// Starts one, or takes the one that is named.
    init(lent: String?, in keeper: Keeper) throws {
        if let lent {
            bootstrapServers = lent
            program = nil
            _ = try inspection().brokers(within: .seconds(10))
            return
        }
        let libraries = try Broker.libraries()
        let folder = keeper.folder + "/broker"
        try FileManager.default.createDirectory(
            atPath: folder,
            withIntermediateDirectories: true
        )
        let (port, other) = (try Broker.freePort(), try Broker.freePort())
        let properties = folder + "/server.properties"
        try Broker.properties(port, other, folder).write(
            toFile: properties,
            atomically: true,
            encoding: .utf8
        )
        func java(_ words: [String]) -> [String] {
            ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"] + words
        }
        let format = try Program(
            java(["-XX:TieredStopAtLevel=1", "-cp", libraries, "kafka.tools.StorageTool"])
                + ["format", "-t", "Y29sbGllLWJlbmNoLWNvbA", "-c", properties],
            in: keeper
        )
        try format.finish(within: .seconds(60))
        bootstrapServers = "127.0.0.1:\(port)"
        // As Kafka's own scripts start it; another collector stands still for longer, and all wait.
        let collector = [
            "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
        ]
        program = try Program(
            java(["-Xms768m", "-Xmx768m"] + collector + ["-cp", libraries])
                + ["kafka.Kafka", properties],
            in: keeper
        )
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            if let end = program?.end {
                throw Failure("the broker ended with \(end.code):\n\(program?.errors ?? "")")
            }
            do throws(KafkaError) {
                _ = try inspection().brokers(within: .seconds(1))
                return
            } catch {
                if ContinuousClock.now > deadline { throw error }
            }
        }
    }

    /// What Java loads the broker from.
    private static func libraries() throws(Failure) -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let hasJava = path.split(separator: ":").contains {
            access("\($0)/java", X_OK) == 0
        }
        guard hasJava else {
            throw Failure("a broker needs java 17, such as Debian's openjdk-17-jre-headless")
        }
        let named = ProcessInfo.processInfo.environment["KAFKA_HOME"]
        guard let home = named ?? sharedFolder?.appendingPathComponent("kafka").path else {
            throw Failure("there is no Kafka: \(howTo)")
        }
        let libraries = home + "/libs"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: libraries)) ?? []
        guard names.contains(where: { $0.hasPrefix("kafka-server-") && $0.hasSuffix(".jar") })
        else {
            throw Failure("there is no Kafka in \(home): \(howTo)")
        }
        return libraries + "/*"
    }

    private static func properties(_ port: Int, _ controller: Int, _ folder: String) -> String {
        """
        process.roles=broker,controller
        node.id=1
        controller.quorum.voters=1@127.0.0.1:\(controller)
        listeners=PLAINTEXT://127.0.0.1:\(port),CONTROLLER://127.0.0.1:\(controller)
        advertised.listeners=PLAINTEXT://127.0.0.1:\(port)
        listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
        controller.listener.names=CONTROLLER
        inter.broker.listener.name=PLAINTEXT
        log.dirs=\(folder)/data
        default.replication.factor=1
        min.insync.replicas=1
        offsets.topic.replication.factor=1
        offsets.topic.num.partitions=4
        transaction.state.log.replication.factor=1
        transaction.state.log.min.isr=1
        transaction.state.log.num.partitions=4
        share.coordinator.state.topic.replication.factor=1
        share.coordinator.state.topic.min.isr=1
        group.initial.rebalance.delay.ms=0
        group.min.session.timeout.ms=1000
        auto.create.topics.enable=false
        log.retention.ms=-1
        num.network.threads=2
        num.io.threads=4
        log.cleaner.dedupe.buffer.size=8388608

        """
    }

    private static func freePort() throws(Failure) -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isThere = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isThere else { throw Failure("no free port") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }

    /// How clients reach it.
    var settings: KafkaSettings { KafkaSettings(bootstrapServers: bootstrapServers) }

    private func inspection() throws(KafkaError) -> BrokerInspection {
        try BrokerInspection(settings, log: .silent())
    }

    /// Makes a topic whose records are never too old.
    func create(_ topic: String, partitions: Int) throws {
        let inspection = try inspection()
        try inspection.createTopic(
            topic,
            partitions: partitions,
            settings: ["retention.ms": "-1"],
            within: .seconds(20)
        )
        // The broker answers before it tells everybody of the topic.
        let deadline = ContinuousClock.now + .seconds(20)
        while try inspection.topic(topic, within: .seconds(5), asksSettings: false).partitions == 0
        {
            if ContinuousClock.now > deadline { throw Failure("topic \(topic) does not come") }
            usleep(2_000)
        }
    }

    /// Seconds of processor time it has used so far; nil if it is not ours.
    var processor: Double? { program.map { Machine.processor($0.pid) } }
}
