import Synchronization

/// Jobs on their way to one thread: any thread adds, the owner takes all at once; no locks.
///
/// Think of a spike on which notes are stuck: everybody sticks his note on top, the owner takes
/// the whole pile and turns it over. Taking all in one exchange leaves no room for the confusion
/// of reused addresses that makes such stacks hard. What the owner adds itself goes into an array
/// aside, without a note to allocate. Not bounded: a job is a suspended task, and whoever made the
/// task bounds their number.
@safe
final class JobQueue: @unchecked Sendable {
    // @unchecked: `top` is atomic; `own` and `taken` are touched by the owner alone.

    @unsafe
    private struct Note {
        let job: UnownedJob
        // The note below; owned by the queue once pushed.
        var next: UnsafeMutablePointer<Note>?
    }

    // Notes on top are owned by the queue; one at a time is taken off, with all below it.
    private let top = unsafe Atomic<UnsafeMutablePointer<Note>?>(nil)
    private var own: [UnownedJob] = []
    private var taken: [UnownedJob] = []
    // What `run` has taken and not begun: a job that stays for long must still see the others.
    private var rest: UnsafeMutablePointer<Note>?
    private var begun = 0
    // Never dereferenced: its address on top says that the queue has ended.
    private let end: UnsafeMutablePointer<Note>

    init() {
        unsafe end = .allocate(capacity: 1)
        own.reserveCapacity(64)
        taken.reserveCapacity(64)
    }

    deinit {
        // Jobs nobody ran: their tasks stay suspended for ever, but the notes go.
        var note = unsafe top.load(ordering: .acquiring)
        while let current = unsafe note, unsafe current != end {
            unsafe note = current.pointee.next
            unsafe current.deallocate()
        }
        unsafe end.deallocate()
    }

    /// Adds a job from any thread; false if the queue has ended.
    func push(_ job: UnownedJob) -> Bool {
        let note = UnsafeMutablePointer<Note>.allocate(capacity: 1)
        var below = unsafe top.load(ordering: .relaxed)
        while true {
            if unsafe below == end {
                unsafe note.deallocate()
                return false
            }
            // Not shared before the exchange succeeds.
            unsafe note.initialize(to: Note(job: job, next: below))
            let (isDone, now) = unsafe top.compareExchange(
                expected: below,
                desired: note,
                ordering: .releasing
            )
            if isDone { return true }
            unsafe below = now
        }
    }

    /// Adds a job from the owner's thread.
    func pushOwn(_ job: UnownedJob) {
        own.append(job)
    }

    /// Whether a job waits; asked on the owner's thread.
    var hasJobs: Bool {
        if !own.isEmpty || begun < taken.count { return true }
        if unsafe rest != nil { return true }
        return unsafe top.load(ordering: .acquiring) != nil
    }

    /// Runs all jobs that wait now, those of other threads first, each kind in the order it came.
    ///
    /// - Returns: how many there were.
    func run(_ body: (UnownedJob) -> Void) -> Int {
        // What the jobs add goes into the other array and waits for the next time.
        swap(&own, &taken)
        begun = 0
        unsafe rest = unsafe reversed(top.exchange(nil, ordering: .acquiring))
        var count = taken.count
        while let current = unsafe rest {
            // Taken off, so the owner's alone.
            let job = unsafe current.pointee.job
            unsafe rest = current.pointee.next
            unsafe current.deallocate()
            body(job)
            count += 1
        }
        while begun < taken.count {
            begun += 1
            body(taken[begun - 1])
        }
        taken.removeAll(keepingCapacity: true)
        begun = 0
        return count
    }

    /// Ends the queue if no job waits: later pushes are refused.
    func endIfEmpty() -> Bool {
        guard own.isEmpty else { return false }
        return unsafe top.compareExchange(
            expected: nil,
            desired: end,
            ordering: .acquiringAndReleasing
        ).exchanged
    }

    private func reversed(_ pile: UnsafeMutablePointer<Note>?) -> UnsafeMutablePointer<Note>? {
        var rest = unsafe pile
        var result: UnsafeMutablePointer<Note>?
        while let current = unsafe rest {
            // As in `run`.
            unsafe rest = current.pointee.next
            unsafe current.pointee.next = unsafe result
            unsafe result = unsafe current
        }
        return unsafe result
    }
}
