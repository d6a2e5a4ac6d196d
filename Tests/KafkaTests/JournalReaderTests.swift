import Engine
import Kafka
import KafkaTesting
import Testing

@Suite("Reading the journal")
struct JournalReaderTests {
    /// Writes epochs, each a record, and reads what a reader that begins there has to say of them.
    private func read(
        _ epochs: [UInt64],
        from position: Int64 = 0
    ) throws -> (epochs: [UInt64], gap: String?) {
        let cluster = try MockCluster()
        try cluster.createTopic("journal", partitions: 1)
        let settings = KafkaSettings(bootstrapServers: cluster.bootstrapServers)
        let records = epochs.map {
            JournalRecord(epoch: $0, mark: EpochMark(), partitions: [], config: "")
        }
        let texts = try records.map { String(decoding: try $0.encoded(), as: UTF8.self) }
        try write(texts, to: "journal", settings)
        let reader = try JournalReader(settings, topic: "journal", from: position, log: .silent())
        defer { reader.close() }
        var found: [UInt64] = []
        try until("the end") {
            if let record = try reader.next(wait: .milliseconds(20)) { found.append(record.epoch) }
            return reader.isAtEnd
        }
        return (found, reader.gap)
    }

    @Test func `epochs come in their order, each once`() throws {
        let (epochs, gap) = try read([1, 2, 2, 3])
        #expect(epochs == [1, 2, 3])
        #expect(gap == nil)
    }

    @Test func `epochs that were passed over are read after all`() throws {
        let (epochs, gap) = try read([1, 2, 3, 4], from: 2)
        #expect(epochs == [1, 2, 3, 4])
        #expect(gap == nil)
    }

    @Test func `epochs that are gone are a gap`() throws {
        let (epochs, gap) = try read([1, 4])
        #expect(epochs == [1, 4])
        #expect(gap == "epoch 4 at offset 1 follows epoch 1")
    }
}
