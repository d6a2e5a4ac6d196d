package import Events
import Memory

// A profile's records as bytes. `ProfileUnpacking` reads what is written here, in the same order.

extension ProfileStore {
    /// Writes the open profile of a slot into the packer, whole; nothing is changed.
    package func write(_ slot: UInt32, with packer: inout ProfilePacker) {
        packer.begin()
        let profile = profiles[slot]
        writeHead(profile, &packer)
        writeEndpoints(profile, &packer)
        writeCarts(profile, &packer)
        writeOrders(profile, &packer)
        writeSends(profile, &packer)
        writeEnrollments(profile, &packer)
        writeViews(profile, &packer)
        writeTraits(profile, &packer)
        writeEntries(profile, &packer)
        packer.finish(profile.id, timer: earliestDue(of: slot))
    }

    /// The earliest time at which an enrollment of the profile is judged; the latest of all times
    /// without any.
    package func earliestDue(of slot: UInt32) -> EventTime {
        var earliest = EventTime(milliseconds: .max)
        var handle = profiles[slot].enrollments
        while handle != 0 {
            let record = enrollments[handle]
            if record.due < earliest { earliest = record.due }
            handle = record.next
        }
        return earliest
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

    private func writeHead(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        var parts: HeadParts = []
        if profile.isAmbiguous { parts.insert(.isAmbiguous) }
        if profile.isKnown { parts.insert(.isKnown) }
        if profile.lastClick.isSet { parts.insert(.lastClick) }
        if profile.traitZone != 0 || profile.traitZoneTime.isSet { parts.insert(.traitZone) }
        if profile.contextZone != 0 || profile.contextZoneTime.isSet { parts.insert(.contextZone) }
        if profile.locale.isSet || profile.localeTime.isSet { parts.insert(.locale) }
        if profile.country != 0 || profile.countryTime.isSet { parts.insert(.country) }
        if profile.endpoints != 0 { parts.insert(.endpoints) }
        if profile.carts != 0 { parts.insert(.carts) }
        if profile.orders != 0 { parts.insert(.orders) }
        if profile.sends != 0 { parts.insert(.sends) }
        if profile.enrollments != 0 { parts.insert(.enrollments) }
        if profile.views != 0 { parts.insert(.views) }
        if profile.traits != 0 { parts.insert(.traits) }
        if profile.entries != 0 { parts.insert(.entries) }
        packer.body.put(parts.rawValue)
        if parts.contains(.lastClick) { packer.put(profile.lastClick) }
        if parts.contains(.traitZone) {
            packer.put(profile.traitZone)
            packer.put(profile.traitZoneTime)
        }
        if parts.contains(.contextZone) {
            packer.put(profile.contextZone)
            packer.put(profile.contextZoneTime)
        }
        if parts.contains(.locale) {
            packer.put(packer.number(profile.locale))
            packer.put(profile.localeTime)
        }
        if parts.contains(.country) {
            packer.put(profile.country)
            packer.put(profile.countryTime)
        }
    }

    private func writeLine(_ line: LineRecord, _ packer: inout ProfilePacker) {
        var parts: LineParts = []
        if line.price != Product.unknownPrice { parts.insert(.price) }
        if line.quantity == 1 {
            parts.insert(.isOne)
        } else if line.quantity != Product.unknownQuantity {
            parts.insert(.quantity)
        }
        let ware = packer.ware(of: line, from: texts, wares)
        var numbers = InlineArray<4, Int>(repeating: 0)
        if ware != 0 {
            parts.insert(.ware)
        } else {
            // Texts that are too long for one of theirs are each on its own.
            numbers = [
                packer.number(line.id), packer.number(line.name), packer.number(line.url),
                packer.number(line.imageURL),
            ]
            if numbers[0] != 0 { parts.insert(.id) }
            if numbers[1] != 0 { parts.insert(.name) }
            if numbers[2] != 0 { parts.insert(.url) }
            if numbers[3] != 0 { parts.insert(.imageURL) }
        }
        packer.body.put(parts.rawValue)
        if ware != 0 {
            packer.put(ware)
            packer.meet(hash: line.product)
        } else {
            packer.put(hash: line.product)
        }
        if parts.contains(.price) { writePrice(line.price, &packer) }
        if parts.contains(.quantity) { packer.body.put(signed: Int64(line.quantity)) }
        for index in 0..<4 where numbers[index] != 0 { packer.put(numbers[index]) }
    }

    /// Most prices are whole hundredths; 0 says that eight bytes follow.
    private func writePrice(_ price: Int64, _ packer: inout ProfilePacker) {
        if price >= 0, price < 1 << 60 {
            let (hundredths, rest) = price.quotientAndRemainder(dividingBy: 10_000)
            let code = rest == 0 ? hundredths << 1 : price << 1 | 1
            packer.put(code + 1)
        } else {
            packer.body.put(UInt8(0))
            packer.body.put(price)
        }
    }

    private func writeLines(_ head: UInt32, _ packer: inout ProfilePacker) {
        packer.put(count(head) { lines[$0].next })
        var handle = head
        while handle != 0 {
            writeLine(lines[handle], &packer)
            handle = lines[handle].next
        }
    }

    private func writeEndpoints(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.endpoints != 0 else { return }
        packer.put(count(profile.endpoints) { endpoints[$0].next })
        var handle = profile.endpoints
        while handle != 0 {
            let endpoint = endpoints[handle]
            let hashed = packer.hashKey.hash(
                kind: endpoint.kind.rawValue,
                texts.bytes(of: endpoint.address)
            )
            let isHashed = hashed == endpoint.hash
            packer.body.put(endpoint.kind.rawValue | (isHashed ? 0x80 : 0))
            packer.put(own: endpoint.address, from: texts)
            if !isHashed { packer.put(id: endpoint.hash) }
            packer.put(endpoint.lastSeen)
            packer.put(endpoint.country)
            // Three bits a channel; most say nothing.
            var consent: UInt64 = 0
            for channel in 0..<9 {
                let state = endpoint.consent[channel].rawValue ^ ConsentState.none.rawValue
                consent |= UInt64(state) << UInt64(3 * channel)
            }
            packer.put(consent)
            handle = endpoint.next
        }
    }

    private func writeCarts(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.carts != 0 else { return }
        packer.put(count(profile.carts) { carts[$0].next })
        var handle = profile.carts
        while handle != 0 {
            packer.carts.append(handle)
            let cart = carts[handle]
            var parts: CartParts = []
            if cart.checkout != 0 { parts.insert(.checkout) }
            if cart.order != 0 { parts.insert(.order) }
            if cart.orderText.isSet { parts.insert(.orderText) }
            if cart.currency != 0 || cart.currencyTime.isSet { parts.insert(.currency) }
            if cart.base != 0 { parts.insert(.base) }
            if cart.stage == .checkout { parts.insert(.isCheckout) }
            if cart.hadLines { parts.insert(.hadLines) }
            if cart.keyText.isSet,
                packer.hashKey.hash(kind: HashKind.cart, texts.bytes(of: cart.keyText)).low
                    == cart.key
            {
                parts.insert(.isHashed)
            }
            packer.body.put(parts.rawValue)
            packer.put(own: cart.keyText, from: texts)
            if parts.contains(.isHashed) {
                packer.meet(hash: cart.key)
            } else {
                packer.put(hash: cart.key)
            }
            packer.put(cart.lastActivity)
            if parts.contains(.checkout) { packer.put(hash: cart.checkout) }
            if parts.contains(.order) { packer.put(hash: cart.order) }
            if parts.contains(.orderText) { packer.put(own: cart.orderText, from: texts) }
            if parts.contains(.currency) {
                packer.put(cart.currency)
                packer.put(cart.currencyTime)
            }
            if parts.contains(.base) { writeLines(cart.base, &packer) }
            writeOperations(cart, &packer)
            handle = cart.next
        }
    }

    private func writeOperations(_ cart: CartRecord, _ packer: inout ProfilePacker) {
        packer.put(cart.operationCount)
        var handle = cart.operations
        while handle != 0 {
            let operation = operations[handle]
            let isOver: UInt8 = operation.isOver ? 4 : 0
            let hasLine: UInt8 =
                operation.lines != 0 && lines[operation.lines].next == 0 ? 8 : 0
            packer.body.put(operation.kind.rawValue | isOver | hasLine)
            packer.put(operation.time)
            packer.put(hash: operation.tie)
            if hasLine != 0 {
                writeLine(lines[operation.lines], &packer)
            } else {
                writeLines(operation.lines, &packer)
            }
            handle = operation.next
        }
    }

    private func writeOrders(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.orders != 0 else { return }
        packer.put(count(profile.orders) { orders[$0].next })
        var handle = profile.orders
        while handle != 0 {
            let order = orders[handle]
            packer.put(order.time)
            packer.put(hash: order.key)
            packer.put(hash: order.cart)
            packer.put(hash: order.checkout)
            packer.put(count(order.products) { bought[$0].next })
            var item = order.products
            while item != 0 {
                packer.put(hash: bought[item].product)
                item = bought[item].next
            }
            handle = order.next
        }
    }

    private func writeSends(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.sends != 0 else { return }
        packer.put(count(profile.sends) { sends[$0].next })
        var handle = profile.sends
        while handle != 0 {
            let send = sends[handle]
            packer.body.put(send.channel.rawValue << 1 | (send.countsTowardCaps ? 1 : 0))
            packer.put(id: send.id)
            packer.put(hash: send.step)
            packer.put(send.time)
            packer.put(hash: send.flow)
            packer.put(hash: send.enrollment)
            packer.put(hash: send.cart)
            handle = send.next
        }
    }

    private func writeEnrollments(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.enrollments != 0 else { return }
        packer.put(count(profile.enrollments) { enrollments[$0].next })
        var handle = profile.enrollments
        while handle != 0 {
            let record = enrollments[handle]
            var parts: EnrollmentParts = []
            if record.state == .running { parts.insert(.isRunning) }
            if record.wasDueWhenArmed { parts.insert(.wasDueWhenArmed) }
            if record.isDeferred { parts.insert(.isDeferred) }
            if record.entity != 0 || record.entityText.isSet { parts.insert(.entity) }
            if record.firstIdentifier.isSet { parts.insert(.firstIdentifier) }
            if record.traceparent.isSet { parts.insert(.traceparent) }
            if record.lines != 0 || record.currency != 0 { parts.insert(.lines) }
            if record.channelsDone != 0 || record.channelsWaited != 0 || record.standIns != 0
                || record.fallback != 0
            {
                parts.insert(.channels)
            }
            var anchors: UInt16 = 0
            for step in 0..<12 where record.anchors[step].isSet { anchors |= 1 << UInt16(step) }
            if anchors != 0 || record.lastDecision.isSet || record.firstSend.isSet {
                parts.insert(.past)
            }
            packer.body.put(parts.rawValue)
            packer.put(hash: record.flow)
            packer.put(record.flowIndex)
            packer.put(record.step)
            packer.put(place(of: record.cart, packer))
            packer.put(record.firstTime)
            packer.put(own: record.cause, from: texts)
            packer.put(record.lastActivity)
            packer.put(record.due)
            packer.put(record.nominalDue)
            if parts.contains(.entity) {
                packer.put(hash: record.entity)
                packer.put(own: record.entityText, from: texts)
            }
            if parts.contains(.firstIdentifier) { packer.put(id: record.firstIdentifier) }
            if parts.contains(.traceparent) { packer.put(own: record.traceparent, from: texts) }
            if parts.contains(.lines) {
                packer.put(record.currency)
                writeLines(record.lines, &packer)
            }
            if parts.contains(.channels) {
                packer.put(record.fallback)
                packer.put(record.channelsDone)
                packer.put(record.channelsWaited)
                packer.put(record.standIns)
            }
            if parts.contains(.past) {
                packer.put(record.lastDecision)
                packer.put(record.firstSend)
                packer.put(anchors)
                for step in 0..<12 where record.anchors[step].isSet {
                    packer.put(record.anchors[step])
                }
            }
            handle = record.next
        }
    }

    /// A cart's place among its profile's, from 1; 0 for none.
    private func place(of cart: UInt32, _ packer: borrowing ProfilePacker) -> Int {
        guard cart != 0 else { return 0 }
        for index in 0..<packer.carts.count where packer.carts[index] == cart { return index + 1 }
        return 0
    }

    private func writeViews(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.views != 0 else { return }
        packer.put(count(profile.views) { views[$0].next })
        var handle = profile.views
        while handle != 0 {
            packer.put(views[handle].time)
            writeLine(views[handle].line, &packer)
            handle = views[handle].next
        }
    }

    private func writeTraits(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.traits != 0 else { return }
        packer.put(count(profile.traits) { traits[$0].next })
        var handle = profile.traits
        while handle != 0 {
            let trait = traits[handle]
            packer.put(trait.value.index)
            packer.body.put(trait.value.form.rawValue)
            packer.body.put(trait.value.bits)
            packer.put(trait.time)
            packer.put(own: trait.message, from: texts)
            handle = trait.next
        }
    }

    private func writeEntries(_ profile: ProfileRecord, _ packer: inout ProfilePacker) {
        guard profile.entries != 0 else { return }
        packer.put(count(profile.entries) { entries[$0].next })
        var handle = profile.entries
        while handle != 0 {
            packer.put(hash: entries[handle].flow)
            packer.put(entries[handle].time)
            handle = entries[handle].next
        }
    }
}
