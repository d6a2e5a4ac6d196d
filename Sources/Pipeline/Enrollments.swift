import Events
import Flows
import Memory
import Profiles
import Windows

// The life of an enrollment: armed by an event, timed by its steps, ended by what happens.

extension ShardPipeline {
    // MARK: Finding

    /// The live enrollment in a flow (and on a cart, where one is given), or 0.
    func enrollment(inFlow flow: Int, cart: UInt32?, of slot: UInt32) -> UInt32 {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            if Int(record.flowIndex) == flow, cart == nil || record.cart == cart { return handle }
            handle = record.next
        }
        return 0
    }

    /// The live enrollment on a cart, or 0: the checkout's, if both flows had one.
    func liveEnrollment(ofCart cart: UInt32, of slot: UInt32) -> UInt32 {
        var found: UInt32 = 0
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            if record.cart == cart, cart != 0 {
                if found == 0
                    || compiled.stage(ofFlow: Int(record.flowIndex))
                        > compiled.stage(ofFlow: Int(store.enrollments[found].flowIndex))
                {
                    found = handle
                }
            }
            handle = record.next
        }
        return found
    }

    /// Whether an enrollment of a higher stage is alive (FC-12).
    func isSuperseded(_ record: EnrollmentRecord, of slot: UInt32) -> Bool {
        let stage = compiled.stage(ofFlow: Int(record.flowIndex))
        guard stage > 0 else { return false }
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let other = store.enrollments[handle]
            if compiled.stage(ofFlow: Int(other.flowIndex)) > stage { return true }
            handle = other.next
        }
        return false
    }

    // MARK: Beginning

    /// Enrolls the profile in a flow; at the bound the oldest enrollment goes.
    mutating func enroll(
        _ flow: Int,
        _ event: CustomerEvent,
        in block: EventBlock,
        cart: UInt32,
        entity: EntityKey,
        of slot: UInt32
    ) -> UInt32 {
        if store.enrollmentCount(of: slot) >= store.limits.enrollmentsMax {
            store.counters.enrollmentsEvicted += 1
            evictOldestEnrollment(of: slot)
        }
        let identifier =
            event.identifierCount > 0
            ? block[identifier: Int(event.identifiers)].hash : Hash128.none
        var record = EnrollmentRecord(
            flow: compiled.flowHashes[flow],
            flowIndex: UInt16(flow),
            firstTime: event.time,
            firstIdentifier: identifier
        )
        record.cart = cart
        if cart != 0 { record.lastActivity = max(event.time, store.carts[cart].lastActivity) }
        record.entity = entity.hash
        record.entityText = store.texts.keep(block.bytes(of: entity.text))
        record.cause = store.texts.keep(block.bytes(of: event.messageID))
        record.traceparent = store.texts.keep(block.bytes(of: event.traceparent))
        let handle = store.addEnrollment(record, to: slot)
        schedule(handle, of: slot)
        return handle
    }

    /// Activity on what an enrollment watches: resets its timer, and moves its key to an earlier
    /// first event as long as nothing was decided.
    mutating func touch(
        _ handle: UInt32,
        _ event: CustomerEvent,
        in block: EventBlock,
        of slot: UInt32
    ) {
        if event.time > store.enrollments[handle].lastActivity {
            store.enrollments[handle].lastActivity = event.time
        }
        if store.enrollments[handle].state == .armed,
            event.time < store.enrollments[handle].firstTime
        {
            store.enrollments[handle].firstTime = event.time
            if event.identifierCount > 0 {
                store.enrollments[handle].firstIdentifier =
                    block[identifier: Int(event.identifiers)].hash
            }
            let cause = store.texts.keep(block.bytes(of: event.messageID))
            store.texts.give(back: store.enrollments[handle].cause)
            store.enrollments[handle].cause = cause
        }
        schedule(handle, of: slot)
    }

    // MARK: Timing

    /// Sets when the next step is judged.
    mutating func schedule(_ handle: UInt32, of slot: UInt32) {
        // A record is long: it is looked at where it stands.
        let flow = Int(store.enrollments[handle].flowIndex)
        let isDeferred = store.enrollments[handle].isDeferred
        let before = store.enrollments[handle].due
        let judged =
            isDeferred ? max(before, quietUntil(handle, flow)) : nominalDue(handle, flow)
        let due = max(judged, clickPause(handle, flow, of: slot))
        guard due != before else { return }
        store.enrollments[handle].due = due
        if !isDeferred { store.enrollments[handle].nominalDue = due }
        store.enrollments[handle].wasDueWhenArmed = due.second <= wheel.passed
    }

    /// A click moves the later steps of all running enrollments, and a merge brings activity.
    mutating func rescheduleAll(of slot: UInt32) {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            schedule(handle, of: slot)
            handle = store.enrollments[handle].next
        }
    }

    /// A step is due so long after the step it names, and never before the step before it was
    /// decided; abandonment also waits for silence (AB-2, AB-7).
    private func nominalDue(_ handle: UInt32, _ flow: Int) -> EventTime {
        let step = Int(store.enrollments[handle].step)
        let timing = compiled.stepTimings[flow * FlowDefinition.stepsMax + step]
        var base: EventTime
        if timing.after >= 0 {
            base = store.enrollments[handle].anchors[timing.after]
        } else if step > 0 {
            base = store.enrollments[handle].anchors[step - 1]
        } else if let inactivity = compiled.timings[flow].inactivity {
            base = store.enrollments[handle].lastActivity + inactivity
        } else {
            base = store.enrollments[handle].firstTime
        }
        let lastDecision = store.enrollments[handle].lastDecision
        // A step that was jumped over has no anchor; the last decision stands in for it.
        if !base.isSet {
            base = lastDecision.isSet ? lastDecision : store.enrollments[handle].firstTime
        }
        var due = base + timing.delay
        if lastDecision.isSet { due = max(due, lastDecision) }
        return max(due, quietUntil(handle, flow))
    }

    private func quietUntil(_ handle: UInt32, _ flow: Int) -> EventTime {
        guard let inactivity = compiled.timings[flow].inactivity else { return .none }
        return store.enrollments[handle].lastActivity + inactivity
    }

    /// A click on an earlier message is an engagement that is still fresh (AB-9).
    private func clickPause(
        _ handle: UInt32,
        _ flow: Int,
        of slot: UInt32
    ) -> EventTime {
        let click = store.profiles[slot].lastClick
        let firstSend = store.enrollments[handle].firstSend
        guard firstSend.isSet, click.isSet, click >= firstSend else { return .none }
        return click + compiled.timings[flow].clickPause
    }

    /// Goes on to the next step, or ends the enrollment behind the last one.
    mutating func pass(
        _ handle: UInt32,
        to next: Int,
        anchor: EventTime,
        decided: EventTime,
        of slot: UInt32
    ) {
        let index = Int(store.enrollments[handle].flowIndex)
        let step = Int(store.enrollments[handle].step)
        store.enrollments[handle].anchors[step] = anchor
        store.enrollments[handle].state = .running
        store.enrollments[handle].isDeferred = false
        store.enrollments[handle].channelsDone = 0
        store.enrollments[handle].channelsWaited = 0
        store.enrollments[handle].standIns = 0
        store.enrollments[handle].fallback = 0
        if decided > store.enrollments[handle].lastDecision {
            store.enrollments[handle].lastDecision = decided
        }
        guard next < compiled.timings[index].stepCount else {
            finish(handle, closesCart: true, of: slot)
            return
        }
        store.enrollments[handle].step = UInt8(next)
        store.enrollments[handle].due = .none
        schedule(handle, of: slot)
    }

    // MARK: Ending

    /// Ends an enrollment outside its steps: its next step leaves the decision.
    ///
    /// Its default cart ends with it, unless an order did that already (`keepsCart`), it was
    /// emptied, or its own checkout goes on.
    mutating func end(
        _ handle: UInt32,
        _ outcome: Outcome,
        at time: EventTime,
        keepsCart: Bool = false,
        of slot: UInt32
    ) {
        let record = store.enrollments[handle]
        readings.removeAll()
        writeDecision(record, outcome, at: time, channel: nextChannel(of: record), of: slot)
        let cart = record.cart
        let isOwnCheckout =
            outcome == .superseded && cart != 0 && store.carts[cart].stage == .checkout
        let goesOn = keepsCart || outcome == .empty || isOwnCheckout
        finish(handle, closesCart: !goesOn, of: slot)
    }

    /// The channel of the next message of an enrollment.
    func nextChannel(of record: EnrollmentRecord) -> Channel? {
        compiled.timings[Int(record.flowIndex)].nextChannels[Int(record.step)]
    }

    /// Forgets an enrollment; a default cart ends with it.
    mutating func finish(_ handle: UInt32, closesCart: Bool, of slot: UInt32) {
        let record = store.enrollments[handle]
        if compiled.stage(ofFlow: Int(record.flowIndex)) == 1 { store.freeViews(of: slot) }
        store.freeEnrollment(handle, of: slot)
        if closesCart, record.cart != 0 { closeDefaultCart(record.cart, forgetting: true) }
    }

    /// Makes room at the bound: the enrollment whose first event is oldest goes.
    mutating func evictOldestEnrollment(of slot: UInt32) {
        var oldest: UInt32 = 0
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            if oldest == 0 || record.firstTime < store.enrollments[oldest].firstTime
                || record.firstTime == store.enrollments[oldest].firstTime
                    && key(of: record) < key(of: store.enrollments[oldest])
            {
                oldest = handle
            }
            handle = record.next
        }
        if oldest != 0 { forget(oldest, of: slot) }
    }

    private mutating func forget(_ handle: UInt32, of slot: UInt32) {
        finish(handle, closesCart: false, of: slot)
    }

    /// Forgets the enrollments of a cart that goes.
    mutating func dropEnrollments(ofCart cart: UInt32, of slot: UInt32) {
        while true {
            let live = liveEnrollment(ofCart: cart, of: slot)
            if live == 0 { return }
            forget(live, of: slot)
        }
    }

    /// Ends all enrollments of lower stages (FC-12).
    mutating func endStages(
        below stage: Int,
        with outcome: Outcome,
        at time: EventTime,
        of slot: UInt32
    ) {
        var handle = store.profiles[slot].enrollments
        while handle != 0 {
            let record = store.enrollments[handle]
            let own = compiled.stage(ofFlow: Int(record.flowIndex))
            if own > 0, own < stage { end(handle, outcome, at: time, of: slot) }
            handle = record.next
        }
    }
}
