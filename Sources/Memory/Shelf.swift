/// Rows by a slot number that somebody else gives out, each either open or packed.
///
/// Think of a desk and a shelf: what is worked on lies open on the desk, as records that can be
/// read and changed in place; the rest stands on the shelf, folded into as few bytes as say the
/// same. The owner folds and unfolds; the shelf knows what lies where, and which open row was not
/// touched for longest, about. Owned by one thread.
@safe
@usableFromInline
package struct Shelf<Element: BitwiseCopyable>: ~Copyable {
    // What is known of a slot: 0 for nothing, else where it is and how.
    @inlinable static var packedBit: UInt32 { 1 << 31 }
    @inlinable static var touchedBit: UInt32 { 1 << 30 }
    @inlinable static var handleMask: UInt32 { 1 << 30 - 1 }

    @usableFromInline var places: Slots<UInt32>
    @usableFromInline var open: Slab<Element>
    @usableFromInline var cells = ByteCells()
    // Open slots in the order in which they were opened: a ring whose room is a power of two.
    @usableFromInline var queue = GrowingBuffer<UInt32>(zeros: 1 << 8)
    @usableFromInline var first = 0
    @usableFromInline var waiting = 0
    // The row at hand, so that it is not looked up again and again.
    @usableFromInline var current: UInt32 = 0
    @usableFromInline var row: UnsafeMutablePointer<Element>

    /// Makes an empty shelf for slots up to the limit.
    package init(limit: Int) {
        precondition(limit > 0 && limit < Int(UInt32.max))
        places = Slots(limit: limit)
        open = Slab(limit: min(limit, 1 << 29), chunk: 1_024)
        // Never followed while no slot is at hand.
        unsafe row = UnsafeMutablePointer(bitPattern: 64).unsafelyUnwrapped
    }

    /// An open row, in place.
    @inlinable
    package subscript(slot: UInt32) -> Element {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(address(slot)) }
        @inline(__always) unsafeMutableAddress { unsafe address(slot) }
    }

    @inlinable
    @inline(__always)
    func address(_ slot: UInt32) -> UnsafeMutablePointer<Element> {
        // A record stays where it is until it is closed, which puts it out of hand.
        if slot == current, slot != 0 { return unsafe row }
        return unsafe find(slot)
    }

    @inlinable
    func find(_ slot: UInt32) -> UnsafeMutablePointer<Element> {
        let place = place(of: slot)
        precondition(place != 0 && place & Self.packedBit == 0, "a slot that is open")
        return unsafe open.address(place & Self.handleMask)
    }

    @inlinable
    func place(of slot: UInt32) -> UInt32 {
        guard slot != 0, places.contains(slot) else { return 0 }
        return places[slot]
    }

    /// Takes a row at hand; false if it is not open.
    @inlinable
    package mutating func reach(for slot: UInt32) -> Bool {
        slot == current && slot != 0 ? true : take(slot)
    }

    @inlinable
    mutating func take(_ slot: UInt32) -> Bool {
        let place = place(of: slot)
        guard place != 0, place & Self.packedBit == 0 else { return false }
        if place & Self.touchedBit == 0 { places[slot] = place | Self.touchedBit }
        unsafe row = unsafe open.address(place & Self.handleMask)
        current = slot
        return true
    }

    /// Opens a slot that holds nothing, and takes it at hand.
    @inlinable
    package mutating func open(_ slot: UInt32, _ element: Element) {
        precondition(place(of: slot) == 0, "a slot that holds nothing")
        let handle = open.take(element)
        precondition(handle != 0, "room for open rows")
        places.fill(slot, handle | Self.touchedBit, others: 0)
        enqueue(slot)
        unsafe row = unsafe open.address(handle)
        current = slot
    }

    /// Forgets an open slot.
    @inlinable
    package mutating func close(_ slot: UInt32) {
        let place = place(of: slot)
        precondition(place != 0 && place & Self.packedBit == 0, "a slot that is open")
        open.give(back: place & Self.handleMask)
        places[slot] = 0
        current = 0
    }

    /// Whether a slot is open.
    @inlinable
    package func isOpen(_ slot: UInt32) -> Bool {
        let place = place(of: slot)
        return place != 0 && place & Self.packedBit == 0
    }

    /// Tells the processor that a slot will be asked for soon.
    @inlinable
    package func prefetch(_ slot: UInt32) { places.prefetch(slot) }

    /// The same, a little later: it is known by now where the row lies, open or packed.
    @inlinable
    package func prefetchRow(_ slot: UInt32) {
        let place = place(of: slot)
        if place & Self.packedBit != 0 {
            cells.prefetch(place & ~Self.packedBit)
        } else {
            open.prefetch(place & Self.handleMask)
        }
    }

    // MARK: Packed rows

    /// Whether a slot is packed.
    @inlinable
    package func isPacked(_ slot: UInt32) -> Bool { place(of: slot) & Self.packedBit != 0 }

    /// The bytes of a packed slot.
    @_lifetime(borrow self)
    package func packed(_ slot: UInt32) -> RawSpan {
        let place = place(of: slot)
        precondition(place & Self.packedBit != 0, "a slot that is packed")
        return cells.bytes(place & ~Self.packedBit)
    }

    /// Puts bytes into a slot that holds nothing; false if they are too many.
    @inlinable
    package mutating func put(_ bytes: RawSpan, in slot: UInt32) -> Bool {
        precondition(place(of: slot) == 0, "a slot that holds nothing")
        let handle = cells.keep(bytes)
        guard handle != 0 else { return false }
        places.fill(slot, handle | Self.packedBit, others: 0)
        return true
    }

    /// Forgets a packed slot.
    @inlinable
    package mutating func removePacked(_ slot: UInt32) {
        let place = place(of: slot)
        precondition(place & Self.packedBit != 0, "a slot that is packed")
        cells.give(back: place & ~Self.packedBit)
        places[slot] = 0
    }

    // MARK: Which to pack

    /// How many open slots may be packed.
    @inlinable
    package var openCount: Int { waiting }

    /// Takes the slot that was opened or looked at longest ago off the queue, and answers it if it
    /// may be packed.
    ///
    /// One that was touched meanwhile goes behind the others, and one that is not open any more
    /// is forgotten; both are answered by 0.
    @inlinable
    package mutating func takeTurn() -> UInt32 {
        precondition(waiting > 0, "a slot that waits")
        let slot = queue[first]
        first = (first &+ 1) & (queue.count &- 1)
        waiting &-= 1
        let place = place(of: slot)
        // Closed meanwhile, or packed on behalf of an earlier place in the queue.
        guard place != 0, place & Self.packedBit == 0 else { return 0 }
        if place & Self.touchedBit == 0 { return slot }
        places[slot] = place & ~Self.touchedBit
        if slot == current { current = 0 }
        enqueue(slot)
        return 0
    }

    /// The slot whose turn comes so many turns later, or 0.
    @inlinable
    package func turn(_ distance: Int) -> UInt32 {
        distance < waiting ? queue[(first &+ distance) & (queue.count &- 1)] : 0
    }

    /// Whether a slot is open and was not touched since its last turn.
    @inlinable
    package func isUntouched(_ slot: UInt32) -> Bool {
        let place = place(of: slot)
        return place != 0 && place & (Self.packedBit | Self.touchedBit) == 0
    }

    @inlinable
    mutating func enqueue(_ slot: UInt32) {
        if waiting == queue.count { widen() }
        queue[(first &+ waiting) & (queue.count &- 1)] = slot
        waiting &+= 1
    }

    @usableFromInline
    mutating func widen() {
        var larger = GrowingBuffer<UInt32>(zeros: queue.count * 2)
        for index in 0..<waiting { larger[index] = queue[(first + index) & (queue.count - 1)] }
        swap(&queue, &larger)
        first = 0
    }

    // MARK: Room

    /// Makes room for slots up to one.
    package mutating func reserve(_ highest: Int) { places.reserve(highest) }

    /// Bytes in use: of the places, of the open rows, of the packed ones.
    package var byteCounts: (places: Int, open: Int, packed: Int) {
        (places.byteCount + queue.count * 4, open.byteCount, cells.byteCount)
    }
}
