/// Tells which records of a journal count, read from its beginning.
///
/// Without transactions the broker keeps no leader from writing that stood still and wakes when
/// another leads. So each leader signs what it writes, and begins with a record that takes over
/// from the leader before; behind it, what others write does not count. Of two that take over from
/// the same one, the first in the log does. Since the log has one order, all readers agree.
package struct JournalOwner: Sendable {
    /// Who took over last; nil before anybody did.
    package private(set) var leader: String?

    /// Nobody has taken over yet, or somebody before reading began.
    package init(leader: String? = nil) { self.leader = leader }

    /// Whether the next record is of an epoch that counts.
    package mutating func accepts(_ record: JournalRecord) -> Bool {
        if let before = record.takesOverFrom {
            if before != leader ?? "" { return false }
            leader = record.leader
        } else if let leader, record.leader != leader {
            return false
        }
        return record.epoch > 0
    }
}
