/// How long commits took: the last few thousand of them.
///
/// A commit is counted from when all its outputs are queued until they and the offsets are durable:
/// with exactly-once the time a transaction needs to end, with at-least-once that of its flushes.
package struct CommitTimes: Sendable {
    /// How many are remembered; older ones are forgotten.
    package static let kept = 4_096

    private var last: [Int64] = []
    /// How many there were in all.
    package private(set) var count = 0

    package init() {}

    /// Takes one more.
    package mutating func note(nanoseconds: Int64) {
        if last.count < CommitTimes.kept {
            last.append(nanoseconds)
        } else {
            last[count % CommitTimes.kept] = nanoseconds
        }
        count += 1
    }

    /// The time that this share of those remembered, above 0 and up to 1, did not exceed (nearest
    /// rank); nil without any.
    package func within(_ share: Double) -> Duration? {
        if last.isEmpty { return nil }
        let rank = (share * Double(last.count)).rounded(.up)
        let index = min(last.count - 1, max(0, Int(rank) - 1))
        return .nanoseconds(last.sorted()[index])
    }
}
