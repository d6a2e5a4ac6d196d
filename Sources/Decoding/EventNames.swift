package import Events
@_spi(_Unicode) import Swift

/// Knows events by name, whatever the case.
///
/// A name is known by the SipHash of its small letters. Nearly all names are ASCII and are hashed as
/// they stand; other alphabets go through a Swift string once and are then remembered, a few hundred
/// at a time.
package struct EventNames {
    /// The name that flows see for the calls that bring none of their own.
    package static let callNames: [(call: CallType, name: String)] = [
        (.identify, "$identify"), (.alias, "$alias"), (.page, "$page"), (.screen, "$screen"),
        (.group, "$group"),
    ]
    /// The name of RudderStack's `merge`.
    package static let mergeName = "$merge"

    /// What is known of an event.
    struct Entry: BitwiseCopyable {
        var name: UInt64
        var meaning: EventMeaning
        var channel: Channel
        var hasChannel: Bool
    }

    private let hashKey: SipHash
    /// The hash of `mergeName`.
    let merge: UInt64
    private var calls = [UInt64](repeating: 0, count: 6)
    private var places: [Int32]
    private var names: [UInt64] = []
    private var entries: [Entry] = []
    // What other alphabets' names turned out to be: the hash of the bytes, that of the small
    // letters.
    private var rememberedBytes = [UInt64](repeating: 0, count: 256)
    private var rememberedNames = [UInt64](repeating: 0, count: 256)

    // Names as they were written.
    private var written = ShortMemo<Entry>(
        rows: 256,
        Entry(name: 0, meaning: .other, channel: .email, hasChannel: false)
    )

    init(_ plan: TrackingPlan, hashKey: SipHash) {
        self.hashKey = hashKey
        merge = EventNames.hash(EventNames.mergeName, hashKey: hashKey)
        for (call, name) in EventNames.callNames {
            calls[Int(call.rawValue)] = EventNames.hash(name, hashKey: hashKey)
        }
        var size = 64
        let count = plan.events.reduce(0) { $0 + 1 + $1.aliases.count }
        while size < count * 4 { size *= 2 }
        places = Array(repeating: -1, count: size)
        for event in plan.events {
            let name = EventNames.hash(event.name, hashKey: hashKey)
            let entry = Entry(
                name: name,
                meaning: event.meaning,
                channel: event.channel ?? .email,
                hasChannel: event.channel != nil
            )
            add(name, entry)
            for alias in event.aliases {
                add(EventNames.hash(alias, hashKey: hashKey), entry)
            }
        }
    }

    /// The hash by which an event's name is known in `CustomerEvent.name`.
    package static func hash(_ name: String, hashKey: SipHash) -> UInt64 {
        hashKey.hash(kind: HashKind.eventName, normal(name)).low
    }

    private static func normal(_ name: String) -> String {
        if name.utf8.allSatisfy({ $0 < 128 }) { return name.lowercased() }
        var text = ""
        for scalar in name.lowercased()._nfc { text.unicodeScalars.append(scalar) }
        return text
    }

    private mutating func add(_ name: UInt64, _ entry: Entry) {
        var place = Int(truncatingIfNeeded: name) & (places.count - 1)
        while places[place] >= 0 {
            // Of equal names the first counts.
            if names[Int(places[place])] == name { return }
            place = (place + 1) & (places.count - 1)
        }
        places[place] = Int32(entries.count)
        names.append(name)
        entries.append(entry)
    }

    /// The name of a call that brings none.
    func names(of call: CallType) -> UInt64 { calls[Int(call.rawValue)] }

    /// What is known of the event of a name.
    mutating func find(_ name: RawSpan) -> Entry {
        let key = ShortMemo<Entry>.Key(name)
        if let entry = written.find(key) { return entry }
        let entry = lookUp(name)
        written.note(key, entry)
        return entry
    }

    private mutating func lookUp(_ name: RawSpan) -> Entry {
        var state = hashKey.begin(kind: HashKind.eventName)
        var bits: UInt64 = 0
        var index = 0
        while index + 8 <= name.byteCount {
            // Eight bytes are there; any bits are a number.
            let word = unsafe UInt64(
                littleEndian: name.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            )
            bits |= word
            state.append(EventNames.lowered(word))
            index += 8
        }
        while index < name.byteCount {
            let byte = name.byte(index)
            bits |= UInt64(byte)
            state.append(Decoding.lowered(byte))
            index += 1
        }
        var hash = state.finish().low
        if bits & EventNames.highBits != 0 { hash = remember(hash, name) }
        var place = Int(truncatingIfNeeded: hash) & (places.count - 1)
        while places[place] >= 0 {
            if names[Int(places[place])] == hash { return entries[Int(places[place])] }
            place = (place + 1) & (places.count - 1)
        }
        return Entry(name: hash, meaning: .other, channel: .email, hasChannel: false)
    }

    private static var highBits: UInt64 { 0x8080_8080_8080_8080 }

    // Eight bytes with their ASCII capitals in small letters.
    private static func lowered(_ word: UInt64) -> UInt64 {
        let low = word & ~highBits
        // The high bit of each byte that is A or more, and of each that is more than Z.
        let fromA = low + 0x3f3f_3f3f_3f3f_3f3f
        let beyondZ = low + 0x2525_2525_2525_2525
        let isCapital = fromA & ~beyondZ & ~word & highBits
        return word | isCapital >> 2
    }

    private mutating func remember(_ bytes: UInt64, _ name: RawSpan) -> UInt64 {
        let place = Int(truncatingIfNeeded: bytes >> 32) & 255
        if rememberedBytes[place] == bytes { return rememberedNames[place] }
        // Copied into a string at once.
        let text = unsafe name.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        rememberedBytes[place] = bytes
        rememberedNames[place] = EventNames.hash(text, hashKey: hashKey)
        return rememberedNames[place]
    }
}
