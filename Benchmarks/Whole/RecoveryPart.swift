import Foundation
import Glibc

/// From `kill -9` to live again: a snapshot of a shop of many people, and a minute of events behind
/// it; and how long saving holds up the engine.
struct RecoveryPart {
    /// The tail behind the snapshot: what a minute of a busy shop brings.
    private static let rate = 20_000
    private static let seconds = 60
    private static let goal = 10.0
    /// Views, carts and orders of everybody there is.
    private static let eventsPerPerson = 2.5

    private struct Start {
        /// From the start of the process until it leads and reads what is new.
        var live: Double
        /// The snapshot's part of it.
        var restored: Double
        /// Seconds of processor time until it leads.
        var processor: Double
        var resident: Int
    }

    static func run(_ bench: Bench) throws -> Findings {
        let people = bench.options.people
        let deployment = try Deployment(bench, .exactlyOnce, interval: "20s")
        try bench.fill(
            deployment.events,
            config: deployment.config,
            events: Int(Double(people) * eventsPerPerson),
            shoppers: people
        )
        let filled = try deployment.records()
        try deployment.start(isVerbose: true)
        say("recovery: works off \(grouped(Double(filled))) events")
        let begin = ContinuousClock.now
        try deployment.worksOff(filled, within: .seconds(3_600))
        let rate = Double(filled) / ((ContinuousClock.now - begin) / .seconds(1))
        let busy = try pauses(deployment.told())
        say("recovery: saves at \(grouped(Double(self.rate))) events/s")
        let saved = try saveUnderLoad(deployment, people)
        let calm = try pauses(deployment.told()).dropFirst(busy.count)
        try deployment.kill()
        try deployment.stopSaving()
        try deployment.start(within: .seconds(600))
        say("recovery: a tail of \(seconds) s at \(grouped(Double(self.rate))) events/s")
        let before = try deployment.records()
        try load(deployment, people, seconds: seconds).finish()
        let tail = try deployment.records() - before
        try deployment.worksOff(before + tail, within: .seconds(600))
        let starts = try (0..<bench.options.rounds).map { _ in try startAgain(deployment) }
        try deployment.stop()
        return describe(rate, busy, Array(calm), saved, tail, starts)
    }

    private static func load(
        _ deployment: Deployment,
        _ people: Int,
        seconds: Int
    ) throws -> Program {
        try deployment.load([
            "--rate", "\(rate)", "--span", "\(seconds)s", "--shoppers", "\(people)", "--seed", "1",
            "--drain", "5s",
        ])
    }

    // MARK: Saving

    private struct Saved {
        var profiles: Double
        var bytes: Double
        var seconds: Double
    }

    /// Lets events come until a snapshot is saved that was begun among them.
    private static func saveUnderLoad(_ deployment: Deployment, _ people: Int) throws -> Saved {
        let load = try load(deployment, people, seconds: 3_600)
        defer { load.send(SIGKILL) }
        let earlier = try pauses(deployment.told()).count
        let deadline = ContinuousClock.now + .seconds(900)
        while true {
            let told = try deployment.told()
            let all = saves(told)
            // Two, so that there is more than one pause; a save in the beginning was of before.
            if all.count > earlier + 2, let last = all.last { return last }
            if let end = load.end { throw Failure("collie load ended with \(end.code)") }
            if ContinuousClock.now > deadline {
                throw Failure("no snapshot was saved:\n\(told.suffix(2_000))")
            }
            usleep(200_000)
        }
    }

    /// Reads lines such as `snapshot: epoch 7, 100 profiles, 1.5 MB, 0.2 s`.
    private static func saves(_ told: String) -> [Saved] {
        told.split(separator: "\n").compactMap { line in
            guard let begin = line.firstRange(of: "snapshot: epoch ") else { return nil }
            let words = line[begin.upperBound...].split(separator: " ")
            guard words.count >= 7, let profiles = Double(words[1]), let size = Double(words[3]),
                let seconds = Double(words[5])
            else { return nil }
            return Saved(profiles: profiles, bytes: size * 1e6, seconds: seconds)
        }
    }

    /// Reads lines such as `…; the pause was 0.0125 seconds`, in milliseconds.
    private static func pauses(_ told: String) throws -> [Double] {
        told.split(separator: "\n").compactMap { line in
            guard let begin = line.firstRange(of: "the pause was ") else { return nil }
            return line[begin.upperBound...].split(separator: " ").first
                .flatMap { Double($0) }.map { $0 * 1_000 }
        }
    }

    // MARK: Starting again

    private static func startAgain(_ deployment: Deployment) throws -> Start {
        try deployment.kill()
        let begin = ContinuousClock.now
        try deployment.start(within: .seconds(600))
        let live = (ContinuousClock.now - begin) / .seconds(1)
        let told = try deployment.told()
        let words = told.components(separatedBy: " restored in ").dropFirst().first ?? ""
        guard let restored = words.split(separator: " ").first.flatMap({ Double($0) }) else {
            throw Failure("no snapshot was restored:\n\(told.suffix(2_000))")
        }
        let start = Start(
            live: live,
            restored: restored,
            processor: try deployment.processor(),
            resident: try deployment.resident()
        )
        say(
            "  live after \(decimal(live)) s, of which \(decimal(restored)) s for the snapshot; "
                + "\(decimal(start.processor)) CPU-s"
        )
        return start
    }

    // MARK: What it came to

    private static func describe(
        _ rate: Double,
        _ busy: [Double],
        _ calm: [Double],
        _ saved: Saved,
        _ tail: Int64,
        _ starts: [Start]
    ) -> Findings {
        var findings = Findings(
            title: "Recovery",
            note: "A generated shop through Kafka, exactly-once, a snapshot every 20 s; then, "
                + "\(grouped(Double(tail))) events behind the last one, at "
                + "\(grouped(Double(self.rate)))/s of the same people, `kill -9`, and a start when "
                + "the group has forgotten the member. Live is when it leads and reads what is new. "
                + "Medians of \(starts.count)."
        )
        func middle(_ value: (Start) -> Double) -> Double { median(starts.map(value)) }
        findings.add("made by events, with snapshots", grouped(rate) + " events/s")
        findings.add("profiles", grouped(saved.profiles))
        findings.add(
            "snapshot",
            decimal(saved.bytes / saved.profiles, 0) + " bytes a profile",
            ratio:
                "\(decimal(saved.seconds, 1)) s to save at \(grouped(Double(self.rate))) events/s"
        )
        for (name, all) in [("as fast as it goes", busy), ("at 20,000 events/s", calm)] {
            findings.add(
                "the engine stood still for a snapshot, \(name)",
                all.isEmpty
                    ? "none was made"
                    : "\(decimal(median(all), 0)) ms, longest \(decimal(all.max() ?? 0, 0)) ms "
                        + "of \(all.count)"
            )
        }
        let live = middle(\.live)
        findings.add(
            "restored and live",
            decimal(live) + " s",
            ratio: "\(decimal(middle(\.processor), 1)) CPU-s",
            goal: "< \(decimal(goal, 0)) s",
            isMet: live < goal
        )
        findings.add("of which for the snapshot", decimal(middle(\.restored)) + " s")
        findings.add(
            "the tail",
            grouped(Double(tail) / middle { $0.live - $0.restored }) + " events/s"
        )
        findings.add(
            "resident when live",
            decimal(middle { Double($0.resident) } / saved.profiles, 0) + " bytes a profile"
        )
        return findings
    }
}
