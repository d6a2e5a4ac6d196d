import Foundation
import Kafka
import Settings

/// Validates a config, and with `--broker` the cluster it is meant for.
let checkCommand = Command(
    name: "check",
    summary: "validate a config folder and show what is in force",
    usage: "Usage: collie check [--config FOLDER] [OPTION…]",
    discussion: """
        Prints every mistake with file, line and what would be right, then the config in force with
        defaults filled in and secrets masked.

        With --broker the cluster is asked, too: whether the topics exist and are as they must be,
        and how to make those that are missing. Nothing is changed there.
        """,
    options: [
        configOption,
        Option(name: "quiet", help: "Mistakes and warnings only."),
        Option(name: "broker", help: "Asks the cluster that the config names, too."),
        Option(
            name: "timeout",
            value: "SPAN",
            help: "How long the cluster is waited for (default 10s)."
        ),
    ]
) { arguments in
    guard arguments.rest.isEmpty else {
        throw UsageError(
            description: "what is \"\(arguments.rest[0])\"? A folder is named with --config"
        )
    }
    let timeout = try arguments.seconds("timeout", default: 10)
    var report = ConfigReport(ConfigSource(folder: arguments.last("config") ?? "config"))
    if let settings = report.settings {
        report.add(KafkaMistakes.ofPassThrough(settings) + KafkaMistakes.warnings(settings))
        if arguments.has("broker") { report.add(KafkaMistakes.ofNames(settings)) }
    }
    if arguments.has("quiet") {
        for mistake in report.mistakes { print(mistake) }
    } else {
        print(report)
    }
    guard let settings = report.settings else { return ExitCode.config }
    guard arguments.has("broker") else { return ExitCode.success }
    return try checkBroker(settings, timeout, isQuiet: arguments.has("quiet"))
}

private func checkBroker(_ settings: Settings, _ timeout: Double, isQuiet: Bool) throws -> Int32 {
    let report: BrokerReport
    do {
        report = try BrokerReport(settings, within: timeout)
    } catch let error as KafkaError where error.kind != .configuration {
        let brokers = settings.kafka.brokers.joined(separator: ", ")
        complain(
            error.kind == .authentication
                ? "collie check: \(brokers) does not let us in (\(error))"
                : "collie check: no answer from \(brokers) within \(timeout.formatted()) s (\(error))"
        )
        return ExitCode.inputOutput
    }
    for line in report.lines
    where !isQuiet || line.hasPrefix("error") || line.hasPrefix("    ") {
        print(line)
    }
    if report.problems == 0 { return ExitCode.success }
    print("\(report.problems) thing\(report.problems == 1 ? "" : "s") to mend before Collie works")
    return ExitCode.failure
}
