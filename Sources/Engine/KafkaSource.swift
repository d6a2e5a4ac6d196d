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
        package var epochBlocksMax = 4
        /// Without records, an epoch ends this often.
        package var markInterval: Duration = .milliseconds(500)
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
        /// Whether `next` has moved since the last epoch's end.
        var hasMoved = false
    }

    private let membership: KafkaMembership
    private let consumer: KafkaConsumer
    private let configuration: Configuration
    /// The term this source reads in.
    package let term: UInt64
    private var readings: [Reading] = []
    private var numbers: [TopicPartition: Int] = [:]
    // By a topic's identity in batches and partition, so that no name is compared per record.
    private var tables: [(identity: UInt, numbers: [Int])] = []
    private var lastTable = 0
    private var batch = MessageBatch(capacity: 1_024)
    private var cursor = 0
    private var isEnded = false
    private var epochBegin = collie_monotonic_nanoseconds()
    private var epochRecords = 0
    private var epochBlocks = 0
    private var epochsEnded: UInt64 = 0
    // Grows with each silence, so that a slow broker is not asked anew before it could answer.
    private var patience: Duration = .milliseconds(200)
    /// What happened so far; for the source thread.
    package private(set) var counters = Counters()

    /// Begins to read at what the group has committed, else at the beginning.
    ///
    /// - Parameters:
    ///   - sink: made before, for it must have fenced the leader before this one: only then do the
    ///     committed offsets stay as they are.
    ///   - starts: where to begin instead, for replay.
    package init(
        _ membership: KafkaMembership,
        after sink: KafkaSink,
        startingAt starts: [TopicPartition: Int64] = [:],
        configuration: Configuration = Configuration()
    ) throws(KafkaError) {
        self.membership = membership
        self.configuration = configuration
        consumer = membership.consumer
        term = sink.term
        try consumer.check(term: term)
        try consumer.unassign(consumer.assignment())
        membership.resetPartitions()
        while membership.topics.contains(where: { membership.partitionCount(of: $0) == nil }) {
            try wait()
        }
        while try !assign(membership.newPartitions(), starts) { try wait() }
    }

    private func wait() throws(KafkaError) {
        if membership.isStopping { throw KafkaError(.stopped, "kafka: stopped before it began") }
        try membership.serve(wait: .milliseconds(20))
        try consumer.check(term: term)
    }

    /// Reads more partitions; false if the broker did not say where to begin.
    private func assign(_ partitions: [TopicPartition], _ starts: [TopicPartition: Int64])
        throws(KafkaError) -> Bool
    {
        if partitions.isEmpty { return true }
        let committed: [Int64?]
        do throws(KafkaError) {
            committed = try consumer.committed(partitions, within: patience)
        } catch {
            patience = min(patience * 2, .milliseconds(1_600))
            if error.isRetriable || error.kind == .leadershipLost || error.kind == .other {
                membership.log.line(.debug, error.description)
                return false
            }
            throw error
        }
        var begins: [(partition: TopicPartition, offset: StartOffset)] = []
        for (partition, committed) in zip(partitions, committed) {
            let start = starts[partition] ?? committed
            numbers[partition] = readings.count
            readings.append(Reading(partition: partition, next: start ?? -1))
            begins.append((partition, start.map { .at($0) } ?? .beginning))
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
                if epochBlocks >= configuration.epochBlocksMax { return endEpoch() }
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
        if epochRecords == 0 { return elapsed >= configuration.markInterval }
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

    private func endEpoch() -> SourceTurn {
        var mark = EpochMark()
        mark.wallClock = EventTime(milliseconds: collie_wall_milliseconds())
        mark.partitionCount = readings.count
        let ends = membership.freshEnds()
        for index in readings.indices {
            let reading = readings[index]
            if reading.hasMoved {
                mark.offsets.append((index, reading.next))
                readings[index].hasMoved = false
            }
            // Caught up, and the broker has said of late that nothing more is there.
            if reading.isCaughtUp, index < ends.count, reading.next >= ends[index] {
                mark.idlePartitions.append(index)
            }
        }
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
            if try assign(added, [:]) {
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
            if !copy(cursor, number, offset, into: block) { return false }
            if offset > next, next >= 0 { counters.gaps += 1 }
            readings[number].next = offset + 1
            readings[number].isCaughtUp = false
            readings[number].hasMoved = true
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
                readings[number].next = offset
                readings[number].hasMoved = true
            }
            readings[number].isCaughtUp = true
            return
        }
        let error = batch.error(index)
        if error.kind == .dataLost {
            throw KafkaError(
                .dataLost,
                """
                \(error.description). Records were deleted before they were read: opt-outs, \
                purchases and carts in them are unknown. With `--accept-loss` reading goes on at the \
                oldest record that is left.
                """
            )
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

    /// Copies a record into the block; false if it is full.
    private func copy(_ index: Int, _ number: Int, _ offset: Int64, into block: EventBlock) -> Bool
    {
        if block.count == block.capacity.records { return false }
        let room = block.capacity.rawBytes - block.rawCount
        var key = configuration.copiesKeys ? batch.key(index).byteCount : 0
        var headers =
            configuration.copiesHeaders && batch.hasHeaders(index)
            ? batch.packedHeadersLength(index) : 0
        var value = batch.value(index).byteCount
        if key + headers + value > room {
            if block.count > 0 { return false }
            // Larger than a whole block: it is cut, and becomes a dead letter all the same.
            key = min(key, room / 4)
            headers = headers > room / 4 ? 0 : headers
            value = min(value, room - key - headers)
        }
        var entry = RecordEntry()
        entry.offset = offset
        entry.partition = Int32(number)
        if let time = batch.timestamp(index) { entry.timestamp = EventTime(milliseconds: time) }
        entry.hasValue = batch.hasValue(index)
        entry.hasKey = configuration.copiesKeys && batch.hasKey(index)
        entry.value = append(batch.value(index), value, to: block)
        if key > 0 { entry.key = append(batch.key(index), key, to: block) }
        if headers > 0 {
            // The block is this thread's alone, and the room was checked above.
            unsafe batch.packHeaders(
                index,
                into: UnsafeMutableRawBufferPointer(
                    rebasing: block.memory[block.rawCount..<block.rawCount + headers]
                )
            )
            entry.headers = Text(offset: UInt32(block.rawCount), length: UInt32(headers))
            block.rawCount += headers
        }
        block[record: block.count] = entry
        block.count += 1
        return true
    }

    private func append(_ bytes: RawSpan, _ count: Int, to block: EventBlock) -> Text {
        let begin = block.rawCount
        // The block is this thread's alone, and the room was checked by the caller.
        unsafe bytes.withUnsafeBytes { source in
            unsafe UnsafeMutableRawBufferPointer(rebasing: block.memory[begin..<begin + count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[0..<count]))
        }
        block.rawCount += count
        return Text(offset: UInt32(begin), length: UInt32(count))
    }
}
