import Synchronization

/// The end of a ring that puts elements in; owned by one thread, which may change hands.
///
/// Elements are staged and then published together; `write` and `tryWrite` do both. A waiting
/// writer is woken when a quarter of the ring is free (or all of it was read), not for each place,
/// so that a slow reader does not pay a system call an element. Dropping the writer closes it.
@safe
@usableFromInline
package struct RingWriter<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
    // @unchecked: it cannot be copied, so one thread at a time has it.

    // Keeps the memory and the signals alive; never touched on the fast path.
    private let ring: Ring<Element>
    private let signal: Signal
    @usableFromInline let memory: RingMemory<Element>
    @usableFromInline let readersBell: Doorbell
    /// The cursor of the next element.
    @usableFromInline var next: UInt
    /// Every element before it is published.
    @usableFromInline var published: UInt
    /// The cursor at which the ring looks full; the truth may be later.
    @usableFromInline var limit: UInt
    private var isClosed = false

    init(_ ring: Ring<Element>, writer: Signal, reader: Signal, first: UInt) {
        self.ring = ring
        signal = writer
        memory = ring.memory
        readersBell = reader.doorbell
        next = first
        published = first
        limit = first &+ ring.memory.mask &+ 1
    }

    deinit {
        if !isClosed { showEnd() }
    }

    /// Elements the ring holds at most.
    package var capacity: Int { Int(memory.mask) + 1 }

    /// Whether the reader has given up.
    ///
    /// A writer that finds room is not told otherwise.
    package var isCancelled: Bool { memory.isCancelled() }

    /// Whether there is room for an element.
    ///
    /// If not, this thread's signal rings when there is, so it can stand in the condition of
    /// `Signal.wait` beside others. Publish before such a wait: the reader makes room only of what
    /// it sees.
    package var hasRoom: Bool {
        if next != memory.readersCursor() &+ memory.mask &+ 1 { return true }
        if !memory.isRoomWished() { memory.wishForRoom() }
        return false
    }

    /// Whether a write would not wait: there is room, or the reader has cancelled.
    package var isReady: Bool { hasRoom || isCancelled }

    /// Elements put in and not yet read, as far as the reader has told.
    package var count: Int { Int(next &- memory.readersCursor()) }

    /// Puts an element in without showing it yet; false if the ring is full.
    @inlinable
    package mutating func tryStage(_ element: Element) -> Bool {
        if next == limit, !findRoom() { return false }
        memory.put(element, at: next)
        next &+= 1
        return true
    }

    /// Puts an element in without showing it yet; waits for room.
    ///
    /// What is staged is shown before it waits. False if the reader has cancelled.
    @inlinable
    package mutating func stage(_ element: Element) -> Bool {
        if next == limit, !findRoom(), !waitForRoom() { return false }
        memory.put(element, at: next)
        next &+= 1
        return true
    }

    /// Shows the reader all that is staged, and wakes it if it waits.
    @inlinable
    package mutating func publish() {
        if next == published { return }
        published = next
        memory.publish(upTo: next)
        readersBell.notify()
    }

    /// Puts an element in and shows it; false if the ring is full.
    @inlinable
    package mutating func tryWrite(_ element: Element) -> Bool {
        guard tryStage(element) else { return false }
        publish()
        return true
    }

    /// Puts an element in and shows it; waits for room.
    ///
    /// False if the reader has cancelled.
    @inlinable
    package mutating func write(_ element: Element) -> Bool {
        guard stage(element) else { return false }
        publish()
        return true
    }

    /// Shows what is staged, then the end.
    ///
    /// Closing twice is closing once.
    package mutating func close() {
        if isClosed { return }
        isClosed = true
        published = next
        // The next write looks for room and meets the trap there.
        limit = next
        showEnd()
    }

    private func showEnd() {
        memory.publish(upTo: next)
        memory.close()
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        readersBell.ring()
    }

    @usableFromInline
    mutating func findRoom() -> Bool {
        precondition(!isClosed, "nothing is written after the end")
        limit = memory.readersCursor() &+ memory.mask &+ 1
        if next == limit { return false }
        if memory.isRoomWished() { _ = memory.takeWishForRoom() }
        return true
    }

    @usableFromInline
    mutating func waitForRoom() -> Bool {
        publish()
        signal.wait(for: .room) { isReady }
        return findRoom()
    }
}
