import Events
package import Memory
package import Profiles
import Windows

/// Fills one shard from saved state, whatever number of shards it was saved from.
///
/// It is handed the pieces it wants in the order in which they were written. Owned by one thread;
/// all shards of an engine and its resolver may load at the same time.
package struct ShardLoader: ~Copyable {
    // Not private: the layout of a buffer of them must be known wherever the loader is held.
    /// A text that many profiles share.
    struct SharedText: BitwiseCopyable {
        var handle: TextHandle
        var users: UInt32
    }

    private let index: Int
    private let shards: Int
    // About how many profiles will come.
    private var expected = 0
    private let layouts = StateLayouts()
    private var shard: ShardPipeline
    private var tables: StateTables?
    private var numbering: SlotNumbering
    // Shared texts, by number. Their users are counted here, close together in memory, and told to
    // the store at the end.
    private var texts = GrowingBuffer<SharedText>(room: 1 << 12)
    // The carts of the profile in hand, in order.
    private var carts = GrowingBuffer<UInt32>(room: 64)
    /// What could not be kept.
    package private(set) var losses = StateLosses()
    /// Profiles taken in.
    package private(set) var profiles = 0

    /// Makes the loader of one of so many shards.
    package init(
        rules: CompiledRules,
        limits: ProfileLimits = ProfileLimits(),
        shard index: Int,
        of shards: Int
    ) {
        precondition(index >= 0 && index < shards)
        self.index = index
        self.shards = shards
        shard = ShardPipeline(rules: rules, limits: limits)
        numbering = SlotNumbering(shards: shards)
    }

    /// Makes room for so many records of each section, as the closure says.
    package mutating func expect(_ count: (UInt8) -> Int) {
        expected = count(StateSection.profiles.rawValue) / shards
    }

    /// Whether a piece holds anything for this shard.
    package func wants(_ piece: StatePiece) -> Bool {
        switch StateSection(rawValue: piece.section) {
        case .tables, .clock, .catalog, .texts: true
        case .profiles: numbering.mayHold(Int(piece.range), profilesOf: index)
        default: false
        }
    }

    /// Takes in a piece.
    package mutating func load(_ piece: StatePiece, _ bytes: RawSpan) throws(StateError) {
        var reader = StateReader(bytes)
        switch StateSection(rawValue: piece.section) {
        case .tables: tables = try StateTables(&reader, shard.compiled, layouts)
        case .clock:
            shard.setTime(passed: try SavedClock(&reader).fired)
            shard.reserve(expected)
        case .catalog: try shard.catalog.load(&reader)
        case .texts: try loadTexts(&reader, piece.count)
        case .profiles: try loadProfiles(&reader, piece)
        default: return
        }
    }

    /// Ends loading and answers the shard.
    package consuming func finish() -> ShardPipeline {
        for index in 0..<texts.count {
            shard.store.texts.share(texts[index].handle, times: texts[index].users)
            shard.store.texts.give(back: texts[index].handle)
        }
        return shard
    }

    private mutating func loadTexts(
        _ reader: inout StateReader,
        _ count: UInt32
    ) throws(StateError) {
        for _ in 0..<count {
            let length = Int(try reader.get(UInt16.self))
            let handle = shard.store.texts.take(try reader.take(length))
            texts.append(SharedText(handle: handle, users: 0))
        }
    }

    private mutating func loadProfiles(
        _ reader: inout StateReader,
        _ piece: StatePiece
    ) throws(StateError) {
        guard let tables else { throw .damaged("profiles stand before what explains them") }
        for _ in 0..<piece.count {
            let length = Int(try reader.get(UInt32.self))
            let begin = reader.offset
            let head = try reader.get(ProfileRecord.self)
            guard SlotNumbering.range(of: head.id.low) == Int(piece.range) else {
                throw .damaged("a profile stands in a range that is not its own")
            }
            let (owner, slot) = numbering.next(head.id.low)
            if owner == index {
                try loadProfile(head, slot, &reader, tables)
                shard.arm(slot)
                profiles += 1
            } else {
                try reader.skip(length - (reader.offset - begin))
            }
            guard reader.offset - begin == length else {
                throw .damaged("a profile is longer or shorter than it says")
            }
        }
    }

    // MARK: One profile

    private mutating func loadProfile(
        _ saved: ProfileRecord,
        _ slot: UInt32,
        _ reader: inout StateReader,
        _ tables: StateTables
    ) throws(StateError) {
        var head = saved
        head.locale = try shared(saved.locale)
        head.traitZone = try zone(saved.traitZone, tables)
        head.contextZone = try zone(saved.contextZone, tables)
        head.carts = try loadCarts(saved.carts, &reader, tables)
        head.orders = try loadOrders(saved.orders, &reader)
        head.sends = try loadSends(saved.sends, &reader)
        head.endpoints = try loadEndpoints(saved.endpoints, &reader)
        head.enrollments = try loadEnrollments(saved.enrollments, &reader, tables)
        head.views = try loadViews(saved.views, &reader)
        head.traits = try loadTraits(saved.traits, &reader, tables)
        head.entries = try loadEntries(saved.entries, &reader)
        shard.store.profiles.fill(slot, head)
    }

    private mutating func zone(
        _ saved: UInt16,
        _ tables: StateTables
    ) throws(StateError) -> UInt16 {
        guard Int(saved) < tables.zones.count else { throw .damaged("a zone without a name") }
        let zone = tables.zones[Int(saved)]
        if zone == 0, saved != 0 { losses.zones += 1 }
        return zone
    }

    /// A shared text by the number that stands in the place of its handle.
    private mutating func shared(_ number: TextHandle) throws(StateError) -> TextHandle {
        guard number.isSet else { return .none }
        guard Int(number.bits) <= texts.count else { throw .damaged("a text without a place") }
        let index = Int(number.bits) - 1
        texts[index].users += 1
        return texts[index].handle
    }

    /// A profile's own text by the length that stands in the place of its handle.
    private mutating func own(
        _ length: TextHandle,
        _ reader: inout StateReader
    ) throws(StateError) -> TextHandle {
        guard length.isSet else { return .none }
        return shard.store.texts.keep(try reader.take(Int(length.bits)))
    }

    private mutating func named(_ saved: LineRecord) throws(StateError) -> LineRecord {
        var line = saved
        line.id = try shared(saved.id)
        line.name = try shared(saved.name)
        line.url = try shared(saved.url)
        line.imageURL = try shared(saved.imageURL)
        return line
    }

    private mutating func loadLines(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            let handle = shard.store.lines.take(try named(try reader.get(LineRecord.self)))
            if last == 0 { first = handle } else { shard.store.lines[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadCarts(
        _ count: UInt32,
        _ reader: inout StateReader,
        _ tables: StateTables
    ) throws(StateError) -> UInt32 {
        carts.removeAll()
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            let saved = try reader.get(CartRecord.self)
            var cart = saved
            cart.keyText = try own(saved.keyText, &reader)
            cart.orderText = try own(saved.orderText, &reader)
            cart.base = try loadLines(saved.base, &reader)
            cart.operations = try loadOperations(saved.operations, &reader)
            if cart.currency == 0 { cart.currency = tables.formerCurrency }
            let handle = shard.store.carts.take(cart)
            carts.append(handle)
            if last == 0 { first = handle } else { shard.store.carts[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadOperations(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            var operation = try reader.get(OperationRecord.self)
            operation.lines = try loadLines(operation.lines, &reader)
            let handle = shard.store.operations.take(operation)
            if last == 0 { first = handle } else { shard.store.operations[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadOrders(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            var order = try reader.get(OrderRecord.self)
            order.products = try loadBought(order.products, &reader)
            let handle = shard.store.orders.take(order)
            if last == 0 { first = handle } else { shard.store.orders[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadBought(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            let item = BoughtRecord(product: try reader.get(UInt64.self))
            let handle = shard.store.bought.take(item)
            if last == 0 { first = handle } else { shard.store.bought[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadSends(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            let handle = shard.store.sends.take(try reader.get(SendRecord.self))
            if last == 0 { first = handle } else { shard.store.sends[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadEndpoints(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            var endpoint = try reader.get(EndpointRecord.self)
            endpoint.address = try own(endpoint.address, &reader)
            let handle = shard.store.endpoints.take(endpoint)
            if last == 0 { first = handle } else { shard.store.endpoints[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadViews(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            var view = try reader.get(ViewRecord.self)
            view.line = try named(view.line)
            let handle = shard.store.views.take(view)
            if last == 0 { first = handle } else { shard.store.views[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadTraits(
        _ count: UInt32,
        _ reader: inout StateReader,
        _ tables: StateTables
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            var trait = try reader.get(TraitRecord.self)
            guard Int(trait.value.index) < tables.attributes.count else {
                throw .damaged("a trait without a name")
            }
            guard let index = tables.attributes[Int(trait.value.index)] else {
                try reader.skip(Int(trait.message.bits))
                losses.traits += 1
                continue
            }
            trait.value.index = index
            trait.message = try own(trait.message, &reader)
            let handle = shard.store.traits.take(trait)
            if last == 0 { first = handle } else { shard.store.traits[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func loadEntries(
        _ count: UInt32,
        _ reader: inout StateReader
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            let handle = shard.store.entries.take(try reader.get(EntryRecord.self))
            if last == 0 { first = handle } else { shard.store.entries[last].next = handle }
            last = handle
        }
        return first
    }

    // MARK: Enrollments

    private mutating func loadEnrollments(
        _ count: UInt32,
        _ reader: inout StateReader,
        _ tables: StateTables
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            let saved = try reader.get(EnrollmentRecord.self)
            guard Int(saved.flowIndex) < tables.flows.count else {
                throw .damaged("an enrollment without a flow")
            }
            guard var record = moved(saved, tables.flows[Int(saved.flowIndex)]) else {
                try skipRest(of: saved, &reader)
                losses.enrollments += 1
                continue
            }
            guard Int(saved.cart) <= carts.count else {
                throw .damaged("an enrollment without its cart")
            }
            record.cart = saved.cart == 0 ? 0 : carts[Int(saved.cart) - 1]
            record.cause = try own(saved.cause, &reader)
            record.traceparent = try own(saved.traceparent, &reader)
            record.entityText = try own(saved.entityText, &reader)
            record.lines = try loadLines(saved.lines, &reader)
            if record.lines != 0, record.currency == 0 { record.currency = tables.formerCurrency }
            let handle = shard.store.enrollments.take(record)
            if last == 0 { first = handle } else { shard.store.enrollments[last].next = handle }
            last = handle
        }
        return first
    }

    /// An enrollment in the flow as it is today; nil if the flow or its next step is gone.
    private func moved(_ saved: EnrollmentRecord, _ flow: StateTables.Flow) -> EnrollmentRecord? {
        guard let index = flow.index else { return nil }
        var record = saved
        record.flowIndex = UInt16(index)
        guard let steps = flow.steps else { return record }
        guard Int(saved.step) < steps.count, steps[Int(saved.step)] >= 0 else { return nil }
        record.step = UInt8(steps[Int(saved.step)])
        record.anchors = .init(repeating: .none)
        for (old, new) in steps.enumerated() where new >= 0 && old < saved.anchors.count {
            record.anchors[new] = saved.anchors[old]
        }
        return record
    }

    private func skipRest(
        of saved: EnrollmentRecord,
        _ reader: inout StateReader
    ) throws(StateError) {
        let texts = [saved.cause, saved.traceparent, saved.entityText]
        for text in texts { try reader.skip(Int(text.bits)) }
        try reader.skip(Int(saved.lines) * MemoryLayout<LineRecord>.size)
    }
}
