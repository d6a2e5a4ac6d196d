package import Decoding
package import Encoding
import Events
import Foundation
package import Kafka
package import Pipeline

/// Decides everything again, from the log and the journal, and holds it against what was committed.
///
/// Think of an auditor with the receipts: every send command must follow from them, once, and
/// nothing else may be in the books. One thread decides here, whatever number did the first time.
package struct Audit {
    /// What an audit found.
    package struct Findings: Sendable {
        /// Outputs that follow from the log.
        package var expected = 0
        /// Outputs that are there.
        package var found = 0
        /// Epochs gone through.
        package var epochs = 0
        /// Records of the input topics that they were made of.
        package var records = 0
        /// What is not as it should be, in words; at most a hundred.
        package var differences: [String] = []
        /// How many differences there are in all.
        package var differenceCount = 0

        mutating func differ(_ text: String) {
            differenceCount += 1
            if differences.count < 100 { differences.append(text) }
        }
    }

    private let settings: KafkaSettings
    private let rules: CompiledRules
    private let plan: TrackingPlan
    private let names: (OutputTopic) -> String
    private let log: KafkaLog

    /// An audit of a deployment.
    ///
    /// - Parameter names: what each output's topic is called.
    package init(
        _ settings: KafkaSettings,
        rules: CompiledRules,
        plan: TrackingPlan,
        names: @escaping (OutputTopic) -> String,
        log: KafkaLog
    ) {
        self.settings = settings
        self.rules = rules
        self.plan = plan
        self.names = names
        self.log = log
    }

    /// Audits what was committed up to now.
    ///
    /// - Parameter isRunning: whether more may be committed meanwhile; what is there beyond what is
    ///   due is left to a later audit then.
    package func run(
        journalTopic: String,
        isRunning: Bool = false,
        mayWait: @escaping () throws -> Void
    ) throws -> Findings {
        var findings = Findings()
        let journal = try JournalReader(settings, topic: journalTopic, log: log)
        let source = AuditSource(try JournalSource(settings, journal, log: log), mayWait)
        let expected = try decide(source, isRunning, &findings)
        findings.epochs = source.epochs
        if let gap = source.past.gap {
            findings.differ("the beginning of the journal is gone: \(gap)")
            return findings
        }
        let found = try read(mayWait)
        for topic in OutputTopic.allCases {
            let due = expected[topic] ?? Outputs()
            var there = found[topic] ?? Outputs()
            if isRunning { there.leave(due) }
            compare(names(topic), due, there, &findings)
        }
        return findings
    }

    /// The outputs of one topic: those of each key in their order.
    private struct Outputs {
        var byKey: [String: [UInt64]] = [:]
        var count = 0

        mutating func add(_ key: String, _ hash: UInt64) {
            byKey[key, default: []].append(hash)
            count += 1
        }

        /// Takes away what may have come behind those.
        mutating func leave(_ due: Outputs) {
            for (key, hashes) in byKey {
                let expected = due.byKey[key] ?? []
                if key.isEmpty {
                    // Without a key there is no order.
                    let wanted = Set(expected)
                    byKey[key] = hashes.filter { wanted.contains($0) }
                } else {
                    byKey[key] = Array(hashes.prefix(expected.count))
                }
                count -= hashes.count - byKey[key]!.count
            }
        }
    }

    private func compare(
        _ name: String,
        _ expected: Outputs,
        _ found: Outputs,
        _ findings: inout Findings
    ) {
        findings.expected += expected.count
        findings.found += found.count
        for key in Set(expected.byKey.keys).union(found.byKey.keys).sorted() {
            var due = expected.byKey[key] ?? []
            var there = found.byKey[key] ?? []
            if key.isEmpty {
                // Without a key there is no order.
                due.sort()
                there.sort()
            }
            if due == there { continue }
            let whose = key.isEmpty ? "records without a key" : "key \(key)"
            if there.count < due.count {
                findings.differ("\(name), \(whose): \(due.count - there.count) are missing")
            } else if there.count > due.count {
                findings.differ("\(name), \(whose): \(there.count - due.count) are too many")
            } else {
                findings.differ("\(name), \(whose): they differ, or their order does")
            }
        }
    }

    // MARK: What is due

    private func decide(
        _ source: AuditSource,
        _ isRunning: Bool,
        _ findings: inout Findings
    ) throws -> [OutputTopic: Outputs] {
        let sink = AuditSink(holdsBack: isRunning)
        var configuration = Engine.Configuration()
        configuration.isLive = true
        let engine = Engine(configuration: configuration, rules: rules)
        _ = try engine.run(
            source: source,
            makeDecoder: {
                EventDecoder(plan: plan, hashKey: rules.rules.hashKey, zones: rules.rules.zones)
            },
            sink: sink
        )
        source.past.close()
        findings.records = engine.progress.records
        return sink.outputs
    }

    private final class AuditSource: RecordSource {
        let past: JournalSource
        private let mayWait: () throws -> Void
        private(set) var epochs = 0

        init(_ past: JournalSource, _ mayWait: @escaping () throws -> Void) {
            self.past = past
            self.mayWait = mayWait
        }

        func fill(_ block: EventBlock) throws -> SourceTurn {
            let turn = try past.fill(block) {
                try mayWait()
                return true
            }
            // What follows a gap cannot be decided.
            if past.gap != nil { return .end }
            guard case .epochEnd(var mark) = turn else { return turn }
            epochs += 1
            mark.isReplayed = false
            return .epochEnd(mark)
        }
    }

    private final class AuditSink: OutputSink {
        var outputs: [OutputTopic: Outputs] = [:]
        // Outputs of the newest epochs: of the open one, and of one that is held back.
        private var newest: [[(topic: OutputTopic, key: String, hash: UInt64)]] = [[]]
        private let holdsBack: Bool

        /// - Parameter holdsBack: leaves out the last epoch. A transaction is seen in one topic
        ///   before it is seen in another, and only the next one says that it is seen in all.
        init(holdsBack: Bool) { self.holdsBack = holdsBack }

        func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
            var hash = Audit.start
            Audit.add(buffer.slice(record.headers), to: &hash)
            Audit.add(buffer.slice(record.value), to: &hash)
            let key = record.hasKey ? Audit.text(buffer.slice(record.key)) : ""
            newest[newest.count - 1].append((record.topic, key, hash))
        }

        func commit(_ mark: EpochMark?) throws {
            if mark == nil { return }
            while newest.count > (holdsBack ? 1 : 0) {
                for (topic, key, hash) in newest.removeFirst() {
                    outputs[topic, default: Outputs()].add(key, hash)
                }
            }
            newest.append([])
        }
    }

    // MARK: What is there

    private func read(_ mayWait: () throws -> Void) throws -> [OutputTopic: Outputs] {
        var own = settings
        own.acceptsLoss = true
        var outputs: [OutputTopic: Outputs] = [:]
        let consumer = try KafkaConsumer(own, log: log)
        defer { consumer.close(within: .seconds(1)) }
        var topics: [String: OutputTopic] = [:]
        // While an instance works, a partition may come to its end again and again.
        var open: Set<TopicPartition> = []
        for topic in OutputTopic.allCases {
            let name = names(topic)
            topics[name] = topic
            let count = try consumer.partitionCount(of: name, within: .seconds(10))
            let partitions = (0..<count).map { TopicPartition(name, Int32($0)) }
            try consumer.assign(partitions.map { ($0, .beginning) })
            open.formUnion(partitions)
        }
        var batch = MessageBatch(capacity: 1_024)
        while !open.isEmpty {
            try mayWait()
            batch.removeAll()
            try consumer.poll(&batch, wait: .milliseconds(50))
            for index in 0..<batch.count {
                if batch.isPartitionEnd(index) {
                    open.remove(TopicPartition(batch.topicName(index), batch.partition(index)))
                    continue
                }
                guard batch.isRecord(index), let topic = topics[batch.topicName(index)] else {
                    continue
                }
                var hash = Audit.start
                let length = batch.hasHeaders(index) ? batch.packedHeadersLength(index) : 0
                var headers = [UInt8](repeating: 0, count: length)
                // As long as the library says they are.
                unsafe headers.withUnsafeMutableBytes { unsafe batch.packHeaders(index, into: $0) }
                let packed = headers.span
                unsafe Audit.add(packed.bytes, to: &hash)
                Audit.add(batch.value(index), to: &hash)
                let key = batch.hasKey(index) ? Audit.text(batch.key(index)) : ""
                outputs[topic, default: Outputs()].add(key, hash)
            }
        }
        return outputs
    }

    // MARK: Hashing

    private static let start: UInt64 = 0xcbf2_9ce4_8422_2325

    private static func add(_ bytes: RawSpan, to hash: inout UInt64) {
        var value = hash
        for offset in 0..<bytes.byteCount {
            // In bounds by the loop.
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        // The end of a part counts, too.
        hash = (value ^ 0xff) &* 0x0000_0100_0000_01b3
    }

    private static func text(_ bytes: RawSpan) -> String {
        // Copied at once.
        unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
