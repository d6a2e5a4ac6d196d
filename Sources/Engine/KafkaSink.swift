import CPlatform
package import Encoding
package import Kafka
import Shards
import Synchronization

/// Writes outputs to their topics and commits epochs, while this instance leads.
///
/// Made for one term of leadership, then used by the egress thread alone. With exactly-once an
/// epoch is one transaction: its outputs and the offsets they came of, seen together or not at all.
/// With at-least-once outputs are confirmed first, and the offsets follow; after a crash some
/// outputs may come again, under the same ids.
///
/// A broker that is away is waited for. Nothing is committed in another term than this one.
package final class KafkaSink: OutputSink {
    /// How outputs and offsets belong together.
    package enum Delivery: Sendable {
        case atLeastOnce
        case exactlyOnce
    }

    /// How to write.
    package struct Configuration: Sendable {
        /// How outputs and offsets belong together.
        package var delivery = Delivery.exactlyOnce
        /// Stands before the names of all output topics.
        package var topicPrefix = ""
        /// Other names for single topics, by their standard name.
        package var topicNames: [String: String] = [:]
        /// Topics that must exist before anything is read; others are asked for when first used.
        package var topics: [OutputTopic] = [.decisions, .identity, .deadLetters]
        /// Offsets without outputs, and those of at-least-once, are committed this often.
        ///
        /// Not with each epoch: a commit that meets a rebalance costs the leadership with
        /// librdkafka before 2.10.
        package var offsetsInterval: Duration = .milliseconds(500)
        /// An epoch whose transaction had to be aborted is written again this often.
        package var attemptsMax = 5
        /// The topic that says what each epoch was made of; nil keeps no journal, and a state that
        /// was lost cannot be recovered.
        package var journalTopic: String? = Journal.topicName
        /// The configuration under which is decided, as the journal names it.
        package var fingerprint = ""

        package init() {}
    }

    private let membership: KafkaMembership
    private let configuration: Configuration
    private var producer: KafkaProducer
    /// The term this sink writes in.
    package let term: UInt64
    private var handles: [OutputTopicHandle?]
    private var journalHandle: OutputTopicHandle?
    // The journal record of the open epoch, to be written again after an aborted transaction.
    private var journalRecord: [UInt8] = []
    /// The number of the next epoch to be committed; set before anything is written.
    package var nextEpoch: UInt64 = 1
    package var journalEpoch: UInt64 { nextEpoch - 1 }
    // Offsets behind what was handed in and is not committed, by partition number; -1 is none.
    private var offsets: [Int64] = []
    private var hasOffsets = false
    private var lastCommit = collie_monotonic_milliseconds()
    // The open epoch, to be written again after an aborted transaction.
    private var written: [(record: OutputRecord, buffer: Int)] = []
    private var buffers: [OutputBuffer] = []
    private var isOpen = false
    private var isBroken = false
    /// Transactions that were aborted and written again.
    package private(set) var repeatedEpochs = 0

    /// Connects; with exactly-once takes over the deployment's transactions, which fences the
    /// leader before this one.
    ///
    /// By the thread that serves the group, and before the source is made. Waits for the broker and
    /// for topics, and throws when a stop was wished for or the leadership is lost.
    package init(
        _ membership: KafkaMembership,
        configuration: Configuration = Configuration()
    ) throws(KafkaError) {
        guard let term = membership.term else {
            throw KafkaError(.leadershipLost, "kafka: this instance does not lead")
        }
        self.membership = membership
        self.configuration = configuration
        self.term = term
        handles = Array(repeating: nil, count: OutputTopic.allCases.count)
        var settings = membership.settings
        switch configuration.delivery {
        case .atLeastOnce: settings.transactionalID = nil
        case .exactlyOnce: settings.transactionalID = settings.transactionalID ?? settings.group
        }
        producer = try KafkaProducer(settings, log: membership.log)
        var failure: KafkaError?
        // While this waits, the group must go on hearing of us.
        let mayWait = {
            do throws(KafkaError) { try membership.serve(wait: .zero) } catch {
                failure = error
                return false
            }
            return membership.mayWait(term: term)
        }
        do throws(KafkaError) {
            if configuration.delivery == .exactlyOnce {
                try producer.takeOverTransactions(mayWait: mayWait)
            }
            for topic in configuration.topics { _ = try handle(of: topic, mayWait) }
            if let journal = configuration.journalTopic {
                journalHandle = try open(topic: journal, mayWait)
                let count = try producer.partitionCount(of: journal, within: .seconds(5))
                if count != 1 {
                    throw KafkaError(
                        .configuration,
                        """
                        kafka: topic \(journal) has \(count) partitions; it must have one, for epochs \
                        have one order
                        """
                    )
                }
            }
        } catch {
            if let failure { throw failure }
            try membership.consumer.check(term: term)
            throw membership.isStopping ? KafkaError(.stopped, error.description) : error
        }
    }

    /// The name of an output's topic.
    package func name(of topic: OutputTopic) -> String {
        configuration.topicPrefix + (configuration.topicNames[topic.name] ?? topic.name)
    }

    private func mayWait() -> Bool { membership.mayWait(term: term) }

    /// The handle of a topic; waits until it exists.
    private func handle(
        of topic: OutputTopic,
        _ mayWait: () -> Bool
    ) throws(KafkaError) -> OutputTopicHandle {
        let index = Int(topic.rawValue)
        if let handle = handles[index] { return handle }
        let handle = try open(topic: name(of: topic), mayWait)
        handles[index] = handle
        return handle
    }

    private func open(
        topic name: String,
        _ mayWait: () -> Bool
    ) throws(KafkaError) -> OutputTopicHandle {
        var notice = WaitingNotice()
        var patience: Duration = .milliseconds(200)
        while true {
            var reason = "it does not exist"
            do throws(KafkaError) {
                if try producer.partitionCount(of: name, within: patience) > 0 { break }
            } catch {
                if !error.isRetriable, error.kind != .authorization { throw error }
                reason = error.description
                patience = min(patience * 2, .milliseconds(1_600))
            }
            notice.waiting(for: "topic \(name)", reason: reason, membership.log)
            if !mayWait() { throw KafkaError(.stopped, "kafka: topic \(name): \(reason)") }
            producer.serve()
            EngineThread.sleep(milliseconds: 50)
        }
        notice.over("topic \(name) is there", membership.log)
        return try producer.open(topic: name)
    }

    // MARK: Writing

    package func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        if configuration.delivery == .exactlyOnce {
            remember(record, buffer)
            // An aborted transaction takes no more; the epoch is written again at its end.
            if isBroken { return }
        }
        do throws(KafkaError) {
            try produce(record, of: buffer)
        } catch {
            let error = translated(error)
            guard isRepeatable(error) else { throw error }
            isBroken = true
        }
        if producer.outstanding & 255 == 0 { producer.serve() }
    }

    private func remember(_ record: OutputRecord, _ buffer: OutputBuffer) {
        let index: Int
        if let found = buffers.lastIndex(where: { $0 === buffer }) {
            index = found
        } else {
            index = buffers.count
            buffers.append(buffer)
        }
        written.append((record, index))
    }

    private func produce(_ record: OutputRecord, of buffer: OutputBuffer) throws(KafkaError) {
        let handle = try handle(of: record.topic, mayWait)
        if configuration.delivery == .exactlyOnce { try open() }
        try producer.write(
            to: handle,
            key: buffer.slice(record.key),
            hasKey: record.hasKey,
            headers: buffer.slice(record.headers),
            value: buffer.slice(record.value),
            hasValue: record.hasValue,
            mayWait: mayWait
        )
    }

    private func open() throws(KafkaError) {
        if isOpen { return }
        try producer.begin()
        isOpen = true
    }

    // MARK: Committing

    package func commit(_ mark: EpochMark?) throws {
        // librdkafka tells of a lost leadership where the group is served; a producer that was
        // fenced knows it before.
        try membership.consumer.check(term: term)
        defer { forget() }
        guard let mark else { return try dropUnfinished() }
        for (partition, _, next) in mark.offsets {
            while offsets.count <= partition { offsets.append(-1) }
            offsets[partition] = next
            hasOffsets = true
        }
        try composeJournal(mark)
        switch configuration.delivery {
        case .exactlyOnce:
            if !written.isEmpty || !journalRecord.isEmpty || (hasOffsets && isTimeForOffsets) {
                try commitTransaction()
            }
        case .atLeastOnce:
            do throws(KafkaError) {
                // Commands before the journal, the journal before the offsets: what is journalled
                // is out, and what is not journalled is read again.
                try producer.flush(mayWait: mayWait)
                if !journalRecord.isEmpty {
                    try writeJournal()
                    try producer.flush(mayWait: mayWait)
                }
                if hasOffsets && isTimeForOffsets { try commitOffsets() }
            } catch { throw translated(error) }
        }
        if !journalRecord.isEmpty { nextEpoch += 1 }
        membership.epochsCommitted.add(1, ordering: .acquiringAndReleasing)
    }

    /// Prepares the epoch's journal record; none if neither an offset nor time moved.
    private func composeJournal(_ mark: EpochMark) throws {
        journalRecord.removeAll(keepingCapacity: true)
        guard configuration.journalTopic != nil else { return }
        if mark.offsets.isEmpty, mark.idlePartitions.isEmpty, written.isEmpty { return }
        journalRecord = try JournalRecord(
            epoch: nextEpoch,
            mark: mark,
            partitions: membership.partitions,
            config: configuration.fingerprint
        ).encoded()
    }

    private func writeJournal() throws(KafkaError) {
        guard let handle = journalHandle, !journalRecord.isEmpty else { return }
        let nothing: [UInt8] = []
        let record = journalRecord
        let value = record.span
        // Bytes have no padding between them.
        try unsafe producer.write(
            to: handle,
            key: nothing.span.bytes,
            hasKey: false,
            headers: nothing.span.bytes,
            value: value.bytes,
            hasValue: true,
            partition: 0,
            mayWait: mayWait
        )
    }

    private func forget() {
        written.removeAll(keepingCapacity: true)
        buffers.removeAll(keepingCapacity: true)
        isBroken = false
    }

    /// What was read without its epoch's end must not count: it is read again.
    private func dropUnfinished() throws(KafkaError) {
        if isOpen {
            abandon()
        } else if configuration.delivery == .atLeastOnce {
            do throws(KafkaError) {
                try producer.flush(mayWait: mayWait)
                if hasOffsets { try commitOffsets() }
            } catch { throw translated(error) }
        }
    }

    private var isTimeForOffsets: Bool {
        membership.isStopping
            || collie_monotonic_milliseconds() - lastCommit
                >= configuration.offsetsInterval.wholeMilliseconds
    }

    private func pendingOffsets() -> OffsetList {
        let partitions = membership.partitions
        var list = OffsetList(room: offsets.count)
        for (number, next) in offsets.enumerated() where next >= 0 {
            list.append(partitions[number], offset: next)
        }
        return list
    }

    private func offsetsCommitted() {
        for index in offsets.indices { offsets[index] = -1 }
        hasOffsets = false
        lastCommit = collie_monotonic_milliseconds()
    }

    /// Commits offsets as a member of the group; trouble that passes leaves them for later.
    private func commitOffsets() throws(KafkaError) {
        let list = pendingOffsets()
        do throws(KafkaError) {
            for _ in 0..<20 {
                if try membership.consumer.commit(list, within: .milliseconds(100)) {
                    return offsetsCommitted()
                }
                if !mayWait() { break }
            }
            membership.log.line(.warning, "the broker does not confirm offsets; they wait")
        } catch {
            if error.isFatal || error.kind == .leadershipLost || error.kind == .fenced
                || error.kind == .authorization
            {
                throw error
            }
            membership.log.line(.warning, "\(error.description); they wait")
        }
        lastCommit = collie_monotonic_milliseconds()
    }

    /// Commits the epoch's transaction; one that had to be aborted is written again as a whole.
    private func commitTransaction() throws(KafkaError) {
        var attempt = 0
        while true {
            do throws(KafkaError) {
                if isBroken { throw KafkaError(.abortRequired, "kafka: a record was not taken") }
                try open()
                try writeJournal()
                try producer.flush(mayWait: mayWait)
                try membership.consumer.check(term: term)
                if hasOffsets {
                    // Taken afresh each time: it names the group's generation, by which the broker
                    // knows a leader that was replaced.
                    let member = try membership.consumer.groupMetadata()
                    try producer.send(pendingOffsets(), as: member, mayWait: mayWait)
                }
                try producer.commit(mayWait: mayWait)
                isOpen = false
                return offsetsCommitted()
            } catch {
                let error = translated(error)
                attempt += 1
                guard isRepeatable(error), attempt < configuration.attemptsMax, mayWait() else {
                    abandon()
                    throw error
                }
                try writeAgain(error, attempt)
            }
        }
    }

    private func writeAgain(_ reason: KafkaError, _ attempt: Int) throws(KafkaError) {
        membership.log.line(.warning, "\(reason.description); the epoch is written again")
        repeatedEpochs += 1
        // A rebalance takes some round trips; meanwhile the offsets would be refused again.
        EngineThread.sleep(milliseconds: Int64(20 * attempt))
        do throws(KafkaError) {
            if isOpen { try producer.abort(mayWait: mayWait) }
            isOpen = false
            isBroken = false
            try open()
            for (record, buffer) in written { try produce(record, of: buffers[buffer]) }
        } catch {
            let error = translated(error)
            guard isRepeatable(error) else { throw error }
            isBroken = true
        }
    }

    /// Ends a transaction that must not be committed, if that is possible at once.
    private func abandon() {
        guard isOpen else { return }
        do throws(KafkaError) { try producer.abort(mayWait: { false }) } catch {
            // The broker aborts it when the next leader takes over, or when its time is up.
            membership.log.line(.debug, error.description)
        }
        isOpen = false
    }

    /// Whether an error goes away by writing the epoch again in a new transaction.
    private func isRepeatable(_ error: KafkaError) -> Bool {
        guard configuration.delivery == .exactlyOnce, !error.isFatal else { return false }
        switch error.kind {
        case .abortRequired, .timedOut, .brokerAway, .other: return true
        default: return false
        }
    }

    /// A lost leadership explains whatever else went wrong; who took over the transactions leads.
    private func translated(_ error: KafkaError) -> KafkaError {
        if membership.consumer.term != term || error.kind == .leadershipLost
            || error.kind == .fenced
        {
            return KafkaError(
                .leadershipLost,
                "kafka: this instance does not lead any more (\(error.description))"
            )
        }
        return error
    }
}
