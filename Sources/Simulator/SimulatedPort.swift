import Encoding
import Engine
import Kafka

/// An instance's producer and membership, as the committer sees them.
///
/// Records wait in a queue of the client until they are flushed, or go out before, as chance has
/// it. At each call something may happen to the instance: it is killed, it stands still while the
/// world goes on, or a request or its answer is lost.
final class SimulatedPort: CommitPort {
    private unowned let world: Simulation
    private unowned let instance: SimulatedInstance
    private let isTransactional: Bool
    /// The term this port works in.
    let term: Int
    private var producer = SimulatedBroker.Producer(epoch: -1)
    private var queue: [(topic: String, entry: SimulatedLog.Entry)] = []
    private var failure: KafkaError?
    private var transaction = 0
    /// The input partitions by their numbers.
    var numbered: [Int] = []

    init(_ world: Simulation, _ instance: SimulatedInstance, term: Int, isTransactional: Bool) {
        self.world = world
        self.instance = instance
        self.term = term
        self.isTransactional = isTransactional
    }

    // MARK: Membership

    var partitions: [TopicPartition] {
        numbered.map { TopicPartition(SimulatedBroker.inputTopic, Int32($0)) }
    }
    var isLeading: Bool { !instance.isDead && instance.term == term }
    var isStopping: Bool { false }
    var milliseconds: Int64 { world.now }

    func checkTerm() throws(KafkaError) {
        if !isLeading { throw KafkaError(.leadershipLost, "leads no more") }
    }

    func mayWait() -> Bool { isLeading }
    func pause(milliseconds: Int) { world.pass(Int64(milliseconds), around: instance) }
    func tell(_ level: KafkaLogLevel, _ text: String) { instance.tell(text) }

    /// Lets happen what happens at a point; throws if the instance did not survive it.
    private func reach(_ point: Point) throws(KafkaError) {
        if instance.isDead { throw SimulatedPort.dead }
        world.reach(point, instance)
        if instance.isDead { throw SimulatedPort.dead }
        if let error = fatal { throw error }
    }

    private static var dead: KafkaError { KafkaError(.restartRequired, "killed") }
    private var fatal: KafkaError?

    /// Asks until there is an answer, as librdkafka does: requests and answers may be lost.
    private func ask(_ point: Point, _ request: () throws(KafkaError) -> Void) throws(KafkaError) {
        while true {
            try reach(point)
            do throws(KafkaError) {
                if world.draw(world.weights.lostRequest) {
                    throw KafkaError(.timedOut, "\(point): the request is lost")
                }
                try request()
                if world.draw(world.weights.lostResponse) {
                    throw KafkaError(.timedOut, "\(point): the answer is lost")
                }
                break
            } catch {
                instance.tell("\(point.rawValue): \(error.description)")
                if error.kind == .fenced { fatal = error }
                if !error.isRetriable || !mayWait() { throw error }
                world.pass(200, around: instance)
            }
        }
        try reach(point)
    }

    // MARK: Transactions

    /// Fences the leader before this one.
    func takeOverTransactions() throws(KafkaError) {
        try ask(.takeOver) { () throws(KafkaError) in
            producer = try world.broker.takeOver()
        }
    }

    /// Asks the broker whether this member is still one of the group's generation.
    func confirmLeadership() throws(KafkaError) {
        try ask(.join) { () throws(KafkaError) in
            try world.broker.commit([:], generation: instance.generation, member: instance.number)
        }
        try checkTerm()
    }

    func begin() throws(KafkaError) {
        try reach(.begin)
        transaction = 0
    }

    func produce(_ record: OutputRecord, of buffer: OutputBuffer) throws(KafkaError) {
        try reach(.produce)
        var entry = SimulatedLog.Entry()
        entry.key = record.hasKey ? buffer.copy(record.key) : nil
        entry.headers = buffer.copy(record.headers)
        entry.value = record.hasValue ? buffer.copy(record.value) : nil
        queue.append((record.topic.name, entry))
        if world.draw(300) { drain() }
    }

    func produceJournal(_ value: [UInt8]) throws(KafkaError) {
        try reach(.journal)
        queue.append((Journal.topicName, SimulatedLog.Entry(key: nil, value: value)))
        if world.draw(300) { drain() }
    }

    /// Sends what is queued, as far as the broker takes it.
    private func drain() {
        while let next = queue.first {
            do throws(KafkaError) {
                try world.broker.append(
                    next.entry,
                    to: next.topic,
                    by: isTransactional ? producer : nil
                )
                if isTransactional { transaction = world.broker.openTransaction(of: producer) }
                queue.removeFirst()
            } catch {
                if error.kind == .fenced { fatal = error }
                return
            }
        }
    }

    func flush() throws(KafkaError) {
        try reach(.flush)
        if isTransactional, world.draw(world.weights.deliveryFailure) {
            queue.removeAll()
            throw KafkaError(.abortRequired, "flush: a record was not delivered")
        }
        while !queue.isEmpty {
            drain()
            if let fatal { throw fatal }
            if queue.isEmpty { break }
            if !mayWait() { throw KafkaError(.stopped, "flush: records are not confirmed") }
            world.pass(100, around: instance)
            try reach(.flush)
        }
        try reach(.flush)
    }

    func sendOffsets(_ offsets: [Int64]) throws(KafkaError) {
        let map = map(offsets)
        try ask(.offsets) { () throws(KafkaError) in
            try world.broker.add(
                map,
                by: producer,
                generation: instance.generation,
                member: instance.number
            )
            transaction = world.broker.openTransaction(of: producer)
        }
    }

    func commit() throws(KafkaError) {
        let number = transaction
        let delay = world.draw(world.weights.slowMarkers) ? world.within(1...900) : 0
        try ask(.commit) { () throws(KafkaError) in
            if number != 0 {
                try world.broker.commit(number, by: producer, markersIn: delay)
            }
            if world.draw(world.weights.indefiniteCommit) {
                throw KafkaError(.restartRequired, "commit: nobody knows whether it counts")
            }
        }
    }

    func abort(waits: Bool) throws(KafkaError) {
        queue.removeAll()
        try reach(.abort)
        guard waits else { return try world.broker.abort(by: producer) }
        try ask(.abort) { () throws(KafkaError) in try world.broker.abort(by: producer) }
    }

    func commitOffsets(_ offsets: [Int64]) throws(KafkaError) -> Bool {
        try reach(.offsets)
        try checkTerm()
        do throws(KafkaError) {
            try world.broker.commit(
                map(offsets),
                generation: instance.generation,
                member: instance.number
            )
        } catch {
            if !error.isRetriable { throw error }
            world.pass(100, around: instance)
            return false
        }
        return true
    }

    private func map(_ offsets: [Int64]) -> [Int: Int64] {
        var map: [Int: Int64] = [:]
        for (number, next) in offsets.enumerated() where next >= 0 { map[numbered[number]] = next }
        return map
    }
}
