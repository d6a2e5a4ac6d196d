import CPlatform
import Kafka
import KafkaTesting
import Shards
import Synchronization

/// Reads topics as a subscriber would, on a thread of its own, for as long as it is let.
final class Subscriber<Contents: Sendable>: Sendable {
    /// Takes a record into what is kept: the record, its topic, when it was produced and read.
    typealias Entry = @Sendable (inout Contents, Seen, String, Int64, Int64) -> Void

    private struct State: Sendable {
        var contents: Contents
        var reached: [TopicPartition: Int64] = [:]
        var partitions: Set<TopicPartition> = []
        var failure: String?
    }

    private let thread = EngineThread(name: "subscriber")
    private let isOver = Atomic<Bool>(false)
    private let state: Mutex<State>

    /// Begins to read topics from their beginning; partitions that are added are read, too.
    init(
        _ settings: KafkaSettings,
        topics: [String],
        into contents: Contents,
        _ enter: @escaping Entry
    ) {
        state = Mutex(State(contents: contents))
        var own = settings
        own.group = unique("subscriber")
        own.consumerProperties["topic.metadata.refresh.interval.ms"] = "500"
        thread.start { [self, own] in
            do { try read(own, topics, enter) } catch {
                state.withLock { $0.failure = "a subscriber ended: \(error)" }
            }
        }
    }

    /// Looks at what was read so far; throws what ended the reading.
    func look<Answer: Sendable>(_ body: @Sendable (Contents) throws -> Answer) throws -> Answer {
        try state.withLock { state in
            if let text = state.failure { throw SoakFailure(description: text) }
            return try body(state.contents)
        }
    }

    /// How far it has read, by partition: the offset behind the last record, or the partition's end
    /// where that was met since.
    var reached: [TopicPartition: Int64] { state.withLock { $0.reached } }

    /// Ends the reading.
    func end() {
        isOver.store(true, ordering: .releasing)
        thread.join()
    }

    private func read(_ settings: KafkaSettings, _ topics: [String], _ enter: Entry) throws {
        let consumer = try KafkaConsumer(settings, log: .silent())
        defer { consumer.close(within: .seconds(1)) }
        var batch = MessageBatch(capacity: 256)
        var nextLook: Int64 = 0
        while !isOver.load(ordering: .acquiring) {
            let now = collie_monotonic_milliseconds()
            if now >= nextLook {
                nextLook = now + 1_000
                try adopt(topics, consumer)
            }
            batch.removeAll()
            try consumer.poll(&batch, wait: .milliseconds(5))
            let seen = collie_wall_milliseconds()
            for index in 0..<batch.count {
                let topic = batch.topicName(index)
                if batch.isPartitionEnd(index) {
                    reach(TopicPartition(topic, batch.partition(index)), batch.offset(index))
                    continue
                }
                guard batch.isRecord(index) else {
                    let error = batch.error(index)
                    if error.isFatal || error.kind == .dataLost { throw error }
                    continue
                }
                let record = batch.seen(index)
                let created = batch.timestamp(index) ?? 0
                state.withLock { enter(&$0.contents, record, topic, created, seen) }
                reach(TopicPartition(topic, record.partition), record.offset + 1)
            }
        }
    }

    private func reach(_ partition: TopicPartition, _ next: Int64) {
        state.withLock { $0.reached[partition] = next }
    }

    /// Reads partitions that are new.
    private func adopt(_ topics: [String], _ consumer: KafkaConsumer) throws {
        for topic in topics {
            // A broker that is away has nothing new.
            let found = try? consumer.partitionCount(of: topic, within: .milliseconds(500))
            guard let count = found else { return }
            let new = (0..<count).map { TopicPartition(topic, Int32($0)) }.filter { partition in
                state.withLock { $0.partitions.insert(partition).inserted }
            }
            try consumer.assign(new.map { ($0, .beginning) })
        }
    }
}

/// Something a soak found.
struct SoakFailure: Error, CustomStringConvertible {
    let description: String
}
