import Encoding
import Pipeline
import Rings
import Shards

/// Makes the rings of an engine, gives each thread its ends, starts the threads and joins them.
final class Wiring {
    /// Output buffers of each part: one being filled, one under way, and the epochs of a transaction.
    private static let buffersPerPart = 2 + EpochCommitter.epochsMax
    /// The rings they go by, which must hold them all.
    private static let buffersMax = 16
    /// Messages between the resolver and a shard.
    private static let messagesMax = 8_192
    /// Words of parcels between two shards.
    private static let wordsMax = 8_192

    private let engine: Engine
    private let keeper: SnapshotKeeper?
    private let shardCount: Int
    private var sourceSignal: Signal { engine.sourceSignal }
    private let resolverSignal = Signal()
    private let egressSignal = Signal()
    private var threads: [EngineThread] = []
    private var executors: [ShardExecutor] = []
    private var stages: [ShardStage] = []
    private var resolver: ResolverStage?

    init(_ engine: Engine, _ keeper: SnapshotKeeper?) {
        self.engine = engine
        self.keeper = keeper
        shardCount = engine.configuration.shards
    }

    /// Runs everything; returns when the last thread has ended.
    func run(
        source: any RecordSource,
        decoders: [any BlockDecoder],
        sink: any OutputSink,
        state: EngineState
    ) -> Engine.Totals {
        connect(source, decoders, sink, state)
        for thread in threads { thread.join() }
        for executor in executors { executor.join() }
        var totals = Engine.Totals()
        totals.resolver = resolver?.counters ?? ResolverCounters()
        totals.shards = stages.map { $0.pipeline.counters }
        return totals
    }

    /// Saves the state of the engine, which has ended.
    func saveLast() { resolver?.saveLast() }

    private func connect(
        _ source: any RecordSource,
        _ decoders: [any BlockDecoder],
        _ sink: any OutputSink,
        _ state: EngineState
    ) {
        executors = (0..<shardCount).map { ShardExecutor(name: "shard-\($0)") }
        let (blocksOut, blocksIn) = startDecoders(decoders)
        let parts = (0...shardCount).map { part -> Signal in
            part == 0 ? resolverSignal : executors[part - 1].signal
        }
        let buffers = parts.map { _ in
            (0..<Wiring.buffersPerPart).map { _ in OutputBuffer() }
        }
        precondition(Wiring.buffersPerPart <= Wiring.buffersMax, "room for all buffers")
        let done = parts.map { pair(UInt64.self, Wiring.buffersMax, $0, egressSignal) }
        let spare = parts.map { pair(UInt64.self, Wiring.buffersMax, egressSignal, $0) }
        // All buffers but the one in use are spare from the beginning.
        for lane in spare {
            for index in 1..<Wiring.buffersPerPart { _ = lane.out.writer.write(UInt64(index)) }
        }
        let messages = executors.map {
            pair(ShardMessage.self, Wiring.messagesMax, resolverSignal, $0.signal)
        }
        startShards(
            messages.map(\.in),
            done.map(\.out),
            spare.map(\.in),
            buffers,
            state
        )
        let resolver = ResolverStage(
            engine,
            state.takeResolver(),
            keeper,
            stages,
            blocksIn,
            messages.map(\.out),
            done[0].out,
            spare[0].in,
            buffers[0],
            resolverSignal
        )
        self.resolver = resolver
        start("resolver") { resolver.run() }
        let egress = EgressStage(engine, sink, done.map(\.in), spare.map(\.out), buffers)
        start("egress") { egress.run() }
        let stage = SourceStage(engine, source, blocksOut, sourceSignal)
        start("source") { stage.run() }
    }

    private func startDecoders(
        _ decoders: [any BlockDecoder]
    ) -> (out: [Outlet<UInt32>], in: [Inlet<UInt32>]) {
        var out: [Outlet<UInt32>] = []
        var inlets: [Inlet<UInt32>] = []
        for (index, decoder) in decoders.enumerated() {
            let signal = Signal()
            let raw = Ring<UInt32>.ends(capacity: 64, writer: sourceSignal, reader: signal)
            let decoded = Ring<UInt32>.ends(capacity: 64, writer: signal, reader: resolverSignal)
            out.append(Outlet(raw.writer))
            inlets.append(Inlet(decoded.reader))
            let stage = DecoderStage(engine, decoder, raw.reader, decoded.writer)
            start("decoder-\(index)") { stage.run() }
        }
        return (out, inlets)
    }

    private func startShards(
        _ messages: [Inlet<ShardMessage>],
        _ done: [Outlet<UInt64>],
        _ spare: [Inlet<UInt64>],
        _ buffers: [[OutputBuffer]],
        _ state: EngineState
    ) {
        var lanes: [[(out: Outlet<UInt64>, in: Inlet<UInt64>)?]] = []
        for from in 0..<shardCount {
            lanes.append(
                (0..<shardCount).map { to in
                    from == to
                        ? nil
                        : pair(
                            UInt64.self,
                            Wiring.wordsMax,
                            executors[from].signal,
                            executors[to].signal
                        )
                }
            )
        }
        for index in 0..<shardCount {
            let stage = ShardStage(
                engine,
                index,
                state.takeShard(index),
                messages[index],
                (0..<shardCount).map { lanes[$0][index]?.in },
                lanes[index].map { $0?.out },
                done[index + 1],
                spare[index + 1],
                buffers[index + 1],
                sourceSignal
            )
            stages.append(stage)
            executors[index].start()
            let shard = Shard(executor: executors[index], stage: stage)
            // Goes to the shard's thread from here, without the pool of Swift's tasks: whoever
            // waits for the engine may stand on its last thread.
            Task.immediateDetached { await shard.run() }
        }
    }

    private func pair<Element>(
        _ type: Element.Type,
        _ capacity: Int,
        _ writer: Signal,
        _ reader: Signal
    ) -> (out: Outlet<Element>, in: Inlet<Element>) {
        let ends = Ring<Element>.ends(capacity: capacity, writer: writer, reader: reader)
        return (Outlet(ends.writer), Inlet(ends.reader))
    }

    private func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = EngineThread(name: name)
        threads.append(thread)
        thread.start(body)
    }
}
