import Foundation
import Kafka

/// How much of what Kafka can give `collie run` takes: from a full topic to committed commands,
/// beside a consumer that drops every record.
struct KafkaPart {
    private enum Case: Hashable {
        case roof
        case collie(Deployment.Mode)
    }

    private struct Measured {
        var rate: Double
        /// Seconds of processor time a million events: of the consumer or Collie, and of the broker.
        var processor: Double
        var broker: Double?
        var commands = 0
        /// Events of an epoch, and of a transaction.
        var epoch: Double?
        var transaction: Double?
    }

    static let goal = 0.6

    static func run(_ bench: Bench) throws -> Findings {
        let topic = "bench-full-\(UInt32.random(in: 0 ... .max))"
        try bench.broker().create(topic, partitions: Deployment.partitions)
        let filler = try Deployment(bench, .exactlyOnce, events: topic)
        try bench.fill(topic, config: filler.config)
        let count = Double(try filler.records())
        let modes = Deployment.Mode.allCases
        let measured = try bench.inTurns([.roof] + modes.map { Case.collie($0) }) { one in
            switch one {
            case .roof: try drop(topic, count, bench)
            case .collie(let mode): try workOff(topic, count, mode, bench)
            }
        }
        return describe(measured, count, bench)
    }

    private static func describe(
        _ measured: [Case: [Measured]],
        _ count: Double,
        _ bench: Bench
    ) -> Findings {
        var findings = Findings(
            title: "Kafka",
            note: "A topic of \(grouped(count)) events in \(Deployment.partitions) partitions, "
                + "broker on the same machine. The roof is one librdkafka consumer with Collie's "
                + "settings that drops every record. Collie counts from when it leads until all "
                + "offsets are committed (at-least-once commits them every 500 ms)."
        )
        func middle(_ one: Case, _ value: (Measured) -> Double?) -> Double {
            median((measured[one] ?? []).compactMap(value))
        }
        let roof = middle(.roof, \.rate)
        let engine = bench.rates.first { $0.name == "engine, 1 shard" }?.rate
        bench.rates.append(("Kafka, records dropped", roof))
        findings.add("consumer that drops every record", grouped(roof) + " records/s")
        addProcessor(.roof, "consumer")
        for mode in Deployment.Mode.allCases {
            let rate = middle(.collie(mode), \.rate)
            bench.rates.append(("collie run, \(mode.rawValue)", rate))
            findings.add(
                "collie run, \(mode.rawValue)",
                grouped(rate) + " events/s",
                ratio: percent(rate / roof) + " of the roof"
                    + (engine.map { ", \(percent(rate / $0)) of the engine on 1 shard" } ?? ""),
                goal: "≥ " + percent(goal),
                isMet: rate / roof >= goal
            )
            addProcessor(.collie(mode), "Collie")
            let transaction = middle(.collie(mode), \.transaction)
            findings.add(
                "an epoch" + (mode == .exactlyOnce ? ", a transaction" : ""),
                grouped(middle(.collie(mode), \.epoch))
                    + (mode == .exactlyOnce ? ", \(grouped(transaction))" : "")
                    + " events on average"
            )
        }
        func addProcessor(_ one: Case, _ name: String) {
            let broker = middle(one, \.broker)
            findings.add(
                "processor: \(name)" + (broker.isNaN ? "" : ", broker"),
                decimal(middle(one, \.processor))
                    + (broker.isNaN ? "" : ", " + decimal(broker)) + " CPU-s a million events"
            )
        }
        return findings
    }

    /// Reads a whole topic and drops it.
    private static func drop(_ topic: String, _ count: Double, _ bench: Bench) throws -> Measured {
        let broker = try bench.broker()
        var settings = broker.settings
        settings.group = "bench-roof"
        let consumer = try KafkaConsumer(settings, log: .silent())
        let partitions = (0..<Deployment.partitions).map { TopicPartition(topic, Int32($0)) }
        // Connected before it begins, as Collie is.
        _ = try consumer.ends(of: partitions, within: .seconds(10))
        let before = (Machine.ownProcessor, broker.processor)
        let begin = ContinuousClock.now
        try consumer.assign(partitions.map { ($0, .beginning) })
        var (seen, ends) = (0, 0)
        var batch = MessageBatch()
        while ends < partitions.count {
            try consumer.poll(&batch, wait: .milliseconds(100))
            for index in 0..<batch.count {
                if batch.isRecord(index) {
                    seen += 1
                } else if batch.isPartitionEnd(index) {
                    ends += 1
                } else {
                    throw batch.error(index)
                }
            }
            batch.removeAll()
            if ContinuousClock.now - begin > .seconds(1_800) {
                throw Failure("the topic has no end")
            }
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        guard Double(seen) == count else {
            throw Failure("the consumer saw \(seen) of \(Int(count)) records")
        }
        let processor = Machine.ownProcessor - before.0
        consumer.close(within: .seconds(2))
        let measured = Measured(
            rate: count / seconds,
            processor: processor / count * 1e6,
            broker: broker.processor.flatMap { now in before.1.map { (now - $0) / count * 1e6 } }
        )
        say("  dropped: \(grouped(measured.rate)) records/s")
        return measured
    }

    /// Lets Collie work off a whole topic.
    private static func workOff(
        _ topic: String,
        _ count: Double,
        _ mode: Deployment.Mode,
        _ bench: Bench
    ) throws -> Measured {
        let broker = try bench.broker()
        let deployment = try Deployment(bench, mode, events: topic)
        let before = broker.processor
        try deployment.start()
        let begin = ContinuousClock.now
        let start = try deployment.processor()
        try deployment.worksOff(Int64(count), within: .seconds(1_800))
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        var measured = Measured(
            rate: count / seconds,
            processor: (try deployment.processor() - start) / count * 1e6,
            broker: broker.processor.flatMap { now in before.map { (now - $0) / count * 1e6 } }
        )
        let epochs = try deployment.epochs()
        measured.epoch = count / Double(max(1, epochs.count))
        if epochs.transactions > 0 { measured.transaction = count / Double(epochs.transactions) }
        measured.commands = try deployment.stop()
        guard measured.commands > 0 else { throw Failure("Collie wrote no command") }
        say(
            "  \(mode.rawValue): \(grouped(measured.rate)) events/s, "
                + "\(grouped(Double(measured.commands))) commands, \(grouped(measured.epoch ?? 0)) events an epoch"
                + (measured.transaction.map { ", \(grouped($0)) a transaction" } ?? "")
        )
        return measured
    }
}
