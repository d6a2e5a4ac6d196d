import CLibrdkafka

/// A partition of a topic.
package struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The topic's name.
    package var topic: String
    /// The partition's number in it.
    package var partition: Int32

    package init(_ topic: String, _ partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    package var description: String { "\(topic)[\(partition)]" }

    package static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }
}

/// Where a partition's reading begins.
package enum StartOffset: Sendable, Equatable {
    /// The oldest record there is.
    case beginning
    /// What comes next.
    case end
    /// This offset.
    case at(Int64)

    var raw: Int64 {
        switch self {
        case .beginning: Int64(RD_KAFKA_OFFSET_BEGINNING)
        case .end: Int64(RD_KAFKA_OFFSET_END)
        case .at(let offset): offset
        }
    }
}

/// Partitions with an offset each, as librdkafka takes them.
@safe
package struct OffsetList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    /// An empty list.
    package init(room: Int = 8) {
        // Owned by this value; destroyed in deinit.
        unsafe pointer = rd_kafka_topic_partition_list_new(Int32(clamping: room))
    }

    /// Takes over a list the library has made.
    init(owning pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) {
        unsafe self.pointer = unsafe pointer
    }

    deinit { unsafe rd_kafka_topic_partition_list_destroy(pointer) }

    /// How many partitions there are.
    package var count: Int { unsafe Int(pointer.pointee.cnt) }

    /// Adds a partition.
    package mutating func append(_ partition: TopicPartition, offset: Int64) {
        unsafe rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition)
            .pointee.offset = offset
    }

    /// The partition at an index.
    package func partition(_ index: Int) -> TopicPartition {
        precondition(index >= 0 && index < count)
        // In bounds, and the name is zero-terminated.
        let element = unsafe pointer.pointee.elems[index]
        return unsafe TopicPartition(String(cString: element.topic), element.partition)
    }

    /// The offset at an index.
    package func offset(_ index: Int) -> Int64 {
        precondition(index >= 0 && index < count)
        return unsafe pointer.pointee.elems[index].offset
    }

    /// The error at an index.
    func code(_ index: Int) -> rd_kafka_resp_err_t {
        precondition(index >= 0 && index < count)
        return unsafe pointer.pointee.elems[index].err
    }

    /// Throws the first error of a partition.
    func check(_ action: String) throws(KafkaError) {
        for index in 0..<count where code(index) != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError(code(index), "\(action) \(partition(index))")
        }
    }
}
