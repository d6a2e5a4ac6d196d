import Engine
import Events
import Foundation
import LoadTesting

/// Makes events of a simulated shop.
let generateCommand = Command(
    name: "generate",
    summary: "make events of a simulated shop, for tests and load",
    usage: "Usage: collie generate [OPTION…]",
    discussion: """
        Writes one event a line, as the collectors of web, app and WhatsApp would send them, in the
        order of their arrival: views, carts, checkouts, orders, late log-ins, shared devices,
        duplicates, late and malformed records. The same options give the same bytes.

          collie generate --events 100000 --shoppers 5000 --span 24h > events.ndjson
        """,
    options: [
        Option(name: "events", value: "N", help: "How many events, about (default 10000)."),
        Option(name: "shoppers", value: "N", help: "How many people (default a tenth of it)."),
        Option(name: "span", value: "SPAN", help: "The time they take, such as 24h (default)."),
        Option(
            name: "start",
            value: "TIME",
            help: "When it begins (default 2026-05-04T00:00:00Z)."
        ),
        Option(
            name: "curve",
            value: "NAME",
            help: "steady, daily (default) or flash (a 10x burst)."
        ),
        Option(name: "seed", value: "N", help: "Another seed is another shop (default 1)."),
        Option(name: "output", value: "FILE", help: "Where to (default standard output)."),
    ]
) { arguments in
    guard arguments.rest.isEmpty else {
        throw UsageError(description: "what is \"\(arguments.rest[0])\"?")
    }
    let events = try arguments.number("events", default: 10_000, in: 1...1_000_000_000)
    let span = try arguments.seconds("span", default: 86_400)
    var traffic = ShopTraffic(
        start: try startTime(arguments),
        span: TimeSpan(milliseconds: Int64(span * 1_000))
    )
    traffic.shoppers = try arguments.number(
        "shoppers",
        default: max(1, events / 10),
        in: 1...100_000_000
    )
    traffic.seed = UInt64(try arguments.number("seed", default: 1, in: 0...Int.max))
    traffic.eventsPerSecond = Double(events) / span
    let curve = arguments.last("curve") ?? "daily"
    guard let known = ShopTraffic.Curve(rawValue: curve) else {
        throw UsageError(description: "--curve is steady, daily or flash, not \"\(curve)\"")
    }
    traffic.curve = known
    var simulation = ShopSimulation(traffic)
    let file = try LineFile(path: arguments.last("output"))
    var count = 0
    while count < events, simulation.next() != nil {
        try file.write(simulation.line)
        count += 1
    }
    try file.close()
    return ExitCode.success
}

private func startTime(_ arguments: Arguments) throws -> EventTime {
    guard let text = arguments.last("start") else {
        return EventTime(second: 1_777_852_800)
    }
    let format = ISO8601DateFormatter()
    guard let date = format.date(from: text) else {
        throw UsageError(
            description: "--start is a time such as 2026-05-04T00:00:00Z, not \"\(text)\""
        )
    }
    return EventTime(milliseconds: Int64(date.timeIntervalSince1970 * 1_000))
}
