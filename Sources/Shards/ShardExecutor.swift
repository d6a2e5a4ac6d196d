package import Rings
import Synchronization

/// Runs the jobs of an actor on a thread of its own.
///
/// The actor's long-running method is one job among the others: it makes turns as long as the
/// engine runs, sleeps on the executor's signal when there is nothing to do, and steps aside when
/// a call from outside waits:
///
///     actor Shard {
///         nonisolated let executor: ShardExecutor
///         nonisolated var unownedExecutor: UnownedSerialExecutor {
///             executor.asUnownedSerialExecutor()
///         }
///         func run() async {
///             while isRunning {
///                 if !turn() {
///                     executor.signal.wait { reader.isReady || executor.hasWaitingJobs }
///                 }
///                 if executor.hasWaitingJobs { await executor.serveWaitingJobs() }
///             }
///         }
///     }
///
/// Events come through rings and cost no job; jobs are for control. Ends when it was asked to stop
/// and no job is left, so the actor's method has to end first. A job that comes after the end is a
/// mistake in the order of shutting down, and a trap.
@safe
package final class ShardExecutor: SerialExecutor, @unchecked Sendable {
    // @unchecked: `aside` is touched on the executor's thread alone; all else is Sendable.

    /// Where the thread sleeps; the rings it reads and writes are made with it.
    package let signal: Signal
    /// The thread.
    package let thread: EngineThread
    private let jobs = JobQueue()
    private let isStopping = Atomic<Bool>(false)
    // The continuation of a method that lets waiting jobs go first.
    private var aside: UnsafeContinuation<Void, Never>?

    /// Makes an executor whose thread does not run yet; jobs may come already.
    package init(name: String, signal: Signal = Signal()) {
        thread = EngineThread(name: name)
        self.signal = signal
    }

    /// Starts the thread, on one processor if there is a reason for it.
    package func start(onProcessor processor: Int? = nil) {
        thread.start(onProcessor: processor) { self.run() }
    }

    /// Asks the thread to end when no job is left; from any thread.
    package func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        signal.notify()
    }

    /// Waits until the thread has ended.
    package func join() {
        thread.join()
    }

    /// Whether a call from outside waits; asked on the executor's thread.
    package var hasWaitingJobs: Bool { jobs.hasJobs }

    /// Lets the jobs that wait run, then goes on; called by a method of the actor.
    ///
    /// `Task.yield()` would do the same by way of the global pool, with an allocation and a second
    /// thread's delay.
    package nonisolated(nonsending) func serveWaitingJobs() async {
        precondition(thread.isCurrent, "only this executor's actor steps aside")
        // Resumed exactly once, by `run`; the checked kind would allocate.
        await unsafe withUnsafeContinuation { continuation in
            precondition(unsafe aside == nil, "one method at a time steps aside")
            unsafe aside = unsafe continuation
        }
    }

    /// Takes a job from any thread.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if thread.isCurrent {
            jobs.pushOwn(job)
            return
        }
        guard jobs.push(job) else { fatalError("a job came for \(thread.name), which has ended") }
        signal.notify()
    }

    /// Whether the caller is on the thread, and so in the actor's isolation.
    package func isIsolatingCurrentContext() -> Bool? { thread.isCurrent }

    /// Traps unless the caller is on the thread.
    package func checkIsolated() {
        precondition(thread.isCurrent, "not on the thread of \(thread.name)")
    }

    private func run() {
        // The executor lives until this method has returned: the thread's body holds it.
        let executor = unsafe asUnownedSerialExecutor()
        while true {
            let count = jobs.run { unsafe $0.runSynchronously(on: executor) }
            if let continuation = unsafe aside {
                // Comes back as a job, behind those that wait; forgotten before it can.
                unsafe aside = nil
                unsafe continuation.resume()
            } else if count == 0 {
                if isStopping.load(ordering: .acquiring), jobs.endIfEmpty() { return }
                signal.wait { jobs.hasJobs || isStopping.load(ordering: .acquiring) }
            }
        }
    }
}
