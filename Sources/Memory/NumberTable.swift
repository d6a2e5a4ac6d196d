import CMemory

/// A hash table that finds numbered records by their hash: the first record is 1, the next one 2,
/// and none is ever taken out.
///
/// A slot is four bytes, which is half of what `IndexTable` needs: the record's number and four bits
/// of its hash; the other bits stand with the record. So a look is wasted on one in sixteen of the
/// records on the way, and who lets the table grow lends all hashes. Open addressing, linear
/// probing; doubles when 3/4 full. Owned by one thread.
@safe
@usableFromInline
package struct NumberTable: ~Copyable {
    /// The highest number.
    @inlinable package static var limit: Int { 1 << 28 - 1 }

    // A slot: four bits of the hash above the number; 0 is an empty slot.
    @usableFromInline var slots: UnsafeMutablePointer<UInt32>
    @usableFromInline var mask: Int
    /// Records.
    @usableFromInline package var count = 0

    /// Makes a table with room for that many records before it grows.
    package init(room: Int) {
        var capacity = 16
        while capacity / 4 * 3 < room { capacity *= 2 }
        mask = capacity - 1
        unsafe slots = unsafe NumberTable.allocate(capacity)
    }

    /// Bytes in use.
    package var byteCount: Int { (mask + 1) * 4 }

    deinit { unsafe TableMemory.give(back: slots, (mask + 1) * 4) }

    // Owned by the table alone; zeros are empty slots.
    private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<UInt32> {
        let memory = unsafe TableMemory.take(capacity * 4, isZeroed: true)
        return unsafe memory.bindMemory(to: UInt32.self, capacity: capacity)
    }

    // Where a hash is looked for first, by its low bits; the highest four stand in the slot.
    @inlinable
    func home(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & mask }

    @inlinable
    func mark(_ hash: UInt64) -> UInt32 {
        UInt32(truncatingIfNeeded: hash >> 32) & 0xf000_0000
    }

    /// The number of the record under a hash for which the closure holds, or 0.
    @inlinable
    package func find(_ hash: UInt64, where isSame: (UInt32) -> Bool) -> UInt32 {
        let mark = mark(hash)
        var index = home(hash)
        while true {
            // `index` is masked, so within the table; some slot is always empty.
            let slot = unsafe slots[index]
            if slot == 0 { return 0 }
            let number = slot ^ mark
            if number < 1 << 28, isSame(number) { return number }
            index = (index &+ 1) & mask
        }
    }

    /// A record that may be the one under a hash, or 0: what `find` looks at first, for who fetches
    /// ahead.
    @inlinable
    package func candidate(_ hash: UInt64) -> UInt32 { find(hash) { _ in true } }

    /// Tells the processor that a hash will be looked for soon.
    package func prefetch(_ hash: UInt64) { unsafe collie_memory_prefetch(slots + home(hash)) }

    /// Adds the next record under its hash; the closure answers the hashes of all before, should the
    /// table grow.
    @inlinable
    package mutating func append(_ hash: UInt64, hashes: (UInt32) -> UInt64) {
        precondition(count < NumberTable.limit, "a record with a number")
        if count >= (mask &+ 1) / 4 &* 3 { grow(hashes) }
        count &+= 1
        place(UInt32(count), hash)
    }

    @usableFromInline
    func place(_ number: UInt32, _ hash: UInt64) {
        var index = home(hash)
        while unsafe slots[index] != 0 { index = (index &+ 1) & mask }
        unsafe slots[index] = mark(hash) | number
    }

    @usableFromInline
    mutating func grow(_ hashes: (UInt32) -> UInt64) {
        unsafe TableMemory.give(back: slots, (mask + 1) * 4)
        mask = mask * 2 + 1
        unsafe slots = unsafe NumberTable.allocate(mask + 1)
        // Their places are far from each other: fetched some steps ahead.
        let distance = 16
        for number in 0..<count + distance {
            if number < count { prefetch(hashes(UInt32(number + 1))) }
            if number >= distance {
                let done = UInt32(number - distance + 1)
                place(done, hashes(done))
            }
        }
    }
}
