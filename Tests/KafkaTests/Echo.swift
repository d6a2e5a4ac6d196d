import Encoding
import Engine
import Events
import Foundation
import Kafka
import KafkaTesting
import Memory

/// One instance that leads and echoes every record to the decisions.
final class Echo {
    let membership: KafkaMembership
    let prefix: String
    let delivery: KafkaSink.Delivery
    private(set) var sink: KafkaSink?
    private(set) var source: KafkaSource?
    private(set) var read: [String] = []
    private(set) var headers: [[String: String]] = []
    private(set) var lastMark: EpochMark?
    private(set) var marks = 0
    let block = EventBlock(capacity: EventBlock.Capacity(rawBytes: 1 << 16, records: 64))
    private(set) var output = OutputBuffer()
    /// Epochs that were held until the next one ended.
    private(set) var held = 0
    // Records that wait for their epoch's end.
    private var epoch: [String] = []

    init(
        _ settings: KafkaSettings,
        _ topics: [String],
        prefix: String,
        delivery: KafkaSink.Delivery,
        log: KafkaLog
    ) throws {
        var timing = KafkaMembership.Timing()
        timing.topicsInterval = .milliseconds(300)
        timing.endsInterval = .milliseconds(100)
        membership = try KafkaMembership(settings, topics: topics, timing: timing, log: log)
        self.prefix = prefix
        self.delivery = delivery
    }

    deinit { membership.close() }

    /// Waits for the leadership, then makes sink and source.
    func lead(within limit: Duration = .seconds(20)) throws {
        let membership = membership
        let stopper = Thread { [membership] in
            let deadline = ContinuousClock.now + limit
            while ContinuousClock.now < deadline, membership.term == nil { usleep(20_000) }
            if membership.term == nil { membership.stop() }
        }
        stopper.start()
        guard try membership.waitForLeadership() else {
            throw TooLate(description: "no leadership in time")
        }
        try begin()
    }

    func begin() throws {
        var configuration = KafkaSink.Configuration()
        configuration.delivery = delivery
        configuration.topicPrefix = prefix
        configuration.topics = [.decisions]
        configuration.journalTopic = nil
        configuration.offsetsInterval = .milliseconds(20)
        let sink = try KafkaSink(membership, configuration: configuration)
        var reading = KafkaSource.Configuration()
        reading.markInterval = .milliseconds(50)
        source = try KafkaSource(membership, after: sink, configuration: reading)
        self.sink = sink
    }

    /// One block; true when an epoch was committed.
    @discardableResult
    func turn(committing: Bool = true) throws -> Bool {
        block.reset()
        let turn = try source!.fill(block)
        for index in 0..<block.count {
            let entry = block[record: index]
            epoch.append(block.string(of: entry.value))
            headers.append(unpack(Array(block.string(of: entry.headers).utf8)))
        }
        guard case .epochEnd(let mark) = turn else { return false }
        lastMark = mark
        marks += 1
        // The buffers of epochs that are held stay as they are.
        output = OutputBuffer()
        for (index, value) in epoch.enumerated() {
            let order = OutputOrder(
                second: 0,
                sequence: UInt64(index),
                profile: .none,
                ordinal: 0
            )
            output.begin(.decisions, order: order)
            output.put(text: value)
            output.endKey()
            output.endHeaders()
            output.put(text: value)
            output.end()
        }
        for index in 0..<output.records.count {
            try sink!.write(output.records[index], of: output)
        }
        if committing {
            try sink!.commit(mark)
            if sink!.isHolding { held += 1 }
            read += epoch
            epoch.removeAll()
        }
        return committing
    }

    func turns(until what: String, within limit: Duration = .seconds(20), _ done: () -> Bool) throws
    {
        try until(what, within: limit) {
            if done() { return true }
            try turn()
            return done()
        }
    }
}
