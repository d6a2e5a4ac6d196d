package import Events
package import Profiles

/// How much of everything runs.
package struct EngineSettings: Sendable, Equatable {
    /// Shards, each with a thread; nil is one for each core.
    package var shards: Int?
    /// Threads that decode; nil is as many as fit to the cores.
    package var ingestThreads: Int?
    /// An epoch ends behind so many events in any case.
    package var epochEventsMax = 100_000
    /// A live epoch ends after so much time.
    package var epochInterval = TimeSpan(milliseconds: 50)
    /// An epoch of a file ends behind so many events, where the second changes.
    package var fileEpochEvents = 4_096
    /// Bounds of profiles.
    package var limits = ProfileLimits()

    /// The defaults.
    package init() {}
}
