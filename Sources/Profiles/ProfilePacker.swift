package import Events
package import Memory

/// What packing and unpacking a profile need: buffers, and what was met on the way.
///
/// A packed profile says the same as its records in as few bytes as are easily had: times as
/// differences, hashes that come again as their number, what is not set as a bit. Equal profiles
/// are equal bytes but for the handles of the texts they share with others, which stand together
/// at the beginning:
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
