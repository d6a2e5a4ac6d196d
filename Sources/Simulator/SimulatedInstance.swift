import Encoding
import Engine
import Events
import Foundation
import Kafka
import Memory
import Pipeline
import Snapshots

/// A process: stands by, leads, is killed and started again.
///
/// Goes through the same steps as a `Deployment` with its source and sink, one turn at a time: take
/// over the transactions, read the journal, restore a state, go through the journalled epochs
/// again with their outputs suppressed, then read, decide and commit.
final class SimulatedInstance {
    /// Its number, from 1; also its name in the group.
    let number: Int
    private unowned let world: Simulation
    /// Not running; started again at `startsAt`.
    private(set) var isDead = false
    private(set) var startsAt: Int64 = 0
    /// Stopped in the middle of something, without knowing.
    var isPaused = false
    /// In the middle of a turn.
    private(set) var isBusy = false
    /// The term of leadership, as far as it knows; nil while it stands by.
    private(set) var term: Int?
    /// The group's generation, as far as it knows.
    private(set) var generation = 0
    private var terms = 0
    private var tenure = 0
    private var leadership: Leadership?
    private let skew: Int64
    private let disk: SimulatedDisk

    /// What one term of leadership has.
    private final class Leadership {
        let port: SimulatedPort
        /// The port as the committer has it: a test may stand in between.
        let front: any CommitPort
        let committer: EpochCommitter
        let decider: Decider
        var source: SimulatedSource
        /// Where the state of the last committed epoch stands.
        var position: SnapshotPosition
        /// Epochs that are decided and not committed yet.
        var ahead: [(mark: EpochMark, outputs: OutputBuffer)] = []
        var isChecked = false

        init(
            _ port: SimulatedPort,
            _ front: any CommitPort,
            _ committer: EpochCommitter,
            _ decider: Decider,
            _ source: SimulatedSource,
            _ position: SnapshotPosition
        ) {
            self.port = port
            self.front = front
            self.committer = committer
            self.decider = decider
            self.source = source
            self.position = position
        }
    }

    init(_ number: Int, _ world: Simulation, skew: Int64) {
        self.number = number
        self.world = world
        self.skew = skew
        disk = SimulatedDisk(world, number)
    }

    func tell(_ text: String) { world.tell("#\(number) \(text)") }

    // MARK: Life

    /// Ends at once, whatever it was doing; what it knew is gone.
    func kill(_ why: String) {
        guard !isDead else { return }
        tell("killed: \(why)")
        isDead = true
        isPaused = false
        term = nil
        leadership = nil
        startsAt = world.now + world.within(100...20_000)
    }

    /// Starts again, if it is time.
    func startIfDue() {
        guard isDead, !isBusy, world.now >= startsAt else { return }
        isDead = false
        tell("started")
    }

    /// Whether its heartbeats reach the broker.
    var beats: Bool { !isDead && !isPaused }

    /// Learns of the group what the broker would tell it.
    func learn(_ group: SimulatedGroup) {
        guard beats else { return }
        generation = group.generation
        if group.holder == number {
            // Who was let go and has come back hears of both: it is another term.
            if term == nil || tenure != group.tenure {
                tenure = group.tenure
                terms += 1
                term = terms
                tell("holds the leader's partition, term \(terms)")
            }
        } else if term != nil {
            tell("has lost the leader's partition")
            term = nil
        }
    }

    // MARK: Turns

    /// Does the next thing.
    func turn() {
        guard !isDead, !isBusy, !isPaused else { return }
        isBusy = true
        defer { isBusy = false }
        do {
            if leadership == nil {
                if term != nil { leadership = try lead() }
            } else {
                try work()
            }
        } catch {
            if isDead { return }
            tell("ends its term: \(error)")
            leadership = nil
            // Anything else ends the process, as `Deployment.run` does.
            let known = error as? KafkaError
            if known?.endsOnlyATerm != true, known?.kind != .stopped { kill("\(error)") }
        }
    }

    /// Begins a term: recovers what was known.
    private func lead() throws -> Leadership {
        guard let term else { throw Killed() }
        let port = SimulatedPort(world, self, term: term, isTransactional: world.isExactlyOnce)
        let front = world.seams.port.map { $0(port) } ?? port
        if world.isExactlyOnce { try port.takeOverTransactions() }
        var configuration = KafkaSink.Configuration()
        configuration.delivery = world.isExactlyOnce ? .exactlyOnce : .atLeastOnce
        let committer = EpochCommitter(
            configuration,
            leader: "\(number)-\(term)-\(world.within(0...0xffff))",
            now: world.now
        )
        try reach(.restore)
        let shards = Int(world.within(1...3))
        let (decider, header) = try restore(shards)
        try reach(.readJournal)
        var journal = try world.journal(behind: header)
        if let record = try committer.takeOver(
            from: journal.owner,
            wallClock: world.now + skew
        ) {
            try port.confirmLeadership()
            try port.produceJournal(record)
            try port.flush()
            journal = try world.journal(behind: header, until: committer.leader)
        }
        committer.nextEpoch = (journal.epochs.last?.record.epoch ?? header?.epoch ?? 0) + 1
        let source = SimulatedSource(world, self, port, journal.epochs, behind: header)
        tell("leads from epoch \(committer.nextEpoch), \(shards) shards")
        return Leadership(
            port,
            front,
            committer,
            decider,
            source,
            SnapshotPosition(behind: header)
        )
    }

    /// The newest state that can be used, else an empty one.
    private func restore(_ shards: Int) throws -> (Decider, SnapshotHeader?) {
        var header: SnapshotHeader?
        var restored: SimulatedPipeline?
        let chance = world.chance(for: self)
        do throws(SnapshotError) {
            restored = try disk.folder.newest(log: { tell("snapshot: \($0.kind)") }) {
                (file) throws(SnapshotError) in
                header = file.header
                return try SimulatedPipeline(
                    world.rules,
                    shards: shards,
                    chance: chance,
                    seams: world.seams,
                    restoring: file
                )
            }
        } catch {
            // People move the damaged ones away, and the whole journal takes their place.
            disk.clear()
        }
        guard let header, let restored else {
            let empty = SimulatedPipeline(
                world.rules,
                shards: shards,
                chance: chance,
                seams: world.seams
            )
            return (Decider(world.rules, empty), nil)
        }
        world.count("snapshot restored")
        tell("restores epoch \(header.epoch)")
        let decider = Decider(world.rules, restored)
        try world.oracle.check(decider, at: header.epoch, "restored")
        return (decider, header)
    }

    /// Saves the state behind an epoch.
    private func save(_ own: Leadership, epoch: UInt64) throws {
        try reach(.snapshotWrite)
        let header = own.position.header(epoch: epoch, fingerprint: "")
        try world.oracle.follow()
        world.oracle.note(header.epoch)
        let isSaved = disk.save(own.decider, header)
        tell("snapshot of epoch \(header.epoch)\(isSaved ? "" : " failed")")
        try reach(.snapshotRename)
    }

    private func reach(_ point: Point) throws {
        world.reach(point, self)
        if isDead { throw Killed() }
    }

    private func work() throws {
        guard let own = leadership else { return }
        try own.port.checkTerm()
        if own.source.isReplaying {
            try reach(.replay)
            for _ in 0..<128 {
                guard let (records, mark) = own.source.replay() else { break }
                _ = own.decider.decide(records, mark)
                own.position.pass(mark) { (0, nil) }
                try own.committer.commit(mark, through: own.front)
                if world.draw(20) { try save(own, epoch: mark.journalEpoch) }
            }
            if !own.source.isReplaying {
                try world.oracle.check(own.decider, at: own.committer.nextEpoch - 1, "recovered")
            }
            return
        }
        // The engine decides the next epoch while the one before is committed.
        if own.ahead.isEmpty || own.ahead.count < 3 && world.draw(300) {
            try reach(.fetch)
            let (records, mark) = own.source.epoch(at: world.now + skew)
            // Nothing new: time alone makes an epoch only now and then.
            if mark.offsets.isEmpty, own.ahead.isEmpty, world.draw(600) { return }
            let outputs = own.decider.decide(records, mark)
            try reach(.decide)
            own.ahead.append((mark, outputs))
            if own.ahead.count > 1 { return }
        }
        var (mark, outputs) = own.ahead.removeFirst()
        mark.isForSnapshot = own.ahead.isEmpty && world.draw(60)
        mark.hasMore = world.draw(300)
        own.position.pass(mark) { (world.journalEnd(), own.committer.leader) }
        for index in 0..<outputs.records.count {
            try own.committer.write(outputs.records[index], of: outputs, through: own.front)
        }
        let epoch = own.committer.nextEpoch
        try own.committer.commit(mark, through: own.front)
        if own.committer.nextEpoch > epoch {
            let offsets = mark.offsets.map { "\($0.partition):\($0.next)" }.joined(separator: " ")
            tell("epoch \(epoch): [\(offsets)] \(outputs.records.count) outputs")
        }
        let savable = own.committer.savableEpoch
        if mark.isForSnapshot, savable > 0 { try save(own, epoch: savable) }
        if own.committer.isHolding { world.count("epoch held") }
        if own.ahead.isEmpty, !own.committer.isHolding, world.isExactlyOnce, world.draw(50) {
            try world.oracle.check(own.decider, at: own.committer.nextEpoch - 1, "running")
        }
    }
}
