import Abandonment
import Events
import Identity
import Memory
import Profiles

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
    /// Profiles, in 64 ranges.
    case profiles
}

/// How all saved records lie in memory; made once, before anything is saved.
package struct StateLayouts: Sendable {
    let graph = GraphLayouts()
    let profile = FlatLayout(ProfileRecord(id: .none))
    let cart = FlatLayout(CartRecord(key: 0))
    let operation = FlatLayout(OperationRecord(kind: .add, time: .none, tie: 0))
    let line = FlatLayout(LineRecord(product: 0, price: 0, quantity: 0))
    let order = FlatLayout(OrderRecord(time: .none, key: 0))
    let send = FlatLayout(
        SendRecord(
            id: .none,
            step: 0,
            time: .none,
            flow: 0,
            enrollment: 0,
            cart: 0,
            channel: .email,
            countsTowardCaps: false
        )
    )
    let endpoint = FlatLayout(
        EndpointRecord(
            hash: .none,
            kind: .email,
            address: .none,
            country: 0,
            lastSeen: .none,
            consent: .init(repeating: .none)
        )
    )
    let enrollment = FlatLayout(
        EnrollmentRecord(flow: 0, flowIndex: 0, firstTime: .none, firstIdentifier: .none)
    )
    let view = FlatLayout(
        ViewRecord(line: LineRecord(product: 0, price: 0, quantity: 0), time: .none)
    )
    let trait = FlatLayout(
        TraitRecord(
            value: Attribute(index: 0, form: .text, bits: 0),
            time: .none,
            message: .none
        )
    )
    let entry = FlatLayout(EntryRecord(flow: 0, time: .none))
    let item = FlatLayout(Catalog.Item(product: 0))
    /// Tells builds apart whose records lie differently.
    package let number: UInt64

    /// Finds all layouts.
    package init() {
        var hash = graph.number(after: 0xcbf2_9ce4_8422_2325)
        hash = profile.number(after: hash)
        hash = cart.number(after: hash)
        hash = operation.number(after: hash)
        hash = line.number(after: hash)
        hash = order.number(after: hash)
        hash = send.number(after: hash)
        hash = endpoint.number(after: hash)
        hash = enrollment.number(after: hash)
        hash = view.number(after: hash)
        hash = trait.number(after: hash)
        hash = entry.number(after: hash)
        number = item.number(after: hash)
    }
}

/// Lends shards to whoever saves them, wherever they live.
package protocol ShardLender {
    /// How many shards there are.
    var shardCount: Int { get }
    /// Calls the closure with a shard, borrowed for the call.
    func withShard(_ index: Int, _ body: (borrowing ShardPipeline) -> Void)
}
