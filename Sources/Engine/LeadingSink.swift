package import Encoding
import Kafka
import Synchronization

/// The outputs of an instance that stands by first and leads later.
///
/// While it stands by, all epochs were committed by somebody else, and nothing is written. When it
/// leads, the source thread hands over the sink of its term.
package final class LeadingSink: OutputSink {
    private let sink = Mutex<Handle?>(nil)
    // Taken once by the egress thread, which alone uses it.
    private var own: KafkaSink?

    // A sink that goes from the thread that made it to the one that uses it.
    private struct Handle: @unchecked Sendable {
        // @unchecked: the maker does not use it any more when an epoch of its term is committed.
        let sink: KafkaSink
    }

    /// Makes the outputs of an instance that stands by.
    package init() {}

    /// This instance leads: outputs go there from now on.
    func lead(with sink: KafkaSink) {
        let handle = Handle(sink: sink)
        self.sink.withLock { $0 = handle }
    }

    /// Whether this instance leads.
    package var isLeading: Bool { sink.withLock { $0 != nil } }

    /// The name by which this leader signs the journal; nil while it stands by.
    var leader: String? { sink.withLock { $0?.sink.leader } }

    private func current() throws(KafkaError) -> KafkaSink {
        if let own { return own }
        guard let handle = sink.withLock({ $0 }) else {
            throw KafkaError(.leadershipLost, "kafka: this instance does not lead")
        }
        own = handle.sink
        return handle.sink
    }

    package func write(_ record: OutputRecord, of buffer: OutputBuffer) throws {
        try current().write(record, of: buffer)
    }

    package func commit(_ mark: EpochMark?) throws {
        // Whoever was the leader has committed it.
        if let mark, mark.isReplayed { return }
        guard mark != nil || isLeading else { return }
        try current().commit(mark)
    }

    package func finish() throws { if isLeading { try current().finish() } }

    package var savableEpoch: UInt64 { own?.savableEpoch ?? 0 }
    package var isHolding: Bool { own?.isHolding ?? false }
}
