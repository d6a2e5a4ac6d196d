import CPlatform
import Encoding
import Engine
import Events
import Foundation
import Kafka
import Memory
import Synchronization
import Testing

/// Log lines, kept for looking at.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])

    var log: KafkaLog {
        KafkaLog { [self] level, text in
            if ProcessInfo.processInfo.environment["COLLIE_TEST_LOG"] != nil {
                FileHandle.standardError.write(
                    Data("[\(level)] \(collie_monotonic_milliseconds() % 1_000_000) \(text)\n".utf8)
                )
            }
            lines.withLock { $0.append(text) }
        }
    }

    func contains(_ text: String) -> Bool { lines.withLock { $0.contains { $0.contains(text) } } }
    var all: [String] { lines.withLock { $0 } }
}

struct TooLate: Error, CustomStringConvertible { let description: String }

/// Repeats until the condition holds; fails when the time is up.
func until(
    _ what: String,
    within limit: Duration = .seconds(20),
    _ condition: () throws -> Bool
) throws {
    let deadline = ContinuousClock.now + limit
    while try !condition() {
        if ContinuousClock.now > deadline { throw TooLate(description: "not in time: \(what)") }
        usleep(2_000)
    }
}

/// A name nobody else uses in this run.
func unique(_ name: String) -> String { "\(name)-\(UInt32.random(in: 0...UInt32.max))" }

/// A record as a reader sees it.
struct Seen: Equatable {
    var key: String?
    var value: String?
    var headers: [String: String] = [:]
    var partition: Int32 = 0
    var offset: Int64 = 0
}

extension RawSpan {
    var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}

/// Headers packed as they travel.
func pack(_ headers: [(String, String)]) -> [UInt8] {
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
func unpack(_ bytes: [UInt8]) -> [String: String] {
    var headers: [String: String] = [:]
    var offset = 0
    while offset < bytes.count {
        let name = Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
        let text = String(decoding: bytes[offset + 2..<offset + 2 + name], as: UTF8.self)
        offset += 2 + name
        var value = 0
        for shift in 0..<4 { value |= Int(bytes[offset + shift]) << (8 * shift) }
        offset += 4
        headers[text] = String(decoding: bytes[offset..<offset + value], as: UTF8.self)
        offset += value
    }
    return headers
}

/// Reads a topic from its beginning as a subscriber would.
final class Reader {
    let consumer: KafkaConsumer
    private(set) var seen: [Seen] = []
    private(set) var ends = 0

    init(_ settings: KafkaSettings, _ topic: String, partitions: Int, log: KafkaLog) throws {
        var settings = settings
        settings.group = unique("reader")
        settings.instance = nil
        consumer = try KafkaConsumer(settings, log: log)
        try consumer.assign(
            (0..<partitions).map { (TopicPartition(topic, Int32($0)), .beginning) }
        )
    }

    func poll(_ wait: Duration = .milliseconds(20)) throws {
        var batch = MessageBatch(capacity: 1_024)
        try consumer.poll(&batch, wait: wait)
        for index in 0..<batch.count {
            if batch.isPartitionEnd(index) {
                ends += 1
                continue
            }
            if !batch.isRecord(index) { continue }
            var record = Seen(partition: batch.partition(index), offset: batch.offset(index))
            if batch.hasKey(index) { record.key = batch.key(index).text }
            if batch.hasValue(index) { record.value = batch.value(index).text }
            if batch.hasHeaders(index) {
                var bytes = [UInt8](repeating: 0, count: batch.packedHeadersLength(index))
                bytes.withUnsafeMutableBytes { batch.packHeaders(index, into: $0) }
                record.headers = unpack(bytes)
            }
            seen.append(record)
        }
    }

    func wait(for count: Int, within limit: Duration = .seconds(20)) throws {
        try until("\(count) records, \(seen.count) are there", within: limit) {
            try poll()
            return seen.count >= count
        }
    }
}

/// Writes records as a shop would.
func write(
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

/// One instance that leads and echoes every record to the decisions.
final class Echo {
    let membership: KafkaMembership
    let prefix: String
    let delivery: KafkaSink.Delivery
    private(set) var sink: KafkaSink?
    private(set) var source: KafkaSource?
    private(set) var read: [String] = []
    private(set) var headers: [[String: String]] = []
    private(set) var lastMark: EpochMark?
    private(set) var marks = 0
    let block = EventBlock(capacity: EventBlock.Capacity(rawBytes: 1 << 16, records: 64))
    let output = OutputBuffer()
    // Records that wait for their epoch's end.
    private var epoch: [String] = []

    init(
        _ settings: KafkaSettings,
        _ topics: [String],
        prefix: String,
        delivery: KafkaSink.Delivery,
        log: KafkaLog
    ) throws {
        var timing = KafkaMembership.Timing()
        timing.topicsInterval = .milliseconds(300)
        timing.endsInterval = .milliseconds(100)
        membership = try KafkaMembership(settings, topics: topics, timing: timing, log: log)
        self.prefix = prefix
        self.delivery = delivery
    }

    deinit { membership.close() }

    /// Waits for the leadership, then makes sink and source.
    func lead(within limit: Duration = .seconds(20)) throws {
        let membership = membership
        let stopper = Thread { [membership] in
            let deadline = ContinuousClock.now + limit
            while ContinuousClock.now < deadline, membership.term == nil { usleep(20_000) }
            if membership.term == nil { membership.stop() }
        }
        stopper.start()
        guard try membership.waitForLeadership() else {
            throw TooLate(description: "no leadership in time")
        }
        try begin()
    }

    func begin() throws {
        var configuration = KafkaSink.Configuration()
        configuration.delivery = delivery
        configuration.topicPrefix = prefix
        configuration.topics = [.decisions]
        configuration.offsetsInterval = .milliseconds(20)
        let sink = try KafkaSink(membership, configuration: configuration)
        var reading = KafkaSource.Configuration()
        reading.markInterval = .milliseconds(50)
        source = try KafkaSource(membership, after: sink, configuration: reading)
        self.sink = sink
    }

    /// One block; true when an epoch was committed.
    @discardableResult
    func turn(committing: Bool = true) throws -> Bool {
        block.reset()
        let turn = try source!.fill(block)
        for index in 0..<block.count {
            let entry = block[record: index]
            epoch.append(block.string(of: entry.value))
            headers.append(unpack(Array(block.string(of: entry.headers).utf8)))
        }
        guard case .epochEnd(let mark) = turn else { return false }
        lastMark = mark
        marks += 1
        output.removeAll()
        for (index, value) in epoch.enumerated() {
            let order = OutputOrder(
                second: 0,
                sequence: UInt64(index),
                profile: .none,
                ordinal: 0
            )
            output.begin(.decisions, order: order)
            output.put(text: value)
            output.endKey()
            output.endHeaders()
            output.put(text: value)
            output.end()
        }
        for index in 0..<output.records.count {
            try sink!.write(output.records[index], of: output)
        }
        if committing {
            try sink!.commit(mark)
            read += epoch
            epoch.removeAll()
        }
        return committing
    }

    func turns(until what: String, within limit: Duration = .seconds(20), _ done: () -> Bool) throws
    {
        try until(what, within: limit) {
            if done() { return true }
            try turn()
            return done()
        }
    }
}
