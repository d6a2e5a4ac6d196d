import Abandonment
import Events
import Flows
import Memory
import Profiles

// What an event does to the profile it belongs to.

extension ShardPipeline {
    mutating func apply(_ event: CustomerEvent, in block: EventBlock, to slot: UInt32) {
        leaveDefaultCart(of: slot, at: event.time)
        note(event, in: block, of: slot)
        // Older events are history: they arm and start nothing (TM-1).
        let isOld = now - event.time > compiled.rules.maxAge
        switch event.meaning {
        case .productViewed:
            if !isOld { view(event, in: block, of: slot) }
        case .productAdded, .productRemoved, .cartViewed:
            changeCart(event, in: block, of: slot, isOld: isOld)
        case .checkoutStarted:
            startCheckout(event, in: block, of: slot, isOld: isOld)
        case .checkoutActivity:
            touchCheckout(event, of: slot, isOld: isOld)
        case .orderCompleted:
            complete(order: event, in: block, of: slot)
        case .messageClicked:
            if event.time > store.profiles[slot].lastClick {
                store.profiles[slot].lastClick = event.time
                rescheduleAll(of: slot)
            }
        case .messageReceived:
            if event.keyword == .other { writeReview(event, in: block, of: slot) }
        default:
            break
        }
        if compiled.endingNames.contains(event.name) { endByEvents(event, in: block, of: slot) }
        if !isOld, compiled.triggerNames.contains(event.name) {
            trigger(event, in: block, of: slot)
        }
        arm(slot)
    }

    /// Remembers where the person is, what language they speak, and traits that flows ask for.
    private mutating func note(_ event: CustomerEvent, in block: EventBlock, of slot: UInt32) {
        ShardPipeline.notePlace(of: event, in: &store.profiles[slot])
        if !event.locale.isEmpty, event.time >= store.profiles[slot].localeTime {
            store.setLocale(of: slot, event.localeWord, event.locale, in: block)
            store.profiles[slot].localeTime = event.time
        }
        for index in 0..<Int(event.attributeCount) {
            let attribute = block[attribute: Int(event.attributes) + index]
            guard compiled.rules.isTrait(attribute.index) else { continue }
            let message = store.texts.keep(block.bytes(of: event.messageID))
            store.setTrait(attribute, at: event.time, message: message, of: slot)
        }
        for index in 0..<Int(event.identifierCount) {
            let identifier = block[identifier: Int(event.identifiers) + index]
            guard identifier.kind.isEndpoint else { continue }
            let endpoint = store.endpoint(of: slot, hash: identifier.hash)
            if endpoint != 0, event.time > store.endpoints[endpoint].lastSeen {
                store.endpoints[endpoint].lastSeen = event.time
            }
        }
    }

    private static func notePlace(of event: CustomerEvent, in profile: inout ProfileRecord) {
        if event.zone != 0 {
            if event.flags.contains(.zoneIsTrait) {
                if event.time >= profile.traitZoneTime {
                    profile.traitZone = event.zone
                    profile.traitZoneTime = event.time
                }
            } else if event.time >= profile.contextZoneTime {
                profile.contextZone = event.zone
                profile.contextZoneTime = event.time
            }
        }
        if event.country != 0, event.time >= profile.countryTime {
            profile.country = event.country
            profile.countryTime = event.time
        }
    }

    // MARK: Views

    private mutating func view(_ event: CustomerEvent, in block: EventBlock, of slot: UInt32) {
        guard let flow = compiled.viewFlow, event.productCount > 0 else { return }
        var isProduct = false
        for index in 0..<Int(event.productCount) {
            let product = block[product: Int(event.products) + index]
            guard product.hash != 0 else { continue }
            isProduct = true
            var line = store.makeLine(product, in: block)
            line.quantity = 1
            store.addView(line, at: event.time, to: slot)
        }
        guard isProduct else { return }
        let live = enrollment(inFlow: flow, cart: nil, of: slot)
        if live != 0 {
            touch(live, event, in: block, of: slot)
        } else {
            _ = enroll(flow, event, in: block, cart: 0, entity: EntityKey(), of: slot)
        }
    }

    // MARK: Carts

    private mutating func changeCart(
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32,
        isOld: Bool
    ) {
        if event.meaning == .cartViewed, event.productCount == 0,
            !event.flags.contains(.hasProductList)
        {
            // Shows the cart without saying what is in it: activity only.
            let cart = store.cart(of: slot, key: event.cart.hash)
            if cart != 0 { settle(cart, event, in: block, of: slot, starts: false, isOld: isOld) }
            return
        }
        let cart = openCart(event.cart, event, in: block, of: slot)
        let neverHadLines = !store.carts[cart].hadLines
        let kind: OperationRecord.Kind =
            switch event.meaning {
            case .productAdded: .add
            case .productRemoved: .remove
            default: .list
            }
        let tie = tie(of: event)
        guard store.operate(kind, on: cart, event: event, tie: tie, in: block, with: &fold)
        else { return }
        noteCurrency(event, of: cart)
        if kind == .add, !isOld {
            endStages(below: 2, with: .superseded, at: event.time, of: slot)
        }
        settle(
            cart,
            event,
            in: block,
            of: slot,
            starts: kind == .add || neverHadLines && bringsProducts(event, in: block),
            isOld: isOld
        )
        if kind != .remove { applyLaterOrders(than: event.time, of: slot) }
    }

    private func bringsProducts(_ event: CustomerEvent, in block: EventBlock) -> Bool {
        guard event.meaning != .productRemoved else { return false }
        for index in 0..<Int(event.productCount) {
            let quantity = block[product: Int(event.products) + index].quantity
            if quantity > 0 || quantity == Product.unknownQuantity { return true }
        }
        return false
    }

    /// An addition that arrives behind an order of a later time: the order bought it all the same.
    private mutating func applyLaterOrders(than time: EventTime, of slot: UInt32) {
        eachOrder(of: slot) { shard, order in
            guard order.time >= time else { return }
            shard.closeCarts(with: order, at: order.time, of: slot)
        }
    }

    /// Calls the closure with each order of a profile, oldest first.
    mutating func eachOrder(
        of slot: UInt32,
        _ body: (inout ShardPipeline, OrderRecord) -> Void
    ) {
        // The list is latest first, and bounded.
        var handles = InlineArray<64, UInt32>(repeating: 0)
        var count = 0
        var handle = store.profiles[slot].orders
        while handle != 0, count < 64 {
            handles[count] = handle
            count += 1
            handle = store.orders[handle].next
        }
        while count > 0 {
            count -= 1
            body(&self, store.orders[handles[count]])
        }
    }

    /// The event's own hash, which settles operations of one instant whatever order they came in.
    private func tie(of event: CustomerEvent) -> UInt64 {
        event.fingerprint != 0 ? event.fingerprint : event.name ^ event.cart.hash
    }

    private mutating func noteCurrency(_ event: CustomerEvent, of cart: UInt32) {
        guard event.currency != 0, event.time >= store.carts[cart].currencyTime else { return }
        store.carts[cart].currency = event.currency
        store.carts[cart].currencyTime = event.time
    }

    /// Ends the default cart after 7 days without activity; a live enrollment keeps it.
    private mutating func leaveDefaultCart(of slot: UInt32, at time: EventTime) {
        let cart = store.cart(of: slot, key: 0)
        guard cart != 0, store.carts[cart].lastActivity.isSet,
            time - store.carts[cart].lastActivity > .days(7),
            liveEnrollment(ofCart: cart, of: slot) == 0
        else { return }
        closeDefaultCart(cart, forgetting: true)
    }

    /// The cart of a key.
    private mutating func openCart(
        _ key: EntityKey,
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32
    ) -> UInt32 {
        var evicted: UInt32 = 0
        let cart = store.cartForEvent(
            of: slot,
            key: key,
            in: block,
            evicted: &evicted,
            with: &fold
        )
        if evicted != 0 {
            dropEnrollments(ofCart: evicted, of: slot)
            store.freeCart(evicted, of: slot)
        }
        return cart
    }

    /// What was added to a default cart behind the order that ended it is the next cart.
    private mutating func leaveCheckout(_ cart: UInt32) {
        guard store.carts[cart].key == 0 else { return }
        store.carts[cart].stage = .cart
        store.carts[cart].checkout = 0
        store.carts[cart].order = 0
        store.texts.give(back: store.carts[cart].orderText)
        store.carts[cart].orderText = .none
    }

    /// Ends a default cart: the next add starts an empty one.
    ///
    /// Operations of a cart that was emptied or bought stay in force, since late ones may belong
    /// among them; those of a cart that ended with its enrollment are over (`forgetting`).
    mutating func closeDefaultCart(_ cart: UInt32, forgetting: Bool) {
        guard store.carts[cart].key == 0 else { return }
        if forgetting { store.endOperations(of: cart) }
        leaveCheckout(cart)
        store.carts[cart].hadLines = false
        store.carts[cart].lastActivity = .none
        store.carts[cart].currency = 0
        store.carts[cart].currencyTime = .none
    }

    /// What an event on a cart means for its enrollment.
    private mutating func settle(
        _ cart: UInt32,
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32,
        starts: Bool,
        isOld: Bool
    ) {
        fold.fold(cart, in: store)
        // Neither touching nor beginning an enrollment changes what the cart holds.
        let isEmpty = fold.lines.isEmpty
        if !isEmpty { store.carts[cart].hadLines = true }
        if event.time > store.carts[cart].lastActivity {
            store.carts[cart].lastActivity = event.time
        }
        var live = liveEnrollment(ofCart: cart, of: slot)
        if live != 0 {
            touch(live, event, in: block, of: slot)
        } else if starts, !isOld, store.carts[cart].stage == .cart, let flow = compiled.cartFlow {
            live = enroll(flow, event, in: block, cart: cart, entity: event.cart, of: slot)
        }
        if isEmpty { endEmpty(cart, live, at: event.time, of: slot) }
    }

    /// A cart without lines ends its enrollment, and itself if it is the default cart (AB-3).
    private mutating func endIfEmpty(
        _ cart: UInt32,
        _ live: UInt32,
        at time: EventTime,
        of slot: UInt32
    ) {
        fold.fold(cart, in: store)
        if fold.lines.isEmpty { endEmpty(cart, live, at: time, of: slot) }
    }

    private mutating func endEmpty(
        _ cart: UInt32,
        _ live: UInt32,
        at time: EventTime,
        of slot: UInt32
    ) {
        if live != 0 { end(live, .empty, at: max(lastOperation(of: cart), time), of: slot) }
        if live != 0 || store.carts[cart].hadLines { closeDefaultCart(cart, forgetting: false) }
    }

    private func lastOperation(of cart: UInt32) -> EventTime {
        var time = EventTime.none
        var handle = store.carts[cart].operations
        while handle != 0 {
            if !store.operations[handle].isOver { time = store.operations[handle].time }
            handle = store.operations[handle].next
        }
        return time
    }

    // MARK: Checkout

    private mutating func startCheckout(
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32,
        isOld: Bool
    ) {
        var cart: UInt32 = 0
        if event.cart.isSet {
            cart = openCart(event.cart, event, in: block, of: slot)
        } else {
            cart = checkoutCart(event, of: slot)
            if cart == 0 { cart = latestOpenCart(of: slot) }
            if cart == 0 {
                let key = event.checkout.isSet ? event.checkout : event.order
                cart = openCart(key, event, in: block, of: slot)
            }
        }
        let neverHadLines = !store.carts[cart].hadLines
        fold.fold(cart, in: store)
        if event.productCount > 0 {
            _ = store.operate(
                .list,
                on: cart,
                event: event,
                tie: tie(of: event),
                in: block,
                with: &fold
            )
        } else if fold.lines.isEmpty {
            _ = store.operate(
                .add,
                on: cart,
                event: event,
                tie: tie(of: event),
                in: block,
                with: &fold
            )
        }
        noteCurrency(event, of: cart)
        if event.checkout.isSet { store.carts[cart].checkout = event.checkout.hash }
        if event.order.isSet { store.carts[cart].order = event.order.hash }
        let called = event.order.isSet ? event.order : event.checkout
        if called.isSet {
            let text = store.texts.keep(block.bytes(of: called.text))
            store.texts.give(back: store.carts[cart].orderText)
            store.carts[cart].orderText = text
        }
        guard let flow = compiled.checkoutFlow else {
            // Without a checkout flow this is activity on the cart.
            settle(
                cart,
                event,
                in: block,
                of: slot,
                starts: neverHadLines,
                isOld: isOld
            )
            applyLaterOrders(than: event.time, of: slot)
            return
        }
        fold.fold(cart, in: store)
        if !fold.lines.isEmpty { store.carts[cart].hadLines = true }
        if event.time > store.carts[cart].lastActivity {
            store.carts[cart].lastActivity = event.time
        }
        if isOld {
            let live = liveEnrollment(ofCart: cart, of: slot)
            if live != 0 { touch(live, event, in: block, of: slot) }
            return
        }
        store.carts[cart].stage = .checkout
        let running = enrollment(inFlow: flow, cart: cart, of: slot)
        endStages(below: 3, with: .superseded, at: event.time, of: slot)
        if running != 0 {
            touch(running, event, in: block, of: slot)
            endIfEmpty(cart, running, at: event.time, of: slot)
        } else {
            // Known by its cart_id, else by the order_id or checkout_id that it brought.
            let entity =
                store.carts[cart].key != 0 && event.cart.isSet ? event.cart : called
            let started = enroll(flow, event, in: block, cart: cart, entity: entity, of: slot)
            endIfEmpty(cart, started, at: event.time, of: slot)
        }
        applyLaterOrders(than: event.time, of: slot)
    }

    /// The cart that a checkout's ids name, or 0: that of its cart_id, else of those that its
    /// checkout_id or order_id names the one with the latest activity.
    private func checkoutCart(_ event: CustomerEvent, of slot: UInt32) -> UInt32 {
        if event.cart.isSet {
            let cart = store.cart(of: slot, key: event.cart.hash)
            if cart != 0 { return cart }
        }
        var best: UInt32 = 0
        var handle = store.profiles[slot].carts
        while handle != 0 {
            let cart = store.carts[handle]
            let isNamed =
                event.checkout.isSet
                && (cart.checkout == event.checkout.hash || cart.key == event.checkout.hash)
                || event.order.isSet
                    && (cart.order == event.order.hash || cart.key == event.order.hash)
            if isNamed, best == 0 || isLater(cart, store.carts[best]) { best = handle }
            handle = cart.next
        }
        return best
    }

    /// Whether a cart had activity later than another; on a tie the smaller key goes first.
    private func isLater(_ left: CartRecord, _ right: CartRecord) -> Bool {
        left.lastActivity != right.lastActivity
            ? left.lastActivity > right.lastActivity : left.key < right.key
    }

    /// The cart with lines and the latest activity, or 0.
    private mutating func latestOpenCart(of slot: UInt32) -> UInt32 {
        var best: UInt32 = 0
        var handle = store.profiles[slot].carts
        while handle != 0 {
            let cart = store.carts[handle]
            if best == 0 || isLater(cart, store.carts[best]) {
                fold.fold(handle, in: store)
                if !fold.lines.isEmpty { best = handle }
            }
            handle = cart.next
        }
        return best
    }

    private mutating func touchCheckout(
        _ event: CustomerEvent,
        of slot: UInt32,
        isOld: Bool
    ) {
        var cart = checkoutCart(event, of: slot)
        if cart == 0 {
            // The checkout under way, else the open cart.
            var handle = store.profiles[slot].carts
            while handle != 0 {
                if store.carts[handle].stage == .checkout,
                    liveEnrollment(ofCart: handle, of: slot) != 0,
                    cart == 0 || isLater(store.carts[handle], store.carts[cart])
                {
                    cart = handle
                }
                handle = store.carts[handle].next
            }
            if cart == 0 { cart = latestOpenCart(of: slot) }
        }
        guard cart != 0 else { return }
        if event.time > store.carts[cart].lastActivity {
            store.carts[cart].lastActivity = event.time
        }
        let live = liveEnrollment(ofCart: cart, of: slot)
        if live != 0 {
            if event.time > store.enrollments[live].lastActivity {
                store.enrollments[live].lastActivity = event.time
            }
            schedule(live, of: slot)
        }
    }

    // MARK: Orders

    private mutating func complete(
        order event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32
    ) {
        let key = event.order.isSet ? event.order.hash : tie(of: event)
        if store.order(of: slot, key: key) != 0 {
            store.counters.repeats += 1
            return
        }
        var record = OrderRecord(time: event.time, key: key)
        record.cart = event.cart.hash
        record.checkout = event.checkout.hash
        var count = 0
        var index = Int(event.productCount) - 1
        while index >= 0 {
            let product = block[product: Int(event.products) + index]
            if product.hash != 0, count < store.limits.boughtMax {
                var item = BoughtRecord(product: product.hash)
                item.next = record.products
                record.products = store.bought.take(item)
                count += 1
            }
            index -= 1
        }
        closeCarts(with: record, at: event.time, of: slot)
        store.addOrder(record, to: slot)
        store.forgetOrders(of: slot, before: now)
    }

    /// What an order does to the profile's carts (AB-4).
    ///
    /// At a merge the order of one side meets the carts of the other only: `meets` says which.
    mutating func closeCarts(
        with order: OrderRecord,
        at time: EventTime,
        of slot: UInt32,
        meets: (UInt32) -> Bool = { _ in true }
    ) {
        var isNamed = false
        var handle = store.profiles[slot].carts
        while handle != 0 {
            let next = store.carts[handle].next
            if names(order, store.carts[handle]) {
                isNamed = true
                if meets(handle) { close(handle, with: order, closes: true, at: time, of: slot) }
            }
            handle = next
        }
        guard !isNamed else { return }
        handle = store.profiles[slot].carts
        while handle != 0 {
            let next = store.carts[handle].next
            if meets(handle), overlaps(order, handle) {
                let isDefault = store.carts[handle].key == 0
                close(handle, with: order, closes: isDefault, at: time, of: slot)
            }
            handle = next
        }
    }

    private func names(_ order: OrderRecord, _ cart: CartRecord) -> Bool {
        if order.cart != 0, cart.key == order.cart { return true }
        if order.checkout != 0, cart.checkout == order.checkout || cart.key == order.checkout {
            return true
        }
        return order.key != 0 && (cart.order == order.key || cart.key == order.key)
    }

    /// Whether the order, placed after the cart began, bought something of it.
    private mutating func overlaps(_ order: OrderRecord, _ cart: UInt32) -> Bool {
        guard order.products != 0 else { return false }
        let begin = store.begin(of: cart)
        if begin.isSet, store.carts[cart].base == 0, order.time < begin { return false }
        fold.fold(cart, in: store)
        for index in 0..<fold.lines.count {
            if store.isBought(fold.lines[index].line.product, in: order) { return true }
        }
        return false
    }

    private mutating func close(
        _ cart: UInt32,
        with order: OrderRecord,
        closes: Bool,
        at time: EventTime,
        of slot: UInt32
    ) {
        guard store.settleOrder(order, on: cart, closes: closes, with: &fold) else { return }
        fold.fold(cart, in: store)
        var isAddedLater = false
        for index in 0..<fold.lines.count where fold.lines[index].added > order.time {
            isAddedLater = true
        }
        let live = liveEnrollment(ofCart: cart, of: slot)
        if live != 0, !(isAddedLater && store.enrollments[live].state == .armed) {
            end(live, .goalMet, at: time, keepsCart: true, of: slot)
            if isAddedLater { leaveCheckout(cart) }
        }
        if fold.lines.isEmpty { closeDefaultCart(cart, forgetting: false) }
    }

    // MARK: Plain flows

    /// Ends enrollments whose goal or exit the event is.
    private mutating func endByEvents(
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32
    ) {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let next = store.enrollments[handle].next
            let flow = compiled.flows[Int(store.enrollments[handle].flowIndex)]
            if matches(flow.definition.goals, event, in: block, of: slot) {
                end(handle, .goalMet, at: event.time, of: slot)
            } else if matches(flow.definition.exits, event, in: block, of: slot) {
                end(handle, .exited, at: event.time, of: slot)
            }
            handle = next
        }
    }

    private mutating func matches(
        _ matches: [FlowDefinition.EventMatch],
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32
    ) -> Bool {
        for match in matches where match.name == event.name {
            guard let condition = match.condition else { return true }
            if holds(condition, cart: 0, at: event.time, of: slot, event: event, in: block) {
                return true
            }
        }
        return false
    }

    /// Enters the flows that the event triggers.
    private mutating func trigger(
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32
    ) {
        for (name, index) in compiled.triggers where name == event.name {
            let flow = compiled.flows[index]
            guard case .event(let match) = flow.definition.trigger else { continue }
            if let condition = match.condition,
                !holds(condition, cart: 0, at: event.time, of: slot, event: event, in: block)
            {
                continue
            }
            if let entry = flow.definition.entry,
                !holds(entry, cart: 0, at: event.time, of: slot, event: event, in: block)
            {
                continue
            }
            let last = store.lastEntry(compiled.flowHashes[index], of: slot)
            switch flow.definition.reEntry {
            case .always: break
            case .never: if last.isSet { continue }
            case .after(let span): if last.isSet, event.time - last < span { continue }
            }
            if flow.definition.reEntry != .always {
                store.noteEntry(compiled.flowHashes[index], at: event.time, of: slot)
            }
            let entity = event.cart.isSet && !event.order.isSet ? event.cart : event.order
            let started = enroll(index, event, in: block, cart: 0, entity: entity, of: slot)
            guard started != 0 else { continue }
            copyProducts(of: event, in: block, to: started)
            if flow.definition.messageClass != .marketing {
                decideAtOnce(started, event.time, of: slot)
            }
        }
    }

    private mutating func copyProducts(
        of event: CustomerEvent,
        in block: EventBlock,
        to enrollment: UInt32
    ) {
        store.enrollments[enrollment].currency = event.currency
        var index = min(Int(event.productCount), store.limits.linesMax) - 1
        while index >= 0 {
            let product = block[product: Int(event.products) + index]
            var line = store.makeLine(product, in: block)
            if line.quantity == Product.unknownQuantity { line.quantity = 1 }
            line.next = store.enrollments[enrollment].lines
            store.enrollments[enrollment].lines = store.lines.take(line)
            index -= 1
        }
    }

    /// A transactional or service step due at its trigger's own time does not wait (RT-8).
    private mutating func decideAtOnce(
        _ enrollment: UInt32,
        _ time: EventTime,
        of slot: UInt32
    ) {
        for _ in 0..<FlowDefinition.stepsMax {
            guard isLive(enrollment, of: slot), store.enrollments[enrollment].due <= time else {
                return
            }
            takeStep(enrollment, of: slot)
        }
    }

    private func isLive(_ enrollment: UInt32, of slot: UInt32) -> Bool {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            if handle == enrollment { return true }
            handle = store.enrollments[handle].next
        }
        return false
    }
}
