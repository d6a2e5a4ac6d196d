import CLibrdkafka
import Synchronization

/// What librdkafka's callbacks write to.
///
/// Callbacks come on the thread that polls the client, but for log lines, which come on any of the
/// library's threads; so every field is atomic or behind a lock.
final class ClientContext: Sendable {
    let log: KafkaLog
    /// The topic whose single partition makes its holder the leader.
    let leaderTopic: String
    /// The term of leadership this instance is in; 0 while it does not lead.
    let term = Atomic<UInt64>(0)
    /// Terms so far.
    let terms = Atomic<UInt64>(0)
    /// Whether the group has given the client its place, be it without a partition.
    let isInGroup = Atomic<Bool>(false)
    /// Whether the client has ever joined the group.
    let wasInGroup = Atomic<Bool>(false)
    /// Records the broker has confirmed.
    let delivered = Atomic<Int>(0)
    /// Records that could not be delivered.
    let undelivered = Atomic<Int>(0)
    /// The first record's error since it was last taken.
    let deliveryFailure = Mutex<KafkaError?>(nil)
    /// Why the broker could not be reached, as last told.
    let lastTrouble = Mutex<KafkaError?>(nil)

    init(_ log: KafkaLog, leaderTopic: String = "") {
        self.log = log
        self.leaderTopic = leaderTopic
    }

    /// The context of a client, which keeps it alive.
    @inline(always)
    static func of(_ opaque: UnsafeMutableRawPointer) -> Unmanaged<ClientContext> {
        unsafe Unmanaged<ClientContext>.fromOpaque(opaque)
    }
}

/// A log line; called on any of the library's threads.
func onLog(
    _ client: OpaquePointer?,
    _ level: Int32,
    _ facility: UnsafePointer<CChar>?,
    _ text: UnsafePointer<CChar>?
) {
    // A line may come while the client is made, before it knows its context.
    guard let client = unsafe client, let opaque = unsafe rd_kafka_opaque(client),
        let facility = unsafe facility, let text = unsafe text
    else { return }
    let context = unsafe ClientContext.of(opaque).takeUnretainedValue()
    let level: KafkaLogLevel = level <= 4 ? .warning : level <= 5 ? .notice : .debug
    // Zero-terminated by the library, and copied here.
    let kind = unsafe String(cString: facility)
    let line = unsafe String(cString: text)
    // Settings that both clients share are for one of them; that is meant so.
    if kind == "CONFWARN", line.contains("and will be ignored by this") { return }
    context.log.libraryLine(level, kind: kind, line)
}

/// Trouble with brokers; called on the thread that polls the client.
func onError(
    _ client: OpaquePointer?,
    _ code: Int32,
    _ reason: UnsafePointer<CChar>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let opaque = unsafe opaque else { return }
    let context = unsafe ClientContext.of(opaque).takeUnretainedValue()
    let code = rd_kafka_resp_err_t(rawValue: code)
    // That all brokers are down is known from what was told of each.
    if code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN { return }
    let detail = unsafe reason.map { unsafe String(cString: $0) } ?? "no reason given"
    context.lastTrouble.withLock { $0 = KafkaError(code, "kafka", detail: detail) }
}

/// A delivery report; called on the thread that polls the producer.
func onDelivery(
    _ client: OpaquePointer?,
    _ message: UnsafePointer<rd_kafka_message_t>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let message = unsafe message, let opaque = unsafe opaque else { return }
    // Once a record: no reference is counted. The client's handle keeps the context.
    unsafe ClientContext.of(opaque)._withUnsafeGuaranteedRef { context in
        let code = unsafe message.pointee.err
        if code == RD_KAFKA_RESP_ERR_NO_ERROR {
            context.delivered.add(1, ordering: .relaxed)
            return
        }
        context.undelivered.add(1, ordering: .relaxed)
        let topic = unsafe String(cString: rd_kafka_topic_name(message.pointee.rkt))
        context.deliveryFailure.withLock {
            if $0 == nil { $0 = KafkaError(code, "kafka: cannot write to \(topic)") }
        }
    }
}

/// A change of the group; called on the thread that polls the consumer.
///
/// Only the leader's partition is ever handed out by the group. Who gets it leads; the partitions
/// of the events are then assigned by the leader itself, outside of this callback, since it must
/// first have fenced the one before.
func onRebalance(
    _ client: OpaquePointer?,
    _ code: rd_kafka_resp_err_t,
    _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
    _ opaque: UnsafeMutableRawPointer?
) {
    guard let client = unsafe client, let partitions = unsafe partitions,
        let opaque = unsafe opaque
    else { return }
    let context = unsafe ClientContext.of(opaque).takeUnretainedValue()
    switch code {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        let count = unsafe Int(partitions.pointee.cnt)
        // Nobody reads that topic; its end has no records that would have to be passed over.
        for index in 0..<count {
            unsafe partitions.pointee.elems[index].offset = Int64(RD_KAFKA_OFFSET_END)
        }
        let error = unsafe rd_kafka_incremental_assign(client, partitions)
        if let error = unsafe error {
            let error = unsafe KafkaError(consuming: error, "kafka: cannot take the leadership")
            context.log.line(.error, error.description)
            return
        }
        context.isInGroup.store(true, ordering: .releasing)
        if count > 0 {
            let term = context.terms.add(1, ordering: .relaxed).newValue
            context.term.store(term, ordering: .releasing)
            context.log.line(.notice, "this instance leads now")
        }
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        let isLost = unsafe rd_kafka_assignment_lost(client) != 0
        if isLost { context.isInGroup.store(false, ordering: .releasing) }
        let hadLed = context.term.exchange(0, ordering: .acquiringAndReleasing) != 0
        unsafe releaseAssignment(client, context)
        if hadLed {
            context.log.line(
                isLost ? .warning : .notice,
                isLost
                    ? "the leadership was lost: the group heard nothing of this instance in time"
                    : "this instance gives the leadership back"
            )
        }
    default:
        context.isInGroup.store(false, ordering: .releasing)
        context.term.store(0, ordering: .releasing)
        // Nothing may stay assigned that the group does not know of.
        unsafe releaseAssignment(client, context)
        context.log.line(.warning, KafkaError(code, "kafka: trouble in the group").description)
    }
}

/// Gives back everything that is assigned, the leader's partition and those of the events.
func releaseAssignment(_ client: OpaquePointer, _ context: ClientContext) {
    var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
    // The library makes the list; it is destroyed below.
    let code = unsafe rd_kafka_assignment(client, &list)
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let list = unsafe list else { return }
    // A group that does not rebalance step by step takes its assignment back as a whole only.
    let isCooperative = unsafe rd_kafka_rebalance_protocol(client).map {
        unsafe String(cString: $0) == "COOPERATIVE"
    }
    if isCooperative == true {
        if let error = unsafe rd_kafka_incremental_unassign(client, list) {
            let error = unsafe KafkaError(consuming: error, "kafka: cannot give partitions back")
            context.log.line(.warning, error.description)
        }
    } else {
        _ = unsafe rd_kafka_assign(client, nil)
    }
    unsafe rd_kafka_topic_partition_list_destroy(list)
}

extension Mutex<KafkaError?> {
    /// Takes what is there and leaves nothing.
    func take() -> KafkaError? {
        withLock { error in
            let taken = error
            error = nil
            return taken
        }
    }
}
