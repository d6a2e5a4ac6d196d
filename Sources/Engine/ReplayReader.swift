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

    /// Begins to read a partition unless it is read already.
    func open(
        _ number: Int,
        _ start: (partition: TopicPartition, offset: StartOffset),
        _ settings: KafkaSettings,
        _ log: KafkaLog
    ) throws(KafkaError) {
        while lanes.count <= number { lanes.append(nil) }
        guard lanes[number] == nil else { return }
        var own = settings
        // Together they hold about what one reader of all partitions would.
        own.consumerProperties["queued.max.messages.kbytes"] = "32768"
        own.consumerProperties["queued.min.messages"] = "50000"
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
