import CPlatform
import Synchronization

/// How far a recovery has come; written by the source thread, read by any.
package final class RecoveryProgress: Sendable {
    /// What there is to see.
    package struct Reading: Sendable {
        /// Records gone through again.
        package var records = 0
        /// Records to go through.
        package var recordsTotal = 0
        /// Epochs gone through again.
        package var epochs = 0
        /// Epochs to go through.
        package var epochsTotal = 0
        /// How long it has taken so far.
        package var elapsed = Duration.zero

        package init() {}

        /// How much longer it takes at this pace, or nil before there is a pace.
        package var remaining: Duration? {
            guard records > 0, recordsTotal > records else { return nil }
            return elapsed * (Double(recordsTotal - records) / Double(records))
        }
    }

    private let records = Atomic<Int>(0)
    private let recordsTotal = Atomic<Int>(0)
    private let epochs = Atomic<Int>(0)
    private let epochsTotal = Atomic<Int>(0)
    private let beganAt = Atomic<Int64>(0)

    /// The recovery under way, or nil if none is.
    package var reading: Reading? {
        let begin = beganAt.load(ordering: .acquiring)
        guard begin != 0 else { return nil }
        var reading = Reading()
        reading.records = records.load(ordering: .relaxed)
        reading.recordsTotal = recordsTotal.load(ordering: .relaxed)
        reading.epochs = epochs.load(ordering: .relaxed)
        reading.epochsTotal = epochsTotal.load(ordering: .relaxed)
        reading.elapsed = .milliseconds(collie_monotonic_milliseconds() - begin)
        return reading
    }

    func begin(records total: Int, epochs count: Int) {
        records.store(0, ordering: .relaxed)
        recordsTotal.store(total, ordering: .relaxed)
        epochs.store(0, ordering: .relaxed)
        epochsTotal.store(count, ordering: .relaxed)
        beganAt.store(max(1, collie_monotonic_milliseconds()), ordering: .releasing)
    }

    func pass(records count: Int) { records.add(count, ordering: .relaxed) }

    func pass(epochs count: Int) { epochs.add(count, ordering: .relaxed) }

    func end() { beganAt.store(0, ordering: .releasing) }
}
