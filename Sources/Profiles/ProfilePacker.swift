package import Events
package import Memory

/// What packing and unpacking a profile need: buffers, and what was met on the way.
///
/// A packed profile says the same as its records in as few bytes as are easily had: times as
/// differences, hashes that come again as their number, what is not set as a bit. Equal profiles
/// are equal bytes but for the handles of the texts they share with others, which stand together
/// at the beginning. A product's hash and its texts are one such text, a ware: thousands of carts
/// hold the same.
///
///     id (16), second of the timer (0 for none, else signed and raised), count of texts, their
///     handles (4 each), then the head and the lists
///
/// Owned by one thread; its memory is reused.
package struct ProfilePacker: ~Copyable {
    /// More hashes than a byte can number are written out.
    private static let hashesMax = 254

    /// A whole packed profile.
    package var whole = StateBuffer(room: 1 << 13)
    /// What stands behind the texts.
    var body = StateBuffer(room: 1 << 13)
    /// Hashes met, by number.
    var hashes = GrowingBuffer<UInt64>(room: 256)
    /// Shared texts met, by number.
    package var texts = GrowingBuffer<TextHandle>(room: 256)
    // A ware that was met: what it is of, and its number.
    struct Ware: BitwiseCopyable {
        var product: UInt64
        var id: TextHandle
        var name: TextHandle
        var url: TextHandle
        var imageURL: TextHandle
        var number: UInt32
    }
    private static let wareBit: UInt32 = 1 << 31

    /// Wares met.
    var known = GrowingBuffer<Ware>(room: 64)
    /// Their contents, each behind its length.
    var wares = StateBuffer(room: 1 << 12)
    /// Where the texts stand in the whole.
    private(set) var textsPlace = 0
    /// Carts of the profile, in order.
    var carts = GrowingBuffer<UInt32>(room: 64)
    /// The time met last, in milliseconds.
    var lastTime: Int64 = 0

    /// What ids and addresses were hashed under: a hash that can be made again is left out.
    let hashKey: SipHash

    /// Makes empty buffers.
    package init(hashKey: SipHash) { self.hashKey = hashKey }

    mutating func begin() {
        body.removeAll()
        whole.removeAll()
        hashes.removeAll()
        texts.removeAll()
        carts.removeAll()
        known.removeAll()
        wares.removeAll()
        lastTime = 0
    }

    /// Puts a packed profile together.
    mutating func finish(_ id: Hash128, timer: EventTime) {
        whole.put(id.high)
        whole.put(id.low)
        if timer.milliseconds == .max {
            whole.put(varying: 0)
        } else {
            // Seconds are far from the ends of their type.
            let second = timer.second
            whole.put(varying: UInt64(bitPattern: (second << 1) ^ (second >> 63)) &+ 1)
        }
        whole.put(varying: UInt64(texts.count))
        textsPlace = whole.count
        for index in 0..<texts.count { whole.put(texts[index].bits) }
        body.append(to: &whole)
    }

    // MARK: Writing

    mutating func put(_ number: some FixedWidthInteger) {
        body.put(varying: UInt64(truncatingIfNeeded: number))
    }

    mutating func put(id: Hash128) {
        body.put(id.high)
        body.put(id.low)
    }

    /// A time as its difference to the one before; 0 is none.
    mutating func put(_ time: EventTime) {
        guard time.isSet else { return body.put(UInt8(0)) }
        let delta = time.milliseconds &- lastTime
        lastTime = time.milliseconds
        if delta.magnitude < 1 << 60 {
            body.put(varying: UInt64(bitPattern: (delta << 1) ^ (delta >> 63)) + 2)
        } else {
            body.put(UInt8(1))
            body.put(delta)
        }
    }

    /// A hash as its number, if it was met before; 0 is none.
    mutating func put(hash: UInt64) {
        guard hash != 0 else { return body.put(UInt8(0)) }
        for index in 0..<hashes.count where hashes[index] == hash {
            return body.put(UInt8(index + 1))
        }
        if hashes.count < ProfilePacker.hashesMax { hashes.append(hash) }
        body.put(UInt8(255))
        body.put(hash)
    }

    /// Takes notice of a hash that is not written.
    mutating func meet(hash: UInt64) {
        guard hash != 0 else { return }
        for index in 0..<hashes.count where hashes[index] == hash { return }
        if hashes.count < ProfilePacker.hashesMax { hashes.append(hash) }
    }

    /// The number of a text that is shared with other profiles; 0 is none.
    mutating func number(_ text: TextHandle) -> Int {
        guard text.isSet else { return 0 }
        var index = texts.count
        while index > 0 {
            if texts[index - 1] == text { return index }
            index -= 1
        }
        texts.append(text)
        return texts.count
    }

    /// The number of a line's product with its texts; 0 if they are none or too long for a ware.
    mutating func ware(
        of line: LineRecord,
        from store: borrowing TextStore,
        _ cache: borrowing WareCache
    ) -> Int {
        for index in 0..<known.count {
            let ware = known[index]
            if ware.product == line.product, ware.id == line.id, ware.name == line.name,
                ware.url == line.url, ware.imageURL == line.imageURL
            {
                return Int(ware.number)
            }
        }
        guard line.id.isSet || line.name.isSet || line.url.isSet || line.imageURL.isSet else {
            return 0
        }
        let kept = cache.ware(of: line)
        if kept.isSet {
            let number = number(kept)
            know(line, number)
            return number
        }
        let begin = wares.count
        wares.put(UInt16(0))
        wares.put(line.product)
        put(wareText: line.id, from: store)
        put(wareText: line.name, from: store)
        put(wareText: line.url, from: store)
        put(wareText: line.imageURL, from: store)
        let length = wares.count - begin - 2
        guard length <= TextStore.lengthMax else {
            wares.truncate(to: begin)
            return 0
        }
        wares.patch(short: UInt16(length), at: begin)
        texts.append(TextHandle(bits: UInt32(begin) | ProfilePacker.wareBit))
        know(line, texts.count)
        return texts.count
    }

    private mutating func know(_ line: LineRecord, _ number: Int) {
        known.append(
            Ware(
                product: line.product,
                id: line.id,
                name: line.name,
                url: line.url,
                imageURL: line.imageURL,
                number: UInt32(number)
            )
        )
    }

    /// A line of the ware that is the text of a number.
    func line(ofText number: Int) -> LineRecord {
        var line = LineRecord(product: 0, price: Product.unknownPrice, quantity: 0)
        for index in 0..<known.count where known[index].number == UInt32(number) {
            line.product = known[index].product
            line.id = known[index].id
            line.name = known[index].name
            line.url = known[index].url
            line.imageURL = known[index].imageURL
        }
        return line
    }

    private mutating func put(wareText text: TextHandle, from store: borrowing TextStore) {
        let bytes = store.bytes(of: text)
        wares.put(UInt16(bytes.byteCount))
        wares.put(bytes)
    }

    /// Whether a text is a ware whose content stands here and in no store yet.
    package static func isWare(_ text: TextHandle) -> Bool { text.bits & wareBit != 0 }

    /// The content of a ware.
    @_lifetime(borrow self)
    package func content(of ware: TextHandle) -> RawSpan {
        let begin = Int(ware.bits & ~ProfilePacker.wareBit)
        let length = Int(wares.short(at: begin))
        return wares.bytes.extracting(begin + 2..<begin + 2 + length)
    }

    /// A text of the profile's own, behind its length.
    mutating func put(own text: TextHandle, from store: borrowing TextStore) {
        let bytes = store.bytes(of: text)
        body.put(varying: UInt64(bytes.byteCount))
        body.put(bytes)
    }

    // MARK: Reading

    mutating func time(_ reader: inout StateReader) throws(StateError) -> EventTime {
        let code = try reader.varying()
        if code == 0 { return .none }
        if code == 1 {
            lastTime &+= try reader.get(Int64.self)
        } else {
            let raised = code &- 2
            lastTime &+= Int64(bitPattern: raised >> 1) ^ -Int64(bitPattern: raised & 1)
        }
        return EventTime(milliseconds: lastTime)
    }

    mutating func hash(_ reader: inout StateReader) throws(StateError) -> UInt64 {
        let code = try reader.get(UInt8.self)
        if code == 0 { return 0 }
        if code < 255 {
            guard Int(code) <= hashes.count else { throw .damaged("a hash without a place") }
            return hashes[Int(code) - 1]
        }
        let hash = try reader.get(UInt64.self)
        if hashes.count < ProfilePacker.hashesMax { hashes.append(hash) }
        return hash
    }

    func text(_ number: UInt64) throws(StateError) -> TextHandle {
        if number == 0 { return .none }
        guard number <= UInt64(texts.count) else { throw .damaged("a text without a place") }
        return texts[Int(number) - 1]
    }
}

/// What stands before the lists of a packed profile: enough to put it in its place.
package struct PackedHead {
    /// The profile's id.
    package let id: Hash128
    /// When its timer is due, in seconds; nil without.
    package let timer: Int64?
    /// How many texts it shares with others.
    package let textCount: Int
    /// Where their handles stand.
    package let texts: Int

    /// Reads it, and leaves the reader behind it.
    package init(_ reader: inout StateReader) throws(StateError) {
        let begin = reader.offset
        id = Hash128(high: try reader.get(UInt64.self), low: try reader.get(UInt64.self))
        let code = try reader.varying()
        if code == 0 {
            timer = nil
        } else {
            let raised = code &- 1
            timer = Int64(bitPattern: raised >> 1) ^ -Int64(bitPattern: raised & 1)
        }
        let count = try reader.varying()
        guard count <= UInt64(reader.left / 4) else { throw .damaged("texts that are not there") }
        textCount = Int(count)
        texts = reader.offset - begin
        try reader.skip(textCount * 4)
    }
}
