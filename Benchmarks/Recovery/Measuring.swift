import Foundation
import Pipeline
import Snapshots

/// Bytes of memory that the process has.
func residentBytes() -> Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * 4_096
}

/// Seconds of processor time that the process has used.
func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

private func text(_ number: Double, _ digits: Int = 2) -> String {
    String(format: "%.\(digits)f", number)
}

/// Makes the state of so many people and saves it.
func make(in folder: String, people: Int) throws {
    let rules = Shop.rules()
    var shop = Shop(SerialPipeline(rules: rules, shards: 2), rules)
    let (clock, cpu) = (ContinuousClock(), processorSeconds())
    var end: Int64 = 0
    let took = clock.measure { end = shop.live(people) } / .seconds(1)
    print(
        "made: \(people) profiles by \(people * 4) events in \(text(took)) s,",
        "\(text((processorSeconds() - cpu) / Double(people * 4) * 1e6)) CPU-s a million events,",
        "\(residentBytes() / people) bytes a profile resident"
    )
    var header = SnapshotHeader(epoch: 1)
    header.created = end
    let before = (residentBytes(), processorSeconds())
    let summary = try shop.pipeline.save(header, to: SnapshotFolder(folder))
    print(
        "saved: \(summary.bytes / people) bytes a profile in the file",
        "(\(summary.unpackedBytes / people) unpacked), \(text(summary.seconds)) s,",
        "\(text(processorSeconds() - before.1)) CPU-s,",
        "\((residentBytes() - before.0) >> 20) MiB more memory meanwhile"
    )
}

/// Restores the newest state of a folder, part by part on threads, and goes on.
func restore(from folder: String, shards: Int, tail: Int) throws {
    let rules = Shop.rules()
    guard let path = try SnapshotFolder(folder).list().first else { return print("no snapshot") }
    let (clock, cpu) = (ContinuousClock(), processorSeconds())
    var restored: ParallelRestore?
    var file: SnapshotFile?
    let took =
        try clock.measure {
            let opened = try SnapshotFile(path: path)
            restored = try ParallelRestore(opened, rules: rules, shards: shards)
            file = opened
        } / .seconds(1)
    guard let file, let restored else { return }
    let people = file.profiles
    let each = restored.seconds.map { text($0) }.joined(separator: ", ")
    let processor = processorSeconds() - cpu
    var pipeline = SerialPipeline(
        resolver: restored.takeResolver(),
        rules: rules,
        shards: shards,
        epoch: file.header.epoch
    )
    var timers = 0
    for index in 0..<shards {
        let shard = restored.takeShard(index)
        timers += shard.timerCount
        pipeline.put(shard, at: index)
    }
    print(
        "restored: \(people) profiles, \(timers) timers into \(shards) shards in \(text(took)) s,",
        "\(text(processor)) CPU-s (identities, messageIds, shards: \(each) s),",
        "\(residentBytes() / people) bytes a profile resident"
    )
    if tail > 0 { goOn(pipeline, rules, file, tail) }
}

/// Goes on with a tail of events, decoded already, on one thread.
private func goOn(
    _ pipeline: consuming SerialPipeline,
    _ rules: CompiledRules,
    _ file: SnapshotFile,
    _ tail: Int
) {
    let people = file.profiles
    var shop = Shop(pipeline, rules, after: people * 4)
    let cpu = processorSeconds()
    let took =
        ContinuousClock().measure {
            shop.goOn(tail, of: people, from: file.header.created, perSecond: 20_000)
        } / .seconds(1)
    print(
        "went on: \(tail) events in \(text(took)) s on one thread,",
        "\(text((processorSeconds() - cpu) / Double(tail) * 1e6)) CPU-s a million events",
        "(with making them), \(shop.outputs) outputs"
    )
}

/// Prints what people with two identifiers and a closed cart take in memory, by part: as they came
/// to be by events, and as they are restored.
func measureProfiles(_ people: Int, shards: Int) throws {
    let rules = Shop.rules()
    let folder = SnapshotFolder(NSTemporaryDirectory() + "collie-profiles-\(getpid())")
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    // The first measurement stands in a process of its own, since memory given back is not the
    // system's at once.
    if let place = CommandLine.arguments.firstIndex(of: "--from") {
        guard let path = try SnapshotFolder(CommandLine.arguments[place + 1]).list().first else {
            return print("no snapshot")
        }
        let before = residentBytes()
        var losses = StateLosses()
        let pipeline = try SnapshotFile(path: path)
            .restorePipeline(rules: rules, shards: shards, losses: &losses)
        report("restored", pipeline.memoryUse, people, residentBytes() - before)
        return
    }
    let before = residentBytes()
    var shop = Shop(SerialPipeline(rules: rules, shards: shards), rules)
    let end = shop.shop(people)
    report("by events", shop.pipeline.memoryUse, people, residentBytes() - before)
    var header = SnapshotHeader(epoch: 1)
    header.created = end
    let summary = try shop.pipeline.save(header, to: folder)
    print("in a file: \(summary.bytes / people) bytes, unpacked \(summary.unpackedBytes / people)")
    let again = Process()
    again.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
    again.arguments =
        ["profiles", "--from", folder.path, "--profiles", "\(people)", "--shards", "\(shards)"]
    try again.run()
    again.waitUntilExit()
}

private func report(_ name: String, _ parts: [MemoryUse], _ people: Int, _ resident: Int) {
    let each = { (bytes: Int) in text(Double(bytes) / Double(people), 1) }
    print("\(name): \(people) profiles, bytes each by part (taken from the system, used or not)")
    for part in parts { print("  \(each(part.bytes))  \(part.part)") }
    let dedupe = parts.last?.bytes ?? 0
    print("  \(each(resident))  resident in all, \(each(resident - dedupe)) without the last part")
}
