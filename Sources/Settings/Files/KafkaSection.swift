import Events

/// Reads the section `kafka` of `collie.yaml`.
struct KafkaSection {
    static let kind = MappingKind(
        "kafka",
        keys: [
            "brokers", "input_topics", "group_id", "instance_id", "output", "delivery",
            "transactional_id", "leader_topic", "session_timeout", "transaction_timeout",
            "client_id", "common", "consumer", "producer",
        ]
    )
    static let outputKind = MappingKind("the output", keys: ["prefix", "topics"])

    /// The standard names of the output topics.
    static let outputs: [String] =
        Channel.allCases.map { "send.\($0.name)" }
        + [
            "collie.decisions", "collie.identity", "collie.dead-letters", "collie.review",
            "collie.journal",
        ]

    // What Collie's promises rest on, and the key that says it, if there is one.
    private static let own: KeyValuePairs<String, String> = [
        "bootstrap.servers": "brokers", "metadata.broker.list": "brokers",
        "group.id": "group_id", "group.instance.id": "instance_id", "client.id": "client_id",
        "transactional.id": "transactional_id", "session.timeout.ms": "session_timeout",
        "transaction.timeout.ms": "transaction_timeout", "enable.idempotence": "",
        "enable.auto.commit": "", "auto.commit.enable": "", "enable.auto.offset.store": "",
        "isolation.level": "", "enable.partition.eof": "", "auto.offset.reset": "",
        "partition.assignment.strategy": "", "acks": "", "request.required.acks": "",
        "message.timeout.ms": "", "delivery.timeout.ms": "", "partitioner": "",
        "allow.auto.create.topics": "", "delivery.report.only.error": "",
        "plugin.library.paths": "", "test.mock.num.brokers": "",
    ]

    let fields: Fields

    func settings() -> KafkaOptions {
        var settings = KafkaOptions()
        settings.brokers = brokers()
        settings.inputTopics = topics("input_topics")
        settings.groupID = fields.text("group_id", default: settings.groupID)
        settings.instanceID = fields.text("instance_id").flatMap { $0.isEmpty ? nil : $0 }
        settings.delivery = fields.choice(
            "delivery",
            of: ["exactly-once": .exactlyOnce, "at-least-once": .atLeastOnce],
            default: settings.delivery
        )
        settings.transactionalID = fields.text("transactional_id", default: settings.groupID)
        settings.leaderTopic = fields.text("leader_topic", default: settings.leaderTopic)
        settings.sessionTimeout = fields.span(
            "session_timeout",
            in: .seconds(1) ... .minutes(30),
            default: settings.sessionTimeout
        )
        settings.transactionTimeout = fields.span(
            "transaction_timeout",
            in: .seconds(1) ... .minutes(15),
            default: settings.transactionTimeout
        )
        settings.clientID = fields.text("client_id", default: settings.clientID)
        if let output = fields.section("output", as: KafkaSection.outputKind) {
            settings.outputPrefix = output.text("prefix", default: "")
            settings.outputNames = outputNames(output)
        }
        settings.common = passThrough("common")
        settings.consumer = passThrough("consumer")
        settings.producer = passThrough("producer")
        return settings
    }

    private func brokers() -> [String] {
        // One text with commas is what environment variables usually hold.
        let nodes = fields.list("brokers")
        var brokers: [String] = []
        for node in nodes {
            guard let text = node.readText("`brokers`", fields.mistakes) else { continue }
            for part in text.split(separator: ",") {
                let broker = part.filter { $0 != " " }
                let port = broker.split(separator: ":").last.flatMap { UInt16($0) }
                if !broker.contains(":") || port == nil {
                    fields.mistakes.add(
                        "`brokers`: `\(broker)` must be host:port, such as kafka:9092",
                        at: node.mark
                    )
                } else {
                    brokers.append(broker)
                }
            }
        }
        return brokers
    }

    private func topics(_ key: String) -> [String] {
        var topics: [String] = []
        for node in fields.list(key) {
            guard let text = node.readText("`\(key)`", fields.mistakes) else { continue }
            for part in text.split(separator: ",") {
                let topic = part.filter { $0 != " " }
                if KafkaSection.isTopic(topic) {
                    if !topics.contains(topic) { topics.append(topic) }
                } else {
                    rejectTopic(topic, at: node.mark)
                }
            }
        }
        return topics
    }

    private static func isTopic(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 249 && name != "." && name != ".."
            && name.utf8.allSatisfy { byte in
                (byte | 32 >= 97 && byte | 32 <= 122) || (byte >= 48 && byte <= 57)
                    || [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
            }
    }

    private func rejectTopic(_ name: String, at mark: Mark) {
        fields.mistakes.add(
            "`\(name)` is no topic's name: letters, digits, `.`, `_` and `-`, at most 249",
            at: mark
        )
    }

    private func outputNames(_ output: Fields) -> [KafkaOptions.Setting] {
        output.entries("topics").compactMap { entry in
            guard KafkaSection.outputs.contains(entry.key) else {
                let remedy = Suggestion.remedy(for: entry.key, among: KafkaSection.outputs)
                fields.mistakes.add("there is no output `\(entry.key)`\(remedy)", at: entry.mark)
                return nil
            }
            guard let name = entry.value.readText("`\(entry.key)`", fields.mistakes) else {
                return nil
            }
            if !KafkaSection.isTopic(name) { rejectTopic(name, at: entry.value.mark) }
            return KafkaOptions.Setting(name: entry.key, value: name)
        }
    }

    // librdkafka knows its own keys; only those that Collie must own are refused.
    private func passThrough(_ key: String) -> [KafkaOptions.Setting] {
        fields.entries(key).compactMap { entry in
            if let own = KafkaSection.own.first(where: { $0.key == entry.key }) {
                let remedy = own.value.isEmpty ? "leave it out" : "use `kafka.\(own.value)`"
                fields.mistakes.add(
                    "`\(entry.key)` is set by Collie itself; \(remedy)",
                    at: entry.mark
                )
                return nil
            }
            guard let value = entry.value.readText("`\(entry.key)`", fields.mistakes) else {
                return nil
            }
            return KafkaOptions.Setting(name: entry.key, value: plain(value))
        }
    }

    // librdkafka does not group digits.
    private func plain(_ value: String) -> String {
        let digits = value.utf8
        let isGrouped =
            digits.contains(UInt8(ascii: "_")) && (digits.first ?? 0) != UInt8(ascii: "_")
            && digits.allSatisfy { ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: "_") }
        return isGrouped ? value.filter { $0 != "_" } : value
    }
}
