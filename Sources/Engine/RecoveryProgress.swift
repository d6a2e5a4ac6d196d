import CPlatform
import Synchronization

/// How far a recovery has come; written by the source thread, read by any.
package final class RecoveryProgress: Sendable {
    /// What there is to see.
    package struct Reading: Sendable {
        /// Records gone through again.
        package var records = 0
        /// How much of the journal was gone through, from 0 to 1.
        package var share = 0.0
        /// How long it has taken so far.
        package var elapsed = Duration.zero

        package init() {}

        /// How much longer it takes at this pace, or nil before there is a pace.
        package var remaining: Duration? {
            share > 0.01 ? elapsed * (1 / share - 1) : nil
        }
    }

    private let records = Atomic<Int>(0)
    private let first = Atomic<Int64>(0)
    private let position = Atomic<Int64>(0)
    private let last = Atomic<Int64>(0)
    private let beganAt = Atomic<Int64>(0)

    /// The recovery under way, or nil if none is.
    package var reading: Reading? {
        let begin = beganAt.load(ordering: .acquiring)
        guard begin != 0 else { return nil }
        var reading = Reading()
        reading.records = records.load(ordering: .relaxed)
        let begun = first.load(ordering: .relaxed)
        let length = last.load(ordering: .relaxed) - begun
        let done = position.load(ordering: .relaxed) - begun
        if length > 0 { reading.share = min(1, max(0, Double(done) / Double(length))) }
        reading.elapsed = .milliseconds(collie_monotonic_milliseconds() - begin)
        return reading
    }

    init() {}

    /// Begins a recovery from a position of the journal to where it ends now.
    func begin(from position: Int64, to end: Int64) {
        records.store(0, ordering: .relaxed)
        first.store(position, ordering: .relaxed)
        self.position.store(position, ordering: .relaxed)
        last.store(end, ordering: .relaxed)
        beganAt.store(max(1, collie_monotonic_milliseconds()), ordering: .releasing)
    }

    /// So many records more were gone through.
    func pass(records count: Int) { records.add(count, ordering: .relaxed) }

    /// All epochs before a position were gone through.
    func pass(position reached: Int64) { position.store(reached, ordering: .relaxed) }

    /// The past is over.
    func end() { beganAt.store(0, ordering: .releasing) }
}
