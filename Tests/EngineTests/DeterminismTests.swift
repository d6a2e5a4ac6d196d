import Decoding
import Engine
import Events
import Foundation
import LoadTesting
import Pipeline
import Settings
import Testing

/// Files of events, as a replay sees them, and what comes out under a configuration.
struct Replay {
    let settings: Settings
    let rules: CompiledRules

    init() throws {
        settings = try Settings.load(
            folder: packageRoot + "config",
            overrides: nil
        )
        rules = CompiledRules(settings.rules)
    }

    /// Replays a file into a sink.
    func run(
        _ paths: [String],
        untilIdle: Bool,
        into sink: any OutputSink
    ) throws -> Engine.Totals {
        var configuration = Engine.Configuration()
        configuration.shards = 2
        configuration.decoders = 2
        configuration.untilIdle = untilIdle
        return try Engine(configuration: configuration, rules: rules).run(
            source: try FileSource(paths),
            makeDecoder: { decoder() },
            sink: sink
        )
    }

    /// A decoder for the configuration's events.
    func decoder() -> EventDecoder {
        EventDecoder(
            plan: settings.plan,
            hashKey: settings.rules.hashKey,
            zones: settings.rules.zones
        )
    }

    /// Replays a file into memory.
    func run(
        _ paths: [String],
        shards: Int,
        decoders: Int,
        epochEvents: Int = 4_096
    ) throws -> Outputs {
        var configuration = Engine.Configuration()
        configuration.shards = shards
        configuration.decoders = decoders
        configuration.epochEvents = epochEvents
        configuration.epochEventsMax = max(100_000, epochEvents)
        configuration.untilIdle = true
        let engine = Engine(configuration: configuration, rules: rules)
        let sink = HashingSink()
        let totals = try engine.run(
            source: try FileSource(paths),
            makeDecoder: { decoder() },
            sink: sink
        )
        return Outputs(
            hash: sink.hash,
            bytes: sink.bytes,
            commands: engine.progress.commands,
            records: totals.resolver.records,
            merges: totals.shards.reduce(0) { $0 + $1.merges }
        )
    }
}

/// What a replay wrote.
struct Outputs: Equatable {
    var hash: UInt64
    var bytes: Int
    var commands: Int
    var records: Int
    var merges: Int
}

/// Where this package stands, with a slash at its end.
let packageRoot = String(#filePath.dropLast("Tests/EngineTests/DeterminismTests.swift".count))

/// A file of simulated traffic that goes when the test is over.
final class TrafficFile {
    let path: String

    init(events: Int, shoppers: Int, seed: UInt64, unpadded: Bool = true) throws {
        path = NSTemporaryDirectory() + "collie-\(UUID().uuidString).ndjson"
        var traffic = ShopTraffic(
            start: EventTime(second: 1_777_852_800),
            span: .hours(24)
        )
        traffic.seed = seed
        traffic.shoppers = shoppers
        // The shop closes early enough; the file is cut at the number of events.
        traffic.eventsPerSecond = Double(events) * 1.4 / 86_400
        traffic.isPadded = !unpadded
        traffic.curve = .daily
        traffic.sharedDeviceShare = 0.1
        var simulation = ShopSimulation(traffic)
        let file = try LineFile(path: path)
        var count = 0
        while count < events, simulation.next() != nil {
            try file.write(simulation.line)
            count += 1
        }
        try file.close()
        precondition(count == events, "the shop made \(count) of \(events) events")
    }

    deinit { unlink(path) }
}

@Suite("Determinism", .serialized)
struct DeterminismTests {
    @Test func `any number of threads and any cut into epochs gives the same bytes`() throws {
        let file = try TrafficFile(events: 200_000, shoppers: 16_000, seed: 7)
        let replay = try Replay()
        let first = try replay.run([file.path], shards: 1, decoders: 1)
        #expect(first.records == 200_000)
        #expect(first.merges > 1_000)
        #expect(first.commands > 5_000)
        for shards in [1, 2, 4] {
            for decoders in [1, 2, 4] where shards > 1 || decoders > 1 {
                let again = try replay.run([file.path], shards: shards, decoders: decoders)
                #expect(again == first, "\(shards) shards, \(decoders) decoders")
            }
        }
        for events in [100, 100_000] {
            let again = try replay.run([file.path], shards: 2, decoders: 2, epochEvents: events)
            #expect(again == first, "epochs of \(events) events")
        }
    }

    @Test func `another seed is another shop`() throws {
        let replay = try Replay()
        let one = try TrafficFile(events: 2_000, shoppers: 200, seed: 1)
        let other = try TrafficFile(events: 2_000, shoppers: 200, seed: 2)
        let outputs = try [one, other].map {
            try replay.run([$0.path], shards: 1, decoders: 1)
        }
        #expect(outputs[0].hash != outputs[1].hash)
    }
}
