import Foundation
import LoadTesting

/// How long it takes from an event to its command while the machine is partly, and known to be
/// partly, busy.
struct LatencyPart {
    private struct Case: Hashable {
        var mode: Deployment.Mode
        var share: Int
    }

    private struct Measured {
        var report: LoadReport
        /// Whether the sender kept up.
        var isInTime: Bool
    }

    private static let shares = [25, 50, 75]
    /// The goal of the 99th percentile at half the rate, in milliseconds.
    private static func goal(_ mode: Deployment.Mode) -> Double { mode == .exactlyOnce ? 60 : 15 }

    static func run(_ bench: Bench) throws -> Findings {
        var measured: [Case: [Measured]] = [:]
        var commits: [Deployment.Mode: [(half: Double, most: Double)]] = [:]
        for mode in Deployment.Mode.allCases { _ = try liveRate(mode, bench) }
        say("latency: \(bench.options.rounds) rounds of \(bench.options.span) s each")
        for round in 0..<bench.options.rounds {
            let modes = Deployment.Mode.allCases
            for mode in round % 2 == 0 ? modes : modes.reversed() {
                let rate = try liveRate(mode, bench)
                let deployment = try Deployment(bench, mode, hasShortWindows: true)
                try deployment.start()
                // Once for nothing: the topics' leaders are found, memory is touched.
                _ = try play(deployment, max(100, Int(rate / 10)), 5)
                for share in shares {
                    let part = max(100, Int(rate * Double(share) / 100))
                    let one = try play(deployment, part, bench.options.span)
                    measured[Case(mode: mode, share: share), default: []].append(one)
                    let (now, due) = (one.report.latency.commands, one.report.latency.commandsDue)
                    say(
                        "  \(mode.rawValue), \(share) %, \(grouped(Double(part)))/s: "
                            + "p50 \(text(now.p50)), p99 \(text(now.p99)); "
                            + "reminders p50 \(text(due.p50)), p99 \(text(due.p99))"
                            + (one.isInTime ? "" : "; the sender fell behind")
                    )
                }
                try deployment.stop()
                if let times = deployment.commits { commits[mode, default: []].append(times) }
            }
        }
        return describe(measured, commits, bench)
    }

    private static func text(_ milliseconds: Double?) -> String {
        milliseconds.map { decimal($0, 1) + " ms" } ?? "-"
    }

    // MARK: The rate

    /// What sender, broker and Collie reach together, in events a second; measured when first asked.
    static func liveRate(_ mode: Deployment.Mode, _ bench: Bench) throws -> Double {
        if let rate = bench.liveRates[mode] { return rate }
        say("measures what sender, broker and Collie reach together, \(mode.rawValue)")
        var rates: [Double] = []
        for _ in 0..<bench.options.rounds {
            let deployment = try Deployment(bench, mode, hasShortWindows: true)
            try deployment.start()
            let count = max(50_000, min(1_000_000, bench.options.events / 4))
            let load = try deployment.load([
                "--rate", "\(count / 10)", "--span", "10s", "--pace", "0.02", "--speed", "max",
                "--drain", "60s",
            ])
            while try deployment.records() == 0, load.end == nil { usleep(1_000) }
            let begin = ContinuousClock.now
            var last = (begin, try deployment.committed())
            // The load ends when nothing more comes; the rate counts to the last commit.
            while load.end == nil {
                usleep(5_000)
                let committed = try deployment.committed()
                if committed != last.1 { last = (ContinuousClock.now, committed) }
            }
            try load.finish()
            let report = try report(of: load)
            let records = try deployment.records()
            guard last.1 >= records else {
                throw Failure("only \(last.1) of \(records) records were worked off in time")
            }
            rates.append(Double(report.events.confirmed) / ((last.0 - begin) / .seconds(1)))
            try deployment.stop()
        }
        let rate = median(rates)
        say("  \(grouped(rate)) events/s")
        bench.liveRates[mode] = rate
        bench.rates.append(("with the sender, \(mode.rawValue)", rate))
        return rate
    }

    static func report(of load: Program) throws -> LoadReport {
        do {
            return try JSONDecoder().decode(LoadReport.self, from: Data(load.output.utf8))
        } catch {
            throw Failure("collie load gave no summary:\n\(load.errors.suffix(2_000))")
        }
    }

    private static func play(_ deployment: Deployment, _ rate: Int, _ span: Int) throws -> Measured
    {
        let load = try deployment.load([
            "--rate", "\(rate)", "--span", "\(span)s", "--pace", "0.02", "--drain", "20s",
        ])
        try load.finish(within: .seconds(span + 120))
        let report = try report(of: load)
        guard report.latency.commands.count > 0 else {
            throw Failure("no command came of \(report.events.sent) events")
        }
        guard report.events.errors == 0 else {
            throw Failure("\(report.events.errors) events could not be sent")
        }
        return Measured(report: report, isInTime: report.events.behindMilliseconds < 1_000)
    }

    // MARK: Findings

    private static func describe(
        _ measured: [Case: [Measured]],
        _ commits: [Deployment.Mode: [(half: Double, most: Double)]],
        _ bench: Bench
    ) -> Findings {
        var findings = Findings(
            title: "Latency",
            note: "`collie load` plays a shop for \(bench.options.span) s into a deployment whose "
                + "flows have windows of seconds; sender, broker and Collie share the processors, "
                + "so 100 % is what they reach together with `--speed max`. Commands that an event "
                + "leads to at once count from when the event was to be sent; reminders (marketing) "
                + "from their due time and the allowed disorder (1 s). Event time passes in whole "
                + "seconds, and as far as events say: *their second over* counts from the first event "
                + "behind them. Medians of the rounds."
        )
        var lines: [Plot.Line] = []
        for mode in Deployment.Mode.allCases {
            let rate = bench.liveRates[mode] ?? .nan
            let full = bench.rates.first { $0.name == "collie run, \(mode.rawValue)" }?.rate
            findings.add(
                "\(mode.rawValue): 100 %",
                grouped(rate) + " events/s",
                ratio: full.map { percent(rate / $0) + " of the rate from a full topic" } ?? ""
            )
            let times = commits[mode] ?? []
            findings.add(
                "\(mode.rawValue): "
                    + (mode == .exactlyOnce ? "a transaction's end" : "the flushes of an epoch")
                    + ", half and 99 % within",
                "\(decimal(median(times.map(\.half)), 1)) and "
                    + "\(decimal(median(times.map(\.most)), 1)) ms",
                ratio: "all shares together"
            )
            var medians: [(name: String, points: [(x: Double, y: Double)])] = [
                ("p50", []), ("p99", []),
            ]
            for share in shares {
                let all = measured[Case(mode: mode, share: share)] ?? []
                add(all, mode, share, to: &findings)
                let latencies = all.map(\.report.latency.commands)
                medians[0].points.append((Double(share), median(latencies.compactMap(\.p50))))
                medians[1].points.append((Double(share), median(latencies.compactMap(\.p99))))
            }
            for line in medians {
                lines.append(
                    Plot.Line(
                        name: "\(mode.rawValue) \(line.name)",
                        points: line.points,
                        isDashed: line.name == "p50"
                    )
                )
            }
        }
        findings.plots = [
            Plot(
                title: "From an event to its command",
                unit: "ms",
                content: .lines(lines, across: "% of the rate that sender, broker and Collie reach")
            )
        ]
        return findings
    }

    private static func add(
        _ all: [Measured],
        _ mode: Deployment.Mode,
        _ share: Int,
        to findings: inout Findings
    ) {
        let late = all.count { !$0.isInTime }
        let kinds: [(String, KeyPath<LoadReport.Latencies, LoadReport.Latency>)] = [
            ("commands", \.commands), ("reminders", \.commandsDue),
            ("reminders, their second over", \.commandsRipe),
        ]
        for (name, kind) in kinds {
            let latencies = all.map { $0.report.latency[keyPath: kind] }
            let p50 = median(latencies.compactMap(\.p50))
            let p99 = median(latencies.compactMap(\.p99))
            findings.add(
                "\(mode.rawValue), \(share) %: \(name), p50 and p99",
                p99.isNaN ? "none came" : "\(decimal(p50, 1)) and \(decimal(p99, 1)) ms",
                ratio: late > 0 ? "the sender fell behind in \(late) of \(all.count)" : "",
                goal: share == 50 ? "p99 ≤ \(decimal(goal(mode), 0)) ms" : "",
                isMet: share == 50 ? p99 <= goal(mode) : nil
            )
        }
    }
}
