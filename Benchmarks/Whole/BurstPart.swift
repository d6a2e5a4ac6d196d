import LoadTesting

/// Ten times the traffic for a while: how soon the lag is gone, and whether memory comes back.
struct BurstPart {
    /// What is usual, as a share of what sender, broker and Collie reach together: ten times that is
    /// more than they can.
    private static let share = 0.15
    private static let people = 1_000

    static func run(_ bench: Bench) throws -> Findings {
        let usual = try LatencyPart.liveRate(.exactlyOnce, bench) * share
        let deployment = try Deployment(bench, .exactlyOnce, hasShortWindows: true)
        try deployment.start()
        say("burst: \(bench.options.burst * 10) s, \(grouped(usual))/s and ten times that")
        let same = ["--shoppers", "\(people)", "--seed", "1", "--pace", "0.02"]
        // So that everybody is known before, and what comes to stay is there.
        let rate = max(1, Int(usual * 3))
        let warmUp = max(30, ShortWindows.settlingEvents(people) / rate)
        try deployment.load(
            same + ["--rate", "\(rate)", "--span", "\(warmUp)s", "--drain", "5s"]
        ).finish()
        let fresh = try deployment.resident()
        // Once as fast as it goes, so that every buffer was full before: what is looked for is what a
        // burst leaves behind each time.
        try deployment.load(
            same + ["--rate", "20000", "--span", "10s", "--speed", "max", "--drain", "20s"]
        ).finish()
        let load = try deployment.load(
            same + [
                // Nine tenths of the time at a rate, one at ten times that.
                "--rate", "\(Int(usual * 1.9))", "--span", "\(bench.options.burst * 10)s",
                "--curve", "flash", "--drain", "\(bench.options.burst * 2)s",
            ]
        )
        let samples = try Samples(of: deployment, while: load, every: 0.2)
        try load.finish()
        let report = try LatencyPart.report(of: load)
        guard report.events.errors == 0 else {
            throw Failure("\(report.events.errors) events could not be sent")
        }
        try deployment.stop()
        return try describe(samples, usual, report.events.behindMilliseconds, fresh, bench)
    }

    private static func describe(
        _ samples: Samples,
        _ usual: Double,
        _ behind: Double,
        _ fresh: Int,
        _ bench: Bench
    ) throws -> Findings {
        let all = samples.all
        // A burst lasts while more than three times the usual comes, seen over a second.
        let busy = all.indices.dropFirst(5).filter { samples.rate($0 - 5, $0) > 3 * usual }
        guard let first = busy.first, let last = busy.last, first > 20 else {
            throw Failure("no burst was to be seen in what came")
        }
        let lasted = all[last].second - all[first].second
        // What half a second brings is no lag.
        let none = usual / 2
        let gone = all[last...].first { $0.lag <= none }
        let before = samples.resident(first / 2..<first - 5)
        let peak = all[first...].map(\.resident).max() ?? 0
        let after = samples.resident(all.count - (all.count - last) / 4..<all.count)
        var findings = Findings(
            title: "Burst",
            note: "`collie load --curve flash`, exactly-once: \(grouped(usual)) events/s, which is "
                + "\(percent(share)) of what sender, broker and Collie reach together, and ten times "
                + "that for \(bench.options.burst) s; 1,000 people, all known before, and 200,000 events "
                + "as fast as it went, so that every buffer was full once. No lag is what half a "
                + "second of the usual brings."
        )
        findings.add(
            "burst, as it came",
            "\(grouped(samples.rate(first, last))) events/s for \(decimal(lasted, 1)) s",
            ratio: behind > 1_000
                ? "the sender was up to \(decimal(behind / 1_000, 1)) s behind" : ""
        )
        findings.add("largest lag", grouped(all.map(\.lag).max() ?? 0) + " events")
        let wait = gone.map { $0.second - all[last].second }
        findings.add(
            "lag gone behind the burst",
            wait.map { decimal($0, 1) + " s" } ?? "never",
            ratio: wait.map { percent($0 / lasted) + " of the burst" } ?? "",
            goal: "< the burst",
            isMet: wait.map { $0 < lasted } ?? false
        )
        findings.add("resident when nothing had come fast yet", mebibytes(fresh))
        findings.add("resident before", mebibytes(before))
        findings.add("resident at most", mebibytes(peak), ratio: times(peak, before))
        findings.add(
            "resident in the end",
            mebibytes(after),
            ratio: times(after, before),
            goal: "≤ 1.1 times before",
            isMet: Double(after) <= 1.1 * Double(before)
        )
        findings.plots = plots(samples)
        return findings
    }

    private static func times(_ one: Int, _ other: Int) -> String {
        decimal(Double(one) / Double(max(1, other))) + " times before"
    }

    private static func plots(_ samples: Samples) -> [Plot] {
        let all = samples.all
        let sent = all.indices.dropFirst(5).map { (all[$0].second, samples.rate($0 - 5, $0)) }
        return [
            Plot(
                title: "Burst: events",
                unit: "events/s and events",
                content: .lines(
                    [
                        Plot.Line(name: "sent a second", points: sent),
                        Plot.Line(name: "lag", points: all.map { ($0.second, $0.lag) }),
                    ],
                    across: "seconds"
                )
            ),
            samples.memoryPlot("Burst"),
        ]
    }
}
