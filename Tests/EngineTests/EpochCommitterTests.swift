import Encoding
import Engine
import Events
import Foundation
import Kafka
import Testing

@Suite("How epochs become durable")
struct EpochCommitterTests {
    /// A broker that writes down what it is asked for.
    private final class Notes: CommitPort {
        var calls: [String] = []
        /// Errors of the next commits.
        var refusals: [KafkaError] = []
        var isStopping = false
        var partitions: [TopicPartition] { [TopicPartition("events", 0)] }
        var isLeading: Bool { true }
        var milliseconds: Int64 { 0 }

        func checkTerm() {}
        func mayWait() -> Bool { true }
        func pause(milliseconds: Int) {}
        func tell(_ level: KafkaLogLevel, _ text: String) {}
        func begin() { calls.append("begin") }
        func produce(_ record: OutputRecord, of buffer: OutputBuffer) {
            let value = buffer.slice(record.value)
            let bytes = (0..<value.byteCount).map {
                value.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
            }
            calls.append(String(decoding: bytes, as: UTF8.self))
        }
        func produceJournal(_ value: [UInt8]) throws(KafkaError) {
            do { calls.append("journal \(try JournalRecord(decoding: Data(value)).epoch)") } catch {
                throw KafkaError(.other, "no record")
            }
        }
        func flush() { calls.append("flush") }
        func sendOffsets(_ offsets: [Int64]) { calls.append("offsets \(offsets)") }
        func commit() throws(KafkaError) {
            if !refusals.isEmpty { throw refusals.removeFirst() }
            calls.append("commit")
        }
        func abort(waits: Bool) { calls.append("abort") }
        func commitOffsets(_ offsets: [Int64]) -> Bool { true }
    }

    private let port = Notes()
    private let committer = EpochCommitter(KafkaSink.Configuration(), leader: "a", now: 0)

    /// One epoch with an output, up to an offset.
    private func epoch(
        _ output: String,
        upTo next: Int64,
        hasMore: Bool = true,
        _ change: (inout EpochMark) -> Void = { _ in }
    ) throws {
        let buffer = OutputBuffer()
        buffer.begin(
            .decisions,
            order: OutputOrder(second: 0, sequence: 0, profile: .none, ordinal: 0)
        )
        buffer.endKey()
        buffer.endHeaders()
        buffer.put(text: output)
        buffer.end()
        try committer.write(buffer.records[0], of: buffer, through: port)
        var mark = EpochMark()
        mark.offsets = [(0, next - 1, next)]
        mark.hasMore = hasMore
        change(&mark)
        try committer.commit(mark, through: port)
    }

    @Test func `an epoch is a transaction`() throws {
        try epoch("x", upTo: 1, hasMore: false)
        #expect(port.calls == ["begin", "x", "journal 1", "flush", "offsets [1]", "commit"])
        #expect(!committer.isHolding && committer.savableEpoch == 1)
    }

    @Test func `an epoch behind which more is there shares its transaction with the next`() throws {
        try epoch("x", upTo: 1)
        #expect(port.calls == ["begin", "x"])
        #expect(committer.isHolding && committer.savableEpoch == 0)
        try epoch("y", upTo: 2, hasMore: false)
        #expect(
            port.calls
                == ["begin", "x", "y", "journal 1", "journal 2", "flush", "offsets [2]", "commit"]
        )
        #expect(!committer.isHolding && committer.savableEpoch == 2)
    }

    @Test func `a transaction ends behind so many epochs`() throws {
        for number in 1...EpochCommitter.epochsMax { try epoch("x", upTo: Int64(number)) }
        #expect(port.calls.last == "commit" && !committer.isHolding)
    }

    @Test func `a snapshot and a stop are not kept waiting`() throws {
        try epoch("x", upTo: 1)
        try epoch("y", upTo: 2) { $0.isForSnapshot = true }
        #expect(port.calls.last == "commit" && committer.savableEpoch == 2)
        port.isStopping = true
        try epoch("z", upTo: 3)
        #expect(port.calls.last == "commit" && committer.savableEpoch == 3)
    }

    @Test func `an aborted transaction is written again with all its epochs`() throws {
        port.refusals = [KafkaError(.abortRequired, "the group rebalances")]
        try epoch("x", upTo: 1)
        try epoch("y", upTo: 2, hasMore: false)
        let again = ["begin", "x", "y", "journal 1", "journal 2", "flush", "offsets [2]"]
        #expect(port.calls == again + ["abort"] + again + ["commit"])
        #expect(committer.repeatedEpochs == 1)
        try epoch("z", upTo: 3, hasMore: false)
        #expect(
            port.calls.suffix(6) == ["begin", "z", "journal 3", "flush", "offsets [3]", "commit"]
        )
    }

    @Test func `without its end an epoch takes those that wait with it`() throws {
        try epoch("x", upTo: 1)
        try committer.commit(nil, through: port)
        #expect(port.calls == ["begin", "x", "abort"])
        #expect(!committer.isHolding)
    }
}
