import Foundation
import Kafka
import Pipeline
import Snapshots
import Synchronization
import Testing

@testable import Engine

/// An engine that is saved and goes on from there decides what one decides that never stopped.
@Suite("Snapshots of a running engine", .serialized)
struct SnapshotKeeperTests {
    private static let blocksPerEpoch = 2
    private let replay: Replay
    private let file: TrafficFile
    private let folder: String

    init() throws {
        replay = try Replay()
        file = try TrafficFile(events: 8_000, shoppers: 300, seed: 5)
        folder = NSTemporaryDirectory() + "collie-keeper-\(UUID().uuidString)"
    }

    /// What a run left.
    private struct Outcome {
        /// The epoch that it began behind.
        var first: UInt64
        var epochs: [UInt64: [Data]]
        var log: [String]
        var longestPause: Duration
    }

    /// Runs an engine over the epochs up to one; it begins with what the folder holds.
    ///
    /// - Parameters:
    ///   - replayed: up to where epochs were committed before.
    ///   - disk: where it saves its state, epoch by epoch; nil saves nothing.
    private func run(
        shards: Int,
        replayed: UInt64,
        through last: UInt64,
        to disk: SnapshotFolder?,
        sink: EpochSink = EpochSink()
    ) throws -> Outcome {
        let lines = Mutex<[String]>([])
        let log = KafkaLog { level, text in lines.withLock { $0.append("\(level): \(text)") } }
        var configuration = Engine.Configuration()
        configuration.shards = shards
        configuration.isLive = true
        configuration.block = EpochSource.block
        let start = try SnapshotRecovery(
            folder: SnapshotFolder(folder),
            rules: replay.rules,
            configuration: configuration,
            fingerprint: "f",
            log: log
        ).start {}
        let first = start.header?.epoch ?? 0
        let source = try EpochSource(
            file.path,
            blocksPerEpoch: SnapshotKeeperTests.blocksPerEpoch,
            behind: first,
            replayed: replayed,
            through: last
        )
        let keeper = disk.map { disk in
            var settings = SnapshotKeeper.Configuration(folder: disk)
            settings.interval = .zero
            settings.waitsForChild = true
            return SnapshotKeeper(
                settings,
                startingAt: start.header,
                fingerprint: "f",
                log: log
            )
        }
        keeper?.leading = { (0, "leader") }
        _ = try Engine(configuration: configuration, rules: replay.rules).run(
            source: source,
            makeDecoder: { replay.decoder() },
            sink: sink,
            state: start.state,
            keeper: keeper
        )
        return Outcome(
            first: first,
            epochs: sink.epochs,
            log: lines.withLock { $0 },
            longestPause: keeper?.longestPause ?? .zero
        )
    }

    private func expectSame(
        _ found: [UInt64: [Data]],
        _ due: [UInt64: [Data]],
        _ epochs: ClosedRange<UInt64>
    ) {
        #expect(found.keys.sorted() == Array(epochs))
        for epoch in epochs { #expect(found[epoch] == due[epoch], "epoch \(epoch)") }
    }

    @Test(arguments: DiskFault.allCases)
    func `a disk that refuses costs snapshots and nothing else`(fault: DiskFault) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let peace = try run(shards: 1, replayed: 0, through: 30, to: nil)
        #expect(peace.epochs.values.map(\.count).reduce(0, +) > 1_000)

        let good = try run(shards: 1, replayed: 0, through: 10, to: SnapshotFolder(folder))
        expectSame(good.epochs, peace.epochs, 1...10)
        #expect(!good.log.contains { $0.contains("no snapshot") })
        #expect(good.longestPause > .zero)

        let bad = try run(shards: 1, replayed: 10, through: 20, to: fault.folder(folder))
        #expect(bad.first == 10)
        expectSame(bad.epochs, peace.epochs, 11...20)
        if let complaint = fault.complaint {
            let loud = bad.log.filter { $0.hasPrefix("error: no snapshot: ") }
            #expect(
                !loud.isEmpty
                    && loud.allSatisfy { $0.contains("goes through the log from epoch 10 on") }
            )
            #expect(loud.contains { $0.contains(complaint) }, "\(loud)")
        } else {
            #expect(!bad.log.contains { $0.contains("no snapshot") })
        }

        // The process that saves at the end is the engine's own, which nothing kills here.
        let survives = fault.complaint == nil || fault == .takesTheSaverWithIt
        let again = try run(shards: 2, replayed: 20, through: 30, to: SnapshotFolder(folder))
        #expect(again.first == (survives ? 20 : 10))
        expectSame(again.epochs, peace.epochs, 21...30)
    }

    @Test func `an epoch that may not count is not saved`() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let disk = SnapshotFolder(folder)
        let good = try run(shards: 1, replayed: 0, through: 6, to: disk)
        let saved = try disk.list()
        #expect(saved.count == 2 && saved[0].contains("006.snapshot"))
        let doubtful = try run(
            shards: 1,
            replayed: 6,
            through: 12,
            to: disk,
            sink: EpochSink(isConfirmed: false)
        )
        #expect(doubtful.epochs.count == 6)
        #expect(try disk.list() == saved)
        #expect(!(good.log + doubtful.log).contains { $0.contains("no snapshot") })
    }
}
