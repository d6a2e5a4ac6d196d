import CPlatform
import Synchronization

/// Calls something that may never come back, and waits for it no longer than that; false if it has
/// not come back, and is left to itself.
///
/// It runs on a thread of its own, which whoever gave up on it leaves behind: a thread that waits
/// for ever costs its stack, a caller that does costs the stop of a process.
func callBounded(
    _ name: String,
    within limit: Duration,
    _ body: @escaping @Sendable () -> Void
) -> Bool {
    let call = BoundedCall(body)
    var thread: UInt64 = 0
    // The new thread takes over the reference; without a thread it is taken back below.
    let context = unsafe Unmanaged.passRetained(call)
    let error = unsafe collie_thread_start(
        name,
        { context in
            // Passed retained just above.
            unsafe Unmanaged<BoundedCall>.fromOpaque(context).takeRetainedValue().run()
        },
        context.toOpaque(),
        &thread
    )
    guard error == 0 else {
        unsafe context.release()
        body()
        return true
    }
    let deadline = collie_monotonic_milliseconds() + limit.milliseconds
    while !call.isOver {
        if collie_monotonic_milliseconds() >= deadline {
            collie_thread_detach(thread)
            return false
        }
        call.wait(milliseconds: 10)
    }
    collie_thread_join(thread)
    return true
}

/// What the two threads of a bounded call share.
private final class BoundedCall: Sendable {
    private let body: @Sendable () -> Void
    private let hasReturned = Atomic<Bool>(false)

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func run() {
        body()
        hasReturned.store(true, ordering: .releasing)
    }

    var isOver: Bool { hasReturned.load(ordering: .acquiring) }

    /// Sleeps a little: this is no path where a few milliseconds count.
    func wait(milliseconds: Int64) {
        var own: UInt32 = 0
        let deadline = collie_monotonic_nanoseconds() + milliseconds * 1_000_000
        // The word is this call's own and nobody wakes it; an early return only shortens the wait.
        unsafe withUnsafePointer(to: &own) { _ = unsafe collie_futex_wait($0, 0, deadline) }
    }
}
