package import Events

/// How a simulated shop's traffic looks.
package struct ShopTraffic: Sendable {
    /// How busy the shop is over time.
    package enum Curve: String, Sendable, CaseIterable {
        /// The same all the time.
        case steady
        /// More by day than by night: a sine with its peak in the local evening.
        case daily
        /// Steady, with ten times the traffic in the middle tenth of the span.
        case flash
    }

    /// Decides everything.
    package var seed: UInt64 = 1
    /// How many people there are; few of them are very active.
    package var shoppers = 1_000
    /// The first one's number, which names, addresses, carts and orders are made of: other numbers
    /// are other people.
    package var firstShopper: UInt32 = 0
    /// When the traffic begins.
    package var start: EventTime
    /// How long it lasts.
    package var span: TimeSpan
    /// Events a second on average over the span.
    package var eventsPerSecond = 10.0
    /// How busy it is over time.
    package var curve = Curve.steady
    /// What think times, usually seconds to minutes, are multiplied with.
    package var pace = 1.0
    /// Share of events that are delivered twice with the same messageId.
    package var duplicateShare = 0.01
    /// Share of events that arrive minutes after they happened.
    package var lateShare = 0.01
    /// Share of records that are no events.
    package var malformedShare = 0.000_5
    /// Share of visits that one single person makes: the hot key.
    package var hotShare = 0.0
    /// Share of devices that two people use.
    package var sharedDeviceShare = 0.02
    /// The time zone that everybody claims to be in; nil is where each person lives.
    package var zone: String?
    /// Whether events are padded to the 900–950 bytes that browsers' SDKs send.
    package var isPadded = true

    /// The traffic of a quiet shop.
    package init(start: EventTime, span: TimeSpan) {
        self.start = start
        self.span = span
    }

    /// How many events a visit has on average, measured over a million visits; makes visits a
    /// second of events a second.
    static let eventsPerVisit = 4.9

    /// How busy the shop is at a moment, as a multiple of the average.
    func factor(at time: EventTime) -> Double {
        switch curve {
        case .steady: return 1
        case .daily:
            // The local evening of India, 20:00, is 14:30 UTC. A triangle that is smooth enough.
            let minute = Double((time.second / 60 + 1_440_000_000) % 1_440)
            let distance = abs((minute - 870 + 2_160).truncatingRemainder(dividingBy: 1_440) - 720)
            return 0.2 + 1.6 * (1 - distance / 720)
        case .flash:
            let part = Double((time - start).milliseconds) / Double(max(1, span.milliseconds))
            // So that the average stays one: 0.9 × quiet + 0.1 × 10 × quiet = 1.
            let quiet = 1 / 1.9
            return part >= 0.45 && part < 0.55 ? 10 * quiet : quiet
        }
    }
}
