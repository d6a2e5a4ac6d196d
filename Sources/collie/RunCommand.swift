import CPlatform
import Engine
import Events
import Foundation
import Kafka
import Pipeline
import Probes
import Settings

/// Runs the pipeline on Kafka.
let runCommand = Command(
    name: "run",
    summary: "read events from Kafka, write send commands to Kafka",
    usage: "Usage: collie run [--config FOLDER] [OPTION…]",
    discussion: """
        Of all instances of a deployment one works and the others stand by, ready to take over. A
        broker or topic that is not there is waited for. SIGTERM (or Ctrl-C) works off what was
        read, commits and ends, within the config's shutdown deadline; a second one ends at once.
        """,
    options: [
        configOption,
        Option(
            name: "accept-loss",
            help: "Goes on where the log or the journal is gone: opt-outs and caps may be lost."
        ),
        shortWindowsOption,
        Option(name: "verbose", help: "Says more about what the Kafka clients do."),
    ]
) { arguments in
    guard arguments.rest.isEmpty else {
        throw UsageError(description: "what is \"\(arguments.rest[0])\"?")
    }
    guard collie_crash_arm() else {
        throw UsageError(description: "COLLIE_CRASH_AT names no point")
    }
    let settings = try loadSettings(arguments)
    try KafkaMistakes.check(settings)
    var kafka = KafkaSettings(settings)
    kafka.acceptsLoss = arguments.has("accept-loss")
    let status = StatusLine()
    let log = Log(least: arguments.has("verbose") ? .debug : .notice, status: status)
    for warning in settings.warnings + KafkaMistakes.warnings(settings) {
        log.line(.warning, "\(warning)")
    }
    _ = collie_stop_install()
    let health = Health()
    let probes = try startProbes(settings, health, log)
    defer { probes?.end() }
    let membership = try KafkaMembership(
        kafka,
        topics: settings.kafka.inputTopics,
        health: health,
        log: log.kafka
    )
    let deployment = Deployment(
        membership,
        configuration: Deployment.Configuration(settings),
        rules: CompiledRules(settings.rules),
        plan: settings.plan,
        log: log.kafka
    )
    let keeper = StopKeeper(deployment, deadline: settings.shutdownDeadline, log: log, status)
    defer { keeper.end() }
    try deployment.run()
    log.line(.notice, "stopped: \(keeper.summary)")
    return ExitCode.success
}

/// Carries a wish to stop to the deployment, keeps its deadline, and shows how things go.
final class StopKeeper: Sendable {
    private let deployment: Deployment
    private let watcher: Watcher
    private let status: StatusLine

    init(_ deployment: Deployment, deadline: TimeSpan, log: Log, _ status: StatusLine) {
        self.deployment = deployment
        self.status = status
        let state = State()
        watcher = Watcher(every: .milliseconds(50)) {
            state.look(deployment, deadline, log, status)
        }
    }

    /// What was done, in a sentence.
    var summary: String {
        let progress = deployment.progress
        return "\(grouped(progress.records)) records, \(grouped(progress.commands)) send commands"
            + commits
    }

    /// How many commits of outputs there were, and how long the last of them took.
    private var commits: String {
        let times = deployment.commitTimes
        guard let half = times.within(0.5), let most = times.within(0.99) else { return "" }
        func text(_ time: Duration) -> String {
            String(format: "%.1f ms", time / .milliseconds(1))
        }
        return ", \(grouped(times.count)) commits (half within \(text(half)), 99 % within "
            + "\(text(most)))"
    }

    func end() {
        watcher.end()
        status.clear()
    }

    private final class State: @unchecked Sendable {
        // @unchecked: used by the watcher's thread alone.
        private var stopAt: Int64 = 0
        private var shownAt: Int64 = 0
        private var shownRecords = 0

        func look(_ deployment: Deployment, _ deadline: TimeSpan, _ log: Log, _ status: StatusLine)
        {
            let now = collie_monotonic_milliseconds()
            if collie_stop_count() > 0 {
                if stopAt == 0 {
                    stopAt = now
                    log.line(.notice, "stops: works off what was read")
                    deployment.stop()
                } else if now - stopAt > deadline.milliseconds {
                    log.line(.error, "the shutdown deadline is over; ends at once")
                    exit(ExitCode.failure)
                }
            }
            guard now - shownAt >= 1_000 else { return }
            let progress = deployment.progress
            let rate = (progress.records - shownRecords) * 1_000 / Int(max(1, now - shownAt))
            shownAt = now
            shownRecords = progress.records
            if let recovery = deployment.recovery {
                let left = recovery.remaining.map { ", about \($0.components.seconds) s to go" }
                status.show(
                    "recovers: \(Int(recovery.share * 100)) %, \(grouped(recovery.records)) records"
                        + (left ?? "")
                )
                return
            }
            status.show(
                (deployment.isLeading ? "leads" : "stands by")
                    + ": \(grouped(progress.records)) records (\(grouped(rate))/s), "
                    + "\(grouped(progress.commands)) send commands, "
                    + "\(grouped(progress.epochs)) epochs"
            )
        }
    }
}
