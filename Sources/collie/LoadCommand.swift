import CPlatform
import Encoding
import Engine
import Events
import Foundation
import Kafka
import LoadTesting
import Pipeline
import Settings

/// Plays events into Kafka and measures what comes of them.
let loadCommand = Command(
    name: "load",
    summary: "play a capture, or a simulated shop, into Kafka and measure what comes of it",
    usage: "Usage: collie load [--input FILE] [OPTION…]",
    discussion: """
        Sends the events of a capture, or else of a simulated shop, at the times at which they came,
        faster, or as fast as it goes. Their times are moved to now, and their messageIds get a mark,
        so that they can be played again and again. Meanwhile it watches the send commands and
        decisions of the deployment that the config describes, which must be running.

        A latency is counted from when the event was to be sent, not from when it was; that of a
        reminder from its due time and the allowed disorder, apart from the others. Each second
        there is a line on standard error; in the end a summary as JSON. With --expect it
        can stand in a pipeline: exit code 1 if what is asked for is not so.

          collie load --input sale.capture --speed 4 --html sale.html \\
              --expect 'p99<200ms' 'lag<20000' 'errors=0'
          collie load --rate 5000 --span 5m --curve flash --expect 'p99<200ms'

        To expect there are p50, p90, p99, p99.9 and max of commands that an event leads to at once;
        the same behind due. (due later), over. (due later, from the event with which their second
        was over), decisions. and decisions.due.; throughput and commands (a
        second), lag and lag.end (records), errors, and behind (how late the sender was at worst).
        """,
    options: [
        Option(name: "input", value: "FILE", help: "A capture (default a simulated shop)."),
        Option(name: "speed", value: "N", help: "Times faster than it was, or max (default 1)."),
        Option(
            name: "topic",
            value: "NAME",
            help: "Where to (default the config's first input topic)."
        ),
        Option(
            name: "expect",
            value: "WHAT…",
            isRepeated: true,
            help: "An objective such as 'p99<100ms'; may be repeated."
        ),
        Option(name: "html", value: "FILE", help: "Writes a page with plots."),
        Option(
            name: "summary",
            value: "FILE",
            help: "Where the summary goes (default standard output)."
        ),
        Option(
            name: "percentiles",
            value: "FILE",
            help: "Writes the commands' latencies as HdrHistogram's text."
        ),
        Option(name: "in-flight", value: "N", help: "Most unconfirmed events (default 100000)."),
        Option(
            name: "remember",
            value: "N",
            help: "Most events whose outputs are known (default 2000000)."
        ),
        Option(
            name: "drain",
            value: "SPAN",
            help: "How long outputs are waited for in the end (default 30s)."
        ),
        Option(
            name: "rate",
            value: "N",
            help: "The shop's events a second on average (default 100)."
        ),
        Option(name: "span", value: "SPAN", help: "How long the shop is open (default 60s)."),
        Option(
            name: "pace",
            value: "N",
            help:
                "What its people's pauses of 4 to 44 s are multiplied with\n(default 0.05, so that the rate is reached soon)."
        ),
        Option(
            name: "seed",
            value: "N",
            help: "Which shop, with which people (default the clock)."
        ),
    ] + trafficOptions + [configOption, shortWindowsOption]
) { arguments in
    guard arguments.rest.isEmpty else {
        throw UsageError(description: "what is \"\(arguments.rest[0])\"?")
    }
    let objectives = try arguments.all("expect").map { text throws(UsageError) in
        do throws(Objective.Mistake) { return try Objective(text) } catch {
            throw UsageError(description: "--expect: \(error)")
        }
    }
    let speed = try arguments.speed()
    let settings = try loadSettings(arguments)
    try KafkaMistakes.check(settings)
    let now = EventTime(milliseconds: collie_wall_milliseconds())
    let plan = try LoadPlan(arguments, settings, speed: speed, now: now)
    // Before anything is sent, for half a load measures nothing.
    let capture = try arguments.last("input").map { path throws(CaptureError) in
        let file = try CaptureFile(path: path)
        try file.verify()
        return (path: path, records: file.manifest.records)
    }
    let shop = try ShopTraffic(load: arguments, now)
    _ = collie_stop_install()
    let run = try LoadRun(plan, KafkaSettings(settings))
    let source: String
    if let capture {
        source = "\(capture.path), \(grouped(capture.records)) records"
        run.play { try CaptureTraffic(try CaptureFile(path: capture.path)) }
    } else {
        source = "a shop of \(grouped(shop.shoppers)) people, seed \(shop.seed)"
        run.play { ShopRecords(shop) }
    }
    let samples = LoadDisplay().watch(run)
    try run.finish()
    var (report, latencies) = run.report(source: source)
    report.judge(objectives)
    try write(report, to: arguments.last("summary"))
    if let path = arguments.last("html") {
        let page = LoadPage(report, samples: samples, latencies: latencies)
        try LineFile(path: path).writeAll(page.html)
    }
    if let path = arguments.last("percentiles") {
        try LineFile(path: path).writeAll(latencies.prompt[0].percentileText())
    }
    var code = collie_stop_count() > 0 ? ExitCode.failure : ExitCode.success
    for verdict in report.objectives where !verdict.isMet {
        complain("collie load: missed: \(verdict.objective), measured \(verdict.measured)")
        code = ExitCode.failure
    }
    return code
}

private func write(_ report: LoadReport, to path: String?) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(report), as: UTF8.self)
    try LineFile(path: path).writeAll(text + "\n")
}

extension LineFile {
    /// Writes a text and ends the file.
    fileprivate func writeAll(_ text: String) throws(SourceError) {
        let bytes = Array(text.utf8)
        try write(bytes.raw)
        try close()
    }
}

extension Arguments {
    /// How many times faster; nil is as fast as it goes.
    fileprivate func speed() throws(UsageError) -> Double? {
        guard let text = last("speed") else { return 1 }
        if text == "max" { return nil }
        let bare = text.hasSuffix("x") ? String(text.dropLast()) : text
        guard let speed = Double(bare), speed > 0, speed <= 1_000_000 else {
            throw UsageError(
                description: "--speed takes a number such as 1, 0.5 or 10x, or max, not \"\(text)\""
            )
        }
        return speed
    }
}

extension LoadPlan {
    /// What command line and config say of a load.
    fileprivate init(
        _ arguments: Arguments,
        _ settings: Settings,
        speed: Double?,
        now: EventTime
    ) throws {
        let kafka = settings.kafka
        self.init(
            topic: arguments.last("topic") ?? kafka.inputTopics[0],
            speed: speed,
            inFlight: try arguments.number("in-flight", default: 100_000, in: 1...10_000_000),
            remembered: try arguments.number("remember", default: 2_000_000, in: 2...200_000_000),
            drain: try arguments.seconds("drain", default: 30),
            mark: "~" + String(UInt64(now.milliseconds) % 0x1000_0000, radix: 16),
            disorder: settings.rules.disorder,
            commandTopics: settings.commandTopics.map { kafka.outputTopic($0.name) },
            decisionTopic: kafka.outputTopic(OutputTopic.decisions.name),
            deadLetterTopic: kafka.outputTopic(OutputTopic.deadLetters.name),
            groupTopics: kafka.inputTopics
        )
    }
}

extension ShopTraffic {
    /// The shop that is played, from now on.
    fileprivate init(load arguments: Arguments, _ now: EventTime) throws {
        let rate = try arguments.number("rate", default: 100, in: 1...1_000_000)
        let seconds = try arguments.seconds("span", default: 60)
        try self.init(
            arguments,
            events: max(1, Int(Double(rate) * seconds)),
            start: now,
            seconds: seconds,
            curve: .steady
        )
        let clock = Int(now.milliseconds)
        seed = UInt64(try arguments.number("seed", default: clock, in: 0...Int.max))
        // Other people each time: who has ordered before is no stranger any more.
        firstShopper = UInt32(LoadTesting.Random.mix(seed) % 1_000_000_000)
        pace = 0.05
        if let text = arguments.last("pace") {
            guard let pace = Double(text), pace > 0 else {
                throw UsageError(description: "--pace takes a number such as 0.05, not \"\(text)\"")
            }
            self.pace = pace
        }
    }
}
