import Events
import Normalisation
import Windows

/// The decoder's state and the record in hand.
///
/// Its functions are all mutating, also those that only look: a value of this size must not be
/// copied to be lent.
@safe
struct RecordDecoding: ~Copyable {
    let plan: TrackingPlan
    let paths: CompiledPlan
    let reader: DocumentReader
    let hashKey: SipHash
    let zones: ZoneTable
    let emails: EmailNormaliser
    var phones: PhoneNormaliser
    var names: EventNames
    let blocked: WordTable
    let blockedEndpoints: EndpointSet
    let keywords: KeywordTable
    // What hashes of contents begin with: a secret, as the key is.
    let contentSeed: UInt64
    var productIDs = ShortMemo<UInt64>(rows: 1_024, 0)
    var zoneNames = ShortMemo<UInt16>(rows: 256, 0)
    var times = EventTimeReader()
    /// What was counted.
    var counters = DecodingCounters()
    /// Room for one normalised value; allocated here, freed in deinit, used by nobody else.
    let scratch: UnsafeMutableRawBufferPointer

    // How much of the block in hand is in use; written back when it is done.
    var identifierEnd = 0
    var productEnd = 0
    var attributeEnd = 0

    // The record in hand.
    /// Where its value begins in the block.
    var begin: UInt32 = 0
    /// Which of the reader's sets holds the envelope: 1 for the data of a structured CloudEvent.
    var set = 0
    /// The groups of the plan that have a value in it.
    var given: UInt64 = 0
    /// The identifiers seen so far, those that were blocked.
    var blockedCount = 0
    /// What its headers say.
    var headers = CloudEventHeaders()

    init(plan: TrackingPlan, hashKey: SipHash, zones: ZoneTable) {
        self.plan = plan
        self.hashKey = hashKey
        contentSeed = hashKey.hash(kind: HashKind.product, "content").high
        self.zones = zones
        var reader = DocumentReader(documentMax: plan.bodyMax)
        paths = CompiledPlan(plan, reader)
        reader.seal()
        self.reader = reader
        emails = EmailNormaliser(plan.emailOptions)
        phones = PhoneNormaliser(defaultCountry: plan.defaultCountry)
        names = EventNames(plan, hashKey: hashKey)
        blocked = WordTable(plan.blockedValues.sorted().map { ($0, 0) })
        blockedEndpoints = EndpointSet(plan, hashKey: hashKey)
        keywords = KeywordTable(plan.keywords)
        unsafe scratch = .allocate(byteCount: 1_024, alignment: 16)
    }

    deinit {
        unsafe scratch.deallocate()
    }

    // MARK: One record

    /// Decodes all records of a block: event `i` is what record `i` says.
    mutating func decode(_ block: EventBlock) {
        identifierEnd = block.identifierCount
        productEnd = block.productCount
        attributeEnd = block.attributeCount
        for index in 0..<block.count { decode(index, of: block) }
        block.identifierCount = identifierEnd
        block.productCount = productEnd
        block.attributeCount = attributeEnd
    }

    /// Decodes a record into the event beside it.
    mutating func decode(_ index: Int, of block: EventBlock) {
        counters.records += 1
        let identifiers = identifierEnd
        let products = productEnd
        let attributes = attributeEnd
        let textEnd = block.textEnd
        block[event: index] = CustomerEvent()
        do throws(Rejection) {
            try read(block[record: index], into: &block[event: index], of: block)
            counters.events += 1
        } catch {
            identifierEnd = identifiers
            productEnd = products
            attributeEnd = attributes
            block.textEnd = textEnd
            counters[error.reason] += 1
            var letter = CustomerEvent()
            letter.flags = .deadLetter
            letter.reason = error.reason
            letter.body = note(error, in: block)
            block[event: index] = letter
        }
    }

    private mutating func note(_ rejection: Rejection, in block: EventBlock) -> Text {
        guard rejection.path.utf8CodeUnitCount > 0 else { return .none }
        // The bytes of a literal live for ever.
        let path = unsafe UnsafeRawBufferPointer(
            start: rejection.path.utf8Start,
            count: rejection.path.utf8CodeUnitCount
        )
        return unsafe block.append(path.bytes) ?? .none
    }

    private mutating func read(
        _ entry: RecordEntry,
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        begin = entry.value.offset
        set = 0
        blockedCount = 0
        headers = CloudEventHeaders()
        if !entry.headers.isEmpty { headers.read(entry.headers, of: block) }
        guard entry.hasValue else {
            guard headers.isBinary else { throw Rejection(.invalidJSON) }
            try readTombstone(entry, into: &event, of: block)
            return
        }
        guard entry.value.length <= plan.bodyMax else { throw Rejection(.tooLarge) }
        guard reader.read(entry.value, of: block) else { throw Rejection(.invalidJSON) }
        guard slot(DocumentReader.root).kind == .object else { throw Rejection(.notAnObject) }
        let isWrapped = try findEnvelope()

        given = reader.given(set: set)

        let call = try readCall(into: &event, of: block)
        try checkTraits()
        event.identifiers = UInt32(identifierEnd)
        event.products = UInt32(productEnd)
        event.attributes = UInt32(attributeEnd)
        readTime(entry, into: &event, of: block)
        if event.call == .group {
            // Accepted, and does nothing; a repeat of it neither.
            event.flags.insert(.inert)
            return
        }
        try readProducts(into: &event, of: block)
        if event.flags.contains(.everybody) {
            try readCatalogChange(into: &event, of: block)
        } else {
            try readIdentifiers(call, into: &event, of: block)
            try readMeaning(into: &event, of: block)
            try settleIdentity(&event, of: block)
            try readContext(into: &event, of: block)
        }
        try readEntities(into: &event, of: block)
        try readAttributes(into: &event, of: block)
        try readMessageID(isWrapped: isWrapped, into: &event, of: block)
    }

    // The envelope is the document itself or, of a structured CloudEvent, its data.
    private mutating func findEnvelope() throws(Rejection) -> Bool {
        if headers.isBinary { return true }
        let isMarked = slot(paths.envelope.specVersion).isGiven
        guard headers.isStructured || isMarked && slot(paths.envelope.data).isGiven else {
            return false
        }
        guard slot(paths.envelope.data).kind == .object else {
            throw Rejection(.notAnObject, "data")
        }
        set = 1
        return true
    }

    private mutating func readTombstone(
        _ entry: RecordEntry,
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        counters.tombstones += 1
        event.call = .group
        event.flags.insert(.inert)
        event.received = entry.timestamp
        var time = EventTime.none
        if !headers.time.isEmpty { time = times.read(block.bytes(of: headers.time)) ?? .none }
        settle(time, entry, into: &event)
    }

    private enum TraitPath {
        static let own: StaticString = "traits"
        static let context: StaticString = "context.traits"
    }

    private mutating func checkTraits() throws(Rejection) {
        let own = slot(paths.envelope.traits)
        if own.kind == .object, own.text.length > plan.traitsMax {
            throw Rejection(.invalidField, TraitPath.own)
        }
        let context = slot(paths.envelope.contextTraits)
        if context.kind == .object, context.text.length > plan.traitsMax {
            throw Rejection(.invalidField, TraitPath.context)
        }
    }

    // MARK: Calls

    /// What a call asks of its identifiers.
    enum Call {
        case ordinary
        case alias
        case merge
    }

    private mutating func readCall(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) -> Call {
        let type = slot(paths.envelope.type)
        guard type.isGiven else { throw Rejection(.missingType) }
        guard type.kind.isString else { throw Rejection(.unknownType) }
        let bytes = block.bytes(of: try text(type, in: block).trimmed(in: block))
        guard bytes.byteCount > 0 else { throw Rejection(.missingType) }
        var call = Call.ordinary
        if bytes.isWord("track") {
            try readName(into: &event, of: block)
            return call
        }
        if bytes.isWord("identify") {
            event.call = .identify
        } else if bytes.isWord("page") {
            event.call = .page
        } else if bytes.isWord("screen") {
            event.call = .screen
        } else if bytes.isWord("group") {
            event.call = .group
        } else if bytes.isWord("alias") {
            event.call = .alias
            call = .alias
        } else if bytes.isWord("merge") {
            event.call = .alias
            event.flags.insert(.joinsUsers)
            call = .merge
        } else {
            throw Rejection(.unknownType)
        }
        event.name = call == .merge ? names.merge : names.names(of: event.call)
        return call
    }

    private mutating func readName(
        into event: inout CustomerEvent,
        of block: EventBlock
    ) throws(Rejection) {
        let value = slot(paths.envelope.event)
        guard value.kind.isString else { throw Rejection(.invalidField, "event") }
        let name = try text(value, in: block).trimmed(in: block)
        guard !name.isEmpty else { throw Rejection(.invalidField, "event") }
        let known = names.find(block.bytes(of: name))
        event.name = known.name
        event.meaning = known.meaning
        event.channel = known.channel
        event.hasChannel = known.hasChannel
        switch known.meaning {
        case .productPriceChanged, .productStockChanged:
            event.flags.insert(.everybody)
        case .cartViewed:
            // Braze tells an addition from a removal by a word in the event (EV-4).
            let action = first(.cartAction)
            if action.kind == .string {
                let word = block.bytes(of: action.text)
                if word.isWord("add") { event.meaning = .productAdded }
                if word.isWord("remove") { event.meaning = .productRemoved }
            }
        default: break
        }
    }

    // MARK: Values

    /// A value of the envelope.
    @inline(__always)
    mutating func slot(_ node: Int32) -> DocumentValue {
        reader.value(set * reader.setSize + Int(node), from: begin)
    }

    /// A value of the document, of a CloudEvent's own attributes.
    mutating func rootSlot(_ node: Int32) -> DocumentValue { reader.value(Int(node), from: begin) }

    /// The first value that a field's paths lead to.
    @inline(__always)
    mutating func first(_ field: TrackingPlan.Field) -> DocumentValue {
        guard given & (1 << UInt64(field.ordinal)) != 0 else { return .absent }
        return first(paths.fields[field.ordinal], from: set * reader.setSize)
    }

    mutating func first(_ list: CompiledPlan.Paths, from base: Int) -> DocumentValue {
        for index in Int(list.begin)..<Int(list.begin) + Int(list.count) {
            let value = reader.value(base + Int(paths.nodes[index]), from: begin)
            if value.isGiven { return value }
        }
        return .absent
    }

    /// The text of a string, or a number as it is written.
    @inline(__always)
    mutating func text(_ value: DocumentValue, in block: EventBlock) throws(Rejection) -> Text {
        guard value.kind == .escaped else { return value.text }
        guard let text = reader.unescape(value.text, into: block) else {
            throw Rejection(.tooLarge)
        }
        return text
    }

    /// The text of a string or whole number, trimmed; none for other values, which are counted.
    mutating func looseText(
        _ value: DocumentValue,
        in block: EventBlock
    ) throws(Rejection) -> Text {
        guard value.isGiven else { return .none }
        guard value.kind.isName else {
            counters.ignoredFields += 1
            return .none
        }
        return try text(value, in: block).trimmed(in: block)
    }
}
