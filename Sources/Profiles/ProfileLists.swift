package import Events
package import Memory

// Making, sharing and giving back the runs of records that hang on a profile.

extension ProfileStore {
    // MARK: Locale

    /// Sets a profile's locale to that of an event; its text is looked at only if its word is new.
    package mutating func setLocale(
        of slot: UInt32,
        _ word: UInt64,
        _ locale: Text,
        in block: EventBlock
    ) {
        if texts.isShared(profiles[slot].locale, holding: word) { return }
        let place = Int(truncatingIfNeeded: (word &* 0x9e37_79b9_7f4a_7c15) >> 58)
        if word != 0, locales[place].word == word {
            let known = texts.share(locales[place].text)
            texts.give(back: profiles[slot].locale)
            profiles[slot].locale = known
            return
        }
        texts.replace(&profiles[slot].locale, with: block.bytes(of: locale))
        guard word != 0 else { return }
        texts.give(back: locales[place].text)
        locales[place] = KnownLocale(word: word, text: texts.share(profiles[slot].locale))
    }

    // MARK: Lines

    /// A line of an event's product, its texts copied into the store.
    package mutating func makeLine(_ product: Product, in block: EventBlock) -> LineRecord {
        var line = LineRecord(
            product: product.hash,
            price: product.price,
            quantity: product.quantity
        )
        if wares.fill(&line, product, &texts) { return line }
        line.id = texts.take(block.bytes(of: product.id))
        line.name = texts.take(block.bytes(of: product.name))
        line.url = texts.take(block.bytes(of: product.url))
        line.imageURL = texts.take(block.bytes(of: product.imageURL))
        wares.note(line, product.content, &texts)
        return line
    }

    /// A copy of a line that shares its texts.
    package mutating func share(_ line: LineRecord) -> LineRecord {
        var copy = line
        copy.id = texts.share(line.id)
        copy.name = texts.share(line.name)
        copy.url = texts.share(line.url)
        copy.imageURL = texts.share(line.imageURL)
        copy.next = 0
        return copy
    }

    /// Gives back the texts of a line.
    package mutating func release(_ line: LineRecord) {
        texts.give(back: line.id)
        texts.give(back: line.name)
        texts.give(back: line.url)
        texts.give(back: line.imageURL)
    }

    /// Fills what a line lacks from another line of the same product: a price or text that an
    /// event leaves out is kept.
    package mutating func complete(_ line: inout LineRecord, from older: LineRecord) {
        if line.price == Product.unknownPrice { line.price = older.price }
        if !line.id.isSet { line.id = texts.share(older.id) }
        if !line.name.isSet { line.name = texts.share(older.name) }
        if !line.url.isSet { line.url = texts.share(older.url) }
        if !line.imageURL.isSet { line.imageURL = texts.share(older.imageURL) }
    }

    /// Gives back a list of lines.
    package mutating func freeLines(_ head: UInt32) {
        var handle = head
        while handle != 0 {
            let line = lines[handle]
            release(line)
            lines.give(back: handle)
            handle = line.next
        }
    }

    // MARK: Carts

    /// The cart of a key, or 0.
    package func cart(of slot: UInt32, key: UInt64) -> UInt32 {
        var handle = profiles[slot].carts
        while handle != 0 {
            if carts[handle].key == key { return handle }
            handle = carts[handle].next
        }
        return 0
    }

    /// Gives back everything a cart holds, and the cart.
    package mutating func freeCart(_ handle: UInt32, of slot: UInt32) {
        unlinkCart(handle, of: slot)
        let cart = carts[handle]
        freeOperations(cart.operations)
        freeLines(cart.base)
        texts.give(back: cart.keyText)
        texts.give(back: cart.orderText)
        carts.give(back: handle)
    }

    /// Ends all operations of a cart and forgets its lines.
    package mutating func endOperations(of cart: UInt32) {
        var handle = carts[cart].operations
        while handle != 0 {
            operations[handle].isOver = true
            handle = operations[handle].next
        }
        freeLines(carts[cart].base)
        carts[cart].base = 0
    }

    /// Takes a cart out of its profile's list.
    package mutating func unlinkCart(_ handle: UInt32, of slot: UInt32) {
        let next = carts[handle].next
        if profiles[slot].carts == handle {
            profiles[slot].carts = next
            return
        }
        var before = profiles[slot].carts
        while before != 0 {
            if carts[before].next == handle {
                carts[before].next = next
                return
            }
            before = carts[before].next
        }
    }

    /// Gives back a list of operations.
    package mutating func freeOperations(_ head: UInt32) {
        var handle = head
        while handle != 0 {
            let operation = operations[handle]
            freeLines(operation.lines)
            operations.give(back: handle)
            handle = operation.next
        }
    }

    // MARK: Enrollments

    /// Gives back an enrollment and takes it out of its profile's list.
    package mutating func freeEnrollment(_ handle: UInt32, of slot: UInt32) {
        let record = enrollments[handle]
        if profiles[slot].enrollments == handle {
            profiles[slot].enrollments = record.next
        } else {
            var before = profiles[slot].enrollments
            while before != 0 {
                if enrollments[before].next == handle {
                    enrollments[before].next = record.next
                    break
                }
                before = enrollments[before].next
            }
        }
        release(record)
        enrollments.give(back: handle)
    }

    /// Gives back what an enrollment holds.
    package mutating func release(_ record: EnrollmentRecord) {
        texts.give(back: record.cause)
        texts.give(back: record.traceparent)
        texts.give(back: record.entityText)
        freeLines(record.lines)
    }

    /// Adds an enrollment behind those of the profile, and answers its handle.
    package mutating func addEnrollment(_ record: EnrollmentRecord, to slot: UInt32) -> UInt32 {
        var added = record
        added.next = 0
        let handle = enrollments.take(added)
        precondition(handle != 0, "room for enrollments")
        var last = profiles[slot].enrollments
        if last == 0 {
            profiles[slot].enrollments = handle
            return handle
        }
        while enrollments[last].next != 0 { last = enrollments[last].next }
        enrollments[last].next = handle
        return handle
    }

    /// How many enrollments a profile has.
    package func enrollmentCount(of slot: UInt32) -> Int {
        var count = 0
        var handle = profiles[slot].enrollments
        while handle != 0 {
            count += 1
            handle = enrollments[handle].next
        }
        return count
    }

    // MARK: Sends

    /// Adds a send unless its id is known; at the bound the oldest goes.
    package mutating func addSend(_ record: SendRecord, to slot: UInt32) {
        var count = 0
        var oldest: UInt32 = 0
        var handle = profiles[slot].sends
        while handle != 0 {
            let known = sends[handle]
            if known.id == record.id { return }
            if oldest == 0 || known.time < sends[oldest].time
                || known.time == sends[oldest].time && known.id < sends[oldest].id
            {
                oldest = handle
            }
            count += 1
            handle = known.next
        }
        var added = record
        if count >= limits.sendsMax {
            counters.sendsEvicted += 1
            // The oldest of all goes, be it the new one.
            if record.time < sends[oldest].time { return }
            let next = sends[oldest].next
            removeSend(oldest, of: slot, next: next)
        }
        added.next = profiles[slot].sends
        profiles[slot].sends = sends.take(added)
    }

    private mutating func removeSend(_ handle: UInt32, of slot: UInt32, next: UInt32) {
        if profiles[slot].sends == handle {
            profiles[slot].sends = next
        } else {
            var before = profiles[slot].sends
            while sends[before].next != handle { before = sends[before].next }
            sends[before].next = next
        }
        sends.give(back: handle)
    }

    // MARK: Orders

    /// The order of a key, or 0.
    package func order(of slot: UInt32, key: UInt64) -> UInt32 {
        var handle = profiles[slot].orders
        while handle != 0 {
            if orders[handle].key == key { return handle }
            handle = orders[handle].next
        }
        return 0
    }

    /// Adds an order that is not known yet, latest first; at the bound the oldest goes.
    package mutating func addOrder(_ record: OrderRecord, to slot: UInt32) {
        let handle = orders.take(record)
        var previous: UInt32 = 0
        var next = profiles[slot].orders
        while next != 0,
            orders[next].time > record.time
                || orders[next].time == record.time && orders[next].key > record.key
        {
            previous = next
            next = orders[next].next
        }
        orders[handle].next = next
        if previous == 0 { profiles[slot].orders = handle } else { orders[previous].next = handle }
        // The list is in order of time, so what is too many stands at its end.
        var count = 0
        var last: UInt32 = 0
        var walk = profiles[slot].orders
        while walk != 0 {
            count += 1
            if count == limits.ordersMax { last = walk }
            walk = orders[walk].next
        }
        if count > limits.ordersMax {
            counters.ordersEvicted += 1
            var rest = orders[last].next
            orders[last].next = 0
            while rest != 0 {
                let dropped = orders[rest]
                freeBought(dropped.products)
                orders.give(back: rest)
                rest = dropped.next
            }
        }
    }

    /// Gives back a list of bought products.
    package mutating func freeBought(_ head: UInt32) {
        var handle = head
        while handle != 0 {
            let next = bought[handle].next
            bought.give(back: handle)
            handle = next
        }
    }

    /// Whether an order holds a product.
    package func isBought(_ product: UInt64, in order: OrderRecord) -> Bool {
        var handle = order.products
        while handle != 0 {
            if bought[handle].product == product { return true }
            handle = bought[handle].next
        }
        return false
    }

    /// Forgets orders older than `orderSpan` and products older than `boughtSpan`.
    package mutating func forgetOrders(of slot: UInt32, before now: EventTime) {
        var previous: UInt32 = 0
        var handle = profiles[slot].orders
        while handle != 0 {
            let record = orders[handle]
            if record.time < now - limits.orderSpan {
                if previous == 0 {
                    profiles[slot].orders = record.next
                } else {
                    orders[previous].next = record.next
                }
                freeBought(record.products)
                orders.give(back: handle)
            } else {
                if record.products != 0, record.time < now - limits.boughtSpan {
                    freeBought(record.products)
                    orders[handle].products = 0
                }
                previous = handle
            }
            handle = record.next
        }
    }

    // MARK: Endpoints

    /// The endpoint of a hash, or 0.
    package func endpoint(of slot: UInt32, hash: Hash128) -> UInt32 {
        var handle = profiles[slot].endpoints
        while handle != 0 {
            if endpoints[handle].hash == hash { return handle }
            handle = endpoints[handle].next
        }
        return 0
    }

    /// Adds an endpoint, or brings the one that is known up to date; the texts of `record` pass to
    /// the store.
    ///
    /// At the bound of its kind the one seen longest ago goes.
    package mutating func addEndpoint(_ record: EndpointRecord, to slot: UInt32) {
        let known = endpoint(of: slot, hash: record.hash)
        if known != 0 {
            if record.lastSeen > endpoints[known].lastSeen {
                endpoints[known].lastSeen = record.lastSeen
            }
            endpoints[known].consent = record.consent
            texts.give(back: record.address)
            return
        }
        var count = 0
        var oldest: UInt32 = 0
        var handle = profiles[slot].endpoints
        while handle != 0 {
            let other = endpoints[handle]
            if other.kind == record.kind {
                count += 1
                if oldest == 0 || other.lastSeen < endpoints[oldest].lastSeen { oldest = handle }
            }
            handle = other.next
        }
        if count >= limits.endpointsMax {
            counters.endpointsEvicted += 1
            var before = profiles[slot].endpoints
            if before == oldest {
                profiles[slot].endpoints = endpoints[oldest].next
            } else {
                while endpoints[before].next != oldest { before = endpoints[before].next }
                endpoints[before].next = endpoints[oldest].next
            }
            texts.give(back: endpoints[oldest].address)
            endpoints.give(back: oldest)
        }
        var added = record
        added.next = profiles[slot].endpoints
        profiles[slot].endpoints = endpoints.take(added)
    }

    /// The endpoint a channel writes to: of the preferred kind the one seen last, or 0.
    package func endpoint(of slot: UInt32, for channel: Channel) -> UInt32 {
        let kinds: (IdentifierKind, IdentifierKind?)
        switch channel {
        case .email: kinds = (.email, nil)
        case .sms, .viber: kinds = (.phone, nil)
        case .whatsApp: kinds = (.whatsAppID, .phone)
        case .telegram: kinds = (.telegramChatID, nil)
        case .webPush: kinds = (.webPushToken, nil)
        case .mobilePush: kinds = (.pushToken, nil)
        case .inApp, .appInbox: return 0
        }
        var best: UInt32 = 0
        var second: UInt32 = 0
        var handle = profiles[slot].endpoints
        while handle != 0 {
            let record = endpoints[handle]
            if record.kind == kinds.0 {
                if best == 0 || isNewer(record, endpoints[best]) { best = handle }
            } else if let kind = kinds.1, record.kind == kind {
                if second == 0 || isNewer(record, endpoints[second]) { second = handle }
            }
            handle = record.next
        }
        return best != 0 ? best : second
    }

    private func isNewer(_ left: EndpointRecord, _ right: EndpointRecord) -> Bool {
        left.lastSeen != right.lastSeen
            ? left.lastSeen > right.lastSeen : left.hash < right.hash
    }

    // MARK: Views, traits, entries

    /// Gives back all viewed products.
    package mutating func freeViews(of slot: UInt32) {
        var handle = profiles[slot].views
        profiles[slot].views = 0
        while handle != 0 {
            let record = views[handle]
            release(record.line)
            views.give(back: handle)
            handle = record.next
        }
    }

    /// Counts a view of a product; the texts of `line` pass to the store.
    package mutating func addView(_ line: LineRecord, at time: EventTime, to slot: UInt32) {
        var count = 0
        var oldest: UInt32 = 0
        var handle = profiles[slot].views
        while handle != 0 {
            let known = views[handle]
            if known.line.product == line.product {
                if time >= known.time {
                    var newer = line
                    complete(&newer, from: known.line)
                    release(known.line)
                    newer.quantity = known.line.quantity &+ line.quantity
                    views[handle].line = newer
                    views[handle].time = time
                } else {
                    var older = known.line
                    complete(&older, from: line)
                    release(line)
                    older.quantity = known.line.quantity &+ line.quantity
                    views[handle].line = older
                }
                return
            }
            if oldest == 0 || known.time < views[oldest].time
                || known.time == views[oldest].time
                    && known.line.product < views[oldest].line.product
            {
                oldest = handle
            }
            count += 1
            handle = known.next
        }
        if count >= limits.viewsMax {
            counters.viewsEvicted += 1
            removeView(oldest, of: slot)
        }
        var added = ViewRecord(line: line, time: time)
        added.next = profiles[slot].views
        profiles[slot].views = views.take(added)
    }

    private mutating func removeView(_ handle: UInt32, of slot: UInt32) {
        let record = views[handle]
        if profiles[slot].views == handle {
            profiles[slot].views = record.next
        } else {
            var before = profiles[slot].views
            while views[before].next != handle { before = views[before].next }
            views[before].next = record.next
        }
        release(record.line)
        views.give(back: handle)
    }

    /// Sets a trait: the latest event time wins, on a tie the larger messageId (ID-6).
    ///
    /// `message` is given back if it is not kept.
    package mutating func setTrait(
        _ value: Attribute,
        at time: EventTime,
        message: TextHandle,
        of slot: UInt32
    ) {
        var handle = profiles[slot].traits
        while handle != 0 {
            let known = traits[handle]
            if known.value.index == value.index {
                let isLater =
                    time != known.time
                    ? time > known.time : isLarger(message, than: known.message)
                texts.give(back: isLater ? known.message : message)
                if isLater {
                    traits[handle].value = value
                    traits[handle].time = time
                    traits[handle].message = message
                }
                return
            }
            handle = known.next
        }
        var added = TraitRecord(value: value, time: time, message: message)
        added.next = profiles[slot].traits
        profiles[slot].traits = traits.take(added)
    }

    /// The value of a trait, or nil.
    package func trait(_ index: UInt16, of slot: UInt32) -> Attribute? {
        var handle = profiles[slot].traits
        while handle != 0 {
            if traits[handle].value.index == index { return traits[handle].value }
            handle = traits[handle].next
        }
        return nil
    }

    private func isLarger(_ left: TextHandle, than right: TextHandle) -> Bool {
        let a = texts.bytes(of: left)
        let b = texts.bytes(of: right)
        let shorter = min(a.byteCount, b.byteCount)
        for offset in 0..<shorter {
            // In bounds of both.
            let x = unsafe a.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            let y = unsafe b.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            if x != y { return x > y }
        }
        return a.byteCount > b.byteCount
    }

    /// When a flow was last entered, or `.none`.
    package func lastEntry(_ flow: UInt64, of slot: UInt32) -> EventTime {
        var handle = profiles[slot].entries
        while handle != 0 {
            if entries[handle].flow == flow { return entries[handle].time }
            handle = entries[handle].next
        }
        return .none
    }

    /// Remembers the latest entry into a flow; at the bound the oldest goes.
    package mutating func noteEntry(_ flow: UInt64, at time: EventTime, of slot: UInt32) {
        var count = 0
        var oldest: UInt32 = 0
        var handle = profiles[slot].entries
        while handle != 0 {
            let known = entries[handle]
            if known.flow == flow {
                if time > known.time { entries[handle].time = time }
                return
            }
            if oldest == 0 || known.time < entries[oldest].time { oldest = handle }
            count += 1
            handle = known.next
        }
        if count >= limits.entriesMax {
            entries[oldest].flow = flow
            entries[oldest].time = time
            return
        }
        var added = EntryRecord(flow: flow, time: time)
        added.next = profiles[slot].entries
        profiles[slot].entries = entries.take(added)
    }
}
