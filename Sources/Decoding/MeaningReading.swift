import Events
import Windows

// What an event says besides who, when and which products.

extension RecordDecoding {
    /// The fields of consent changes and messages.
    mutating func readMeaning(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        switch event.meaning {
        case .consentUpdated:
            try readConsent(into: &event, of: block)
        case .messageReceived:
            try readInbound(into: &event, of: block)
        case .messageClicked, .messageOpened, .unsubscribed, .markedAsSpam:
            if let channel = try channel(of: block) {
                event.channel = channel
                event.hasChannel = true
            }
            try readEndpoint(first(.endpoint), into: &event, of: block)
        default:
            return
        }
    }

    private mutating func readConsent(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        try requireChannel(into: &event, of: block)
        let state = try looseText(first(.state), in: block)
        guard let consent = ConsentState(word: block.bytes(of: state)) else {
            throw Rejection(.invalidField, "properties.state")
        }
        event.consent = consent
        let purpose = try looseText(first(.purpose), in: block)
        if !purpose.isEmpty, !block.bytes(of: purpose).isWord("marketing") {
            // Consent to something else changes nothing of what marketing may do.
            event.hasChannel = false
        }
        try readEndpoint(first(.endpoint), into: &event, of: block)
        guard event.endpoint.isSet, event.identifierCount == 0, blockedCount == 0 else { return }
        // Nothing else says whose it is.
        let endpoint = try looseText(first(.endpoint), in: block)
        try addSender(endpoint, event.channel, to: &event, of: block)
    }

    private mutating func readInbound(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        try requireChannel(into: &event, of: block)
        let from = try looseText(first(.from), in: block)
        if !from.isEmpty {
            event.endpoint = try addSender(from, event.channel, to: &event, of: block)
        }
        let value = first(.text)
        if value.kind.isString { event.body = try text(value, in: block) }
        event.keyword = keywords.find(block.bytes(of: event.body))
    }

    private mutating func requireChannel(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        if let channel = try channel(of: block) {
            event.channel = channel
            event.hasChannel = true
        }
        guard event.hasChannel else { throw Rejection(.invalidField, "properties.channel") }
    }

    // The channel that the event names; nil if it names none that is known.
    private mutating func channel(of block: EventBlock) throws(Rejection) -> Channel? {
        let text = try looseText(first(.channel), in: block)
        return text.isEmpty ? nil : Channel(word: block.bytes(of: text))
    }

    // The endpoint that an event is about, without making it an identifier.
    private mutating func readEndpoint(
        _ value: DocumentValue,
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        guard value.isGiven, event.hasChannel else { return }
        let text = try looseText(value, in: block)
        guard !text.isEmpty else { return }
        for kind in event.channel.endpointKinds(of: block.bytes(of: text)) {
            if case .made(let identifier) = try make(text, kind, of: block) {
                event.endpoint = identifier.hash
                return
            }
        }
        counters.ignoredFields += 1
    }

    // Adds who wrote on a channel, and answers the endpoint it wrote from. A WhatsApp id is the
    // phone number's digits: who is known by either is known by both.
    @discardableResult
    private mutating func addSender(
        _ from: Text,
        _ channel: Channel,
        to event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) -> Hash128 {
        var kind: IdentifierKind
        switch channel {
        case .email: kind = .email
        case .sms: kind = .phone
        case .whatsApp: kind = .whatsAppID
        case .viber: kind = .phone
        case .telegram: kind = .telegramChatID
        case .webPush: kind = .webPushToken
        case .mobilePush: kind = .pushToken
        case .inApp, .appInbox: return .none
        }
        var made = try make(from, kind, of: block)
        if case .ignored = made, channel == .viber {
            kind = .viberID
            made = try make(from, kind, of: block)
        }
        guard case .made(let identifier) = made else {
            try add(from, kind, to: &event, of: block)
            return .none
        }
        try add(from, kind, to: &event, of: block)
        if channel == .whatsApp, let phone = try internationalForm(identifier.text, of: block) {
            if case .made = try make(phone, .phone, of: block) {
                try add(phone, .phone, to: &event, of: block)
            }
        }
        return identifier.hash
    }

    // Digits with the plus sign that makes them a whole phone number.
    private mutating func internationalForm(
        _ digits: Text,
        of block: EventBlock
    ) throws(Rejection) -> Text? {
        let bytes = block.bytes(of: digits)
        guard bytes.byteCount >= 8, bytes.byteCount <= 15 else { return nil }
        var number = InlineArray<16, UInt8>(repeating: UInt8(ascii: "+"))
        for index in 0..<bytes.byteCount {
            guard bytes.byte(index) &- 48 < 10 else { return nil }
            number[index + 1] = bytes.byte(index)
        }
        // Bytes have no padding between them.
        let span = unsafe number.span.bytes.extracting(0..<bytes.byteCount + 1)
        guard let text = block.append(span) else { throw Rejection(.tooLarge) }
        return text
    }

    // MARK: Context

    /// Time zone, country, language, trace.
    mutating func readContext(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        readCurrency(into: &event, of: block)
        let trait = first(.timeZoneTrait)
        if trait.isGiven {
            event.zone = zone(trait, in: block)
            if event.zone != 0 { event.flags.insert(.zoneIsTrait) }
        }
        if event.zone == 0 { event.zone = zone(first(.timeZoneContext), in: block) }
        let country = first(.shippingCountry)
        if country.isGiven {
            event.country = UInt16(truncatingIfNeeded: letters(country, count: 2, in: block))
        }
        let locale = first(.locale)
        if locale.kind == .string, locale.text.length <= 64 {
            event.locale = locale.text
            event.localeWord = block.bytes(of: locale.text).shortWord
        }
        let trace = first(.traceparent)
        if trace.kind == .string { event.traceparent = trace.text }
        if event.traceparent.isEmpty { event.traceparent = headers.traceparent }
        if event.traceparent.isEmpty, set == 1 {
            let attribute = rootSlot(paths.envelope.traceparent)
            if attribute.kind == .string { event.traceparent = attribute.text }
        }
    }

    private mutating func zone(_ value: DocumentValue, in block: EventBlock) -> UInt16 {
        guard value.isGiven else { return 0 }
        // Names of zones have slashes, which some writers escape.
        var text = value.text
        if value.kind == .escaped {
            guard let unescaped = reader.unescape(text, into: block) else { return 0 }
            text = unescaped
        }
        let zone = value.kind.isString ? zone(named: block.bytes(of: text)) : 0
        if zone == 0 { counters.ignoredFields += 1 }
        return zone
    }

    private mutating func zone(named name: RawSpan) -> UInt16 {
        let key = ShortMemo<UInt16>.Key(name)
        if let zone = zoneNames.find(key) { return zone }
        let zone = zones.index(of: name)
        zoneNames.note(key, zone)
        return zone
    }

    mutating func readCurrency(into event: inout CustomerEvent, of block: EventBlock) {
        let value = first(.currency)
        if value.isGiven { event.currency = letters(value, count: 3, in: block) }
    }

    // A code of ASCII letters, packed; 0 if it is none.
    private mutating func letters(
        _ value: DocumentValue,
        count: Int,
        in block: EventBlock
    ) -> UInt32 {
        var packed: UInt32 = 0
        if value.kind == .string {
            let bytes = block.bytes(of: value.text.trimmed(in: block))
            if bytes.byteCount == count {
                for index in 0..<count {
                    let letter = lowered(bytes.byte(index))
                    guard letter &- 97 < 26 else {
                        counters.ignoredFields += 1
                        return 0
                    }
                    packed = packed << 8 | UInt32(letter & 0xdf)
                }
                return packed
            }
        }
        counters.ignoredFields += 1
        return 0
    }

    // MARK: Keys and attributes

    /// Cart, checkout and order.
    mutating func readEntities(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        event.cart = try entity(.cartID, HashKind.cart, of: block)
        event.checkout = try entity(.checkoutID, HashKind.order, of: block)
        event.order = try entity(.orderID, HashKind.order, of: block)
    }

    private mutating func entity(
        _ field: TrackingPlan.Field,
        _ kind: UInt8,
        of block: EventBlock
    ) throws(Rejection) -> EntityKey {
        let text = try looseText(first(field), in: block)
        guard !text.isEmpty else { return EntityKey() }
        return EntityKey(hash: hashKey.hash(kind: kind, block.bytes(of: text)).low, text: text)
    }

    /// What conditions ask for.
    mutating func readAttributes(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        guard given & (1 << UInt64(CompiledPlan.Group.attributes)) != 0 else { return }
        for index in paths.attributes.indices {
            let value = first(paths.attributes[index], from: set * reader.setSize)
            guard value.isGiven else { continue }
            let form: Attribute.Form
            let bits: UInt64
            switch value.kind {
            case .string, .escaped:
                form = .text
                let text = try text(value, in: block)
                bits = hashKey.hash(kind: HashKind.attribute, block.bytes(of: text)).low
            case .integer, .decimal, .exponent:
                guard let number = readDouble(block.bytes(of: value.text)) else { continue }
                form = .number
                bits = number.bitPattern
            case .true, .false:
                form = .boolean
                bits = value.kind == .true ? 1 : 0
            default:
                counters.ignoredFields += 1
                continue
            }
            guard event.attributeCount < 255, attributeEnd < block.attributeCapacity
            else { throw Rejection(.tooLarge) }
            block[attribute: attributeEnd] = Attribute(
                index: UInt16(index),
                form: form,
                bits: bits
            )
            attributeEnd += 1
            event.attributeCount += 1
        }
    }

    // MARK: Repeats

    /// The messageId, and the fingerprint by which a repeat is known.
    ///
    /// Of a CloudEvent its source and id say what is a repeat (EV-6), whatever its data says.
    mutating func readMessageID(
        isWrapped: Bool,
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        let value = slot(paths.envelope.messageID)
        if value.isGiven {
            guard value.kind.isName else {
                throw Rejection(.invalidField, "messageId")
            }
            event.messageID = try text(value, in: block)
        }
        var id = headers.id
        var source = headers.source
        if set == 1 {
            id = try looseText(rootSlot(paths.envelope.id), in: block)
            source = try looseText(rootSlot(paths.envelope.source), in: block)
        } else if !isWrapped {
            id = .none
        }
        if event.messageID.isEmpty { event.messageID = id }
        guard event.messageID.length <= plan.messageIDMax, id.length <= plan.messageIDMax else {
            throw Rejection(.invalidField, "messageId")
        }
        guard !event.messageID.isEmpty else { return }
        let strongest =
            event.identifierCount > 0
            ? block[identifier: Int(event.identifiers)].hash : Hash128.none
        var state = hashKey.begin(kind: HashKind.message)
        if id.isEmpty {
            state.append(block.bytes(of: event.messageID))
        } else {
            state.append(block.bytes(of: source))
            state.append(0 as UInt8)
            state.append(block.bytes(of: id))
        }
        state.append(strongest)
        event.fingerprint = state.finish().low
    }
}
