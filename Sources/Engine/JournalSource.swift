package import Events
package import Kafka

/// Reads the journalled past: each epoch's records, cut as they were cut the first time.
///
/// With the same state before it, an engine that is fed from here decides again what was decided.
/// The journal may grow meanwhile. Used by the source thread.
package final class JournalSource {
    private let settings: KafkaSettings
    private let log: KafkaLog
    private let journal: JournalReader
    private let reader: ReplayReader
    private let recovery: RecoveryProgress?
    private var nexts: [Int64]
    // The epoch in hand and how far its partitions have been given out.
    private var record: JournalRecord?
    private var target = 0
    private var recordPosition: Int64 = 0
    // The partitions of the last epoch.
    private var names: [TopicPartition] = []
    /// The partitions, by number.
    package private(set) var partitions: [TopicPartition]
    /// The configuration of the newest epoch.
    package private(set) var config: String?

    /// Goes on where a state stands.
    ///
    /// - Parameter starts: the partitions by number and their next offsets; -1 is their beginning.
    package init(
        _ settings: KafkaSettings,
        _ journal: JournalReader,
        startingAt starts: [(partition: TopicPartition, next: Int64)] = [],
        recovery: RecoveryProgress? = nil,
        log: KafkaLog
    ) throws(KafkaError) {
        self.settings = settings
        self.log = log
        self.journal = journal
        self.recovery = recovery
        partitions = starts.map(\.partition)
        nexts = starts.map(\.next)
        reader = ReplayReader()
    }

    /// The offset that comes next in a partition; -1 if nothing was read of it.
    package func next(_ number: Int) -> Int64 { nexts[number] }

    /// The newest epoch that was begun.
    package var epoch: UInt64 { journal.epoch }

    /// Whether all was given out that was there when it was last looked.
    package var isAtEnd: Bool { record == nil && journal.isAtEnd }

    /// Where the journal's next record is looked for.
    package var position: Int64 { journal.position }

    /// To whom the journal belongs, as far as it was read.
    package var leader: String? { journal.leader }

    /// The leader whose take-over is waited for; nil when it was read.
    package var awaited: String? {
        get { journal.awaited }
        set { journal.awaited = newValue }
    }

    /// Where an epoch is missing in the journal; nil if none is.
    package var gap: String? { journal.gap }

    /// The newest epoch that the journal has shown, also of those the state knows; 0 if none.
    package var newestSeen: UInt64 { journal.newestSeen }

    /// Fills a block with records of the current epoch; `.end` when the past is over for now.
    ///
    /// - Parameter mayWait: asked again and again while it waits for the broker; false ends the
    ///   past early.
    package func fill(
        _ block: EventBlock,
        mayWait: () throws -> Bool
    ) throws -> SourceTurn {
        while record == nil {
            guard let next = try journal.next(wait: .milliseconds(20)) else {
                if try !mayWait() || journal.isAtEnd { return .end }
                continue
            }
            try begin(next)
        }
        guard let record else { return .end }
        while target < record.offsets.count {
            let range = record.offsets[target]
            while nexts[range.partition] < range.next {
                guard try mayWait() else { return .end }
                guard let lane = reader.lanes[range.partition] else { break }
                try lane.refill(wait: .milliseconds(20))
                if try !take(lane, range.partition, upTo: range.next, into: block) {
                    return .records
                }
            }
            target += 1
        }
        return .epochEnd(end(record))
    }

    private func begin(_ next: JournalRecord) throws {
        for name in next.partitions.dropFirst(partitions.count) {
            guard let partition = TopicPartition(name) else {
                throw KafkaError(.configuration, "kafka: the journal names a partition `\(name)`")
            }
            partitions.append(partition)
            nexts.append(-1)
        }
        for range in next.offsets {
            // What lies between was read by nobody: it was gone, or was given up.
            nexts[range.partition] = max(nexts[range.partition], range.from)
            if nexts[range.partition] < range.next {
                try reader.open(
                    range.partition,
                    of: partitions.count,
                    (partitions[range.partition], .at(nexts[range.partition])),
                    settings,
                    log
                )
            }
        }
        config = next.config
        record = next
        recordPosition = journal.position
        target = 0
    }

    private func end(_ record: JournalRecord) -> EpochMark {
        var mark = record.mark
        if names.count != mark.partitionCount {
            names = Array(partitions.prefix(mark.partitionCount))
        }
        mark.partitions = names
        mark.journalPosition = recordPosition
        mark.leader = record.leader
        self.record = nil
        recovery?.pass(position: journal.position)
        return mark
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

    /// The offset at which the journal ends now, or nil if the broker did not say.
    package func end(within limit: Duration) -> Int64? { journal.end(within: limit) }

    /// Ends all reading.
    package func close() {
        reader.close()
        journal.close()
    }
}
