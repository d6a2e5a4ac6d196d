import Encoding
import Events
import Identity
import Memory
import Pipeline
import Snapshots

/// Resolver and shards as the engine has them, on one thread.
///
/// Each shard takes its messages in order; how far one is before another within an epoch is drawn
/// by lot, for threads promise nothing else.
final class SimulatedPipeline {
    var resolver: Resolver
    private let boxes: [Box]
    // Parcels under way, by giver and taker.
    private var parcels: [[ParcelBox]]
    private var chance: Chance
    private let seams: Seams
    private var epoch: UInt64

    // A shard is not copyable, so it stands in a box.
    private final class Box {
        var shard: ShardPipeline
        var delivered = 0

        init(_ shard: consuming ShardPipeline) { self.shard = shard }
    }

    private final class ParcelBox {
        var parcel = Parcel()
    }

    /// Begins with nothing.
    init(_ rules: CompiledRules, shards count: Int, chance: Chance, seams: Seams) {
        resolver = Resolver(rules: rules, shards: count)
        boxes = (0..<count).map { _ in Box(ShardPipeline(rules: rules)) }
        parcels = Array(repeating: [], count: count * count)
        epoch = 0
        self.chance = chance
        self.seams = seams
    }

    /// Goes on with what a snapshot holds.
    init(
        _ rules: CompiledRules,
        shards count: Int,
        chance: Chance,
        seams: Seams,
        restoring file: SnapshotFile
    ) throws(SnapshotError) {
        resolver = try file.restoreResolver(rules: rules, shards: count)
        var boxes: [Box] = []
        var losses = StateLosses()
        for index in 0..<count {
            boxes.append(
                Box(try file.restoreShard(index, of: count, rules: rules, losses: &losses))
            )
        }
        self.boxes = boxes
        parcels = Array(repeating: [], count: count * count)
        epoch = file.header.epoch
        self.chance = chance
        self.seams = seams
        if let change = seams.restored { eachProfile(until: change) }
    }

    // MARK: Epochs

    /// Ends an epoch whose records the resolver has seen; the outputs stand in order.
    func endEpoch(_ blocks: [EventBlock]) -> OutputBuffer {
        epoch += 1
        resolver.endEpoch(epoch)
        deliver(blocks)
        var found: [(record: OutputRecord, buffer: OutputBuffer)] = []
        let buffers = [resolver.output] + boxes.map { $0.shard.output }
        for buffer in buffers {
            for index in 0..<buffer.records.count { found.append((buffer.records[index], buffer)) }
        }
        found.sort { $0.record.order < $1.record.order }
        let outputs = OutputBuffer()
        for (record, buffer) in found { outputs.append(record, of: buffer) }
        for buffer in buffers { buffer.removeAll() }
        return outputs
    }

    /// Hands over what the resolver has said, until every shard has done all of it.
    private func deliver(_ blocks: [EventBlock]) {
        for box in boxes { box.delivered = 0 }
        var waiting = Array(boxes.indices)
        var standing = 0
        while !waiting.isEmpty {
            let place = waiting.count == 1 ? 0 : chance.below(waiting.count)
            let count = boxes.count == 1 ? Int.max : 1 + chance.below(6)
            switch drain(waiting[place], blocks, atMost: count) {
            case .isDone:
                waiting.remove(at: place)
                standing = 0
            case .hasMoved: standing = 0
            case .waits:
                standing += 1
                precondition(standing < 1_000, "shards wait for each other")
            }
        }
        for outbox in resolver.outboxes { outbox.removeAll() }
    }

    private enum Turn {
        case isDone, hasMoved, waits
    }

    private func drain(_ index: Int, _ blocks: [EventBlock], atMost count: Int) -> Turn {
        let box = boxes[index]
        let outbox = resolver.outboxes[index]
        var left = count
        while box.delivered < outbox.count {
            if left == 0 { return .hasMoved }
            let message = outbox[box.delivered]
            let peer = Int(message.peer)
            switch message.verb {
            case .handOver:
                let sent = ParcelBox()
                box.shard.open(message.slot)
                seams.beforeHandOver?(&box.shard, message.slot)
                box.shard.handOver(message.slot, into: &sent.parcel)
                parcels[index * boxes.count + peer].append(sent)
            case .takeOver:
                let lane = peer * boxes.count + index
                if parcels[lane].isEmpty { return left == count ? .waits : .hasMoved }
                let sent = parcels[lane].removeFirst()
                box.shard.takeOver(&sent.parcel, message: message)
                seams.afterTakeOver?(&box.shard, message.slot)
            case .event, .link, .everybody:
                box.shard.apply(message, block: blocks[Int(message.block)])
            default:
                box.shard.apply(message, block: nil)
            }
            box.delivered += 1
            left -= 1
        }
        return .isDone
    }

    // MARK: State

    /// Saves all state, between two epochs.
    ///
    /// Answers the file's path.
    func save(_ header: SnapshotHeader, to folder: SnapshotFolder) throws(SnapshotError) -> String {
        try Snapshots.save(
            resolver: resolver,
            shards: Lender(boxes: boxes),
            header: header,
            with: StateWriter(rules: resolver.compiled),
            to: folder
        ).path
    }

    /// A hash of all state that a snapshot would hold: the same for the same history, on any
    /// number of shards.
    func digest() -> UInt64 {
        var writer = StateWriter(rules: resolver.compiled)
        var sink = DigestSink()
        _ = writer.save(resolver, Lender(boxes: boxes), to: &sink)
        return sink.digest.hash
    }

    private struct DigestSink: StateSink, ~Copyable {
        var digest = Digest()

        mutating func take(_ piece: StatePiece, _ bytes: RawSpan) -> Bool {
            digest.add(Int64(piece.section))
            digest.add(bytes)
            return true
        }
    }

    private struct Lender: ShardLender {
        let boxes: [Box]

        var shardCount: Int { boxes.count }

        func withShard(_ index: Int, _ body: (borrowing ShardPipeline) -> Void) {
            body(boxes[index].shard)
        }
    }

    /// Calls the closure for living profiles until it answers true.
    private func eachProfile(until body: (inout ShardPipeline, UInt32) -> Bool) {
        var handle: UInt32 = 1
        while handle <= resolver.graph.profiles.handleMax {
            let record = resolver.graph.profiles[handle]
            handle += 1
            guard record.forward == 0 else { continue }
            let box = boxes[Int(record.shard)]
            box.shard.open(record.slot)
            if body(&box.shard, record.slot) { return }
        }
    }
}
