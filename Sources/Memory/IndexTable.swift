import CMemory

/// A hash table from 32-bit tags to 32-bit handles, open addressing, linear probing.
///
/// The keys stand with the records: a probe finds handles whose tag agrees, and the caller's
/// closure says whether it is the one. A tag is the low 32 bits of a good hash of the key. Doubles
/// when 5/8 full. No answer depends on the order of its slots.
@safe
@usableFromInline
package struct IndexTable: ~Copyable {
    // A slot: tag in the high half, handle in the low half; handle 0 is an empty slot.
    @usableFromInline var slots: UnsafeMutablePointer<UInt64>
    @usableFromInline var mask: Int
    /// Entries.
    @usableFromInline package var count = 0

    /// Makes a table with room for that many entries before it grows.
    package init(room: Int = 1_024) {
        var capacity = 16
        while capacity * 5 / 8 < room { capacity *= 2 }
        mask = capacity - 1
        unsafe slots = unsafe IndexTable.allocate(capacity)
    }

    /// Bytes in use.
    package var byteCount: Int { (mask + 1) * 8 }

    deinit { unsafe TableMemory.give(back: slots, (mask + 1) * 8) }

    // Owned by the table alone; zeros are empty slots.
    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<UInt64> {
        let memory = unsafe TableMemory.take(capacity * 8, isZeroed: true)
        return unsafe memory.bindMemory(to: UInt64.self, capacity: capacity)
    }

    // Spreads the tag so that tags that share low bits do not share a slot.
    @inlinable
    func home(_ tag: UInt32) -> Int {
        Int(truncatingIfNeeded: (UInt64(tag) &* 0x9e37_79b9_7f4a_7c15) >> 24) & mask
    }

    /// The handle under the tag for which the closure holds, or 0.
    @inlinable
    package func find(_ tag: UInt32, where isSame: (UInt32) -> Bool) -> UInt32 {
        var index = home(tag)
        while true {
            // `index` is masked, so within the table.
            let slot = unsafe slots[index]
            if slot == 0 { return 0 }
            if UInt32(truncatingIfNeeded: slot >> 32) == tag {
                let handle = UInt32(truncatingIfNeeded: slot)
                if isSame(handle) { return handle }
            }
            index = (index &+ 1) & mask
        }
    }

    /// A handle under the tag, or 0: what `find` looks at first, for who fetches ahead.
    @inlinable
    package func candidate(_ tag: UInt32) -> UInt32 { find(tag) { _ in true } }

    /// Adds a handle under a tag; the caller made sure that it is not there.
    @inlinable
    package mutating func insert(_ tag: UInt32, _ handle: UInt32) {
        precondition(handle != 0)
        if count &* 8 >= (mask &+ 1) &* 5 { grow() }
        place(UInt64(tag) << 32 | UInt64(handle))
        count &+= 1
    }

    @inlinable
    mutating func place(_ slot: UInt64) {
        var index = home(UInt32(truncatingIfNeeded: slot >> 32))
        while unsafe slots[index] != 0 { index = (index &+ 1) & mask }
        unsafe slots[index] = slot
    }

    /// Tells the processor that a tag will be looked for or added soon.
    ///
    /// A table of millions lies in memory that is far away; who knows many tags ahead has them
    /// fetched while it does something else.
    package func prefetch(_ tag: UInt32) { unsafe collie_memory_prefetch(slots + home(tag)) }

    /// Removes a handle that stands under the tag.
    package mutating func remove(_ tag: UInt32, _ handle: UInt32) {
        let wanted = UInt64(tag) << 32 | UInt64(handle)
        var hole = home(tag)
        while true {
            let slot = unsafe slots[hole]
            if slot == 0 { return }
            if slot == wanted { break }
            hole = (hole + 1) & mask
        }
        count -= 1
        // Moves later entries of the run back, so that no probe stops too early.
        var next = (hole + 1) & mask
        while true {
            let slot = unsafe slots[next]
            if slot == 0 { break }
            let origin = home(UInt32(truncatingIfNeeded: slot >> 32))
            if (next - origin) & mask >= (next - hole) & mask {
                unsafe slots[hole] = slot
                hole = next
            }
            next = (next + 1) & mask
        }
        unsafe slots[hole] = 0
    }

    @usableFromInline
    mutating func grow() {
        let oldSlots = unsafe slots
        let oldCount = mask + 1
        mask = oldCount * 2 - 1
        unsafe slots = unsafe IndexTable.allocate(oldCount * 2)
        for index in 0..<oldCount {
            let slot = unsafe oldSlots[index]
            if slot != 0 { place(slot) }
        }
        unsafe TableMemory.give(back: oldSlots, oldCount * 8)
    }
}
