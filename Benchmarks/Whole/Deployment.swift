import Encoding
import Foundation
import Glibc
import Kafka

/// A deployment of Collie for one measurement: topics of its own, a config, an instance.
final class Deployment {
    /// How epochs are delivered.
    enum Mode: String, CaseIterable {
        case exactlyOnce = "exactly-once"
        case atLeastOnce = "at-least-once"
    }

    static let partitions = 4

    /// The topic of its events.
    let events: String
    /// Its config folder.
    let config: String
    private let bench: Bench
    private let mode: Mode
    private let broker: Broker
    private let name: String
    private let isShort: Bool
    private let watcher: KafkaConsumer
    private var program: Program?

    /// Makes its topics and its config.
    ///
    /// - Parameters:
    ///   - events: a topic of events that is there already; nil is a new one.
    ///   - hasShortWindows: flows that write after seconds instead of the shipped ones.
    ///   - interval: between two snapshots.
    ///   - more: more lines of its `collie.yaml`.
    init(
        _ bench: Bench,
        _ mode: Mode,
        events: String? = nil,
        hasShortWindows: Bool = false,
        interval: String = "60s",
        more: String = ""
    ) throws {
        self.bench = bench
        self.mode = mode
        broker = try bench.broker()
        name = "bench-\(UInt32.random(in: 0 ... .max))"
        isShort = hasShortWindows
        self.events = events ?? name + ".events"
        config = bench.keeper.folder + "/" + name
        var settings = broker.settings
        settings.group = name
        // Else the answer waits for the transaction that is open just then.
        settings.readsUncommitted = true
        watcher = try KafkaConsumer(settings, log: .silent())
        if events == nil { try broker.create(self.events, partitions: Deployment.partitions) }
        try broker.create(name + ".leader", partitions: 1)
        try broker.create(name + ".collie.journal", partitions: 1)
        for topic in OutputTopic.allCases {
            try broker.create("\(name).\(topic.name)", partitions: Deployment.partitions)
        }
        try FileManager.default.copyItem(atPath: bench.options.config, toPath: config)
        if hasShortWindows { try ShortWindows.write(to: config) }
        try """
        shop: {name: shop, country: IN, currency: INR, time_zone: Asia/Kolkata}
        identity: {hash_key: 00112233445566778899aabbccddeeff}
        \(hasShortWindows ? ShortWindows.time : "")
        kafka:
          brokers: "\(broker.bootstrapServers)"
          input_topics: [\(self.events)]
          group_id: \(name)
          delivery: \(mode.rawValue)
          transactional_id: \(name)
          leader_topic: \(name).leader
          output: {prefix: \(name).}
        snapshots: {folder: \(config)-snapshots, interval: \(interval)}
        \(more)
        """.write(toFile: config + "/collie.yaml", atomically: true, encoding: .utf8)
    }

    deinit { watcher.close(within: .seconds(1)) }

    private var windows: [String] { isShort ? ["--short-windows"] : [] }

    // MARK: The instance

    /// Starts it and waits until it leads.
    func start(isVerbose: Bool = false, within limit: Duration = .seconds(60)) throws {
        let program = try Program(
            [bench.collie, "run", "--config", config] + windows + (isVerbose ? ["--verbose"] : []),
            in: bench.keeper
        )
        self.program = program
        try program.says("leads: reads", within: limit)
    }

    /// What it has told so far.
    func told() throws -> String { try running().errors }

    /// Ends it as a power cut would, and waits until its place in the group is free.
    func kill() throws {
        let program = try running()
        program.send(SIGKILL)
        while program.end == nil { usleep(1_000) }
        self.program = nil
        usleep(7_000_000)
    }

    /// Lets it, from its next start on, save as good as never.
    func stopSaving() throws {
        let path = config + "/collie.yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        guard let range = text.firstRange(of: ", interval: ") else {
            throw Failure("no interval of snapshots stands in \(path)")
        }
        let end = text[range.upperBound...].firstIndex(of: "}") ?? text.endIndex
        try text.replacingCharacters(in: range.upperBound..<end, with: "24h")
            .write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Its process.
    private func running() throws(Failure) -> Program {
        guard let program else { throw Failure("Collie was not started") }
        if let end = program.end {
            throw Failure("collie run ended with \(end.code):\n\(program.errors.suffix(2_000))")
        }
        return program
    }

    /// Bytes of memory it has.
    func resident() throws -> Int { Machine.resident(try running().pid) }

    /// Seconds of processor time it has used.
    func processor() throws -> Double { Machine.processor(try running().pid) }

    /// Milliseconds within which half of the commits, and 99 % of them, were done; of the instance
    /// that was stopped last.
    private(set) var commits: (half: Double, most: Double)?

    /// Stops it; answers how many send commands it has written.
    @discardableResult
    func stop() throws -> Int {
        let program = try running()
        program.send(SIGTERM)
        let deadline = ContinuousClock.now + .seconds(60)
        while program.end == nil, ContinuousClock.now < deadline { usleep(5_000) }
        try program.finish(within: .seconds(7_200))
        // "stopped: 300 000 records, 1 234 send commands"
        let words = program.errors.components(separatedBy: "stopped: ").last ?? ""
        let count =
            words.components(separatedBy: " records, ").last?
            .components(separatedBy: " send commands").first ?? ""
        guard let commands = Int(count.filter { $0.isNumber }) else {
            throw Failure("collie run did not say what it did:\n\(program.errors.suffix(2_000))")
        }
        // "…, 1 014 commits (half within 8.7 ms, 99 % within 33.0 ms)"
        func time(_ before: String) -> Double? {
            let words = program.errors.components(separatedBy: "stopped: ").last ?? ""
            guard let begin = words.firstRange(of: before) else { return nil }
            return Double(words[begin.upperBound...].prefix { $0 != " " })
        }
        if let half = time("(half within "), let most = time("99 % within ") {
            commits = (half, most)
        }
        self.program = nil
        return commands
    }

    // MARK: Offsets

    private var inputs: [TopicPartition] {
        (0..<Deployment.partitions).map { TopicPartition(events, Int32($0)) }
    }

    /// How many records the topic of events has.
    func records() throws -> Int64 {
        try watcher.ends(of: inputs, within: .seconds(10)).reduce(0, +)
    }

    /// How many of them are worked off and committed.
    func committed() throws -> Int64 {
        _ = try running()
        return try watcher.committed(inputs, within: .seconds(10)).reduce(0) { $0 + ($1 ?? 0) }
    }

    /// How many epochs it has committed, in how many transactions.
    func epochs() throws -> (count: Int, transactions: Int) {
        var settings = broker.settings
        settings.group = name + ".bench-journal"
        let consumer = try KafkaConsumer(settings, log: .silent())
        defer { consumer.close(within: .seconds(1)) }
        try consumer.assign([(TopicPartition(name + ".collie.journal", 0), .beginning)])
        var batch = MessageBatch()
        var records = 0
        while true {
            try consumer.poll(&batch, wait: .milliseconds(100))
            for index in 0..<batch.count {
                if batch.isRecord(index) { records += 1 }
                // A transaction puts a mark behind its records of the journal.
                if batch.isPartitionEnd(index) {
                    return (records, Int(batch.offset(index)) - records)
                }
            }
            batch.removeAll()
        }
    }

    /// Waits until all of so many records are committed.
    func worksOff(_ records: Int64, within limit: Duration) throws {
        let deadline = ContinuousClock.now + limit
        while true {
            let done = try committed()
            if done >= records { return }
            if ContinuousClock.now > deadline {
                throw Failure("only \(done) of \(records) records were worked off in time")
            }
            usleep(10_000)
        }
    }

    // MARK: Load

    /// Begins to play a shop's traffic to it.
    func load(_ words: [String]) throws -> Program {
        try Program([bench.collie, "load", "--config", config] + windows + words, in: bench.keeper)
    }
}
