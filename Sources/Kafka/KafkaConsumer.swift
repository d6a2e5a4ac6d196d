import CLibrdkafka
import CPlatform
import Synchronization

/// This instance's place in the consumer group, and the records it reads while it leads.
///
/// The group hands out one partition only, that of the leader's topic. Its holder leads and assigns
/// itself the partitions of the events; everybody else stands by. A term counts each time the
/// leadership was gained, so that what was begun in one term is never ended in another.
///
/// One thread at a time reads, assigns and serves the group (`poll`, `assign`, `unassign`,
/// `subscribe`, `close`): batches and changes of the assignment at the same time lose records in
/// librdkafka 2.0. What is marked *any thread* may be called beside that: librdkafka hands it to
/// its own thread and waits for the answer.
@safe
package final class KafkaConsumer: @unchecked Sendable {
    // @unchecked: the client's functions are thread-safe; those that are not to be called at the
    // same time say so above.

    private let client: ClientHandle
    private let leaderTopic: String
    private var queue: OpaquePointer?
    private var isClosed = false
    private let commitQueue: CommitQueue
    // Handles of the topics read, so that a topic's identity stays the same.
    private var topics: [OpaquePointer] = unsafe []

    /// The one commit that is under way, and where its answer comes.
    @safe
    private final class CommitQueue: @unchecked Sendable {
        // @unchecked: used by the thread that commits alone.
        var queue: OpaquePointer?
        var isUnderWay = false
    }

    /// Makes the client; nothing is read and no group joined yet.
    package init(_ settings: KafkaSettings, log: KafkaLog) throws(KafkaError) {
        let configuration = try KafkaConfiguration(settings)
        // A second of a fast topic: a full queue makes librdkafka before 2.2 pause for a second.
        try configuration.set("queued.min.messages", "1000000")
        try configuration.set("queued.max.messages.kbytes", "262144")
        try configuration.set("fetch.max.bytes", "67108864")
        try configuration.set("fetch.message.max.bytes", "8388608")
        try configuration.set("fetch.wait.max.ms", "20")
        try configuration.set("fetch.error.backoff.ms", "100")
        try configuration.set("heartbeat.interval.ms", "1000")
        try configuration.set("max.poll.interval.ms", "60000")
        try configuration.set(passedThrough: settings.properties)
        try configuration.set(passedThrough: settings.consumerProperties)
        try configuration.set("group.id", settings.group)
        if let instance = settings.instance {
            try configuration.set("group.instance.id", instance)
        }
        try configuration.set("session.timeout.ms", "\(settings.sessionTimeout.milliseconds)")
        try configuration.set("partition.assignment.strategy", "cooperative-sticky")
        try configuration.set("enable.auto.commit", "false")
        try configuration.set("enable.auto.offset.store", "false")
        try configuration.set("enable.partition.eof", "true")
        try configuration.set(
            "isolation.level",
            settings.readsUncommitted ? "read_uncommitted" : "read_committed"
        )
        try configuration.set("allow.auto.create.topics", "false")
        try configuration.set("auto.offset.reset", settings.acceptsLoss ? "earliest" : "error")
        let context = ClientContext(log, leaderTopic: settings.leaderTopic)
        configuration.observe(context)
        configuration.observeRebalance()
        leaderTopic = settings.leaderTopic
        client = try configuration.client(RD_KAFKA_CONSUMER, context)
        commitQueue = CommitQueue()
        // Errors and log lines come with the records: one queue, one thread.
        unsafe rd_kafka_poll_set_consumer(client.pointer)
        unsafe queue = rd_kafka_queue_get_consumer(client.pointer)
        unsafe commitQueue.queue = rd_kafka_queue_new(client.pointer)
    }

    deinit {
        // With partitions still assigned, librdkafka before 2.6.1 waits for ever on the fetched.
        if !isClosed { close(within: .seconds(1)) }
        // Before the client, which is destroyed after this body.
        for index in 0..<(unsafe topics.count) { unsafe rd_kafka_topic_destroy(topics[index]) }
        if let queue = unsafe queue { unsafe rd_kafka_queue_destroy(queue) }
        if let queue = unsafe commitQueue.queue { unsafe rd_kafka_queue_destroy(queue) }
    }

    // MARK: Leadership

    /// The term of leadership this instance is in, or nil while it stands by.
    ///
    /// *Any thread.*
    package var term: UInt64? {
        let term = client.context.term.load(ordering: .acquiring)
        return term == 0 ? nil : term
    }

    /// Whether the group has given this instance its place, be it that of a standby.
    ///
    /// *Any thread.*
    package var isInGroup: Bool { client.context.isInGroup.load(ordering: .acquiring) }

    /// Throws unless the term still lasts.
    ///
    /// *Any thread.*
    package func check(term: UInt64) throws(KafkaError) {
        if self.term != term {
            throw KafkaError(.leadershipLost, "kafka: this instance does not lead any more")
        }
        if let error = client.fatalError { throw error }
    }

    /// The error that ended the client, or nil.
    ///
    /// *Any thread.*
    package var fatalError: KafkaError? { client.fatalError }

    /// Joins the group; its leader's topic must exist.
    package func subscribe() throws(KafkaError) {
        var list = OffsetList(room: 1)
        list.append(TopicPartition(leaderTopic, -1), offset: Int64(RD_KAFKA_OFFSET_INVALID))
        client.context.wasInGroup.store(true, ordering: .releasing)
        try KafkaError.check(
            unsafe rd_kafka_subscribe(client.pointer, list.pointer),
            "kafka: cannot join the group"
        )
    }

    /// Leaves the group, at most for that long; nothing may be called after it.
    package func close(within limit: Duration) {
        isClosed = true
        client.context.term.store(0, ordering: .releasing)
        guard let queue = unsafe queue else { return }
        do throws(KafkaError) { try unassign(assignment()) } catch {
            client.context.log.line(.debug, error.description)
        }
        let deadline = collie_monotonic_milliseconds() + limit.milliseconds
        // A rebalance that waits to be answered is answered before: of an answer that meets the end
        // of the group librdkafka 2.0.2 forgets that somebody waits for it.
        unsafe serveAll(queue, until: deadline)
        // Answers come on our own queue, so that the wait has an end.
        if let error = unsafe rd_kafka_consumer_close_queue(client.pointer, queue) {
            unsafe rd_kafka_error_destroy(error)
            return
        }
        while unsafe rd_kafka_consumer_closed(client.pointer) == 0,
            collie_monotonic_milliseconds() < deadline
        {
            if let event = unsafe rd_kafka_queue_poll(queue, 20) { unsafe serve(event) }
        }
        // What was fetched and not read would keep the client from ending.
        unsafe serveAll(queue, until: deadline)
    }

    /// Serves what is there.
    private func serveAll(_ queue: OpaquePointer, until deadline: Int64) {
        while collie_monotonic_milliseconds() < deadline,
            let event = unsafe rd_kafka_queue_poll(queue, 0)
        {
            unsafe serve(event)
        }
    }

    /// Rebalances come as events on a queue that is polled for events.
    private func serve(_ event: OpaquePointer) {
        if unsafe rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE {
            unsafe releaseAssignment(client.pointer, client.context)
        }
        unsafe rd_kafka_event_destroy(event)
    }

    // MARK: Reading

    /// Serves the group, and adds records to the batch: what is there, or else the first that
    /// comes within the time.
    package func poll(
        _ batch: inout MessageBatch,
        limit: Int = .max,
        wait: Duration
    ) throws(KafkaError) {
        guard let queue = unsafe queue else { return }
        let before = batch.count
        unsafe try batch.fill(from: queue, of: self, limit: limit, milliseconds: 0)
        if batch.count > before || wait <= .zero { return }
        // librdkafka waits for as many as are asked for, so one is asked for.
        unsafe try batch.fill(
            from: queue,
            of: self,
            limit: min(limit, 1),
            milliseconds: Int32(clamping: max(1, wait.milliseconds))
        )
        if batch.count > before, limit > 1 {
            unsafe try batch.fill(from: queue, of: self, limit: limit - 1, milliseconds: 0)
        }
    }

    /// Begins to read partitions, each at its offset.
    package func assign(_ starts: [(partition: TopicPartition, offset: StartOffset)])
        throws(KafkaError)
    {
        if starts.isEmpty { return }
        var list = OffsetList(room: starts.count)
        for start in starts { list.append(start.partition, offset: start.offset.raw) }
        unsafe try KafkaError.check(
            unsafe rd_kafka_incremental_assign(client.pointer, list.pointer),
            "kafka: cannot begin to read"
        )
    }

    /// Ends reading partitions; what is queued of them is dropped.
    ///
    /// Pausing is done so too: librdkafka before 2.1 skips records when a partition is resumed.
    package func unassign(_ partitions: [TopicPartition]) throws(KafkaError) {
        let assigned = Set(assignment())
        let held = partitions.filter { assigned.contains($0) }
        if held.isEmpty { return }
        var list = OffsetList(room: held.count)
        for partition in held {
            list.append(partition, offset: Int64(RD_KAFKA_OFFSET_INVALID))
        }
        unsafe try KafkaError.check(
            unsafe rd_kafka_incremental_unassign(client.pointer, list.pointer),
            "kafka: cannot stop reading"
        )
    }

    /// What is assigned but for the leader's partition.
    ///
    /// *Any thread.*
    package func assignment() -> [TopicPartition] {
        var made: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        // The library makes the list; its owner destroys it.
        guard
            unsafe rd_kafka_assignment(client.pointer, &made) == RD_KAFKA_RESP_ERR_NO_ERROR,
            let made = unsafe made
        else { return [] }
        let list = unsafe OffsetList(owning: made)
        return (0..<list.count).map { list.partition($0) }.filter { $0.topic != leaderTopic }
    }

    // MARK: Questions to the broker

    /// Keeps a topic's identity in batches the same from now on.
    package func keep(topic: String) throws(KafkaError) {
        guard let handle = unsafe rd_kafka_topic_new(client.pointer, topic, nil) else {
            throw KafkaError(rd_kafka_last_error(), "kafka: topic \(topic)")
        }
        unsafe topics.append(handle)
    }

    /// How many partitions a topic has, 0 if it does not exist; at most that long.
    ///
    /// *Any thread.*
    package func partitionCount(of topic: String, within limit: Duration) throws(KafkaError) -> Int
    {
        try client.partitionCount(of: topic, within: limit)
    }

    /// The offset behind the last record of each partition; at most that long.
    ///
    /// *Any thread.*
    package func ends(of partitions: [TopicPartition], within limit: Duration)
        throws(KafkaError) -> [Int64]
    {
        // As a time, -1 asks for the end.
        try lookUp(partitions, at: -1, limit, "the ends of partitions", "the end")
    }

    /// The first offset of each partition whose record came at a time or later; nil is none.
    ///
    /// Waits at most that long; the time is in milliseconds since 1970.
    package func offsets(
        of partitions: [TopicPartition],
        at time: Int64,
        within limit: Duration
    ) throws(KafkaError) -> [Int64?] {
        try lookUp(
            partitions,
            at: max(0, time),
            limit,
            "the offsets of a time",
            "the offset of a time"
        ).map { $0 >= 0 ? $0 : nil }
    }

    private func lookUp(
        _ partitions: [TopicPartition],
        at time: Int64,
        _ limit: Duration,
        _ all: String,
        _ one: String
    ) throws(KafkaError) -> [Int64] {
        var list = OffsetList(room: partitions.count)
        for partition in partitions { list.append(partition, offset: time) }
        try KafkaError.check(
            unsafe rd_kafka_offsets_for_times(
                client.pointer,
                list.pointer,
                Int32(clamping: limit.milliseconds)
            ),
            "kafka: cannot ask for \(all)"
        )
        try list.check("kafka: cannot ask for \(one) of")
        return (0..<list.count).map { list.offset($0) }
    }

    /// What the group has committed of each partition, nil where nothing was; at most that long.
    ///
    /// Offsets of a transaction that is still open are waited for.
    package func committed(_ partitions: [TopicPartition], within limit: Duration)
        throws(KafkaError) -> [Int64?]
    {
        var list = OffsetList(room: partitions.count)
        for partition in partitions {
            list.append(partition, offset: Int64(RD_KAFKA_OFFSET_INVALID))
        }
        try KafkaError.check(
            unsafe rd_kafka_committed(
                client.pointer,
                list.pointer,
                Int32(clamping: limit.milliseconds)
            ),
            "kafka: cannot ask for committed offsets"
        )
        try list.check("kafka: cannot ask for the committed offset of")
        return (0..<list.count).map { list.offset($0) >= 0 ? list.offset($0) : nil }
    }

    /// What a transaction needs to commit offsets as this member of the group, as of now.
    ///
    /// *Any thread.*
    package func groupMetadata() throws(KafkaError) -> GroupMetadata {
        guard let pointer = unsafe rd_kafka_consumer_group_metadata(client.pointer) else {
            throw KafkaError(.leadershipLost, "kafka: this instance is in no group")
        }
        return unsafe GroupMetadata(owning: pointer)
    }

    /// Why the broker could not be reached, as last told; forgotten once read.
    ///
    /// *Any thread.*
    package func takeTrouble() -> KafkaError? {
        client.context.lastTrouble.take()
    }

    // MARK: Committing

    /// Commits offsets as this member of the group; waits for the answer at most that long.
    ///
    /// By one thread alone, which may be another one than reads. False when there was no answer in
    /// time; the answer is then taken at the next commit. A commit that the group meets while it
    /// rebalances costs the leadership (librdkafka before 2.10), so it should not be done for
    /// each small step.
    package func commit(_ offsets: borrowing OffsetList, within limit: Duration)
        throws(KafkaError) -> Bool
    {
        guard let answers = unsafe commitQueue.queue else { return false }
        if commitQueue.isUnderWay, unsafe try !commitAnswered(answers, limit) { return false }
        try KafkaError.check(
            unsafe rd_kafka_commit_queue(client.pointer, offsets.pointer, answers, nil, nil),
            "kafka: cannot commit offsets"
        )
        commitQueue.isUnderWay = true
        return unsafe try commitAnswered(answers, limit)
    }

    private func commitAnswered(_ answers: OpaquePointer, _ limit: Duration)
        throws(KafkaError) -> Bool
    {
        // The event is ours once polled.
        guard
            let event = unsafe rd_kafka_queue_poll(answers, Int32(clamping: limit.milliseconds))
        else { return false }
        let code = unsafe rd_kafka_event_error(event)
        unsafe rd_kafka_event_destroy(event)
        commitQueue.isUnderWay = false
        // Nothing to commit is no trouble.
        if code == RD_KAFKA_RESP_ERR__NO_OFFSET { return true }
        try KafkaError.check(code, "kafka: cannot commit offsets")
        return true
    }
}

/// Who this instance is in the group, for a transaction that commits its offsets.
@safe
package struct GroupMetadata: ~Copyable {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { unsafe self.pointer = unsafe pointer }

    deinit { unsafe rd_kafka_consumer_group_metadata_destroy(pointer) }
}

extension ClientHandle {
    /// How many partitions a topic has, 0 if it does not exist.
    func partitionCount(of topic: String, within limit: Duration) throws(KafkaError) -> Int {
        guard let handle = unsafe rd_kafka_topic_new(pointer, topic, nil) else {
            throw KafkaError(rd_kafka_last_error(), "kafka: topic \(topic)")
        }
        // The handle and the answer are ours until destroyed here.
        defer { unsafe rd_kafka_topic_destroy(handle) }
        var made: UnsafePointer<rd_kafka_metadata>?
        try KafkaError.check(
            unsafe rd_kafka_metadata(
                pointer,
                0,
                handle,
                &made,
                Int32(clamping: limit.milliseconds)
            ),
            "kafka: cannot ask for topic \(topic)"
        )
        guard let metadata = unsafe made else { return 0 }
        defer { unsafe rd_kafka_metadata_destroy(metadata) }
        guard unsafe metadata.pointee.topic_cnt > 0 else { return 0 }
        let found = unsafe metadata.pointee.topics[0]
        switch unsafe found.err {
        case RD_KAFKA_RESP_ERR_NO_ERROR: return unsafe Int(found.partition_cnt)
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return 0
        case let code: throw KafkaError(code, "kafka: topic \(topic)")
        }
    }
}
