import Events
import Flows
import FrequencyCapping
import Pipeline
import Windows

// The decision on one step: the checks in order, the first that fails names the reason.

/// What a check says of a channel.
private enum Verdict {
    case send
    case drop(Outcome)
    case wait(Outcome, until: Int64)
    case nextChannel(Outcome)
}

extension ReferencePipeline {
    func takeStep(_ enrollment: Enrollment, _ person: Person) {
        let flow = rules.flows[enrollment.flow]
        let step = flow.steps[enrollment.step]
        let due = due(enrollment)
        let lateness = now - due
        // Due already when armed, or while the engine was down or catching up.
        let isLate =
            enrollment.wasLate || lateness > rules.disorder.milliseconds + 30_000
        let time = isLate ? max(now, due) : due
        if isLate, lateness > flow.maxLateness.milliseconds {
            endHere(enrollment, .stale, time, person)
            return
        }
        // When the step was due before anything deferred it.
        let nominal = enrollment.deferredUntil == nil ? due : enrollment.deferredFrom
        switch step.action {
        case .wait:
            pass(enrollment, to: enrollment.step + 1, nominal, due, person)
        case .branch(let condition, let otherwise):
            if holds(condition, lines(enrollment), time, person, nil) {
                pass(enrollment, to: enrollment.step + 1, nominal, time, person)
            } else {
                decide(enrollment, .conditionFalse, time, nil, person)
                pass(enrollment, to: otherwise ?? flow.steps.count, nominal, time, person)
            }
        case .send(let message):
            if let (outcome, ends) = refusal(message, enrollment, flow, time, person) {
                if ends {
                    endHere(enrollment, outcome, time, person)
                } else {
                    decide(enrollment, outcome, time, message.channels.first, person)
                    let anchor = enrollment.anchors[enrollment.step] ?? nominal
                    pass(enrollment, to: enrollment.step + 1, anchor, time, person)
                }
            } else {
                send(message, enrollment, flow, time, nominal, person)
            }
        }
    }

    private func endHere(
        _ enrollment: Enrollment,
        _ outcome: Outcome,
        _ time: Int64,
        _ person: Person
    ) {
        decide(enrollment, outcome, time, nextChannel(enrollment), person)
        finish(enrollment, endsCart: true, person)
    }

    /// Goes on to a step, or ends behind the last.
    private func pass(
        _ enrollment: Enrollment,
        to next: Int,
        _ anchor: Int64,
        _ decided: Int64,
        _ person: Person
    ) {
        enrollment.anchors[enrollment.step] = anchor
        enrollment.isRunning = true
        enrollment.deferredUntil = nil
        enrollment.waited = []
        enrollment.done = []
        enrollment.passed = 0
        enrollment.standIns = [:]
        enrollment.lastDecision = max(enrollment.lastDecision ?? decided, decided)
        enrollment.armed = nil
        if next < rules.flows[enrollment.flow].steps.count {
            enrollment.step = next
        } else {
            finish(enrollment, endsCart: true, person)
        }
    }

    // MARK: Checks of the step

    /// The first check that refuses the step on any channel, and whether it ends the enrollment.
    private func refusal(
        _ message: FlowDefinition.Message,
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ person: Person
    ) -> (Outcome, Bool)? {
        let stage = stage(enrollment.flow)
        let isFirst = !flow.steps[..<enrollment.step].contains {
            if case .send = $0.action { true } else { false }
        }
        if person.isAmbiguous, message.channels.contains(where: { !$0.isOnSite }) {
            return (.ambiguousIdentity, true)
        }
        if isFirst {
            let channels = flow.steps.flatMap { step -> [Channel] in
                guard case .send(let message) = step.action else { return [] }
                return message.channels + message.fallback
            }
            if !channels.contains(where: { $0.isOnSite || address(person, $0) != nil }) {
                return (.noEndpoint, true)
            }
        }
        let highest = person.enrollments.map { self.stage($0.flow) }.max() ?? 0
        if stage > 0, highest > stage { return (.superseded, true) }
        if flow.orderGuard > .zero,
            person.orders.contains(where: { $0.time > time - flow.orderGuard.milliseconds })
        {
            return (.conditionFalse, isFirst)
        }
        if flow.cooldown > .zero, coolsDown(enrollment, flow, time, person) {
            return (.cooldown, isFirst)
        }
        // A view flow could show what was neither bought nor lies in a cart.
        let products =
            stage == 1 ? showable(person).map(\.product) : lines(enrollment).map(\.product)
        if stage > 0, !products.isEmpty, products.allSatisfy(isOutOfStock) {
            return (.outOfStock, true)
        }
        // An abandonment flow's entry condition is asked at its first message.
        if stage > 0, isFirst, let entry = flow.entry,
            !holds(entry, lines(enrollment), time, person, nil)
        {
            return (.conditionFalse, true)
        }
        if stage == 1, shown(person) == nil { return (.conditionFalse, false) }
        if let condition = flow.steps[enrollment.step].condition,
            !holds(condition, lines(enrollment), time, person, nil)
        {
            return (.conditionFalse, false)
        }
        return nil
    }

    /// From the flow's last send of another enrollment; for a cart with cart_id of the same one.
    private func coolsDown(
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ person: Person
    ) -> Bool {
        let own = key(enrollment)
        return person.sends.contains { send in
            guard send.flow == enrollment.flow, send.enrollment != own else { return false }
            if stage(enrollment.flow) == 2, let cart = enrollment.cart?.key, send.cart != cart {
                return false
            }
            return time - send.time < flow.cooldown.milliseconds
        }
    }

    private func showable(_ person: Person) -> [View] {
        person.views.filter { view in
            !person.orders.contains { $0.products.contains(view.product) }
                && !person.carts.contains { $0.lines.contains { $0.product == view.product } }
        }
    }

    /// AB-8: most views, then latest, higher price, smaller id (by its hash).
    private func shown(_ person: Person) -> View? {
        showable(person).filter { !isOutOfStock($0.product) }.max { left, right in
            if left.count != right.count { return left.count < right.count }
            if left.time != right.time { return left.time < right.time }
            if left.price != right.price { return left.price ?? .min < right.price ?? .min }
            return productHash(left.product, rules) > productHash(right.product, rules)
        }
    }

    /// The lines a condition or a command speaks of.
    private func lines(_ enrollment: Enrollment) -> [CartLine] {
        if stage(enrollment.flow) == 1 { return [] }
        if let cart = enrollment.cart { return cart.lines }
        return enrollment.items.map {
            CartLine(product: $0.id, quantity: $0.quantity ?? 1, price: $0.price, added: 0)
        }
    }

    // MARK: Checks of a channel

    private func send(
        _ message: FlowDefinition.Message,
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ nominal: Int64,
        _ person: Person
    ) {
        var ends: [Int64] = []
        for channel in message.channels where !enrollment.done.contains(channel) {
            var asked = enrollment.standIns[channel] ?? channel
            asking: while true {
                var readings: [String] = []
                let verdict = judge(asked, message, enrollment, flow, time, &readings, person)
                switch verdict {
                case .send:
                    command(message, asked, enrollment, flow, time, readings, person)
                    enrollment.done.insert(channel)
                    enrollment.anchors[enrollment.step] = time
                    enrollment.firstSend = enrollment.firstSend ?? time
                    break asking
                case .drop(let outcome):
                    decide(enrollment, outcome, time, asked, person, readings: readings)
                    enrollment.done.insert(channel)
                    break asking
                case .wait(let outcome, let until):
                    decide(
                        enrollment,
                        outcome,
                        time,
                        asked,
                        person,
                        until: until,
                        readings: readings
                    )
                    enrollment.waited.insert(asked)
                    ends.append(until)
                    break asking
                case .nextChannel(let outcome):
                    decide(enrollment, outcome, time, asked, person, readings: readings)
                    guard enrollment.passed < message.fallback.count else {
                        enrollment.done.insert(channel)
                        break asking
                    }
                    asked = message.fallback[enrollment.passed]
                    enrollment.standIns[channel] = asked
                    enrollment.passed += 1
                }
            }
        }
        if let until = ends.min() {
            enrollment.isRunning = true
            enrollment.deferredUntil = until
            enrollment.deferredFrom = nominal
            enrollment.armed = nil
        } else {
            let anchor = enrollment.anchors[enrollment.step] ?? nominal
            pass(enrollment, to: enrollment.step + 1, anchor, time, person)
        }
    }

    private func judge(
        _ channel: Channel,
        _ message: FlowDefinition.Message,
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ readings: inout [String],
        _ person: Person
    ) -> Verdict {
        let address = address(person, channel)
        if !channel.isOnSite, address == nil { return .drop(.noEndpoint) }
        if let outcome = consentRefusal(channel, address, message, enrollment, flow, time, person) {
            return .drop(outcome)
        }
        // A deferral is measured from the due time; of a step judged late, first from then.
        let begin = enrollment.deferredUntil == nil ? time : enrollment.deferredFrom
        if flow.obeysQuietHours,
            let end = quietEnd(time, channel, flow.messageClass, person, &readings)
        {
            switch flow.onQuiet {
            case .drop: return .drop(.quietDropped)
            case .nextChannel: return .nextChannel(.quietDropped)
            case .deferral:
                if end - begin > flow.maxDeferral.milliseconds { return .drop(.expired) }
                return .wait(.quietDeferred, until: end + jitter(enrollment, flow))
            }
        }
        if flow.obeysCaps, !channel.isOnSite {
            for (outcome, check) in [
                (Outcome.gap, gapRetry), (.capped, capRetry),
            ] {
                guard let retry = check(channel, enrollment, flow, time, &readings, person) else {
                    continue
                }
                switch flow.onCap {
                case .drop: return .drop(outcome)
                case .nextChannel: return .nextChannel(outcome)
                case .deferral(let most):
                    if retry == .max || retry - begin > most.milliseconds {
                        return .drop(outcome)
                    }
                    return .wait(outcome, until: max(retry, time + 1))
                }
            }
        }
        let id = sendID(enrollment, channel)
        return person.sends.contains { $0.id == id } ? .drop(.alreadySent) : .send
    }

    private func consentRefusal(
        _ channel: Channel,
        _ address: SeenName?,
        _ message: FlowDefinition.Message,
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ person: Person
    ) -> Outcome? {
        // The shop's own site needs nobody's leave; a service message needs its order there too.
        let state = address?.consent(channel) ?? .subscribed
        if state == .suppressed { return .suppressedEndpoint }
        switch flow.messageClass {
        case .transactional: return nil
        case .service:
            if message.confirmsSubscription { return state == .pending ? nil : .noConsent }
            let isCustomer = person.orders.contains { $0.time > time - 180 * 86_400_000 }
            return isCustomer ? nil : .noConsent
        case .marketing:
            if state == .subscribed { return nil }
            let country = country(person, address)
            if state == .none,
                rules.impliedConsent.contains(where: {
                    ($0.country == 0 || $0.country == country)
                        && $0.channels.contains(ChannelSet(channel))
                })
            {
                return nil
            }
            return enrollment.waited.contains(channel) ? .consentRevoked : .noConsent
        }
    }

    // MARK: Caps and gaps

    /// When the gap is kept again, or nil if it is now (FC-3).
    private func gapRetry(
        _ channel: Channel,
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ readings: inout [String],
        _ person: Person
    ) -> Int64? {
        for rule in rules.gaps
        where rule.classes.contains(ClassSet(flow.messageClass))
            && rule.channels.contains(ChannelSet(channel))
        {
            let last = person.sends.filter {
                $0.counts && $0.step != stepName(enrollment)
                    && rule.channels.contains(ChannelSet($0.channel))
            }.map(\.time).max()
            if let last, last + rule.span.milliseconds > time {
                readings.append(rule.id)
                return last + rule.span.milliseconds
            }
        }
        return nil
    }

    /// When all caps that refuse have a slot again, or nil if none refuses (FC-1, FC-2, FC-5).
    private func capRetry(
        _ channel: Channel,
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ readings: inout [String],
        _ person: Person
    ) -> Int64? {
        var retry: Int64?
        for rule in rules.caps {
            guard rule.classes.contains(ClassSet(flow.messageClass)),
                rule.channels.contains(ChannelSet(channel)),
                rule.flows.isEmpty || rule.flows.contains(enrollment.flow),
                !rule.exemptFlows.contains(enrollment.flow)
            else { continue }
            let own = stepName(enrollment)
            let counted = person.sends.filter {
                $0.counts && rule.channels.contains(ChannelSet($0.channel))
                    && (rule.flows.isEmpty || rule.flows.contains($0.flow))
            }
            // How many slots are taken at an instant, without this step's own.
            func taken(_ inWindow: (Send) -> Bool) -> Int {
                Set(counted.filter { inWindow($0) && $0.step != own }.map(\.step)).count
            }
            let free: Int64
            let count: Int
            let hasOwn: Bool
            switch rule.window {
            case .sliding(let span):
                // Sends stamped later than the candidate count too.
                func isIn(_ send: Send, _ instant: Int64) -> Bool {
                    send.time > instant - span.milliseconds
                }
                count = taken { isIn($0, time) }
                hasOwn = counted.contains { $0.step == own && isIn($0, time) }
                free =
                    counted.map { $0.time + span.milliseconds }.sorted()
                    .first { instant in
                        instant > time && taken { isIn($0, instant) } < rule.limit
                    } ?? .max
            case .calendar(let unit, let zone):
                let name = zone.map { rules.zones.names[Int($0)] } ?? zones(person)[0]
                let (start, end) = interval(unit, time, name)
                count = taken { $0.time >= start && $0.time < end }
                hasOwn = counted.contains { $0.step == own && $0.time >= start && $0.time < end }
                free = end
            }
            readings.append("\(rule.id) \(count)/\(rule.limit)")
            if count >= rule.limit, !hasOwn { retry = max(retry ?? .min, free) }
        }
        return retry
    }

    /// The local day, week or month of an instant.
    private func interval(
        _ unit: CalendarUnit,
        _ time: Int64,
        _ zone: String
    ) -> (Int64, Int64) {
        var first = localDay(time, zone)
        func isStart(_ day: Int64) -> Bool {
            switch unit {
            case .day: true
            case .week: weekday(day) == Int64(rules.firstWeekday - 1)
            case .month: CivilDate(day: day).day == 1
            }
        }
        while !isStart(first) { first -= 1 }
        var last = first + 1
        while !isStart(last) { last += 1 }
        return (instant(first, 0, zone), instant(last, 0, zone))
    }

    // MARK: Quiet hours

    /// 0 is Monday.
    private func weekday(_ day: Int64) -> Int64 { ((day + 3) % 7 + 7) % 7 }

    private func localDay(_ time: Int64, _ zone: String) -> Int64 {
        let zone = rules.zones.index(of: zone)
        return floorDivide(rules.zones.local(EventTime(milliseconds: time), in: zone), 86_400)
    }

    private func instant(_ day: Int64, _ minute: Int, _ zone: String) -> Int64 {
        rules.zones.instant(
            ofLocal: day * 86_400 + Int64(minute) * 60,
            in: rules.zones.index(of: zone)
        ).milliseconds
    }

    /// All quiet windows near an instant, of every rule and every zone the person may be in.
    private func quietWindows(
        _ time: Int64,
        _ channel: Channel,
        _ messageClass: MessageClass,
        _ person: Person
    ) -> [(rule: String, begin: Int64, end: Int64)] {
        let country = country(person, address(person, channel))
        var windows: [(rule: String, begin: Int64, end: Int64)] = []
        for rule in rules.quiet
        where rule.channels.contains(ChannelSet(channel))
            && rule.classes.contains(ClassSet(messageClass))
            && (rule.countries.isEmpty || rule.countries.contains(country))
        {
            for zone in zones(person) {
                let today = localDay(time, zone)
                for day in today - 2...today + 9
                where rule.window.weekdays & (1 << UInt8(weekday(day))) != 0 {
                    let wraps = rule.window.end <= rule.window.start
                    windows.append(
                        (
                            rule.id,
                            instant(day, rule.window.start, zone),
                            instant(wraps ? day + 1 : day, rule.window.end, zone)
                        )
                    )
                }
            }
        }
        return windows
    }

    /// The end of the quiet that holds an instant, over windows that touch each other.
    private func quietEnd(
        _ time: Int64,
        _ channel: Channel,
        _ messageClass: MessageClass,
        _ person: Person,
        _ readings: inout [String]
    ) -> Int64? {
        let windows = quietWindows(time, channel, messageClass, person)
        var end: Int64?
        var rule = ""
        while let holding = windows.first(where: { $0.begin <= end ?? time && end ?? time < $0.end }
        ) {
            end = holding.end
            rule = holding.rule
        }
        if end != nil { readings.append(rule) }
        return end
    }

    /// QH-3: by the hash of enrollment and step.
    private func jitter(_ enrollment: Enrollment, _ flow: FlowDefinition) -> Int64 {
        let seconds = UInt64(flow.jitter.milliseconds / 1_000)
        guard seconds > 0 else { return 0 }
        var state = rules.hashKey.begin(kind: HashKind.jitter)
        state.append(key(enrollment))
        state.append(UInt8(enrollment.step))
        return Int64(state.finish().low % (seconds + 1)) * 1_000
    }

    // MARK: Where and who

    /// The address a channel writes to: of the better kind the one seen last.
    func address(_ person: Person, _ channel: Channel) -> SeenName? {
        for kind in endpointKinds(channel) {
            let best = endpoints(person, channel).filter { $0.name.kind == kind }
                .max { left, right in
                    let a = person.lastSeen[left.name] ?? .min
                    let b = person.lastSeen[right.name] ?? .min
                    return a != b ? a < b : left.hash > right.hash
                }
            if let best { return best }
        }
        return nil
    }

    /// Of the address, of the shipping address, of the phone, of the shop.
    private func country(_ person: Person, _ address: SeenName?) -> UInt16 {
        let phone = self.address(person, .sms)?.name.country
        let known = [address?.name.country, person.country?.code, phone]
        return known.compactMap(\.self).first { $0 != 0 } ?? rules.shopCountry
    }

    /// QH-2: trait, context, phone country, shipping country, shop. Of a country with several
    /// zones all are taken: it is quiet when it is quiet in any.
    ///
    func zones(_ person: Person) -> [String] {
        if let zone = person.traitZone { return [zone.zone] }
        if let zone = person.contextZone { return [zone.zone] }
        let countries = [address(person, .sms)?.name.country, person.country?.code]
            .compactMap(\.self).map { country in
                (0..<rules.zones.zoneCount(ofCountry: country)).map {
                    rules.zones.names[Int(rules.zones.zone($0, ofCountry: country))]
                }
            }
        return countries.first { $0.count == 1 } ?? countries.first { $0.count > 1 }
            ?? [rules.zones.names[Int(rules.shopZone)]]
    }

    // MARK: Conditions

    func holds(
        _ condition: Condition,
        _ lines: [CartLine],
        _ time: Int64,
        _ person: Person,
        _ event: Happening?
    ) -> Bool {
        switch condition {
        case .all(let parts): parts.allSatisfy { holds($0, lines, time, person, event) }
        case .any(let parts): parts.contains { holds($0, lines, time, person, event) }
        case .not(let part): !holds(part, lines, time, person, event)
        case .test(let subject, let test):
            passes(test, known(subject, lines, time, person, event))
        }
    }

    private func known(
        _ subject: Condition.Subject,
        _ lines: [CartLine],
        _ time: Int64,
        _ person: Person,
        _ event: Happening?
    ) -> Known? {
        switch subject {
        case .cartValue: value(lines).map { .number($0) }
        case .cartQuantity: .number(Double(lines.map(\.quantity).reduce(0, +)))
        case .cartLines: .number(Double(lines.count))
        case .cartCurrency: .text(UInt64(rules.shopCurrency))
        case .profile: person.plan.map { .text(planHash($0.value, rules)) }
        case .event: event?.plan.map { .text(planHash($0, rules)) }
        case .orderCount(let span):
            .number(Double(person.orders.filter { $0.time > time - span.milliseconds }.count))
        case .isKnown: .boolean(person.isKnown)
        case .reachable(let channel):
            .boolean(channel.isOnSite || address(person, channel) != nil)
        case .country: .text(UInt64(country(person, nil)))
        }
    }

    /// What is not known passes `missing` only; a number is not compared with a text.
    private func passes(_ test: Condition.Test, _ known: Known?) -> Bool {
        guard let known else { return test == .missing }
        func equals(_ value: Condition.Value) -> Bool {
            switch (value, known) {
            case (.number(let a), .number(let b)): a == b
            case (.text(let a), .text(let b)): a == b
            case (.boolean(let a), .boolean(let b)): a == b
            default: false
            }
        }
        var number: Double?
        if case .number(let value) = known { number = value }
        switch test {
        case .exists: return true
        case .missing: return false
        case .isOneOf(let values): return values.contains(where: equals)
        case .isNoneOf(let values): return !values.contains(where: equals)
        case .isLess(let bound): return number.map { $0 < bound } ?? false
        case .isAtMost(let bound): return number.map { $0 <= bound } ?? false
        case .isGreater(let bound): return number.map { $0 > bound } ?? false
        case .isAtLeast(let bound): return number.map { $0 >= bound } ?? false
        }
    }

    /// The value of the lines of known price, if there is one.
    private func value(_ lines: [CartLine]) -> Double? {
        let known = lines.compactMap { line in line.price.map { $0 * Int64(line.quantity) } }
        return known.isEmpty ? nil : Double(known.reduce(0, +)) / 1_000_000
    }

    // MARK: Words

    private func stepName(_ enrollment: Enrollment) -> String {
        "\(hexadecimal(key(enrollment)))/\(enrollment.step)"
    }

    /// Enrollment key, step, channel, attempt.
    private func sendID(_ enrollment: Enrollment, _ channel: Channel) -> Hash128 {
        var state = rules.hashKey.begin(kind: HashKind.send)
        state.append(key(enrollment))
        for byte in rules.flows[enrollment.flow].steps[enrollment.step].id.utf8 {
            state.append(byte)
        }
        state.append(UInt8(0))
        state.append(channel.rawValue)
        state.append(UInt8(0))
        return state.finish()
    }

    func write(_ person: Person, _ line: String) {
        outcomes.lines[hexadecimal(person.id), default: []].append(line)
    }

    func decide(
        _ enrollment: Enrollment,
        _ outcome: Outcome,
        _ time: Int64,
        _ channel: Channel?,
        _ person: Person,
        send: Hash128? = nil,
        until: Int64? = nil,
        readings: [String] = []
    ) {
        write(
            person,
            decisionLine(
                at: stamp(time),
                flow: rules.flows[enrollment.flow].id,
                step: rules.flows[enrollment.flow].steps[enrollment.step].id,
                channel: channel?.name ?? "-",
                outcome: outcome.name,
                enrollment: hexadecimal(key(enrollment)),
                send: send.map(hexadecimal) ?? "-",
                until: until.map(stamp) ?? "-",
                cause: enrollment.cause,
                rules: readings
            )
        )
    }

    private func command(
        _ message: FlowDefinition.Message,
        _ channel: Channel,
        _ enrollment: Enrollment,
        _ flow: FlowDefinition,
        _ time: Int64,
        _ readings: [String],
        _ person: Person
    ) {
        let id = sendID(enrollment, channel)
        // QH-6: before the next quiet window, and before the step's own deadline.
        var deadlines: [Int64] = []
        if flow.obeysQuietHours {
            let begins = quietWindows(time, channel, flow.messageClass, person).map(\.begin)
            deadlines += [begins.filter { $0 >= time }.min()].compactMap(\.self)
        }
        if let span = message.expiresAfter { deadlines.append(time + span.milliseconds) }
        var told = lines(enrollment)
        if stage(enrollment.flow) == 1, let view = shown(person) {
            told = [CartLine(product: view.product, quantity: 1, price: view.price, added: 0)]
        }
        let address = address(person, channel)
        write(
            person,
            commandLine(
                at: stamp(time),
                channel: channel.name,
                to: address.map { "\($0.name)" } ?? "profile=\(hexadecimal(person.id))",
                step: "\(flow.id)/\(flow.steps[enrollment.step].id)",
                id: hexadecimal(id),
                enrollment: hexadecimal(key(enrollment)),
                cause: enrollment.cause,
                expiry: stamp(deadlines.min() ?? time + flow.maxLateness.milliseconds),
                zone: zones(person)[0],
                value: value(told),
                items: told.map {
                    itemText($0.product, $0.quantity, $0.price.map { Double($0) / 1_000_000 })
                }
            )
        )
        person.sends.append(
            Send(
                id: id,
                step: stepName(enrollment),
                time: time,
                flow: enrollment.flow,
                enrollment: key(enrollment),
                cart: enrollment.cart?.key,
                channel: channel,
                counts: flow.countsTowardCaps && !channel.isOnSite
            )
        )
        decide(enrollment, .sent, time, channel, person, send: id, readings: readings)
    }
}
