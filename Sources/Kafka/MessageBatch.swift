import CLibrdkafka

/// Records borrowed from librdkafka, whose memory they stay in until the batch lets them go.
///
/// Owned by the thread that consumes. Holding a record for long pins the whole answer of the
/// broker it came in, so what is to be kept is copied and the batch emptied.
@safe
package struct MessageBatch: ~Copyable {
    private let messages: UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>
    /// Most records it takes.
    package let capacity: Int
    /// Records in it.
    package private(set) var count = 0
    // Whose records they are; a client that ended before its records would wait for them for ever.
    private var owner: KafkaConsumer?

    /// An empty batch.
    package init(capacity: Int = 1_024) {
        precondition(capacity > 0)
        self.capacity = capacity
        // Owned by this value; deallocated in deinit.
        unsafe messages = .allocate(capacity: capacity)
        unsafe messages.initialize(repeating: nil, count: capacity)
    }

    deinit {
        for index in 0..<count { unsafe rd_kafka_message_destroy(messages[index]) }
        unsafe messages.deallocate()
    }

    /// Gives all records back.
    package mutating func removeAll() {
        for index in 0..<count { unsafe rd_kafka_message_destroy(messages[index]) }
        count = 0
    }

    /// Adds what the queue holds, at most `limit` records; waits until there are so many or the
    /// time is up.
    mutating func fill(
        from queue: OpaquePointer,
        of owner: KafkaConsumer,
        limit: Int,
        milliseconds: Int32
    ) throws(KafkaError) {
        let room = min(limit, capacity - count)
        if room <= 0 { return }
        if self.owner !== owner { self.owner = owner }
        // Room for that many pointers was just checked.
        let taken = unsafe rd_kafka_consume_batch_queue(
            queue,
            milliseconds,
            messages + count,
            room
        )
        if taken < 0 { throw KafkaError(rd_kafka_last_error(), "kafka: cannot read") }
        count += taken
    }

    private func message(_ index: Int) -> UnsafeMutablePointer<rd_kafka_message_t> {
        precondition(index >= 0 && index < count, "a record of the batch")
        // Filled by the library below `count`.
        return unsafe messages[index]!
    }

    /// librdkafka's error code instead of a record; 0 for a record.
    package func code(_ index: Int) -> Int32 { unsafe message(index).pointee.err.rawValue }

    /// Whether this is a record.
    package func isRecord(_ index: Int) -> Bool {
        unsafe message(index).pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// Whether this says that a partition has been read to its end.
    package func isPartitionEnd(_ index: Int) -> Bool {
        unsafe message(index).pointee.err == RD_KAFKA_RESP_ERR__PARTITION_EOF
    }

    /// The error instead of a record.
    package func error(_ index: Int) -> KafkaError {
        let message = unsafe message(index)
        let topic = topicName(index)
        let detail = unsafe rd_kafka_message_errstr(message).map { unsafe String(cString: $0) }
        return unsafe KafkaError(
            message.pointee.err,
            "kafka: \(topic)[\(message.pointee.partition)]",
            detail: detail
        )
    }

    /// The record's partition in its topic.
    package func partition(_ index: Int) -> Int32 { unsafe message(index).pointee.partition }

    /// The record's offset; of a partition's end, the offset that comes next.
    package func offset(_ index: Int) -> Int64 { unsafe message(index).pointee.offset }

    /// The record's time in milliseconds since 1970, or nil.
    package func timestamp(_ index: Int) -> Int64? {
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = unsafe rd_kafka_message_timestamp(message(index), &type)
        return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? nil : time
    }

    /// A number that is the same for all records of a topic, and cheap.
    package func topicIdentity(_ index: Int) -> UInt {
        unsafe UInt(bitPattern: message(index).pointee.rkt)
    }

    /// The topic's name.
    package func topicName(_ index: Int) -> String {
        guard let topic = unsafe message(index).pointee.rkt else { return "" }
        return unsafe String(cString: rd_kafka_topic_name(topic))
    }

    /// Whether there is a value at all; an empty one is one.
    package func hasValue(_ index: Int) -> Bool { unsafe message(index).pointee.payload != nil }

    /// Whether there is a key at all.
    package func hasKey(_ index: Int) -> Bool { unsafe message(index).pointee.key != nil }

    /// The value's bytes, lent until the batch changes.
    @_lifetime(borrow self)
    package func value(_ index: Int) -> RawSpan {
        let message = unsafe message(index)
        // The library keeps the bytes until the message is destroyed, which borrows `self` to end.
        let bytes = unsafe UnsafeRawBufferPointer(
            start: message.pointee.payload,
            count: message.pointee.payload == nil ? 0 : message.pointee.len
        )
        return unsafe _overrideLifetime(bytes.bytes, borrowing: self)
    }

    /// The key's bytes, lent until the batch changes.
    @_lifetime(borrow self)
    package func key(_ index: Int) -> RawSpan {
        let message = unsafe message(index)
        let bytes = unsafe UnsafeRawBufferPointer(
            start: message.pointee.key,
            count: message.pointee.key == nil ? 0 : message.pointee.key_len
        )
        return unsafe _overrideLifetime(bytes.bytes, borrowing: self)
    }

    /// Whether the record has headers; cheap if it has none, else they are parsed.
    package func hasHeaders(_ index: Int) -> Bool {
        var headers: OpaquePointer?
        return unsafe rd_kafka_message_headers(message(index), &headers)
            == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// Bytes the headers take when packed; see `PackedHeaders`.
    package func packedHeadersLength(_ index: Int) -> Int {
        var length = 0
        unsafe PackedHeaders.each(of: message(index)) { name, value in
            length += 2 + name.count + 4 + value.count
        }
        return length
    }

    /// Packs the headers into memory that has room for them; see `PackedHeaders`.
    package func packHeaders(_ index: Int, into target: UnsafeMutableRawBufferPointer) {
        var offset = 0
        unsafe PackedHeaders.each(of: message(index)) { name, value in
            // The slices trap where the room was measured wrongly.
            unsafe target.storeBytes(
                of: UInt16(truncatingIfNeeded: name.count).littleEndian,
                toByteOffset: offset,
                as: UInt16.self
            )
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[(offset + 2)...])
                .copyMemory(from: name)
            offset += 2 + name.count
            unsafe target.storeBytes(
                of: UInt32(truncatingIfNeeded: value.count).littleEndian,
                toByteOffset: offset,
                as: UInt32.self
            )
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[(offset + 4)...])
                .copyMemory(from: value)
            offset += 4 + value.count
        }
    }
}
