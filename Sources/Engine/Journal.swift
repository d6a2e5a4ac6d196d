import Foundation
package import Kafka

/// The journal of a deployment: a topic of one partition that says, epoch by epoch, what was
/// committed.
///
/// Written by the sink in the epoch's own transaction; read here, once, by who takes over. Only
/// who has fenced the leader before may read it, or who has taken over in it (``JournalOwner``), for
/// only then nothing is added behind its back.
package enum Journal {
    /// The topic's standard name.
    package static let topicName = "collie.journal"

    /// What was committed since a point of the journal.
    package struct Contents: Sendable {
        /// The records, in order of epochs.
        package var records: [JournalRecord] = []
        /// Whether the journal still has its first record, or the one asked for.
        package var isComplete = true
    }

    /// Reads every record behind an epoch; waits for the broker.
    ///
    /// - Parameter takeOver: called at the end with the leader to whom the journal belongs; may write
    ///   a take-over and answer its leader's name. Then all before that record is read, too.
    /// - Parameter mayWait: asked again and again while it reads; throws when that must end.
    package static func read(
        _ settings: KafkaSettings,
        topic: String,
        behind epoch: UInt64 = 0,
        log: KafkaLog,
        takeOver: (String?) throws -> String? = { _ in nil },
        mayWait: () throws -> Void
    ) throws -> Contents {
        var own = settings
        own.consumerProperties["queued.max.messages.kbytes"] = "32768"
        own.acceptsLoss = true
        let consumer = try KafkaConsumer(own, log: log)
        try consumer.assign([(TopicPartition(topic, 0), .beginning)])
        defer { consumer.close(within: .seconds(1)) }
        var contents = Contents()
        var isFirst = true
        var owner = JournalOwner()
        var awaited: String?
        var batch = MessageBatch(capacity: 1_024)
        while true {
            try mayWait()
            batch.removeAll()
            try consumer.poll(&batch, wait: .milliseconds(20))
            for index in 0..<batch.count {
                if batch.isPartitionEnd(index) {
                    if awaited == nil { awaited = try takeOver(owner.leader) }
                    if awaited == nil { return contents }
                    continue
                }
                if !batch.isRecord(index) {
                    let error = batch.error(index)
                    if error.isFatal { throw error }
                    continue
                }
                // Copied before the batch changes.
                let bytes = unsafe batch.value(index).withUnsafeBytes { unsafe Data($0) }
                var record = try decode(bytes, topic, at: batch.offset(index))
                let counts = owner.accepts(record)
                if let awaited, record.leader == awaited {
                    if owner.leader == awaited { return contents }
                    throw KafkaError(.leadershipLost, "kafka: another leader took over meanwhile")
                }
                if !counts { continue }
                if isFirst {
                    isFirst = false
                    contents.isComplete = record.epoch <= epoch + 1
                }
                if let last = contents.records.last { record.share(with: last) }
                if record.epoch > epoch { contents.records.append(record) }
            }
        }
    }

    private static func decode(_ bytes: Data, _ topic: String, at offset: Int64) throws
        -> JournalRecord
    {
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
