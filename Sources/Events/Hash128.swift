/// A 128-bit hash: identifiers, profiles, enrollments and send ids are known by one.
///
/// Two different values share one with a chance of 2⁻¹²⁸ a pair, so equal hashes are taken for
/// equal values everywhere.
@frozen
@usableFromInline
package struct Hash128: BitwiseCopyable, Hashable, Comparable, Sendable {
    /// The more significant half.
    @usableFromInline package var high: UInt64
    /// The less significant half.
    @usableFromInline package var low: UInt64

    /// Makes a hash from its halves.
    @inlinable
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// No hash; no value has it, since `SipHash` never answers zero.
    @inlinable
    package static var none: Hash128 { Hash128(high: 0, low: 0) }

    /// Whether there is a hash at all.
    @inlinable
    package var isSet: Bool { high | low != 0 }

    @inlinable
    package static func < (left: Hash128, right: Hash128) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

/// SipHash-2-4 with a 128-bit key and a 128-bit answer (Aumasson, Bernstein: SipHash, 2012;
/// reference implementation `siphash.c`).
///
/// The key is the deployment's `hash_key`: without it a hash of a phone number could be reversed
/// by trying all phone numbers.
@frozen
@usableFromInline
package struct SipHash: BitwiseCopyable, Sendable {
    @usableFromInline let key0: UInt64
    @usableFromInline let key1: UInt64

    /// Keys the function.
    package init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// Keys the function with 16 bytes, little-endian as the reference implementation reads them.
    package init(key: [UInt8]) {
        precondition(key.count == 16, "a SipHash key has 16 bytes")
        var halves: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            halves.0 |= UInt64(key[index]) << UInt64(8 * index)
            halves.1 |= UInt64(key[index + 8]) << UInt64(8 * index)
        }
        self.init(key0: halves.0, key1: halves.1)
    }

    /// The hash of the bytes, preceded by one byte that says what kind of value they are.
    @inlinable
    package func hash(kind: UInt8, _ bytes: RawSpan) -> Hash128 {
        var state = SipState(key0: key0, key1: key1)
        state.append(kind)
        state.append(bytes)
        return state.finish()
    }

    /// A state to which values are appended one after the other.
    @inlinable
    package func begin(kind: UInt8) -> SipState {
        var state = SipState(key0: key0, key1: key1)
        state.append(kind)
        return state
    }

    /// The hash of a string's UTF-8, for set-up and tests; the hot path hashes spans.
    package func hash(kind: UInt8, _ text: String) -> Hash128 {
        var state = begin(kind: kind)
        for byte in text.utf8 { state.append(byte) }
        return state.finish()
    }
}

/// A SipHash that is still being fed.
@frozen
@usableFromInline
package struct SipState: BitwiseCopyable {
    @usableFromInline var v0: UInt64
    @usableFromInline var v1: UInt64
    @usableFromInline var v2: UInt64
    @usableFromInline var v3: UInt64
    @usableFromInline var tail: UInt64 = 0
    @usableFromInline var count: UInt64 = 0

    @inlinable
    init(key0: UInt64, key1: UInt64) {
        v0 = key0 ^ 0x736f_6d65_7073_6575
        v1 = key1 ^ 0x646f_7261_6e64_6f6d ^ 0xee
        v2 = key0 ^ 0x6c79_6765_6e65_7261
        v3 = key1 ^ 0x7465_6462_7974_6573
    }

    @inlinable
    @inline(__always)
    mutating func round() {
        v0 = v0 &+ v1
        v1 = (v1 << 13 | v1 >> 51) ^ v0
        v0 = v0 << 32 | v0 >> 32
        v2 = v2 &+ v3
        v3 = (v3 << 16 | v3 >> 48) ^ v2
        v0 = v0 &+ v3
        v3 = (v3 << 21 | v3 >> 43) ^ v0
        v2 = v2 &+ v1
        v1 = (v1 << 17 | v1 >> 47) ^ v2
        v2 = v2 << 32 | v2 >> 32
    }

    @inlinable
    @inline(__always)
    mutating func compress(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    /// Appends one byte.
    @inlinable
    package mutating func append(_ byte: UInt8) {
        tail |= UInt64(byte) << ((count & 7) &* 8)
        count &+= 1
        if count & 7 == 0 {
            compress(tail)
            tail = 0
        }
    }

    /// Appends the eight bytes of a number, little-endian.
    @inlinable
    package mutating func append(_ word: UInt64) {
        let shift = (count & 7) &* 8
        count &+= 8
        if shift == 0 {
            compress(word)
        } else {
            compress(tail | word << shift)
            tail = word >> (64 &- shift)
        }
    }

    /// Appends both halves of a hash.
    @inlinable
    package mutating func append(_ hash: Hash128) {
        append(hash.high)
        append(hash.low)
    }

    /// Appends the bytes as they are.
    @inlinable
    package mutating func append(_ bytes: RawSpan) {
        var offset = 0
        let end = bytes.byteCount
        let shift = (count & 7) &* 8
        count &+= UInt64(end)
        while offset &+ 8 <= end {
            // Within bounds: offset + 8 <= byteCount was just checked.
            let word = UInt64(
                littleEndian: unsafe bytes.unsafeLoadUnaligned(
                    fromUncheckedByteOffset: offset,
                    as: UInt64.self
                )
            )
            compress(tail | word &<< shift)
            tail = shift == 0 ? 0 : word &>> (64 &- shift)
            offset &+= 8
        }
        // What is left is less than a word.
        var rest: UInt64 = 0
        var length: UInt64 = 0
        while offset < end {
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            rest |= UInt64(byte) &<< length
            length &+= 8
            offset &+= 1
        }
        tail |= rest &<< shift
        if shift &+ length >= 64 {
            // Not so without a shift.
            compress(tail)
            tail = rest &>> (64 &- shift)
        }
    }

    /// Ends the hash; zero, which means "none", becomes one.
    @inlinable
    package consuming func finish() -> Hash128 {
        var state = self
        state.compress(state.tail | (state.count & 0xff) << 56)
        state.v2 ^= 0xee
        state.round()
        state.round()
        state.round()
        state.round()
        let low = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
        state.v1 ^= 0xdd
        state.round()
        state.round()
        state.round()
        state.round()
        let high = state.v0 ^ state.v1 ^ state.v2 ^ state.v3
        return high | low == 0 ? Hash128(high: 0, low: 1) : Hash128(high: high, low: low)
    }
}

/// What a hash is of, so that equal bytes of different meaning never share one.
package enum HashKind {
    /// Identifier kinds take their own raw values, 1 to 15.
    package static let cart: UInt8 = 16
    /// A product id.
    package static let product: UInt8 = 17
    /// An order or checkout id.
    package static let order: UInt8 = 18
    /// A messageId with the strongest identifier.
    package static let message: UInt8 = 19
    /// A profile id, of the ranking identifier.
    package static let profile: UInt8 = 20
    /// An enrollment key.
    package static let enrollment: UInt8 = 21
    /// A send id.
    package static let send: UInt8 = 22
    /// An event name, in lower case.
    package static let eventName: UInt8 = 23
    /// A text value of a property or trait.
    package static let attribute: UInt8 = 24
    /// A flow's name.
    package static let flow: UInt8 = 25
    /// Jitter, of an enrollment and step.
    package static let jitter: UInt8 = 26
}
