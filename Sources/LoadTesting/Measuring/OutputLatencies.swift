/// How long outputs took, in microseconds, each kind apart.
///
/// An output that its event leads to at once is counted from when that event was to be sent, not
/// from when it was: a sender that is held up must not make what it measures look better. One that
/// is due later, a reminder, is counted from its due time and the disorder that is waited for, or
/// from its event if that came later still.
package struct OutputLatencies: Sendable {
    /// What kind of output.
    package enum Kind: Int, CaseIterable, Sendable { case command, decision }

    /// Outputs that events lead to at once, by kind.
    package private(set) var prompt = Array(repeating: LatencyHistogram(), count: 2)
    /// Outputs that are due later, by kind.
    package private(set) var due = Array(repeating: LatencyHistogram(), count: 2)
    /// The commands of these, from when an event was to be sent that is behind the second they were
    /// due in and the disorder: what the deployment itself took.
    package private(set) var ripe = LatencyHistogram()
    /// Outputs whose event is not known: it came before this load, or is forgotten.
    package private(set) var unknown = [0, 0]
    /// Decisions that a later event of the person brought about, an order that ends a reminder: they
    /// name the event that began it, so there is nothing to count from.
    package private(set) var ended = 0
    /// The prompt commands since it was last taken.
    package private(set) var lately = LatencyHistogram(digits: 2)
    /// The commands due later since it was last taken.
    package private(set) var latelyDue = LatencyHistogram(digits: 2)

    private let disorder: Int64
    private var seconds = SecondsSent()
    // Seconds are what timers know, so an output may say its event's second.
    private static let tolerance: Int64 = 1_000

    /// - Parameter disorder: how long the deployment waits for late events, in milliseconds.
    package init(disorder: Int64) { self.disorder = disorder }

    /// Notes an event that is sent: event time in milliseconds, and when it was to be sent in
    /// microseconds, both since 1970.
    package mutating func noteEvent(_ sent: SentEvents.Sent) {
        seconds.note(eventTime: sent.eventTime - disorder, intended: sent.intended)
    }

    /// Counts an output.
    ///
    /// - Parameters:
    ///   - sent: the event that caused it; nil if it is not known.
    ///   - dueTime: when the output says it was due, in milliseconds since 1970.
    ///   - isEnding: whether a later event brought it about.
    ///   - now: when it was seen, in microseconds since 1970.
    package mutating func note(
        _ kind: Kind,
        of sent: SentEvents.Sent?,
        dueTime: Int64?,
        isEnding: Bool = false,
        seenAt now: Int64
    ) {
        guard let sent else {
            unknown[kind.rawValue] += 1
            return
        }
        if isEnding {
            ended += 1
            return
        }
        if let dueTime, dueTime > sent.eventTime + OutputLatencies.tolerance {
            let latency = now - max((dueTime + disorder) * 1_000, sent.intended)
            due[kind.rawValue].record(latency)
            if kind == .command {
                latelyDue.record(latency)
                if let over = seconds.end(of: dueTime) { ripe.record(now - over) }
            }
        } else {
            let latency = now - sent.intended
            prompt[kind.rawValue].record(latency)
            if kind == .command { lately.record(latency) }
        }
    }

    /// Forgets what came lately.
    package mutating func beginSecond() {
        lately.removeAll()
        latelyDue.removeAll()
    }

    /// Everything of a kind.
    package func count(_ kind: Kind) -> Int {
        Int(prompt[kind.rawValue].count + due[kind.rawValue].count) + unknown[kind.rawValue]
            + (kind == .decision ? ended : 0)
    }
}
