import Events
import Memory
import Profiles

// A profile on its way out: its head, then its lists in their order. Heads hold counts where they
// held handles; shared texts are numbers, others follow their record, which holds their length.

extension ShardPipeline {
    /// Writes the profile of a slot behind its length.
    func save(
        _ slot: UInt32,
        _ shard: Int,
        into buffer: inout StateBuffer,
        _ texts: inout TextNumbers,
        _ layouts: StateLayouts
    ) {
        let begin = buffer.count
        buffer.put(UInt32(0))
        let profile = store.profiles[slot]
        var head = profile
        head.carts = count(profile.carts) { store.carts[$0].next }
        head.orders = count(profile.orders) { store.orders[$0].next }
        head.sends = count(profile.sends) { store.sends[$0].next }
        head.endpoints = count(profile.endpoints) { store.endpoints[$0].next }
        head.enrollments = count(profile.enrollments) { store.enrollments[$0].next }
        head.views = count(profile.views) { store.views[$0].next }
        head.traits = count(profile.traits) { store.traits[$0].next }
        head.entries = count(profile.entries) { store.entries[$0].next }
        head.locale = TextHandle(bits: texts.number(profile.locale, shard, store.texts))
        buffer.put(head, layouts.profile)
        saveCarts(profile, shard, &buffer, &texts, layouts)
        saveOrders(profile, &buffer, layouts)
        saveSends(profile, &buffer, layouts)
        saveEndpoints(profile, &buffer, layouts)
        saveEnrollments(profile, shard, &buffer, &texts, layouts)
        saveViews(profile, shard, &buffer, &texts, layouts)
        saveTraits(profile, &buffer, layouts)
        saveEntries(profile, &buffer, layouts)
        buffer.patch(UInt32(buffer.count - begin - 4), at: begin)
    }

    private func count(_ head: UInt32, _ next: (UInt32) -> UInt32) -> UInt32 {
        var count: UInt32 = 0
        var handle = head
        while handle != 0 {
            count += 1
            handle = next(handle)
        }
        return count
    }

    /// The length of a text, in place of its handle.
    private func length(_ handle: TextHandle) -> TextHandle {
        TextHandle(bits: UInt32(store.texts.bytes(of: handle).byteCount))
    }

    private func saveLine(
        _ line: LineRecord,
        _ shard: Int,
        _ buffer: inout StateBuffer,
        _ texts: inout TextNumbers,
        _ layouts: StateLayouts
    ) {
        buffer.put(numbered(line, shard, &texts), layouts.line)
    }

    private func numbered(
        _ line: LineRecord,
        _ shard: Int,
        _ texts: inout TextNumbers
    ) -> LineRecord {
        var copy = line
        copy.id = TextHandle(bits: texts.number(line.id, shard, store.texts))
        copy.name = TextHandle(bits: texts.number(line.name, shard, store.texts))
        copy.url = TextHandle(bits: texts.number(line.url, shard, store.texts))
        copy.imageURL = TextHandle(bits: texts.number(line.imageURL, shard, store.texts))
        copy.next = 0
        return copy
    }

    private func saveLines(
        _ head: UInt32,
        _ shard: Int,
        _ buffer: inout StateBuffer,
        _ texts: inout TextNumbers,
        _ layouts: StateLayouts
    ) {
        var handle = head
        while handle != 0 {
            let line = store.lines[handle]
            saveLine(line, shard, &buffer, &texts, layouts)
            handle = line.next
        }
    }

    private func saveCarts(
        _ profile: ProfileRecord,
        _ shard: Int,
        _ buffer: inout StateBuffer,
        _ texts: inout TextNumbers,
        _ layouts: StateLayouts
    ) {
        var handle = profile.carts
        while handle != 0 {
            let cart = store.carts[handle]
            var copy = cart
            copy.keyText = length(cart.keyText)
            copy.orderText = length(cart.orderText)
            copy.base = count(cart.base) { store.lines[$0].next }
            copy.operations = count(cart.operations) { store.operations[$0].next }
            copy.next = 0
            buffer.put(copy, layouts.cart)
            buffer.put(store.texts.bytes(of: cart.keyText))
            buffer.put(store.texts.bytes(of: cart.orderText))
            saveLines(cart.base, shard, &buffer, &texts, layouts)
            var next = cart.operations
            while next != 0 {
                let operation = store.operations[next]
                var copy = operation
                copy.lines = count(operation.lines) { store.lines[$0].next }
                copy.next = 0
                buffer.put(copy, layouts.operation)
                saveLines(operation.lines, shard, &buffer, &texts, layouts)
                next = operation.next
            }
            handle = cart.next
        }
    }

    private func saveOrders(
        _ profile: ProfileRecord,
        _ buffer: inout StateBuffer,
        _ layouts: StateLayouts
    ) {
        var handle = profile.orders
        while handle != 0 {
            let order = store.orders[handle]
            var copy = order
            copy.products = count(order.products) { store.bought[$0].next }
            copy.next = 0
            buffer.put(copy, layouts.order)
            var item = order.products
            while item != 0 {
                buffer.put(store.bought[item].product)
                item = store.bought[item].next
            }
            handle = order.next
        }
    }

    private func saveSends(
        _ profile: ProfileRecord,
        _ buffer: inout StateBuffer,
        _ layouts: StateLayouts
    ) {
        var handle = profile.sends
        while handle != 0 {
            var copy = store.sends[handle]
            handle = copy.next
            copy.next = 0
            buffer.put(copy, layouts.send)
        }
    }

    private func saveEndpoints(
        _ profile: ProfileRecord,
        _ buffer: inout StateBuffer,
        _ layouts: StateLayouts
    ) {
        var handle = profile.endpoints
        while handle != 0 {
            let endpoint = store.endpoints[handle]
            var copy = endpoint
            copy.address = length(endpoint.address)
            copy.next = 0
            buffer.put(copy, layouts.endpoint)
            buffer.put(store.texts.bytes(of: endpoint.address))
            handle = endpoint.next
        }
    }

    private func saveEnrollments(
        _ profile: ProfileRecord,
        _ shard: Int,
        _ buffer: inout StateBuffer,
        _ texts: inout TextNumbers,
        _ layouts: StateLayouts
    ) {
        var handle = profile.enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            var copy = record
            copy.cart = place(of: record.cart, in: profile)
            copy.cause = length(record.cause)
            copy.traceparent = length(record.traceparent)
            copy.entityText = length(record.entityText)
            copy.lines = count(record.lines) { store.lines[$0].next }
            copy.next = 0
            buffer.put(copy, layouts.enrollment)
            buffer.put(store.texts.bytes(of: record.cause))
            buffer.put(store.texts.bytes(of: record.traceparent))
            buffer.put(store.texts.bytes(of: record.entityText))
            saveLines(record.lines, shard, &buffer, &texts, layouts)
            handle = record.next
        }
    }

    /// A cart's place among its profile's, from 1; 0 for none.
    private func place(of cart: UInt32, in profile: ProfileRecord) -> UInt32 {
        guard cart != 0 else { return 0 }
        var place: UInt32 = 1
        var handle = profile.carts
        while handle != 0 {
            if handle == cart { return place }
            place += 1
            handle = store.carts[handle].next
        }
        return 0
    }

    private func saveViews(
        _ profile: ProfileRecord,
        _ shard: Int,
        _ buffer: inout StateBuffer,
        _ texts: inout TextNumbers,
        _ layouts: StateLayouts
    ) {
        var handle = profile.views
        while handle != 0 {
            let view = store.views[handle]
            var copy = view
            copy.line = numbered(view.line, shard, &texts)
            copy.next = 0
            buffer.put(copy, layouts.view)
            handle = view.next
        }
    }

    private func saveTraits(
        _ profile: ProfileRecord,
        _ buffer: inout StateBuffer,
        _ layouts: StateLayouts
    ) {
        var handle = profile.traits
        while handle != 0 {
            let trait = store.traits[handle]
            var copy = trait
            copy.message = length(trait.message)
            copy.next = 0
            buffer.put(copy, layouts.trait)
            buffer.put(store.texts.bytes(of: trait.message))
            handle = trait.next
        }
    }

    private func saveEntries(
        _ profile: ProfileRecord,
        _ buffer: inout StateBuffer,
        _ layouts: StateLayouts
    ) {
        var handle = profile.entries
        while handle != 0 {
            var copy = store.entries[handle]
            handle = copy.next
            copy.next = 0
            buffer.put(copy, layouts.entry)
        }
    }
}
