import CLibrdkafka
import CPlatform

/// What the cluster says about itself and the topics, for checking a deployment before it runs.
///
/// Used by one thread; each question waits for its answer at most as long as it is told.
@safe
package struct BrokerInspection: ~Copyable {
    /// What is known of a topic.
    package struct Topic: Sendable {
        /// Its name.
        package var name: String
        /// Partitions; 0 if it does not exist.
        package var partitions = 0
        /// Copies of each record.
        package var replication = 0
        /// How long records are kept; nil is for ever or not known.
        package var retention: Duration?
        /// `delete`, `compact` or both; nil if not known.
        package var cleanupPolicy: String?
        /// Whether the broker gave no answer when asked for the last two.
        package var isSilent = false
        /// What is wrong with it, as a sentence; nil if nothing is.
        package var problem: String?
    }

    private let client: ClientHandle
    private let answers: OpaquePointer
    private let settings: KafkaSettings

    /// Makes a client of its own; the broker is asked nothing yet.
    package init(_ settings: KafkaSettings, log: KafkaLog) throws(KafkaError) {
        let configuration = try KafkaConfiguration(settings)
        try configuration.set(passedThrough: settings.properties)
        // A producer's question for a topic would bring it into being where brokers allow that.
        try configuration.set("allow.auto.create.topics", "false")
        let context = ClientContext(log)
        configuration.observe(context)
        let client = try configuration.client(RD_KAFKA_CONSUMER, context)
        // Destroyed in deinit, before the client.
        unsafe answers = rd_kafka_queue_new(client.pointer)
        self.client = client
        self.settings = settings
    }

    deinit { unsafe rd_kafka_queue_destroy(answers) }

    /// What will not work whatever the broker says; sentences for the user.
    package static func warnings(_ settings: KafkaSettings) -> [String] {
        let all = [
            settings.properties, settings.consumerProperties, settings.producerProperties,
        ]
        let mechanisms = all.compactMap { $0["sasl.mechanisms"] ?? $0["sasl.mechanism"] }
        var warnings: [String] = []
        // Patch 2.6.1 as the library writes it: 0xMMmmrrff.
        if mechanisms.contains(where: { $0.hasPrefix("SCRAM") }), rd_kafka_version() < 0x0206_01ff {
            warnings.append(
                """
                librdkafka \(libraryVersion) cannot log in with SCRAM at Kafka 4 and strict older \
                brokers ("invalid credentials"); 2.6.1 or newer can. PLAIN over TLS works.
                """
            )
        }
        return warnings
    }

    /// The brokers as `host:port`; throws if none answers.
    package func brokers(within limit: Duration) throws(KafkaError) -> [String] {
        var made: UnsafePointer<rd_kafka_metadata>?
        var trouble: KafkaError?
        let deadline = collie_monotonic_milliseconds() + limit.milliseconds
        while true {
            // The answer is ours until destroyed below; its strings are copied.
            let code = unsafe rd_kafka_metadata(client.pointer, 0, nil, &made, 500)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { break }
            unsafe rd_kafka_poll(client.pointer, 0)
            if let told = client.context.lastTrouble.take() { trouble = told }
            // Who we are does not change by waiting.
            let isOver = collie_monotonic_milliseconds() >= deadline
            if isOver || trouble?.kind == .authentication {
                throw trouble ?? KafkaError(code, "kafka: broker \(settings.bootstrapServers)")
            }
        }
        guard let metadata = unsafe made else { return [] }
        defer { unsafe rd_kafka_metadata_destroy(metadata) }
        return (0..<(unsafe Int(metadata.pointee.broker_cnt))).map {
            let broker = unsafe metadata.pointee.brokers[$0]
            return unsafe "\(String(cString: broker.host)):\(broker.port)"
        }
    }

    /// What is known of a topic, with its retention where we may ask for it.
    ///
    /// - Parameter asksSettings: false asks for its shape alone.
    package func topic(
        _ name: String,
        within limit: Duration,
        asksSettings: Bool = true
    ) throws(KafkaError) -> Topic {
        var topic = Topic(name: name)
        do throws(KafkaError) {
            (topic.partitions, topic.replication) = try shape(of: name, within: limit)
        } catch {
            guard error.kind == .authorization else { throw error }
            topic.problem = "we have no right to see it"
            return topic
        }
        if topic.partitions == 0 {
            topic.problem = "it does not exist"
            return topic
        }
        if !asksSettings { return topic }
        do throws(KafkaError) {
            for (key, value) in try configs(of: name, within: min(limit, .seconds(2))) {
                if key == "retention.ms", let time = Int64(value), time >= 0 {
                    topic.retention = .milliseconds(time)
                }
                if key == "cleanup.policy" { topic.cleanupPolicy = value }
            }
        } catch {
            // Not everybody may ask, and not every broker answers; then there is nothing to say.
            guard error.kind == .authorization || error.kind == .timedOut else { throw error }
            topic.isSilent = error.kind == .timedOut
        }
        return topic
    }

    private func shape(of name: String, within limit: Duration)
        throws(KafkaError) -> (partitions: Int, replication: Int)
    {
        guard let handle = unsafe rd_kafka_topic_new(client.pointer, name, nil) else {
            throw KafkaError(rd_kafka_last_error(), "kafka: topic \(name)")
        }
        // The handle and the answer are ours until destroyed here.
        defer { unsafe rd_kafka_topic_destroy(handle) }
        var made: UnsafePointer<rd_kafka_metadata>?
        let wait = Int32(clamping: limit.milliseconds)
        try KafkaError.check(
            unsafe rd_kafka_metadata(client.pointer, 0, handle, &made, wait),
            "kafka: cannot ask for topic \(name)"
        )
        guard let metadata = unsafe made else { return (0, 0) }
        defer { unsafe rd_kafka_metadata_destroy(metadata) }
        guard unsafe metadata.pointee.topic_cnt > 0 else { return (0, 0) }
        let found = unsafe metadata.pointee.topics[0]
        if unsafe found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { return (0, 0) }
        try KafkaError.check(unsafe found.err, "kafka: topic \(name)")
        let partitions = unsafe Int(found.partition_cnt)
        let replication = unsafe partitions > 0 ? Int(found.partitions[0].replica_cnt) : 0
        return (partitions, replication)
    }

    private func configs(of name: String, within limit: Duration)
        throws(KafkaError) -> [(key: String, value: String)]
    {
        var resource = unsafe rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name)
        // Made here and destroyed here; the answer's parts are copied before the event goes.
        unsafe rd_kafka_DescribeConfigs(client.pointer, &resource, 1, nil, answers)
        if let resource = unsafe resource { unsafe rd_kafka_ConfigResource_destroy(resource) }
        let event = unsafe try answer("kafka: cannot ask for the settings of \(name)", limit)
        defer { unsafe rd_kafka_event_destroy(event) }
        var count = 0
        guard
            let result = unsafe rd_kafka_event_DescribeConfigs_result(event),
            let resources = unsafe rd_kafka_DescribeConfigs_result_resources(result, &count),
            count > 0
        else { return [] }
        try KafkaError.check(
            unsafe rd_kafka_ConfigResource_error(resources[0]),
            "kafka: cannot ask for the settings of \(name)"
        )
        guard let entries = unsafe rd_kafka_ConfigResource_configs(resources[0], &count) else {
            return []
        }
        return (0..<count).map { index in
            let entry = unsafe entries[index]
            let value = unsafe rd_kafka_ConfigEntry_value(entry)
            return unsafe (
                String(cString: rd_kafka_ConfigEntry_name(entry)),
                value.map { unsafe String(cString: $0) } ?? ""
            )
        }
    }

    /// Makes a topic; one that exists already is left as it is.
    package func createTopic(
        _ name: String,
        partitions: Int,
        settings: [String: String] = [:],
        within limit: Duration
    ) throws(KafkaError) {
        let action = "kafka: cannot create topic \(name)"
        // -1 leaves the number of copies to the broker. Made and destroyed here.
        var topic = unsafe rd_kafka_NewTopic_new(name, Int32(clamping: partitions), -1, nil, 0)
        guard let made = unsafe topic else { throw KafkaError(.configuration, action) }
        defer { unsafe rd_kafka_NewTopic_destroy(made) }
        for (key, value) in settings {
            try KafkaError.check(unsafe rd_kafka_NewTopic_set_config(made, key, value), action)
        }
        unsafe rd_kafka_CreateTopics(client.pointer, &topic, 1, nil, answers)
        let event = unsafe try answer(action, limit)
        defer { unsafe rd_kafka_event_destroy(event) }
        var count = 0
        let results = unsafe rd_kafka_CreateTopics_result_topics(
            rd_kafka_event_CreateTopics_result(event),
            &count
        )
        guard count > 0, let result = unsafe results?[0] else { return }
        let code = unsafe rd_kafka_topic_result_error(result)
        if code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS { return }
        try KafkaError.check(code, action)
    }

    /// Gives a topic more partitions.
    package func addPartitions(_ name: String, upTo count: Int, within limit: Duration)
        throws(KafkaError)
    {
        let action = "kafka: cannot add partitions to \(name)"
        // Made and destroyed here.
        var request = unsafe rd_kafka_NewPartitions_new(name, count, nil, 0)
        guard let made = unsafe request else { throw KafkaError(.configuration, action) }
        defer { unsafe rd_kafka_NewPartitions_destroy(made) }
        unsafe rd_kafka_CreatePartitions(client.pointer, &request, 1, nil, answers)
        let event = unsafe try answer(action, limit)
        defer { unsafe rd_kafka_event_destroy(event) }
        var results = 0
        let topics = unsafe rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event),
            &results
        )
        guard results > 0, let result = unsafe topics?[0] else { return }
        try KafkaError.check(unsafe rd_kafka_topic_result_error(result), action)
    }

    /// Deletes the records of partitions before their offsets, as retention does.
    package func deleteRecords(
        before offsets: [(partition: TopicPartition, offset: Int64)],
        within limit: Duration
    ) throws(KafkaError) {
        let action = "kafka: cannot delete records"
        var list = OffsetList(room: offsets.count)
        for (partition, offset) in offsets { list.append(partition, offset: offset) }
        // Made and destroyed here; it copies the list.
        var request = unsafe rd_kafka_DeleteRecords_new(list.pointer)
        guard let made = unsafe request else { throw KafkaError(.configuration, action) }
        defer { unsafe rd_kafka_DeleteRecords_destroy(made) }
        unsafe rd_kafka_DeleteRecords(client.pointer, &request, 1, nil, answers)
        let event = unsafe try answer(action, limit)
        defer { unsafe rd_kafka_event_destroy(event) }
        let results = unsafe rd_kafka_DeleteRecords_result_offsets(
            rd_kafka_event_DeleteRecords_result(event)
        )
        for index in 0..<Int(unsafe results?.pointee.cnt ?? 0) {
            try KafkaError.check(unsafe results!.pointee.elems[index].err, action)
        }
    }

    /// The answer to the question just asked; the caller destroys it.
    private func answer(_ action: String, _ limit: Duration) throws(KafkaError) -> OpaquePointer {
        guard
            let event = unsafe rd_kafka_queue_poll(answers, Int32(clamping: limit.milliseconds))
        else { throw KafkaError(.timedOut, "\(action): no answer in time") }
        let code = unsafe rd_kafka_event_error(event)
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return unsafe event }
        let detail = unsafe String(cString: rd_kafka_event_error_string(event))
        unsafe rd_kafka_event_destroy(event)
        throw KafkaError(code, action, detail: detail)
    }
}
