import Kafka

/// Reads partitions of the past, each on its own, so that an epoch gets exactly its records.
///
/// The broker answers for all partitions at once and in any order; a replay needs so many of this
/// and so many of that partition. So each partition has a client of its own here, outside the
/// group, which ends with the replay. Used by the source thread.
final class ReplayReader {
    /// One partition's records, as they come.
    final class Lane {
        let consumer: KafkaConsumer
        var batch = MessageBatch(capacity: 1_024)
        var cursor = 0

        init(_ consumer: KafkaConsumer) { self.consumer = consumer }

        /// Takes what comes next, if all before it was used up.
        func refill(wait: Duration) throws(KafkaError) {
            guard cursor >= batch.count else { return }
            batch.removeAll()
            cursor = 0
            try consumer.poll(&batch, wait: wait)
        }
    }

    /// The partitions' lanes, by number; nil for one of which nothing was wanted yet.
    private(set) var lanes: [Lane?] = []

    // What all lanes together may have fetched ahead: more than a second's work, since librdkafka
    // before 2.2 looks at a full queue again after a second.
    private static let fetchedMax = 393_216
    private static let messagesMax = 500_000

    /// Begins to read a partition, one of so many, unless it is read already.
    func open(
        _ number: Int,
        of count: Int,
        _ start: (partition: TopicPartition, offset: StartOffset),
        _ settings: KafkaSettings,
        _ log: KafkaLog
    ) throws(KafkaError) {
        while lanes.count <= number { lanes.append(nil) }
        guard lanes[number] == nil else { return }
        var own = settings
        let kibibytes = max(8_192, ReplayReader.fetchedMax / max(1, count))
        let messages = max(10_000, ReplayReader.messagesMax / max(1, count))
        own.consumerProperties["queued.max.messages.kbytes"] = "\(kibibytes)"
        own.consumerProperties["queued.min.messages"] = "\(messages)"
        let consumer = try KafkaConsumer(own, log: log)
        try consumer.assign([start])
        lanes[number] = Lane(consumer)
    }

    /// Ends all reading.
    func close() {
        for case let lane? in lanes {
            lane.batch = MessageBatch(capacity: 1)
            lane.consumer.close(within: .seconds(1))
        }
        lanes.removeAll()
    }
}
