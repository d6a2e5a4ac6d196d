import LoadTesting

/// Whether memory grows under a load that stays the same.
struct SteadyBench {
    // Few, so that all that is remembered of them is full within minutes.
    private static let people = 250

    static func run(_ bench: Bench) throws -> Findings {
        let options = bench.options
        let deployment = try Deployment(
            bench,
            .exactlyOnce,
            hasShortWindows: true
        )
        try deployment.start()
        let same = [
            "--shoppers", "\(people)", "--seed", "1", "--pace", "0.02", "--rate",
            "\(options.rate)",
        ]
        let warmUp = max(30, ShortWindows.settlingEvents(people) / options.rate)
        say("steady: \(warmUp) s until all that is remembered is full")
        try deployment.load(same + ["--span", "\(warmUp)s", "--drain", "1s"]).finish()
        say("steady: \(options.minutes) minutes of \(options.rate) events/s")
        let load = try deployment.load(
            same + ["--span", "\(options.minutes)m", "--drain", "20s"]
        )
        let samples = try Samples(of: deployment, while: load, every: 1)
        try load.finish()
        let report = try LatencyPart.report(of: load)
        guard report.events.errors == 0 else {
            throw Failure("\(report.events.errors) events could not be sent")
        }
        try deployment.stop()
        return describe(samples, report.events.perSecond, warmUp, bench)
    }

    private static func describe(
        _ samples: Samples,
        _ rate: Double,
        _ warmUp: Int,
        _ bench: Bench
    ) -> Findings {
        let all = samples.all
        let third = all.count / 3
        let (first, last) = (
            samples.resident(0..<third), samples.resident(all.count - third..<all.count)
        )
        let growth = Double(last) / Double(max(1, first))
        var findings = Findings(
            title: "Steady load",
            note: "`make bench-steady MINUTES=\(bench.options.minutes)`: \(grouped(rate)) events/s "
                + "of \(people) people, exactly-once, behind \(warmUp) s of the same, in which their lists "
                + "and the 200,000 messageIds that are remembered here became full. Medians of a "
                + "sample a second; a snapshot is saved each minute."
        )
        findings.add("resident, first third", mebibytes(first))
        findings.add(
            "resident, last third",
            mebibytes(last),
            ratio: decimal(growth, 3) + " times the first",
            goal: "≤ 1.05 times",
            isMet: growth <= 1.05
        )
        findings.add("resident at most", mebibytes(all.map(\.resident).max() ?? 0))
        findings.add("largest lag", grouped(all.map(\.lag).max() ?? 0) + " events")
        findings.plots = [samples.memoryPlot("Steady load")]
        return findings
    }
}
