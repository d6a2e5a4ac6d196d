import CMemory

/// A buffer of flat values that grows while it warms up and is reused from then on.
///
/// What `Array` is, without uniqueness checks and shared storage: owned by one thread, emptied
/// and filled again for ever.
@safe
@usableFromInline
package struct GrowingBuffer<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var storage: UnsafeMutablePointer<Element>
    @usableFromInline var capacity: Int
    /// Elements in use.
    @usableFromInline package private(set) var count = 0

    /// Makes an empty buffer with room for so many.
    package init(room: Int = 64) {
        capacity = max(1, room)
        // Owned by this value alone.
        unsafe storage = unsafe GrowingBuffer.allocate(capacity)
    }

    deinit { unsafe TableMemory.give(back: storage, capacity * MemoryLayout<Element>.stride) }

    /// Makes a buffer of so many elements whose bytes are all zero.
    package init(zeros count: Int) {
        capacity = max(1, count)
        self.count = count
        let size = capacity * MemoryLayout<Element>.stride
        // Owned by this value alone.
        unsafe storage = unsafe TableMemory.take(size, isZeroed: true)
            .bindMemory(to: Element.self, capacity: capacity)
    }

    /// Tells the processor that an element will be read or written soon.
    package func prefetch(_ index: Int) { unsafe collie_memory_prefetch(storage + index) }

    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Element> {
        let size = capacity * MemoryLayout<Element>.stride
        return unsafe TableMemory.take(size).bindMemory(to: Element.self, capacity: capacity)
    }

    /// Whether nothing is in it.
    @inlinable
    package var isEmpty: Bool { count == 0 }

    /// Adds an element.
    @inlinable
    package mutating func append(_ element: Element) {
        if count == capacity { grow(to: count &+ 1) }
        unsafe (storage + count).initialize(to: element)
        count &+= 1
    }

    /// An element, in place.
    @inlinable
    package subscript(index: Int) -> Element {
        unsafeAddress {
            precondition(index >= 0 && index < count)
            return unsafe UnsafePointer(storage + index)
        }
        unsafeMutableAddress {
            precondition(index >= 0 && index < count)
            return unsafe storage + index
        }
    }

    /// Forgets everything and keeps the memory.
    @inlinable
    package mutating func removeAll() { count = 0 }

    /// Forgets everything from the index on.
    @inlinable
    package mutating func truncate(to index: Int) {
        precondition(index >= 0 && index <= count)
        count = index
    }

    /// Removes an element; those behind it move up.
    @inlinable
    package mutating func remove(at index: Int) {
        precondition(index >= 0 && index < count)
        let rest = count &- index &- 1
        unsafe (storage + index).update(from: storage + index + 1, count: rest)
        count &-= 1
    }

    /// Puts an element before the one at the index.
    @inlinable
    package mutating func insert(_ element: Element, at index: Int) {
        precondition(index >= 0 && index <= count)
        if count == capacity { grow(to: count &+ 1) }
        let rest = count &- index
        unsafe (storage + index + 1).update(from: storage + index, count: rest)
        unsafe (storage + index).initialize(to: element)
        count &+= 1
    }

    /// Adds so many elements of which every byte is zero; answers the index of the first.
    @inlinable
    mutating func appendZeros(_ more: Int) -> Int {
        if capacity &- count < more { grow(to: count &+ more) }
        let first = count
        // Room was just made.
        unsafe UnsafeMutableRawPointer(storage + first).initializeMemory(
            as: UInt8.self,
            repeating: 0,
            count: more &* MemoryLayout<Element>.stride
        )
        count &+= more
        return first
    }

    /// Lends the bytes of so many elements from one on.
    @unsafe
    @inlinable
    func withBytes<Result>(
        _ first: Int,
        _ length: Int,
        _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        precondition(first >= 0 && length >= 0 && first &+ length <= count)
        return unsafe body(
            UnsafeMutableRawBufferPointer(
                start: storage + first,
                count: length &* MemoryLayout<Element>.stride
            )
        )
    }

    @usableFromInline
    mutating func grow(to wanted: Int) {
        var larger = capacity
        while larger < wanted { larger *= 2 }
        let moved = unsafe GrowingBuffer.allocate(larger)
        unsafe moved.update(from: storage, count: count)
        unsafe TableMemory.give(back: storage, capacity * MemoryLayout<Element>.stride)
        unsafe storage = moved
        capacity = larger
    }

    /// The elements, borrowed.
    package var span: Span<Element> {
        @_lifetime(borrow self)
        get {
            let buffer = unsafe UnsafeBufferPointer(start: storage, count: count)
            return unsafe _overrideLifetime(buffer.span, borrowing: self)
        }
    }

    /// The elements' memory, for owners that lend it on; valid until the next change.
    @unsafe
    package var memory: UnsafeBufferPointer<Element> {
        unsafe UnsafeBufferPointer(start: storage, count: count)
    }

    /// Adds the bytes of a span; for buffers of bytes.
    package mutating func append(_ bytes: RawSpan) where Element == UInt8 {
        let length = bytes.byteCount
        if count + length > capacity { grow(to: count + length) }
        // Room was just made; source and target are different memory.
        unsafe bytes.withUnsafeBytes {
            unsafe UnsafeMutableRawBufferPointer(start: storage + count, count: length)
                .copyMemory(from: $0)
        }
        count += length
    }
}
