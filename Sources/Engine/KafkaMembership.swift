import CPlatform
package import Kafka
import Rings
import Shards
import Synchronization

/// This instance's part in the deployment: it stands by, or it leads and reads.
///
/// Lives as long as the process, until `close`; a source and a sink are made of it for each term of
/// leadership:
///
///     while try membership.waitForLeadership() {
///         let sink = try KafkaSink(membership)                  // fences the leader before
///         let source = try KafkaSource(membership, after: sink) // reads what that one committed
///         // a new engine runs both; `.leadershipLost`, `.restartRequired`: again from the top
///     }
///
/// A thread of its own, the watch, asks the broker what the reading thread must not wait for:
/// whether it answers, where the partitions end, which topics and partitions there are.
///
/// Think of a theatre: the understudies wait in the wings, one plays. The watch is the prompter.
package final class KafkaMembership: @unchecked Sendable {
    // @unchecked: `consumer` says which of its calls belong to one thread, everything else here is
    // atomic or behind a lock.

    /// Bounds of the waits.
    package struct Timing: Sendable {
        /// How often the broker is asked for the ends of partitions.
        package var endsInterval: Duration = .milliseconds(500)
        /// How often the broker is asked for topics and partitions.
        package var topicsInterval: Duration = .seconds(5)
        /// An answer older than this says nothing about now.
        package var answerAgeMax: Duration = .seconds(2)
        /// How long a journal may show less than the group has committed.
        package var pastPatience: Duration = .seconds(5)
        /// After the wish to stop, how long a broker that does not answer is waited for.
        package var stopPatience: Duration = .milliseconds(200)
        /// After the wish to stop, how long one that answers is waited for.
        package var stopLimit: Duration = .seconds(5)

        package init() {}
    }

    let consumer: KafkaConsumer
    let settings: KafkaSettings
    let topics: [String]
    let log: KafkaLog
    let timing: Timing
    /// Epochs of this term that egress has committed.
    let epochsCommitted = Atomic<UInt64>(0)
    /// How long commits took, over all terms.
    let commitTimes = Mutex(CommitTimes())
    /// How this instance is.
    package let health: Health
    private let known = Mutex(Known())
    private let stopAt = Atomic<Int64>(0)
    private let answeredAt = Atomic<Int64>(0)
    private let isClosed = Atomic<Bool>(false)
    private let watchSignal = Signal()
    private var watch: EngineThread?
    // Used by the thread that serves the group alone.
    private var batch = MessageBatch(capacity: 64)
    private var isSubscribed = false
    // Grows with each silence, so that a slow broker is not asked anew before it could answer.
    private var patience: Duration = .milliseconds(200)

    /// What the watch has found out, and what it shall look at.
    private struct Known {
        var partitionCounts: [String: Int] = [:]
        var partitions: [TopicPartition] = []
        var ends: [Int64] = []
        var endsAskedAt: Int64?
        var journal: TopicPartition?
        var journalEnd: Int64 = 0
    }

    /// Makes the client and starts the watch; nothing is waited for.
    package init(
        _ settings: KafkaSettings,
        topics: [String],
        timing: Timing = Timing(),
        health: Health = Health(),
        log: KafkaLog
    ) throws(KafkaError) {
        if topics.isEmpty {
            throw KafkaError(.configuration, "kafka: `kafka.input_topics` names no topic")
        }
        self.settings = settings
        self.topics = topics.sorted()
        self.timing = timing
        self.health = health
        self.log = log
        consumer = try KafkaConsumer(settings, log: log)
        for topic in topics { try consumer.keep(topic: topic) }
        let thread = EngineThread(name: "kafka-watch")
        watch = thread
        thread.start { [self] in KafkaWatch(self).run() }
    }

    /// Wishes to stop: every wait ends soon, the source ends behind the current epoch.
    ///
    /// Any thread.
    package func stop() {
        _ = stopAt.compareExchange(
            expected: 0,
            desired: max(1, collie_monotonic_milliseconds()),
            ordering: .acquiringAndReleasing
        )
        health.drain()
    }

    /// Whether a stop was wished for.
    package var isStopping: Bool { stopAt.load(ordering: .acquiring) != 0 }

    /// The term of leadership, or nil while standing by.
    package var term: UInt64? { consumer.term }

    /// How far going through the past has come.
    var recovery: RecoveryProgress { health.recovery }

    /// Leaves the group and ends the watch.
    ///
    /// By the thread that serves the group; nothing may be
    /// asked of the membership after it.
    package func close() {
        if isClosed.exchange(true, ordering: .acquiringAndReleasing) { return }
        batch = MessageBatch(capacity: 1)
        consumer.close(within: timing.stopLimit < .seconds(2) ? timing.stopLimit : .seconds(2))
        watchSignal.notify()
        watch?.join()
        // The thread's body holds this object.
        watch = nil
    }

    // MARK: Leadership

    /// Waits until this instance leads; false when a stop was wished for before.
    ///
    /// What an earlier term still reads is given back.
    package func waitForLeadership() throws(KafkaError) -> Bool {
        while !isStopping {
            if try standBy(wait: .milliseconds(50)) { return true }
        }
        return false
    }

    /// Stands by for a moment; whether this instance leads.
    ///
    /// Joins the group as soon as the broker knows the leader's topic.
    package func standBy(wait: Duration) throws(KafkaError) -> Bool {
        if let error = consumer.fatalError { throw error }
        if !isSubscribed, let count = partitionCount(of: settings.leaderTopic), count > 0 {
            if count != 1 {
                throw KafkaError(
                    .configuration,
                    """
                    kafka: topic \(settings.leaderTopic) has \(count) partitions; it must have \
                    one, for its holder leads
                    """
                )
            }
            try consumer.subscribe()
            isSubscribed = true
            log.line(.notice, "stands by in group \(settings.group)")
        }
        if term != nil {
            try consumer.unassign(consumer.assignment())
            return true
        }
        try serve(wait: wait)
        return false
    }

    /// Serves the group while something else is waited for.
    ///
    /// Not while a source reads.
    func serve(wait: Duration) throws(KafkaError) {
        batch.removeAll()
        try consumer.poll(&batch, limit: 64, wait: wait)
        for index in 0..<batch.count where !batch.isRecord(index) && !batch.isPartitionEnd(index) {
            let error = batch.error(index)
            if error.isFatal { throw error }
            log.line(.debug, error.description)
        }
        batch.removeAll()
    }

    /// Whether the broker is still worth waiting for in a term.
    func mayWait(term: UInt64) -> Bool {
        if consumer.term != term { return false }
        let begin = stopAt.load(ordering: .acquiring)
        if begin == 0 { return true }
        let now = collie_monotonic_milliseconds()
        if now - begin < timing.stopPatience.wholeMilliseconds { return true }
        return now - begin < timing.stopLimit.wholeMilliseconds && hasAnswered
    }

    /// Whether the broker has answered lately.
    package var hasAnswered: Bool {
        let time = answeredAt.load(ordering: .acquiring)
        return time != 0
            && collie_monotonic_milliseconds() - time <= timing.answerAgeMax.wholeMilliseconds
    }

    // MARK: Partitions

    /// How many partitions a topic has; nil until the broker has said so, 0 if it does not exist.
    package func partitionCount(of topic: String) -> Int? {
        known.withLock { $0.partitionCounts[topic] }
    }

    /// The partitions of this term, in the order of their numbers.
    package var partitions: [TopicPartition] { known.withLock { $0.partitions } }

    /// What the group has committed, nil where nothing was.
    ///
    /// Any thread.
    package func committedOffsets(_ partitions: [TopicPartition], within limit: Duration)
        throws(KafkaError) -> [Int64?]
    {
        try consumer.committed(partitions, within: limit)
    }

    /// Begins a term without partitions.
    func resetPartitions() {
        known.withLock {
            $0.partitions.removeAll()
            $0.ends.removeAll()
            $0.endsAskedAt = nil
        }
        epochsCommitted.store(0, ordering: .releasing)
    }

    /// Adds partitions behind those there are.
    func addPartitions(_ partitions: [TopicPartition]) {
        known.withLock { $0.partitions += partitions }
    }

    /// Partitions of the input topics that exist, in order; nil until the broker has told of each
    /// topic.
    var inputPartitions: [TopicPartition]? {
        known.withLock { known in
            var found: [TopicPartition] = []
            for topic in topics {
                guard let count = known.partitionCounts[topic] else { return nil }
                found += (0..<count).map { TopicPartition(topic, Int32($0)) }
            }
            return found
        }
    }

    /// Those of them that are not in use yet.
    func newPartitions() -> [TopicPartition] {
        let used = Set(partitions)
        return (inputPartitions ?? []).filter { !used.contains($0) }
    }

    /// What the group has committed, nil where nothing was; nil if the broker did not say it now and
    /// is to be asked again.
    ///
    /// By the thread that serves the group.
    func askForCommitted(_ partitions: [TopicPartition]) throws(KafkaError) -> [Int64?]? {
        do throws(KafkaError) {
            return try consumer.committed(partitions, within: patience)
        } catch {
            patience = min(patience * 2, .milliseconds(1_600))
            guard error.isRetriable || error.kind == .leadershipLost || error.kind == .other else {
                throw error
            }
            log.line(.debug, error.description)
            return nil
        }
    }

    /// The ends of the partitions if the broker has said them lately, else nothing.
    func freshEnds() -> [Int64] {
        known.withLock { known in
            guard let askedAt = known.endsAskedAt,
                collie_monotonic_milliseconds() - askedAt <= timing.answerAgeMax.wholeMilliseconds
            else { return [] }
            return known.ends
        }
    }

    /// An offset at which the journal ended a moment ago; 0 before the broker has said it.
    var journalEnd: Int64 { known.withLock { $0.journalEnd } }

    /// The journal, whose end the watch looks at; set before this instance leads.
    var journal: TopicPartition? {
        get { known.withLock { $0.journal } }
        set { known.withLock { $0.journal = newValue } }
    }

    /// The refusal to start without the past, with what shows that it is missing.
    func lacksPast(_ evidence: String) -> KafkaError {
        .lacksPast(of: journal?.topic ?? "", evidence)
    }

    // MARK: For the watch

    func note(journalEnd end: Int64) { known.withLock { $0.journalEnd = end } }

    var isWatched: Bool { !isClosed.load(ordering: .acquiring) }

    func pauseWatch(atMost time: Duration) {
        watchSignal.wait(atMost: time) { [self] in !isWatched }
    }

    func noteAnswer(askedAt: Int64) { answeredAt.store(askedAt, ordering: .releasing) }

    func note(partitionCount count: Int, of topic: String) {
        known.withLock { $0.partitionCounts[topic] = count }
    }

    func note(ends: [Int64], of partitions: [TopicPartition], askedAt: Int64) {
        known.withLock {
            // An answer to what was asked in another term says nothing.
            guard $0.partitions.starts(with: partitions) else { return }
            $0.ends = ends
            $0.endsAskedAt = askedAt
        }
    }
}

extension Duration {
    /// Whole milliseconds.
    var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
