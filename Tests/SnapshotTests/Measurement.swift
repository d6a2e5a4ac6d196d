import Foundation
import Pipeline
import Snapshots
import Testing

/// Prints what saving and restoring cost; asserts only that it comes back whole.
///
/// `COLLIE_PROFILES` says how many profiles: two identifiers, a bought cart, a timer, one send.
@Suite("Snapshot cost", .serialized)
struct Measurement {
    @Test func `saving and restoring are measured`() throws {
        let environment = ProcessInfo.processInfo.environment
        let people = environment["COLLIE_PROFILES"].flatMap { Int($0) } ?? 2_000
        let shards = environment["COLLIE_SHARDS"].flatMap { Int($0) } ?? 2
        let rules = World.rules()
        let folder = TemporaryFolder()
        let file = try save(people, rules, folder)
        try restore(file, people, rules, shards)
    }

    private func save(
        _ people: Int,
        _ rules: CompiledRules,
        _ folder: TemporaryFolder
    ) throws -> SnapshotFile {
        var world = World(rules, shards: 2)
        for number in 0..<people { world.fillCart(number, at: World.start + Int64(number) * 10) }
        let evening = World.start + Int64(people) * 10 + 7_200_000
        for number in 0..<people { world.buy(number, at: evening + Int64(number) * 10) }
        world.flush()
        #expect(world.outputs >= people * 2)
        let before = residentBytes()
        let summary = try world.pipeline.save(SnapshotHeader(epoch: 1), to: folder.snapshots)
        #expect(summary.profiles == people)
        let each = { (number: Int) in String(format: "%.0f", Double(number) / Double(people)) }
        print(
            "snapshot: \(people) profiles, \(before / 1_000_000) MB in memory,",
            "\(summary.bytes / 1_000_000) MB in the file,",
            "\(each(summary.bytes)) bytes a profile (\(each(summary.unpackedBytes)) unpacked),",
            String(format: "saved in %.2f s,", summary.seconds),
            String(format: "%.0f ns a profile,", summary.seconds * 1e9 / Double(people)),
            "\((residentBytes() - before) / 1_000_000) MB more meanwhile"
        )
        return try SnapshotFile(path: summary.path)
    }

    private func restore(
        _ file: SnapshotFile,
        _ people: Int,
        _ rules: CompiledRules,
        _ shards: Int
    ) throws {
        var restored: ParallelRestore?
        let took = try ContinuousClock()
            .measure { restored = try ParallelRestore(file, rules: rules, shards: shards) }
        let parts = try #require(restored)
        let each = parts.seconds.map { String(format: "%.2f", $0) }.joined(separator: ", ")
        print(
            "snapshot: restored into \(shards) shards in",
            String(format: "%.2f s", took / .seconds(1)),
            "(identities, messageIds, shards: \(each) s)"
        )
        let timers = (0..<shards).reduce(0) { $0 + parts.takeShard($1).timerCount }
        #expect(timers == people)
    }

    private func residentBytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * 4_096
    }
}
