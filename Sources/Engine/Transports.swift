package import Encoding
package import Events
package import Kafka
import Pipeline

/// What a source says after it was asked for records.
package enum SourceTurn: Sendable {
    /// The block holds records; more may follow.
    case records
    /// The epoch ends behind the block (which may be empty).
    case epochEnd(EpochMark)
    /// There is nothing more; the block may hold the last records.
    case end
}

/// What the source knows at the end of an epoch; only this and the records decide what follows.
package struct EpochMark: Sendable {
    /// The wall clock, in live operation.
    package var wallClock = EventTime.none
    /// Partitions that are caught up and follow the wall clock.
    package var idlePartitions: [Int] = []
    /// How many partitions there are.
    package var partitionCount = 1
    /// What the partitions are called, by number; empty where they have no names.
    package var partitions: [TopicPartition] = []
    /// Of each partition that moved the offset of the first record and that behind the last one.
    package var offsets: [(partition: Int, from: Int64, next: Int64)] = []
    /// The epoch was committed before: its outputs are known and are not written again.
    package var isReplayed = false
    /// Whether the next epoch follows at once, for more records are there than this one could take.
    package var hasMore = false
    /// Whether a snapshot is to be made of it, so that it must be confirmed at once.
    package var isForSnapshot = false
    /// The number under which it was committed before.
    package var journalEpoch: UInt64 = 0
    /// The journal's position behind its record then, and who wrote it.
    package var journalPosition: Int64 = 0
    package var leader: String?

    package init() {}

    /// Whether neither an offset nor time moved; such an epoch is not journalled, so it must leave
    /// no trace in the state.
    package var isEmpty: Bool { offsets.isEmpty && idlePartitions.isEmpty }
}

/// Where records come from.
///
/// Used by the source thread alone.
package protocol RecordSource: AnyObject {
    /// Fills a block with raw records; waits a little if there are none.
    func fill(_ block: EventBlock) throws -> SourceTurn
}

/// Turns the raw records of a block into events.
///
/// Used by one decoder thread.
package protocol BlockDecoder: AnyObject {
    /// Decodes all records of a block.
    func decode(_ block: EventBlock)
}

/// Where outputs go.
///
/// Used by the egress thread alone.
package protocol OutputSink: AnyObject {
    /// Takes one record; the next call may come before it is durable.
    func write(_ record: OutputRecord, of buffer: OutputBuffer) throws
    /// Makes everything of the epoch durable, then what it was made of (the offsets); or holds it
    /// until the next epoch's end.
    func commit(_ mark: EpochMark?) throws
    /// Ends the outputs: the last epoch was committed.
    func finish() throws
    /// The journal's number of the last epoch, if a snapshot may be made of it; else 0.
    ///
    /// It may if the epoch is in the journal and was confirmed there: no other leader can have
    /// written in its place.
    var savableEpoch: UInt64 { get }
    /// Whether epochs are held: they are not durable, and their buffers must stay as they are.
    var isHolding: Bool { get }
}

extension OutputSink {
    package func finish() throws {}
    package var savableEpoch: UInt64 { 0 }
    package var isHolding: Bool { false }
}
