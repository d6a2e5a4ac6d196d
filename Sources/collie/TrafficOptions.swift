import Events
import Foundation
import LoadTesting

/// Options of the simulated shop, for whoever plays it.
let trafficOptions = [
    Option(name: "shoppers", value: "N", help: "How many people (default a tenth of the events)."),
    Option(
        name: "curve",
        value: "NAME",
        help: "steady, daily or flash: a 10x burst in the middle tenth."
    ),
    Option(name: "late", value: "SHARE", help: "Events that come minutes late (default 1%)."),
    Option(name: "duplicates", value: "SHARE", help: "Events that come twice (default 1%)."),
    Option(name: "malformed", value: "SHARE", help: "Records that are no events (default 0.05%)."),
    Option(name: "hot", value: "SHARE", help: "Visits of one single person (default none)."),
    Option(name: "shared-devices", value: "SHARE", help: "Devices of two people (default 2%)."),
]

extension ShopTraffic {
    /// The shop that the command line describes, with so many events.
    init(
        _ arguments: Arguments,
        events: Int,
        start: EventTime,
        seconds: Double,
        curve standard: Curve
    ) throws {
        self.init(start: start, span: TimeSpan(milliseconds: Int64(seconds * 1_000)))
        shoppers = try arguments.number(
            "shoppers",
            default: max(1, events / 10),
            in: 1...100_000_000
        )
        eventsPerSecond = Double(events) / seconds
        let name = arguments.last("curve") ?? standard.rawValue
        guard let known = ShopTraffic.Curve(rawValue: name) else {
            throw UsageError(description: "--curve is steady, daily or flash, not \"\(name)\"")
        }
        curve = known
        lateShare = try arguments.share("late", default: lateShare)
        duplicateShare = try arguments.share("duplicates", default: duplicateShare)
        malformedShare = try arguments.share("malformed", default: malformedShare)
        hotShare = try arguments.share("hot", default: hotShare)
        sharedDeviceShare = try arguments.share("shared-devices", default: sharedDeviceShare)
    }
}

extension Arguments {
    /// A share such as `1%` or `0.01`, or the default.
    func share(_ name: String, default standard: Double) throws(UsageError) -> Double {
        guard let text = last(name) else { return standard }
        let isPercent = text.hasSuffix("%")
        let number = Double(isPercent ? String(text.dropLast()) : text)
        guard let share = number.map({ isPercent ? $0 / 100 : $0 }), (0...1).contains(share) else {
            throw UsageError(
                description: "--\(name) takes a share such as 1% or 0.01, not \"\(text)\""
            )
        }
        return share
    }

    /// An instant in RFC 3339, or how long ago it was, such as `30m`; nil if the option is absent.
    func time(_ name: String, now: EventTime) throws(UsageError) -> EventTime? {
        guard let text = last(name) else { return nil }
        if let date = try? Date(text, strategy: .iso8601) {
            return EventTime(milliseconds: Int64(date.timeIntervalSince1970 * 1_000))
        }
        guard let seconds = try? self.seconds(name, default: 0), text.last?.isLetter == true else {
            throw UsageError(
                description: """
                    --\(name) takes a time such as 2026-05-04T18:00:00Z, or how long ago as in 30m, \
                    not "\(text)"
                    """
            )
        }
        return now - TimeSpan(milliseconds: Int64(seconds * 1_000))
    }
}
