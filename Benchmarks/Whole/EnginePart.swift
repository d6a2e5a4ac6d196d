/// How fast the engine is without Kafka: the file through decoder, resolver and shards.
struct EnginePart {
    static func run(_ bench: Bench) throws -> Findings {
        let path = try bench.file()
        say("engine: replays the file")
        let measured = try bench.inTurns([1, 2]) { try Replay(path, shards: $0, bench) }
        var findings = Findings(
            title: "Engine",
            note:
                "`collie replay --output none` of \(grouped(Double(bench.options.events))) events "
                + "of \(grouped(Double(bench.options.shoppers))) people over 24 h, from a file that the "
                + "system has in memory, with the shipped config and one decoder thread; from start "
                + "to end of the process."
        )
        let roof = bench.rates.first { $0.name == "simdjson alone, 1 thread" }?.rate
        for shards in [1, 2] {
            let all = measured[shards] ?? []
            let rate = median(all.map(\.rate))
            let name = "\(shards) shard\(shards == 1 ? "" : "s")"
            bench.rates.append(("engine, \(name)", rate))
            findings.add(
                name,
                grouped(rate) + " events/s",
                ratio: roof.map { percent(rate / $0) + " of simdjson alone on 1 thread" } ?? "",
                goal: shards == 1 ? "≥ 1,000,000" : "",
                isMet: shards == 1 ? rate >= 1_000_000 : nil
            )
            let processor = median(all.map(\.processor))
            findings.add(
                name + ", processor",
                decimal(processor) + " CPU-s a million events",
                goal: "≤ 1.5",
                isMet: processor <= 1.5
            )
        }
        return findings
    }
}
