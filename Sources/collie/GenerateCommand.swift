import CPlatform
import Engine
import Events
import Foundation
import Kafka
import LoadTesting

/// Makes events of a simulated shop.
let generateCommand = Command(
    name: "generate",
    summary: "make events of a simulated shop, for tests and load",
    usage: "Usage: collie generate [OPTION…]",
    discussion: """
        Writes one event a line, as the collectors of web, app and WhatsApp would send them, in the
        order of their arrival: views, carts, checkouts, orders, late log-ins, several devices, some
        of them shared, cash on delivery and what comes back of it a day or two later, duplicates,
        late and malformed records. The same options give the same bytes.

          collie generate --events 100000 --shoppers 5000 --span 24h > events.ndjson
          collie generate --events 1000000 --span 2h --curve flash --output sale.ndjson.lz4

        With --topic they go to Kafka instead, as fast as it takes them and with the times they have;
        `collie load` plays them in time.
        """,
    options: [
        Option(name: "events", value: "N", help: "How many events, about (default 10000)."),
        Option(name: "span", value: "SPAN", help: "The time they take, such as 24h (default)."),
        Option(
            name: "start",
            value: "TIME",
            help: "When it begins (default 2026-05-04T00:00:00Z), or how long ago."
        ),
        Option(name: "seed", value: "N", help: "Another seed is another shop (default 1)."),
    ] + trafficOptions + [
        Option(
            name: "output",
            value: "FILE",
            help: "Where to (default standard output); LZ4 where it ends in .lz4."
        ),
        Option(name: "topic", value: "NAME", help: "Writes to this topic of the config's brokers."),
        configOption,
        shortWindowsOption,
    ]
) { arguments in
    guard arguments.rest.isEmpty else {
        throw UsageError(description: "what is \"\(arguments.rest[0])\"?")
    }
    let events = try arguments.number("events", default: 10_000, in: 1...1_000_000_000)
    let now = EventTime(milliseconds: collie_wall_milliseconds())
    var traffic = try ShopTraffic(
        arguments,
        events: events,
        start: try arguments.time("start", now: now) ?? EventTime(second: 1_777_852_800),
        seconds: try arguments.seconds("span", default: 86_400),
        curve: .daily
    )
    traffic.seed = UInt64(try arguments.number("seed", default: 1, in: 0...Int.max))
    if let topic = arguments.last("topic") {
        if arguments.has("output") {
            throw UsageError(description: "either --output or --topic, not both")
        }
        let settings = try loadSettings(arguments)
        return try generate(traffic, events, into: topic, KafkaSettings(settings))
    }
    var simulation = ShopSimulation(traffic)
    let file = try PagedFile(path: arguments.last("output"))
    var count = 0
    while count < events, simulation.next() != nil {
        try file.write(simulation.line)
        count += 1
    }
    try file.close()
    return ExitCode.success
}

/// Writes the shop's events to a topic.
private func generate(
    _ traffic: ShopTraffic,
    _ events: Int,
    into topic: String,
    _ settings: KafkaSettings
) throws -> Int32 {
    _ = collie_stop_install()
    var writer = try TrafficWriter(topic: topic, settings, inFlight: 100_000)
    var records = ShopRecords(traffic)
    let status = StatusLine()
    let begin = collie_monotonic_milliseconds()
    func rate() -> Int {
        writer.confirmed * 1_000 / Int(max(1, collie_monotonic_milliseconds() - begin))
    }
    var count = 0
    while count < events, collie_stop_count() == 0, let record = records.next() {
        try writer.write(record, mayWait: { collie_stop_count() == 0 })
        count += 1
        if count % 8_192 == 0 {
            status.show("\(grouped(count)) events, \(grouped(rate()))/s")
        }
    }
    try writer.finish(within: .seconds(60))
    status.clear()
    complain(
        "\(grouped(writer.confirmed)) events in \(topic) (\(grouped(rate()))/s), "
            + "\(grouped(writer.errors)) could not be written"
    )
    return writer.errors == 0 && count > 0 ? ExitCode.success : ExitCode.inputOutput
}
