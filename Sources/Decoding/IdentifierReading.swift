import Events
import Normalisation
@_spi(_Unicode) import Swift

// Who an event is about: identifiers normalised, without blocked ones, strongest first.

extension RecordDecoding {
    /// More identifiers of one event are left out.
    static var identifiersMax: Int { 32 }

    mutating func readIdentifiers(
        _ call: Call,
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        let envelope = paths.envelope
        let user = try strictText(slot(envelope.userID), "userId", in: block)
        if let user { try add(user, .userID, to: &event, of: block) }
        if call == .alias {
            let previous = try strictText(slot(envelope.previousID), "previousId", in: block)
            // A previous id that names nobody joins nobody.
            if let previous, try addPrevious(previous, to: &event, of: block) {
                event.flags.insert(.joinsUsers)
            }
        } else {
            _ = try strictText(slot(envelope.previousID), "previousId", in: block)
        }
        try addFirst(.email, .email, to: &event, of: block)
        try addFirst(.phone, .phone, to: &event, of: block)
        try addFirst(.whatsAppID, .whatsAppID, to: &event, of: block)
        try addFirst(.viberID, .viberID, to: &event, of: block)
        try addFirst(.telegramChatID, .telegramChatID, to: &event, of: block)
        try addFirst(.pushToken, .pushToken, to: &event, of: block)
        try addFirst(.webPushToken, .webPushToken, to: &event, of: block)
        let anonymous = try strictText(slot(envelope.anonymousID), "anonymousId", in: block)
        if let anonymous { try add(anonymous, .anonymousID, to: &event, of: block) }
        try addFirst(.deviceID, .deviceID, to: &event, of: block)
        guard given & (1 << UInt64(CompiledPlan.Group.named)) != 0 else { return }
        for list in paths.namedLists { try addNamed(list, to: &event, of: block) }
    }

    /// Whether the event has somebody, is for nobody, or cannot be.
    mutating func settleIdentity(_ event: inout CustomerEvent, of block: EventBlock)
        throws(Rejection)
    {
        guard event.identifierCount == 0 else { return }
        guard blockedCount > 0 else { throw Rejection(.missingIdentity) }
        event.flags.insert(.nobody)
    }

    // An id of the envelope: a string, or a number as it is written; an exponent is no id.
    private mutating func strictText(
        _ value: DocumentValue,
        _ path: StaticString,
        in block: EventBlock
    ) throws(Rejection) -> Text? {
        guard value.isGiven else { return nil }
        guard value.kind.isName else {
            throw Rejection(.invalidField, path)
        }
        return try text(value, in: block).trimmed(in: block)
    }

    // An earlier id, which may have been a user's or a device's; whether it was usable.
    private mutating func addPrevious(
        _ previous: Text,
        to event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) -> Bool {
        let asUser = try add(previous, .userID, role: .previous, to: &event, of: block)
        let asDevice = try add(previous, .anonymousID, role: .previous, to: &event, of: block)
        return asUser || asDevice
    }

    // The first usable value that the field's paths lead to.
    private mutating func addFirst(
        _ field: TrackingPlan.Field,
        _ kind: IdentifierKind,
        to event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        guard given & (1 << UInt64(field.ordinal)) != 0 else { return }
        let list = paths.fields[field.ordinal]
        let base = set * reader.setSize
        for index in Int(list.begin)..<Int(list.begin) + Int(list.count) {
            let value = reader.value(base + Int(paths.nodes[index]), from: begin)
            guard value.isGiven else { continue }
            guard value.kind.isString || value.kind == .integer else {
                counters.ignoredFields += 1
                continue
            }
            let text = try text(value, in: block).trimmed(in: block)
            if try add(text, kind, to: &event, of: block) { return }
        }
    }

    // Identifiers that name their own kind.
    private mutating func addNamed(
        _ list: CompiledPlan.NamedList,
        to event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        for row in 0..<reader.rowCount(list.list, set: set) {
            func value(_ node: Int32) -> DocumentValue {
                let slot = reader.rowSlot(list.list, set: set, row: row, node: node)
                return reader.value(slot, from: begin)
            }
            let encoding = value(list.encoding)
            if encoding.isGiven, !block.bytes(of: encoding.text).isWord("none") {
                // A hash by somebody else's function names nobody here.
                counters.ignoredFields += 1
                continue
            }
            let type = value(list.type)
            var id = value(list.value)
            if !id.isGiven { id = value(list.otherValue) }
            guard type.kind == .string, let kind = kind(named: block.bytes(of: type.text)) else {
                continue
            }
            let text = try looseText(id, in: block)
            if id.isGiven { try add(text, kind, to: &event, of: block) }
        }
    }

    private mutating func kind(named name: RawSpan) -> IdentifierKind? {
        if name.isWord("user_id") || name.isWord("userid") { return .userID }
        if name.isWord("email") { return .email }
        if name.isWord("phone") || name.isWord("mobile") { return .phone }
        if name.isWord("wa_id") || name.isWord("whatsapp") { return .whatsAppID }
        if name.isWord("viber_id") || name.isWord("viber") { return .viberID }
        if name.isWord("telegram_chat_id") || name.isWord("telegram") { return .telegramChatID }
        if name.isWord("push_token") || name.isWord("ios.push_token")
            || name.isWord("android.push_token")
        {
            return .pushToken
        }
        if name.isWord("web_push_token") { return .webPushToken }
        if name.isWord("anonymous_id") || name.isWord("anonymousid") { return .anonymousID }
        if name.isWord("device_id") || name.isWord("ios.id") || name.isWord("android.id")
            || name.isWord("ios.idfa") || name.isWord("android.idfa")
        {
            return .deviceID
        }
        return nil
    }

    // MARK: Adding

    /// Adds an identifier unless it identifies nobody; whether it was usable.
    @discardableResult
    mutating func add(
        _ text: Text,
        _ kind: IdentifierKind,
        role: Identifier.Role = .own,
        to event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) -> Bool {
        let made = try make(text, kind, role: role, of: block)
        switch made {
        case .blocked:
            counters.blockedIdentifiers += 1
            blockedCount += 1
            return false
        case .ignored:
            counters.ignoredFields += 1
            return false
        case .made(let identifier):
            try insert(identifier, into: &event, of: block)
            return true
        }
    }

    /// What became of a value.
    enum Making {
        case made(Identifier)
        /// It identifies nobody (ID-3).
        case blocked
        /// It is no value of that kind.
        case ignored
    }

    /// Normalises and hashes a value (ID-1).
    mutating func make(
        _ raw: Text,
        _ kind: IdentifierKind,
        role: Identifier.Role = .own,
        of block: EventBlock
    ) throws(Rejection) -> Making {
        let bytes = block.bytes(of: raw)
        if isBlocked(bytes) { return .blocked }
        var text = raw
        var country: UInt16 = 0
        switch kind {
        case .email:
            // The scratch is longer than any address or number.
            guard let length = unsafe emails.normalise(bytes, into: scratch) else {
                return .ignored
            }
            text = try keep(length, insteadOf: raw, of: block)
        case .phone:
            guard let phone = unsafe phones.normalise(bytes, into: scratch) else {
                return PhoneRule.isPlaceholder(bytes) ? .blocked : .ignored
            }
            if phone.isPlaceholder { return .blocked }
            country = phone.country
            text = try keep(phone.length, insteadOf: raw, of: block)
        case .whatsAppID:
            if PhoneRule.isPlaceholder(bytes) { return .blocked }
            if let length = writeDigits(bytes) {
                text = try keep(length, insteadOf: raw, of: block)
            }
        default:
            if !bytes.isASCII {
                text = try compose(raw, of: block)
                if isBlocked(block.bytes(of: text)) { return .blocked }
            }
        }
        let hash = hashKey.hash(kind: kind.rawValue, block.bytes(of: text))
        if kind == .email || kind == .phone, blockedEndpoints.contains(hash) { return .blocked }
        return .made(
            Identifier(hash: hash, text: text, kind: kind, role: role, country: country)
        )
    }

    // Blank, only noughts and hyphens, or one of the plan's words.
    private mutating func isBlocked(_ bytes: RawSpan) -> Bool {
        var index = 0
        while index < bytes.byteCount, bytes.byte(index) == 48 || bytes.byte(index) == 45 {
            index += 1
        }
        return index == bytes.byteCount || blocked.find(bytes) >= 0
    }

    // The raw text if it is what stands in the scratch, else a copy of that.
    private mutating func keep(
        _ length: Int,
        insteadOf raw: Text,
        of block: EventBlock
    ) throws(Rejection) -> Text {
        let bytes = block.bytes(of: raw)
        // The length is what was written to the scratch.
        let written = unsafe UnsafeRawBufferPointer(rebasing: scratch[0..<length])
        var isSame = length == bytes.byteCount
        var index = 0
        while isSame, index < length {
            isSame = unsafe written[index] == bytes.byte(index)
            index += 1
        }
        if isSame { return raw }
        guard let text = unsafe block.append(written.bytes) else { throw Rejection(.tooLarge) }
        return text
    }

    // WhatsApp writes ids as digits alone, people with a plus sign and blanks; nil if it is neither.
    private mutating func writeDigits(_ bytes: RawSpan) -> Int? {
        var count = 0
        for index in 0..<bytes.byteCount {
            let byte = bytes.byte(index)
            switch byte {
            case 48...57:
                guard count < 32 else { return nil }
                // The scratch is longer than that.
                unsafe scratch[count] = byte
                count += 1
            case UInt8(ascii: "+"), UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "("),
                UInt8(ascii: ")"), UInt8(ascii: "."):
                continue
            default:
                return nil
            }
        }
        return count == 0 ? nil : count
    }

    // Unicode's composed form without blanks around it.
    private mutating func compose(_ raw: Text, of block: EventBlock) throws(Rejection) -> Text {
        var scalars = Substring(block.string(of: raw)).unicodeScalars
        while let scalar = scalars.first, scalar.properties.isWhitespace { scalars.removeFirst() }
        while let scalar = scalars.last, scalar.properties.isWhitespace { scalars.removeLast() }
        var composed: [UInt8] = []
        for scalar in String(scalars)._nfc { composed += UTF8.encode(scalar)! }
        guard let text = block.append(unsafe composed.span.bytes) else {
            throw Rejection(.tooLarge)
        }
        return text
    }

    // Strongest first, own before previous; each once.
    private mutating func insert(
        _ identifier: Identifier,
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        let first = Int(event.identifiers)
        let count = Int(event.identifierCount)
        var place = count
        for index in 0..<count {
            let other = block[identifier: first + index]
            if other.hash == identifier.hash, other.kind == identifier.kind { return }
            if place == count, precedes(identifier, other) { place = index }
        }
        guard count < RecordDecoding.identifiersMax else {
            counters.droppedIdentifiers += 1
            return
        }
        guard first + count < block.identifierCapacity else { throw Rejection(.tooLarge) }
        var index = count
        while index > place {
            block[identifier: first + index] = block[identifier: first + index - 1]
            index -= 1
        }
        block[identifier: first + place] = identifier
        event.identifierCount += 1
        identifierEnd += 1
    }

    private mutating func precedes(_ left: Identifier, _ right: Identifier) -> Bool {
        if left.kind != right.kind { return left.kind.rawValue < right.kind.rawValue }
        return left.role == .own && right.role == .previous
    }
}
