import CPlatform
import Decoding
import Engine
import Foundation
import Pipeline
import Settings

/// Runs files of events through the pipeline, as fast as it goes.
let replayCommand = Command(
    name: "replay",
    summary: "run files of events through the pipeline, without a broker",
    usage: "Usage: collie replay [--config FOLDER] --input FILE… [OPTION…]",
    discussion: """
        Reads events from files, one a line (plain, or LZ4 frames; - is standard input), lets event
        time run as it stands in them, and writes one line for each send command, decision, identity
        change and dead letter:

          {"topic": …, "key": …, "headers": {…}, "value": {…}}

        The same files and config give the same bytes on any number of threads.
        """,
    options: [
        configOption,
        Option(
            name: "input",
            value: "FILE…",
            isRepeated: true,
            help: "Files of events, read one after the other."
        ),
        Option(
            name: "output",
            value: "FILE",
            help: "Where to (default standard output); none drops it."
        ),
        Option(name: "shards", value: "N", help: "Threads that decide (default half the cores)."),
        Option(name: "threads", value: "N", help: "Threads that decode (default half the cores)."),
        Option(name: "until-idle", help: "Lets every timer fire after the last event."),
        Option(
            name: "epoch-events",
            value: "N",
            help: "Cuts the log into epochs of about so many events."
        ),
        shortWindowsOption,
        Option(name: "quiet", help: "No summary on standard error."),
    ]
) { arguments in
    let inputs = arguments.all("input") + arguments.rest
    guard !inputs.isEmpty else {
        throw UsageError(description: "which files? Name them with --input FILE…")
    }
    let settings = try loadSettings(arguments)
    var configuration = Engine.Configuration(
        settings.engine,
        shards: arguments.has("shards")
            ? try arguments.number("shards", default: 1, in: 1...64) : nil,
        decoders: arguments.has("threads")
            ? try arguments.number("threads", default: 1, in: 1...64) : nil
    )
    configuration.untilIdle = arguments.has("until-idle")
    configuration.epochEvents = try arguments.number(
        "epoch-events",
        default: configuration.epochEvents,
        in: 1...100_000_000
    )
    configuration.epochEventsMax = max(configuration.epochEventsMax, configuration.epochEvents)
    let source = try FileSource(inputs)
    let sink: any OutputSink =
        arguments.last("output") == "none"
        ? NullSink() : FileSink(try LineFile(path: arguments.last("output")))
    let engine = Engine(configuration: configuration, rules: CompiledRules(settings.rules))
    _ = collie_stop_install()
    let begin = collie_monotonic_milliseconds()
    let totals = try watch(engine) {
        try engine.run(
            source: source,
            makeDecoder: {
                EventDecoder(
                    plan: settings.plan,
                    hashKey: settings.rules.hashKey,
                    zones: settings.rules.zones
                )
            },
            sink: sink
        )
    }
    if !arguments.has("quiet") {
        report(totals, engine.progress, milliseconds: collie_monotonic_milliseconds() - begin)
    }
    return collie_stop_count() > 0 ? ExitCode.failure : ExitCode.success
}

/// Shows how far a replay has come, and carries a wish to stop to the engine.
private func watch<Result>(_ engine: Engine, _ body: () throws -> Result) rethrows -> Result {
    let begin = collie_monotonic_milliseconds()
    let line = StatusLine()
    let watcher = Watcher(every: .milliseconds(200)) {
        if collie_stop_count() > 0 { engine.stop() }
        let progress = engine.progress
        let seconds = Double(collie_monotonic_milliseconds() - begin) / 1_000
        let rate = Int(Double(progress.records) / max(0.001, seconds))
        line.show(
            "\(grouped(progress.records)) records, \(grouped(rate))/s, "
                + "\(grouped(progress.commands)) commands"
        )
    }
    defer {
        watcher.end()
        line.clear()
    }
    return try body()
}

private func report(_ totals: Engine.Totals, _ progress: Engine.Progress, milliseconds: Int64) {
    let seconds = Double(max(1, milliseconds)) / 1_000
    let resolver = totals.resolver
    complain(
        """
        \(grouped(resolver.records)) records in \(String(format: "%.1f", seconds)) s \
        (\(grouped(Int(Double(resolver.records) / seconds)))/s): \
        \(grouped(resolver.events)) events, \(grouped(resolver.duplicates)) duplicates, \
        \(grouped(resolver.deadLetters)) dead letters
        \(grouped(progress.commands)) send commands, \(grouped(progress.outputs)) records written
        """
    )
}
