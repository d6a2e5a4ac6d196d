import Encoding
import Foundation
package import Kafka

/// A record as a reader sees it.
package struct Seen: Equatable {
    package var key: String?
    package var value: String?
    package var headers: [String: String] = [:]
    package var partition: Int32 = 0
    package var offset: Int64 = 0

    /// A record as it is expected.
    package init(
        key: String?,
        value: String?,
        headers: [String: String] = [:],
        partition: Int32 = 0,
        offset: Int64 = 0
    ) {
        self.key = key
        self.value = value
        self.headers = headers
        self.partition = partition
        self.offset = offset
    }
}

extension RawSpan {
    fileprivate var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

extension MessageBatch {
    /// A record of the batch as a reader sees it.
    package func seen(_ index: Int) -> Seen {
        var record = Seen(
            key: hasKey(index) ? key(index).text : nil,
            value: hasValue(index) ? value(index).text : nil,
            partition: partition(index),
            offset: offset(index)
        )
        if hasHeaders(index) {
            var bytes = [UInt8](repeating: 0, count: packedHeadersLength(index))
            bytes.withUnsafeMutableBytes { packHeaders(index, into: $0) }
            record.headers = unpack(bytes)
        }
        return record
    }
}

/// Headers packed as they travel.
package func pack(_ headers: [(String, String)]) -> [UInt8] {
    var bytes: [UInt8] = []
    for (name, value) in headers {
        bytes += [UInt8(name.utf8.count & 255), UInt8(name.utf8.count >> 8)]
        bytes += Array(name.utf8)
        for shift in 0..<4 { bytes.append(UInt8(value.utf8.count >> (8 * shift) & 255)) }
        bytes += Array(value.utf8)
    }
    return bytes
}

/// The reverse of `pack`.
package func unpack(_ bytes: [UInt8]) -> [String: String] { PackedHeaders(bytes).values }

/// Reads a topic from its beginning as a subscriber would.
package final class Reader {
    package let consumer: KafkaConsumer
    package private(set) var seen: [Seen] = []
    package private(set) var ends = 0

    /// A reader that is in no group.
    package init(_ settings: KafkaSettings, _ topic: String, partitions: Int, log: KafkaLog) throws
    {
        var settings = settings
        settings.group = unique("reader")
        settings.instance = nil
        consumer = try KafkaConsumer(settings, log: log)
        try consumer.assign(
            (0..<partitions).map { (TopicPartition(topic, Int32($0)), .beginning) }
        )
    }

    /// Takes what is there, or what comes within the time.
    package func poll(_ wait: Duration = .milliseconds(20)) throws {
        var batch = MessageBatch(capacity: 1_024)
        try consumer.poll(&batch, wait: wait)
        for index in 0..<batch.count {
            if batch.isPartitionEnd(index) {
                ends += 1
                continue
            }
            if !batch.isRecord(index) { continue }
            seen.append(batch.seen(index))
        }
    }

    /// Waits until so many records were seen.
    package func wait(for count: Int, within limit: Duration = .seconds(20)) throws {
        do {
            try until("\(count) records", within: limit) {
                try poll()
                return seen.count >= count
            }
        } catch let error as TooLate {
            throw TooLate(description: "\(error.description), \(seen.count) are there")
        }
    }
}

/// Writes records as a shop would.
package func write(
    _ values: [String],
    to topic: String,
    _ settings: KafkaSettings,
    partition: Int32? = nil,
    headers: [(String, String)] = [],
    log: KafkaLog = .silent()
) throws {
    var settings = settings
    settings.transactionalID = nil
    var producer = try KafkaProducer(settings, log: log)
    let handle = try producer.open(topic: topic)
    let packed = pack(headers)
    for value in values {
        let bytes = Array(value.utf8)
        try producer.write(
            to: handle,
            key: bytes.span.bytes,
            hasKey: true,
            headers: packed.span.bytes,
            value: bytes.span.bytes,
            hasValue: true,
            partition: partition,
            mayWait: { true }
        )
    }
    let deadline = ContinuousClock.now + .seconds(20)
    try producer.flush { ContinuousClock.now < deadline }
}
