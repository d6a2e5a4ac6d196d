import CLibrdkafka

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
        // Without closing the group, which could wait for ever on a lost broker; who wants to
        // leave politely does so before, with a deadline.
        unsafe rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
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
