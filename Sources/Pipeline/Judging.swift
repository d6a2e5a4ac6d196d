import Abandonment
import Encoding
import Events
import Flows
import FrequencyCapping
import Memory
import Profiles
import Windows

// Judging a candidate: the checks in the order in which the first that fails names the reason.

/// What a check says of a candidate on one channel.
private enum Verdict {
    case send
    case drop(Outcome)
    case wait(Outcome, until: EventTime)
    case nextChannel(Outcome)
}

extension ShardPipeline {
    /// Decides the next step of an enrollment, which is due.
    mutating func takeStep(_ handle: UInt32, of slot: UInt32) {
        let record = store.enrollments[handle]
        let flow = compiled.flows[Int(record.flowIndex)]
        // Silence may have been broken since the timer was set.
        let lateness = now - record.due
        let isLate =
            record.wasDueWhenArmed || lateness > compiled.rules.disorder + .seconds(30)
        let time = isLate ? max(now, record.due) : record.due
        let step = Int(record.step)
        readings.removeAll()
        if isLate, lateness > flow.definition.maxLateness {
            endHere(handle, .stale, at: time, of: slot)
            return
        }
        if let message = flow.messages[step] {
            propose(message, handle, flow, at: time, of: slot)
            return
        }
        switch flow.definition.steps[step].action {
        case .wait, .send:
            pass(handle, to: step + 1, anchor: record.nominalDue, decided: record.due, of: slot)
        case .branch(let condition, let otherwise):
            if holds(condition, cart: record.cart, at: time, of: slot, enrollment: handle) {
                pass(handle, to: step + 1, anchor: record.nominalDue, decided: time, of: slot)
            } else {
                writeDecision(record, .conditionFalse, at: time, channel: nil, of: slot)
                pass(
                    handle,
                    to: otherwise ?? flow.definition.steps.count,
                    anchor: record.nominalDue,
                    decided: time,
                    of: slot
                )
            }
        }
    }

    /// Sends a message, or says why not.
    private mutating func propose(
        _ proposed: StepMessage,
        _ handle: UInt32,
        _ flow: CompiledFlow,
        at time: EventTime,
        of slot: UInt32
    ) {
        guard let (outcome, ends) = refusal(proposed, handle, flow, at: time, of: slot) else {
            send(proposed, handle, flow, at: time, of: slot)
            return
        }
        if ends {
            endHere(handle, outcome, at: time, of: slot)
            return
        }
        let record = store.enrollments[handle]
        let channel = proposed.message.channels.first
        writeDecision(record, outcome, at: time, channel: channel, of: slot)
        pass(
            handle,
            to: Int(record.step) + 1,
            anchor: sentAnchor(handle),
            decided: time,
            of: slot
        )
    }

    private mutating func endHere(
        _ handle: UInt32,
        _ outcome: Outcome,
        at time: EventTime,
        of slot: UInt32
    ) {
        let record = store.enrollments[handle]
        writeDecision(record, outcome, at: time, channel: nextChannel(of: record), of: slot)
        finish(handle, closesCart: true, of: slot)
    }

    /// When a channel of this step was sent, else when the step was due.
    private func sentAnchor(_ handle: UInt32) -> EventTime {
        let record = store.enrollments[handle]
        let sent = record.anchors[Int(record.step)]
        return sent.isSet ? sent : record.nominalDue
    }

    // MARK: Checks of the step

    /// The first check that refuses the step on any channel, and whether it ends the enrollment.
    private mutating func refusal(
        _ proposed: StepMessage,
        _ handle: UInt32,
        _ flow: CompiledFlow,
        at time: EventTime,
        of slot: UInt32
    ) -> (Outcome, ends: Bool)? {
        let record = store.enrollments[handle]
        let timing = Int(record.flowIndex)
        let isFirst = compiled.timings[timing].firstMessage >= Int(record.step)
        if store.profiles[slot].isAmbiguous, !proposed.message.channels.allSatisfy(\.isOnSite) {
            return (.ambiguousIdentity, true)
        }
        if isFirst, !isReachable(compiled.flowChannels[Int(record.flowIndex)], slot) {
            return (.noEndpoint, true)
        }
        if isSuperseded(record, of: slot) { return (.superseded, true) }
        let stage = compiled.stage(ofFlow: Int(record.flowIndex))
        let orderGuard = flow.definition.orderGuard
        if orderGuard > .zero, hasOrder(since: time - orderGuard, of: slot) {
            return (.conditionFalse, isFirst)
        }
        if flow.definition.cooldown > .zero, coolsDown(record, flow, at: time, stage, of: slot) {
            return (.cooldown, isFirst)
        }
        if stage > 0, isOutOfStock(record, stage, of: slot) { return (.outOfStock, true) }
        if stage > 0, isFirst, let entry = flow.definition.entry,
            !holds(entry, cart: record.cart, at: time, of: slot, enrollment: handle)
        {
            return (.conditionFalse, true)
        }
        if stage == 1, viewToShow(of: slot) == 0 { return (.conditionFalse, false) }
        if let condition = flow.definition.steps[Int(record.step)].condition,
            !holds(condition, cart: record.cart, at: time, of: slot, enrollment: handle)
        {
            return (.conditionFalse, false)
        }
        return nil
    }

    private func isReachable(_ channels: ChannelSet, _ slot: UInt32) -> Bool {
        for channel in Channel.allCases where channels.contains(ChannelSet(channel)) {
            if channel.isOnSite || store.endpoint(of: slot, for: channel) != 0 { return true }
        }
        return false
    }

    private func hasOrder(since begin: EventTime, of slot: UInt32) -> Bool {
        // Latest first, so the first one tells.
        let latest = store.profiles[slot].orders
        return latest != 0 && store.orders[latest].time > begin
    }

    private mutating func coolsDown(
        _ record: EnrollmentRecord,
        _ flow: CompiledFlow,
        at time: EventTime,
        _ stage: Int,
        of slot: UInt32
    ) -> Bool {
        let own = key(of: record).low
        let cart = record.cart == 0 ? 0 : store.carts[record.cart].key
        var handle = store.profiles[slot].sends
        while handle != 0 {
            let send = store.sends[handle]
            if send.flow == record.flow, send.enrollment != own,
                stage != 2 || cart == 0 || send.cart == cart,
                time - send.time < flow.definition.cooldown
            {
                return true
            }
            handle = send.next
        }
        return false
    }

    private mutating func isOutOfStock(
        _ record: EnrollmentRecord,
        _ stage: Int,
        of slot: UInt32
    ) -> Bool {
        if stage == 1 {
            // Of the products it could show; with none of those it has nothing to show.
            var isAny = false
            var handle = store.profiles[slot].views
            while handle != 0 {
                let product = store.views[handle].line.product
                if !isBoughtOrInCart(product, of: slot) {
                    if !catalog.isOutOfStock(product) { return false }
                    isAny = true
                }
                handle = store.views[handle].next
            }
            return isAny
        }
        fold.fold(record.cart, in: store)
        guard !fold.lines.isEmpty else { return false }
        for index in 0..<fold.lines.count {
            if !catalog.isOutOfStock(fold.lines[index].line.product) { return false }
        }
        return true
    }

    /// The product the view flow shows: most views, then latest, dearer, smaller id; nothing that
    /// was bought or lies in a cart (AB-8).
    ///
    /// 0 if nothing is left.
    mutating func viewToShow(of slot: UInt32) -> UInt32 {
        var best: UInt32 = 0
        var handle = store.profiles[slot].views
        while handle != 0 {
            let view = store.views[handle]
            if !isBoughtOrInCart(view.line.product, of: slot),
                !catalog.isOutOfStock(view.line.product),
                best == 0 || isBetter(view, store.views[best])
            {
                best = handle
            }
            handle = view.next
        }
        return best
    }

    private func isBetter(_ left: ViewRecord, _ right: ViewRecord) -> Bool {
        if left.line.quantity != right.line.quantity {
            return left.line.quantity > right.line.quantity
        }
        if left.time != right.time { return left.time > right.time }
        if left.line.price != right.line.price { return left.line.price > right.line.price }
        return left.line.product < right.line.product
    }

    private mutating func isBoughtOrInCart(_ product: UInt64, of slot: UInt32) -> Bool {
        var order = store.profiles[slot].orders
        while order != 0 {
            if store.isBought(product, in: store.orders[order]) { return true }
            order = store.orders[order].next
        }
        var cart = store.profiles[slot].carts
        while cart != 0 {
            fold.fold(cart, in: store)
            if fold.contains(product) { return true }
            cart = store.carts[cart].next
        }
        return false
    }

    // MARK: Checks of a channel

    /// Sends a step on its channels, or says why not on each.
    private mutating func send(
        _ proposed: StepMessage,
        _ handle: UInt32,
        _ flow: CompiledFlow,
        at time: EventTime,
        of slot: UInt32
    ) {
        let step = Int(store.enrollments[handle].step)
        var until: EventTime?
        var isSent = false
        for position in proposed.message.channels.indices {
            let channel = proposed.message.channels[position]
            let bit = UInt16(1) << UInt16(channel.rawValue)
            if store.enrollments[handle].channelsDone & bit != 0 { continue }
            // The channel, or the fallback that stood in for it when it had to wait. A step's
            // channels go through its list of fallbacks together.
            var asked = channel
            let place = UInt64(channel.rawValue) * 4
            let standIn = UInt8(store.enrollments[handle].standIns >> place & 15)
            if standIn != 0 { asked = Channel(rawValue: standIn - 1) ?? channel }
            asking: while true {
                readings.removeAll()
                let record = store.enrollments[handle]
                switch judge(asked, proposed, record, flow, at: time, of: slot) {
                case .send:
                    command(proposed, asked, handle, flow, at: time, of: slot)
                    store.enrollments[handle].channelsDone |= bit
                    isSent = true
                    break asking
                case .drop(let outcome):
                    writeDecision(record, outcome, at: time, channel: asked, of: slot)
                    store.enrollments[handle].channelsDone |= bit
                    break asking
                case .wait(let outcome, let end):
                    writeDecision(
                        record,
                        outcome,
                        at: time,
                        channel: asked,
                        until: end,
                        of: slot
                    )
                    until = until.map { min($0, end) } ?? end
                    store.enrollments[handle].channelsWaited |=
                        UInt16(1) << UInt16(asked.rawValue)
                    break asking
                case .nextChannel(let outcome):
                    writeDecision(record, outcome, at: time, channel: asked, of: slot)
                    let next = Int(store.enrollments[handle].fallback)
                    guard next < proposed.message.fallback.count else {
                        store.enrollments[handle].channelsDone |= bit
                        break asking
                    }
                    asked = proposed.message.fallback[next]
                    store.enrollments[handle].fallback = UInt8(next + 1)
                    store.enrollments[handle].standIns &= ~(15 << place)
                    store.enrollments[handle].standIns |= UInt64(asked.rawValue + 1) << place
                }
            }
        }
        if isSent {
            store.enrollments[handle].anchors[step] = time
            if !store.enrollments[handle].firstSend.isSet {
                store.enrollments[handle].firstSend = time
            }
        }
        if let until {
            store.enrollments[handle].state = .running
            store.enrollments[handle].isDeferred = true
            store.enrollments[handle].due = until
            store.enrollments[handle].wasDueWhenArmed = until.second <= wheel.passed
            // A click behind what was sent just now pauses what waits.
            schedule(handle, of: slot)
        } else {
            pass(handle, to: step + 1, anchor: sentAnchor(handle), decided: time, of: slot)
        }
    }

    private mutating func judge(
        _ channel: Channel,
        _ proposed: StepMessage,
        _ record: EnrollmentRecord,
        _ flow: CompiledFlow,
        at time: EventTime,
        of slot: UInt32
    ) -> Verdict {
        let endpoint = store.endpoint(of: slot, for: channel)
        if !channel.isOnSite, endpoint == 0 { return .drop(.noEndpoint) }
        if let outcome = consentRefusal(
            channel,
            endpoint,
            proposed,
            flow,
            record,
            at: time,
            of: slot
        ) {
            return .drop(outcome)
        }
        let person = zones(of: slot)
        if flow.definition.obeysQuietHours {
            var rule = 0
            if let end = compiled.quietHours.end(
                holding: time,
                channel: channel,
                messageClass: flow.definition.messageClass,
                country: country(of: slot, endpoint),
                person: person,
                zones: compiled.rules.zones,
                rule: &rule
            ) {
                readings.append(
                    RuleReading(form: .quiet, index: UInt16(rule), count: 0, limit: 0)
                )
                return quietVerdict(end, record, flow, at: time)
            }
        }
        guard flow.definition.obeysCaps, !channel.isOnSite else {
            return isSent(record, channel, of: slot) ? .drop(.alreadySent) : .send
        }
        let candidate = Candidate(
            time: time,
            step: stepHash(record),
            flowIndex: Int(record.flowIndex),
            channel: channel,
            messageClass: flow.definition.messageClass
        )
        if let (_, retry) = compiled.ledger.refusingGap(
            candidate,
            of: slot,
            in: store,
            readings: &readings
        ) {
            return capVerdict(.gap, retry, record, flow, at: time)
        }
        if let (_, retry) = compiled.ledger.refusingCap(
            candidate,
            of: slot,
            in: store,
            zone: person.zone,
            zones: compiled.rules.zones,
            readings: &readings
        ) {
            return capVerdict(.capped, retry, record, flow, at: time)
        }
        return isSent(record, channel, of: slot) ? .drop(.alreadySent) : .send
    }

    private mutating func isSent(
        _ record: EnrollmentRecord,
        _ channel: Channel,
        of slot: UInt32
    ) -> Bool {
        let id = sendID(record, channel)
        var handle = store.profiles[slot].sends
        while handle != 0 {
            if store.sends[handle].id == id { return true }
            handle = store.sends[handle].next
        }
        return false
    }

    private mutating func quietVerdict(
        _ end: EventTime,
        _ record: EnrollmentRecord,
        _ flow: CompiledFlow,
        at time: EventTime
    ) -> Verdict {
        switch flow.definition.onQuiet {
        case .drop: return .drop(.quietDropped)
        case .nextChannel: return .nextChannel(.quietDropped)
        case .deferral:
            let begin = record.isDeferred ? record.nominalDue : time
            if end - begin > flow.definition.maxDeferral { return .drop(.expired) }
            return .wait(.quietDeferred, until: end + jitter(record, flow))
        }
    }

    /// Spreads releases so that not everybody is written to at the same second (QH-3).
    private mutating func jitter(_ record: EnrollmentRecord, _ flow: CompiledFlow) -> TimeSpan {
        let seconds = UInt64(max(0, flow.definition.jitter.milliseconds / 1_000))
        guard seconds > 0 else { return .zero }
        var state = compiled.rules.hashKey.begin(kind: HashKind.jitter)
        state.append(key(of: record))
        state.append(record.step)
        return .seconds(Int64(state.finish().low % (seconds + 1)))
    }

    private func capVerdict(
        _ outcome: Outcome,
        _ retry: EventTime,
        _ record: EnrollmentRecord,
        _ flow: CompiledFlow,
        at time: EventTime
    ) -> Verdict {
        switch flow.definition.onCap {
        case .drop: return .drop(outcome)
        case .nextChannel: return .nextChannel(outcome)
        case .deferral(let most):
            let begin = record.isDeferred ? record.nominalDue : time
            if retry.milliseconds == .max || retry - begin > most { return .drop(outcome) }
            return .wait(outcome, until: max(retry, time + TimeSpan(milliseconds: 1)))
        }
    }

    /// Why consent keeps a message back, or nil (CO-1, section 9).
    private func consentRefusal(
        _ channel: Channel,
        _ endpoint: UInt32,
        _ proposed: StepMessage,
        _ flow: CompiledFlow,
        _ record: EnrollmentRecord,
        at time: EventTime,
        of slot: UInt32
    ) -> Outcome? {
        let state: ConsentState =
            endpoint == 0
            ? .subscribed : store.endpoints[endpoint].consent[Int(channel.rawValue)]
        if state == .suppressed { return .suppressedEndpoint }
        switch flow.definition.messageClass {
        case .transactional:
            return nil
        case .service:
            if proposed.message.confirmsSubscription { return state == .pending ? nil : .noConsent }
            return hasOrder(since: time - .days(180), of: slot) ? nil : .noConsent
        case .marketing:
            if state == .subscribed { return nil }
            if state == .none, isConsentImplied(channel, country(of: slot, endpoint)) { return nil }
            let bit = UInt16(1) << UInt16(channel.rawValue)
            return record.channelsWaited & bit != 0 ? .consentRevoked : .noConsent
        }
    }

    private func isConsentImplied(_ channel: Channel, _ country: UInt16) -> Bool {
        compiled.rules.impliedConsent.contains {
            ($0.country == 0 || $0.country == country)
                && $0.channels.contains(ChannelSet(channel))
        }
    }

    // MARK: Where the person is

    /// The country of a person: of the phone, of the address, of the shop.
    func country(of slot: UInt32, _ endpoint: UInt32) -> UInt16 {
        if endpoint != 0, store.endpoints[endpoint].country != 0 {
            return store.endpoints[endpoint].country
        }
        if store.profiles[slot].country != 0 { return store.profiles[slot].country }
        let phone = store.endpoint(of: slot, for: .sms)
        if phone != 0, store.endpoints[phone].country != 0 { return store.endpoints[phone].country }
        return compiled.rules.shopCountry
    }

    /// The zones a person may be in, best evidence first (QH-2).
    func zones(of slot: UInt32) -> PersonZones {
        let profile = store.profiles[slot]
        let zones = compiled.rules.zones
        if profile.traitZone != 0 { return PersonZones(zone: profile.traitZone) }
        if profile.contextZone != 0 { return PersonZones(zone: profile.contextZone) }
        let phone = store.endpoint(of: slot, for: .sms)
        // Not an array, which would be allocated for each question.
        let countries: InlineArray<2, UInt16> = [
            phone == 0 ? 0 : store.endpoints[phone].country, profile.country,
        ]
        for index in countries.indices where countries[index] != 0 {
            if zones.zoneCount(ofCountry: countries[index]) == 1 {
                return PersonZones(zone: zones.zone(0, ofCountry: countries[index]))
            }
        }
        for index in countries.indices where countries[index] != 0 {
            let country = countries[index]
            if zones.zoneCount(ofCountry: country) > 1 {
                return PersonZones(zone: zones.zone(0, ofCountry: country), country: country)
            }
        }
        return PersonZones(zone: compiled.rules.shopZone)
    }

    // MARK: Conditions

    /// Whether a condition holds of a profile, a cart or enrollment, and an event.
    mutating func holds(
        _ condition: Condition,
        cart: UInt32,
        at time: EventTime,
        of slot: UInt32,
        enrollment: UInt32 = 0,
        event: CustomerEvent? = nil,
        in block: EventBlock? = nil
    ) -> Bool {
        fillFold(cart: cart, enrollment: enrollment)
        return condition.holds { subject in
            known(subject, cart: cart, at: time, of: slot, event: event, in: block)
        }
    }

    /// Puts the lines that a condition or command speaks of into the fold.
    mutating func fillFold(cart: UInt32, enrollment: UInt32) {
        if cart != 0 {
            fold.fold(cart, in: store)
        } else {
            fold.begin(enrollment == 0 ? 0 : store.enrollments[enrollment].lines, in: store)
        }
    }

    private func known(
        _ subject: Condition.Subject,
        cart: UInt32,
        at time: EventTime,
        of slot: UInt32,
        event: CustomerEvent?,
        in block: EventBlock?
    ) -> Known? {
        switch subject {
        case .cartValue: return fold.value.map { .number(Double($0) / 1_000_000) }
        case .cartQuantity: return .number(Double(fold.quantity))
        case .cartLines: return .number(Double(fold.lines.count))
        case .cartCurrency:
            let currency = cart == 0 ? 0 : store.carts[cart].currency
            return .text(UInt64(currency == 0 ? compiled.rules.shopCurrency : currency))
        case .profile(let index):
            return store.trait(index, of: slot).map(Known.init)
        case .event(let index):
            guard let event, let block else { return nil }
            for offset in 0..<Int(event.attributeCount) {
                let attribute = block[attribute: Int(event.attributes) + offset]
                if attribute.index == index { return Known(attribute) }
            }
            return nil
        case .orderCount(let span):
            var count = 0
            var order = store.profiles[slot].orders
            while order != 0 {
                if store.orders[order].time > time - span { count += 1 }
                order = store.orders[order].next
            }
            return .number(Double(count))
        case .isKnown: return .boolean(store.profiles[slot].isKnown)
        case .reachable(let channel):
            return .boolean(channel.isOnSite || store.endpoint(of: slot, for: channel) != 0)
        case .country: return .text(UInt64(country(of: slot, 0)))
        }
    }
}

extension Known {
    fileprivate init(_ attribute: Attribute) {
        switch attribute.form {
        case .text: self = .text(attribute.bits)
        case .number: self = .number(Double(bitPattern: attribute.bits))
        case .boolean: self = .boolean(attribute.bits != 0)
        }
    }
}
