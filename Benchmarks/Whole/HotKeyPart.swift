/// What one person costs who makes half of all events.
struct HotKeyPart {
    static func run(_ bench: Bench) throws -> Findings {
        let usual = try bench.file()
        let hot = try bench.file(["--hot", "50%"])
        defer { bench.remove(file: hot) }
        say("hot: replays the file without and with a hot key")
        let measured = try bench.inTurns([usual, hot]) { try Replay($0, shards: 2, bench) }
        let (without, with) = (measured[usual] ?? [], measured[hot] ?? [])
        let rates = (median(without.map(\.rate)), median(with.map(\.rate)))
        var findings = Findings(
            title: "Hot key",
            note: "`collie replay --shards 2`, and the same with `generate --hot 50%`: half of all "
                + "visits are one person's, so half of all events go to one shard."
        )
        findings.add("without", grouped(rates.0) + " events/s")
        findings.add(
            "half of all on one person",
            grouped(rates.1) + " events/s",
            ratio: percent(rates.1 / rates.0),
            goal: "≥ 50 %",
            isMet: rates.1 / rates.0 >= 0.5
        )
        findings.add(
            "processor, without and with",
            decimal(median(without.map(\.processor))) + " and "
                + decimal(median(with.map(\.processor))) + " CPU-s a million events"
        )
        return findings
    }
}
