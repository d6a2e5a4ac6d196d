import Kafka
package import Snapshots

/// Where a state stands in the input and in the journal; what a snapshot's header says of it.
///
/// Told of each epoch before it is committed. Owned by one thread.
package struct SnapshotPosition {
    private var offsets: [SnapshotHeader.Offset]
    // Where the journal goes on behind the last epoch, or before that, and to whom it belongs.
    private var journal: Int64
    private var leader: String?

    /// The position of an engine that starts with what a snapshot held, or with nothing.
    package init(behind header: SnapshotHeader?) {
        offsets = header?.offsets ?? []
        journal = header?.journalOffset ?? 0
        leader = header.flatMap { SnapshotOrigin($0.metadata).leader }
    }

    /// Whether nothing was read yet.
    package var isEmpty: Bool { offsets.isEmpty }

    /// Goes on behind an epoch.
    ///
    /// Where the journal ends is asked now: once the epoch is committed, another leader may write
    /// there, whose records must not be left out.
    ///
    /// - Parameter leading: the journal's end a moment ago, and the name of this leader.
    package mutating func pass(
        _ mark: EpochMark,
        leading: () -> (journalEnd: Int64, leader: String?)
    ) {
        if mark.isReplayed {
            journal = mark.journalPosition
            leader = mark.leader
        } else if !mark.isEmpty {
            let now = leading()
            journal = max(journal, now.journalEnd)
            leader = now.leader
        }
        for partition in mark.partitions.dropFirst(offsets.count) {
            offsets.append(
                .init(topic: partition.topic, partition: partition.partition, next: -1)
            )
        }
        for (number, _, next) in mark.offsets where number < offsets.count {
            offsets[number].next = next
        }
    }

    /// The header of a snapshot made here.
    package func header(epoch: UInt64, fingerprint: String) -> SnapshotHeader {
        var header = SnapshotHeader(epoch: epoch)
        header.offsets = offsets
        header.journalOffset = journal
        header.metadata = SnapshotOrigin(fingerprint: fingerprint, leader: leader).text
        return header
    }
}
