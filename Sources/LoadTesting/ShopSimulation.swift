package import Events

/// A simulated shop: people come, look, fill carts, forget them, log in late, pay cash on delivery.
///
/// Deterministic: the same `ShopTraffic` gives the same bytes. A visit is a small state machine;
/// the agenda says whose turn is next, so records come out in the order of their arrival. Each
/// call answers one record, whose bytes stand in `line` and `key` until the next call.
package struct ShopSimulation {
    /// One record.
    package struct Record: Sendable {
        /// When the collector received it.
        package var arrival: EventTime
        /// When it happened.
        package var time: EventTime
    }

    private let traffic: ShopTraffic
    private let end: Int64
    private var random: Random
    private var shoppers: [Shopper]
    private var visits: [Visit] = []
    private var freeVisits: [Int32] = []
    private var delayed: [[UInt8]] = []
    private var delayedKeys: [[UInt8]] = []
    private var freeDelayed: [Int32] = []
    private var agenda = Agenda()
    private var writer = EventWriter()
    private var keyWriter = EventWriter()
    private var pause = 0.0
    private var orders: UInt32 = 0
    private var serial: UInt64 = 0
    /// The record's bytes, without a newline.
    package private(set) var line: [UInt8] = []
    /// The record's key: the user id, else the anonymous id.
    package private(set) var key: [UInt8] = []
    private static let arrivals = Int32.min
    private let labels = (0..<Assortment.size).map(ShopSimulation.label)

    /// Opens the shop.
    package init(_ traffic: ShopTraffic) {
        precondition(traffic.shoppers > 0)
        precondition(traffic.shoppers <= Int(UInt32.max - traffic.firstShopper))
        self.traffic = traffic
        end = (traffic.start + traffic.span).milliseconds
        random = Random(seed: Random.mix(traffic.seed))
        shoppers = Array(repeating: Shopper(), count: traffic.shoppers)
        agenda.insert(at: traffic.start.milliseconds, ShopSimulation.arrivals)
    }

    /// The next record, or nil when the shop has closed.
    package mutating func next() -> Record? {
        while let entry = agenda.first, entry.time < end {
            _ = agenda.removeFirst()
            if entry.index == ShopSimulation.arrivals {
                arrive(at: entry.time)
            } else if entry.index < 0 {
                let index = Int(~entry.index)
                line = delayed[index]
                key = delayedKeys[index]
                delayed[index] = []
                freeDelayed.append(Int32(index))
                return Record(
                    arrival: EventTime(milliseconds: entry.time),
                    time: EventTime(milliseconds: entry.time)
                )
            } else if let record = act(entry.index, at: entry.time) {
                return record
            }
        }
        return nil
    }

    // MARK: Visits

    private mutating func arrive(at time: Int64) {
        let now = EventTime(milliseconds: time)
        let rate =
            traffic.eventsPerSecond / ShopTraffic.eventsPerVisit * traffic.factor(at: now)
        // Exponential pauses between arrivals; what they are longer than whole milliseconds is kept,
        // for a busy shop has many in one.
        pause += -naturalLogarithm(max(random.unit(), 1e-12)) / max(rate, 1e-9) * 1_000
        let whole = pause.rounded(.down)
        pause -= whole
        agenda.insert(at: time + Int64(whole), ShopSimulation.arrivals)
        // The square favours low numbers: a tenth of the people make a third of the visits.
        let unit = random.unit()
        // Without a hot key nothing is drawn for it, so that the bytes do not depend on it.
        let isHot = traffic.hotShare > 0 && random.happens(traffic.hotShare)
        let shopper = isHot ? 0 : UInt32(Double(traffic.shoppers) * unit * unit)
        let device = UInt8(random.below(10))
        var visit = Visit(
            shopper: shopper,
            device: device < 6 ? 0 : device < 9 ? 1 : 2,
            phase: .arrive,
            next: .view,
            random: Random(seed: random.next())
        )
        visit.product = UInt16(visit.random.below(Assortment.size))
        let index: Int32
        if let free = freeVisits.popLast() {
            visits[Int(free)] = visit
            index = free
        } else {
            visits.append(visit)
            index = Int32(visits.count - 1)
        }
        agenda.insert(at: time, index)
    }

    /// The natural logarithm of a number in (0, 1], by the series of the inverse hyperbolic tangent:
    /// unlike the C library's it gives the same bits on every machine.
    private func naturalLogarithm(_ number: Double) -> Double {
        let mantissa = number.significand
        let x = (mantissa - 1) / (mantissa + 1)
        let square = x * x
        var term = x
        var sum = 0.0
        var divisor = 1.0
        for _ in 0..<12 {
            sum += term / divisor
            term *= square
            divisor += 2
        }
        return 2 * sum + Double(number.exponent) * 0.693_147_180_559_945_3
    }

    /// Lets a visit do its next thing; answers the record it made, if it made one that arrives now.
    private mutating func act(_ index: Int32, at time: Int64) -> Record? {
        var visit = visits[Int(index)]
        var shopper = shoppers[Int(visit.shopper)]
        let phase = visit.phase
        if phase == .arrive {
            let isKnown = shopper.knownDevices & (1 << visit.device) != 0
            visit.phase = !isKnown && visit.random.happens(0.12) ? .logIn : .view
            visit.next = .view
            visits[Int(index)] = visit
            agenda.insert(at: time, index)
            return nil
        }
        // The writer needs the visit as it is before it moves on.
        let product = visit.product
        var line = Shopper.Line()
        switch phase {
        case .add:
            if shopper.lineCount == 0 { shopper.carts &+= 1 }
            shopper.add(product, UInt16(1 + visit.random.below(2)))
        case .remove:
            if shopper.lineCount > 0 { line = shopper.removeLast() }
        case .logIn: shopper.knownDevices |= 1 << visit.device
        case .order:
            orders &+= 1
            visit.order = orders
            visit.cart = shopper.carts
        default: break
        }
        let record = write(phase, visit, shopper, line, at: time)
        if phase == .order { shopper.empty() }
        move(&visit, &shopper, from: phase, index, at: time)
        shoppers[Int(visit.shopper)] = shopper
        return record
    }

    /// Decides what the visit does after a phase, and when.
    private mutating func move(
        _ visit: inout Visit,
        _ shopper: inout Shopper,
        from phase: Visit.Phase,
        _ index: Int32,
        at time: Int64
    ) {
        let draw = visit.random.unit()
        let isKnown = shopper.knownDevices & (1 << visit.device) != 0
        var next: Visit.Phase?
        var think = 4_000 + visit.random.below(40_000)
        switch phase {
        case .view:
            next = draw < 0.52 ? .view : draw < 0.74 ? .add : nil
            if next == .view { visit.product = UInt16(visit.random.below(Assortment.size)) }
        case .add:
            next = draw < 0.28 ? .view : draw < 0.5 ? .cart : draw < 0.72 ? .checkout : nil
            if draw > 0.96 { next = .remove }
            if next == .view { visit.product = UInt16(visit.random.below(Assortment.size)) }
        case .remove: next = shopper.lineCount == 0 ? nil : draw < 0.5 ? .view : nil
        case .cart: next = draw < 0.45 ? .checkout : draw < 0.53 ? .remove : nil
        case .checkout: next = draw < 0.7 ? .pay : nil
        case .pay:
            visit.isCashOnDelivery = visit.random.happens(0.55)
            next = draw < 0.85 ? .order : nil
        case .order:
            next = .delivered
            think = 86_400_000 + visit.random.below(172_800_000)
        case .logIn:
            next = shopper.wasAsked ? visit.next : .consent
            visit.order = 0
        case .consent:
            shopper.wasAsked = true
            visit.order &+= 1
            next = visit.order < 3 ? .consent : visit.next
            think = 20
        case .delivered, .arrive: next = nil
        }
        if next == .remove, shopper.lineCount == 0 { next = nil }
        if next == .checkout, !isKnown {
            // A checkout asks who it is for.
            visit.next = .checkout
            next = .logIn
        }
        if next == nil, phase != .delivered, phase != .order, !isKnown, shopper.lineCount > 0,
            draw > 0.85
        {
            // Gone without a checkout, logged in later: the late identification of a cart.
            visit.next = .view
            next = .logIn
            think *= 20
        }
        guard let next else {
            freeVisits.append(index)
            return
        }
        visit.phase = next
        visits[Int(index)] = visit
        let pause = phase == .order ? Double(think) : Double(think) * traffic.pace
        agenda.insert(at: time + Int64(pause), index)
    }

    // MARK: Records

    /// Writes a record; answers it unless it arrives later.
    private mutating func write(
        _ phase: Visit.Phase,
        _ visit: Visit,
        _ shopper: Shopper,
        _ line: Shopper.Line,
        at time: Int64
    ) -> Record? {
        serial &+= 1
        let chance = random.unit()
        var arrival = time
        var lateness = traffic.lateShare
        if chance < lateness {
            arrival += Int64(Double(30_000 + random.below(1_200_000)) * traffic.pace)
        }
        compose(phase, visit, shopper, line, time, arrival)
        lateness += traffic.malformedShare
        if chance >= traffic.lateShare, chance < lateness { spoil() }
        if chance > 1 - traffic.duplicateShare {
            postpone(to: arrival + Int64(random.below(20_000)))
        }
        if arrival > time {
            postpone(to: arrival)
            return nil
        }
        // Memory changes hands, so that none is asked for.
        writer.exchange(&self.line)
        keyWriter.exchange(&key)
        return Record(
            arrival: EventTime(milliseconds: arrival),
            time: EventTime(milliseconds: time)
        )
    }

    private mutating func postpone(to time: Int64) {
        let index: Int32
        if let free = freeDelayed.popLast() {
            delayed[Int(free)] = writer.bytes
            delayedKeys[Int(free)] = keyWriter.bytes
            index = free
        } else {
            delayed.append(writer.bytes)
            delayedKeys.append(keyWriter.bytes)
            index = Int32(delayed.count - 1)
        }
        agenda.insert(at: time, ~index)
    }

    /// Makes a record that is no event.
    private mutating func spoil() {
        switch random.below(4) {
        case 0: writer.truncate(to: writer.bytes.count / 2)
        case 1:
            writer.begin()
            writer.put(#"["not","an","event"]"#)
        case 2:
            writer.begin()
            writer.put(#"{"type":"track","event":"Product Viewed","properties":{}}"#)
        default:
            writer.begin()
            writer.put(#"{"type":"track","event":"Product Viewed","userId":{"id":1}}"#)
        }
    }

    /// The number by which the world knows a shopper.
    private func number(_ visit: Visit) -> UInt32 { traffic.firstShopper &+ visit.shopper }

    private func persona(_ visit: Visit) -> Persona { Persona(number(visit), seed: traffic.seed) }

    /// The anonymous id of the device; some devices belong to two neighbours.
    private func anonymous(_ visit: Visit) -> UInt64 {
        let pair = Persona(number(visit) & ~1, seed: traffic.seed)
        let shared = Double(pair.device(7, seed: traffic.seed) >> 11) * 0x1p-53
        let owner = shared < traffic.sharedDeviceShare ? pair : persona(visit)
        return owner.device(visit.device, seed: traffic.seed)
    }

    private mutating func compose(
        _ phase: Visit.Phase,
        _ visit: Visit,
        _ shopper: Shopper,
        _ line: Shopper.Line,
        _ time: Int64,
        _ arrival: Int64
    ) {
        let persona = persona(visit)
        let isKnown = shopper.knownDevices & (1 << visit.device) != 0 || phase == .delivered
        keyWriter.begin()
        writer.begin()
        writer.put(#"{"type":""#)
        writer.put(phase == .logIn ? "identify" : "track")
        writer.put(#"","messageId":""#)
        writer.put(hex: Random.mix(traffic.seed ^ serial &* 0xa076_1d64_78bd_642f))
        writer.put("-")
        writer.put(Int(serial))
        if phase != .delivered {
            writer.put(#"","anonymousId":""#)
            writer.put(hex: anonymous(visit))
        }
        if isKnown {
            writer.put(#"","userId":"u"#)
            writer.put(Int(number(visit)))
            keyWriter.put("u")
            keyWriter.put(Int(number(visit)))
        } else {
            keyWriter.put(hex: anonymous(visit))
        }
        writer.put(#"","originalTimestamp":""#)
        writer.put(time: time)
        writer.put(#"","sentAt":""#)
        writer.put(time: arrival)
        writer.put(#"","receivedAt":""#)
        writer.put(time: arrival)
        if phase == .logIn {
            writer.put(#"","traits":{"email":""#)
            persona.putEmail(&writer)
            writer.put(#"","phone":""#)
            persona.putPhone(&writer)
            writer.put(#"","firstName":""#)
            writer.put(persona.name)
            writer.put(#"","timezone":""#)
            putZone(persona)
            writer.put(#""}"#)
        } else {
            writer.put(#"","event":""#)
            writeProperties(phase, visit, shopper, line)
        }
        writeContext(persona, visit)
    }

    private mutating func writeProperties(
        _ phase: Visit.Phase,
        _ visit: Visit,
        _ shopper: Shopper,
        _ line: Shopper.Line
    ) {
        switch phase {
        case .view:
            writer.put(#"Product Viewed","properties":{"#)
            writeProduct(Int(visit.product), quantity: 1)
            writer.put(#","currency":"INR"}"#)
        case .add:
            writer.put(#"Product Added","properties":{"cart_id":""#)
            writeCart(visit, shopper)
            writer.put(#"","#)
            writeProduct(Int(visit.product), quantity: 1)
            writer.put(#","currency":"INR"}"#)
        case .remove:
            writer.put(#"Product Removed","properties":{"cart_id":""#)
            writeCart(visit, shopper)
            writer.put(#"","#)
            writeProduct(Int(line.product), quantity: Int(max(1, line.quantity)))
            writer.put(#","currency":"INR"}"#)
        case .cart:
            writer.put(#"Cart Viewed","properties":{"cart_id":""#)
            writeCart(visit, shopper)
            writer.put(#"","products":["#)
            writeLines(shopper)
            writer.put(#"],"currency":"INR"}"#)
        case .checkout:
            writer.put(#"Checkout Started","properties":{"cart_id":""#)
            writeCart(visit, shopper)
            writer.put(#"","order_id":"o"#)
            writeOrder(visit, shopper)
            writer.put(#"","value":"#)
            writer.put(shopper.value)
            writer.put(#","products":["#)
            writeLines(shopper)
            writer.put(#"],"currency":"INR"}"#)
        case .pay:
            writer.put(#"Payment Info Entered","properties":{"order_id":"o"#)
            writeOrder(visit, shopper)
            writer.put(#"","payment_method":""#)
            writer.put(visit.isCashOnDelivery ? "cod" : "upi")
            writer.put(#""}"#)
        case .order:
            writer.put(#"Order Completed","properties":{"cart_id":""#)
            writeCart(visit, shopper)
            writer.put(#"","order_id":"o"#)
            writeOrder(visit, shopper)
            writer.put(#"","payment_method":""#)
            writer.put(visit.isCashOnDelivery ? "cod" : "upi")
            writer.put(#"","revenue":"#)
            writer.put(shopper.value)
            writer.put(#","products":["#)
            writeLines(shopper)
            writer.put(#"],"currency":"INR"}"#)
        case .delivered:
            let isReturned = visit.isCashOnDelivery && visit.order % 4 == 0
            writer.put(isReturned ? "Order Returned To Origin" : "Order Delivered")
            writer.put(#"","properties":{"order_id":"o"#)
            writer.put(Int(number(visit)))
            writer.put("-")
            // By now there may be another cart.
            writer.put(Int(visit.cart))
            writer.put(#""}"#)
        case .consent:
            writer.put(#"Consent Updated","properties":{"channel":""#)
            let channel = visit.order % 3
            writer.put(channel == 0 ? "email" : channel == 1 ? "sms" : "whatsapp")
            writer.put(#"","state":""#)
            let bits = Random.mix(traffic.seed ^ UInt64(number(visit)) << 4 ^ UInt64(channel)) % 100
            let isYes = bits < (channel == 0 ? 85 : channel == 1 ? 60 : 55)
            writer.put(isYes ? "subscribed" : "did_not_subscribe")
            writer.put(#""}"#)
        case .arrive, .logIn:
            writer.put(#"Visit","properties":{}"#)
        }
    }

    private mutating func writeCart(_ visit: Visit, _ shopper: Shopper) {
        writer.put("c")
        writer.put(Int(number(visit)))
        writer.put("-")
        writer.put(Int(shopper.carts))
    }

    private mutating func writeOrder(_ visit: Visit, _ shopper: Shopper) {
        writer.put(Int(number(visit)))
        writer.put("-")
        writer.put(Int(shopper.carts))
    }

    private mutating func writeLines(_ shopper: Shopper) {
        for index in 0..<Int(shopper.lineCount) {
            if index > 0 { writer.put(",") }
            writer.put("{")
            writeProduct(
                Int(shopper.lines[index].product),
                quantity: Int(shopper.lines[index].quantity)
            )
            writer.put("}")
        }
    }

    private mutating func writeProduct(_ number: Int, quantity: Int) {
        writer.put(labels[number].head)
        writer.put(quantity)
        writer.put(labels[number].tail)
    }

    /// What is written of a product before and behind its quantity; the same each time.
    private static func label(_ number: Int) -> (head: [UInt8], tail: [UInt8]) {
        var head = EventWriter()
        head.put(#""product_id":"pf-"#)
        head.put(number)
        head.put(#"","name":""#)
        head.put(Assortment.article(number).name)
        head.put(#"","price":"#)
        head.put(Assortment.price(number))
        head.put(#","quantity":"#)
        var tail = EventWriter()
        tail.put(#","url":"https://shop.example/p/"#)
        tail.put(number)
        tail.put(#"","image_url":"https://shop.example/i/"#)
        tail.put(number)
        tail.put(#".jpg""#)
        return (head.bytes, tail.bytes)
    }

    private mutating func putZone(_ persona: Persona) {
        if let zone = traffic.zone {
            writer.put(Array(zone.utf8))
        } else {
            writer.put(persona.zone)
        }
    }

    private mutating func writeContext(_ persona: Persona, _ visit: Visit) {
        writer.put(#","context":{"locale":""#)
        writer.put(persona.locale)
        writer.put(#"","timezone":""#)
        putZone(persona)
        writer.put(#"","ip":"203.0.113."#)
        writer.put(Int(number(visit) % 254) + 1)
        if traffic.isPadded {
            writer.put(
                visit.device == 1
                    ? #"","library":{"name":"analytics-kotlin","version":"1.16.3"},"userAgent":"Dalvik/2.1.0 (Linux; U; Android 14; SM-A155F Build/UP1A.231005.007)"#
                    : #"","library":{"name":"analytics.js","version":"2.11.1"},"userAgent":"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"#
            )
            writer.put(#"","page":{"path":"/p","search":"?utm_source=feed&gclid="#)
            let target = 898 + Int(serial % 50)
            writer.pad(to: target, with: Random.mix(serial))
            writer.put(#""}}}"#)
        } else {
            writer.put(#""}}"#)
        }
    }
}
