import CPlatform
import Decoding
import Encoding
import Engine
import Kafka
import Pipeline
import Settings

/// Decides everything again and compares.
let auditCommand = Command(
    name: "audit",
    summary: "decide everything again from the log, and compare with what was committed",
    usage: "Usage: collie audit [--config FOLDER] [OPTION…]",
    discussion: """
        Reads the journal and the input topics from their beginning, decides again on one thread,
        and holds every send command, decision, identity change and dead letter against what
        subscribers see: none may be missing, none twice, none in another order for a person. Exit
        code 1 if anything differs.

        While an instance works, --running leaves alone what is committed after the audit began.
        """,
    options: [
        configOption,
        Option(name: "running", help: "An instance may be at work."),
        shortWindowsOption,
    ]
) { arguments in
    let settings = try loadSettings(arguments)
    let log = Log(least: .warning)
    _ = collie_stop_install()
    let audit = Audit(
        KafkaSettings(settings),
        rules: CompiledRules(settings.rules),
        plan: settings.plan,
        names: { settings.kafka.outputTopic($0.name) },
        log: log.kafka
    )
    let findings = try audit.run(
        journalTopic: settings.kafka.outputTopic(Journal.topicName),
        isRunning: arguments.has("running")
    ) {
        if collie_stop_count() > 0 { throw UsageError(description: "stopped before its end") }
    }
    for difference in findings.differences { print(difference) }
    let more = findings.differenceCount - findings.differences.count
    if more > 0 { print("… and \(grouped(more)) more") }
    print(
        """
        \(grouped(findings.epochs)) epochs, \(grouped(findings.records)) records: \
        \(grouped(findings.expected)) outputs follow from the log, \
        \(grouped(findings.found)) are there, \(grouped(findings.differenceCount)) differences
        """
    )
    return findings.differenceCount == 0 ? ExitCode.success : ExitCode.failure
}
