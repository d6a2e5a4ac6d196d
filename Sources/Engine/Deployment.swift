package import Decoding
package import Kafka
package import Pipeline
import Snapshots
import Synchronization

/// Runs Collie on Kafka for as long as the process lives: stands by, leads, stands by again.
///
/// One instance of a deployment works at a time (identity and caps need one owner); the others
/// follow its journal, so that they know what it knows. An engine lives from a snapshot over the
/// journalled past to the end of its leadership; a lost one, or one whose last commit is unsure, is
/// thrown away with all it knew, so that nothing of it can reach the next. Owned by the thread that calls `run`; `stop` and
/// `progress` are for any.
package final class Deployment: Sendable {
    /// What runs.
    package struct Configuration: Sendable {
        /// The engine's threads and bounds.
        package var engine = Engine.Configuration()
        /// How epochs are cut.
        package var source = KafkaSource.Configuration()
        /// How outputs are written.
        package var sink = KafkaSink.Configuration()
        /// Where snapshots are kept; nil keeps none, and each start goes through the whole log.
        package var snapshots: SnapshotKeeper.Configuration?

        package init() {}
    }

    // What works now.
    private struct Work: @unchecked Sendable {
        // @unchecked: of the sink others only ask whether it leads, which is behind a lock.
        let engine: Engine
        let sink: LeadingSink
    }

    private let configuration: Configuration
    private let rules: CompiledRules
    private let plan: TrackingPlan
    private let membership: KafkaMembership
    private let log: KafkaLog
    private let current = Mutex<Work?>(nil)
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
    package var isLeading: Bool { current.withLock { $0?.sink.isLeading ?? false } }

    /// How far a recovery has come; nil if none is under way.
    package var recovery: RecoveryProgress.Reading? { membership.recovery.reading }

    /// What was done so far, over all terms.
    package var progress: Engine.Progress {
        var sum = past.withLock { $0 }
        if let now = current.withLock({ $0?.engine.progress }) { sum.add(now) }
        return sum
    }

    /// How long commits of outputs took.
    package var commitTimes: CommitTimes { membership.commitTimes.withLock { $0 } }

    /// Works until a stop is wished for, or something fails that waiting does not mend.
    package func run() throws {
        defer { membership.close() }
        do { try workTerms() } catch {
            membership.health.fail("\(error)")
            throw error
        }
    }

    private func workTerms() throws {
        var failures = 0
        while !membership.isStopping {
            do {
                try work()
            } catch let error as KafkaError {
                if error.kind == .stopped { return }
                let committed = membership.epochsCommitted
                    .exchange(0, ordering: .acquiringAndReleasing)
                failures = committed > 0 ? 0 : failures + 1
                guard error.endsOnlyATerm, failures < Deployment.failuresMax else { throw error }
                log.line(.warning, "\(error.description); stands by again")
            }
        }
    }

    // Terms in a row in which nothing was committed; then something is wrong that does not pass.
    private static let failuresMax = 10

    /// From a snapshot to a lost leadership or the end: learns what is known, follows, leads.
    private func work() throws {
        var engineConfiguration = configuration.engine
        engineConfiguration.isLive = true
        membership.health.enter(.restoring)
        let start = try recover(engineConfiguration)
        membership.health.enter(.recovering)
        let sink = LeadingSink()
        let source = try StandbySource(
            membership,
            journal: configuration.sink.journalTopic,
            outputs: sink,
            configuration: reading(from: start.header)
        ) { [membership, configuration] () throws(KafkaError) in
            try KafkaSink(membership, configuration: configuration.sink)
        }
        let engine = Engine(configuration: engineConfiguration, rules: rules)
        current.withLock { $0 = Work(engine: engine, sink: sink) }
        defer {
            past.withLock { $0.add(engine.progress) }
            current.withLock { $0 = nil }
        }
        let keeper = keeper(start.header, sink)
        _ = try engine.run(
            source: source,
            makeDecoder: {
                EventDecoder(
                    plan: plan,
                    hashKey: rules.rules.hashKey,
                    zones: rules.rules.zones
                )
            },
            sink: sink,
            state: start.state,
            keeper: keeper,
            // Another one may lead while this one saves what it knows.
            beforeLastSnapshot: { membership.close() }
        )
    }

    private func recover(_ engine: Engine.Configuration) throws -> SnapshotRecovery.Start {
        guard let snapshots = configuration.snapshots, configuration.sink.journalTopic != nil else {
            return .init(state: EngineState(rules: rules, configuration: engine), header: nil)
        }
        return try SnapshotRecovery(
            folder: snapshots.folder,
            rules: rules,
            configuration: engine,
            fingerprint: configuration.sink.fingerprint,
            log: log
        ).start {
            // Joins the group meanwhile, which takes a broker some seconds. Who leads already has
            // nothing to wait for there, and must not take the processor from who restores.
            if try membership.standBy(wait: .milliseconds(10)) {
                try membership.serve(wait: .milliseconds(10))
            }
        }
    }

    private func reading(from header: SnapshotHeader?) -> StandbySource.Configuration {
        var reading = StandbySource.Configuration()
        reading.source = configuration.source
        reading.fingerprint = configuration.sink.fingerprint
        if let header {
            reading.epoch = header.epoch
            reading.journalPosition = header.journalOffset
            reading.leader = SnapshotOrigin(header.metadata).leader
            reading.starts = header.offsets.map {
                (TopicPartition($0.topic, $0.partition), $0.next)
            }
        }
        return reading
    }

    private func keeper(_ header: SnapshotHeader?, _ sink: LeadingSink) -> SnapshotKeeper? {
        guard let snapshots = configuration.snapshots, configuration.sink.journalTopic != nil else {
            return nil
        }
        let keeper = SnapshotKeeper(
            snapshots,
            startingAt: header,
            fingerprint: configuration.sink.fingerprint,
            log: log
        )
        keeper.leading = { [membership] in (membership.journalEnd, sink.leader) }
        return keeper
    }
}

extension KafkaError {
    /// Whether another term may go well: what is unsure is asked of the broker when it begins, with
    /// new clients and a state that knows nothing of this one.
    package var endsOnlyATerm: Bool {
        switch kind {
        case .leadershipLost, .fenced, .restartRequired, .abortRequired, .brokerAway, .timedOut:
            true
        default: false
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
