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
    /// Profiles a shard keeps open before those not touched for longest are packed.
    package var openMax = 1 << 16

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
    /// Profiles that stay open because they say too much for a packed one.
    package var keptOpen = 0
    /// Orders and cart events that repeated what was known.
    package var repeats = 0

    /// All zero.
    package init() {}
}

/// A locale and its text.
struct KnownLocale: BitwiseCopyable {
    /// `CustomerEvent.localeWord`; 0 is none.
    var word: UInt64
    var text: TextHandle
}

/// All profiles of one shard.
///
/// A profile that is worked on is open: records in slabs. Most people are silent most of the time;
/// beyond `ProfileLimits.openMax` those not touched for longest are packed into a few bytes, which
/// say the same. Owned by the shard's thread. Every list is bounded by `ProfileLimits`; at the bound
/// the oldest goes first and is counted.
package struct ProfileStore: ~Copyable {
    /// The bounds.
    package let limits: ProfileLimits
    /// What was counted.
    package var counters = ProfileCounters()
    /// Heads of open profiles, and packed ones, by slot; the resolver gives the slots out.
    package var profiles: Shelf<ProfileRecord>
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
    /// Products met lately.
    var wares = WareCache()
    /// Locales met lately, each a user of its text.
    var locales = GrowingBuffer<KnownLocale>(zeros: 64)

    /// Makes an empty store.
    package init(limits: ProfileLimits = ProfileLimits()) {
        self.limits = limits
        let many = 1 << 28
        profiles = Shelf(limit: limits.profilesMax)
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

    /// Bytes of the lists of open profiles.
    package var listBytes: Int {
        carts.byteCount + operations.byteCount + lines.byteCount + orders.byteCount
            + bought.byteCount + sends.byteCount + endpoints.byteCount + enrollments.byteCount
            + views.byteCount + traits.byteCount + entries.byteCount
    }

    /// Begins a profile in a slot.
    package mutating func create(_ slot: UInt32, id: Hash128, with packer: inout ProfilePacker) {
        makeRoom(with: &packer)
        profiles.open(slot, ProfileRecord(id: id))
    }

    // MARK: Open and packed

    /// Opens the profile of a slot, if it is packed.
    package mutating func open(_ slot: UInt32, with packer: inout ProfilePacker) {
        if !profiles.reach(for: slot) { unpack(slot, with: &packer) }
    }

    private mutating func unpack(_ slot: UInt32, with packer: inout ProfilePacker) {
        makeRoom(with: &packer)
        packer.whole.removeAll()
        packer.whole.put(profiles.packed(slot))
        profiles.removePacked(slot)
        // The packer's other parts are needed meanwhile.
        var bytes = StateBuffer(standIn: ())
        swap(&bytes, &packer.whole)
        do {
            var reader = StateReader(bytes.bytes)
            try read(&reader, into: slot, with: &packer)
        } catch {
            // It was written by this process, or its digest was checked when it was restored.
            preconditionFailure("a packed profile is whole: \(error)")
        }
        swap(&bytes, &packer.whole)
    }

    /// Packs what was not touched for longest, as long as too many profiles are open.
    package mutating func makeRoom(with packer: inout ProfilePacker) {
        while profiles.openCount >= limits.openMax {
            prefetchTurns()
            let slot = profiles.takeTurn()
            if slot != 0 { pack(slot, with: &packer) }
        }
    }

    // Who is packed was silent for long, and lies in memory that is far away: each step names the
    // next.
    private func prefetchTurns() {
        profiles.prefetch(profiles.turn(16))
        let near = profiles.turn(12)
        if profiles.isUntouched(near) { profiles.prefetchRow(near) }
        let listed = profiles.turn(8)
        if profiles.isUntouched(listed) { prefetchLists(of: listed) }
        let next = profiles.turn(4)
        if profiles.isUntouched(next) { prefetchSecond(of: next) }
        let last = profiles.turn(2)
        if profiles.isUntouched(last) { prefetchThird(of: last) }
    }

    /// Tells the processor what hangs on an open profile, whose row is near by now.
    package func prefetchLists(of slot: UInt32) {
        let profile = profiles[slot]
        carts.prefetch(profile.carts)
        enrollments.prefetch(profile.enrollments)
        views.prefetch(profile.views)
        endpoints.prefetch(profile.endpoints)
        orders.prefetch(profile.orders)
        sends.prefetch(profile.sends)
    }

    /// Tells the processor what hangs on the beginnings of a profile's lists, which are near by
    /// now.
    package func prefetchSecond(of slot: UInt32) {
        let profile = profiles[slot]
        let cart = profile.carts
        if cart != 0 {
            operations.prefetch(carts[cart].operations)
            texts.prefetch(carts[cart].keyText)
        }
        let enrollment = profile.enrollments
        if enrollment != 0 { texts.prefetch(enrollments[enrollment].cause) }
        let endpoint = profile.endpoints
        if endpoint != 0 {
            texts.prefetch(endpoints[endpoint].address)
            endpoints.prefetch(endpoints[endpoint].next)
        }
        let view = profile.views
        if view != 0 { views.prefetch(views[view].next) }
        let order = profile.orders
        if order != 0 { bought.prefetch(orders[order].products) }
    }

    /// The same, a step later.
    package func prefetchThird(of slot: UInt32) {
        let profile = profiles[slot]
        let cart = profile.carts
        if cart != 0, carts[cart].operations != 0 {
            let operation = carts[cart].operations
            lines.prefetch(operations[operation].lines)
            operations.prefetch(operations[operation].next)
        }
        let endpoint = profile.endpoints
        if endpoint != 0, endpoints[endpoint].next != 0 {
            texts.prefetch(endpoints[endpoints[endpoint].next].address)
        }
    }

    /// Packs an open profile; one that says more than `ByteCells.lengthMax` stays open, and is
    /// counted.
    package mutating func pack(_ slot: UInt32, with packer: inout ProfilePacker) {
        write(slot, with: &packer)
        guard packer.whole.count <= ByteCells.lengthMax else {
            counters.keptOpen += 1
            return
        }
        for index in 0..<packer.texts.count {
            let text = packer.texts[index]
            if ProfilePacker.isWare(text) {
                let kept = texts.take(packer.content(of: text))
                precondition(kept.isSet, "room for texts")
                packer.whole.patch(kept.bits, at: packer.textsPlace + 4 * index)
                wares.note(kept, of: packer.line(ofText: index + 1), &texts)
            } else {
                _ = texts.share(text)
            }
        }
        forget(slot)
        let isKept = profiles.put(packer.whole.bytes, in: slot)
        precondition(isKept, "room for packed profiles")
    }

    /// Gives back everything an open profile holds, and its slot.
    package mutating func forget(_ slot: UInt32) {
        texts.give(back: profiles[slot].locale)
        while profiles[slot].enrollments != 0 {
            freeEnrollment(profiles[slot].enrollments, of: slot)
        }
        while profiles[slot].carts != 0 { freeCart(profiles[slot].carts, of: slot) }
        freeViews(of: slot)
        var handle = profiles[slot].orders
        while handle != 0 {
            let next = orders[handle].next
            freeBought(orders[handle].products)
            orders.give(back: handle)
            handle = next
        }
        handle = profiles[slot].sends
        while handle != 0 {
            let next = sends[handle].next
            sends.give(back: handle)
            handle = next
        }
        handle = profiles[slot].endpoints
        while handle != 0 {
            let next = endpoints[handle].next
            texts.give(back: endpoints[handle].address)
            endpoints.give(back: handle)
            handle = next
        }
        handle = profiles[slot].traits
        while handle != 0 {
            let next = traits[handle].next
            texts.give(back: traits[handle].message)
            traits.give(back: handle)
            handle = next
        }
        handle = profiles[slot].entries
        while handle != 0 {
            let next = entries[handle].next
            entries.give(back: handle)
            handle = next
        }
        profiles.close(slot)
    }
}
