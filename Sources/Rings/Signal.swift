public import CPlatform
public import Synchronization

/// What a thread does after a turn that found nothing: spin, then yield, then park.
///
/// Spinning catches what comes within a microsecond without a system call, but takes the processor
/// from the thread that would send it when there are more threads than processors; so it is brief.
@usableFromInline
package struct IdleStrategy: Sendable {
    /// Looks with a pause between them.
    @usableFromInline let spins: Int
    /// Looks with other threads let run between them.
    @usableFromInline let yields: Int

    /// Makes a strategy; the default suits more threads than processors.
    package init(spins: Int = 30, yields: Int = 3) {
        precondition(spins >= 0 && yields >= 0)
        self.spins = spins
        self.yields = yields
    }
}

/// Where one thread sleeps until any of the things it waits for has happened.
///
/// Think of a porter who naps beside the bells of all doors: before he naps he says so, then looks
/// at every door once more; who comes to a door rings only if he has said that he naps. So nobody
/// who finds him awake pays more than a glance, and nobody waits unheard.
///
/// Each thread has one, shared by all rings it reads or writes and by its executor. Only that
/// thread waits on it, any thread may ring. Wake-ups may be spurious, hence the condition is
/// looked at again after each; they are never lost.
@safe
@usableFromInline
package final class Signal: @unchecked Sendable {
    // @unchecked: the only state is the doorbell's word, which is atomic.

    /// What the thread waits for.
    @usableFromInline
    package enum Purpose: UInt32, Sendable {
        /// Anything: elements, room, jobs.
        case news = 1
        /// Nothing but room in a full ring: new elements and jobs do not wake the thread, for it
        /// could not turn to them.
        case room = 2
    }

    /// What others ring.
    @usableFromInline let doorbell: Doorbell
    /// What the thread does before it parks.
    @usableFromInline let idleStrategy: IdleStrategy

    /// Makes the signal of a thread.
    package init(idleStrategy: IdleStrategy = IdleStrategy()) {
        self.idleStrategy = idleStrategy
        doorbell = Doorbell()
    }

    deinit {
        doorbell.deallocate()
    }

    /// Whether the thread sleeps or is about to.
    package var isWaiting: Bool {
        doorbell.purpose() != Doorbell.awake
    }

    /// Tells the thread that there is news; costs a glance while it is awake.
    @inlinable
    package func notify() {
        doorbell.notify()
    }

    /// Waits until the condition holds, at most that long; whether it holds.
    ///
    /// The condition is evaluated on this thread, often, and must not wait itself.
    @inlinable
    @discardableResult
    package func wait(
        for purpose: Purpose = .news,
        atMost patience: Duration? = nil,
        until condition: () -> Bool
    ) -> Bool {
        for _ in 0..<idleStrategy.spins {
            if condition() { return true }
            collie_spin_hint()
        }
        for _ in 0..<idleStrategy.yields {
            if condition() { return true }
            collie_thread_yield()
        }
        let deadline = Signal.deadline(after: patience)
        var inTime = true
        while true {
            doorbell.announceNap(purpose)
            // The first look may ask others to ring (a writer for room), which has to come before
            // the fence; the second look is the one that counts.
            if !condition() {
                atomicMemoryFence(ordering: .sequentiallyConsistent)
                if !condition(), inTime {
                    inTime = doorbell.nap(purpose, until: deadline)
                    doorbell.endNap()
                    continue
                }
            }
            doorbell.endNap()
            return condition()
        }
    }

    @usableFromInline
    static func deadline(after patience: Duration?) -> Int64 {
        guard let patience else { return -1 }
        let (seconds, attoseconds) = patience.components
        // A year is as good as for ever, and does not overflow.
        let bounded = min(max(seconds, 0), 31_536_000)
        let nanoseconds = seconds < 0 ? 0 : bounded * 1_000_000_000 + attoseconds / 1_000_000_000
        return collie_monotonic_nanoseconds() + max(nanoseconds, 0)
    }
}

/// The part of a signal that others hold a copy of: one word and how to ring.
///
/// A copy costs no reference count on the way of every element; who holds one keeps the signal.
@safe
@usableFromInline
struct Doorbell: @unchecked Sendable {
    // @unchecked: the pointer never changes and what it points at is atomic.

    @usableFromInline static let awake: UInt32 = 0
    /// Two cache lines, so that no neighbour's stores slow the glances.
    private static let size = 128

    // Owned by the signal; a doorbell lives no longer.
    @usableFromInline let address: UnsafeMutablePointer<Atomic<UInt32>>

    init() {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: Doorbell.size,
            alignment: Doorbell.size
        )
        unsafe address = raw.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
        unsafe address.initialize(to: Atomic(Doorbell.awake))
    }

    func deallocate() {
        unsafe address.deallocate()
    }

    /// `awake`, or the purpose of the nap.
    func purpose() -> UInt32 {
        unsafe address.pointee.load(ordering: .acquiring)
    }

    /// Wakes the thread if it waits for news.
    ///
    /// Who rings has stored something and now looks for a nap; who naps has stored that and now
    /// looks for something. Without a fence between the two on both sides a processor may look
    /// first and store later, and they miss each other.
    @inlinable
    func notify() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        // Allocated as long as the signal lives.
        let purpose = unsafe address.pointee.load(ordering: .relaxed)
        if purpose == Signal.Purpose.news.rawValue { ring() }
    }

    /// Wakes the thread whatever it waits for.
    @usableFromInline
    func ring() {
        let before = exchange(Doorbell.awake)
        if before == Doorbell.awake { return }
        // An Atomic<UInt32> is stored as its value, which is what the kernel compares.
        unsafe collie_futex_wake(UnsafeRawPointer(address).assumingMemoryBound(to: UInt32.self), 1)
    }

    @usableFromInline
    func announceNap(_ purpose: Signal.Purpose) {
        let before = exchange(purpose.rawValue)
        precondition(before == Doorbell.awake, "one thread at a time waits on a signal")
    }

    @usableFromInline
    func endNap() {
        _ = exchange(Doorbell.awake)
    }

    /// Sleeps until rung; false when the deadline has passed.
    @usableFromInline
    func nap(_ purpose: Signal.Purpose, until deadline: Int64) -> Bool {
        while self.purpose() == purpose.rawValue {
            // As in `ring`.
            let flag = unsafe UnsafeRawPointer(address).assumingMemoryBound(to: UInt32.self)
            guard unsafe collie_futex_wait(flag, purpose.rawValue, deadline) else { return false }
        }
        return true
    }

    private func exchange(_ purpose: UInt32) -> UInt32 {
        unsafe address.pointee.exchange(purpose, ordering: .acquiringAndReleasing)
    }
}
