import Encoding
package import Events
import Memory
package import Pipeline
package import Profiles
import Rings
import Shards
import Synchronization

/// Joins source, decoders, resolver, shards and egress by rings, and starts and stops them in
/// order.
///
/// Think of a canteen kitchen: trays (blocks) go round, each cook has one place, and what stands
/// between two cooks is a counter of fixed length (a ring). When a counter is full its writer
/// waits, and so, in the end, does the reading. Every thread is named after what it does.
package final class Engine: Sendable {
    /// How much of everything runs.
    package struct Configuration: Sendable {
        /// Shards, each with a thread.
        package var shards = 1
        /// Decoder threads.
        package var decoders = 1
        /// A file's epoch ends behind so many events, where the tick changes.
        package var epochEvents = 4_096
        /// An epoch ends behind so many events in any case.
        package var epochEventsMax = 100_000
        /// Bounds of a block.
        package var block = EventBlock.Capacity()
        /// Lets every timer fire after the last event.
        package var untilIdle = false
        /// Whether the source ends epochs (live), or the resolver cuts them (files).
        package var isLive = false
        /// Bounds of profiles.
        package var limits = ProfileLimits()

        package init() {}
    }

    /// Figures that other threads may read at any time.
    package struct Progress: Sendable {
        /// Records resolved.
        package var records = 0
        /// Outputs written, by `OutputTopic.rawValue`.
        package var outputs = 0
        /// Send commands among them.
        package var commands = 0
        /// Epochs committed.
        package var epochs = 0
        /// The watermark, in seconds.
        package var watermark: Int64 = .min
    }

    let configuration: Configuration
    let rules: CompiledRules
    let blocks: [EventBlock]
    let marks: Mutex<[UInt64: EpochMark]> = Mutex([:])
    private let failure = Mutex<(any Error)?>(nil)
    private let isStopping = Atomic<Bool>(false)
    /// Where the source thread waits for a free block.
    let sourceSignal = Signal()
    let records = Atomic<Int>(0)
    let outputs = Atomic<Int>(0)
    let commands = Atomic<Int>(0)
    let epochs = Atomic<Int>(0)
    let watermark = Atomic<Int64>(.min)
    /// The last of this engine's epochs that was committed, and the journal's number of it, if a
    /// snapshot may be made of it.
    let committed = Atomic<UInt64>(0)
    let savableEpoch = Atomic<UInt64>(0)

    /// Makes an engine that is not started yet.
    package init(configuration: Configuration, rules: CompiledRules) {
        self.configuration = configuration
        self.rules = rules
        // Enough that every decoder has one in hand and one waiting, and the resolver may hold an
        // epoch back.
        let count = 4 * configuration.decoders + 20
        blocks = (0..<count).map { _ in EventBlock(capacity: configuration.block) }
    }

    /// The first block that nobody holds; nil if all are held.
    ///
    /// So as few are in use as are needed, and these stay near; were they to go round, sooner or
    /// later each would have the size that only the busiest moment asks for.
    var freeBlock: Int? { blocks.firstIndex { $0.readers.load(ordering: .acquiring) == 0 } }

    /// Asks the source to end: what was read is worked off and committed.
    package func stop() { isStopping.store(true, ordering: .releasing) }

    var shouldStop: Bool { isStopping.load(ordering: .acquiring) }

    /// Remembers the first failure and stops: what was not committed yet never is.
    func fail(_ error: any Error) {
        failure.withLock { if $0 == nil { $0 = error } }
        stop()
        // It may wait for a block that nobody gives back any more.
        sourceSignal.notify()
    }

    var hasFailed: Bool { failure.withLock { $0 != nil } }

    /// What has been done so far.
    package var progress: Progress {
        var progress = Progress()
        progress.records = records.load(ordering: .relaxed)
        progress.outputs = outputs.load(ordering: .relaxed)
        progress.commands = commands.load(ordering: .relaxed)
        progress.epochs = epochs.load(ordering: .relaxed)
        progress.watermark = watermark.load(ordering: .relaxed)
        return progress
    }

    /// What the resolver and the shards counted, after `run` is over.
    package struct Totals: Sendable {
        package var resolver = ResolverCounters()
        package var shards: [ShardCounters] = []
    }

    /// Runs until the source ends or something fails; the calling thread waits.
    ///
    /// - Parameters:
    ///   - state: what is known already; nil is nothing.
    ///   - keeper: saves the state now and then, and at the end.
    ///   - beforeLastSnapshot: called when all is committed.
    package func run(
        source: any RecordSource,
        makeDecoder: () -> any BlockDecoder,
        sink: any OutputSink,
        state: EngineState? = nil,
        keeper: SnapshotKeeper? = nil,
        beforeLastSnapshot: () -> Void = {}
    ) throws -> Totals {
        let wiring = Wiring(self, keeper)
        let totals = wiring.run(
            source: source,
            decoders: (0..<configuration.decoders).map { _ in makeDecoder() },
            sink: sink,
            state: state ?? EngineState(rules: rules, configuration: configuration)
        )
        if let error = failure.withLock({ $0 }) {
            keeper?.giveUp()
            throw error
        }
        if keeper != nil {
            beforeLastSnapshot()
            wiring.saveLast()
        }
        return totals
    }
}
