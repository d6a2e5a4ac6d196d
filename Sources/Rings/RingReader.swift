import Synchronization

/// The end of a ring that takes elements out; owned by one thread, which may change hands.
///
/// It looks at the writer's cursor only when it has read all it knew of. A place is free again as
/// soon as its element is read. Dropping the reader cancels it.
@safe
@usableFromInline
package struct RingReader<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    // @unchecked: it cannot be copied, so one thread at a time has it.

    // Keeps the memory and the signals alive; never touched on the fast path.
    private let ring: Ring<Element>
    private let signal: Signal
    @usableFromInline let memory: RingMemory<Element>
    @usableFromInline let writersBell: Doorbell
    /// The cursor of the next element.
    @usableFromInline var next: UInt
    /// Every element before it is there; the truth may be later.
    @usableFromInline var known: UInt
    @usableFromInline var isCancelled = false

    init(_ ring: Ring<Element>, writer: Signal, reader: Signal, first: UInt) {
        self.ring = ring
        signal = reader
        memory = ring.memory
        writersBell = writer.doorbell
        next = first
        known = first
    }

    deinit {
        if !isCancelled { giveUp() }
    }

    /// Whether no element is there now.
    @inlinable
    package var isEmpty: Bool {
        next == known && (memory.writersCursor() == next || isCancelled)
    }

    /// Whether the writer is closed and everything is read, or this reader has cancelled.
    package var hasEnded: Bool {
        if isCancelled { return true }
        // Closed first: what was published before closing is seen after it.
        return next == known && memory.isClosed() && memory.writersCursor() == next
    }

    /// Whether there is an element or the end: what a thread that waits on its signal looks at.
    package var isReady: Bool { !isEmpty || hasEnded }

    /// Elements there now.
    package var count: Int { Int(memory.writersCursor() &- next) }

    /// Takes the next element, if there is one.
    @inlinable
    package mutating func tryRead() -> Element? {
        if next == known, !findElements() { return nil }
        let element = memory.element(at: next)
        next &+= 1
        release()
        return element
    }

    /// Takes what is there now, at most so many elements, and lends each to the closure in order;
    /// answers how many.
    ///
    /// Their places are given back together.
    @inlinable
    package mutating func tryRead(atMost most: Int, _ body: (Element) -> Void) -> Int {
        if next == known, !findElements() { return 0 }
        let count = min(most, Int(known &- next))
        let end = next &+ UInt(count)
        let before = next & ~(memory.quarter &- 1)
        while next != end {
            body(memory.element(at: next))
            next &+= 1
        }
        memory.release(upTo: next)
        // As `release` does, where a quarter was begun on the way.
        if next & ~(memory.quarter &- 1) != before { wakeWriter() }
        return count
    }

    /// Takes the next element, waits for it if there is none yet; nil at the end.
    @inlinable
    package mutating func read() -> Element? {
        if next == known, !findElements(), !waitForElements() { return nil }
        let element = memory.element(at: next)
        next &+= 1
        release()
        return element
    }

    /// Looks for an element and leaves it in its place, for elements too large to copy twice.
    ///
    /// When true it is `first`, until `dropFirst`.
    @inlinable
    package mutating func findFirst() -> Bool {
        next != known || findElements()
    }

    /// The element that `findFirst` found, in place.
    @inlinable
    package var first: Element {
        unsafeAddress {
            precondition(next != known, "an element was found")
            // Published and not yet released: the place belongs to this reader.
            return unsafe UnsafePointer(memory.place(next))
        }
    }

    /// Gives back the place of `first`.
    @inlinable
    package mutating func dropFirst() {
        precondition(next != known, "an element was found")
        next &+= 1
        release()
    }

    /// Gives up reading: a waiting writer wakes up and is refused.
    ///
    /// Cancelling twice is cancelling once.
    package mutating func cancel() {
        if isCancelled { return }
        isCancelled = true
        known = next
        giveUp()
    }

    private func giveUp() {
        memory.cancel()
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        writersBell.ring()
    }

    @inlinable
    mutating func release() {
        memory.release(upTo: next)
        if next & (memory.quarter &- 1) == 0 { wakeWriter() }
    }

    /// Wakes a writer that waits and has a quarter of the ring for itself.
    ///
    /// Looked at once a quarter: of the four times between full and empty three find enough room.
    @usableFromInline
    func wakeWriter() {
        // See `Doorbell.notify`.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard memory.isRoomWished() else { return }
        let filled = memory.writersCursor() &- next
        guard filled <= memory.mask &+ 1 &- memory.quarter else { return }
        if memory.takeWishForRoom() { writersBell.ring() }
    }

    @usableFromInline
    mutating func findElements() -> Bool {
        if isCancelled { return false }
        known = memory.writersCursor()
        return next != known
    }

    @usableFromInline
    mutating func waitForElements() -> Bool {
        signal.wait { isReady }
        return findElements()
    }
}
