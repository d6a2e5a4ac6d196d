import Events
package import Memory

// Bytes of `ProfilePacking` as records again.

extension ProfileStore {
    /// Reads a packed profile into a slot that holds nothing; `packer` knows its texts, one user of
    /// each of which was counted for the bytes.
    package mutating func read(
        _ reader: inout StateReader,
        into slot: UInt32,
        with packer: inout ProfilePacker
    ) throws(StateError) {
        packer.hashes.removeAll()
        packer.texts.removeAll()
        packer.carts.removeAll()
        packer.lastTime = 0
        let begin = reader
        let head = try PackedHead(&reader)
        var names = begin
        try names.skip(head.texts)
        for _ in 0..<head.textCount {
            packer.texts.append(TextHandle(bits: try names.get(UInt32.self)))
        }
        var profile = ProfileRecord(id: head.id)
        let parts = HeadParts(rawValue: try reader.get(UInt16.self))
        try readHead(&profile, parts, &reader, &packer)
        if parts.contains(.endpoints) { profile.endpoints = try readEndpoints(&reader, &packer) }
        if parts.contains(.carts) { profile.carts = try readCarts(&reader, &packer) }
        if parts.contains(.orders) { profile.orders = try readOrders(&reader, &packer) }
        if parts.contains(.sends) { profile.sends = try readSends(&reader, &packer) }
        if parts.contains(.enrollments) {
            profile.enrollments = try readEnrollments(&reader, &packer)
        }
        if parts.contains(.views) { profile.views = try readViews(&reader, &packer) }
        if parts.contains(.traits) { profile.traits = try readTraits(&reader, &packer) }
        if parts.contains(.entries) { profile.entries = try readEntries(&reader, &packer) }
        guard reader.left == 0 else { throw .damaged("a profile is longer than it says") }
        // Its records have users of their own now.
        for index in 0..<packer.texts.count { texts.give(back: packer.texts[index]) }
        profiles.open(slot, profile)
    }

    private mutating func readHead(
        _ profile: inout ProfileRecord,
        _ parts: HeadParts,
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) {
        profile.isAmbiguous = parts.contains(.isAmbiguous)
        profile.isKnown = parts.contains(.isKnown)
        if parts.contains(.lastClick) { profile.lastClick = try packer.time(&reader) }
        if parts.contains(.traitZone) {
            profile.traitZone = UInt16(truncatingIfNeeded: try reader.varying())
            profile.traitZoneTime = try packer.time(&reader)
        }
        if parts.contains(.contextZone) {
            profile.contextZone = UInt16(truncatingIfNeeded: try reader.varying())
            profile.contextZoneTime = try packer.time(&reader)
        }
        if parts.contains(.locale) {
            profile.locale = texts.share(try packer.text(try reader.varying()))
            profile.localeTime = try packer.time(&reader)
        }
        if parts.contains(.country) {
            profile.country = UInt16(truncatingIfNeeded: try reader.varying())
            profile.countryTime = try packer.time(&reader)
        }
    }

    private mutating func own(_ reader: inout StateReader) throws(StateError) -> TextHandle {
        let length = try reader.varying()
        if length == 0 { return .none }
        guard length <= TextStore.lengthMax else { throw .damaged("a text is too long") }
        return texts.keep(try reader.take(Int(length)))
    }

    private mutating func shared(
        _ number: UInt64,
        _ packer: borrowing ProfilePacker
    ) throws(StateError) -> TextHandle {
        texts.share(try packer.text(number))
    }

    private mutating func readLine(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> LineRecord {
        let parts = LineParts(rawValue: try reader.get(UInt8.self))
        var line = LineRecord(
            product: 0,
            price: Product.unknownPrice,
            quantity: parts.contains(.isOne) ? 1 : Product.unknownQuantity
        )
        if parts.contains(.ware) {
            try readWare(try packer.text(try reader.varying()), &line, &packer)
        } else {
            line.product = try packer.hash(&reader)
        }
        if parts.contains(.price) { line.price = try readPrice(&reader) }
        if parts.contains(.quantity) {
            line.quantity = Int32(truncatingIfNeeded: try reader.signed())
        }
        if parts.contains(.id) { line.id = try shared(try reader.varying(), packer) }
        if parts.contains(.name) { line.name = try shared(try reader.varying(), packer) }
        if parts.contains(.url) { line.url = try shared(try reader.varying(), packer) }
        if parts.contains(.imageURL) { line.imageURL = try shared(try reader.varying(), packer) }
        return line
    }

    /// Takes a ware apart.
    private mutating func readWare(
        _ ware: TextHandle,
        _ line: inout LineRecord,
        _ packer: inout ProfilePacker
    ) throws(StateError) {
        var head = StateReader(texts.bytes(of: ware))
        if wares.fill(&line, from: ware, of: try head.get(UInt64.self), &texts) {
            packer.meet(hash: line.product)
            return
        }
        // A copy, since its parts go into the store that it stands in.
        packer.wares.removeAll()
        packer.wares.put(texts.bytes(of: ware))
        var reader = StateReader(packer.wares.bytes)
        line.product = try reader.get(UInt64.self)
        line.id = texts.take(try reader.take(Int(try reader.get(UInt16.self))))
        line.name = texts.take(try reader.take(Int(try reader.get(UInt16.self))))
        line.url = texts.take(try reader.take(Int(try reader.get(UInt16.self))))
        line.imageURL = texts.take(try reader.take(Int(try reader.get(UInt16.self))))
        packer.meet(hash: line.product)
    }

    private func readPrice(_ reader: inout StateReader) throws(StateError) -> Int64 {
        let raised = try reader.varying()
        if raised == 0 { return try reader.get(Int64.self) }
        let code = Int64(truncatingIfNeeded: raised &- 1)
        return code & 1 == 0 ? (code >> 1) &* 10_000 : code >> 1
    }

    private mutating func readLines(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let handle = lines.take(try readLine(&reader, &packer))
            if last == 0 { first = handle } else { lines[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readEndpoints(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let parts = try reader.get(UInt8.self)
            guard let kind = IdentifierKind(rawValue: parts & 0x7f) else {
                throw .damaged("an endpoint of no kind")
            }
            let address = try own(&reader)
            let hash =
                parts & 0x80 != 0
                ? packer.hashKey.hash(kind: kind.rawValue, texts.bytes(of: address))
                : try readID(&reader)
            var endpoint = EndpointRecord(
                hash: hash,
                kind: kind,
                address: address,
                country: 0,
                lastSeen: try packer.time(&reader),
                consent: .init(repeating: .none)
            )
            endpoint.country = UInt16(truncatingIfNeeded: try reader.varying())
            let consent = try reader.varying()
            for channel in 0..<9 {
                let bits = UInt8(consent >> UInt64(3 * channel) & 7)
                guard let state = ConsentState(rawValue: bits ^ ConsentState.none.rawValue) else {
                    throw .damaged("a consent of no kind")
                }
                endpoint.consent[channel] = state
            }
            let handle = endpoints.take(endpoint)
            if last == 0 { first = handle } else { endpoints[last].next = handle }
            last = handle
        }
        return first
    }

    private func readID(_ reader: inout StateReader) throws(StateError) -> Hash128 {
        Hash128(high: try reader.get(UInt64.self), low: try reader.get(UInt64.self))
    }

    private mutating func readCarts(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let parts = CartParts(rawValue: try reader.get(UInt8.self))
            let keyText = try own(&reader)
            let key: UInt64
            if parts.contains(.isHashed) {
                key = packer.hashKey.hash(kind: HashKind.cart, texts.bytes(of: keyText)).low
                packer.meet(hash: key)
            } else {
                key = try packer.hash(&reader)
            }
            var cart = CartRecord(key: key)
            cart.keyText = keyText
            cart.lastActivity = try packer.time(&reader)
            if parts.contains(.checkout) { cart.checkout = try packer.hash(&reader) }
            if parts.contains(.order) { cart.order = try packer.hash(&reader) }
            if parts.contains(.orderText) { cart.orderText = try own(&reader) }
            if parts.contains(.currency) {
                cart.currency = UInt32(truncatingIfNeeded: try reader.varying())
                cart.currencyTime = try packer.time(&reader)
            }
            if parts.contains(.base) { cart.base = try readLines(&reader, &packer) }
            cart.stage = parts.contains(.isCheckout) ? .checkout : .cart
            cart.hadLines = parts.contains(.hadLines)
            cart.operationCount = UInt16(truncatingIfNeeded: try reader.varying())
            cart.operations = try readOperations(cart.operationCount, &reader, &packer)
            let handle = carts.take(cart)
            packer.carts.append(handle)
            if last == 0 { first = handle } else { carts[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readOperations(
        _ count: UInt16,
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<count {
            let parts = try reader.get(UInt8.self)
            guard let kind = OperationRecord.Kind(rawValue: parts & 3) else {
                throw .damaged("an operation of no kind")
            }
            let time = try packer.time(&reader)
            var operation = OperationRecord(
                kind: kind,
                time: time,
                tie: try packer.hash(&reader)
            )
            operation.isOver = parts & 4 != 0
            if parts & 8 != 0 {
                operation.lines = lines.take(try readLine(&reader, &packer))
            } else {
                operation.lines = try readLines(&reader, &packer)
            }
            let handle = operations.take(operation)
            if last == 0 { first = handle } else { operations[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readOrders(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let time = try packer.time(&reader)
            var order = OrderRecord(time: time, key: try packer.hash(&reader))
            order.cart = try packer.hash(&reader)
            order.checkout = try packer.hash(&reader)
            var lastItem: UInt32 = 0
            for _ in 0..<(try reader.varying()) {
                let item = bought.take(BoughtRecord(product: try packer.hash(&reader)))
                if lastItem == 0 { order.products = item } else { bought[lastItem].next = item }
                lastItem = item
            }
            let handle = orders.take(order)
            if last == 0 { first = handle } else { orders[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readSends(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let parts = try reader.get(UInt8.self)
            guard let channel = Channel(rawValue: parts >> 1) else {
                throw .damaged("a send on no channel")
            }
            let id = try readID(&reader)
            let step = try packer.hash(&reader)
            let time = try packer.time(&reader)
            let flow = try packer.hash(&reader)
            let enrollment = try packer.hash(&reader)
            let handle = sends.take(
                SendRecord(
                    id: id,
                    step: step,
                    time: time,
                    flow: flow,
                    enrollment: enrollment,
                    cart: try packer.hash(&reader),
                    channel: channel,
                    countsTowardCaps: parts & 1 != 0
                )
            )
            if last == 0 { first = handle } else { sends[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readEnrollments(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let handle = enrollments.take(try readEnrollment(&reader, &packer))
            if last == 0 { first = handle } else { enrollments[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readEnrollment(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> EnrollmentRecord {
        let parts = EnrollmentParts(rawValue: try reader.get(UInt16.self))
        let flow = try packer.hash(&reader)
        let flowIndex = UInt16(truncatingIfNeeded: try reader.varying())
        let step = UInt8(truncatingIfNeeded: try reader.varying())
        let place = try reader.varying()
        guard place <= UInt64(packer.carts.count) else {
            throw .damaged("an enrollment without its cart")
        }
        var record = EnrollmentRecord(
            flow: flow,
            flowIndex: flowIndex,
            firstTime: try packer.time(&reader),
            firstIdentifier: .none
        )
        record.step = step
        record.cart = place == 0 ? 0 : packer.carts[Int(place) - 1]
        record.state = parts.contains(.isRunning) ? .running : .armed
        record.wasDueWhenArmed = parts.contains(.wasDueWhenArmed)
        record.isDeferred = parts.contains(.isDeferred)
        record.cause = try own(&reader)
        record.lastActivity = try packer.time(&reader)
        record.due = try packer.time(&reader)
        record.nominalDue = try packer.time(&reader)
        if parts.contains(.entity) {
            record.entity = try packer.hash(&reader)
            record.entityText = try own(&reader)
        }
        if parts.contains(.firstIdentifier) { record.firstIdentifier = try readID(&reader) }
        if parts.contains(.traceparent) { record.traceparent = try own(&reader) }
        if parts.contains(.lines) {
            record.currency = UInt32(truncatingIfNeeded: try reader.varying())
            record.lines = try readLines(&reader, &packer)
        }
        if parts.contains(.channels) {
            record.fallback = UInt8(truncatingIfNeeded: try reader.varying())
            record.channelsDone = UInt16(truncatingIfNeeded: try reader.varying())
            record.channelsWaited = UInt16(truncatingIfNeeded: try reader.varying())
            record.standIns = try reader.varying()
        }
        if parts.contains(.past) {
            record.lastDecision = try packer.time(&reader)
            record.firstSend = try packer.time(&reader)
            let anchors = try reader.varying()
            for step in 0..<12 where anchors >> UInt64(step) & 1 != 0 {
                record.anchors[step] = try packer.time(&reader)
            }
        }
        return record
    }

    private mutating func readViews(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let time = try packer.time(&reader)
            let handle = views.take(ViewRecord(line: try readLine(&reader, &packer), time: time))
            if last == 0 { first = handle } else { views[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readTraits(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let index = UInt16(truncatingIfNeeded: try reader.varying())
            guard let form = Attribute.Form(rawValue: try reader.get(UInt8.self)) else {
                throw .damaged("a trait of no kind")
            }
            let bits = try reader.get(UInt64.self)
            let time = try packer.time(&reader)
            let handle = traits.take(
                TraitRecord(
                    value: Attribute(index: index, form: form, bits: bits),
                    time: time,
                    message: try own(&reader)
                )
            )
            if last == 0 { first = handle } else { traits[last].next = handle }
            last = handle
        }
        return first
    }

    private mutating func readEntries(
        _ reader: inout StateReader,
        _ packer: inout ProfilePacker
    ) throws(StateError) -> UInt32 {
        var (first, last): (UInt32, UInt32) = (0, 0)
        for _ in 0..<(try reader.varying()) {
            let flow = try packer.hash(&reader)
            let handle = entries.take(EntryRecord(flow: flow, time: try packer.time(&reader)))
            if last == 0 { first = handle } else { entries[last].next = handle }
            last = handle
        }
        return first
    }
}
