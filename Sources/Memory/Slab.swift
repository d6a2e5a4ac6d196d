/// Fixed-size records in chunks, addressed by 32-bit handles.
///
/// Think of numbered lockers: a locker is taken, used and given back, and its number stays valid
/// in between, however many rooms of lockers are added. Handles begin at 1; 0 is "none". Owned by
/// one thread. A new chunk is allocated when all lockers are taken (so a warmed-up slab allocates
/// nothing); at `limit` the slab answers 0 and its owner decides what goes.
@safe
@usableFromInline
package struct Slab<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline let shift: UInt32
    @usableFromInline let mask: UInt32
    @usableFromInline let stride: Int
    @usableFromInline let limit: UInt32
    @usableFromInline var chunks: Chunks
    /// The highest handle ever given.
    @usableFromInline var highest: UInt32 = 0
    @usableFromInline var firstFree: UInt32 = 0
    /// Records in use.
    @usableFromInline package var count = 0
    @usableFromInline let pinned = Pinned()

    /// Makes an empty slab.
    ///
    /// - Parameters:
    ///   - limit: at most this many records.
    ///   - chunk: records a chunk; a power of two.
    package init(limit: Int, chunk: Int = 4_096) {
        precondition(chunk > 0 && chunk & (chunk - 1) == 0, "a chunk is a power of two")
        precondition(limit > 0 && limit < Int(UInt32.max))
        shift = UInt32(chunk.trailingZeroBitCount)
        mask = UInt32(chunk - 1)
        self.limit = UInt32(limit)
        stride = max(MemoryLayout<Element>.stride, MemoryLayout<UInt32>.stride)
        chunks = Chunks(size: stride * chunk, limit: limit / chunk + 1)
    }

    deinit { chunks.free() }

    @inlinable
    @inline(__always)
    func address(_ handle: UInt32) -> UnsafeMutablePointer<Element> {
        precondition(handle != 0 && handle <= highest, "a handle of this slab")
        let index = handle &- 1
        // The chunk of every handle up to `highest` is allocated.
        let chunk = unsafe chunks.directory[Int(index >> shift)]
        return unsafe (chunk + Int(index & mask) &* stride).assumingMemoryBound(to: Element.self)
    }

    /// The record of a handle, in place.
    @inlinable
    package subscript(handle: UInt32) -> Element {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(address(handle)) }
        @inline(__always) unsafeMutableAddress { unsafe address(handle) }
    }

    /// Tells the processor that a record will be read or written soon; one that is not there is
    /// left alone.
    @inlinable
    package func prefetch(_ handle: UInt32) {
        guard handle != 0, handle <= highest else { return }
        // Only asked for.
        let place = unsafe UnsafeRawPointer(address(handle))
        unsafe TableMemory.prefetch(place)
        // A large record stands on several lines of the cache; the first two hold what is asked
        // first.
        if MemoryLayout<Element>.size > 64 { unsafe TableMemory.prefetch(place + 64) }
    }

    /// Takes a record and fills it; 0 at the limit.
    @inlinable
    package mutating func take(_ element: Element) -> UInt32 {
        let handle = takeAsItIs()
        if handle != 0 { unsafe address(handle).initialize(to: element) }
        return handle
    }

    /// Takes a record that holds whatever it held; 0 at the limit.
    @inlinable
    mutating func takeAsItIs() -> UInt32 {
        var handle = firstFree
        if handle != 0 {
            // A free record's first bytes hold the next free handle.
            firstFree = unsafe UnsafeRawPointer(address(handle)).load(as: UInt32.self)
        } else {
            guard highest < limit else { return 0 }
            if highest >> shift >= UInt32(chunks.count) { chunks.add() }
            highest &+= 1
            handle = highest
        }
        count &+= 1
        return handle
    }

    /// Gives a record back.
    @inlinable
    package mutating func give(back handle: UInt32) {
        unsafe UnsafeMutableRawPointer(address(handle)).storeBytes(of: firstFree, as: UInt32.self)
        firstFree = handle
        count &-= 1
    }

    /// Makes room for so many records in all.
    @usableFromInline
    package mutating func reserve(_ total: Int) {
        chunks.reserve((min(total, Int(limit)) + Int(mask)) >> Int(shift))
    }

    /// Bytes in use.
    package var byteCount: Int { chunks.byteCount }
}
