import Foundation
package import Kafka

/// Reads a deployment's journal as it grows, epoch by epoch.
///
/// The journal is a topic of one partition that says what each committed epoch was made of; the
/// sink writes it in the epoch's own transaction. Used by one thread.
package final class JournalReader {
    private let consumer: KafkaConsumer
    private let topic: String
    private var batch = MessageBatch(capacity: 1_024)
    private var cursor = 0
    private var last: JournalRecord?
    private var owner: JournalOwner
    /// The leader whose take-over is waited for; nil when it was read.
    package var awaited: String?
    /// To whom the journal belongs, as far as it was read.
    package var leader: String? { owner.leader }
    /// The newest epoch that was read, or behind which reading began.
    package private(set) var epoch: UInt64
    /// The newest epoch of all that were read, also of those before reading began; 0 if none.
    package private(set) var newestSeen: UInt64 = 0
    /// Where the next record is looked for.
    package private(set) var position: Int64 = 0
    /// Whether everything was read that was there when it was last looked.
    package private(set) var isAtEnd = false
    /// Where an epoch is missing, for the journal was cut off or is another one; nil if none is.
    package private(set) var gap: String?
    private let log: KafkaLog
    private var hasBegunAgain = false

    /// Opens the journal behind an epoch; nothing is waited for.
    ///
    /// - Parameters:
    ///   - position: an offset that is not behind the next epoch's record.
    ///   - leader: to whom the journal belongs there.
    package init(
        _ settings: KafkaSettings,
        topic: String,
        behind epoch: UInt64 = 0,
        from position: Int64 = 0,
        leader: String? = nil,
        log: KafkaLog
    ) throws(KafkaError) {
        self.topic = topic
        self.epoch = epoch
        self.log = log
        owner = JournalOwner(leader: leader)
        self.position = position
        var own = settings
        own.consumerProperties["queued.max.messages.kbytes"] = "32768"
        // A beginning that is gone shows in the epochs' numbers.
        own.acceptsLoss = true
        consumer = try KafkaConsumer(own, log: log)
        try consumer.keep(topic: topic)
        try consumer.assign([
            (TopicPartition(topic, 0), position > 0 ? .at(position) : .beginning)
        ])
    }

    /// The next epoch's record; nil if none came in time.
    package func next(wait: Duration) throws -> JournalRecord? {
        if cursor >= batch.count {
            batch.removeAll()
            cursor = 0
            try consumer.poll(&batch, wait: wait)
        }
        while cursor < batch.count {
            let index = cursor
            cursor += 1
            if batch.isPartitionEnd(index) {
                position = max(position, batch.offset(index))
                isAtEnd = true
                continue
            }
            if !batch.isRecord(index) {
                let error = batch.error(index)
                if error.isFatal { throw error }
                continue
            }
            isAtEnd = false
            position = batch.offset(index) + 1
            var record = try decode(JournalReader.value(of: index, in: batch), at: position - 1)
            let counts = owner.accepts(record)
            if let awaited, record.leader == awaited {
                guard owner.leader == awaited else {
                    throw KafkaError(.leadershipLost, "kafka: another leader took over meanwhile")
                }
                self.awaited = nil
            }
            if !counts { continue }
            newestSeen = max(newestSeen, record.epoch)
            guard record.epoch > epoch else { continue }
            if record.epoch > epoch + 1 {
                let missing =
                    "epoch \(record.epoch) at offset \(position - 1) follows epoch \(epoch)"
                if !hasBegunAgain {
                    try beginAgain(missing)
                    return nil
                }
                gap = missing
            }
            if let last { record.share(with: last) }
            last = record
            epoch = record.epoch
            return record
        }
        return nil
    }

    /// Reads from the journal's beginning, once: only what was not fetched, and not what is gone,
    /// comes then.
    private func beginAgain(_ missing: String) throws(KafkaError) {
        hasBegunAgain = true
        log.line(.warning, "\(topic): \(missing); reads the journal again from its beginning")
        let partition = TopicPartition(topic, 0)
        try consumer.unassign([partition])
        batch.removeAll()
        cursor = 0
        position = 0
        isAtEnd = false
        owner = JournalOwner()
        try consumer.assign([(partition, .beginning)])
    }

    /// The offset at which the journal ends now, or nil if the broker did not say.
    package func end(within limit: Duration) -> Int64? {
        do throws(KafkaError) {
            return try consumer.ends(of: [TopicPartition(topic, 0)], within: limit).first
        } catch { return nil }
    }

    /// Ends reading.
    package func close() {
        batch = MessageBatch(capacity: 1)
        consumer.close(within: .seconds(1))
    }

    private static func value(of index: Int, in batch: borrowing MessageBatch) -> Data {
        // Copied before the batch changes.
        unsafe batch.value(index).withUnsafeBytes { unsafe Data($0) }
    }

    private func decode(_ bytes: Data, at offset: Int64) throws -> JournalRecord {
        do {
            return try JournalRecord(decoding: bytes)
        } catch {
            throw KafkaError(
                .configuration,
                """
                \(topic), offset \(offset): this is no journal record. Is the topic used by \
                something else? Give this deployment a journal of its own.
                """
            )
        }
    }
}
