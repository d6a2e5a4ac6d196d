import Foundation
import Pipeline
import Snapshots
import Testing

/// Stories that are interrupted by a restart: what comes after it must not change.
@Suite("Restart")
struct RestartTests {
    private static var seeds: ClosedRange<UInt64> {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["COLLIE_SEED"].flatMap({ UInt64($0) }) { return one...one }
        return 1...(environment["COLLIE_RESTARTS"].flatMap { UInt64($0) } ?? 400)
    }

    @Test(arguments: 0..<UInt64(2))
    func `a run goes on from a snapshot as if nothing had happened`(part: UInt64) throws {
        for seed in Self.seeds where seed % 2 == part {
            let story = StoryTeller.story(seed)
            let rules = CompiledRules(story.rules)
            let (before, after) = (1 + Int(seed % 4), 1 + Int(seed / 4 % 4))
            let half = Int(seed / 16) % (story.moments.count + 1)
            let (first, second) = (
                Array(story.moments[..<half]), Array(story.moments[half...])
            )
            func run(_ shards: Int) -> PipelineRun {
                PipelineRun(
                    rules: rules,
                    shards: shards,
                    partitions: story.partitions,
                    isReading: false
                )
            }
            var whole = run(before)
            whole.play(first)
            whole.play(second)
            var broken = run(before)
            broken.play(first)
            let folder = TemporaryFolder()
            let file = try broken.restart(rules: rules, shards: after, in: folder.snapshots)
            let again = try broken.save(to: TemporaryFolder().snapshots)
            broken.play(second)
            let name = "seed \(seed): \(before) shards, then \(after), after \(half) moments"
            #expect(whole.bytes == broken.bytes, "\(name)")
            #expect(file.digests == again.digests, "\(name): saved again")
            if whole.bytes != broken.bytes || file.digests != again.digests { return }
        }
    }

    @Test func `instances with other numbers of shards write the same files`() throws {
        for seed in UInt64(1)...24 {
            let story = StoryTeller.story(seed)
            let rules = CompiledRules(story.rules)
            var files: [Data] = []
            for shards in 1...4 {
                var run = PipelineRun(
                    rules: rules,
                    shards: shards,
                    partitions: story.partitions,
                    isReading: false
                )
                run.play(story.moments)
                let folder = TemporaryFolder()
                let file = try run.save(to: folder.snapshots)
                files.append(
                    try withExtendedLifetime(folder) {
                        try Data(contentsOf: URL(fileURLWithPath: file.path))
                    }
                )
            }
            #expect(Set(files).count == 1, "seed \(seed)")
        }
    }
}

extension SnapshotFile {
    /// A digest of each section and range.
    var digests: [UInt64] {
        (0..<UInt8(64)).map { digest(section: $0) }
            + (0..<UInt8(64)).map { digest(section: StateSection.profiles.rawValue, range: $0) }
    }
}

/// A folder that goes when the last reference goes.
final class TemporaryFolder {
    let path = NSTemporaryDirectory() + "collie-\(UUID().uuidString)"
    var snapshots: SnapshotFolder { SnapshotFolder(path) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
