import Decoding
import Identity
import Pipeline

/// What the stages counted in a run, by the names that scenarios use.
package struct RunCounters: Sendable, Equatable {
    /// The names.
    package static let names = [
        "records", "events", "duplicates", "dead_letters", "nobody", "blocked_identifiers",
        "ignored_fields", "merges", "conflicts", "limited", "quarantined", "ambiguous",
        "holders_refused", "commands", "decisions",
    ]

    private var values: [String: Int] = [:]

    /// Reads the counters of a pipeline and its decoder.
    init(pipeline: borrowing SerialPipeline, decoder: borrowing EventDecoder) {
        let resolver = pipeline.resolver.counters
        let identity = pipeline.resolver.graph.counters
        values["records"] = resolver.records
        values["events"] = resolver.events
        values["duplicates"] = resolver.duplicates
        values["dead_letters"] = resolver.deadLetters
        values["nobody"] = resolver.nobody
        values["blocked_identifiers"] = decoder.counters.blockedIdentifiers
        values["ignored_fields"] = decoder.counters.ignoredFields
        values["merges"] = identity.merges
        values["conflicts"] = identity.conflicts
        values["limited"] = identity.limited
        values["quarantined"] = identity.quarantined
        values["ambiguous"] = identity.ambiguous
        values["holders_refused"] = identity.holdersRefused
        var commands = 0
        var decisions = 0
        for shard in pipeline.counters {
            commands += shard.commands
            for index in 0..<shard.decisions.count { decisions += shard.decisions[index] }
        }
        values["commands"] = commands
        values["decisions"] = decisions
    }

    /// The value of a counter.
    package subscript(name: String) -> Int { values[name] ?? 0 }
}
