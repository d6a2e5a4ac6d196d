/// Records by a slot number that somebody else gives out: a slab without a free list.
@safe
@usableFromInline
package struct Slots<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline let shift: UInt32 = 12
    @usableFromInline let limit: UInt32
    @usableFromInline var directory: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
    @usableFromInline var chunkCount = 0

    /// Makes an empty row of at most so many slots, numbered from 1.
    package init(limit: Int) {
        precondition(limit > 0 && limit < Int(UInt32.max))
        self.limit = UInt32(limit)
        // Owned by this value alone; one pointer for 4,096 records.
        unsafe directory = .allocate(capacity: (limit >> 12) + 1)
    }

    deinit {
        for index in 0..<chunkCount { unsafe directory[index].deallocate() }
        unsafe directory.deallocate()
    }

    /// A record, in place; its slot was filled before.
    @inlinable
    package subscript(slot: UInt32) -> Element {
        unsafeAddress { unsafe UnsafePointer(address(slot)) }
        unsafeMutableAddress { unsafe address(slot) }
    }

    @inlinable
    func address(_ slot: UInt32) -> UnsafeMutablePointer<Element> {
        let chunk = Int(slot >> shift)
        precondition(slot != 0 && chunk < chunkCount, "a slot that was filled")
        // The chunk was just checked to exist.
        return unsafe directory[chunk] + Int(slot & ((1 << shift) &- 1))
    }

    /// Fills a slot, making room for it where it is new.
    package mutating func fill(_ slot: UInt32, _ element: Element) {
        precondition(slot != 0 && slot <= limit)
        while Int(slot >> shift) >= chunkCount {
            let chunk = UnsafeMutablePointer<Element>.allocate(capacity: 1 << Int(shift))
            unsafe chunk.initialize(repeating: element, count: 1 << Int(shift))
            unsafe directory[chunkCount] = unsafe chunk
            chunkCount += 1
        }
        unsafe address(slot).initialize(to: element)
    }

    /// Whether the slot has memory.
    @inlinable
    package func contains(_ slot: UInt32) -> Bool { Int(slot >> shift) < chunkCount }

    /// Bytes allocated.
    package var byteCount: Int { chunkCount * (MemoryLayout<Element>.stride << Int(shift)) }
}
