import CPlatform
package import Events
package import Kafka
import Synchronization

/// Reads the input topics while this instance leads, and cuts epochs.
///
/// Made for one term of leadership by the thread that serves the group, then used by the source
/// thread alone. An epoch ends when the one before is committed, so that epochs are as short as the
/// broker allows; or when it is full, or has lasted long enough. While nothing comes, one ends now
/// and then all the same, for time goes on at night too.
package final class KafkaSource: RecordSource {
    /// Bounds of an epoch.
    package struct Configuration: Sendable {
        /// An epoch lasts at least this long.
        package var epochMin: Duration = .milliseconds(5)
        /// An epoch with records ends after this long even if the one before is not committed.
        package var epochMax: Duration = .milliseconds(50)
        /// An epoch ends behind so many records.
        package var epochEventsMax = 100_000
        /// An epoch ends behind so many blocks: they stay taken until it is resolved, so it must be
        /// well below what the engine has.
        package var epochBlocksMax = 12
        /// With so many records behind an epoch, the next one is said to follow at once.
        package var backlog = 20_000
        /// Without records, an epoch ends this often.
        package var markInterval: Duration = .milliseconds(500)
        /// Refuses to go on behind records that were read before and of which the state knows
        /// nothing.
        package var refusesWithoutPast = false
        /// Copies keys, which only dead letters need.
        package var copiesKeys = true
        /// Copies headers, which CloudEvents in binary mode and dead letters need.
        package var copiesHeaders = true

        package init() {}
    }

    /// What happened so far.
    package struct Counters: Sendable {
        /// Records that came again and were dropped.
        package var repeats = 0
        /// Times an offset was not the one after the last: a transaction's end, or deleted records.
        package var gaps = 0

        package init() {}
    }

    /// A partition that is read.
    private struct Reading {
        let partition: TopicPartition
        /// The offset that comes next; -1 until the first record tells.
        var next: Int64
        /// Whether the end was met after the last record.
        var isCaughtUp = false
        /// Where `next` was moved from since the last epoch's end, or -1.
        var from: Int64 = -1
    }

    private let membership: KafkaMembership
    private let consumer: KafkaConsumer
    private let configuration: Configuration
    /// The term this source reads in.
    package let term: UInt64
    private var readings: [Reading] = []
    private var numbers: [TopicPartition: Int] = [:]
    // The partitions by number, made anew when there are more.
    private var names: [TopicPartition] = []
    // By a topic's identity in batches and partition, so that no name is compared per record.
    private var tables: [(identity: UInt, numbers: [Int])] = []
    private var lastTable = 0
    private var batch = MessageBatch(capacity: 1_024)
    private var cursor = 0
    private var isEnded = false
    private var epochBegin = collie_monotonic_nanoseconds()
    private var epochRecords = 0
    private var epochBlocks = 0
    // The last epoch ended before its records did.
    private var hasMore = false
    private var epochsEnded: UInt64 = 0
    /// What happened so far; for the source thread.
    package private(set) var counters = Counters()

    /// Begins to read where the state stands; of other partitions at what the group has committed,
    /// else at their beginning.
    ///
    /// - Parameters:
    ///   - sink: made before, for it must have fenced the leader before this one: only then do the
    ///     committed offsets stay as they are.
    ///   - starts: the partitions by number and their next offsets; -1 is their beginning.
    package init(
        _ membership: KafkaMembership,
        after sink: KafkaSink,
        startingAt starts: [(partition: TopicPartition, next: Int64)] = [],
        configuration: Configuration = Configuration()
    ) throws(KafkaError) {
        self.membership = membership
        self.configuration = configuration
        consumer = membership.consumer
        term = sink.term
        try consumer.check(term: term)
        try consumer.unassign(consumer.assignment())
        membership.resetPartitions()
        while membership.inputPartitions == nil { try wait() }
        for start in starts {
            numbers[start.partition] = readings.count
            // What the journal says was committed, even if the leader before ended in between: the
            // next epoch's offsets say it to the group, too.
            readings.append(
                Reading(partition: start.partition, next: start.next, from: start.next)
            )
        }
        membership.addPartitions(starts.map(\.partition))
        try consumer.assign(
            starts.map { ($0.partition, $0.next < 0 ? .beginning : .at($0.next)) }
        )
        while try !assign(membership.newPartitions()) { try wait() }
    }

    private func wait() throws(KafkaError) {
        if membership.isStopping { throw KafkaError(.stopped, "kafka: stopped before it began") }
        try membership.serve(wait: .milliseconds(20))
        try consumer.check(term: term)
    }

    /// Reads more partitions; false if the broker did not say where to begin.
    private func assign(_ partitions: [TopicPartition]) throws(KafkaError) -> Bool {
        if partitions.isEmpty { return true }
        guard let committed = try membership.askForCommitted(partitions) else { return false }
        var begins: [(partition: TopicPartition, offset: StartOffset)] = []
        for (partition, committed) in zip(partitions, committed) {
            numbers[partition] = readings.count
            // A beginning that is not the partition's own is an epoch's business.
            let next = committed ?? -1
            readings.append(Reading(partition: partition, next: next, from: next))
            begins.append((partition, committed.map { .at($0) } ?? .beginning))
            if let committed, configuration.refusesWithoutPast {
                throw membership.lacksPast(
                    PastCheck.difference(partition, committed: committed)
                )
            }
        }
        tables.removeAll()
        lastTable = 0
        membership.addPartitions(partitions)
        try consumer.assign(begins)
        return true
    }

    // MARK: Turns

    package func fill(_ block: EventBlock) throws -> SourceTurn {
        if isEnded { return .end }
        while true {
            try consumer.check(term: term)
            if try !take(into: block) {
                epochBlocks += 1
                if epochBlocks >= configuration.epochBlocksMax { return endEpoch(isFull: true) }
                return .records
            }
            if membership.isStopping {
                isEnded = true
                return endEpoch()
            }
            let elapsed = Duration.nanoseconds(collie_monotonic_nanoseconds() - epochBegin)
            if isEpochOver(elapsed) { return endEpoch() }
            batch.removeAll()
            cursor = 0
            try consumer.poll(&batch, wait: pause(elapsed))
        }
    }

    private var isCommitted: Bool {
        membership.epochsCommitted.load(ordering: .acquiring) >= epochsEnded
    }

    private func isEpochOver(_ elapsed: Duration) -> Bool {
        // If what the last epoch promised does not come, it must not wait for long.
        if epochRecords == 0 {
            return elapsed >= (hasMore ? configuration.epochMax : configuration.markInterval)
        }
        if epochRecords >= configuration.epochEventsMax { return true }
        if elapsed >= configuration.epochMax { return true }
        return elapsed >= configuration.epochMin && isCommitted
    }

    /// How long the next record may be waited for.
    private func pause(_ elapsed: Duration) -> Duration {
        if epochRecords == 0 {
            return min(.milliseconds(20), max(.zero, configuration.markInterval - elapsed))
        }
        // The commit of the epoch before wakes nobody, so it is looked at each millisecond.
        return max(.milliseconds(1), configuration.epochMin - elapsed)
    }

    private func endEpoch(isFull: Bool = false) -> SourceTurn {
        var mark = EpochMark()
        mark.wallClock = EventTime(milliseconds: collie_wall_milliseconds())
        mark.partitionCount = readings.count
        if names.count != readings.count { names = readings.map(\.partition) }
        mark.partitions = names
        let ends = membership.freshEnds()
        var left: Int64 = 0
        for index in readings.indices {
            let reading = readings[index]
            if index < ends.count { left += max(0, ends[index] - max(0, reading.next)) }
            if reading.from >= 0 {
                mark.offsets.append((index, reading.from, reading.next))
                readings[index].from = -1
            }
            // Caught up, and the broker has said of late that nothing more is there.
            if reading.isCaughtUp, index < ends.count, reading.next >= ends[index] {
                mark.idlePartitions.append(index)
            }
        }
        hasMore = isFull || left >= configuration.backlog
        mark.hasMore = hasMore
        epochsEnded += 1
        epochBegin = collie_monotonic_nanoseconds()
        epochRecords = 0
        epochBlocks = 0
        adoptNewPartitions()
        return .epochEnd(mark)
    }

    /// Partitions that were added, and topics that have come.
    private func adoptNewPartitions() {
        let added = membership.newPartitions()
        if added.isEmpty { return }
        do throws(KafkaError) {
            if try assign(added) {
                let names = added.map(\.description).joined(separator: ", ")
                membership.log.line(.notice, "reads \(names) too")
            }
        } catch {
            // The next turn tells if this was more than a passing trouble.
            membership.log.line(.warning, error.description)
        }
    }

    // MARK: Records

    /// Copies what is left of the batch; false if the block is full before its end.
    private func take(into block: EventBlock) throws(KafkaError) -> Bool {
        while cursor < batch.count {
            if !batch.isRecord(cursor) {
                try takeNews(cursor)
                cursor += 1
                continue
            }
            guard let number = number(of: cursor) else {
                cursor += 1
                continue
            }
            let offset = batch.offset(cursor)
            let next = readings[number].next
            // librdkafka before 2.4 may go back after a change of the assignment.
            if offset < next {
                counters.repeats += 1
                cursor += 1
                continue
            }
            if !RecordCopy(keys: configuration.copiesKeys, headers: configuration.copiesHeaders)
                .copy(batch, cursor, number, into: block)
            {
                return false
            }
            if offset > next, next >= 0 { counters.gaps += 1 }
            if readings[number].from < 0 { readings[number].from = offset }
            readings[number].next = offset + 1
            readings[number].isCaughtUp = false
            epochRecords += 1
            cursor += 1
        }
        return true
    }

    /// What comes in a record's place: a partition's end, or trouble.
    private func takeNews(_ index: Int) throws(KafkaError) {
        if batch.isPartitionEnd(index) {
            guard let number = number(of: index) else { return }
            let offset = batch.offset(index)
            // The end may lie behind records nobody sees: the ends of transactions.
            if offset > readings[number].next {
                if readings[number].from < 0 { readings[number].from = offset }
                readings[number].next = offset
            }
            readings[number].isCaughtUp = true
            return
        }
        let error = batch.error(index)
        if error.kind == .dataLost {
            throw KafkaError.lost(error)
        }
        if error.isFatal { throw error }
        membership.log.line(.warning, error.description)
    }

    /// The number of a record's partition over all topics; nil for the leader's own.
    private func number(of index: Int) -> Int? {
        let identity = batch.topicIdentity(index)
        let partition = Int(batch.partition(index))
        if lastTable >= tables.count || tables[lastTable].identity != identity {
            lastTable = table(of: identity, batch.topicName(index))
        }
        let numbers = tables[lastTable].numbers
        return partition < numbers.count && numbers[partition] >= 0 ? numbers[partition] : nil
    }

    private func table(of identity: UInt, _ topic: String) -> Int {
        if let found = tables.firstIndex(where: { $0.identity == identity }) { return found }
        var table: [Int] = []
        for (number, reading) in readings.enumerated() where reading.partition.topic == topic {
            let partition = Int(reading.partition.partition)
            while table.count <= partition { table.append(-1) }
            table[partition] = number
        }
        tables.append((identity, table))
        return tables.count - 1
    }
}
