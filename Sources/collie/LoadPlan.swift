import CPlatform
import Events

/// The time of a load: microseconds since 1970 that never run back.
struct LoadClock: Sendable {
    private let wall = collie_wall_milliseconds() * 1_000
    private let monotonic = collie_monotonic_nanoseconds()

    /// Now.
    var now: Int64 { wall + (collie_monotonic_nanoseconds() - monotonic) / 1_000 }
}

/// How a load is to go.
struct LoadPlan: Sendable {
    /// Where events go.
    var topic: String
    /// How many times faster than they came; nil is as fast as it goes.
    var speed: Double?
    /// Most events that are not confirmed at a time.
    var inFlight: Int
    /// Most events whose outputs are known when they come.
    var remembered: Int
    /// How long outputs are waited for behind the last event, in seconds.
    var drain: Double
    /// Behind every messageId.
    var mark: String
    /// How long the deployment waits for late events.
    var disorder: TimeSpan
    /// Topics of send commands.
    var commandTopics: [String]
    /// The topic of decisions.
    var decisionTopic: String
    /// The topic of dead letters.
    var deadLetterTopic: String
    /// All topics of events that the deployment's group reads.
    var groupTopics: [String]
}

/// Why a load could not be made, as a sentence.
struct LoadFailure: Error, CustomStringConvertible {
    var description: String
}
