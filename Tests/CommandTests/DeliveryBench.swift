import Foundation
import Glibc
import Kafka
import KafkaTesting
import LoadTesting
import Testing

private let environment = ProcessInfo.processInfo.environment

/// What exactly-once costs: both modes in turns, on one broker, with the same events.
///
/// Measures and prints; part of no test run (`make bench-delivery`).
@Suite(
    "Cost of exactly-once",
    .serialized,
    .oneAtATimeAtTheBroker,
    .enabled(
        if: environment["COLLIE_BENCH_EVENTS"] != nil && Cluster.kind == .real,
        "`make bench-delivery` measures, with a real broker"
    )
)
struct DeliveryBench {
    private struct Figures {
        var rate = 0.0
        var processor = 0.0
        var latency = LoadReport.Latency?.none
        /// What it said of its commits at its end.
        var commits = ""
    }

    @Test func `both modes in turns`() throws {
        let events = environment["COLLIE_BENCH_EVENTS"].flatMap { Int($0) } ?? 200_000
        let rate = environment["COLLIE_BENCH_RATE"] ?? "5000"
        let cluster = try Cluster(.real)
        var all: [String: [Figures]] = [:]
        for mode in ["exactly-once", "at-least-once", "at-least-once", "exactly-once"] {
            let figures = try measure(mode, events, rate, on: cluster)
            all[mode, default: []].append(figures)
            print(
                mode,
                "\(Int(figures.rate)) events/s from a full topic,",
                String(format: "%.2f", figures.processor),
                "CPU-s of Collie a million events; at \(rate)/s a command after p50",
                "\(figures.latency?.p50 ?? -1) ms, p99 \(figures.latency?.p99 ?? -1) ms,",
                "longest \(figures.latency?.max ?? -1) ms;",
                figures.commits
            )
        }
        func best(_ mode: String) -> Double { all[mode]?.map(\.rate).max() ?? 0 }
        let share = best("exactly-once") / best("at-least-once")
        print("exactly-once reaches", String(format: "%.3f", share), "of the rate of at-least-once")
        #expect(share > 0)
    }

    private func measure(
        _ mode: String,
        _ events: Int,
        _ rate: String,
        on cluster: Cluster
    ) throws -> Figures {
        let deployment = try Deployment(cluster)
        deployment.delivery = mode
        let config = try deployment.writeConfig()
        try deployment.createTopics()
        let made = try Program([
            "generate", "--config", config, "--topic", deployment.events,
            "--events", "\(events)", "--shoppers", "\(events / 20)",
        ])
        #expect(try made.end(within: .seconds(120)) == 0, "\(made.errors)")
        let total = try KafkaConsumer(deployment.settings, log: .silent()).ends(
            of: (0..<Deployment.partitions).map { TopicPartition(deployment.events, Int32($0)) },
            within: .seconds(10)
        ).reduce(0, +)
        var figures = Figures()
        let program = try deployment.run()
        try program.says("leads: reads")
        let begin = ContinuousClock.now
        try until("all events", within: .seconds(300)) {
            usleep(20_000)
            return try deployment.committed() >= total
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        figures.rate = Double(total) / seconds
        figures.processor = processorSeconds(of: program.pid) / Double(total) * 1e6
        let load = try Program([
            "load", "--config", config, "--rate", rate, "--span", "20s", "--pace", "0.02",
            "--drain", "3s",
        ])
        _ = try load.end(within: .seconds(120))
        let report = try? JSONDecoder().decode(LoadReport.self, from: Data(load.output.utf8))
        figures.latency = report?.latency.commands
        if report == nil { print(load.errors) }
        program.send(SIGTERM)
        _ = try program.end(within: .seconds(30))
        // Of the last 4,096, which are those of the load.
        let words = program.errors.components(separatedBy: " send commands, ").last ?? ""
        figures.commits = words.components(separatedBy: "\"").first ?? ""
        return figures
    }

    /// What a process has used of the processors so far.
    private func processorSeconds(of process: pid_t) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
        // Behind the name, which stands in brackets: user and system time in hundredths.
        let words = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard words.count > 12, let user = Double(words[11]), let system = Double(words[12]) else {
            return 0
        }
        return (user + system) / 100
    }
}
