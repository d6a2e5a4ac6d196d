package import Events
package import Kafka

/// Reads the journalled past: each epoch's records, cut as they were cut the first time.
///
/// With the same state before it, an engine that is fed from here decides again what was decided.
/// Used by the source thread.
package final class JournalSource {
    private let journal: [JournalRecord]
    private let reader: ReplayReader
    private let recovery: RecoveryProgress?
    private var nexts: [Int64]
    private var position = 0
    // The partitions of the last epoch.
    private var names: [TopicPartition] = []
    /// The partitions, by number.
    package let partitions: [TopicPartition]

    /// Opens the input topics where a state stands.
    ///
    /// - Parameter starts: the next offset of each partition; of others it is the first.
    package init(
        _ settings: KafkaSettings,
        _ journal: [JournalRecord],
        startingAt starts: [TopicPartition: Int64] = [:],
        recovery: RecoveryProgress? = nil,
        log: KafkaLog
    ) throws(KafkaError) {
        self.journal = journal
        self.recovery = recovery
        var partitions: [TopicPartition] = []
        for name in journal.last?.partitions ?? [] {
            guard let partition = TopicPartition(name) else {
                throw KafkaError(.configuration, "kafka: the journal names a partition `\(name)`")
            }
            partitions.append(partition)
        }
        if partitions.isEmpty { partitions = starts.keys.sorted() }
        self.partitions = partitions
        nexts = partitions.map { starts[$0] ?? 0 }
        // Asked for by offset: records that are gone must not be passed over unnoticed.
        let begins = partitions.map { partition -> (TopicPartition, StartOffset) in
            guard let start = starts[partition] else {
                return (partition, settings.acceptsLoss ? .beginning : .at(0))
            }
            return (partition, .at(start))
        }
        var total: Int64 = 0
        for number in partitions.indices {
            let last = journal.reversed().lazy.compactMap { record in
                record.offsets.first { $0.partition == number }?.next
            }.first
            total += max(0, (last ?? nexts[number]) - nexts[number])
        }
        recovery?.begin(records: Int(total), epochs: journal.count)
        reader = try ReplayReader(settings, begins, log: log)
    }

    /// The offset that comes next in a partition.
    package func next(_ number: Int) -> Int64 { nexts[number] }

    /// Fills a block with records of the current epoch; `.end` when the past is over.
    ///
    /// - Parameter mayWait: asked again and again while it waits for the broker; false ends the
    ///   past early.
    package func fill(
        _ block: EventBlock,
        mayWait: () throws(KafkaError) -> Bool
    ) throws(KafkaError) -> SourceTurn {
        guard position < journal.count else {
            recovery?.end()
            return .end
        }
        let record = journal[position]
        for target in record.offsets {
            while nexts[target.partition] < target.next {
                guard try mayWait() else { return .end }
                let lane = reader.lanes[target.partition]
                try lane.refill(wait: .milliseconds(20))
                if try !take(lane, target.partition, upTo: target.next, into: block) {
                    return .records
                }
            }
        }
        position += 1
        recovery?.pass(epochs: 1)
        var mark = record.mark
        if names.count != mark.partitionCount {
            names = Array(partitions.prefix(mark.partitionCount))
        }
        mark.partitions = names
        return .epochEnd(mark)
    }

    /// Copies records of one partition up to an offset; false if the block is full before.
    private func take(
        _ lane: ReplayReader.Lane,
        _ number: Int,
        upTo target: Int64,
        into block: EventBlock
    ) throws(KafkaError) -> Bool {
        let before = nexts[number]
        defer { recovery?.pass(records: Int(nexts[number] - before)) }
        while lane.cursor < lane.batch.count, nexts[number] < target {
            if lane.batch.isPartitionEnd(lane.cursor) {
                // The end may lie behind what nobody sees: the ends of transactions.
                nexts[number] = max(nexts[number], min(lane.batch.offset(lane.cursor), target))
                lane.cursor += 1
                continue
            }
            if !lane.batch.isRecord(lane.cursor) {
                let error = lane.batch.error(lane.cursor)
                if error.kind == .dataLost { throw KafkaError.lost(error) }
                if error.isFatal { throw error }
                lane.cursor += 1
                continue
            }
            let offset = lane.batch.offset(lane.cursor)
            if offset >= target {
                nexts[number] = target
                return true
            }
            if offset >= nexts[number] {
                if !RecordCopy().copy(lane.batch, lane.cursor, number, into: block) { return false }
                nexts[number] = offset + 1
            }
            lane.cursor += 1
        }
        return true
    }

    /// Ends all reading.
    package func close() { reader.close() }
}
