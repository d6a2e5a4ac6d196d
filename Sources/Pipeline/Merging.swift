import Abandonment
import Events
import Flows
package import Memory
import Profiles
import Windows

// Two profiles become one (ID-6, ID-8): one side is written into a parcel and forgotten, the other
// reads it and settles what that means. The same way is taken when both live on one shard, so the
// number of shards changes nothing.

extension ShardPipeline {
    // MARK: Giving away

    /// Writes the profile of a slot into a parcel and forgets it.
    package mutating func handOver(_ slot: UInt32, into parcel: inout Parcel) {
        parcel.removeAll()
        store.open(slot, with: &packer)
        let profile = store.profiles[slot]
        parcel.put(profile)
        parcel.put(profile.locale, from: store.texts)
        putCarts(profile, slot, &parcel)
        putOrders(profile, &parcel)
        putSends(profile, &parcel)
        putEndpoints(profile, &parcel)
        putEnrollments(profile, &parcel)
        putViews(profile, &parcel)
        putTraits(profile, &parcel)
        putEntries(profile, &parcel)
        wheel.disarm(slot)
        store.forget(slot)
    }

    private func count(_ head: UInt32, _ next: (UInt32) -> UInt32) -> UInt64 {
        var count: UInt64 = 0
        var handle = head
        while handle != 0 {
            count += 1
            handle = next(handle)
        }
        return count
    }

    private func putLine(_ line: LineRecord, _ parcel: inout Parcel) {
        parcel.put(line)
        parcel.put(line.id, from: store.texts)
        parcel.put(line.name, from: store.texts)
        parcel.put(line.url, from: store.texts)
        parcel.put(line.imageURL, from: store.texts)
    }

    private func putLines(_ head: UInt32, _ parcel: inout Parcel) {
        parcel.put(count(head) { store.lines[$0].next })
        var handle = head
        while handle != 0 {
            putLine(store.lines[handle], &parcel)
            handle = store.lines[handle].next
        }
    }

    private func putCarts(_ profile: ProfileRecord, _ slot: UInt32, _ parcel: inout Parcel) {
        parcel.put(count(profile.carts) { store.carts[$0].next })
        var handle = profile.carts
        while handle != 0 {
            let cart = store.carts[handle]
            parcel.put(handle)
            parcel.put(cart)
            parcel.put(cart.keyText, from: store.texts)
            parcel.put(cart.orderText, from: store.texts)
            putLines(cart.base, &parcel)
            parcel.put(count(cart.operations) { store.operations[$0].next })
            var operation = cart.operations
            while operation != 0 {
                parcel.put(store.operations[operation])
                putLines(store.operations[operation].lines, &parcel)
                operation = store.operations[operation].next
            }
            handle = cart.next
        }
    }

    private func putOrders(_ profile: ProfileRecord, _ parcel: inout Parcel) {
        parcel.put(count(profile.orders) { store.orders[$0].next })
        var handle = profile.orders
        while handle != 0 {
            let order = store.orders[handle]
            parcel.put(order)
            parcel.put(count(order.products) { store.bought[$0].next })
            var item = order.products
            while item != 0 {
                parcel.put(store.bought[item].product)
                item = store.bought[item].next
            }
            handle = order.next
        }
    }

    private func putSends(_ profile: ProfileRecord, _ parcel: inout Parcel) {
        parcel.put(count(profile.sends) { store.sends[$0].next })
        var handle = profile.sends
        while handle != 0 {
            parcel.put(store.sends[handle])
            handle = store.sends[handle].next
        }
    }

    private func putEndpoints(_ profile: ProfileRecord, _ parcel: inout Parcel) {
        parcel.put(count(profile.endpoints) { store.endpoints[$0].next })
        var handle = profile.endpoints
        while handle != 0 {
            parcel.put(store.endpoints[handle])
            parcel.put(store.endpoints[handle].address, from: store.texts)
            handle = store.endpoints[handle].next
        }
    }

    private func putEnrollments(_ profile: ProfileRecord, _ parcel: inout Parcel) {
        parcel.put(count(profile.enrollments) { store.enrollments[$0].next })
        var handle = profile.enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            parcel.put(record)
            parcel.put(record.cause, from: store.texts)
            parcel.put(record.traceparent, from: store.texts)
            parcel.put(record.entityText, from: store.texts)
            putLines(record.lines, &parcel)
            handle = record.next
        }
    }

    private func putViews(_ profile: ProfileRecord, _ parcel: inout Parcel) {
        parcel.put(count(profile.views) { store.views[$0].next })
        var handle = profile.views
        while handle != 0 {
            parcel.put(store.views[handle].time)
            putLine(store.views[handle].line, &parcel)
            handle = store.views[handle].next
        }
    }

    private func putTraits(_ profile: ProfileRecord, _ parcel: inout Parcel) {
        parcel.put(count(profile.traits) { store.traits[$0].next })
        var handle = profile.traits
        while handle != 0 {
            parcel.put(store.traits[handle])
            parcel.put(store.traits[handle].message, from: store.texts)
            handle = store.traits[handle].next
        }
    }

    private func putEntries(_ profile: ProfileRecord, _ parcel: inout Parcel) {
        parcel.put(count(profile.entries) { store.entries[$0].next })
        var handle = profile.entries
        while handle != 0 {
            parcel.put(store.entries[handle])
            handle = store.entries[handle].next
        }
    }

    // MARK: Taking over

    /// Reads a profile out of a parcel into another, and settles what the merge means.
    package mutating func takeOver(_ parcel: inout Parcel, message: ShardMessage) {
        let slot = message.slot
        let time = EventTime(milliseconds: message.value)
        now = message.now
        begin(message)
        counters.merges += 1
        store.open(slot, with: &packer)
        parcel.rewind()
        takeHead(&parcel, into: slot)
        // Which carts came, by the handle they had, and whether one of that key was there.
        var carts = InlineArray<64, CameCart>(repeating: CameCart())
        let cartCount = takeCarts(&parcel, into: slot, &carts)
        var orders = InlineArray<64, UInt64>(repeating: 0)
        let orderCount = takeOrders(&parcel, into: slot, &orders)
        takeSends(&parcel, into: slot)
        takeEndpoints(&parcel, into: slot)
        takeEnrollments(&parcel, into: slot, carts, cartCount)
        takeViews(&parcel, into: slot)
        takeTraits(&parcel, into: slot)
        takeEntries(&parcel, into: slot)
        for index in 0..<cartCount {
            carts[index].isRunning = liveEnrollment(ofCart: carts[index].new, of: slot) != 0
        }
        cancelTwins(at: time, of: slot)
        joinActivity(of: slot)
        // Orders of one side meet the carts of the other.
        eachOrder(of: slot) { shard, order in
            var came = false
            for index in 0..<orderCount where orders[index] == order.key { came = true }
            shard.closeCarts(with: order, at: time, of: slot) { cart in
                for index in 0..<cartCount where carts[index].new == cart {
                    return !came || carts[index].isJoined
                }
                return came
            }
        }
        endStages(below: highestStage(of: slot), with: .superseded, at: time, of: slot)
        for index in 0..<cartCount where !carts[index].isRunning {
            inherit(carts[index].new, at: time, of: slot)
        }
        rescheduleAll(of: slot)
        keepBounds(of: slot)
        arm(slot)
    }

    /// A cart that a merge brought.
    private struct CameCart: BitwiseCopyable {
        /// The handle it had, and has.
        var old: UInt32 = 0
        var new: UInt32 = 0
        /// Became one with a cart that was there.
        var isJoined = false
        /// An enrollment was alive on it, on either side.
        var isRunning = false
    }

    /// Carts that became one have all their events' activity.
    private mutating func joinActivity(of slot: UInt32) {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            if record.cart != 0, store.carts[record.cart].lastActivity > record.lastActivity {
                store.enrollments[handle].lastActivity = store.carts[record.cart].lastActivity
            }
            handle = record.next
        }
    }

    private mutating func takeHead(_ parcel: inout Parcel, into slot: UInt32) {
        let other = parcel.get(ProfileRecord.self)
        let locale = parcel.get(into: &store.texts)
        let own = store.profiles[slot]
        store.profiles[slot].lastClick = max(own.lastClick, other.lastClick)
        store.profiles[slot].isKnown = own.isKnown || other.isKnown
        func isNewer(_ left: EventTime, _ right: EventTime, _ a: UInt16, _ b: UInt16) -> Bool {
            left != right ? left > right : a > b
        }
        if isNewer(other.traitZoneTime, own.traitZoneTime, other.traitZone, own.traitZone) {
            store.profiles[slot].traitZone = other.traitZone
            store.profiles[slot].traitZoneTime = other.traitZoneTime
        }
        if isNewer(other.contextZoneTime, own.contextZoneTime, other.contextZone, own.contextZone) {
            store.profiles[slot].contextZone = other.contextZone
            store.profiles[slot].contextZoneTime = other.contextZoneTime
        }
        if isNewer(other.countryTime, own.countryTime, other.country, own.country) {
            store.profiles[slot].country = other.country
            store.profiles[slot].countryTime = other.countryTime
        }
        if other.localeTime > own.localeTime {
            store.texts.give(back: own.locale)
            store.profiles[slot].locale = locale
            store.profiles[slot].localeTime = other.localeTime
        } else {
            store.texts.give(back: locale)
        }
    }

    private mutating func takeLine(_ parcel: inout Parcel) -> LineRecord {
        var line = parcel.get(LineRecord.self)
        line.id = parcel.get(into: &store.texts)
        line.name = parcel.get(into: &store.texts)
        line.url = parcel.get(into: &store.texts)
        line.imageURL = parcel.get(into: &store.texts)
        line.next = 0
        return line
    }

    private mutating func takeLines(_ parcel: inout Parcel) -> UInt32 {
        var head: UInt32 = 0
        var last: UInt32 = 0
        for _ in 0..<parcel.get(UInt64.self) {
            let line = takeLine(&parcel)
            let handle = store.lines.take(line)
            if last == 0 { head = handle } else { store.lines[last].next = handle }
            last = handle
        }
        return head
    }

    private mutating func takeCarts(
        _ parcel: inout Parcel,
        into slot: UInt32,
        _ carts: inout InlineArray<64, CameCart>
    ) -> Int {
        let count = Int(parcel.get(UInt64.self))
        precondition(count <= 64, "carts are bounded")
        for index in 0..<count {
            let old = parcel.get(UInt32.self)
            var cart = parcel.get(CartRecord.self)
            let keyText = parcel.getOwn(into: &store.texts)
            let orderText = parcel.getOwn(into: &store.texts)
            let base = takeLines(&parcel)
            var own = store.cart(of: slot, key: cart.key)
            let isJoined = own != 0
            if own == 0 {
                cart.keyText = keyText
                cart.orderText = orderText
                cart.base = base
                cart.operations = 0
                cart.operationCount = 0
                cart.next = store.profiles[slot].carts
                own = store.carts.take(cart)
                store.profiles[slot].carts = own
            } else {
                join(cart, keyText, orderText, base, into: own)
            }
            for _ in 0..<parcel.get(UInt64.self) {
                var operation = parcel.get(OperationRecord.self)
                operation.lines = takeLines(&parcel)
                operation.next = 0
                store.insert(operation, into: own, with: &fold)
            }
            carts[index] = CameCart(old: old, new: own, isJoined: isJoined)
        }
        return count
    }

    /// Folds the head of a cart into the one of the same key.
    private mutating func join(
        _ cart: CartRecord,
        _ keyText: TextHandle,
        _ orderText: TextHandle,
        _ base: UInt32,
        into own: UInt32
    ) {
        store.texts.give(back: keyText)
        if store.carts[own].orderText.isSet {
            store.texts.give(back: orderText)
        } else {
            store.carts[own].orderText = orderText
        }
        if store.carts[own].checkout == 0 { store.carts[own].checkout = cart.checkout }
        if store.carts[own].order == 0 { store.carts[own].order = cart.order }
        if cart.stage == .checkout { store.carts[own].stage = .checkout }
        store.carts[own].hadLines = store.carts[own].hadLines || cart.hadLines
        if cart.lastActivity > store.carts[own].lastActivity {
            store.carts[own].lastActivity = cart.lastActivity
        }
        if cart.currencyTime > store.carts[own].currencyTime {
            store.carts[own].currency = cart.currency
            store.carts[own].currencyTime = cart.currencyTime
        }
        if base != 0 {
            // Settled lines are older than every operation that is still kept apart.
            var settled = OperationRecord(kind: .add, time: .none, tie: cart.key)
            settled.lines = base
            store.insert(settled, into: own, with: &fold)
        }
    }

    /// Answers how many orders came that were not known, and their keys.
    private mutating func takeOrders(
        _ parcel: inout Parcel,
        into slot: UInt32,
        _ keys: inout InlineArray<64, UInt64>
    ) -> Int {
        let count = Int(parcel.get(UInt64.self))
        precondition(count <= 64, "orders are bounded")
        var came = 0
        for _ in 0..<count {
            var order = parcel.get(OrderRecord.self)
            order.products = 0
            order.next = 0
            var last: UInt32 = 0
            for _ in 0..<parcel.get(UInt64.self) {
                let item = store.bought.take(BoughtRecord(product: parcel.get(UInt64.self)))
                if last == 0 { order.products = item } else { store.bought[last].next = item }
                last = item
            }
            if store.order(of: slot, key: order.key) == 0 {
                store.addOrder(order, to: slot)
                keys[came] = order.key
                came += 1
            } else {
                store.freeBought(order.products)
            }
        }
        return came
    }

    private mutating func takeSends(_ parcel: inout Parcel, into slot: UInt32) {
        for _ in 0..<parcel.get(UInt64.self) {
            store.addSend(parcel.get(SendRecord.self), to: slot)
        }
    }

    private mutating func takeEndpoints(_ parcel: inout Parcel, into slot: UInt32) {
        for _ in 0..<parcel.get(UInt64.self) {
            var endpoint = parcel.get(EndpointRecord.self)
            endpoint.address = parcel.getOwn(into: &store.texts)
            store.addEndpoint(endpoint, to: slot)
        }
    }

    private mutating func takeEnrollments(
        _ parcel: inout Parcel,
        into slot: UInt32,
        _ carts: InlineArray<64, CameCart>,
        _ cartCount: Int
    ) {
        for _ in 0..<parcel.get(UInt64.self) {
            var record = parcel.get(EnrollmentRecord.self)
            record.cause = parcel.getOwn(into: &store.texts)
            record.traceparent = parcel.getOwn(into: &store.texts)
            record.entityText = parcel.getOwn(into: &store.texts)
            record.lines = takeLines(&parcel)
            let old = record.cart
            record.cart = 0
            for index in 0..<cartCount where carts[index].old == old && old != 0 {
                record.cart = carts[index].new
            }
            _ = store.addEnrollment(record, to: slot)
        }
    }

    private mutating func takeViews(_ parcel: inout Parcel, into slot: UInt32) {
        for _ in 0..<parcel.get(UInt64.self) {
            let time = parcel.get(EventTime.self)
            let line = takeLine(&parcel)
            store.addView(line, at: time, to: slot)
        }
    }

    private mutating func takeTraits(_ parcel: inout Parcel, into slot: UInt32) {
        for _ in 0..<parcel.get(UInt64.self) {
            let trait = parcel.get(TraitRecord.self)
            let message = parcel.getOwn(into: &store.texts)
            store.setTrait(trait.value, at: trait.time, message: message, of: slot)
        }
    }

    private mutating func takeEntries(_ parcel: inout Parcel, into slot: UInt32) {
        for _ in 0..<parcel.get(UInt64.self) {
            let entry = parcel.get(EntryRecord.self)
            store.noteEntry(entry.flow, at: entry.time, of: slot)
        }
    }

    // MARK: Settling

    /// Of two enrollments of one flow on one cart the one with the later activity lives (ID-8).
    private mutating func cancelTwins(at time: EventTime, of slot: UInt32) {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let twin = twin(of: handle, in: slot)
            guard twin != 0 else {
                handle = store.enrollments[handle].next
                continue
            }
            let loser = isKept(handle, over: twin) ? twin : handle
            let next = loser == handle ? store.enrollments[handle].next : handle
            let record = store.enrollments[loser]
            readings.removeAll()
            writeDecision(
                record,
                .merged,
                at: time,
                channel: nextChannel(of: record),
                of: slot
            )
            store.freeEnrollment(loser, of: slot)
            handle = next
        }
    }

    private func twin(of handle: UInt32, in slot: UInt32) -> UInt32 {
        let record = store.enrollments[handle]
        let stage = compiled.stage(ofFlow: Int(record.flowIndex))
        guard stage > 0 else { return 0 }
        var other = record.next
        while other != 0 {
            let candidate = store.enrollments[other]
            if candidate.flowIndex == record.flowIndex,
                stage == 1 || candidate.cart == record.cart
            {
                return other
            }
            other = candidate.next
        }
        return 0
    }

    private mutating func isKept(_ left: UInt32, over right: UInt32) -> Bool {
        let a = store.enrollments[left]
        let b = store.enrollments[right]
        if a.lastActivity != b.lastActivity { return a.lastActivity > b.lastActivity }
        if a.state != b.state { return a.state == .running }
        return key(of: a) < key(of: b)
    }

    private func highestStage(of slot: UInt32) -> Int {
        var highest = 0
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            highest = max(highest, compiled.stage(ofFlow: Int(record.flowIndex)))
            handle = record.next
        }
        return highest
    }

    /// An open cart that came without a live enrollment starts nothing (ID-7), and says so.
    private mutating func inherit(_ cart: UInt32, at time: EventTime, of slot: UInt32) {
        guard liveEnrollment(ofCart: cart, of: slot) == 0 else { return }
        fold.fold(cart, in: store)
        guard !fold.lines.isEmpty else { return }
        let record = store.carts[cart]
        guard let flow = record.stage == .checkout ? compiled.checkoutFlow : compiled.cartFlow
        else { return }
        let first = store.begin(of: cart)
        var enrollment = EnrollmentRecord(
            flow: compiled.flowHashes[flow],
            flowIndex: UInt16(flow),
            firstTime: first.isSet ? first : record.lastActivity,
            firstIdentifier: .none
        )
        enrollment.entity = record.key
        readings.removeAll()
        writeDecision(
            enrollment,
            .inheritedEvent,
            at: time,
            channel: nextChannel(of: enrollment),
            of: slot
        )
    }

    private mutating func keepBounds(of slot: UInt32) {
        while store.enrollmentCount(of: slot) > store.limits.enrollmentsMax {
            store.counters.enrollmentsEvicted += 1
            evictOldestEnrollment(of: slot)
        }
        while store.cartCount(of: slot) > store.limits.cartsMax {
            let oldest = store.cartToEvict(of: slot, with: &fold)
            store.counters.cartsEvicted += 1
            dropEnrollments(ofCart: oldest, of: slot)
            store.freeCart(oldest, of: slot)
        }
    }
}
