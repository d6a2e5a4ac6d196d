import Engine
import Events
import Foundation
import Kafka
import Pipeline
import Snapshots

/// Collie in a made-up world: one thread, a clock that jumps, a broker in memory, and whatever can
/// go wrong.
///
/// Everything follows from the seed: the people and their events, the shop's rules, which faults
/// there are and when they happen. Think of a flight simulator in which the weather is drawn by
/// lot, and the same lot gives the same weather. While faults last the invariants are checked at
/// every step; then the weather clears, and everything must come to its end.
package final class Simulation {
    /// What became of a run.
    package struct Result: Sendable {
        /// The seed.
        package var seed: UInt64
        /// What was violated, in words; nil if nothing was.
        package var violation: String?
        /// The last lines of what happened.
        package var tail: [String]
        /// The hash of all lines.
        package var traceHash: UInt64
        /// Epochs committed.
        package var epochs = 0
        /// Send commands committed.
        package var commands = 0
        /// Merges and conflicts committed.
        package var identities = 0
        /// Faults that happened, by name.
        package var faults: [String: Int] = [:]
    }

    let seed: UInt64
    let seams: Seams
    let rules: CompiledRules
    let isExactlyOnce: Bool
    let broker: SimulatedBroker
    private(set) var weights: FaultWeights
    /// Virtual time, in milliseconds since 1970.
    private(set) var now: Int64
    private(set) var oracle: Oracle!
    private let trace = Trace()
    private var chance: Chance
    private var instances: [SimulatedInstance] = []
    private let arrivals: [Arrival]
    private var arrived = 0
    private var brokerUpAt: Int64 = .max
    private var violation: Violation?
    private var faults: [String: Int] = [:]
    private var depth = 0
    // Records of the journal by offset, so that each is decoded once.
    private var journalled: [Int64: JournalRecord] = [:]

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - hasFaults: false lets nothing go wrong.
    ///   - seams: where a test makes a mistake on purpose.
    package init(seed: UInt64, hasFaults: Bool = true, seams: Seams = Seams()) {
        self.seed = seed
        self.seams = seams
        chance = Chance(seed: seed, stream: 4)
        rules = CompiledRules(TownRules.rules(seed: seed))
        let begin: Int64 = 1_777_852_800_000 + chance.within(0...86_400) * 1_000
        now = begin
        weights = hasFaults ? FaultWeights(seed: seed) : FaultWeights()
        let isStrict = chance.happens(850)
        isExactlyOnce = isStrict
        arrivals = Town.arrivals(seed: seed, start: begin)
        broker = SimulatedBroker(partitions: 1 + chance.below(3), now: begin)
        oracle = Oracle(self)
        let skew = weights.skew
        for number in 1...weights.instances {
            instances.append(
                SimulatedInstance(
                    number,
                    self,
                    skew: skew == 0 ? 0 : chance.within(-skew...skew)
                )
            )
        }
        broker.onOffset = { [unowned self] partition, before, after in
            if after < before {
                fail(
                    Violation(
                        description:
                            "partition \(partition): committed goes from \(before) to \(after)"
                    )
                )
            }
        }
    }

    /// Plays it to its end.
    package func run() -> Result {
        tell("seed \(seed) \(isExactlyOnce ? "exactly once" : "at least once") \(weights)")
        // Faults end some time after the last event.
        while violation == nil, arrived < arrivals.count || draw(960) { step() }
        calm()
        var rounds = 0
        while violation == nil, !isDone {
            step()
            rounds += 1
            if rounds > 2_000 { fail(Violation(description: "it does not come to its end")) }
        }
        if violation == nil {
            do throws(Violation) { try oracle.finish() } catch { fail(error) }
        }
        tell("ends with \(oracle.epochCount) epochs, \(oracle.commands) commands")
        return Result(
            seed: seed,
            violation: violation?.description,
            tail: trace.tail,
            traceHash: trace.hash,
            epochs: oracle.epochCount,
            commands: oracle.commands,
            identities: oracle.merges,
            faults: faults
        )
    }

    /// Nothing goes wrong any more.
    private func calm() {
        tell("faults end")
        let count = weights.instances
        weights = FaultWeights()
        weights.instances = count
        if !broker.isUp { brokerUpAt = min(brokerUpAt, now + 1_000) }
    }

    private var isDone: Bool {
        if oracle.epochCount == 0 { return false }
        for (partition, log) in broker.inputs.enumerated()
        where (broker.committed[partition] ?? 0) < broker.stableEnd(of: log) { return false }
        return true
    }

    // MARK: Time

    /// One step of the world.
    private func step() {
        switch chance.below(10) {
        case 0: advance(by: within(60_000...1_800_000))
        case 1...3: advance(by: within(1_000...30_000))
        default: advance(by: within(10...800))
        }
        disturb()
        for index in instances.indices where violation == nil { instances[index].turn() }
        check()
    }

    /// Lets time go on for an instance that waits: the others work meanwhile.
    func pass(_ milliseconds: Int64, around instance: SimulatedInstance) {
        advance(by: milliseconds)
        guard depth < 3, violation == nil else { return }
        depth += 1
        defer { depth -= 1 }
        for other in instances where other !== instance { other.turn() }
    }

    private func advance(by milliseconds: Int64) {
        let end = now + milliseconds
        now = end
        if now >= brokerUpAt {
            brokerUpAt = .max
            broker.isUp = true
            tell("broker is back")
        }
        arrive()
        broker.advance(to: now)
        for instance in instances {
            instance.startIfDue()
            if instance.beats { broker.group.beat(instance.number, at: now) }
        }
        if broker.isUp { broker.group.expire(at: now) }
        for instance in instances where !draw(weights.slowNews) && broker.isUp {
            instance.learn(broker.group)
        }
    }

    /// Puts what has come into the input topic.
    private func arrive() {
        while arrived < arrivals.count, arrivals[arrived].time <= now {
            let arrival = arrivals[arrived]
            arrived += 1
            let partition = arrival.key % broker.inputs.count
            if draw(weights.foreignAbort) {
                // A sender that writes in transactions, and first has to give one up.
                for state in [SimulatedTransaction.State.aborted, .committed] {
                    let number = broker.foreignTransaction(state)
                    broker.append(arrival.value, to: partition, transaction: number, at: now)
                    broker.end(number, in: partition)
                }
            } else {
                broker.append(arrival.value, to: partition, at: arrival.time)
            }
        }
    }

    // MARK: Faults

    /// Whether something so likely happens, in thousandths.
    func draw(_ permille: Int) -> Bool { permille > 0 && chance.happens(permille) }

    /// A number of the range.
    func within(_ range: ClosedRange<Int64>) -> Int64 { chance.within(range) }

    /// Draws of an instance's own, so that what it needs does not move what happens to it.
    func chance(for instance: SimulatedInstance) -> Chance {
        Chance(seed: seed &+ UInt64(within(0...0xffff_ffff)), stream: 5)
    }

    /// Counts a fault that happened.
    func count(_ fault: String) { faults[fault, default: 0] += 1 }

    private func disturb() {
        if broker.isUp, draw(weights.brokerRestart) {
            count("broker restart")
            broker.isUp = false
            brokerUpAt = now + within(200...15_000)
            tell("broker is away")
        }
        if broker.inputs.count < 5, draw(weights.newPartition) {
            count("partition added")
            broker.addInputPartition()
            tell("partition \(broker.inputs.count - 1) is added")
        }
    }

    /// Lets happen to an instance what happens at a point.
    func reach(_ point: Point, _ instance: SimulatedInstance) {
        if violation != nil { return }
        if draw(weights.kill) {
            count("killed at \(point.rawValue)")
            return instance.kill("at \(point.rawValue)")
        }
        if draw(weights.pause), depth < 2 {
            count("paused at \(point.rawValue)")
            instance.tell("stands still at \(point.rawValue)")
            instance.isPaused = true
            let end = now + within(1_000...100_000)
            while now < end, violation == nil { pass(within(100...4_000), around: instance) }
            instance.isPaused = false
            instance.tell("goes on")
        } else if draw(weights.delay) {
            pass(within(1...400), around: instance)
        }
    }

    // MARK: What all see

    /// A line of the trace.
    func tell(_ line: String) { trace.add("\(stamp(now).dropFirst(5)) \(line)") }

    /// The journalled epochs that count, as a reader of committed records sees them behind a
    /// snapshot, and to whom the journal belongs.
    ///
    /// - Parameter leader: reads as far as the record by which this one takes over.
    func journal(
        behind header: SnapshotHeader?,
        until leader: String? = nil
    ) throws -> (epochs: [JournalledEpoch], owner: String?) {
        var owner = JournalOwner(leader: header.flatMap { SnapshotOrigin($0.metadata).leader })
        guard let log = broker.outputs[Journal.topicName] else { return ([], owner.leader) }
        var epochs: [JournalledEpoch] = []
        var known = header?.epoch ?? 0
        for (offset, entry) in broker.read(log, from: header?.journalOffset ?? 0).records {
            let record =
                try journalled[offset] ?? JournalRecord(decoding: Data(entry.value ?? []))
            journalled[offset] = record
            if owner.accepts(record), record.epoch > known {
                if record.epoch > known + 1 {
                    let gap = "behind epoch \(known) of a snapshot comes \(record.epoch)"
                    fail(Violation(description: gap))
                    throw Violation(description: gap)
                }
                known = record.epoch
                epochs.append(JournalledEpoch(record: record, position: offset + 1))
            }
            if let leader, record.leader == leader {
                if owner.leader == leader { break }
                throw KafkaError(.leadershipLost, "another leader took over meanwhile")
            }
        }
        return (epochs, owner.leader)
    }

    /// An offset at which the journal ended a moment ago, as an instance may have heard it.
    func journalEnd() -> Int64 {
        guard let log = broker.outputs[Journal.topicName] else { return 0 }
        return max(0, broker.read(log, from: log.end).end - (draw(300) ? within(0...5) : 0))
    }

    /// The records of an input partition between two offsets.
    func records(_ partition: Int, as number: Int, from: Int64, to: Int64) -> [Decider.Record] {
        let log = broker.inputs[partition]
        return broker.read(log, from: from).records.filter { $0.offset < to }.map {
            Decider.Record(partition: number, offset: $0.offset, entry: $0.entry)
        }
    }

    // MARK: Invariants

    private func check() {
        guard violation == nil else { return }
        do throws(Violation) { try oracle.follow() } catch { fail(error) }
    }

    /// Remembers the first violation.
    func fail(_ violation: Violation) {
        guard self.violation == nil else { return }
        self.violation = violation
        tell("VIOLATED: \(violation.description)")
    }
}
