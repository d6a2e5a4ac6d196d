import Kafka

/// A broker in memory, as far as Collie can tell it from a real one.
///
/// It keeps partitions with transaction markers and the last stable offset, fences producers by
/// their transactional id, checks the group's generation when offsets are committed, and lets
/// members go whose heartbeats stay away. Nothing in it waits: what a client would wait for shows
/// as an error that goes away with time.
final class SimulatedBroker {
    static let inputTopic = "events"
    static let transactionTimeout: Int64 = 60_000

    /// The input partitions.
    private(set) var inputs: [SimulatedLog] = []
    /// Output topics and the journal, each of one partition.
    private(set) var outputs: [String: SimulatedLog] = [:]
    /// The transactions, by number; 0 is none.
    private(set) var transactions = [SimulatedTransaction(state: .committed, begun: 0)]
    /// What the group has committed, by input partition.
    private(set) var committed: [Int: Int64] = [:]
    /// The group that elects the leader.
    var group = SimulatedGroup()
    /// Whether it answers.
    var isUp = true
    /// Called with each committed offset, before and after.
    var onOffset: ((Int, Int64, Int64) -> Void)?

    // The deployment's transactional id.
    private var epoch = 0
    private var current = 0
    private var now: Int64

    init(partitions: Int, now: Int64) {
        inputs = Array(repeating: SimulatedLog(), count: partitions)
        self.now = now
    }

    // MARK: Time

    /// Lets time come to a moment: markers are written, old transactions are aborted.
    func advance(to time: Int64) {
        now = time
        guard isUp, current != 0 else { return }
        let transaction = transactions[current]
        if transaction.state == .prepared, transaction.markersAt <= now {
            finish(current, .committed)
            current = 0
        } else if transaction.state == .open,
            now - transaction.begun > SimulatedBroker.transactionTimeout
        {
            // Whoever had it open is fenced.
            epoch += 1
            finish(current, .aborted)
            current = 0
        }
    }

    private func finish(_ number: Int, _ state: SimulatedTransaction.State) {
        transactions[number].state = state
        for name in transactions[number].partitions.sorted() {
            outputs[name]?.entries.append(
                SimulatedLog.Entry(transaction: number, isMarker: true, time: now)
            )
        }
        guard state == .committed else { return }
        commit(transactions[number].offsets)
    }

    private func commit(_ offsets: [Int: Int64]) {
        for (partition, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            onOffset?(partition, committed[partition] ?? 0, offset)
            committed[partition] = offset
        }
    }

    private func checkUp() throws(KafkaError) {
        if !isUp { throw KafkaError(.brokerAway, "the broker is away") }
    }

    // MARK: Input

    /// Adds a partition to the input topic.
    func addInputPartition() { inputs.append(SimulatedLog()) }

    /// Appends a record to an input partition.
    func append(_ value: [UInt8], to partition: Int, transaction: Int = 0, at time: Int64) {
        inputs[partition].entries.append(
            SimulatedLog.Entry(transaction: transaction, key: nil, value: value, time: time)
        )
    }

    /// A transaction of somebody else, which ends as said.
    func foreignTransaction(_ state: SimulatedTransaction.State) -> Int {
        transactions.append(SimulatedTransaction(state: state, begun: now))
        return transactions.count - 1
    }

    /// Ends somebody else's transaction in an input partition.
    func end(_ transaction: Int, in partition: Int) {
        inputs[partition].entries.append(
            SimulatedLog.Entry(transaction: transaction, isMarker: true, time: now)
        )
    }

    // MARK: Reading

    /// The last stable offset: where the first open transaction begins.
    func stableEnd(of log: SimulatedLog) -> Int64 {
        // Only the deployment's own last transaction can be open, and it is at the end.
        guard current != 0, isOpen(current) else { return log.end }
        var end = log.entries.count
        var first = end
        while end > 0, log.entries[end - 1].time >= transactions[current].begun {
            end -= 1
            if log.entries[end].transaction == current { first = end }
        }
        return Int64(first)
    }

    private func isOpen(_ transaction: Int) -> Bool {
        let state = transactions[transaction].state
        return state == .open || state == .prepared
    }

    /// What a reader of committed records sees from an offset on, and where it stops.
    func read(_ log: SimulatedLog, from: Int64, limit: Int = .max)
        -> (records: [(offset: Int64, entry: SimulatedLog.Entry)], next: Int64, end: Int64)
    {
        let end = stableEnd(of: log)
        var records: [(Int64, SimulatedLog.Entry)] = []
        var next = from
        while next < end, records.count < limit {
            let entry = log.entries[Int(next)]
            if !entry.isMarker, transactions[entry.transaction].state != .aborted {
                records.append((next, entry))
            }
            next += 1
        }
        return (records, next, end)
    }

    // MARK: Writing

    /// A producer's identity.
    struct Producer {
        var epoch: Int
    }

    /// Fences whoever had the transactions before; an error while their last one is being ended.
    func takeOver() throws(KafkaError) -> Producer {
        try checkUp()
        if current != 0 {
            if transactions[current].state == .prepared {
                throw KafkaError(.timedOut, "the last transaction is being ended")
            }
            finish(current, .aborted)
            current = 0
        }
        epoch += 1
        return Producer(epoch: epoch)
    }

    private func check(_ producer: Producer) throws(KafkaError) {
        if producer.epoch != epoch { throw KafkaError(.fenced, "the producer is fenced") }
    }

    /// Appends a record; with a producer as part of its transaction, which begins with it.
    func append(_ entry: SimulatedLog.Entry, to topic: String, by producer: Producer?)
        throws(KafkaError)
    {
        try checkUp()
        var entry = entry
        entry.time = now
        if let producer {
            try check(producer)
            try begin()
            entry.transaction = current
            transactions[current].partitions.insert(topic)
        }
        outputs[topic, default: SimulatedLog()].entries.append(entry)
    }

    private func begin() throws(KafkaError) {
        if current == 0 {
            transactions.append(SimulatedTransaction(begun: now))
            current = transactions.count - 1
        } else if transactions[current].state == .prepared {
            throw KafkaError(.timedOut, "the last transaction is being ended")
        }
    }

    /// Makes offsets part of the transaction.
    func add(_ offsets: [Int: Int64], by producer: Producer, generation: Int, member: Int)
        throws(KafkaError)
    {
        try checkUp()
        try check(producer)
        guard group.holds(member: member, generation: generation) else {
            throw KafkaError(.abortRequired, "illegal generation")
        }
        try begin()
        transactions[current].offsets.merge(offsets) { $1 }
    }

    /// Decides that the transaction counts; answered before its markers are written.
    ///
    /// - Parameter number: the transaction meant, for a request that is made again.
    func commit(_ number: Int, by producer: Producer, markersIn delay: Int64) throws(KafkaError) {
        try checkUp()
        try check(producer)
        // Asked for again: it was decided before.
        if number != current || transactions[number].state == .prepared {
            guard transactions[number].state != .aborted else {
                throw KafkaError(.fenced, "the transaction was aborted")
            }
            return
        }
        transactions[number].state = .prepared
        transactions[number].markersAt = now + delay
        if delay == 0 {
            finish(number, .committed)
            current = 0
        }
    }

    /// The open transaction's number; 0 is none.
    func openTransaction(of producer: Producer) -> Int {
        guard producer.epoch == epoch, current != 0 else { return 0 }
        return transactions[current].state == .open ? current : 0
    }

    /// Decides that the transaction does not count.
    func abort(by producer: Producer) throws(KafkaError) {
        try checkUp()
        try check(producer)
        guard openTransaction(of: producer) != 0 else { return }
        finish(current, .aborted)
        current = 0
    }

    /// Commits offsets of a group's member outside of transactions.
    func commit(_ offsets: [Int: Int64], generation: Int, member: Int) throws(KafkaError) {
        try checkUp()
        guard group.holds(member: member, generation: generation) else {
            throw KafkaError(.other, "illegal generation")
        }
        commit(offsets)
    }
}
