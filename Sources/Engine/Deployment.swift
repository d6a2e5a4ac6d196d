package import Decoding
package import Kafka
package import Pipeline
import Synchronization

/// Runs Collie on Kafka for as long as the process lives: stands by, leads, stands by again.
///
/// One instance of a deployment works at a time (identity and caps need one owner). Each term of
/// leadership has an engine, a source and a sink of its own, so that nothing of a lost term can
/// reach the next one. Owned by the thread that calls `run`; `stop` and `progress` are for any.
package final class Deployment: Sendable {
    /// What runs.
    package struct Configuration: Sendable {
        /// The engine's threads and bounds.
        package var engine = Engine.Configuration()
        /// How epochs are cut.
        package var source = KafkaSource.Configuration()
        /// How outputs are written.
        package var sink = KafkaSink.Configuration()

        package init() {}
    }

    private let configuration: Configuration
    private let rules: CompiledRules
    private let plan: TrackingPlan
    private let membership: KafkaMembership
    private let log: KafkaLog
    private let current = Mutex<Engine?>(nil)
    private let past = Mutex(Engine.Progress())

    /// Makes a deployment's instance; it is not in the group yet.
    package init(
        _ membership: KafkaMembership,
        configuration: Configuration,
        rules: CompiledRules,
        plan: TrackingPlan,
        log: KafkaLog
    ) {
        self.membership = membership
        self.configuration = configuration
        self.rules = rules
        self.plan = plan
        self.log = log
    }

    /// Wishes to stop: what was read is worked off and committed.
    package func stop() { membership.stop() }

    /// Whether this instance leads.
    package var isLeading: Bool { current.withLock { $0 != nil } }

    /// How far a recovery has come; nil if none is under way.
    package var recovery: RecoveryProgress.Reading? { membership.recovery.reading }

    /// What was done so far, over all terms.
    package var progress: Engine.Progress {
        var sum = past.withLock { $0 }
        if let now = current.withLock({ $0?.progress }) { sum.add(now) }
        return sum
    }

    /// Works until a stop is wished for, or something fails that waiting does not mend.
    package func run() throws {
        defer { membership.close() }
        while try membership.waitForLeadership() {
            do {
                try lead()
            } catch let error as KafkaError {
                switch error.kind {
                case .leadershipLost, .fenced:
                    log.line(.warning, "\(error.description); stands by again")
                case .stopped:
                    return
                default:
                    throw error
                }
            }
            if membership.isStopping { return }
        }
    }

    /// One term of leadership: recovers what was known, then goes on.
    private func lead() throws {
        let sink = try KafkaSink(membership, configuration: configuration.sink)
        let before = try readJournal(for: sink)
        sink.nextEpoch = (before.records.last?.epoch ?? 0) + 1
        let source = try KafkaSource(
            membership,
            after: sink,
            replaying: before.records,
            configuration: configuration.source
        )
        try check(before, lacksPast: source.goesOnWithoutPast)
        var engineConfiguration = configuration.engine
        engineConfiguration.isLive = true
        let engine = Engine(configuration: engineConfiguration, rules: rules)
        current.withLock { $0 = engine }
        let epochs = before.records.count
        log.line(
            .notice,
            "leads: reads \(membership.partitions.count) partitions"
                + (epochs == 0 ? "" : ", goes through \(epochs) epochs of the past again first")
        )
        defer {
            past.withLock { $0.add(engine.progress) }
            current.withLock { $0 = nil }
        }
        _ = try engine.run(
            source: source,
            makeDecoder: {
                EventDecoder(
                    plan: plan,
                    hashKey: rules.rules.hashKey,
                    zones: rules.rules.zones
                )
            },
            sink: sink
        )
    }
}

extension Deployment {
    private func readJournal(for sink: KafkaSink) throws -> Journal.Contents {
        guard let topic = configuration.sink.journalTopic else { return Journal.Contents() }
        return try Journal.read(
            membership.settings,
            topic: topic,
            log: log,
            takeOver: { try sink.takeOver(from: $0) }
        ) {
            try membership.serve(wait: .zero)
            guard membership.mayWait(term: sink.term) else {
                try membership.consumer.check(term: sink.term)
                throw KafkaError(.stopped, "kafka: stopped while it read the journal")
            }
        }
    }

    /// Refuses to begin without the past, unless that was asked for: opt-outs and caps would be
    /// gone silently.
    private func check(_ past: Journal.Contents, lacksPast: Bool) throws(KafkaError) {
        guard let journal = configuration.sink.journalTopic else { return }
        if !past.isComplete || lacksPast, !membership.settings.acceptsLoss {
            throw KafkaError(
                .dataLost,
                """
                kafka: events were read before whose epochs the journal \(journal) does not hold, so what \
                people were sent and what they refused cannot be known. Keep the journal and \
                the input topics for ever. `collie run --accept-loss` begins with what is left.
                """
            )
        }
        if let last = past.records.last, last.config != configuration.sink.fingerprint {
            log.line(
                .warning,
                "the config was changed since the last epoch; the past is gone through under the new one"
            )
        }
    }
}

extension Engine.Progress {
    /// Adds what another engine did.
    package mutating func add(_ other: Engine.Progress) {
        records += other.records
        outputs += other.outputs
        commands += other.commands
        epochs += other.epochs
        watermark = max(watermark, other.watermark)
    }
}
