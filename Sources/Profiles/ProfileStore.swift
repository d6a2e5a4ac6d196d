package import Events
package import Memory

/// How much of everything a shard and a profile may hold.
package struct ProfileLimits: Sendable, Equatable {
    /// Profiles a shard.
    package var profilesMax = 64_000_000
    /// Open carts a profile.
    package var cartsMax = 8
    /// Lines a cart.
    package var linesMax = 100
    /// Operations a cart keeps apart before the oldest are settled.
    package var operationsMax = 64
    /// Sends a profile.
    package var sendsMax = 64
    /// Orders a profile.
    package var ordersMax = 32
    /// Products an order.
    package var boughtMax = 100
    /// Endpoints of one kind a profile.
    package var endpointsMax = 8
    /// Running enrollments a profile.
    package var enrollmentsMax = 16
    /// Viewed products a profile.
    package var viewsMax = 32
    /// Flow entries remembered a profile.
    package var entriesMax = 64
    /// How long an order is remembered.
    package var orderSpan: TimeSpan = .days(180)
    /// How long an order's products are remembered.
    package var boughtSpan: TimeSpan = .days(10)
    /// How long a send is remembered.
    package var sendSpan: TimeSpan = .days(400)

    /// The defaults of section 9.
    package init() {}
}

/// What went first because a bound was reached, and other rare things worth a metric.
package struct ProfileCounters: Sendable, Equatable {
    /// Carts pushed out by newer ones.
    package var cartsEvicted = 0
    /// Lines that found no room in their cart.
    package var linesDropped = 0
    /// Sends pushed out.
    package var sendsEvicted = 0
    /// Orders pushed out.
    package var ordersEvicted = 0
    /// Endpoints pushed out.
    package var endpointsEvicted = 0
    /// Enrollments pushed out.
    package var enrollmentsEvicted = 0
    /// Viewed products pushed out.
    package var viewsEvicted = 0
    /// Orders and cart events that repeated what was known.
    package var repeats = 0

    /// All zero.
    package init() {}
}

/// All profiles of one shard.
///
/// Owned by the shard's thread. Every list is bounded by `ProfileLimits`; at the bound the oldest
/// goes first and is counted.
package struct ProfileStore: ~Copyable {
    /// The bounds.
    package let limits: ProfileLimits
    /// What was counted.
    package var counters = ProfileCounters()
    /// Heads, by slot; the resolver gives the slots out.
    package var profiles: Slots<ProfileRecord>
    /// Carts.
    package var carts: Slab<CartRecord>
    /// Cart operations.
    package var operations: Slab<OperationRecord>
    /// Lines.
    package var lines: Slab<LineRecord>
    /// Orders.
    package var orders: Slab<OrderRecord>
    /// Products bought.
    package var bought: Slab<BoughtRecord>
    /// Sends.
    package var sends: Slab<SendRecord>
    /// Endpoints.
    package var endpoints: Slab<EndpointRecord>
    /// Enrollments.
    package var enrollments: Slab<EnrollmentRecord>
    /// Views.
    package var views: Slab<ViewRecord>
    /// Traits.
    package var traits: Slab<TraitRecord>
    /// Flow entries.
    package var entries: Slab<EntryRecord>
    /// Strings.
    package var texts: TextStore

    /// Makes an empty store.
    package init(limits: ProfileLimits = ProfileLimits()) {
        self.limits = limits
        let many = 1 << 28
        profiles = Slots(limit: limits.profilesMax)
        carts = Slab(limit: many)
        operations = Slab(limit: many)
        lines = Slab(limit: many)
        orders = Slab(limit: many)
        bought = Slab(limit: many)
        sends = Slab(limit: many)
        endpoints = Slab(limit: many)
        enrollments = Slab(limit: many, chunk: 1_024)
        views = Slab(limit: many)
        traits = Slab(limit: many)
        entries = Slab(limit: many)
        texts = TextStore(limit: 1 << 27)
    }

    /// Begins a profile in a slot.
    package mutating func create(_ slot: UInt32, id: Hash128) {
        profiles.fill(slot, ProfileRecord(id: id))
    }
}
