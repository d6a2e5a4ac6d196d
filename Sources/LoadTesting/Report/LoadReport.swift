/// What a load came to: the summary that is printed as JSON and drawn as a page.
package struct LoadReport: Codable, Sendable {
    /// What was played and where to.
    package struct Input: Codable, Sendable {
        /// The file, or what the simulated shop was like.
        package var source: String
        /// The topic.
        package var topic: String
        /// How fast: `1x`, `10x`, `max`.
        package var speed: String
        /// What every messageId of this load ends with.
        package var mark: String
        /// When it began, as RFC 3339.
        package var startedAt: String
        /// How long events were sent, in seconds.
        package var seconds: Double

        private enum CodingKeys: String, CodingKey {
            case source, topic, speed, mark, seconds
            case startedAt = "started_at"
        }

        /// What was played.
        package init(
            source: String,
            topic: String,
            speed: String,
            mark: String,
            startedAt: String,
            seconds: Double
        ) {
            self.source = source
            self.topic = topic
            self.speed = speed
            self.mark = mark
            self.startedAt = startedAt
            self.seconds = seconds
        }
    }

    /// What became of the events.
    package struct Events: Codable, Sendable {
        /// Events handed to the client.
        package var sent = 0
        /// Events that the broker has confirmed.
        package var confirmed = 0
        /// Confirmed ones a second, while events were sent.
        package var perSecond = 0.0
        /// Events that could not be written, and other failures.
        package var errors = 0
        /// Times the sender had to wait because as many events as allowed were not confirmed yet.
        package var heldBack = 0
        /// How far the sender was behind the times at which events were to be sent, at worst.
        package var behindMilliseconds = 0.0
        /// Events written to another partition than they were captured from, which is not there.
        package var repartitioned = 0
        /// Events that were forgotten before their outputs came, for want of room.
        package var forgotten = 0

        private enum CodingKeys: String, CodingKey {
            case sent, confirmed, errors, repartitioned, forgotten
            case perSecond = "per_second"
            case heldBack = "held_back"
            case behindMilliseconds = "behind_max_ms"
        }

        /// Nothing yet.
        package init() {}
    }

    /// A latency distribution in milliseconds.
    package struct Latency: Codable, Sendable {
        /// How many outputs were measured.
        package var count: Int64
        /// Percentiles and the largest; nil if nothing was measured.
        package var p50, p90, p99, p999, max: Double?

        private enum CodingKeys: String, CodingKey {
            case count, p50, p90, p99, max
            case p999 = "p99.9"
        }

        /// The distribution of a histogram of microseconds.
        package init(_ histogram: LatencyHistogram) {
            func at(_ percent: Double) -> Double? {
                histogram.count == 0 ? nil : Double(histogram.percentile(percent)) / 1_000
            }
            count = histogram.count
            p50 = at(50)
            p90 = at(90)
            p99 = at(99)
            p999 = at(99.9)
            max = at(100)
        }

        /// A percentile by its name in objectives.
        func named(_ name: Substring) -> Double? {
            switch name {
            case "p50": return p50
            case "p90": return p90
            case "p99": return p99
            case "p99.9": return p999
            case "max": return max
            default: return nil
            }
        }
    }

    /// All latencies.
    package struct Latencies: Codable, Sendable {
        /// Commands that their event led to at once.
        package var commands: Latency
        /// Commands due later, from their due time and the allowed disorder.
        package var commandsDue: Latency
        /// The same commands, from when the second they were due in and the disorder were over by the
        /// events that were to be sent.
        package var commandsRipe: Latency
        /// Decisions that their event led to at once.
        package var decisions: Latency
        /// Decisions due later.
        package var decisionsDue: Latency

        private enum CodingKeys: String, CodingKey {
            case commands, decisions
            case commandsDue = "commands_due_later"
            case commandsRipe = "commands_second_over"
            case decisionsDue = "decisions_due_later"
        }

        /// The latencies of a load.
        package init(_ latencies: OutputLatencies) {
            commands = Latency(latencies.prompt[0])
            commandsDue = Latency(latencies.due[0])
            commandsRipe = Latency(latencies.ripe)
            decisions = Latency(latencies.prompt[1])
            decisionsDue = Latency(latencies.due[1])
        }
    }

    /// What came out.
    package struct Outputs: Codable, Sendable {
        /// Send commands seen.
        package var commands = 0
        /// Send commands a second, from the first event sent to the last output waited for.
        package var commandsPerSecond = 0.0
        /// Decisions seen.
        package var decisions = 0
        /// Those of them that a later event brought about; they are not measured.
        package var endedByLaterEvents = 0
        /// Dead letters seen.
        package var deadLetters = 0
        /// Commands and decisions of events that are not of this load, or forgotten.
        package var unmatched = 0

        private enum CodingKeys: String, CodingKey {
            case commands, decisions, unmatched
            case commandsPerSecond = "commands_per_second"
            case endedByLaterEvents = "decisions_by_later_events"
            case deadLetters = "dead_letters"
        }

        /// Nothing yet.
        package init() {}
    }

    /// How far the deployment's group was behind, in records.
    package struct Lag: Codable, Sendable {
        /// At worst; nil if it could not be asked.
        package var max: Int64?
        /// At the end.
        package var end: Int64?

        /// Nothing is known.
        package init() {}
    }

    /// One second of the load.
    package struct Sample: Codable, Sendable {
        /// Seconds since it began.
        package var second: Double
        /// Events sent a second.
        package var sent: Double
        /// Send commands seen a second.
        package var commands: Double
        /// Records the group was behind; nil if it did not say.
        package var lag: Int64?
        /// The latencies of this second's commands, in milliseconds; nil without any.
        package var p50: Double?
        package var p99: Double?
        package var max: Double?
        /// The same of commands due later.
        package var dueP99: Double?

        /// A second.
        package init(second: Double, sent: Double, commands: Double, lag: Int64?) {
            self.second = second
            self.sent = sent
            self.commands = commands
            self.lag = lag
        }
    }

    /// What was played.
    package var input: Input
    /// What became of the events.
    package var events: Events
    /// What came out.
    package var outputs: Outputs
    /// How long it took, in milliseconds.
    package var latency: Latencies
    /// How far the deployment was behind.
    package var lag: Lag
    /// What was asked for, and whether it holds.
    package var objectives: [Objective.Verdict] = []

    private enum CodingKeys: String, CodingKey {
        case input, events, outputs, lag, objectives
        case latency = "latency_ms"
    }

    /// A report without verdicts.
    package init(input: Input, events: Events, outputs: Outputs, latency: Latencies, lag: Lag) {
        self.input = input
        self.events = events
        self.outputs = outputs
        self.latency = latency
        self.lag = lag
    }

    /// What was measured of a quantity that objectives name; nil if nothing was.
    package func measured(_ quantity: String) -> Double? {
        switch quantity {
        case "throughput": return events.perSecond
        case "commands": return outputs.commandsPerSecond
        case "lag": return lag.max.map(Double.init)
        case "lag.end": return lag.end.map(Double.init)
        case "errors": return Double(events.errors)
        case "behind": return events.behindMilliseconds
        default: break
        }
        let groups = [
            ("decisions.due.", latency.decisionsDue), ("decisions.", latency.decisions),
            ("due.", latency.commandsDue), ("over.", latency.commandsRipe), ("", latency.commands),
        ]
        guard let (prefix, group) = groups.first(where: { quantity.hasPrefix($0.0) }) else {
            return nil
        }
        return group.named(quantity.dropFirst(prefix.count))
    }

    /// Holds objectives against what was measured.
    package mutating func judge(_ objectives: [Objective]) {
        self.objectives = objectives.map { $0.judge(measured($0.quantity)) }
    }
}
