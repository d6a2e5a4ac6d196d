import CPlatform
package import Encoding
package import Kafka
import Shards
import Synchronization

/// Writes outputs to their topics and commits epochs, while this instance leads.
///
/// Made for one term of leadership, then used by the egress thread alone. With exactly-once an
/// epoch, or a few behind a backlog, is one transaction: its outputs and the offsets they came of,
/// seen together or not at all.
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
    private let committer: EpochCommitter
    // Whether the open transaction has outputs.
    private var hasOutputs = false
    // Epochs that ended and are not committed.
    private var epochsEnded: UInt64 = 0

    /// The number of the next epoch to be committed; set before anything is written.
    package var nextEpoch: UInt64 {
        get { committer.nextEpoch }
        set { committer.nextEpoch = newValue }
    }

    package var savableEpoch: UInt64 { committer.savableEpoch }
    package var isHolding: Bool { committer.isHolding }

    /// The name by which this leader signs the journal.
    package var leader: String { committer.leader }

    /// Transactions that were aborted and written again.
    package var repeatedEpochs: Int { committer.repeatedEpochs }

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
        committer = EpochCommitter(
            configuration,
            leader: String(UInt64.random(in: 1...UInt64.max), radix: 16),
            now: collie_monotonic_milliseconds()
        )
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
                collie_crash_pass(collie_crash_before_take_over)
                try producer.takeOverTransactions(mayWait: mayWait)
                collie_crash_pass(collie_crash_after_take_over)
                try producer.abandonRemains(in: allTopics, mayWait: mayWait)
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

    /// Takes over from the leader to whom the journal belongs.
    ///
    /// Answers the name whose record the journal must show before all of the past is known; nil if
    /// the broker has fenced the leader before. By the thread that serves the group.
    package func takeOver(from before: String?) throws -> String? {
        let record = try committer.takeOver(from: before, wallClock: collie_wall_milliseconds())
        guard let record else { return nil }
        try confirmLeadership()
        try produceJournal(record)
        try producer.flush(mayWait: serves)
        return committer.leader
    }

    /// Asks the broker whether this member is still one of the group's generation: it may have
    /// stood still for long without knowing.
    private func confirmLeadership() throws {
        while try !commitOffsets([]) {
            if !serves() { throw KafkaError(.stopped, "kafka: the group does not answer") }
        }
        try checkTerm()
    }

    /// While this waits, the group must go on hearing of us.
    private func serves() -> Bool {
        do throws(KafkaError) { try membership.serve(wait: .zero) } catch { return false }
        return mayWait()
    }

    /// The name of an output's topic.
    package func name(of topic: OutputTopic) -> String {
        configuration.topicPrefix + (configuration.topicNames[topic.name] ?? topic.name)
    }

    private var allTopics: [String] {
        OutputTopic.allCases.map(name) + (configuration.journalTopic.map { [$0] } ?? [])
    }

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
        defer { membership.health.over("topic \(name)") }
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
            membership.health.waiting(for: "topic \(name)", reason: reason)
            if !mayWait() { throw KafkaError(.stopped, "kafka: topic \(name): \(reason)") }
            producer.serve()
            EngineThread.sleep(milliseconds: 50)
        }
        notice.over("topic \(name) is there", membership.log)
        return try producer.open(topic: name)
    }

    // MARK: Writing

    package func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        try committer.write(record, of: buffer, through: self)
        if producer.outstanding & 255 == 0 { producer.serve() }
    }

    package func commit(_ mark: EpochMark?) throws {
        if mark != nil { epochsEnded += 1 }
        let begun = collie_monotonic_nanoseconds()
        try committer.commit(mark, through: self)
        if isHolding { return }
        // One without outputs may have had nothing to make durable.
        if hasOutputs {
            let took = collie_monotonic_nanoseconds() - begun
            membership.commitTimes.withLock { $0.note(nanoseconds: took) }
        }
        hasOutputs = false
        membership.epochsCommitted.add(epochsEnded, ordering: .acquiringAndReleasing)
        epochsEnded = 0
    }
}

// MARK: - What the committer asks for

extension KafkaSink: CommitPort {
    package var partitions: [TopicPartition] { membership.partitions }
    package var isLeading: Bool { membership.consumer.term == term }
    package var isStopping: Bool { membership.isStopping }
    package var milliseconds: Int64 { collie_monotonic_milliseconds() }

    package func checkTerm() throws(KafkaError) { try membership.consumer.check(term: term) }

    package func mayWait() -> Bool { membership.mayWait(term: term) }

    package func pause(milliseconds: Int) { EngineThread.sleep(milliseconds: Int64(milliseconds)) }

    package func tell(_ level: KafkaLogLevel, _ text: String) { membership.log.line(level, text) }

    package func begin() throws(KafkaError) { try producer.begin() }

    package func produce(_ record: OutputRecord, of buffer: OutputBuffer) throws(KafkaError) {
        hasOutputs = true
        try producer.write(
            to: handle(of: record.topic, mayWait),
            key: buffer.slice(record.key),
            hasKey: record.hasKey,
            headers: buffer.slice(record.headers),
            value: buffer.slice(record.value),
            hasValue: record.hasValue,
            mayWait: mayWait
        )
    }

    package func produceJournal(_ value: [UInt8]) throws(KafkaError) {
        guard let handle = journalHandle else { return }
        let nothing: [UInt8] = []
        let span = value.span
        // Bytes have no padding between them.
        try unsafe producer.write(
            to: handle,
            key: nothing.span.bytes,
            hasKey: false,
            headers: nothing.span.bytes,
            value: span.bytes,
            hasValue: true,
            partition: 0,
            mayWait: mayWait
        )
    }

    package func flush() throws(KafkaError) {
        pass(collie_crash_before_flush)
        try producer.flush(mayWait: mayWait)
        pass(collie_crash_after_flush)
    }

    /// Where a test may have asked for the end of this process.
    private func pass(_ point: collie_crash_point) { if hasOutputs { collie_crash_pass(point) } }

    package func sendOffsets(_ offsets: [Int64]) throws(KafkaError) {
        // Taken afresh each time: it names the group's generation, by which the broker knows a
        // leader that was replaced.
        let member = try membership.consumer.groupMetadata()
        try producer.send(list(offsets), as: member, mayWait: mayWait)
    }

    package func commit() throws(KafkaError) {
        pass(collie_crash_before_commit)
        try producer.commit(mayWait: mayWait)
        pass(collie_crash_after_commit)
    }

    package func abort(waits: Bool) throws(KafkaError) {
        try producer.abort { waits && mayWait() }
    }

    package func commitOffsets(_ offsets: [Int64]) throws(KafkaError) -> Bool {
        // A member that has come back may commit, but it may not lead any more.
        try checkTerm()
        var list = list(offsets)
        // The broker checks the group's generation also where no offset moved.
        list.append(TopicPartition(membership.settings.leaderTopic, 0), offset: 0)
        return try membership.consumer.commit(list, within: .milliseconds(100))
    }

    private func list(_ offsets: [Int64]) -> OffsetList {
        let partitions = membership.partitions
        var list = OffsetList(room: offsets.count + 1)
        for (number, next) in offsets.enumerated() where next >= 0 {
            list.append(partitions[number], offset: next)
        }
        return list
    }
}
