import Abandonment
import Events
import Identity
import Memory

/// The parts of a saved pipeline, in the order in which they are written; the graph's own parts
/// (`GraphSection`) stand between `fingerprints` and `catalog`.
package enum StateSection: UInt8, CaseIterable, Sendable {
    /// Names behind the numbers that records hold.
    case tables = 1
    /// How far event time has come.
    case clock
    /// Which messageIds came lately, oldest first.
    case fingerprints
    /// Stock and prices.
    case catalog = 32
    /// Texts that many profiles share; before the first profile that names them.
    case texts
    /// Packed profiles, in 64 ranges.
    case profiles
}

/// How saved records lie in memory that are written as they are; made once, before anything is
/// saved.
package struct StateLayouts: Sendable {
    let graph = GraphLayouts()
    let item = FlatLayout(Catalog.Item(product: 0))
    /// Tells builds apart whose records lie differently.
    package let number: UInt64

    /// Finds all layouts.
    package init() {
        number = item.number(after: graph.number(after: 0xcbf2_9ce4_8422_2325))
    }
}

/// Lends shards to whoever saves them, wherever they live.
package protocol ShardLender {
    /// How many shards there are.
    var shardCount: Int { get }
    /// Calls the closure with a shard, borrowed for the call.
    func withShard(_ index: Int, _ body: (borrowing ShardPipeline) -> Void)
}
