import CPlatform
import Kafka
import LoadTesting

/// Writes records to a topic, at most so many unconfirmed at a time.
///
/// Owned by one thread.
struct TrafficWriter: ~Copyable {
    private var producer: KafkaProducer
    private let topic: OutputTopicHandle
    private let partitions: Int
    private var sinceServed = 0
    private var refused = 0
    /// Records handed to the client.
    private(set) var sent = 0
    /// Records whose partition is not there, so that their key decided.
    private(set) var repartitioned = 0
    /// Records that had to wait for others to be confirmed.
    private(set) var heldBack = 0

    /// Asks for the topic, which must exist.
    init(topic name: String, _ settings: KafkaSettings, inFlight: Int) throws {
        var own = settings
        own.transactionalID = nil
        own.producerProperties["queue.buffering.max.messages"] = "\(inFlight)"
        // Latency is what is measured: nothing waits for company.
        if own.producerProperties["linger.ms"] == nil { own.producerProperties["linger.ms"] = "1" }
        var producer = try KafkaProducer(own, log: .silent())
        let partitions = try TrafficWriter.partitions(of: name) { limit throws(KafkaError) in
            try producer.partitionCount(of: name, within: limit)
        }
        let topic = try producer.open(topic: name)
        self.init(producer, topic, partitions: partitions)
    }

    private init(_ producer: consuming KafkaProducer, _ topic: OutputTopicHandle, partitions: Int) {
        self.producer = producer
        self.topic = topic
        self.partitions = partitions
    }

    /// How many partitions a topic has; a broker that was not asked before may take a few tries.
    static func partitions(
        of topic: String,
        _ ask: (Duration) throws(KafkaError) -> Int
    ) throws -> Int {
        let deadline = collie_monotonic_milliseconds() + 10_000
        while true {
            do throws(KafkaError) {
                let count = try ask(.seconds(2))
                if count == 0 {
                    throw KafkaError(
                        .unknownTopic,
                        "topic \(topic) does not exist; `collie check --broker` says how to make it"
                    )
                }
                return count
            } catch {
                let isOver = collie_monotonic_milliseconds() > deadline || collie_stop_count() > 0
                guard error.isRetriable, !isOver else { throw error }
            }
        }
    }

    /// Records that the broker has confirmed.
    var confirmed: Int { producer.delivered }

    /// Records that could not be written.
    var errors: Int { producer.undelivered + refused }

    /// Queues a record; waits while too many are unconfirmed, unless `mayWait` says no.
    mutating func write(
        _ record: TrafficRecord,
        mayWait: () -> Bool
    ) throws {
        try write(
            key: record.key,
            headers: record.headers,
            value: record.value,
            partition: record.partition,
            mayWait
        )
    }

    /// The same of its parts.
    mutating func write(
        key: [UInt8]?,
        headers: [UInt8],
        value: [UInt8]?,
        partition wanted: Int32?,
        _ mayWait: () -> Bool
    ) throws {
        sinceServed += 1
        if sinceServed >= 64 { serve() }
        var partition = wanted
        if let number = wanted, number >= partitions {
            partition = nil
            repartitioned += 1
        }
        let keyBytes = key ?? []
        let valueBytes = value ?? []
        var hasWaited = false
        do throws(KafkaError) {
            try producer.write(
                to: topic,
                key: keyBytes.raw,
                hasKey: key != nil,
                headers: headers.raw,
                value: valueBytes.raw,
                hasValue: value != nil,
                partition: partition,
                mayWait: {
                    hasWaited = true
                    return mayWait()
                }
            )
            sent += 1
        } catch {
            if error.isFatal { throw error }
            // One that is too large is refused at once; a stop while waiting is no error of it.
            if error.kind != .queueFull { refused += 1 }
        }
        if hasWaited { heldBack += 1 }
    }

    /// Hears what became of records.
    mutating func serve() {
        sinceServed = 0
        producer.serve()
    }

    /// Waits until every record is confirmed, at most that long; what is not by then is an error.
    mutating func finish(within limit: Duration) throws {
        let deadline = collie_monotonic_milliseconds() + limit.components.seconds * 1_000
        while true {
            do throws(KafkaError) {
                try producer.flush { collie_monotonic_milliseconds() < deadline }
                return
            } catch {
                if error.isFatal { throw error }
                if error.kind == .stopped {
                    refused += producer.outstanding
                    return
                }
            }
        }
    }
}
