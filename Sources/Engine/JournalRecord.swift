import Events
package import Foundation
package import Kafka

/// What an epoch was made of, as the journal keeps it: with the input log it is all that a replay
/// needs to decide as the first run did.
package struct JournalRecord: Codable, Equatable, Sendable {
    /// Counts the committed epochs of a deployment, from 1; 0 is none, in a record that only takes
    /// over.
    package var epoch: UInt64
    /// The wall clock of the epoch, in milliseconds since 1970.
    package var wallClock: Int64
    /// The input partitions by number, as `topic[partition]`; new ones are added at the end.
    package var partitions: [String]
    /// What was read of each partition that moved, by number.
    package var offsets: [Offset]
    /// The numbers of the partitions that were caught up and followed the wall clock.
    package var idle: [Int]
    /// The configuration under which it was decided.
    package var config: String
    /// The leader that wrote it, by a name that is used for one term.
    package var leader: String?
    /// In a leader's first record the leader before it, as far as it knew; empty is none.
    package var takesOverFrom: String?

    /// A range of a partition's offsets.
    package struct Offset: Codable, Equatable, Sendable {
        /// The partition's number.
        package var partition: Int
        /// The offset of the first record that was read, or before it.
        package var from: Int64
        /// The offset behind the last record.
        package var next: Int64
    }

    private enum CodingKeys: String, CodingKey {
        case epoch
        case wallClock = "wall_clock"
        case partitions, offsets, idle, config, leader
        case takesOverFrom = "takes_over_from"
    }

    /// What a mark says of an epoch.
    package init(epoch: UInt64, mark: EpochMark, partitions: [TopicPartition], config: String) {
        self.epoch = epoch
        wallClock = mark.wallClock.milliseconds
        self.partitions = partitions.prefix(mark.partitionCount).map(\.description)
        offsets = mark.offsets.map {
            Offset(partition: $0.partition, from: $0.from, next: $0.next)
        }
        idle = mark.idlePartitions
        self.config = config
    }

    /// A leader's first record, before it knows the past.
    package init(
        takeOverBy leader: String,
        from before: String,
        at wallClock: Int64,
        config: String
    ) {
        epoch = 0
        self.wallClock = wallClock
        partitions = []
        offsets = []
        idle = []
        self.config = config
        self.leader = leader
        takesOverFrom = before
    }

    /// The mark that makes a replay end the same epoch again.
    package var mark: EpochMark {
        var mark = EpochMark()
        mark.wallClock = EventTime(milliseconds: wallClock)
        mark.partitionCount = partitions.count
        mark.idlePartitions = idle
        mark.offsets = offsets.map {
            (partition: $0.partition, from: $0.from, next: $0.next)
        }
        mark.isReplayed = true
        mark.journalEpoch = epoch
        return mark
    }

    /// Takes what is the same in another record from there, so that millions of records do not hold
    /// it millions of times.
    mutating func share(with other: JournalRecord) {
        if partitions == other.partitions { partitions = other.partitions }
        if idle == other.idle { idle = other.idle }
        if config == other.config { config = other.config }
    }

    /// The record's value: one JSON object with its keys in order.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// Reads a record's value.
    package init(decoding bytes: Data) throws {
        self = try JSONDecoder().decode(JournalRecord.self, from: bytes)
    }
}

extension TopicPartition {
    /// Reads `topic[partition]`.
    package init?(_ text: String) {
        guard text.hasSuffix("]"), let bracket = text.lastIndex(of: "["),
            let number = Int32(text[text.index(after: bracket)...].dropLast())
        else { return nil }
        self.init(String(text[..<bracket]), number)
    }
}
