package import Encoding
package import Events
import Memory
package import Profiles

/// The whole pipeline on one thread: resolver and shards, one after the other.
///
/// What scenarios, the reference tests and the simulator drive. It does what the engine does with
/// threads and rings, in the simplest order that is allowed.
package struct SerialPipeline: ~Copyable {
    /// The ordered stage.
    package var resolver: Resolver
    /// The shards, for whoever saves them.
    package let lender: Shards
    private var shards: [Box] { lender.boxes }
    // Parcels under way, by giver and taker.
    private var parcels: [[ParcelBox]]
    /// The epochs collected so far.
    package private(set) var epoch: UInt64

    // A shard is not copyable, so it stands in a box.
    fileprivate final class Box {
        var pipeline: ShardPipeline
        var delivered = 0

        init(_ rules: CompiledRules, _ limits: ProfileLimits) {
            pipeline = ShardPipeline(rules: rules, limits: limits)
        }
    }

    /// Lends the shards.
    package struct Shards: ShardLender {
        fileprivate let boxes: [Box]

        /// How many shards there are.
        package var shardCount: Int { boxes.count }

        /// Calls the closure with a shard, borrowed for the call.
        package func withShard(_ index: Int, _ body: (borrowing ShardPipeline) -> Void) {
            body(boxes[index].pipeline)
        }
    }

    private final class ParcelBox {
        var parcel = Parcel()
    }

    /// Makes a pipeline of so many shards.
    package init(
        rules: CompiledRules,
        shards count: Int,
        partitions: Int = 1,
        limits: ProfileLimits = ProfileLimits()
    ) {
        self.init(
            resolver: Resolver(rules: rules, shards: count, partitions: partitions),
            rules: rules,
            shards: count,
            epoch: 0,
            limits: limits
        )
    }

    /// Makes a pipeline that goes on behind an epoch with a resolver that was restored; its shards
    /// are put in place next.
    package init(
        resolver: consuming Resolver,
        rules: CompiledRules,
        shards count: Int,
        epoch: UInt64,
        limits: ProfileLimits = ProfileLimits()
    ) {
        self.resolver = resolver
        lender = Shards(boxes: (0..<count).map { _ in Box(rules, limits) })
        parcels = Array(repeating: [], count: count * count)
        self.epoch = epoch
    }

    /// Puts a shard that was restored in its place.
    package mutating func put(_ shard: consuming ShardPipeline, at index: Int) {
        lender.boxes[index].pipeline = shard
    }

    /// Applies all records of a decoded block.
    package mutating func apply(_ block: EventBlock) {
        for index in 0..<block.count {
            resolver.apply(index, of: block, number: 0)
            deliver(block)
        }
    }

    /// Lets the wall clock move: all partitions are caught up.
    package mutating func tick(_ clock: EventTime) {
        resolver.wallClock = clock
        resolver.idleAll(at: clock)
        resolver.settleIdle()
    }

    /// Lets event time pass through a second, as after the end of a file.
    package mutating func pass(through second: Int64) { resolver.pass(through: second) }

    /// The earliest second at which any timer may be due, or nil without timers.
    package var earliestTimer: Int64? {
        var earliest: Int64?
        for box in shards {
            if let due = box.pipeline.earliestTimer { earliest = min(earliest ?? due, due) }
        }
        return earliest
    }

    /// Bytes of memory by part, of all shards and the resolver.
    package var memoryUse: [MemoryUse] {
        var parts: [MemoryUse] = []
        for (index, first) in (shards.first?.pipeline.memoryUse ?? []).enumerated() {
            let bytes = shards.reduce(0) { $0 + $1.pipeline.memoryUse[index].bytes }
            parts.append(MemoryUse(part: first.part, bytes: bytes))
        }
        return parts + resolver.memoryUse
    }

    /// Counters of all shards together.
    package var counters: [ShardCounters] { shards.map { $0.pipeline.counters } }

    /// Ends an epoch and calls the closure with every output, in order.
    package mutating func collect(_ body: (OutputRecord, OutputBuffer) -> Void) {
        epoch += 1
        resolver.endEpoch(epoch)
        deliver(nil)
        var found: [(OutputRecord, OutputBuffer)] = []
        let buffers = [resolver.output] + shards.map { $0.pipeline.output }
        for buffer in buffers {
            for index in 0..<buffer.records.count { found.append((buffer.records[index], buffer)) }
        }
        found.sort { $0.0.order < $1.0.order }
        for (record, buffer) in found { body(record, buffer) }
        for buffer in buffers { buffer.removeAll() }
    }

    /// Hands over what the resolver has said, until every shard has done all of it.
    private mutating func deliver(_ block: EventBlock?) {
        for box in shards { box.delivered = 0 }
        var isWaiting = true
        while isWaiting {
            isWaiting = false
            for shard in shards.indices where !drain(shard, block) { isWaiting = true }
        }
        for outbox in resolver.outboxes { outbox.removeAll() }
    }

    /// Delivers to one shard; false if it waits for a parcel.
    private mutating func drain(_ shard: Int, _ block: EventBlock?) -> Bool {
        let box = shards[shard]
        let outbox = resolver.outboxes[shard]
        while box.delivered < outbox.count {
            let message = outbox[box.delivered]
            let peer = Int(message.peer)
            switch message.verb {
            case .handOver:
                let sent = ParcelBox()
                box.pipeline.handOver(message.slot, into: &sent.parcel)
                parcels[shard * shards.count + peer].append(sent)
            case .takeOver:
                let lane = peer * shards.count + shard
                guard !parcels[lane].isEmpty else { return false }
                let sent = parcels[lane].removeFirst()
                box.pipeline.takeOver(&sent.parcel, message: message)
            default:
                box.pipeline.apply(message, block: block)
            }
            box.delivered += 1
        }
        return true
    }
}
