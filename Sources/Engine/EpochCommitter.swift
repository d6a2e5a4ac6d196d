package import Encoding
package import Kafka

/// What committing epochs asks of a broker; of the real one, or of one that is made up.
///
/// Used by one thread. Every call may wait, and throws what cannot be waited out.
package protocol CommitPort: AnyObject {
    /// The partitions by their numbers.
    var partitions: [TopicPartition] { get }
    /// Whether this instance still leads, in the term this port was made for.
    var isLeading: Bool { get }
    /// Whether a stop was wished for.
    var isStopping: Bool { get }
    /// Time that goes on steadily.
    var milliseconds: Int64 { get }
    /// Throws unless the term still lasts.
    func checkTerm() throws(KafkaError)
    /// Whether the broker is still worth waiting for.
    func mayWait() -> Bool
    /// Lets time pass.
    func pause(milliseconds: Int)
    /// Tells of something for the log.
    func tell(_ level: KafkaLogLevel, _ text: String)

    /// Begins a transaction.
    func begin() throws(KafkaError)
    /// Queues an output.
    func produce(_ record: OutputRecord, of buffer: OutputBuffer) throws(KafkaError)
    /// Queues a record of the journal.
    func produceJournal(_ value: [UInt8]) throws(KafkaError)
    /// Waits until everything queued is confirmed.
    func flush() throws(KafkaError)
    /// Makes offsets, by partition number, part of the transaction; -1 is none.
    func sendOffsets(_ offsets: [Int64]) throws(KafkaError)
    /// Commits the transaction.
    func commit() throws(KafkaError)
    /// Aborts the transaction.
    func abort(waits: Bool) throws(KafkaError)
    /// Commits offsets outside of transactions, in this term only; false if there was no answer in
    /// time.
    func commitOffsets(_ offsets: [Int64]) throws(KafkaError) -> Bool
}

/// The order of steps in which an epoch becomes durable, and what is done when one fails.
///
/// Knows nothing of sockets and threads, so that the simulator runs the same steps. With
/// exactly-once an epoch is one transaction: outputs, journal and offsets, seen together or not at
/// all. While the next epoch is known to follow at once, as behind a backlog, it joins the
/// transaction: ending one costs the broker a marker in every partition written to. With
/// at-least-once outputs are confirmed first, then the journal, and the offsets follow: what is
/// journalled is out, and what is not journalled is read again. Owned by the egress thread.
package final class EpochCommitter {
    /// Most epochs of one transaction.
    package static let epochsMax = 8
    private let configuration: KafkaSink.Configuration
    // The journal records of the open transaction's epochs.
    private var journalRecords: [[UInt8]] = []
    /// The number of the next epoch to be committed; set before anything is written.
    package var nextEpoch: UInt64 = 1
    /// The journal's number of the last epoch, if it was confirmed in its place; else 0.
    ///
    /// With at-least-once a leader that was replaced may still write to the journal; that the group
    /// took its offsets after it did shows that it was none.
    package private(set) var savableEpoch: UInt64 = 0
    /// The name by which this leader signs the journal.
    package let leader: String
    // The leader before, until the journal says that this one has taken over.
    private var leaderBefore: String? = ""
    // Offsets behind what was handed in and is not committed, by partition number; -1 is none.
    private var offsets: [Int64] = []
    private var hasOffsets = false
    private var lastCommit: Int64
    // The open transaction's epochs, to be written again after it was aborted.
    private var written: [(record: OutputRecord, buffer: Int)] = []
    private var buffers: [OutputBuffer] = []
    // Outputs of the epochs before the open one.
    private var writtenBefore = 0
    private var isOpen = false
    private var isBroken = false
    // Epochs that wait in the open transaction for the next one.
    private var waiting = 0
    /// Whether epochs wait for the next one; their buffers must stay as they are.
    package var isHolding: Bool { waiting > 0 }
    /// Transactions that were aborted and written again.
    package private(set) var repeatedEpochs = 0

    /// Nothing is written yet; `now` is the port's time.
    package init(_ configuration: KafkaSink.Configuration, leader: String, now: Int64) {
        self.configuration = configuration
        self.leader = leader
        lastCommit = now
    }

    /// Takes over from the leader to whom the journal belongs: the record for it, which must be
    /// confirmed before the past is known; nil if none is needed.
    ///
    /// With transactions the broker has fenced the leader before, and the first epoch's record
    /// takes over along the way.
    package func takeOver(from before: String?, wallClock: Int64) throws -> [UInt8]? {
        leaderBefore = before ?? ""
        guard configuration.delivery == .atLeastOnce else { return nil }
        leaderBefore = nil
        return try JournalRecord(
            takeOverBy: leader,
            from: before ?? "",
            at: wallClock,
            config: configuration.fingerprint
        ).encoded()
    }

    // MARK: Writing

    /// Takes one output of the open epoch.
    package func write(
        _ record: OutputRecord,
        of buffer: OutputBuffer,
        through port: some CommitPort
    ) throws(KafkaError) {
        if configuration.delivery == .exactlyOnce {
            remember(record, buffer)
            // An aborted transaction takes no more; it is written again at its end.
            if isBroken { return }
        }
        do throws(KafkaError) {
            try produce(record, buffer, port)
        } catch {
            let error = translated(error, port)
            guard isRepeatable(error) else { throw error }
            isBroken = true
        }
    }

    private func remember(_ record: OutputRecord, _ buffer: OutputBuffer) {
        let index: Int
        if let found = buffers.lastIndex(where: { $0 === buffer }) {
            index = found
        } else {
            index = buffers.count
            buffers.append(buffer)
        }
        written.append((record, index))
    }

    private func produce(
        _ record: OutputRecord,
        _ buffer: OutputBuffer,
        _ port: some CommitPort
    ) throws(KafkaError) {
        if configuration.delivery == .exactlyOnce { try open(port) }
        try port.produce(record, of: buffer)
    }

    private func open(_ port: some CommitPort) throws(KafkaError) {
        if isOpen { return }
        try port.begin()
        isOpen = true
    }

    // MARK: Committing

    /// Ends the open epoch and makes it durable, unless it waits for the next; one without a mark
    /// has no end and must not count.
    package func commit(_ mark: EpochMark?, through port: some CommitPort) throws {
        // librdkafka tells of a lost leadership where the group is served; a producer that was
        // fenced knows it before.
        try port.checkTerm()
        guard let mark else {
            defer { forget() }
            return try dropUnfinished(port)
        }
        if mark.isReplayed { return }
        note(mark)
        let isJournalled = try composeJournal(mark, port)
        if mayWait(mark, port) {
            waiting += 1
            savableEpoch = 0
            return
        }
        defer { forget() }
        let isConfirmed: Bool
        switch configuration.delivery {
        case .exactlyOnce:
            let isEmpty = written.isEmpty && journalRecords.isEmpty
            if !isEmpty || hasOffsets && isTimeForOffsets(port) { try commitTransaction(port) }
            isConfirmed = true
        case .atLeastOnce:
            isConfirmed = try confirm(mark, port)
        }
        if isJournalled { savableEpoch = isConfirmed ? nextEpoch - 1 : 0 }
    }

    private func mayWait(_ mark: EpochMark, _ port: some CommitPort) -> Bool {
        configuration.delivery == .exactlyOnce && mark.hasMore && !mark.isForSnapshot
            && !port.isStopping && waiting + 1 < EpochCommitter.epochsMax
    }

    /// Confirms an epoch without a transaction; false if the group did not take its offsets yet.
    private func confirm(_ mark: EpochMark, _ port: some CommitPort) throws(KafkaError) -> Bool {
        do throws(KafkaError) {
            // Commands before the journal, the journal before the offsets.
            try port.flush()
            if !journalRecords.isEmpty {
                try journal(port)
                try port.flush()
            }
            let isConfirmed = mark.isForSnapshot || port.isStopping
            if isConfirmed || hasOffsets && isTimeForOffsets(port) {
                return try commitOffsets(port)
            }
            return isConfirmed
        } catch { throw translated(error, port) }
    }

    private func journal(_ port: some CommitPort) throws(KafkaError) {
        for record in journalRecords { try port.produceJournal(record) }
    }

    private func note(_ mark: EpochMark) {
        for (partition, _, next) in mark.offsets {
            while offsets.count <= partition { offsets.append(-1) }
            offsets[partition] = next
            hasOffsets = true
        }
    }

    /// Prepares the epoch's journal record; none, and false, if neither an offset nor time moved.
    private func composeJournal(_ mark: EpochMark, _ port: some CommitPort) throws -> Bool {
        guard configuration.journalTopic != nil else { return false }
        if mark.isEmpty, written.count == writtenBefore { return false }
        var record = JournalRecord(
            epoch: nextEpoch,
            mark: mark,
            partitions: port.partitions,
            config: configuration.fingerprint
        )
        record.leader = leader
        record.takesOverFrom = leaderBefore
        journalRecords.append(try record.encoded())
        nextEpoch += 1
        leaderBefore = nil
        writtenBefore = written.count
        return true
    }

    private func forget() {
        written.removeAll(keepingCapacity: true)
        buffers.removeAll(keepingCapacity: true)
        journalRecords.removeAll(keepingCapacity: true)
        writtenBefore = 0
        waiting = 0
        isBroken = false
    }

    /// What was read without its epoch's end must not count: it is read again.
    private func dropUnfinished(_ port: some CommitPort) throws(KafkaError) {
        if isOpen {
            abandon(port)
        } else if configuration.delivery == .atLeastOnce {
            do throws(KafkaError) {
                try port.flush()
                if hasOffsets { _ = try commitOffsets(port) }
            } catch { throw translated(error, port) }
        }
    }

    private func isTimeForOffsets(_ port: some CommitPort) -> Bool {
        port.isStopping
            || port.milliseconds - lastCommit >= configuration.offsetsInterval.wholeMilliseconds
    }

    private func offsetsCommitted(_ port: some CommitPort) {
        for index in offsets.indices { offsets[index] = -1 }
        hasOffsets = false
        lastCommit = port.milliseconds
    }

    /// Commits offsets as a member of the group; trouble that passes leaves them for later, and the
    /// answer is false.
    private func commitOffsets(_ port: some CommitPort) throws(KafkaError) -> Bool {
        do throws(KafkaError) {
            for _ in 0..<20 {
                if try port.commitOffsets(offsets) {
                    offsetsCommitted(port)
                    return true
                }
                if !port.mayWait() { break }
            }
            port.tell(.warning, "the broker does not confirm offsets; they wait")
        } catch {
            if error.isFatal || error.kind == .leadershipLost || error.kind == .fenced
                || error.kind == .authorization
            {
                throw error
            }
            port.tell(.warning, "\(error.description); they wait")
        }
        lastCommit = port.milliseconds
        return false
    }

    /// Commits the transaction; one that had to be aborted is written again as a whole.
    private func commitTransaction(_ port: some CommitPort) throws(KafkaError) {
        var attempt = 0
        while true {
            do throws(KafkaError) {
                if isBroken { throw KafkaError(.abortRequired, "kafka: a record was not taken") }
                try open(port)
                try journal(port)
                try port.flush()
                try port.checkTerm()
                if hasOffsets { try port.sendOffsets(offsets) }
                try port.commit()
                isOpen = false
                return offsetsCommitted(port)
            } catch {
                let error = translated(error, port)
                attempt += 1
                guard isRepeatable(error), attempt < configuration.attemptsMax, port.mayWait()
                else {
                    abandon(port)
                    throw error
                }
                try writeAgain(error, attempt, port)
            }
        }
    }

    private func writeAgain(
        _ reason: KafkaError,
        _ attempt: Int,
        _ port: some CommitPort
    ) throws(KafkaError) {
        port.tell(.warning, "\(reason.description); what it held is written again")
        repeatedEpochs += 1
        // A rebalance takes some round trips; meanwhile the offsets would be refused again.
        port.pause(milliseconds: 20 * attempt)
        do throws(KafkaError) {
            if isOpen { try port.abort(waits: true) }
            isOpen = false
            isBroken = false
            try open(port)
            for (record, buffer) in written { try produce(record, buffers[buffer], port) }
        } catch {
            let error = translated(error, port)
            guard isRepeatable(error) else { throw error }
            isBroken = true
        }
    }

    /// Ends a transaction that must not be committed, if that is possible at once.
    private func abandon(_ port: some CommitPort) {
        guard isOpen else { return }
        do throws(KafkaError) { try port.abort(waits: false) } catch {
            // The broker aborts it when the next leader takes over, or when its time is up.
            port.tell(.debug, error.description)
        }
        isOpen = false
    }

    /// Whether an error goes away by writing the epoch again in a new transaction.
    private func isRepeatable(_ error: KafkaError) -> Bool {
        guard configuration.delivery == .exactlyOnce, !error.isFatal else { return false }
        switch error.kind {
        case .abortRequired, .timedOut, .brokerAway, .other: return true
        default: return false
        }
    }

    /// A lost leadership explains whatever else went wrong; who took over the transactions leads.
    private func translated(_ error: KafkaError, _ port: some CommitPort) -> KafkaError {
        if !port.isLeading || error.kind == .leadershipLost || error.kind == .fenced {
            return KafkaError(
                .leadershipLost,
                "kafka: this instance does not lead any more (\(error.description))"
            )
        }
        return error
    }
}
