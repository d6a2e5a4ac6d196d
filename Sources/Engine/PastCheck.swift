package import Kafka

/// Holds what the group has committed against what the journal says was read.
///
/// Both are written together, so whoever has read the journal to its end knows of every committed
/// offset. If not, either the broker, which may just have come back, showed less than it holds, and
/// shows the rest soon; or the journal is not the one that belongs to these offsets, and going on
/// would decide again what was decided.
package struct PastCheck {
    private let patience: Duration
    private var begin: ContinuousClock.Instant?

    /// - Parameter patience: how long the journal may lag behind before that is an error.
    package init(patience: Duration) { self.patience = patience }

    /// What came of a comparison.
    package enum Answer: Equatable {
        /// Everything is known.
        case complete
        /// Not yet; ask again.
        case wait
        /// The journal did not come to know of this.
        case lacking(String)
    }

    /// Compares once.
    ///
    /// - Parameters:
    ///   - committed: by the group, of each partition; nil is nothing.
    ///   - known: the offset that comes next by the journal; -1 is nothing.
    package mutating func compare(
        _ partitions: [TopicPartition],
        committed: [Int64?],
        known: [Int64],
        now: ContinuousClock.Instant
    ) -> Answer {
        var difference: String?
        for (index, partition) in partitions.enumerated() {
            guard let offset = committed[index], offset > max(known[index], 0) else { continue }
            difference = PastCheck.difference(partition, committed: offset, known: known[index])
            break
        }
        guard let difference else {
            begin = nil
            return .complete
        }
        if now - (begin ?? now) >= patience { return .lacking(difference) }
        begin = begin ?? now
        return .wait
    }

    /// How the journal's offset of a partition, -1 is none, differs from what was committed.
    static func difference(
        _ partition: TopicPartition,
        committed: Int64,
        known: Int64 = -1
    ) -> String {
        let journal = known < 0 ? "the journal names none of it" : "by the journal \(known)"
        return "\(partition) was committed up to offset \(committed), \(journal)"
    }
}
