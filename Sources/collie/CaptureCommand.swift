import CPlatform
import Events
import Foundation
import Kafka
import LoadTesting
import Settings

/// Keeps a topic's records in a file.
let captureCommand = Command(
    name: "capture",
    summary: "keep a topic, or a stretch of it, in a file that can be played again",
    usage: "Usage: collie capture --output FILE [--topic NAME] [OPTION…]",
    discussion: """
        Copies records with their keys, headers, times, partitions and offsets into one compressed
        file, up to what is the topic's end now. Every byte has a checksum: a file that is damaged
        or cut off is refused by whoever reads it. `collie load` plays it.

          collie capture --config config --from 2026-05-04T12:00:00Z --to 2026-05-04T14:00:00Z \\
              --output sale.capture
        """,
    options: [
        Option(name: "output", value: "FILE", help: "Where to; must not exist yet."),
        Option(
            name: "topic",
            value: "NAME",
            help: "Which (default the config's first input topic)."
        ),
        Option(
            name: "from",
            value: "TIME",
            help: "Not what came earlier: 2026-05-04T12:00:00Z, or how long\nago, as in 30m."
        ),
        Option(name: "to", value: "TIME", help: "Nor what came at this time or later."),
        Option(
            name: "offsets",
            value: "RANGE…",
            isRepeated: true,
            help: "Only these, as PARTITION:FIRST-LAST; 0:100- has no end."
        ),
        configOption,
        shortWindowsOption,
        Option(name: "quiet", help: "No summary on standard error."),
    ]
) { arguments in
    guard arguments.rest.isEmpty else {
        throw UsageError(description: "what is \"\(arguments.rest[0])\"?")
    }
    guard let path = arguments.last("output") else {
        throw UsageError(description: "where to? Name a file with --output FILE")
    }
    let now = EventTime(milliseconds: collie_wall_milliseconds())
    let range = CaptureRange(
        from: try arguments.time("from", now: now),
        to: try arguments.time("to", now: now),
        offsets: try arguments.all("offsets").map { text throws(UsageError) in
            try OffsetRange(text)
        }
    )
    let settings = try loadSettings(arguments)
    try KafkaMistakes.check(settings)
    _ = collie_stop_install()
    let capture = try Capture(
        topic: arguments.last("topic") ?? settings.kafka.inputTopics[0],
        range,
        KafkaSettings(settings)
    )
    let begin = collie_monotonic_milliseconds()
    let writer = try capture.write(to: path)
    if !arguments.has("quiet") {
        let manifest = writer.manifest
        let seconds = Double(max(1, collie_monotonic_milliseconds() - begin)) / 1_000
        let span = (manifest.lastTime ?? 0) - (manifest.firstTime ?? 0)
        complain(
            """
            \(grouped(writer.records)) records of \(manifest.topic), which came within \
            \(TimeSpan(milliseconds: span / 1_000 * 1_000).text), in \(path): \
            \(grouped(writer.bytes)) bytes, \(String(format: "%.1f", seconds)) s
            """
        )
    }
    if collie_stop_count() > 0 {
        complain("collie capture: stopped before its end; the file holds what came until then")
        return ExitCode.failure
    }
    return ExitCode.success
}

/// Offsets of one partition.
struct OffsetRange {
    var partition: Int32
    var first: Int64
    /// Nil is the end.
    var last: Int64?

    /// Reads `PARTITION:FIRST-LAST`.
    init(_ text: String) throws(UsageError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let ends = parts.last?.split(separator: "-", omittingEmptySubsequences: false) ?? []
        guard parts.count == 2, ends.count == 2, let partition = Int32(parts[0]), partition >= 0,
            let first = Int64(ends[0]), first >= 0, ends[1].isEmpty || Int64(ends[1]) != nil
        else {
            throw UsageError(
                description: """
                    --offsets takes ranges such as 0:100-199 (partition 0) or 3:5000-, not "\(text)"
                    """
            )
        }
        self.partition = partition
        self.first = first
        last = Int64(ends[1])
        if let last, last < first {
            throw UsageError(description: "--offsets \(text) ends before it begins")
        }
    }
}

/// Which records are wanted.
struct CaptureRange {
    var from: EventTime?
    var to: EventTime?
    var offsets: [OffsetRange]
}

/// Reads a topic into a file.
///
/// Used by one thread.
private final class Capture {
    // A broker that gives no sign of life for so long is not waited for any more.
    private static let silenceMax: Int64 = 30_000

    private let topic: String
    private let range: CaptureRange
    private let consumer: KafkaConsumer
    private let partitions: Int
    // The offset behind the last wanted record of each partition that is not complete yet.
    private var ends: [Int32: Int64] = [:]

    init(topic: String, _ range: CaptureRange, _ settings: KafkaSettings) throws {
        var own = settings
        // In no group: nothing of the deployment is touched.
        own.group = "collie-capture"
        own.instance = nil
        own.acceptsLoss = true
        let consumer = try KafkaConsumer(own, log: .silent())
        partitions = try TrafficWriter.partitions(of: topic) { limit throws(KafkaError) in
            try consumer.partitionCount(of: topic, within: limit)
        }
        self.consumer = consumer
        self.topic = topic
        self.range = range
        for wanted in range.offsets where wanted.partition >= partitions {
            throw UsageError(
                description: """
                    \(topic) has no partition \(wanted.partition); they are 0 to \(partitions - 1)
                    """
            )
        }
    }

    /// Begins to read what is wanted.
    private func begin() throws {
        let all = (0..<Int32(partitions)).map { TopicPartition(topic, $0) }
        let limit = Duration.seconds(10)
        var last = try consumer.ends(of: all, within: limit)
        var first: [StartOffset] = all.map { _ in .beginning }
        if let from = range.from {
            let found = try consumer.offsets(of: all, at: from.milliseconds, within: limit)
            for index in all.indices { first[index] = .at(found[index] ?? last[index]) }
        }
        if let to = range.to {
            let found = try consumer.offsets(of: all, at: to.milliseconds, within: limit)
            for index in all.indices { last[index] = min(found[index] ?? .max, last[index]) }
        }
        var isWanted = all.map { _ in range.offsets.isEmpty }
        for wanted in range.offsets {
            let index = Int(wanted.partition)
            isWanted[index] = true
            if case .at(let offset) = first[index] {
                first[index] = .at(max(offset, wanted.first))
            } else {
                first[index] = .at(wanted.first)
            }
            if let end = wanted.last { last[index] = min(last[index], end + 1) }
        }
        var starts: [(partition: TopicPartition, offset: StartOffset)] = []
        for index in all.indices where isWanted[index] && last[index] > 0 {
            if case .at(let offset) = first[index], offset >= last[index] { continue }
            starts.append((all[index], first[index]))
            ends[all[index].partition] = last[index]
        }
        try consumer.assign(starts)
    }

    func write(to path: String) throws -> CaptureWriter {
        try begin()
        let writer = try CaptureWriter(
            path: path,
            topic: topic,
            partitions: partitions,
            at: Date().formatted(.iso8601)
        )
        let status = StatusLine()
        var batch = MessageBatch()
        var heard = collie_monotonic_milliseconds()
        var shown = heard
        while !ends.isEmpty, collie_stop_count() == 0 {
            batch.removeAll()
            try consumer.poll(&batch, wait: .milliseconds(100))
            let now = collie_monotonic_milliseconds()
            if batch.count > 0 { heard = now }
            for index in 0..<batch.count { try take(index, of: batch, writer) }
            if now - shown >= 200 {
                shown = now
                status.show("\(grouped(writer.records)) records, \(grouped(writer.bytes)) bytes")
            }
            if now - heard > Capture.silenceMax {
                throw consumer.takeTrouble()
                    ?? KafkaError(.timedOut, "kafka: nothing came of \(topic) for 30 s")
            }
        }
        status.clear()
        batch.removeAll()
        consumer.close(within: .seconds(1))
        try writer.close()
        return writer
    }

    private func take(
        _ index: Int,
        of batch: borrowing MessageBatch,
        _ writer: CaptureWriter
    ) throws {
        if batch.isPartitionEnd(index) {
            ends[batch.partition(index)] = nil
            return
        }
        guard batch.isRecord(index) else {
            let error = batch.error(index)
            if error.isRetriable { return }
            throw error
        }
        let record = TrafficRecord(index, of: batch)
        guard let partition = record.partition, let end = ends[partition] else { return }
        if record.offset < end { try writer.add(record) }
        if record.offset >= end - 1 { ends[partition] = nil }
    }
}

extension TrafficRecord {
    /// A copy of a record that was read.
    init(_ index: Int, of batch: borrowing MessageBatch) {
        self.init()
        partition = batch.partition(index)
        offset = batch.offset(index)
        time = batch.timestamp(index)
        // Copied before the batch changes.
        if batch.hasKey(index) { key = Array(copying: batch.key(index)) }
        if batch.hasValue(index) {
            value = Array(copying: batch.value(index))
        }
        if batch.hasHeaders(index) {
            headers = Array(repeating: 0, count: batch.packedHeadersLength(index))
            unsafe headers.withUnsafeMutableBytes { unsafe batch.packHeaders(index, into: $0) }
        }
    }
}
