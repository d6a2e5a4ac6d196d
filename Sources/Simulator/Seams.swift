package import Engine
package import Pipeline

/// Places where a test puts a mistake in the place of a right step, to see that the simulation
/// notices it.
package struct Seams: Sendable {
    /// Stands between the committer and the broker.
    package var port: (@Sendable (any CommitPort) -> any CommitPort)?
    /// Changes what an epoch claims; knows the ends of the partitions, by number.
    package var mark: (@Sendable (inout EpochMark, [Int64]) -> Void)?
    /// Changes a restored profile, of one after the other, until it answers true.
    package var restored: (@Sendable (inout ShardPipeline, UInt32) -> Bool)?
    /// Called with the shard and the slot before a profile is given away.
    package var beforeHandOver: (@Sendable (inout ShardPipeline, UInt32) -> Void)?
    /// Called with the shard and the slot after a profile was taken in.
    package var afterTakeOver: (@Sendable (inout ShardPipeline, UInt32) -> Void)?

    /// Every step is the right one.
    package init() {}
}
