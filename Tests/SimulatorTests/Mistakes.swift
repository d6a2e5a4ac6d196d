import Encoding
import Engine
import Events
import Kafka
import Memory
import Pipeline
import Profiles
import Simulator

/// A mistake made on purpose, to see that the simulation notices it.
enum Mistake: String, CaseIterable, Sendable {
    /// The transaction is committed before what it holds was confirmed.
    case commitBeforeFlush
    /// An epoch claims one record more than it has read.
    case offsetTooFar
    /// A leader takes its offsets for committed whatever the group says, and saves what may not
    /// count.
    case groupNotAsked
    /// A snapshot has forgotten what somebody waits for.
    case timerLost
    /// A merge forgets what both have been sent.
    case capsReset
    /// An absorbed profile does not ship what it was sent.
    case sendsNotShipped

    var seams: Seams {
        var seams = Seams()
        switch self {
        case .commitBeforeFlush: seams.port = { HastyPort($0) }
        case .groupNotAsked: seams.port = { CredulousPort($0) }
        case .offsetTooFar:
            seams.mark = { mark, ends in
                // Only where it does not show at once: where there is such a record.
                for index in mark.offsets.indices {
                    let offset = mark.offsets[index]
                    if offset.next < ends[offset.partition] { mark.offsets[index].next += 1 }
                }
            }
        case .timerLost:
            seams.restored = { shard, slot in
                let enrollment = shard.store.profiles[slot].enrollments
                if enrollment == 0 { return false }
                shard.store.enrollments[enrollment].due = EventTime(milliseconds: .max)
                return true
            }
        // In all pipelines alike, so that the one that decides again makes it, too.
        case .capsReset:
            seams.afterTakeOver = { shard, slot in shard.store.profiles[slot].sends = 0 }
        case .sendsNotShipped:
            seams.beforeHandOver = { shard, slot in shard.store.profiles[slot].sends = 0 }
        }
        return seams
    }
}

/// Hands everything on.
private class PassingPort: CommitPort {
    let port: any CommitPort

    init(_ port: any CommitPort) { self.port = port }

    var partitions: [TopicPartition] { port.partitions }
    var isLeading: Bool { port.isLeading }
    var isStopping: Bool { port.isStopping }
    var milliseconds: Int64 { port.milliseconds }
    func checkTerm() throws(KafkaError) { try port.checkTerm() }
    func mayWait() -> Bool { port.mayWait() }
    func pause(milliseconds: Int) { port.pause(milliseconds: milliseconds) }
    func tell(_ level: KafkaLogLevel, _ text: String) { port.tell(level, text) }
    func begin() throws(KafkaError) { try port.begin() }
    func produce(_ record: OutputRecord, of buffer: OutputBuffer) throws(KafkaError) {
        try port.produce(record, of: buffer)
    }
    func produceJournal(_ value: [UInt8]) throws(KafkaError) { try port.produceJournal(value) }
    func flush() throws(KafkaError) { try port.flush() }
    func sendOffsets(_ offsets: [Int64]) throws(KafkaError) { try port.sendOffsets(offsets) }
    func commit() throws(KafkaError) { try port.commit() }
    func abort(waits: Bool) throws(KafkaError) { try port.abort(waits: waits) }
    func commitOffsets(_ offsets: [Int64]) throws(KafkaError) -> Bool {
        try port.commitOffsets(offsets)
    }
}

/// Commits first and flushes then.
private final class HastyPort: PassingPort {
    override func flush() throws(KafkaError) {}

    override func commit() throws(KafkaError) {
        try port.commit()
        try port.flush()
    }

    override func commitOffsets(_ offsets: [Int64]) throws(KafkaError) -> Bool {
        let isCommitted = try port.commitOffsets(offsets)
        try port.flush()
        return isCommitted
    }
}

/// Believes that offsets are committed.
private final class CredulousPort: PassingPort {
    override func commitOffsets(_ offsets: [Int64]) throws(KafkaError) -> Bool {
        do throws(KafkaError) { _ = try port.commitOffsets(offsets) } catch {
            if error.kind == .stopped { throw error }
        }
        return true
    }
}
