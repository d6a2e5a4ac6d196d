import Events
import Flows
import Pipeline
import Windows

/// The rules once more, as plainly as they can be written: lists, scans, everything worked out
/// anew whenever it is asked.
///
/// What the real pipeline is held against. It shares with it the words (events, rules, flows), the
/// hash function and the table of time zones, and nothing else. Where the rules leave a question
/// open, the answer that the real pipeline gives is taken, and a comment says so.
final class ReferencePipeline {
    let rules: Rules
    var names: [Name: SeenName] = [:]
    var people: [Person] = []
    var outcomes = Outcomes()
    private var stock: [String: (level: Int, time: Int64)] = [:]

    private var newest: [Int64?]
    private var idle: [Int64?]
    /// Event time believed complete, in seconds.
    private var watermark: Int64?
    /// All timers due by this second have fired.
    private(set) var fired = Int64.min / 4
    /// Live, what the clock says; otherwise event time is the present.
    private var clock: Int64?
    /// The present that a firing timer sees.
    private var second: Int64?
    private var arrivals: [UInt64: Int64] = [:]

    init(_ rules: Rules, partitions: Int = 1) {
        self.rules = rules
        newest = Array(repeating: nil, count: partitions)
        idle = Array(repeating: nil, count: partitions)
    }

    func play(_ moments: [Moment]) {
        for moment in moments {
            switch moment {
            case .event(let event): take(event)
            case .clock(let time, let isCaughtUp):
                clock = time
                guard isCaughtUp else { continue }
                let second = floorDivide(time - disorder, 1_000)
                for partition in idle.indices {
                    idle[partition] = max(idle[partition] ?? second, second)
                }
                moveWatermark()
            case .pass(let second):
                fire(through: second)
                watermark = max(watermark ?? second + 1, second + 1)
            }
        }
        for (name, node) in names {
            if let person = node.person {
                outcomes.owners[name.description] = hexadecimal(person.id)
            }
        }
    }

    // MARK: Time

    private var disorder: Int64 { rules.disorder.milliseconds }

    /// Live the clock; in a replay a second of event time and the disorder.
    var now: Int64 {
        clock ?? (second ?? watermark ?? 0) * 1_000 + disorder
    }

    private func moveWatermark() {
        // The least of all partitions; one that has said nothing holds all back.
        var least: Int64?
        for partition in newest.indices {
            let heard = newest[partition].map { floorDivide($0 - disorder, 1_000) }
            guard let tick = [heard, idle[partition]].compactMap(\.self).max() else { return }
            least = min(least ?? tick, tick)
        }
        guard let least else { return }
        watermark = max(watermark ?? least, least)
        // Catching up: nothing fires while the watermark is too far behind.
        if let clock, clock - watermark! * 1_000 > disorder + 30_000 { return }
        fire(through: watermark! - 1)
    }

    /// Fires, second by second, all timers due by a second.
    private func fire(through last: Int64) {
        while true {
            let waiting = people.flatMap(\.enrollments)
                .map { max(floorDivide(due($0), 1_000), fired + 1) }
            guard let next = waiting.min(), next <= last else { break }
            fired = next - 1
            second = next
            for person in people { fire(person, next) }
            second = nil
            fired = next
        }
        fired = max(fired, last)
    }

    /// FC-10: class, priority, due, flow, enrollment key.
    private func fire(_ person: Person, _ second: Int64) {
        while true {
            let candidates = person.enrollments.filter { floorDivide(due($0), 1_000) <= second }
            let first = candidates.min { left, right in
                let (a, b) = (rules.flows[left.flow], rules.flows[right.flow])
                if a.messageClass != b.messageClass {
                    return a.messageClass.rawValue < b.messageClass.rawValue
                }
                if a.priority != b.priority { return a.priority > b.priority }
                if due(left) != due(right) { return due(left) < due(right) }
                if a.id != b.id { return a.id < b.id }
                return key(left) < key(right)
            }
            guard let first else { return }
            takeStep(first, person)
            refresh(person)
        }
    }

    // MARK: Events

    private func take(_ event: Happening) {
        // An event moves its partition's watermark at most to its arrival.
        let bounded = min(event.time, event.received ?? event.time)
        if bounded > newest[event.partition] ?? .min {
            newest[event.partition] = bounded
            moveWatermark()
        }
        // TM-3: repeats of messageId and strongest identifier within 24 h of the first arrival.
        let mark = event.fingerprint(rules)
        if mark != 0 {
            if let first = arrivals[mark], now < first + rules.dedupeSpan.milliseconds { return }
            arrivals[mark] = now
        }
        if event.meaning == .productStockChanged {
            for item in event.items {
                guard let id = item.id, let level = item.quantity else { continue }
                if event.time >= stock[id]?.time ?? .min { stock[id] = (level, event.time) }
            }
            return
        }
        guard let person = resolve(event) else { return }
        applyConsent(event, person)
        apply(event, person)
        refresh(person)
    }

    private func apply(_ event: Happening, _ person: Person) {
        // A default cart ends after 7 days without activity; running enrollments keep it.
        if let cart = person.carts.first(where: { $0.key == nil }), let last = cart.activity,
            event.time - last > 7 * 86_400_000, live(cart, person) == nil
        {
            cart.end(forgetting: true)
        }
        note(event, person)
        let isOld = now - event.time > rules.maxAge.milliseconds
        switch event.meaning {
        case .productViewed:
            if !isOld { view(event, person) }
        case .productAdded, .productRemoved, .cartViewed:
            changeCart(event, person, isOld)
        case .checkoutStarted:
            startCheckout(event, person, isOld)
        case .checkoutActivity:
            touchCheckout(event, person)
        case .orderCompleted:
            order(event, person)
        case .messageClicked:
            person.lastClick = max(person.lastClick ?? .min, event.time)
        case .messageReceived:
            if event.keyword == .other {
                write(
                    person,
                    "\(stamp(event.time)) review \(event.channel?.name ?? "email") "
                        + event.messageID
                )
            }
        default: break
        }
        endByEvents(event, person)
        if !isOld { trigger(event, person) }
    }

    private func note(_ event: Happening, _ person: Person) {
        if let zone = event.zone {
            if event.zoneIsTrait {
                if event.time >= person.traitZone?.time ?? .min {
                    person.traitZone = (zone, event.time)
                }
            } else if event.time >= person.contextZone?.time ?? .min {
                person.contextZone = (zone, event.time)
            }
        }
        if let code = event.country, event.time >= person.country?.time ?? .min {
            person.country = (PackedLetters.country(code) ?? 0, event.time)
        }
        if let plan = event.plan {
            // The latest event time wins, on a tie the larger messageId (ID-6).
            if (event.time, event.messageID)
                > (person.plan?.time ?? .min, person.plan?.messageID ?? "")
            {
                person.plan = (plan, event.time, event.messageID)
            }
        }
        for (name, _) in event.names
        where name.kind.isEndpoint && names[name]!.holders.contains(where: { $0 === person }) {
            person.lastSeen[name] = max(person.lastSeen[name] ?? .min, event.time)
        }
    }

    // MARK: Views

    private func view(_ event: Happening, _ person: Person) {
        guard let flow = flow(ofStage: 1) else { return }
        let products = event.items.filter { $0.id != nil }
        guard !products.isEmpty else { return }
        for item in products {
            add(View(product: item.id!, price: item.price, count: 1, time: event.time), person)
        }
        if let running = person.enrollments.first(where: { $0.flow == flow }) {
            touch(running, event)
        } else {
            enroll(flow, event, nil, 0, person)
        }
    }

    private func add(_ view: View, _ person: Person) {
        guard let index = person.views.firstIndex(where: { $0.product == view.product }) else {
            person.views.append(view)
            return
        }
        let old = person.views[index]
        let (newer, older) = view.time >= old.time ? (view, old) : (old, view)
        person.views[index] = View(
            product: view.product,
            price: newer.price ?? older.price,
            count: old.count + view.count,
            time: newer.time
        )
    }

    // MARK: Carts

    private func changeCart(_ event: Happening, _ person: Person, _ isOld: Bool) {
        let key = event.cart.map { cartKey($0) }
        if event.meaning == .cartViewed, event.items.isEmpty, !event.hasList {
            // Says nothing of what is in it: activity on a cart that is known.
            if let cart = person.carts.first(where: { $0.key == key }) {
                settle(cart, event, person, starts: false, isOld)
            }
            return
        }
        let cart = openCart(key, person)
        let neverHadLines = !cart.hadLines
        var kind = Operation.Kind.list
        if event.meaning == .productAdded { kind = .add }
        if event.meaning == .productRemoved { kind = .remove }
        var items = event.items
        if kind != .list {
            if items.isEmpty { items = [Item()] }
            // TM-3: (cart, product, event time) of an add or removal counts once.
            items.removeAll { item in
                cart.operations.contains { known in
                    known.kind == kind && known.time == event.time
                        && known.items.contains { $0.id == item.id }
                }
            }
            if items.isEmpty { return }
        }
        cart.operations.append(
            Operation(kind: kind, time: event.time, tie: tie(event), items: items)
        )
        if kind == .add, !isOld { endStages(below: 2, event.time, person) }
        let brings = kind == .list && items.contains { $0.quantity ?? 1 > 0 }
        settle(
            cart,
            event,
            person,
            starts: kind == .add || brings && neverHadLines,
            isOld
        )
        // An addition that arrives behind an order of a later time: it was bought all the same.
        if kind != .remove { applyLaterOrders(event, person) }
    }

    private func applyLaterOrders(_ event: Happening, _ person: Person) {
        for order in inOrder(person.orders) where order.time >= event.time {
            close(person.carts, order, order.time, person)
        }
    }

    private func inOrder(_ orders: [Order]) -> [Order] {
        orders.sorted { ($0.time, $0.key) < ($1.time, $1.key) }
    }

    private func tie(_ event: Happening) -> UInt64 { event.fingerprint(rules) }

    private func cartKey(_ id: String) -> Key { rules.hashKey.hash(kind: HashKind.cart, id).low }
    private func orderKey(_ id: String) -> Key { rules.hashKey.hash(kind: HashKind.order, id).low }

    private func openCart(_ key: Key?, _ person: Person) -> Cart {
        if let known = person.carts.first(where: { $0.key == key }) { return known }
        if person.carts.count >= 8 { evictCart(person) }
        let cart = Cart(key: key)
        person.carts.append(cart)
        return cart
    }

    /// At the bound of 8 carts one goes, with its enrollment: one without lines, else the oldest.
    private func evictCart(_ person: Person) {
        func rank(_ cart: Cart) -> (Int, Int64, Key) {
            (cart.lines.isEmpty ? 0 : 1, cart.activity ?? .min, cart.key ?? 0)
        }
        let gone = person.carts.min { rank($0) < rank($1) }
        person.carts.removeAll { $0 === gone }
        person.enrollments.removeAll { $0.cart === gone }
    }

    /// What an event on a cart means for the enrollment on it.
    private func settle(
        _ cart: Cart,
        _ event: Happening,
        _ person: Person,
        starts: Bool,
        _ isOld: Bool
    ) {
        if !cart.lines.isEmpty { cart.hadLines = true }
        cart.activity = max(cart.activity ?? .min, event.time)
        var running = live(cart, person)
        if let running {
            touch(running, event)
        } else if starts, !isOld, !cart.isCheckout, let flow = flow(ofStage: 2) {
            running = enroll(
                flow,
                event,
                cart,
                event.cart.map { cartKey($0) } ?? 0,
                person
            )
        }
        endIfEmpty(cart, running, event, person)
    }

    /// AB-3: a cart that was emptied ends its enrollment, and itself if it is the default cart.
    private func endIfEmpty(
        _ cart: Cart,
        _ running: Enrollment?,
        _ event: Happening,
        _ person: Person
    ) {
        guard cart.lines.isEmpty else { return }
        if let running {
            let last = cart.operations.filter { !$0.isOver }.map(\.time).max() ?? event.time
            end(running, .empty, max(last, event.time), person)
        }
        if running != nil || cart.hadLines { cart.end(forgetting: false) }
    }

    // MARK: Checkout

    private func startCheckout(_ event: Happening, _ person: Person, _ isOld: Bool) {
        let checkout = event.checkout.map { orderKey($0) }
        let order = event.order.map { orderKey($0) }
        let cart: Cart
        if let id = event.cart {
            cart = openCart(cartKey(id), person)
        } else {
            cart =
                named(checkout, order, person) ?? latestOpen(person)
                ?? openCart(checkout ?? order, person)
        }
        let neverHadLines = !cart.hadLines
        if !event.items.isEmpty {
            cart.operations.append(
                Operation(kind: .list, time: event.time, tie: tie(event), items: event.items)
            )
        } else if cart.lines.isEmpty {
            let isRepeat = cart.operations.contains {
                $0.kind == .add && $0.time == event.time && $0.items.contains { $0.id == nil }
            }
            if !isRepeat {
                cart.operations.append(
                    Operation(kind: .add, time: event.time, tie: tie(event), items: [Item()])
                )
            }
        }
        if let checkout { cart.checkout = checkout }
        if let order { cart.order = order }
        guard let flow = flow(ofStage: 3) else {
            settle(cart, event, person, starts: neverHadLines, isOld)
            applyLaterOrders(event, person)
            return
        }
        if !cart.lines.isEmpty { cart.hadLines = true }
        cart.activity = max(cart.activity ?? .min, event.time)
        if isOld {
            if let running = live(cart, person) { touch(running, event) }
            return
        }
        cart.isCheckout = true
        let running = person.enrollments.first { $0.flow == flow && $0.cart === cart }
        endStages(below: 3, event.time, person)
        if let running {
            touch(running, event)
            endIfEmpty(cart, running, event, person)
        } else {
            // The key names the cart_id if the event does, else what the checkout is called.
            let entity = event.cart.map { cartKey($0) } ?? order ?? checkout ?? 0
            let started = enroll(flow, event, cart, entity, person)
            endIfEmpty(cart, started, event, person)
        }
        applyLaterOrders(event, person)
    }

    /// The cart that a checkout's ids name. The ids of a cart's latest checkout count.
    private func named(_ checkout: Key?, _ order: Key?, _ person: Person) -> Cart? {
        latest(
            person.carts.filter { cart in
                checkout != nil && (cart.key == checkout || cart.checkout == checkout)
                    || order != nil && (cart.key == order || cart.order == order)
            }
        )
    }

    private func latestOpen(_ person: Person) -> Cart? {
        latest(person.carts.filter { !$0.lines.isEmpty })
    }

    /// The cart with the latest activity; on a tie the one of the smaller key.
    private func latest(_ carts: [Cart]) -> Cart? {
        carts.max { ($0.activity ?? .min, $1.key ?? 0) < ($1.activity ?? .min, $0.key ?? 0) }
    }

    private func touchCheckout(_ event: Happening, _ person: Person) {
        let underWay = latest(person.carts.filter { $0.isCheckout && live($0, person) != nil })
        let cart =
            event.cart.flatMap { id in person.carts.first { $0.key == cartKey(id) } }
            ?? named(
                event.checkout.map { orderKey($0) },
                event.order.map { orderKey($0) },
                person
            ) ?? underWay ?? latestOpen(person)
        guard let cart else { return }
        cart.activity = max(cart.activity ?? .min, event.time)
    }

    // MARK: Orders

    private func order(_ event: Happening, _ person: Person) {
        let key = event.order.map { orderKey($0) } ?? tie(event)
        if person.orders.contains(where: { $0.key == key }) { return }
        let order = Order(
            time: event.time,
            key: key,
            cart: event.cart.map { cartKey($0) },
            checkout: event.checkout.map { orderKey($0) },
            products: event.items.compactMap(\.id)
        )
        close(person.carts, order, event.time, person)
        person.orders.append(order)
    }

    /// AB-4: the carts that the order names are closed; if it names none, those that share a
    /// product with it lose what was bought. Only the given carts are asked.
    private func close(_ carts: [Cart], _ order: Order, _ time: Int64, _ person: Person) {
        func isNamed(_ cart: Cart) -> Bool {
            if let key = order.cart, cart.key == key { return true }
            if let key = order.checkout, cart.checkout == key || cart.key == key { return true }
            return cart.order == order.key || cart.key == order.key
        }
        let isAnyNamed = person.carts.contains(where: isNamed)
        for cart in carts {
            if isNamed(cart) {
                close(cart, order, takesAll: true, time, person)
            } else if !isAnyNamed, let begin = cart.begin, order.time >= begin,
                cart.lines.contains(where: { line in
                    line.product.map(order.products.contains) ?? false
                })
            {
                close(cart, order, takesAll: cart.key == nil, time, person)
            }
        }
    }

    private func close(
        _ cart: Cart,
        _ order: Order,
        takesAll: Bool,
        _ time: Int64,
        _ person: Person
    ) {
        // An order settles a cart once.
        if cart.operations.contains(where: { $0.kind == .order && $0.tie == order.key }) { return }
        var gone = order.products
        if takesAll { gone += cart.lines.compactMap(\.product) }
        var items = gone.map { Item(id: $0) }
        if takesAll, cart.lines.contains(where: { $0.product == nil }) { items.append(Item()) }
        cart.operations.append(
            Operation(kind: .order, time: order.time, tie: order.key, items: items)
        )
        let isAddedLater = cart.lines.contains { $0.added > order.time }
        if let running = live(cart, person), !isAddedLater || running.isRunning {
            end(running, .goalMet, time, person, keepsCart: true)
            // What was added to a default cart behind the order that ended it is the next cart.
            if isAddedLater, cart.key == nil {
                cart.isCheckout = false
                cart.checkout = nil
                cart.order = nil
            }
        }
        if cart.lines.isEmpty { cart.end(forgetting: false) }
    }

    // MARK: Plain flows

    private func endByEvents(_ event: Happening, _ person: Person) {
        for enrollment in person.enrollments {
            let flow = rules.flows[enrollment.flow]
            if flow.goals.contains(where: { matches($0, event, person) }) {
                end(enrollment, .goalMet, event.time, person)
            } else if flow.exits.contains(where: { matches($0, event, person) }) {
                end(enrollment, .exited, event.time, person)
            }
        }
    }

    private func matches(
        _ match: FlowDefinition.EventMatch,
        _ event: Happening,
        _ person: Person
    ) -> Bool {
        guard match.name == event.nameHash(rules) else { return false }
        return match.condition.map { holds($0, [], event.time, person, event) } ?? true
    }

    private func trigger(_ event: Happening, _ person: Person) {
        for (index, flow) in rules.flows.enumerated() {
            guard case .event(let match) = flow.trigger, matches(match, event, person) else {
                continue
            }
            if let entry = flow.entry, !holds(entry, [], event.time, person, event) { continue }
            let last = person.entries[index]
            switch flow.reEntry {
            case .always: break
            case .never: if last != nil { continue }
            case .after(let span):
                if let last, event.time - last < span.milliseconds { continue }
            }
            if flow.reEntry != .always {
                person.entries[index] = max(last ?? .min, event.time)
            }
            // The key of a plain flow names the order, else the cart.
            let entity =
                event.order.map { orderKey($0) } ?? event.cart.map { cartKey($0) } ?? 0
            let started = enroll(index, event, nil, entity, person)
            started.items = event.items
            // RT-8: what is due at once does not wait for the watermark, unless it is marketing.
            refresh(person)
            while flow.messageClass != .marketing,
                person.enrollments.contains(where: { $0 === started }), due(started) <= event.time
            {
                takeStep(started, person)
                refresh(person)
            }
        }
    }

    // MARK: Enrollments

    /// The position of the flow of a stage: view 1, cart 2, checkout 3.
    func flow(ofStage wanted: Int) -> Int? {
        rules.flows.indices.first { stage($0) == wanted }
    }

    func stage(_ flow: Int) -> Int {
        switch rules.flows[flow].trigger {
        case .abandonedView: 1
        case .abandonedCart: 2
        case .abandonedCheckout: 3
        case .event: 0
        }
    }

    /// The enrollment on a cart, the checkout's first.
    func live(_ cart: Cart, _ person: Person) -> Enrollment? {
        person.enrollments.filter { $0.cart === cart }.max { stage($0.flow) < stage($1.flow) }
    }

    @discardableResult
    private func enroll(
        _ flow: Int,
        _ event: Happening,
        _ cart: Cart?,
        _ entity: Key,
        _ person: Person
    ) -> Enrollment {
        let enrollment = Enrollment(
            of: person,
            flow: flow,
            cart: cart,
            entity: entity,
            time: event.time,
            name: event.names[0].name.hash(rules),
            cause: event.messageID
        )
        person.enrollments.append(enrollment)
        return enrollment
    }

    /// The key is of the first event by event time, until the first decision.
    private func touch(_ enrollment: Enrollment, _ event: Happening) {
        guard !enrollment.isRunning, event.time < enrollment.firstTime else { return }
        enrollment.firstTime = event.time
        enrollment.firstName = event.names[0].name.hash(rules)
        enrollment.cause = event.messageID
    }

    func key(_ enrollment: Enrollment) -> Hash128 {
        var state = rules.hashKey.begin(kind: HashKind.enrollment)
        state.append(rules.hashKey.hash(kind: HashKind.flow, rules.flows[enrollment.flow].id).low)
        state.append(enrollment.entity)
        state.append(enrollment.firstName)
        state.append(UInt64(bitPattern: enrollment.firstTime))
        return state.finish()
    }

    /// Latest activity on what an abandonment enrollment watches; plain flows watch nothing.
    private func activity(_ enrollment: Enrollment) -> Int64? {
        if let cart = enrollment.cart { return cart.activity }
        guard stage(enrollment.flow) == 1 else { return nil }
        return enrollment.owner.views.map(\.time).max()
    }

    /// When the enrollment's next step is to be judged.
    func due(_ enrollment: Enrollment) -> Int64 {
        let flow = rules.flows[enrollment.flow]
        let step = flow.steps[enrollment.step]
        var due: Int64
        if let until = enrollment.deferredUntil {
            due = until
        } else {
            // So long after the step it names, else the step before, else the trigger.
            let named = step.after ?? enrollment.step - 1
            var base = enrollment.firstTime
            if named >= 0 {
                base = enrollment.anchors[named] ?? enrollment.lastDecision ?? base
            } else if let inactivity = flow.trigger.inactivity {
                base = activity(enrollment)! + inactivity.milliseconds
            }
            due = base + step.delay.milliseconds
            // Never before the decision of the step before it.
            due = max(due, enrollment.lastDecision ?? due)
        }
        // AB-7: not before the silence is long enough again.
        if let inactivity = flow.trigger.inactivity {
            due = max(due, activity(enrollment)! + inactivity.milliseconds)
        }
        // AB-9: a click on an earlier message pauses.
        if let sent = enrollment.firstSend, let click = enrollment.owner.lastClick, click >= sent {
            due = max(due, click + flow.clickPause.milliseconds)
        }
        return due
    }

    /// Arms the timers of a person; one that is already past when it is armed is late.
    private func refresh(_ person: Person) {
        for enrollment in person.enrollments {
            let due = due(enrollment)
            if enrollment.armed == due { continue }
            enrollment.armed = due
            enrollment.wasLate = floorDivide(due, 1_000) <= fired
        }
    }

    /// FC-12: ends what is alive of lower stages.
    private func endStages(below limit: Int, _ time: Int64, _ person: Person) {
        for enrollment in person.enrollments {
            let own = stage(enrollment.flow)
            if own > 0, own < limit { end(enrollment, .superseded, time, person) }
        }
    }

    /// Ends an enrollment outside its steps: one decision for its next step.
    private func end(
        _ enrollment: Enrollment,
        _ outcome: Outcome,
        _ time: Int64,
        _ person: Person,
        keepsCart: Bool = false
    ) {
        decide(enrollment, outcome, time, nextChannel(enrollment), person)
        // Superseded by its own checkout a default cart goes on, for the checkout.
        let isOwn = outcome == .superseded && enrollment.cart?.isCheckout ?? false
        finish(enrollment, endsCart: !isOwn && !keepsCart && outcome != .empty, person)
    }

    /// A default cart ends with its enrollment, whatever the outcome.
    func finish(_ enrollment: Enrollment, endsCart: Bool, _ person: Person) {
        person.enrollments.removeAll { $0 === enrollment }
        if stage(enrollment.flow) == 1 { person.views = [] }
        if endsCart { enrollment.cart?.end(forgetting: true) }
    }

    func nextChannel(_ enrollment: Enrollment) -> Channel? {
        for step in rules.flows[enrollment.flow].steps[enrollment.step...] {
            if case .send(let message) = step.action { return message.channels.first }
        }
        return nil
    }

    func isOutOfStock(_ product: String?) -> Bool {
        product.flatMap { stock[$0] }.map { $0.level <= 0 } ?? false
    }

    // MARK: Merging

    /// What was known of an absorbed person comes to the survivor (ID-6 to ID-8, FC-12).
    func bring(_ other: Person, into person: Person, _ event: Happening) {
        let time = event.time
        func later<Value: Comparable>(
            _ left: (Value, time: Int64)?,
            _ right: (Value, time: Int64)?
        ) -> (Value, time: Int64)? {
            guard let left, let right else { return left ?? right }
            return (left.time, left.0) >= (right.time, right.0) ? left : right
        }
        person.lastClick = [person.lastClick, other.lastClick].compactMap(\.self).max()
        person.lastSeen.merge(other.lastSeen) { max($0, $1) }
        if let zone = later(person.traitZone, other.traitZone) { person.traitZone = zone }
        if let zone = later(person.contextZone, other.contextZone) { person.contextZone = zone }
        if let code = later(person.country, other.country) { person.country = code }
        if let plan = other.plan {
            if (plan.time, plan.messageID)
                > (person.plan?.time ?? .min, person.plan?.messageID ?? "")
            {
                person.plan = plan
            }
        }
        let latest = (person.enrollments + other.enrollments).map {
            ($0, activity($0) ?? $0.firstTime)
        }
        // What was running on either side before anything is settled.
        let running = Set(
            (person.enrollments + other.enrollments).compactMap {
                $0.cart.map(ObjectIdentifier.init)
            }
        )
        var wasRunning: Set<ObjectIdentifier> = []
        let own = person.carts
        var came: [Cart] = []
        for cart in other.carts {
            let home = own.first { $0.key == cart.key }
            if running.contains(ObjectIdentifier(cart)) {
                wasRunning.insert(ObjectIdentifier(home ?? cart))
            }
            if let home, running.contains(ObjectIdentifier(home)) {
                wasRunning.insert(ObjectIdentifier(home))
            }
            guard let home else {
                person.carts.append(cart)
                came.append(cart)
                continue
            }
            // As if all events had been on one cart.
            home.operations += cart.operations
            home.activity = [home.activity, cart.activity].compactMap(\.self).max()
            home.isCheckout = home.isCheckout || cart.isCheckout
            home.hadLines = home.hadLines || cart.hadLines
            home.checkout = home.checkout ?? cart.checkout
            home.order = home.order ?? cart.order
            for enrollment in other.enrollments where enrollment.cart === cart {
                enrollment.cart = home
            }
            came.append(home)
        }
        let ownOrders = person.orders
        let newOrders = other.orders.filter { order in
            !ownOrders.contains { $0.key == order.key }
        }
        person.orders += newOrders
        for send in other.sends where !person.sends.contains(where: { $0.id == send.id }) {
            person.sends.append(send)
        }
        for enrollment in other.enrollments { enrollment.owner = person }
        person.enrollments += other.enrollments
        for view in other.views { add(view, person) }
        person.entries.merge(other.entries) { max($0, $1) }
        endTwins(latest, time, person)
        // Orders of one side meet the carts of the other.
        let owned = own
        for order in inOrder(person.orders) {
            let isNew = newOrders.contains { $0.key == order.key }
            close(isNew ? owned : came, order, time, person)
        }
        let highest = person.enrollments.map { stage($0.flow) }.max() ?? 0
        endStages(below: highest, time, person)
        for cart in came where !wasRunning.contains(ObjectIdentifier(cart)) {
            inherit(cart, time, person)
        }
        while person.carts.count > 8 { evictCart(person) }
        refresh(person)
    }

    /// ID-8: of two enrollments of one flow on one cart the one with later activity lives; on a
    /// tie the running one, then the smaller key. A profile has at most one view enrollment.
    private func endTwins(_ latest: [(Enrollment, Int64)], _ time: Int64, _ person: Person) {
        func isKept(_ left: Enrollment, over right: Enrollment) -> Bool {
            let a = latest.first { $0.0 === left }!.1
            let b = latest.first { $0.0 === right }!.1
            if a != b { return a > b }
            if left.isRunning != right.isRunning { return left.isRunning }
            return key(left) < key(right)
        }
        for left in person.enrollments {
            for right in person.enrollments where left !== right && left.flow == right.flow {
                let isAlive = [left, right].allSatisfy { one in
                    person.enrollments.contains { $0 === one }
                }
                guard isAlive, stage(left.flow) > 0,
                    stage(left.flow) == 1 || left.cart === right.cart
                else { continue }
                let loser = isKept(left, over: right) ? right : left
                decide(loser, .merged, time, nextChannel(loser), person)
                person.enrollments.removeAll { $0 === loser }
            }
        }
    }

    /// ID-7: an open cart that came without a live enrollment starts nothing, and says so.
    private func inherit(_ cart: Cart, _ time: Int64, _ person: Person) {
        guard live(cart, person) == nil, !cart.lines.isEmpty,
            let flow = flow(ofStage: cart.isCheckout ? 3 : 2)
        else { return }
        let none = Enrollment(
            of: person,
            flow: flow,
            cart: nil,
            entity: cart.key ?? 0,
            time: time,
            name: .none,
            cause: ""
        )
        decide(none, .inheritedEvent, time, nextChannel(none), person)
    }
}
