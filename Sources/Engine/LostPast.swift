import Kafka

extension KafkaError {
    /// What was read before is in no epoch of the journal.
    ///
    /// - Parameter evidence: what shows it.
    static func lacksPast(of journal: String, _ evidence: String) -> KafkaError {
        KafkaError(
            .dataLost,
            """
            kafka: events were read before whose epochs the journal \(journal) does not hold \
            (\(evidence)), so what people were sent and what they refused cannot be known. Keep the journal, and the input \
            topics, back to the last snapshot; a new instance may begin with a copy of another's \
            newest one. `collie run --accept-loss` begins with what is left.
            """
        )
    }

    /// Records are gone that nobody has read.
    static func lost(_ error: KafkaError) -> KafkaError {
        KafkaError(
            .dataLost,
            """
            \(error.description). Records were deleted before they were read: opt-outs, purchases \
            and carts in them are unknown. `collie run --accept-loss` goes on without them.
            """
        )
    }
}
