import CLibrdkafka
import Synchronization

/// Owns a client of librdkafka and what its callbacks write to.
///
/// Whatever was made of the client (queues, topics, batches) must be gone before this is.
@safe
struct ClientHandle: ~Copyable {
    /// The client; valid as long as this value lives.
    let pointer: OpaquePointer
    /// What the callbacks write to.
    let context: ClientContext

    init(_ pointer: OpaquePointer, _ context: ClientContext) {
        unsafe self.pointer = unsafe pointer
        self.context = context
    }

    deinit {
        if mustNotBeDestroyed {
            // Its threads may still tell the context of something.
            _ = unsafe Unmanaged.passRetained(context)
            return
        }
        // Without closing the group, which could wait for ever on a lost broker; who wants to
        // leave politely does so before, with a deadline. A client that did not manage to leave may
        // wait for ever even so (librdkafka 2.0 does, if it met a rebalance as it closed).
        let doomed = unsafe Doomed(pointer: pointer, context: context)
        let isGone = callBounded("kafka-end", within: ClientHandle.patience) { doomed.destroy() }
        if !isGone {
            context.log.line(.warning, "kafka: a client does not end, and is left to itself")
        }
    }

    /// How long the end of a client is waited for.
    private static var patience: Duration { .seconds(5) }

    /// A client that nobody uses any more, and what its callbacks write to until it is gone.
    @safe
    private struct Doomed: @unchecked Sendable {
        // @unchecked: handed to the one thread that destroys it.
        let pointer: OpaquePointer
        let context: ClientContext

        init(pointer: OpaquePointer, context: ClientContext) {
            unsafe self.pointer = unsafe pointer
            self.context = context
        }

        func destroy() {
            unsafe rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            withExtendedLifetime(context) {}
        }
    }

    /// Whether destroying it would abort the process.
    ///
    /// So does librdkafka before 2.3.0 with a consumer that left its group between being chosen to
    /// assign partitions and doing so, which from outside nobody can tell. A closed client does
    /// nothing any more, and there is one that was in a group for the life of the process.
    private var mustNotBeDestroyed: Bool {
        guard rd_kafka_version() < 0x0203_00ff, context.wasInGroup.load(ordering: .acquiring)
        else { return false }
        return unsafe rd_kafka_consumer_closed(pointer) != 0
    }

    /// The error that ended the client, or nil.
    var fatalError: KafkaError? {
        let room = 512
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) {
            unsafe $0.initialize(repeating: 0)
            let code = unsafe rd_kafka_fatal_error(pointer, $0.baseAddress, room)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return nil }
            let error = KafkaError(code, "kafka")
            return KafkaError(
                error.kind == .fenced ? .fenced : .restartRequired,
                unsafe "kafka: \(String(cString: $0.baseAddress!))"
            )
        }
    }
}
