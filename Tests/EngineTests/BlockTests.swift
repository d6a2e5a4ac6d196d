import Encoding
import Events
import Foundation
import LoadTesting
import Pipeline
import Testing

@testable import Engine

/// Fills one block an epoch and waits until it is committed; sees which blocks it was given.
private final class PatientSource: RecordSource, OutputSink, @unchecked Sendable {
    // @unchecked: the source's thread reads and notes, that of the sink only signals.
    private let file: FileSource
    private let committed = DispatchSemaphore(value: 1)
    private(set) var blocks: Set<ObjectIdentifier> = []
    private(set) var epochs = 0

    init(_ path: String) throws { file = try FileSource([path]) }

    func fill(_ block: EventBlock) throws -> SourceTurn {
        committed.wait()
        if file.isDone { return .end }
        _ = try file.read(block)
        blocks.insert(ObjectIdentifier(block))
        epochs += 1
        var mark = EpochMark()
        mark.wallClock = EventTime(second: 1_777_939_200)
        return .epochEnd(mark)
    }

    func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {}

    func commit(_ mark: EpochMark?) throws { committed.signal() }
}

@Suite("Blocks")
struct BlockTests {
    @Test(arguments: [1, 3])
    func `as few blocks are in use as are needed`(decoders: Int) throws {
        let replay = try Replay()
        let file = try TrafficFile(events: 6_000, shoppers: 400, seed: 11)
        let source = try PatientSource(file.path)
        var configuration = Engine.Configuration()
        configuration.shards = 2
        configuration.decoders = decoders
        configuration.isLive = true
        configuration.block = .init(rawBytes: 1 << 17, textBytes: 1 << 17, records: 128)
        let engine = Engine(configuration: configuration, rules: replay.rules)
        _ = try engine.run(source: source, makeDecoder: { replay.decoder() }, sink: source)
        #expect(source.epochs > 40)
        // One that is filled while the one before is committed, which is free by then.
        #expect(source.blocks.count <= 2)
    }
}
