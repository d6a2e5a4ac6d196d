import Encoding
import Engine
import Events
import Foundation
import Kafka
import Memory
import Pipeline

/// Something that must never happen.
struct Violation: Error, CustomStringConvertible {
    var description: String
}

/// Decides again what was journalled, on one thread and without faults, and holds what a reader of
/// committed records sees against it.
final class Oracle {
    private unowned let world: Simulation
    private let decider: Decider
    private var caps: CapCheck
    private var nexts: [Int64] = []
    private var partitions: [String] = []
    private var epochs: UInt64 = 0
    private var leader: String?
    // Of the states that somebody may be held against; of others they would cost too much.
    private var digests: [UInt64: UInt64] = [:]
    private var journalNext: Int64 = 0
    // What is due and was not seen yet, by topic and key.
    private var due: [String: [UInt64]] = [:]
    private var seenNext: [String: Int64] = [:]
    private var ids: Set<String> = []
    // With at-least-once: what was due at any time, and what was seen at any time.
    private var allDue: Set<UInt64> = []
    private var allSeen: Set<UInt64> = []
    /// Send commands that were due so far.
    private(set) var commands = 0
    /// Merges so far.
    private(set) var merges = 0

    init(_ world: Simulation) {
        self.world = world
        decider = Decider(
            world.rules,
            SimulatedPipeline(
                world.rules,
                shards: 1,
                chance: Chance(seed: world.seed, stream: 6),
                seams: world.seams
            )
        )
        caps = CapCheck(world.rules.rules)
    }

    /// Epochs decided again so far.
    var epochCount: Int { Int(epochs) }

    /// Follows journal and outputs up to now.
    func follow() throws(Violation) {
        try decide()
        try see()
    }

    // MARK: What is due

    private func decide() throws(Violation) {
        guard let log = world.broker.outputs[Journal.topicName] else { return }
        let found = world.broker.read(log, from: journalNext)
        journalNext = found.next
        for (_, entry) in found.records {
            guard let record = try? JournalRecord(decoding: .init(entry.value ?? [])) else {
                throw Violation(description: "the journal cannot be read")
            }
            // Written out once more, for the code that leaders read with is under test.
            if let before = record.takesOverFrom, before == leader ?? "" {
                leader = record.leader
            } else if record.leader != leader {
                world.count("stale leader's epoch ignored")
                continue
            }
            if record.epoch == 0 { continue }
            if record.epoch != epochs + 1 {
                throw Violation(
                    description: "epoch \(record.epoch) is journalled behind epoch \(epochs)"
                )
            }
            try decide(record)
        }
        if !found.records.isEmpty { try checkOffsets() }
    }

    private func decide(_ record: JournalRecord) throws(Violation) {
        epochs = record.epoch
        if !record.partitions.starts(with: partitions) {
            throw Violation(description: "the journal has numbered the partitions anew")
        }
        partitions = record.partitions
        while nexts.count < partitions.count { nexts.append(0) }
        var records: [Decider.Record] = []
        for target in record.offsets {
            guard let partition = TopicPartition(partitions[target.partition]) else { continue }
            let number = Int(partition.partition)
            if target.next < nexts[target.partition] {
                throw Violation(description: "epoch \(epochs) goes back in partition \(number)")
            }
            if target.next > world.broker.inputs[number].end {
                throw Violation(description: "epoch \(epochs) claims what was never written")
            }
            records += world.records(
                number,
                as: target.partition,
                from: nexts[target.partition],
                to: target.next
            )
            nexts[target.partition] = target.next
        }
        var mark = record.mark
        mark.partitions = partitions.compactMap { TopicPartition($0) }
        let outputs = decider.decide(records, mark)
        for index in 0..<outputs.records.count { try expect(outputs.records[index], outputs) }
    }

    /// What is visible and what is committed are one and the same.
    private func checkOffsets() throws(Violation) {
        guard world.isExactlyOnce else { return }
        for (number, name) in partitions.enumerated() {
            guard let partition = TopicPartition(name) else { continue }
            let committed = world.broker.committed[Int(partition.partition)] ?? 0
            if committed != nexts[number] {
                throw Violation(
                    description:
                        "epoch \(epochs) ends at \(nexts[number]) of \(name), but \(committed) is committed"
                )
            }
        }
    }

    private func expect(_ record: OutputRecord, _ outputs: OutputBuffer) throws(Violation) {
        let key = outputs.copy(record.key)
        let headers = outputs.copy(record.headers)
        let value = outputs.copy(record.value)
        let hash = Oracle.hash(record.topic.name, key, headers, value)
        due[Oracle.place(record.topic, key), default: []].append(hash)
        if !world.isExactlyOnce { allDue.insert(hash) }
        if record.topic.rawValue < OutputTopic.decisions.rawValue { commands += 1 }
        if record.topic == .identity { merges += 1 }
        try caps.add(record.topic, headers, value)
    }

    private static func place(_ topic: OutputTopic, _ key: [UInt8]) -> String {
        topic.name + "/" + String(decoding: key, as: UTF8.self)
    }

    private static func hash(
        _ topic: String,
        _ key: [UInt8],
        _ headers: [UInt8],
        _ value: [UInt8]
    ) -> UInt64 {
        var digest = Digest()
        digest.add(Array(topic.utf8))
        digest.add(key)
        digest.add(headers)
        digest.add(value)
        return digest.hash
    }

    // MARK: What is there

    private func see() throws(Violation) {
        for topic in OutputTopic.allCases {
            guard let log = world.broker.outputs[topic.name] else { continue }
            let found = world.broker.read(log, from: seenNext[topic.name] ?? 0)
            seenNext[topic.name] = found.next
            for (offset, entry) in found.records { try see(topic, offset, entry) }
        }
        guard world.isExactlyOnce else { return }
        for (place, left) in due.sorted(by: { $0.key < $1.key }) where !left.isEmpty {
            throw Violation(
                description: "\(place): \(left.count) are missing that epoch \(epochs) has decided"
            )
        }
    }

    private func see(_ topic: OutputTopic, _ offset: Int64, _ entry: SimulatedLog.Entry)
        throws(Violation)
    {
        let key = entry.key ?? []
        let value = entry.value ?? []
        let hash = Oracle.hash(topic.name, key, entry.headers, value)
        guard world.isExactlyOnce else {
            allSeen.insert(hash)
            return
        }
        let place = Oracle.place(topic, key)
        if topic.rawValue < OutputTopic.decisions.rawValue {
            let id = PackedHeaders(entry.headers)["ce_id"] ?? ""
            if !ids.insert(id).inserted {
                throw Violation(description: "\(place): command \(id) is there twice")
            }
        }
        var left = due[place] ?? []
        if left.isEmpty {
            throw Violation(
                description: """
                    \(place): offset \(offset) follows from nothing: \
                    \(String(decoding: value.prefix(300), as: UTF8.self))
                    """
            )
        }
        // Without a key there is no order.
        guard let index = key.isEmpty ? left.firstIndex(of: hash) : (left[0] == hash ? 0 : nil)
        else {
            throw Violation(
                description: """
                    \(place): offset \(offset) is not what was decided: \
                    \(String(decoding: value.prefix(300), as: UTF8.self))
                    """
            )
        }
        left.remove(at: index)
        due[place] = left.isEmpty ? nil : left
    }

    // MARK: The end

    /// Everything was read; nothing may be missing.
    func finish() throws(Violation) {
        try follow()
        if !world.isExactlyOnce {
            let missing = allDue.subtracting(allSeen).count
            if missing > 0 { throw Violation(description: "\(missing) outputs are missing") }
        }
        for (number, name) in partitions.enumerated() {
            guard let partition = TopicPartition(name) else { continue }
            let log = world.broker.inputs[Int(partition.partition)]
            if nexts[number] < world.broker.stableEnd(of: log) {
                throw Violation(description: "\(name) was not read to its end")
            }
        }
        // One that was added at the very end and holds nothing need not be known yet.
        let known = partitions.compactMap { TopicPartition($0).map { Int($0.partition) } }
        for (number, log) in world.broker.inputs.enumerated()
        where !known.contains(number) && world.broker.stableEnd(of: log) > 0 {
            throw Violation(description: "partition \(number) was never read")
        }
    }

    /// Keeps what the state behind an epoch is, if that is the last one.
    func note(_ epoch: UInt64) {
        guard epoch == epochs, digests[epoch] == nil else { return }
        digests[epoch] = decider.pipeline.digest()
    }

    /// Holds an instance's state behind an epoch against the one decided again.
    func check(_ other: Decider, at epoch: UInt64, _ when: String) throws {
        do throws(Violation) {
            try follow()
            note(epoch)
            guard let digest = digests[epoch] else { return }
            world.count("state compared")
            if other.pipeline.digest() != digest {
                throw Violation(description: "the \(when) state of epoch \(epoch) is another one")
            }
        } catch {
            world.fail(error)
            throw error
        }
    }
}
