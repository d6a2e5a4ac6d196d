import Engine
import Foundation
import Testing

@Suite("Who owns the journal")
struct JournalOwnerTests {
    private func takeOver(_ leader: String, from before: String = "") -> JournalRecord {
        JournalRecord(takeOverBy: leader, from: before, at: 0, config: "")
    }

    private func epoch(_ number: UInt64, _ leader: String?) -> JournalRecord {
        var record = JournalRecord(epoch: number, mark: EpochMark(), partitions: [], config: "")
        record.leader = leader
        return record
    }

    /// The epochs that count.
    private func counted(_ records: [JournalRecord]) -> [UInt64] {
        var owner = JournalOwner()
        return records.filter { owner.accepts($0) }.map(\.epoch)
    }

    @Test func `before anybody takes over, everything counts`() {
        #expect(counted([epoch(1, nil), epoch(2, "a")]) == [1, 2])
    }

    @Test func `behind a take-over only its leader counts`() {
        let records = [
            takeOver("a"), epoch(1, "a"), takeOver("b", from: "a"), epoch(2, "a"), epoch(2, "b"),
            epoch(3, "a"), epoch(3, nil), epoch(3, "b"),
        ]
        #expect(counted(records) == [1, 2, 3])
    }

    @Test func `of two that take over from the same leader the first does`() {
        let records = [
            takeOver("a"), takeOver("b", from: "a"), takeOver("c", from: "a"), epoch(1, "c"),
            epoch(1, "b"), takeOver("d", from: "b"), epoch(2, "b"), epoch(2, "d"),
        ]
        #expect(counted(records) == [1, 2])
    }

    @Test func `an epoch's own record may take over`() {
        var second = epoch(2, "b")
        second.takesOverFrom = "a"
        #expect(counted([takeOver("a"), epoch(1, "a"), second, epoch(2, "a")]) == [1, 2])
    }

    @Test func `a record says the same when it is read again`() throws {
        for record in [takeOver("a"), epoch(1, "a"), epoch(2, nil)] {
            #expect(try JournalRecord(decoding: Data(record.encoded())) == record)
        }
    }
}
