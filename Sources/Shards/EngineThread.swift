import CPlatform
import Synchronization

/// A thread with a name that runs one body from beginning to end.
///
/// Source, decoders, resolver, shards and egress each live on one. Whoever starts it joins it; one
/// that was never joined is left to itself when the last reference goes.
package final class EngineThread: Sendable {
    /// What `top -H` shows; Linux keeps 15 bytes of it.
    package let name: String
    /// The system's id of the thread; 0 before it is started.
    private let identity = Atomic<UInt64>(0)
    private let isJoined = Atomic<Bool>(false)

    /// Makes a thread that does not run yet.
    package init(name: String) {
        self.name = name
    }

    deinit {
        let thread = identity.load(ordering: .acquiring)
        if thread != 0, !isJoined.load(ordering: .acquiring) { collie_thread_detach(thread) }
    }

    /// Lets the calling thread sleep; for waits that nothing rings for.
    package static func sleep(milliseconds: Int64) {
        var word: UInt32 = 0
        let deadline = collie_monotonic_nanoseconds() + milliseconds * 1_000_000
        // The word is this call's own and nobody wakes it; an early return only shortens the wait.
        unsafe withUnsafePointer(to: &word) {
            _ = unsafe collie_futex_wait($0, 0, deadline)
        }
    }

    /// Whether the caller runs on this thread.
    package var isCurrent: Bool {
        identity.load(ordering: .relaxed) == collie_thread_current()
    }

    /// Starts the thread, once.
    ///
    /// - Parameters:
    ///   - processor: the one processor to run on; nil for any. One that is not to be had is no
    ///     error, for it only costs speed.
    ///   - body: what the thread does; kept until it has returned.
    package func start(onProcessor processor: Int? = nil, _ body: @escaping @Sendable () -> Void) {
        precondition(identity.load(ordering: .acquiring) == 0, "a thread is started once")
        let start = Start(thread: self, processor: processor, body: body)
        var thread: UInt64 = 0
        // The new thread takes over the reference; without a thread it is taken back below.
        let context = unsafe Unmanaged.passRetained(start)
        let error = unsafe collie_thread_start(
            name,
            { context in
                // Passed retained by `start(onProcessor:_:)`.
                let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                start.run()
            },
            context.toOpaque(),
            &thread
        )
        if error != 0 {
            unsafe context.release()
            fatalError("no thread for \(name): error \(error)")
        }
        identity.store(thread, ordering: .releasing)
    }

    /// Waits until the body has returned.
    ///
    /// Returns at once if the thread was never started or is joined already; not to be called
    /// from two threads at a time.
    package func join() {
        precondition(!isCurrent, "a thread cannot wait for its own end")
        let thread = identity.load(ordering: .acquiring)
        if thread == 0 || isJoined.exchange(true, ordering: .acquiringAndReleasing) { return }
        collie_thread_join(thread)
    }

    /// What the new thread is given.
    private final class Start: Sendable {
        let thread: EngineThread
        let processor: Int?
        let body: @Sendable () -> Void

        init(thread: EngineThread, processor: Int?, body: @escaping @Sendable () -> Void) {
            self.thread = thread
            self.processor = processor
            self.body = body
        }

        func run() {
            // Also stored by who starts it; either may be first to need it.
            thread.identity.store(collie_thread_current(), ordering: .releasing)
            if let processor { _ = collie_thread_pin(Int32(clamping: processor)) }
            body()
        }
    }
}
