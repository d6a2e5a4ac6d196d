import CLibrdkafka
import CPlatform
import Synchronization

/// A topic that is written to.
package struct OutputTopicHandle: Sendable, BitwiseCopyable {
    let index: Int
}

/// Writes records, each once, in order, with or without transactions.
///
/// Owned by one thread, which makes all calls. librdkafka keeps what was written in a queue of
/// bounded length; when that is full, `write` serves delivery reports until there is room. A record
/// that could not be delivered shows at the next flush. With a key, records go to the partition
/// that murmur2 of the key names, as those of Kafka's own clients do.
@safe
package struct KafkaProducer: ~Copyable {
    private let client: ClientHandle
    private var topics: [OpaquePointer] = unsafe []
    /// Whether it writes in transactions.
    package let isTransactional: Bool

    /// Makes the client; the broker is asked nothing yet.
    package init(_ settings: KafkaSettings, log: KafkaLog) throws(KafkaError) {
        client = try KafkaProducer.client(settings, log)
        isTransactional = settings.transactionalID != nil
    }

    private static func client(
        _ settings: KafkaSettings,
        _ log: KafkaLog
    ) throws(KafkaError) -> ClientHandle {
        let configuration = try KafkaConfiguration(settings)
        try configuration.set("linger.ms", "5")
        try configuration.set("batch.num.messages", "10000")
        try configuration.set("batch.size", "1000000")
        try configuration.set("queue.buffering.max.messages", "1000000")
        try configuration.set("queue.buffering.max.kbytes", "262144")
        try configuration.set("compression.codec", "lz4")
        // With 100 ms, a transaction that meets the end of the one before waits as long.
        try configuration.set("retry.backoff.ms", "20")
        try configuration.set(passedThrough: settings.properties)
        try configuration.set(passedThrough: settings.producerProperties)
        try configuration.set("acks", "all")
        try configuration.set("enable.idempotence", "true")
        try configuration.set("partitioner", "murmur2_random")
        if let transactionalID = settings.transactionalID {
            let limit = "\(settings.transactionTimeout.milliseconds)"
            try configuration.set("transactional.id", transactionalID)
            try configuration.set("transaction.timeout.ms", limit)
            try configuration.set("message.timeout.ms", limit)
        } else {
            // Outputs wait for the broker as long as it takes.
            try configuration.set("message.timeout.ms", "0")
        }
        let context = ClientContext(log)
        configuration.observe(context)
        configuration.observeDeliveries()
        return try configuration.client(RD_KAFKA_PRODUCER, context)
    }

    deinit {
        // What is still queued will not be sent: either it was flushed, or it must not count.
        unsafe rd_kafka_purge(
            client.pointer,
            RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING
        )
        unsafe rd_kafka_poll(client.pointer, 0)
        for index in 0..<(unsafe topics.count) { unsafe rd_kafka_topic_destroy(topics[index]) }
    }

    /// Prepares a topic for writing.
    package mutating func open(topic: String) throws(KafkaError) -> OutputTopicHandle {
        // Owned by this value; destroyed in deinit.
        guard let handle = unsafe rd_kafka_topic_new(client.pointer, topic, nil) else {
            throw KafkaError(rd_kafka_last_error(), "kafka: topic \(topic)")
        }
        unsafe topics.append(handle)
        return OutputTopicHandle(index: unsafe topics.count - 1)
    }

    /// How many partitions a topic has, 0 if it does not exist; at most that long.
    package func partitionCount(of topic: String, within limit: Duration) throws(KafkaError) -> Int
    {
        try client.partitionCount(of: topic, within: limit)
    }

    /// Records confirmed by the broker.
    package var delivered: Int { client.context.delivered.load(ordering: .relaxed) }

    /// Records that the broker has refused for good.
    package var undelivered: Int { client.context.undelivered.load(ordering: .relaxed) }

    /// Records written and not yet confirmed.
    package var outstanding: Int { unsafe Int(rd_kafka_outq_len(client.pointer)) }

    /// Why the broker could not be reached, as last told; forgotten once read.
    package func takeTrouble() -> KafkaError? {
        client.context.lastTrouble.take()
    }

    // MARK: Writing

    /// Queues a record; its bytes are copied.
    ///
    /// When the queue is full, reports are served until there is room or `mayWait` says no.
    ///
    /// - Parameters:
    ///   - headers: packed as `PackedHeaders` says.
    ///   - partition: nil lets the key decide, or chance without one.
    package func write(
        to topic: OutputTopicHandle,
        key: RawSpan,
        hasKey: Bool,
        headers: RawSpan,
        value: RawSpan,
        hasValue: Bool,
        partition: Int32? = nil,
        mayWait: () -> Bool
    ) throws(KafkaError) {
        let target = unsafe topics[topic.index]
        let list = unsafe try PackedHeaders.list(headers)
        while true {
            // All bytes are lent for the call and copied by it; an empty span may have no address,
            // but an empty key is not the same as none.
            let code = unsafe key.withUnsafeBytes { key in
                unsafe value.withUnsafeBytes { value in
                    unsafe withUnsafeBytes(of: UInt8(0)) { nothing in
                        unsafe collie_kafka_produce(
                            client.pointer,
                            target,
                            partition ?? RD_KAFKA_PARTITION_UA,
                            hasKey ? (key.baseAddress ?? nothing.baseAddress) : nil,
                            key.count,
                            hasValue ? (value.baseAddress ?? nothing.baseAddress) : nil,
                            value.count,
                            list
                        )
                    }
                }
            }
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return }
            if code == RD_KAFKA_RESP_ERR__QUEUE_FULL, mayWait() {
                unsafe rd_kafka_poll(client.pointer, 10)
                continue
            }
            // Still ours, since the record was not taken.
            if let list = unsafe list { unsafe rd_kafka_headers_destroy(list) }
            if let error = client.fatalError { throw error }
            throw unsafe KafkaError(
                code,
                "kafka: cannot write to \(String(cString: rd_kafka_topic_name(target)))"
            )
        }
    }

    /// Serves delivery reports without waiting.
    package func serve() { unsafe rd_kafka_poll(client.pointer, 0) }

    /// Waits until every record is confirmed, in steps of 100 ms between which `mayWait` is asked.
    package func flush(mayWait: () -> Bool) throws(KafkaError) {
        while unsafe rd_kafka_flush(client.pointer, 100) != RD_KAFKA_RESP_ERR_NO_ERROR {
            try checkDeliveries()
            if !mayWait() {
                throw KafkaError(.stopped, "kafka: \(outstanding) records are not confirmed")
            }
        }
        try checkDeliveries()
    }

    private func checkDeliveries() throws(KafkaError) {
        if let error = client.fatalError { throw error }
        let failure = client.context.deliveryFailure.take()
        guard let failure else { return }
        throw KafkaError(
            isTransactional ? .abortRequired : .restartRequired,
            failure.description
        )
    }

    // MARK: Transactions

    /// Takes over the deployment's transactions: fences who had them, ends what it left open.
    ///
    /// Repeated until it succeeds or `mayWait` says no.
    package func takeOverTransactions(mayWait: () -> Bool) throws(KafkaError) {
        unsafe try untilDone("kafka: cannot take over the transactions", mayWait) {
            unsafe rd_kafka_init_transactions(client.pointer, 200)
        }
    }

    /// Ends for good what earlier transactions may have left open in these topics; nothing is seen.
    ///
    /// To be called once the transactions are taken over. A broker that aborts a transaction after
    /// its own crash can fail to say so in the logs of partitions (seen with Kafka 4.3: the
    /// coordinator's record says aborted, and no partition has a marker). Records that nobody ended
    /// count as part of the producer's next transaction, and would be committed with it. So that
    /// one touches every partition and is aborted. A topic that does not exist is passed over.
    package mutating func abandonRemains(
        in topics: [String],
        mayWait: () -> Bool
    ) throws(KafkaError) {
        var open: [(topic: OutputTopicHandle, partitions: Int)] = []
        for topic in topics {
            let count = try existingPartitions(of: topic, mayWait)
            if count > 0 { open.append((try self.open(topic: topic), count)) }
        }
        var attempt = 0
        while !open.isEmpty {
            try begin()
            var failure: KafkaError?
            do throws(KafkaError) {
                for (topic, count) in open { try touch(topic, partitions: count, mayWait) }
                // A record that did not reach its partition ends nothing there.
                try flush(mayWait: mayWait)
            } catch {
                attempt += 1
                if error.isFatal || error.kind == .stopped || attempt == 5 { throw error }
                failure = error
            }
            try abort(mayWait: mayWait)
            if failure == nil { return }
        }
    }

    private func existingPartitions(of topic: String, _ mayWait: () -> Bool)
        throws(KafkaError) -> Int
    {
        while true {
            do throws(KafkaError) {
                return try partitionCount(of: topic, within: .milliseconds(500))
            } catch {
                // Where we may not look we did not write either.
                if error.kind == .authorization { return 0 }
                if !error.isRetriable || !mayWait() { throw error }
            }
        }
    }

    private func touch(
        _ topic: OutputTopicHandle,
        partitions: Int,
        _ mayWait: () -> Bool
    ) throws(KafkaError) {
        let nothing: [UInt8] = []
        for partition in 0..<partitions {
            // Bytes have no padding between them.
            try unsafe write(
                to: topic,
                key: nothing.span.bytes,
                hasKey: false,
                headers: nothing.span.bytes,
                value: nothing.span.bytes,
                hasValue: false,
                partition: Int32(partition),
                mayWait: mayWait
            )
        }
    }

    /// Begins a transaction.
    package func begin() throws(KafkaError) {
        unsafe try KafkaError.check(
            unsafe rd_kafka_begin_transaction(client.pointer),
            "kafka: cannot begin a transaction"
        )
    }

    /// Makes offsets part of the transaction, to be committed with its records.
    ///
    /// To be called after a flush: without one the request meets the end of the transaction before
    /// and waits for `retry.backoff.ms`.
    package func send(
        _ offsets: borrowing OffsetList,
        as member: borrowing GroupMetadata,
        mayWait: () -> Bool
    ) throws(KafkaError) {
        // Not resumed but begun again after a time-out, so it gets longer than the broker's own
        // delays of half a second.
        while true {
            let error = unsafe rd_kafka_send_offsets_to_transaction(
                client.pointer,
                offsets.pointer,
                member.pointer,
                2_000
            )
            if unsafe error == nil { return }
            let failure = unsafe classified(error!, "kafka: cannot add the offsets")
            if !failure.isRetriable || !mayWait() { throw failure }
            unsafe rd_kafka_poll(client.pointer, 20)
        }
    }

    /// Commits the transaction; an unsure answer is asked for again.
    package func commit(mayWait: () -> Bool) throws(KafkaError) {
        unsafe try untilDone("kafka: cannot commit the transaction", mayWait) {
            unsafe rd_kafka_commit_transaction(client.pointer, 200)
        }
    }

    /// Aborts the transaction: nothing of it will be seen.
    package func abort(mayWait: () -> Bool) throws(KafkaError) {
        unsafe try untilDone("kafka: cannot abort the transaction", mayWait) {
            unsafe rd_kafka_abort_transaction(client.pointer, 200)
        }
        client.context.deliveryFailure.withLock { $0 = nil }
    }

    /// Repeats a call that resumes where it was until it succeeds.
    private func untilDone(
        _ action: String,
        _ mayWait: () -> Bool,
        _ call: () -> OpaquePointer?
    ) throws(KafkaError) {
        while true {
            guard let error = unsafe call() else { return }
            let failure = unsafe classified(error, action)
            if !failure.isRetriable { throw failure }
            if !mayWait() { throw failure }
            unsafe rd_kafka_poll(client.pointer, 20)
        }
    }

    /// The error's class: again, abort, or else the producer is of no more use.
    private func classified(_ error: OpaquePointer, _ action: String) -> KafkaError {
        let failure = unsafe KafkaError(consuming: error, action)
        if failure.isRetriable || failure.requiresAbort || failure.isFatal { return failure }
        switch failure.kind {
        case .authentication, .authorization, .configuration: return failure
        // librdkafka's own advice: what is neither is fatal.
        default: return KafkaError(.restartRequired, failure.description)
        }
    }
}
