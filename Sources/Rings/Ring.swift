public import Synchronization

/// Carries values from one thread to one other, in order, bounded, without locks.
///
/// Think of a revolving sushi bar with one cook and one guest: numbered places, a mark for how far
/// the cook has served and one for how far the guest has eaten; each moves its own mark and
/// only looks at the other's. The marks are cursors that only grow (and wrap); place = cursor
/// masked by the capacity.
///
/// The two ends are values that cannot be copied, so a second writer is a compile error. A full
/// ring makes its writer wait (or say so), that is how backpressure travels. When the writer is
/// closed the reader sees what is left and then the end; when the reader cancels, the writer's
/// waiting ends with a refusal. Dropping an end does the same. All memory is allocated, and
/// touched, when the ring is made.
@safe
@usableFromInline
package final class Ring<Element: BitwiseCopyable>: @unchecked Sendable {
    // @unchecked: the ends follow the cursors' protocol, one thread each.

    @usableFromInline let memory: RingMemory<Element>
    // Kept for the doorbells that the ends hold copies of.
    private let writerSignal: Signal
    private let readerSignal: Signal

    init(capacity: Int, writer: Signal, reader: Signal, firstCursor: UInt) {
        precondition(
            capacity > 0 && capacity <= 1 << 30 && capacity & (capacity - 1) == 0,
            "a ring's capacity is a power of two"
        )
        memory = RingMemory(capacity: capacity, firstCursor: firstCursor)
        writerSignal = writer
        readerSignal = reader
    }

    deinit {
        memory.deallocate()
    }

    /// Makes a ring and hands out its two ends.
    ///
    /// - Parameters:
    ///   - capacity: elements it holds at most; a power of two.
    ///   - writer: the signal of the thread that will write.
    ///   - reader: the signal of the thread that will read.
    ///   - firstCursor: where the cursors begin; for tests of their wrapping.
    package static func ends(
        capacity: Int,
        writer: Signal,
        reader: Signal,
        firstCursor: UInt = 0
    ) -> RingEnds<Element> {
        let ring = Ring(
            capacity: capacity,
            writer: writer,
            reader: reader,
            firstCursor: firstCursor
        )
        return RingEnds(
            writer: RingWriter(ring, writer: writer, reader: reader, first: firstCursor),
            reader: RingReader(ring, writer: writer, reader: reader, first: firstCursor)
        )
    }
}

/// Both ends of a new ring, to be taken apart.
@frozen
@usableFromInline
package struct RingEnds<Element: BitwiseCopyable>: ~Copyable, Sendable {
    /// For the thread that writes.
    package var writer: RingWriter<Element>
    /// For the thread that reads.
    package var reader: RingReader<Element>
}

/// The places and cursors of a ring: one block of memory, each cursor on cache lines of its own.
///
/// A trivial copy of pointers, so that the ends need no reference count; the ring owns what they
/// point at.
@safe
@usableFromInline
struct RingMemory<Element: BitwiseCopyable>: @unchecked Sendable {
    // @unchecked: the pointer never changes; cursors and flags are atomic, and a place belongs to
    // one end at a time, handed over by the cursors.

    /// Cache lines come in pairs (the prefetcher fetches two), hence 128 bytes each.
    @usableFromInline static var line: Int { 128 }

    @usableFromInline let base: UnsafeMutableRawPointer
    /// One less than the capacity.
    @usableFromInline let mask: UInt
    /// A quarter of the capacity, at least one; a power of two.
    @usableFromInline let quarter: UInt

    init(capacity: Int, firstCursor: UInt) {
        mask = UInt(capacity - 1)
        quarter = UInt(max(1, capacity / 4))
        let size = RingMemory.places + capacity * MemoryLayout<Element>.stride
        // Owned by the ring, which deallocates it.
        unsafe base = .allocate(
            byteCount: size,
            alignment: max(RingMemory.line, MemoryLayout<Element>.alignment)
        )
        // Touched now, so that no turn meets a page fault.
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        for offset in [RingMemory.closed, RingMemory.cancelled, RingMemory.roomWished] {
            // Each word lies inside its line, before the places.
            unsafe (base + offset).initializeMemory(as: Atomic<UInt>.self, to: Atomic(0))
        }
        for offset in [RingMemory.written, RingMemory.read] {
            unsafe (base + offset).initializeMemory(as: Atomic<UInt>.self, to: Atomic(firstCursor))
        }
    }

    func deallocate() {
        unsafe base.deallocate()
    }

    // The words by their offsets: the writer's line, the reader's line, and one written by who
    // waits.
    @usableFromInline static var written: Int { 0 }
    @usableFromInline static var closed: Int { 8 }
    @usableFromInline static var read: Int { line }
    @usableFromInline static var cancelled: Int { line + 8 }
    @usableFromInline static var roomWished: Int { 2 * line }
    @usableFromInline static var places: Int { 3 * line }

    @inlinable
    func word(_ offset: Int) -> UnsafePointer<Atomic<UInt>> {
        // Bound in `init`.
        unsafe UnsafePointer((base + offset).assumingMemoryBound(to: Atomic<UInt>.self))
    }

    /// The writer's cursor: every place before it is filled, and may be read after this.
    @inlinable
    func writersCursor() -> UInt {
        unsafe word(RingMemory.written).pointee.load(ordering: .acquiring)
    }

    /// Moves the writer's cursor; what was put in before is seen by who sees the cursor.
    @inlinable
    func publish(upTo cursor: UInt) {
        unsafe word(RingMemory.written).pointee.store(cursor, ordering: .releasing)
    }

    /// The reader's cursor: every place before it is free, and may be filled after this.
    @inlinable
    func readersCursor() -> UInt {
        unsafe word(RingMemory.read).pointee.load(ordering: .acquiring)
    }

    /// Moves the reader's cursor; what was read before is read by who sees the cursor.
    @inlinable
    func release(upTo cursor: UInt) {
        unsafe word(RingMemory.read).pointee.store(cursor, ordering: .releasing)
    }

    /// Whether the writer is closed.
    func isClosed() -> Bool {
        unsafe word(RingMemory.closed).pointee.load(ordering: .acquiring) != 0
    }

    func close() {
        unsafe word(RingMemory.closed).pointee.store(1, ordering: .releasing)
    }

    /// Whether the reader has cancelled.
    func isCancelled() -> Bool {
        unsafe word(RingMemory.cancelled).pointee.load(ordering: .acquiring) != 0
    }

    func cancel() {
        unsafe word(RingMemory.cancelled).pointee.store(1, ordering: .releasing)
    }

    /// Whether the writer wants to be woken when there is room.
    func isRoomWished() -> Bool {
        unsafe word(RingMemory.roomWished).pointee.load(ordering: .relaxed) != 0
    }

    /// The writer's wish; released, so that who takes it also sees the nap announced before.
    func wishForRoom() {
        unsafe word(RingMemory.roomWished).pointee.store(1, ordering: .releasing)
    }

    /// Takes the wish away; whether there was one.
    func takeWishForRoom() -> Bool {
        unsafe word(RingMemory.roomWished).pointee
            .exchange(0, ordering: .acquiringAndReleasing) != 0
    }

    /// The place of a cursor.
    @inlinable
    func place(_ cursor: UInt) -> UnsafeMutablePointer<Element> {
        // Masked, so inside the block.
        unsafe (base + RingMemory.places + Int(cursor & mask) &* MemoryLayout<Element>.stride)
            .assumingMemoryBound(to: Element.self)
    }

    @inlinable
    func put(_ element: Element, at cursor: UInt) {
        unsafe place(cursor).initialize(to: element)
    }

    @inlinable
    func element(at cursor: UInt) -> Element {
        unsafe place(cursor).pointee
    }
}
