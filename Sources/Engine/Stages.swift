import CPlatform
import Encoding
import Events
import Kafka
import Memory
import Pipeline
import Rings
import Synchronization

// One class a thread: it owns its ends of the rings, and its `run` is the thread's life. A ring's
// end cannot be copied, so nobody else can read or write there.

/// A ring's reading end in an array.
final class Inlet<Element: BitwiseCopyable> {
    var reader: RingReader<Element>
    init(_ reader: consuming RingReader<Element>) { self.reader = reader }
}

/// A ring's writing end in an array.
final class Outlet<Element: BitwiseCopyable> {
    var writer: RingWriter<Element>
    init(_ writer: consuming RingWriter<Element>) { self.writer = writer }

    /// Puts in and shows what fits of some elements, from one on; answers where it stopped.
    func write(_ elements: borrowing GrowingBuffer<Element>, from first: Int) -> Int {
        Outlet.write(elements, from: first, into: &writer)
    }

    private static func write(
        _ elements: borrowing GrowingBuffer<Element>,
        from first: Int,
        into writer: inout RingWriter<Element>
    ) -> Int {
        var index = first
        while index < elements.count, writer.tryStage(elements[index]) { index += 1 }
        writer.publish()
        return index
    }
}

/// What a block's tag says to the resolver.
enum BlockTag {
    /// Records only.
    static let records: UInt64 = 0
    /// The epoch ends behind the block.
    static let epochEnd: UInt64 = 1
    /// The log ends behind the block.
    static let end: UInt64 = 2
}

/// Fills blocks with raw records.
final class SourceStage: @unchecked Sendable {
    // @unchecked: used by its thread alone.
    private let engine: Engine
    private let source: any RecordSource
    private let decoders: [Outlet<UInt32>]
    private let signal: Signal

    init(
        _ engine: Engine,
        _ source: any RecordSource,
        _ decoders: [Outlet<UInt32>],
        _ signal: Signal
    ) {
        self.engine = engine
        self.source = source
        self.decoders = decoders
        self.signal = signal
    }

    func run() {
        var next: UInt64 = 0
        var isOver = false
        while !isOver {
            var free: Int?
            signal.wait {
                free = engine.freeBlock
                return free != nil || engine.hasFailed
            }
            guard let number = free, !engine.hasFailed else { break }
            let block = engine.blocks[number]
            block.readers.store(engine.configuration.shards, ordering: .relaxed)
            block.reset()
            do {
                switch try source.fill(block) {
                case .records: block.tag = BlockTag.records
                case .epochEnd(let mark):
                    block.tag = BlockTag.epochEnd
                    engine.marks.withLock { $0[next] = mark }
                case .end:
                    block.tag = BlockTag.end
                    isOver = true
                }
            } catch {
                engine.fail(error)
                block.tag = BlockTag.end
                isOver = true
            }
            if engine.shouldStop { isOver = true }
            if isOver { block.tag = BlockTag.end }
            if !decoders[Int(next % UInt64(decoders.count))].writer.write(UInt32(number)) { break }
            next += 1
        }
        for outlet in decoders { outlet.writer.close() }
    }
}

/// Turns raw records into events.
final class DecoderStage: @unchecked Sendable {
    // @unchecked: used by its thread alone.
    private let engine: Engine
    private let decoder: any BlockDecoder
    private var inlet: RingReader<UInt32>
    private var outlet: RingWriter<UInt32>

    init(
        _ engine: Engine,
        _ decoder: any BlockDecoder,
        _ inlet: consuming RingReader<UInt32>,
        _ outlet: consuming RingWriter<UInt32>
    ) {
        self.engine = engine
        self.decoder = decoder
        self.inlet = inlet
        self.outlet = outlet
    }

    func run() {
        while let number = inlet.read() {
            decoder.decode(engine.blocks[Int(number)])
            if !outlet.write(number) { break }
        }
        inlet.cancel()
        outlet.close()
    }
}

/// Resolves events in log order, ends epochs.
final class ResolverStage: @unchecked Sendable {
    // @unchecked: used by its thread alone.
    private let engine: Engine
    private var resolver: Resolver
    private let keeper: SnapshotKeeper?
    private let lender: Lender
    private let decoders: [Inlet<UInt32>]
    private let shards: [Outlet<ShardMessage>]
    private let parts: Outlet<UInt64>
    private let spare: Inlet<UInt64>
    private let buffers: [OutputBuffer]
    private let signal: Signal
    private var current = 0
    private var epoch: UInt64 = 0
    private var eventsInEpoch = 0
    private var epochTick: Int64 = .min
    private var delivered: [Int]
    private var held: [(number: UInt32, sequence: UInt64)] = []
    private var order: EpochOrder
    /// Whether messages were dropped after a failure; what follows them would make no sense.
    private var hasGivenUp = false
    private(set) var counters = ResolverCounters()

    init(
        _ engine: Engine,
        _ resolver: consuming Resolver,
        _ keeper: SnapshotKeeper?,
        _ stages: [ShardStage],
        _ decoders: [Inlet<UInt32>],
        _ shards: [Outlet<ShardMessage>],
        _ parts: Outlet<UInt64>,
        _ spare: Inlet<UInt64>,
        _ buffers: [OutputBuffer],
        _ signal: Signal
    ) {
        self.engine = engine
        self.resolver = resolver
        self.keeper = keeper
        lender = Lender(stages: stages)
        order = EpochOrder(disorder: engine.rules.rules.disorder)
        self.decoders = decoders
        self.shards = shards
        self.parts = parts
        self.spare = spare
        self.buffers = buffers
        self.signal = signal
        delivered = Array(repeating: 0, count: shards.count)
        self.resolver.output = buffers[0]
    }

    func run() {
        var next: UInt64 = 0
        while let number = decoders[Int(next % UInt64(decoders.count))].reader.read() {
            // A failure is known before the block it left half done comes here.
            if engine.hasFailed { break }
            let block = engine.blocks[Int(number)]
            let tag = block.tag
            if engine.configuration.isLive {
                held.append((number, next))
                if tag != BlockTag.records { closeLiveEpoch(next) }
            } else {
                resolveInOrder(block, number)
                resolver.release(block: number)
            }
            flush()
            next += 1
            if tag == BlockTag.end { break }
        }
        // After a failure the epoch stays open, so that nothing of it is committed.
        if !engine.configuration.isLive, !engine.hasFailed {
            endEpoch(nil)
            if engine.configuration.untilIdle { letTimersFire() }
        }
        counters = resolver.counters
        for inlet in decoders { inlet.reader.cancel() }
        for outlet in shards { outlet.writer.close() }
        parts.writer.close()
    }

    // MARK: Files

    private func resolveInOrder(_ block: EventBlock, _ number: UInt32) {
        let wanted = engine.configuration.epochEvents
        var index = 0
        while index < block.count {
            if eventsInEpoch >= wanted {
                let tick = resolver.tick(of: block[event: index], partition: 0)
                if tick != epochTick || eventsInEpoch >= engine.configuration.epochEventsMax {
                    endEpoch(nil)
                }
            }
            // As far as messages are handed on in one go, and not past where the epoch may end.
            let run = min(256 - eventsInEpoch & 255, max(1, wanted - eventsInEpoch))
            let end = min(block.count, index + run)
            ResolverStage.resolve(index..<end, of: block, number, with: &resolver)
            eventsInEpoch += end - index
            index = end
            epochTick = resolver.watermark
            if eventsInEpoch & 255 == 0 { flush() }
        }
    }

    private static func resolve(
        _ range: Range<Int>,
        of block: EventBlock,
        _ number: UInt32,
        with resolver: inout Resolver
    ) {
        let distances = Resolver.distances
        let count = block.count
        for index in range {
            for step in 0..<3 where index + distances[step] < count {
                resolver.prefetch(index + distances[step], of: block, step: step)
            }
            resolver.apply(index, of: block, number: number)
        }
    }

    /// After the last event of a file time goes on, a day an epoch, until nothing can be due.
    private func letTimersFire() {
        guard resolver.watermark != .min else { return }
        for _ in 0..<400 where !hasGivenUp {
            resolver.pass(through: resolver.fired + 86_400)
            endEpoch(nil)
        }
    }

    // MARK: Live

    /// Resolves a whole epoch, ordered by tick, partition and offset, so that the log alone
    /// decides the order, whatever order the broker answered in.
    private func closeLiveEpoch(_ last: UInt64) {
        var mark = engine.marks.withLock { $0.removeValue(forKey: last) }
        if let mark, !mark.isEmpty {
            resolver.addPartitions(upTo: mark.partitionCount)
            for partition in mark.partitions.dropFirst(resolver.places.count) {
                resolver.places.append(
                    Resolver.Place(topic: partition.topic, partition: partition.partition)
                )
            }
            resolver.wallClock = mark.wallClock
        }
        for (number, _) in held {
            order.add(engine.blocks[Int(number)], number: number, for: resolver)
        }
        order.settle()
        let distances = Resolver.distances
        for position in 0..<order.count {
            for step in 0..<3 where position + distances[step] < order.count {
                let next = order[position + distances[step]]
                let block = engine.blocks[Int(next.block)]
                resolver.prefetch(Int(next.index), of: block, step: step)
            }
            let place = order[position]
            let block = engine.blocks[Int(place.block)]
            resolver.apply(Int(place.index), of: block, number: place.block)
            eventsInEpoch += 1
            if eventsInEpoch & 255 == 0 { flush() }
        }
        if let mark, !mark.isEmpty {
            for partition in mark.idlePartitions {
                resolver.idle(partition: partition, at: mark.wallClock)
            }
            resolver.settleIdle()
        }
        for (number, _) in held { resolver.release(block: number) }
        held.removeAll(keepingCapacity: true)
        order.removeAll()
        if let mark { keeper?.note(mark) }
        let isForSnapshot = mark != nil && keeper?.isDue == true
        mark?.isForSnapshot = isForSnapshot
        endEpoch(mark)
        if isForSnapshot, let keeper { save(keeper) }
    }

    // MARK: Snapshots

    /// Lends the shards' state while they have nothing to do.
    private struct Lender: ShardLender {
        let stages: [ShardStage]

        var shardCount: Int { stages.count }

        func withShard(_ index: Int, _ body: (borrowing ShardPipeline) -> Void) {
            body(stages[index].pipeline)
        }
    }

    /// Has the state saved behind the epoch that has just ended.
    ///
    /// When it is committed every shard has done all of it, and none gets anything new meanwhile.
    private func save(_ keeper: SnapshotKeeper) {
        let begun = collie_monotonic_nanoseconds()
        signal.wait { engine.committed.load(ordering: .acquiring) >= epoch || engine.hasFailed }
        let savable = engine.savableEpoch.load(ordering: .relaxed)
        if engine.hasFailed || savable == 0 { return }
        keeper.save(epoch: savable, resolver: resolver, shards: lender, begun: begun)
    }

    /// Saves the last state, after every thread has ended.
    func saveLast() {
        let savable = engine.savableEpoch.load(ordering: .relaxed)
        guard let keeper, savable > 0 else { return }
        keeper.saveLast(epoch: savable, resolver: resolver, shards: lender)
    }

    // MARK: Handing on

    private func endEpoch(_ mark: EpochMark?) {
        epoch += 1
        eventsInEpoch = 0
        if let mark { engine.marks.withLock { $0[1 << 63 | epoch] = mark } }
        resolver.endEpoch(epoch)
        flush()
        if hasGivenUp { return }
        resolver.output.epoch = epoch
        engine.records.store(resolver.counters.records, ordering: .relaxed)
        engine.watermark.store(resolver.watermark, ordering: .relaxed)
        _ = parts.writer.write(UInt64(current))
        // The next buffer that egress has given back; none when it has failed.
        guard let free = spare.reader.read() else {
            hasGivenUp = true
            return
        }
        current = Int(free)
        resolver.output = buffers[current]
    }

    /// Carries messages to the shards in turns: a shard that waits for another's parcel must not
    /// keep that one from its messages.
    ///
    /// After a failure shards may be full for ever. Then each keeps what it got, a beginning of
    /// what it was to get, and gets nothing more: a shard that waits for a parcel waits for one
    /// that is earlier in the log than all that was dropped, or for the end of its sender.
    private func flush() {
        for shard in shards.indices { delivered[shard] = 0 }
        while !hasGivenUp {
            var left = false
            for shard in shards.indices {
                let outbox = resolver.outboxes[shard]
                let first = delivered[shard]
                delivered[shard] = outbox.lend { shards[shard].write($0, from: first) }
                if delivered[shard] < outbox.count { left = true }
            }
            if !left { break }
            if engine.hasFailed {
                hasGivenUp = true
                break
            }
            signal.wait(atMost: .milliseconds(50)) {
                for shard in shards.indices
                where delivered[shard] < resolver.outboxes[shard].count
                    && shards[shard].writer.hasRoom
                {
                    return true
                }
                return false
            }
        }
        for outbox in resolver.outboxes { outbox.removeAll() }
    }
}

extension ShardMessage {
    /// Whether it asks for this block or for none.
    fileprivate func asks(onlyFor number: UInt32) -> Bool {
        switch verb {
        case .event, .everybody, .link: block == number
        default: true
        }
    }
}

/// Decides for its profiles.
///
/// The only owner of their state.
final class ShardStage: @unchecked Sendable {
    // @unchecked: used by its shard's thread alone.
    private let engine: Engine
    private let index: Int
    var pipeline: ShardPipeline
    private let inlet: Inlet<ShardMessage>
    private let peersIn: [Inlet<UInt64>?]
    private let peersOut: [Outlet<UInt64>?]
    private let parts: Outlet<UInt64>
    private let spare: Inlet<UInt64>
    private let buffers: [OutputBuffer]
    private let sourceSignal: Signal
    private var current = 0
    /// Messages that were taken from the ring and are applied next.
    private var batch = GrowingBuffer<ShardMessage>(room: ShardStage.batchMax)
    private var parcel = Parcel()
    // Parcels from this shard to itself, in order; read at once, since take-over follows.
    private var own: [ParcelBox] = []
    private var ownFree: [ParcelBox] = []

    private final class ParcelBox {
        var parcel = Parcel()
    }

    /// How many messages a turn takes.
    private static let batchMax = 256

    init(
        _ engine: Engine,
        _ index: Int,
        _ pipeline: consuming ShardPipeline,
        _ inlet: Inlet<ShardMessage>,
        _ peersIn: [Inlet<UInt64>?],
        _ peersOut: [Outlet<UInt64>?],
        _ parts: Outlet<UInt64>,
        _ spare: Inlet<UInt64>,
        _ buffers: [OutputBuffer],
        _ sourceSignal: Signal
    ) {
        self.engine = engine
        self.index = index
        self.pipeline = pipeline
        self.inlet = inlet
        self.peersIn = peersIn
        self.peersOut = peersOut
        self.parts = parts
        self.spare = spare
        self.buffers = buffers
        self.sourceSignal = sourceSignal
        self.pipeline.output = buffers[0]
    }

    /// One turn: works off what is there, at most a batch.
    ///
    /// Profiles lie all over a memory that is far away; those of the messages ahead are fetched
    /// while others are worked on. False when the ring has ended.
    func turn() -> Bool {
        batch.removeAll()
        let count = inlet.reader.tryRead(atMost: ShardStage.batchMax) { batch.append($0) }
        if count == 0 { return !inlet.reader.hasEnded }
        var index = 0
        while index < count {
            index = ShardStage.run(batch, from: index, on: &pipeline, engine.blocks)
            if index < count {
                apply(batch[index])
                index += 1
            }
        }
        return true
    }

    /// Applies messages from one on; answers where it met one that is the stage's own.
    private static func run(
        _ batch: borrowing GrowingBuffer<ShardMessage>,
        from first: Int,
        on pipeline: inout ShardPipeline,
        _ blocks: [EventBlock]
    ) -> Int {
        let count = batch.count
        let (far, near, next) = ShardPipeline.distances
        // Nearly all messages of a batch are of one block or two: they are held on to, since all
        // threads count who holds a block.
        var number = batch[first].block
        var block = blocks[Int(number)]
        var index = first
        while index < count {
            if !batch[index].asks(onlyFor: number) {
                number = batch[index].block
                block = blocks[Int(number)]
            }
            // At the seam of two blocks nothing is fetched ahead.
            if index + far < count, batch[index + far].asks(onlyFor: number) {
                pipeline.prefetchHeads(batch[index + far], in: block)
            }
            if index + near < count, batch[index + near].asks(onlyFor: number) {
                pipeline.prefetchLists(batch[index + near], in: block)
            }
            if index + next < count { pipeline.prefetchRecords(batch[index + next]) }
            switch batch[index].verb {
            case .handOver, .takeOver, .release, .epochEnd: return index
            default: pipeline.apply(batch[index], in: block)
            }
            index += 1
        }
        return count
    }

    /// Whether there is something to do.
    var isReady: Bool { inlet.reader.isReady }

    /// Tells egress and the other shards that nothing more comes, and nothing more is taken.
    func finish() {
        parts.writer.close()
        for outlet in peersOut { outlet?.writer.close() }
        for inlet in peersIn { inlet?.reader.cancel() }
    }

    private func apply(_ message: ShardMessage) {
        switch message.verb {
        case .handOver: handOver(message)
        case .takeOver: takeOver(message)
        case .release:
            let block = engine.blocks[Int(message.block)]
            // The last reader frees the block and wakes the source, which may wait for it.
            let (_, left) = block.readers.subtract(1, ordering: .acquiringAndReleasing)
            if left == 0 { sourceSignal.notify() }
        case .epochEnd: endEpoch(UInt64(message.value))
        default: break
        }
    }

    private func handOver(_ message: ShardMessage) {
        let peer = Int(message.peer)
        if peer == index {
            let box = ownFree.popLast() ?? ParcelBox()
            pipeline.handOver(message.slot, into: &box.parcel)
            own.append(box)
            return
        }
        pipeline.handOver(message.slot, into: &parcel)
        guard let outlet = peersOut[peer] else { return }
        guard outlet.writer.stage(UInt64(parcel.count)) else { return }
        for index in 0..<parcel.count where !outlet.writer.stage(parcel.word(index)) { return }
        outlet.writer.publish()
    }

    private func takeOver(_ message: ShardMessage) {
        let peer = Int(message.peer)
        if peer == index {
            let box = own.removeFirst()
            pipeline.takeOver(&box.parcel, message: message)
            ownFree.append(box)
            return
        }
        guard let inlet = peersIn[peer], let count = inlet.reader.read() else { return }
        parcel.removeAll()
        for _ in 0..<count {
            guard let word = inlet.reader.read() else { return }
            parcel.append(word: word)
        }
        pipeline.takeOver(&parcel, message: message)
    }

    private func endEpoch(_ epoch: UInt64) {
        pipeline.output.epoch = epoch
        _ = parts.writer.write(UInt64(current))
        guard let free = spare.reader.read() else { return }
        current = Int(free)
        pipeline.output = buffers[current]
    }
}

/// Puts the outputs of all shards in order, writes them, commits the epoch.
final class EgressStage: @unchecked Sendable {
    // @unchecked: used by its thread alone.
    private let engine: Engine
    private let sink: any OutputSink
    private let parts: [Inlet<UInt64>]
    private let spares: [Outlet<UInt64>]
    private let buffers: [[OutputBuffer]]

    private struct Place {
        var order: OutputOrder
        var part: Int32
        var index: Int32
    }

    private var places: [Place] = []
    // Buffers of epochs that are not durable yet.
    private var held: [(part: Int, number: Int)] = []

    init(
        _ engine: Engine,
        _ sink: any OutputSink,
        _ parts: [Inlet<UInt64>],
        _ spares: [Outlet<UInt64>],
        _ buffers: [[OutputBuffer]]
    ) {
        self.engine = engine
        self.sink = sink
        self.parts = parts
        self.spares = spares
        self.buffers = buffers
    }

    func run() {
        var numbers = Array(repeating: 0, count: parts.count)
        while true {
            for part in parts.indices {
                guard let number = parts[part].reader.read() else {
                    do { try sink.finish() } catch { engine.fail(error) }
                    return close()
                }
                numbers[part] = Int(number)
            }
            do { try writeEpoch(numbers) } catch {
                engine.fail(error)
                return close()
            }
            for part in parts.indices { held.append((part, numbers[part])) }
            if !sink.isHolding { giveBack() }
        }
    }

    private func giveBack() {
        for (part, number) in held {
            buffers[part][number].removeAll()
            _ = spares[part].writer.write(UInt64(number))
        }
        held.removeAll(keepingCapacity: true)
    }

    private func close() {
        for inlet in parts { inlet.reader.cancel() }
        for outlet in spares { outlet.writer.close() }
    }

    private func writeEpoch(_ numbers: [Int]) throws {
        places.removeAll(keepingCapacity: true)
        let epoch = buffers[0][numbers[0]].epoch
        let mark = engine.marks.withLock { $0.removeValue(forKey: 1 << 63 | epoch) }
        if let mark, mark.isReplayed {
            // Its outputs are out already; only the state was wanted.
            try sink.commit(mark)
            note(epoch, mark.journalEpoch)
            return
        }
        var commands = 0
        for part in parts.indices {
            let buffer = buffers[part][numbers[part]]
            precondition(buffer.epoch == epoch, "all parts of one epoch")
            for index in 0..<buffer.count {
                if buffer[record: index].topic.rawValue < OutputTopic.decisions.rawValue {
                    commands += 1
                }
                places.append(
                    Place(
                        order: buffer[record: index].order,
                        part: Int32(part),
                        index: Int32(index)
                    )
                )
            }
        }
        places.sort { $0.order < $1.order }
        for place in places {
            let buffer = buffers[Int(place.part)][numbers[Int(place.part)]]
            try sink.write(buffer[record: Int(place.index)], of: buffer)
        }
        try sink.commit(mark)
        engine.outputs.add(places.count, ordering: .relaxed)
        engine.commands.add(commands, ordering: .relaxed)
        note(epoch, sink.savableEpoch)
    }

    private func note(_ epoch: UInt64, _ savableEpoch: UInt64) {
        engine.epochs.add(1, ordering: .relaxed)
        if sink.isHolding { return }
        engine.savableEpoch.store(savableEpoch, ordering: .relaxed)
        engine.committed.store(epoch, ordering: .releasing)
    }
}
