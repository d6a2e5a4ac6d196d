import Synchronization

/// How this instance is, for whoever asks from outside.
///
/// Think of a card on a shop's door: whoever goes in or out turns it, and passers-by read it. Told
/// by the threads that know, when something changes and never for an event; read by any.
package final class Health: Sendable {
    /// What the instance is at.
    package enum State: String, Sendable, CaseIterable {
        /// The process has begun.
        case starting
        /// It takes up a snapshot.
        case restoring
        /// It goes through what is journalled behind the snapshot, or has fallen behind the leader.
        case recovering
        /// It knows what the leader knows, and the group has no place for it yet.
        case joining
        /// It knows what the leader knows, and the group knows of it.
        case standingBy = "standing by"
        /// It was made the leader: it fences the one before and reads what is left.
        case takingOver = "taking over"
        /// It reads the input topics and writes.
        case leading
        /// It was asked to stop, and works off what was read.
        case draining
        /// It ends with an error.
        case failed
    }

    /// What there is to see.
    package struct Reading: Sendable {
        /// What the instance is at.
        package var state = State.starting
        /// Whether a snapshot was taken up, or there was none, since the process began.
        package var isRestored = false
        /// What is waited for, each with the reason, in order of names.
        package var waits: [String] = []
        /// How far going through the past has come, if there is a backlog.
        package var recovery: RecoveryProgress.Reading?
        /// Why it ends.
        package var failure: String?

        /// The process has just begun.
        package init() {}

        /// Whether it may go on; waiting, however long, is no illness.
        package var isLive: Bool { state != .failed }

        /// Whether it does its job: it leads, or could at once.
        ///
        /// A standby that follows the journal counts. Of all instances one alone leads, so whoever
        /// replaces them one after the other waits for just that.
        package var isReady: Bool {
            (state == .leading || state == .standingBy) && waits.isEmpty
        }
    }

    private struct Told {
        var state = State.starting
        var isRestored = false
        var isDraining = false
        var waits: [String: String] = [:]
        var failure: String?
    }

    private let told = Mutex(Told())
    /// How far going through the past has come.
    package let recovery = RecoveryProgress()

    /// Of a process that has just begun.
    package init() {}

    /// What there is to see now.
    package var reading: Reading {
        let now = told.withLock { $0 }
        var reading = Reading()
        reading.state = now.failure != nil ? .failed : now.isDraining ? .draining : now.state
        reading.isRestored = now.isRestored
        reading.waits = now.waits.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
        if reading.state == .recovering || reading.state == .takingOver {
            reading.recovery = recovery.reading
        }
        reading.failure = now.failure
        return reading
    }

    /// The engine has come to a state; behind a wish to stop or an error none shows.
    package func enter(_ state: State) {
        told.withLock {
            $0.state = state
            if state != .starting, state != .restoring { $0.isRestored = true }
        }
    }

    /// A stop was wished for.
    package func drain() { told.withLock { $0.isDraining = true } }

    /// The process ends with an error.
    package func fail(_ reason: String) { told.withLock { $0.failure = reason } }

    /// Something outside is waited for.
    package func waiting(for what: String, reason: String) {
        told.withLock { $0.waits[what] = reason }
    }

    /// It is waited for no more.
    package func over(_ what: String) { told.withLock { _ = $0.waits.removeValue(forKey: what) } }
}
