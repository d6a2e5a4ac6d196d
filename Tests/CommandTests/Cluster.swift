import Foundation
import Kafka
import KafkaTesting
import Testing

/// The cluster of a test: the real broker if there is one, else librdkafka's own in this process.
///
/// A real broker that others lend us is not killed; tests that need that use the mock then.
final class Cluster {
    /// What both do alike, and what a real broker alone does.
    enum Kind { case real, mock }

    /// Which one tests use that take a broker away.
    static let kindToKill: Kind = RealKafka.isAvailable && !RealKafka.isLent ? .real : .mock
    /// Which one the others use.
    static let kind: Kind = RealKafka.isAvailable ? .real : .mock

    /// Why the mock will not do for missing topics.
    static let autoCreates = Comment(
        rawValue: "the mock makes every topic that is asked for; \(RealKafka.howTo)"
    )

    let kind: Kind
    private let real: RealKafka?
    private let mock: Mock?

    private final class Mock {
        let cluster: MockCluster
        init() throws { cluster = try MockCluster() }
    }

    init(_ kind: Kind = Cluster.kind) throws {
        self.kind = kind
        real = kind == .real ? try RealKafka.shared.get() : nil
        mock = kind == .mock ? try Mock() : nil
    }

    private var hangs = false

    deinit {
        guard let real, real.isOurs else { return }
        if hangs { real.resume() }
        if real.isDown { real.restart() }
    }

    var bootstrapServers: String { real?.bootstrapServers ?? mock!.cluster.bootstrapServers }

    func create(_ topic: String, _ partitions: Int, _ more: [String: String] = [:]) throws {
        guard real != nil else {
            return try mock!.cluster.createTopic(topic, partitions: partitions)
        }
        let settings = KafkaSettings(bootstrapServers: bootstrapServers)
        let inspection = try BrokerInspection(settings, log: .silent())
        try inspection.createTopic(
            topic,
            partitions: partitions,
            settings: more,
            within: .seconds(20)
        )
        // The broker answers before it tells everybody of the topic.
        try until("the topic") {
            try inspection.topic(topic, within: .seconds(5), asksSettings: false).partitions > 0
        }
    }

    /// Takes the broker away, as a crash would.
    func takeAway() throws {
        if let real { return real.kill() }
        try mock!.cluster.setBroker(1, isUp: false)
    }

    /// Lets the broker hang; the mock cannot, and goes away.
    func hang() throws {
        hangs = true
        if let real { return real.pause() }
        try takeAway()
    }

    /// Copies what the broker holds, to be looked at later.
    func keep(in folder: String) { real?.keep(in: folder) }

    /// Brings it back with what it holds.
    func bringBack() throws {
        if let real { return real.restart() }
        try mock!.cluster.setBroker(1, isUp: true)
    }
}
