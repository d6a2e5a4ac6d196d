/// Records by a slot number that somebody else gives out: a slab without a free list.
@safe
@usableFromInline
package struct Slots<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline let shift: UInt32 = 12
    @usableFromInline let limit: UInt32
    @usableFromInline var chunks: Chunks
    @usableFromInline let pinned = Pinned()

    /// Makes an empty row of at most so many slots, numbered from 1.
    package init(limit: Int) {
        precondition(limit > 0 && limit < Int(UInt32.max))
        self.limit = UInt32(limit)
        chunks = Chunks(size: MemoryLayout<Element>.stride << 12, limit: (limit >> 12) + 1)
    }

    deinit { chunks.free() }

    /// A record, in place; its slot was filled before.
    @inlinable
    package subscript(slot: UInt32) -> Element {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(address(slot)) }
        @inline(__always) unsafeMutableAddress { unsafe address(slot) }
    }

    @inlinable
    @inline(__always)
    func address(_ slot: UInt32) -> UnsafeMutablePointer<Element> {
        let chunk = Int(slot >> shift)
        precondition(slot != 0 && chunk < chunks.count, "a slot that was filled")
        // The chunk was just checked to exist.
        let memory = unsafe chunks.directory[chunk].assumingMemoryBound(to: Element.self)
        return unsafe memory + Int(slot & ((1 << shift) &- 1))
    }

    /// Fills a slot, making room for it where it is new.
    @inlinable
    package mutating func fill(_ slot: UInt32, _ element: Element) {
        fill(slot, element, others: element)
    }

    /// Fills a slot; what is new beside it holds another value.
    @inlinable
    package mutating func fill(_ slot: UInt32, _ element: Element, others: Element) {
        precondition(slot != 0 && slot <= limit)
        while !contains(slot) { extend(others) }
        unsafe address(slot).initialize(to: element)
    }

    @usableFromInline
    mutating func extend(_ others: Element) {
        chunks.add()
        // The chunk that was just added has room for as many.
        let chunk = unsafe chunks.directory[chunks.count - 1]
        unsafe chunk.initializeMemory(as: Element.self, repeating: others, count: 1 << Int(shift))
    }

    /// Tells the processor that a record will be read or written soon; a slot without memory is
    /// left alone.
    @inlinable
    package func prefetch(_ slot: UInt32) {
        guard slot != 0, contains(slot) else { return }
        // Only asked for.
        let place = unsafe UnsafeRawPointer(address(slot))
        unsafe TableMemory.prefetch(place)
        // A large record stands on several lines of the cache; the first two hold what is asked
        // first.
        if MemoryLayout<Element>.size > 64 { unsafe TableMemory.prefetch(place + 64) }
    }

    /// Whether the slot has memory.
    @inlinable
    package func contains(_ slot: UInt32) -> Bool { Int(slot >> shift) < chunks.count }

    /// Makes room for slots up to one.
    package mutating func reserve(_ highest: Int) {
        chunks.reserve((min(highest, Int(limit)) >> Int(shift)) + 1)
    }

    /// Bytes in use.
    package var byteCount: Int { chunks.byteCount }
}
