package import Synchronization

/// Where a record came from and where its bytes stand in its block.
@usableFromInline
package struct RecordEntry: BitwiseCopyable, Sendable {
    /// The value's bytes; `hasValue` tells an empty value from none.
    package var value: Text = .none
    /// The key's bytes.
    package var key: Text = .none
    /// The headers, each as a 16-bit length, a name, a 32-bit length and a value, little-endian.
    package var headers: Text = .none
    /// The record's offset in its partition; in a file, its number.
    package var offset: Int64 = 0
    /// Kafka's time, or `.none`.
    package var timestamp: EventTime = .none
    /// The partition, numbered over all input topics; 0 in a file.
    package var partition: Int32 = 0
    /// Whether there is a value at all (a tombstone has none).
    package var hasValue: Bool = true
    /// Whether there is a key at all.
    package var hasKey: Bool = false

    /// A record of which nothing is known yet.
    package init() {}
}

/// A block of records on its way from source to shards, with the events decoded from them.
///
/// Think of a tray in a kitchen: the source fills it with raw records, a decoder lays the events
/// beside them, the resolver and the shards only look at it, and the last shard that has passed
/// it puts it back on the stack. One thread at a time writes; who may write is handed over by the
/// rings that carry the block's index. All memory is allocated when the block is made.
@safe
@usableFromInline
package final class EventBlock: @unchecked Sendable {
    // @unchecked: one writer at a time, handed over through rings with release and acquire; the
    // readers begin after the last writer is done.

    /// Bounds of a block.
    @usableFromInline
    package struct Capacity: Sendable {
        /// Bytes of raw records.
        @usableFromInline package var rawBytes: Int
        /// Bytes for texts that had to be rewritten (unescaped, normalised).
        @usableFromInline package var textBytes: Int
        /// Records.
        @usableFromInline package var records: Int

        /// Makes bounds; the default takes about 1 MiB of records.
        package init(
            rawBytes: Int = 1 << 20,
            textBytes: Int = 1 << 20,
            records: Int = 4_096
        ) {
            self.rawBytes = rawBytes
            self.textBytes = textBytes
            self.records = records
        }
    }

    /// Bytes behind the raw records that a SIMD parser may read.
    package static let padding = 128

    /// The bounds.
    @usableFromInline package let capacity: Capacity
    @usableFromInline let bytes: UnsafeMutableRawPointer
    @usableFromInline let byteCapacity: Int
    @usableFromInline let recordStore: UnsafeMutablePointer<RecordEntry>
    @usableFromInline let eventStore: UnsafeMutablePointer<CustomerEvent>
    @usableFromInline let identifierStore: UnsafeMutablePointer<Identifier>
    @usableFromInline let productStore: UnsafeMutablePointer<Product>
    @usableFromInline let attributeStore: UnsafeMutablePointer<Attribute>
    /// Room for identifiers.
    @usableFromInline package let identifierCapacity: Int
    /// Room for products.
    @usableFromInline package let productCapacity: Int
    /// Room for attributes.
    @usableFromInline package let attributeCapacity: Int

    /// Bytes of raw records filled so far.
    @usableFromInline package var rawCount = 0
    /// End of the texts, in bytes from the block's start.
    @usableFromInline package var textEnd = 0
    /// Records, and events after decoding.
    @usableFromInline package var count = 0
    /// Identifiers in use.
    @usableFromInline package var identifierCount = 0
    /// Products in use.
    @usableFromInline package var productCount = 0
    /// Attributes in use.
    @usableFromInline package var attributeCount = 0
    /// What the source wants the resolver to know; the engine says what it means.
    package var tag: UInt64 = 0
    /// How many readers have yet to pass the block; 0 is free.
    package let readers = Atomic<Int>(0)

    /// Allocates a block.
    package init(capacity: Capacity) {
        self.capacity = capacity
        let rawEnd = capacity.rawBytes + EventBlock.padding
        byteCapacity = rawEnd + capacity.textBytes
        precondition(byteCapacity < Int(UInt32.max), "a block's texts are 32-bit ranges")
        identifierCapacity = capacity.records * 12
        productCapacity = max(256, capacity.rawBytes / 16)
        attributeCapacity = max(256, capacity.records * 8)
        // Owned by this object alone and freed in deinit.
        unsafe bytes = .allocate(byteCount: byteCapacity, alignment: 64)
        unsafe recordStore = .allocate(capacity: capacity.records)
        unsafe eventStore = .allocate(capacity: capacity.records)
        unsafe identifierStore = .allocate(capacity: identifierCapacity)
        unsafe productStore = .allocate(capacity: productCapacity)
        unsafe attributeStore = .allocate(capacity: attributeCapacity)
        reset()
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe recordStore.deallocate()
        unsafe eventStore.deallocate()
        unsafe identifierStore.deallocate()
        unsafe productStore.deallocate()
        unsafe attributeStore.deallocate()
    }

    /// Empties the block for its next journey.
    package func reset() {
        rawCount = 0
        textEnd = capacity.rawBytes + EventBlock.padding
        count = 0
        identifierCount = 0
        productCount = 0
        attributeCount = 0
        tag = 0
    }

    /// The bytes of a text.
    @inlinable
    @_lifetime(borrow self)
    package func bytes(of text: Text) -> RawSpan {
        precondition(Int(text.offset) &+ Int(text.length) <= byteCapacity)
        // The range was just checked, and the memory lives as long as `self`.
        let buffer = unsafe UnsafeRawBufferPointer(
            start: bytes + Int(text.offset),
            count: Int(text.length)
        )
        return unsafe _overrideLifetime(buffer.bytes, borrowing: self)
    }

    /// Whether two texts are the same bytes.
    package func holdsSameBytes(_ left: Text, _ right: Text) -> Bool {
        guard left.length == right.length else { return false }
        let (one, other) = (bytes(of: left), bytes(of: right))
        for offset in 0..<one.byteCount {
            // Both spans are as long as the range.
            let a = unsafe one.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            let b = unsafe other.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            if a != b { return false }
        }
        return true
    }

    /// The text as a Swift string, for cold paths.
    package func string(of text: Text) -> String {
        let span = bytes(of: text)
        return unsafe span.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// The whole memory of the block, for the source that fills it and the decoder that parses it.
    ///
    /// Only who holds the block for writing may use it; raw records start at 0, followed by
    /// `padding` bytes, followed by the texts.
    @unsafe
    @inlinable
    package var memory: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: bytes, count: byteCapacity)
    }

    /// Copies bytes of a record behind the raw ones that are there; nil if they do not fit.
    package func append(raw span: RawSpan) -> Text? {
        let begin = rawCount
        let end = begin + span.byteCount
        guard end <= capacity.rawBytes else { return nil }
        // The target was just checked to fit, and the source is none of this block's memory.
        unsafe span.withUnsafeBytes { unsafe memory[begin..<end].copyBytes(from: $0) }
        rawCount = end
        return Text(offset: UInt32(begin), length: UInt32(span.byteCount))
    }

    /// Copies a text into the block; nil if it does not fit.
    package func append(_ text: RawSpan) -> Text? {
        let length = text.byteCount
        guard textEnd + length <= byteCapacity else { return nil }
        // The target was just checked to fit; source and target never overlap in their use here.
        unsafe text.withUnsafeBytes { source in
            unsafe memory[textEnd..<textEnd + length].copyBytes(from: source)
        }
        defer { textEnd += length }
        return Text(offset: UInt32(textEnd), length: UInt32(length))
    }

    /// The entry of a record.
    @inlinable
    package subscript(record index: Int) -> RecordEntry {
        get {
            precondition(index >= 0 && index < capacity.records)
            return unsafe recordStore[index]
        }
        set {
            precondition(index >= 0 && index < capacity.records)
            unsafe recordStore[index] = newValue
        }
    }

    /// An event, borrowed in place.
    @inlinable
    package subscript(event index: Int) -> CustomerEvent {
        unsafeAddress {
            precondition(index >= 0 && index < capacity.records)
            return unsafe UnsafePointer(eventStore + index)
        }
        unsafeMutableAddress {
            precondition(index >= 0 && index < capacity.records)
            return unsafe eventStore + index
        }
    }

    /// Where an event stands, for who fetches ahead.
    @_lifetime(borrow self)
    package func memory(ofEvent index: Int) -> RawSpan {
        precondition(index >= 0 && index < capacity.records)
        let begin = unsafe UnsafeRawPointer(eventStore + index)
        return unsafe memory(begin, MemoryLayout<CustomerEvent>.size)
    }

    /// Where an identifier stands, for who fetches ahead.
    @_lifetime(borrow self)
    package func memory(ofIdentifier index: Int) -> RawSpan {
        precondition(index >= 0 && index < identifierCapacity)
        let begin = unsafe UnsafeRawPointer(identifierStore + index)
        return unsafe memory(begin, MemoryLayout<Identifier>.size)
    }

    /// Where a product stands, for who fetches ahead.
    @_lifetime(borrow self)
    package func memory(ofProduct index: Int) -> RawSpan {
        precondition(index >= 0 && index < productCapacity)
        let begin = unsafe UnsafeRawPointer(productStore + index)
        return unsafe memory(begin, MemoryLayout<Product>.size)
    }

    // Of a record that was just checked to be the block's.
    @_lifetime(borrow self)
    private func memory(_ begin: UnsafeRawPointer, _ size: Int) -> RawSpan {
        let buffer = unsafe UnsafeRawBufferPointer(start: begin, count: size)
        return unsafe _overrideLifetime(buffer.bytes, borrowing: self)
    }

    /// An identifier.
    @inlinable
    package subscript(identifier index: Int) -> Identifier {
        get {
            precondition(index >= 0 && index < identifierCapacity)
            return unsafe identifierStore[index]
        }
        set {
            precondition(index >= 0 && index < identifierCapacity)
            unsafe identifierStore[index] = newValue
        }
    }

    /// A product.
    @inlinable
    package subscript(product index: Int) -> Product {
        get {
            precondition(index >= 0 && index < productCapacity)
            return unsafe productStore[index]
        }
        set {
            precondition(index >= 0 && index < productCapacity)
            unsafe productStore[index] = newValue
        }
    }

    /// An attribute.
    @inlinable
    package subscript(attribute index: Int) -> Attribute {
        get {
            precondition(index >= 0 && index < attributeCapacity)
            return unsafe attributeStore[index]
        }
        set {
            precondition(index >= 0 && index < attributeCapacity)
            unsafe attributeStore[index] = newValue
        }
    }
}
