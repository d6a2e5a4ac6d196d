import Engine
import Events
import Kafka
import Snapshots

/// An epoch of the journal that counts.
struct JournalledEpoch {
    let record: JournalRecord
    /// The journal's position behind it.
    let position: Int64

    /// Its mark, as `JournalSource` gives it.
    var mark: EpochMark {
        var mark = record.mark
        mark.journalPosition = position
        mark.leader = record.leader
        return mark
    }
}

/// Cuts epochs: first those of the journal, then new ones.
///
/// Follows `JournalSource` and `KafkaSource`: partitions are numbered as the journal did, a
/// partition that is caught up follows the wall clock, new partitions are adopted at an epoch's
/// end.
struct SimulatedSource {
    private unowned let world: Simulation
    private unowned let instance: SimulatedInstance
    private let port: SimulatedPort
    private let journal: [JournalledEpoch]
    private var position = 0
    private var nexts: [Int64] = []
    // Where each partition was moved from since the last epoch, or -1.
    private var froms: [Int64] = []

    init(
        _ world: Simulation,
        _ instance: SimulatedInstance,
        _ port: SimulatedPort,
        _ journal: [JournalledEpoch],
        behind header: SnapshotHeader?
    ) {
        self.world = world
        self.instance = instance
        self.port = port
        self.journal = journal
        for start in header?.offsets ?? [] {
            add(Int(start.partition), from: max(0, start.next))
        }
        for name in (journal.last?.record.partitions ?? []).dropFirst(nexts.count) {
            guard let partition = TopicPartition(name) else { continue }
            add(Int(partition.partition), from: 0)
        }
        // As the engine's: what was journalled is committed with the next epoch, if it was not.
        for number in nexts.indices { froms[number] = nexts[number] }
        if nexts.isEmpty { adopt() }
    }

    private mutating func add(_ partition: Int, from next: Int64) {
        port.numbered.append(partition)
        nexts.append(next)
        froms.append(-1)
    }

    /// Adds partitions that are there and not read yet.
    private mutating func adopt() {
        for partition in 0..<world.broker.inputs.count where !port.numbered.contains(partition) {
            add(partition, from: world.broker.committed[partition] ?? 0)
        }
    }

    /// Whether there are journalled epochs left.
    var isReplaying: Bool { position < journal.count }

    /// The next journalled epoch.
    mutating func replay() -> (records: [Decider.Record], mark: EpochMark)? {
        guard isReplaying else { return nil }
        let epoch = journal[position]
        position += 1
        var records: [Decider.Record] = []
        for target in epoch.record.offsets {
            records += world.records(
                port.numbered[target.partition],
                as: target.partition,
                from: nexts[target.partition],
                to: target.next
            )
            nexts[target.partition] = target.next
        }
        var mark = epoch.mark
        mark.partitions = port.partitions
        return (records, mark)
    }

    /// A new epoch: some of what is there.
    mutating func epoch(at clock: Int64) -> (records: [Decider.Record], mark: EpochMark) {
        var mark = EpochMark()
        mark.wallClock = EventTime(milliseconds: clock)
        mark.partitionCount = nexts.count
        mark.partitions = port.partitions
        var records: [Decider.Record] = []
        // The broker answers for partitions in any order.
        let first = nexts.isEmpty ? 0 : Int(world.within(0...Int64(nexts.count - 1)))
        for step in nexts.indices {
            let number = (first + step) % nexts.count
            let log = world.broker.inputs[port.numbered[number]]
            let limit = world.draw(500) ? Int.max : Int(world.within(0...6))
            let isAnswering = world.broker.isUp
            let found =
                isAnswering
                ? world.broker.read(log, from: nexts[number], limit: limit)
                : ([], nexts[number], -1)
            for (offset, entry) in found.0 {
                records.append(Decider.Record(partition: number, offset: offset, entry: entry))
            }
            if found.1 > nexts[number] {
                if froms[number] < 0 { froms[number] = nexts[number] }
                nexts[number] = found.1
            }
            if found.1 == found.2, isAnswering { mark.idlePartitions.append(number) }
        }
        mark.idlePartitions.sort()
        for number in nexts.indices where froms[number] >= 0 {
            mark.offsets.append((number, froms[number], nexts[number]))
            froms[number] = -1
        }
        if let change = world.seams.mark {
            change(&mark, port.numbered.map { world.broker.inputs[$0].end })
        }
        adopt()
        return (records, mark)
    }
}
