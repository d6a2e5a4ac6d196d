import CPlatform
import Encoding
import Engine
import Events
import Flows
import Kafka
import Pipeline
import Settings

/// Compares a cluster with what the config needs of it, in lines for people.
struct BrokerReport {
    /// What was found, line by line.
    private(set) var lines: [String] = []
    /// What would keep Collie from working.
    private(set) var problems = 0

    private let settings: Settings
    private let kafka: KafkaSettings
    private let deadline: Int64
    private var partitionsMax = 0
    // One silence is waited for, not one a topic.
    private var tellsSettings = true

    /// Asks the cluster; throws if it does not answer within the seconds.
    init(_ settings: Settings, within seconds: Double) throws {
        self.settings = settings
        kafka = KafkaSettings(settings)
        deadline = collie_monotonic_milliseconds() + Int64(seconds * 1_000)
        let inspection = try BrokerInspection(kafka, log: .silent())
        let brokers = try inspection.brokers(within: left)
        lines.append("brokers: \(brokers.joined(separator: ", "))")
        for name in settings.kafka.inputTopics { try addInput(name, inspection) }
        try addSingle(
            "leader",
            kafka.leaderTopic,
            "its holder leads (`kafka.leader_topic`)",
            inspection
        )
        try addSingle(
            "journal",
            settings.kafka.outputTopic(Journal.topicName),
            "epochs have one order (`kafka.output.topics`)",
            inspection
        )
        for name in outputs { try addOutput(name, inspection) }
        try addGroup(inspection)
    }

    private var left: Duration {
        .milliseconds(max(1, deadline - collie_monotonic_milliseconds()))
    }

    /// The output topics that are written to: those of channels that flows use, and our own.
    private var outputs: [String] {
        let topics = settings.commandTopics + [.decisions, .identity, .deadLetters, .review]
        return topics.map { settings.kafka.outputTopic($0.name) }
    }

    // MARK: Topics

    private mutating func ask(_ name: String, _ inspection: borrowing BrokerInspection) throws
        -> BrokerInspection.Topic
    {
        let topic = try inspection.topic(name, within: left, asksSettings: tellsSettings)
        if topic.isSilent { tellsSettings = false }
        return topic
    }

    private mutating func addInput(_ name: String, _ inspection: borrowing BrokerInspection) throws
    {
        let topic = try ask(name, inspection)
        partitionsMax = max(partitionsMax, topic.partitions)
        var problem = topic.problem
        if problem == nil, topic.isCompacted {
            problem = "it is compacted, so that only the last event of a key would be left"
        }
        add("input", topic, problem, partitions: 8)
    }

    /// A topic whose one partition gives everything in it one order, or one holder.
    private mutating func addSingle(
        _ role: String,
        _ name: String,
        _ why: String,
        _ inspection: borrowing BrokerInspection
    ) throws {
        let topic = try ask(name, inspection)
        var problem = topic.problem
        if problem == nil, topic.partitions != 1 {
            problem = """
                it has \(topic.partitions) partitions and must have one, for \(why); delete it, or \
                name another one
                """
        }
        add(role, topic, problem, partitions: 1)
    }

    private mutating func addOutput(_ name: String, _ inspection: borrowing BrokerInspection) throws
    {
        let topic = try ask(name, inspection)
        var problem = topic.problem
        if problem == nil, topic.isCompacted {
            problem = "it is compacted, so that only the last record of a person would be left"
        }
        add("output", topic, problem, partitions: max(1, partitionsMax))
    }

    private mutating func add(
        _ role: String,
        _ topic: BrokerInspection.Topic,
        _ problem: String?,
        partitions: Int
    ) {
        let title = "\(role) \(topic.name): "
        guard let problem else {
            lines.append(title + topic.shape)
            return
        }
        problems += 1
        lines.append("error: " + title + problem)
        if topic.isMissing { lines.append("    " + creation(of: topic.name, partitions)) }
    }

    /// The command that makes a topic, with Kafka's own tools.
    private func creation(of name: String, _ partitions: Int) -> String {
        let needsLogin = kafka.properties["security.protocol"] != nil
        return "kafka-topics.sh --bootstrap-server \(kafka.bootstrapServers)"
            + (needsLogin ? " --command-config client.properties" : "")
            + " --create --topic \(name) --partitions \(partitions)"
    }

    // MARK: The group

    private mutating func addGroup(_ inspection: borrowing BrokerInspection) throws {
        do throws(KafkaError) {
            var partitions: [TopicPartition] = []
            for name in settings.kafka.inputTopics {
                partitions += try inspection.topic(name, within: left, asksSettings: false).all
            }
            if partitions.isEmpty { return }
            let consumer = try KafkaConsumer(kafka, log: .silent())
            let committed = try committed(partitions, of: consumer).count { $0 != nil }
            lines.append(
                committed == 0
                    ? "group \(kafka.group): nothing read yet"
                    : "group \(kafka.group): goes on where it was in \(committed) of "
                        + "\(partitions.count) partitions"
            )
        } catch {
            guard error.kind == .authorization else { throw error }
            problems += 1
            lines.append("error: group \(kafka.group): we have no right to use it")
        }
    }

    /// A coordinator that was not asked before is found after some tries only.
    private func committed(
        _ partitions: [TopicPartition],
        of consumer: KafkaConsumer
    ) throws(KafkaError) -> [Int64?] {
        while true {
            do throws(KafkaError) {
                return try consumer.committed(partitions, within: min(left, .seconds(1)))
            } catch {
                guard error.isRetriable, left > .milliseconds(1) else { throw error }
            }
        }
    }
}

extension BrokerInspection.Topic {
    fileprivate var isMissing: Bool { partitions == 0 && problem == "it does not exist" }

    fileprivate var isCompacted: Bool { cleanupPolicy?.contains("compact") ?? false }

    fileprivate var all: [TopicPartition] {
        (0..<partitions).map { TopicPartition(name, Int32($0)) }
    }

    /// What it is like, in words.
    fileprivate var shape: String {
        var words = partitions == 1 ? "1 partition" : "\(partitions) partitions"
        words += replication == 1 ? ", 1 copy" : ", \(replication) copies"
        guard cleanupPolicy != nil else { return words + ", retention not known" }
        guard let retention else { return words + ", kept for ever" }
        let seconds = retention.components.seconds
        return words + ", kept for \(TimeSpan(milliseconds: seconds * 1_000).text)"
    }
}

extension Settings {
    /// The topics of send commands that flows can lead to.
    var commandTopics: [OutputTopic] {
        var topics: [OutputTopic] = []
        for step in rules.flows.flatMap(\.steps) {
            guard case .send(let message) = step.action else { continue }
            for channel in message.channels + message.fallback {
                let topic = OutputTopic.send(channel)
                if !topics.contains(topic) { topics.append(topic) }
            }
        }
        return topics.sorted { $0.rawValue < $1.rawValue }
    }
}
