import Foundation
import Kafka
import KafkaTesting

/// A deployment of Collie for one test: topics of its own, a config folder, and its instances.
final class Deployment {
    static let partitions = 2

    let cluster: Cluster
    let name = unique("shop")
    let folder: Folder
    /// Flows with windows of seconds instead of the shipped ones.
    var hasShortWindows = false
    // It is noon where the shop is, so that no night holds anything back; the hour in which it was
    // made decides, for another zone would be another config.
    private let zone = Deployment.noonZone()
    /// How the config names the brokers, if not as the cluster does.
    var brokers: String?
    /// More lines for the section `kafka`.
    var more = ""
    /// How epochs are delivered; transactions where the cluster knows them.
    lazy var delivery = cluster.kind == .real ? "exactly-once" : "at-least-once"
    /// Another name of the journal than the standard one.
    var journal = "collie.journal"
    // The mock takes three seconds to hand the leadership out, and forgets who is silent meanwhile.
    var sessionTimeout: String { cluster.kind == .real ? "1500ms" : "4s" }
    private var eventCount = 0
    private var instanceCount = 0

    init(_ cluster: Cluster) throws {
        self.cluster = cluster
        folder = try Folder()
    }

    var events: String { name + ".events" }
    var leader: String { name + ".leader" }
    var group: String { name }
    func output(_ topic: String) -> String { "\(name).\(topic)" }

    static let outputs = [
        "send.email", "send.sms", "send.whatsapp", "collie.decisions", "collie.identity",
        "collie.dead-letters", "collie.review",
    ]

    /// Makes every topic but those left out.
    func createTopics(except left: [String] = []) throws {
        if !left.contains(leader) { try cluster.create(leader, 1) }
        if !left.contains(output("collie.journal")) {
            try cluster.create(output("collie.journal"), 1)
        }
        for topic in [events] + Deployment.outputs.map(output) where !left.contains(topic) {
            try cluster.create(topic, Deployment.partitions)
        }
    }

    // MARK: Instances

    /// A zone in which it is noon now.
    private static func noonZone() -> String {
        let hour = Int(Date().timeIntervalSince1970) / 3_600 % 24
        return hour == 12 ? "Etc/GMT" : "Etc/GMT\(hour > 12 ? "+" : "-")\(abs(hour - 12))"
    }

    /// Writes the config; answers its folder.
    @discardableResult
    func writeConfig() throws -> String {
        let text = """
            shop: {name: shop, country: IN, currency: INR, time_zone: \(zone)}
            identity: {hash_key: 00112233445566778899aabbccddeeff}
            time: {disorder: 1s}
            kafka:
              brokers: "\(brokers ?? cluster.bootstrapServers)"
              input_topics: [\(events)]
              group_id: \(group)
              delivery: \(delivery)
              transactional_id: \(name)
              leader_topic: \(leader)
              session_timeout: \(sessionTimeout)
              output: {prefix: \(name)., topics: {collie.journal: \(journal)}}
              consumer: {heartbeat.interval.ms: 300}
            \(more)
            engine: {shards: 2, ingest_threads: 1}
            snapshots: {folder: "${COLLIE_SNAPSHOTS:-}", interval: 1s}
            health: {listen: "${COLLIE_HEALTH:-off}"}
            shutdown: {deadline: 10s}
            """
        let config = folder.path + "/config"
        if !FileManager.default.fileExists(atPath: config) {
            _ = try folder.config()
            if hasShortWindows { try ShortWindows.write(to: folder) }
        }
        try folder.write("config/collie.yaml", text)
        return config
    }

    /// Starts an instance.
    ///
    /// - Parameters:
    ///   - crashAt: where it shall kill itself, as `CrashPoints.h` names it.
    ///   - snapshots: its folder of snapshots; nil is one of its own that goes with the deployment.
    ///   - health: where it says how it is; nil is nowhere.
    ///   - log: where what it says is kept; nil is until nobody holds it any more.
    func run(
        _ more: String...,
        crashAt: String? = nil,
        snapshots: String? = nil,
        health: String? = nil,
        log: String? = nil
    ) throws -> Program {
        instanceCount += 1
        var environment = [
            "COLLIE_SNAPSHOTS": snapshots ?? folder.path + "/snapshots-\(instanceCount)"
        ]
        environment["COLLIE_CRASH_AT"] = crashAt
        environment["COLLIE_HEALTH"] = health
        return try Program(
            ["run", "--config", try writeConfig()] + windows + more,
            environment: environment,
            log: log
        )
    }

    /// Decides everything again and compares; answers how that went.
    func audit(isRunning: Bool = false) throws -> Outcome {
        let program = try Program(
            ["audit", "--config", try writeConfig()] + windows + (isRunning ? ["--running"] : [])
        )
        let code = try program.end(within: .seconds(120))
        return Outcome(code: code, output: program.output, errors: program.errors)
    }

    private var windows: [String] { hasShortWindows ? ["--short-windows"] : [] }

    /// Starts an instance and waits until it leads.
    func lead() throws -> Program {
        let program = try run()
        try program.says("leads: reads")
        return program
    }

    // MARK: Records

    var settings: KafkaSettings {
        KafkaSettings(bootstrapServers: cluster.bootstrapServers)
    }

    /// Writes records as they are.
    func put(_ values: [String]) throws { try write(values, to: events, settings) }

    /// Places orders, each of a customer of its own; answers their numbers.
    @discardableResult
    func order(_ count: Int) throws -> [String] {
        let orders = (0..<count).map { "o\(eventCount + $0)" }
        eventCount += count
        try put(
            orders.map { order in
                event(
                    "track",
                    user: "u-\(order)",
                    #""event":"Order Completed","properties":{"order_id":"\#(order)"}"#
                        + #","context":{"traits":{"email":"\#(order)@example.com"}}"#
                )
            }
        )
        return orders
    }

    /// An event, so many seconds ago.
    func event(_ type: String, user: String, ago: Double = 0, _ more: String) -> String {
        let time = Date().addingTimeInterval(-ago).formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        )
        return #"{"type":"\#(type)","messageId":"\#(unique("m"))","userId":"\#(user)","#
            + #""timestamp":"\#(time)",\#(more)}"#
    }

    /// A subscriber of an output.
    func reader(_ topic: String) throws -> Reader {
        try Reader(
            settings,
            output(topic),
            partitions: Deployment.partitions,
            log: .silent()
        )
    }

    /// What the group has committed, over all partitions.
    func committed(_ partitions: Int = Deployment.partitions) throws -> Int64 {
        var settings = settings
        settings.group = group
        let consumer = try KafkaConsumer(settings, log: .silent())
        var sum: Int64 = 0
        try until("the group's offsets") {
            do throws(KafkaError) {
                sum = try consumer.committed(
                    (0..<partitions).map { TopicPartition(events, Int32($0)) },
                    within: .seconds(1)
                ).reduce(0) { $0 + ($1 ?? 0) }
                return true
            } catch { return false }
        }
        return sum
    }
}

extension Reader {
    /// The values seen, as objects.
    func objects() throws -> [[String: Any]] {
        try seen.compactMap(\.value).map { value in
            try JSONSerialization.jsonObject(with: Data(value.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// The orders that the send commands seen are about.
    func orders() throws -> [String] {
        try objects().compactMap { ($0["variables"] as? [String: Any])?["order_id"] as? String }
    }

    /// The ids of the send commands seen.
    var sendIDs: [String] { seen.compactMap { $0.headers["ce_id"] } }
}
