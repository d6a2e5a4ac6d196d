import Encoding
import Events
import Foundation
import LoadTesting
import Pipeline
import Synchronization
import Testing

@testable import Engine

/// What the parts of an engine break with in these tests.
private struct Broken: Error, Equatable {
    let part: String
}

/// Reads a file again and again, breaks or ends after so many blocks.
private final class EndlessSource: RecordSource {
    private let path: String
    private let blocks: Int
    private let isBroken: Bool
    private let epochBlocks: Int?
    private var file: FileSource
    private var count = 0

    /// With `epochBlocks` the source ends epochs, as live ones do.
    init(_ path: String, blocks: Int, isBroken: Bool, epochBlocks: Int? = nil) throws {
        self.path = path
        self.blocks = blocks
        self.isBroken = isBroken
        self.epochBlocks = epochBlocks
        file = try FileSource([path])
    }

    func fill(_ block: EventBlock) throws -> SourceTurn {
        if file.isDone { file = try FileSource([path]) }
        // A source may break with a block half full.
        _ = try file.read(block)
        if count == blocks {
            if isBroken { throw Broken(part: "source") }
            return .end
        }
        count += 1
        guard let epochBlocks, count % epochBlocks == 0 else { return .records }
        var mark = EpochMark()
        mark.wallClock = EventTime(second: 1_777_939_200)
        return .epochEnd(mark)
    }
}

/// Takes outputs until it breaks.
private final class BreakingSink: OutputSink {
    private let writes: Int
    private let commits: Int
    private let breaksAtEnd: Bool
    private let pause: Int64
    private(set) var written = 0
    private(set) var uncommitted = 0
    private(set) var committed = 0
    private(set) var finished = 0

    init(writes: Int = .max, commits: Int = .max, breaksAtEnd: Bool = false, pause: Int64 = 0) {
        self.writes = writes
        self.commits = commits
        self.breaksAtEnd = breaksAtEnd
        self.pause = pause
    }

    func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        if written == writes {
            // Time for everything behind it to fill up.
            if pause > 0 { usleep(UInt32(pause) * 1_000) }
            throw Broken(part: "write")
        }
        written += 1
        uncommitted += 1
    }

    func commit(_ mark: EpochMark?) throws {
        if committed == commits { throw Broken(part: "commit") }
        committed += 1
        uncommitted = 0
    }

    func finish() throws {
        finished += 1
        if breaksAtEnd { throw Broken(part: "finish") }
    }
}

@Suite("Failures end the engine", .serialized)
struct FailureTests {
    private let replay: Replay
    private let file: TrafficFile

    init() throws {
        replay = try Replay()
        file = try TrafficFile(events: 6_000, shoppers: 400, seed: 11)
    }

    /// Runs an engine on a thread of its own; what it threw, or nil if it is not over in time.
    private func run(
        _ source: any RecordSource,
        _ sink: any OutputSink,
        shards: Int = 2,
        decoders: Int = 2,
        isLive: Bool = false,
        epochEvents: Int = 256
    ) -> Result<Engine.Totals, any Error>? {
        var configuration = Engine.Configuration()
        configuration.shards = shards
        configuration.decoders = decoders
        configuration.epochEvents = epochEvents
        configuration.isLive = isLive
        configuration.untilIdle = true
        configuration.block = .init(rawBytes: 1 << 17, textBytes: 1 << 17, records: 128)
        let engine = Engine(configuration: configuration, rules: replay.rules)
        let run = Run(engine, source, sink)
        let replay = replay
        let thread = Thread {
            run.outcome = Result {
                try run.engine.run(
                    source: run.source,
                    makeDecoder: { replay.decoder() },
                    sink: run.sink
                )
            }
            run.isOver.signal()
        }
        thread.start()
        return run.isOver.wait(timeout: .now() + 20) == .success ? run.outcome : nil
    }

    private final class Run: @unchecked Sendable {
        // @unchecked: the thread writes the outcome and signals, the test waits and reads.
        let engine: Engine
        let source: any RecordSource
        let sink: any OutputSink
        var outcome: Result<Engine.Totals, any Error>?
        let isOver = DispatchSemaphore(value: 0)

        init(_ engine: Engine, _ source: any RecordSource, _ sink: any OutputSink) {
            self.engine = engine
            self.source = source
            self.sink = sink
        }
    }

    private func expect(
        _ part: String,
        _ outcome: Result<Engine.Totals, any Error>?,
        _ comment: Comment
    ) {
        guard let outcome else {
            Issue.record("the engine hangs: \(comment)")
            return
        }
        #expect(throws: Broken(part: part), comment) { try outcome.get() }
    }

    @Test func `a source that breaks ends it, and what it left half done is not committed`() throws
    {
        for blocks in [0, 1, 3, 12, 13, 100] {
            for (shards, decoders) in [(1, 1), (2, 1), (4, 4)] {
                let sink = BreakingSink()
                let outcome = run(
                    try EndlessSource(file.path, blocks: blocks, isBroken: true),
                    sink,
                    shards: shards,
                    decoders: decoders
                )
                expect("source", outcome, "\(blocks) blocks, \(shards) shards")
                #expect(sink.finished == 1)
                #expect(sink.uncommitted == 0)
                if blocks < 2 { #expect(sink.committed == 0) }
            }
        }
    }

    @Test func `a live source that breaks commits no epoch without its mark`() throws {
        for blocks in [0, 1, 2, 3, 30, 31, 32] {
            let sink = BreakingSink()
            let outcome = run(
                try EndlessSource(file.path, blocks: blocks, isBroken: true, epochBlocks: 3),
                sink,
                isLive: true
            )
            expect("source", outcome, "\(blocks) blocks")
            #expect(sink.committed <= blocks / 3)
            #expect(sink.uncommitted == 0)
        }
    }

    @Test(arguments: [1, 2, 4])
    func `a sink that breaks in the middle of an epoch ends it`(shards: Int) throws {
        for writes in [0, 1, 7, 100, 101, 500, 1_000] {
            for decoders in [1, 3] {
                let outcome = run(
                    try EndlessSource(file.path, blocks: .max, isBroken: false),
                    BreakingSink(writes: writes),
                    shards: shards,
                    decoders: decoders
                )
                expect("write", outcome, "\(writes) writes, \(shards) shards")
            }
        }
    }

    @Test(arguments: [1, 2, 4])
    func `a sink that breaks when everything before it is full ends it`(shards: Int) throws {
        for epochEvents in [1, 32, 100_000] {
            let outcome = run(
                try EndlessSource(
                    file.path,
                    blocks: epochEvents > 32 ? 500 : .max,
                    isBroken: false
                ),
                BreakingSink(writes: 3, pause: 100),
                shards: shards,
                epochEvents: epochEvents
            )
            expect("write", outcome, "epochs of \(epochEvents) events, \(shards) shards")
        }
    }

    @Test func `a sink that cannot commit ends it`() throws {
        for commits in [0, 1, 5, 15] {
            for isLive in [false, true] {
                let sink = BreakingSink(commits: commits)
                let outcome = run(
                    try EndlessSource(
                        file.path,
                        blocks: .max,
                        isBroken: false,
                        epochBlocks: isLive ? 2 : nil
                    ),
                    sink,
                    isLive: isLive
                )
                expect("commit", outcome, "\(commits) commits")
                #expect(sink.committed == commits)
                #expect(sink.finished == 0)
            }
        }
    }

    @Test func `a sink that cannot end is a failure too`() throws {
        let outcome = run(
            try EndlessSource(file.path, blocks: 40, isBroken: false),
            BreakingSink(breaksAtEnd: true)
        )
        expect("finish", outcome, "finish")
    }

    @Test func `engines run side by side where every thread of the pool waits for one`()
        async throws
    {
        let replay = replay
        let path = file.path
        let count = 2 * ProcessInfo.processInfo.activeProcessorCount
        let hashes = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for _ in 0..<count {
                group.addTask { try replay.run([path], shards: 2, decoders: 2).hash }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(hashes.count == count)
        #expect(Set(hashes).count == 1)
    }
}
