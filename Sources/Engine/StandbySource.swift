import CPlatform
import Events
import Kafka

/// What an instance reads in its life: the journalled past, then what another leader adds to it,
/// and, once it leads itself, the input topics.
///
/// So a standby has the leader's state, an epoch behind, and there is one way to start: a new
/// instance stands by until it leads. Used by the source thread, which serves the group.
final class StandbySource: RecordSource {
    /// What it reads and where it begins.
    struct Configuration {
        /// How epochs are cut.
        var source = KafkaSource.Configuration()
        /// The epoch of the snapshot that the engine starts with; 0 for none.
        var epoch: UInt64 = 0
        /// Where the journal goes on behind it.
        var journalPosition: Int64 = 0
        /// To whom the journal belonged there.
        var leader: String?
        /// Where the partitions go on, by number.
        var starts: [(partition: TopicPartition, next: Int64)] = []
        /// The configuration under which is decided.
        var fingerprint = ""
    }

    private let membership: KafkaMembership
    private let configuration: Configuration
    private let makeSink: () throws(KafkaError) -> KafkaSink
    private let outputs: LeadingSink
    private let past: JournalSource?
    private var live: KafkaSource?
    private var sink: KafkaSink?
    // Where the journal ended when nobody else could write to it any more.
    private var journalEnd: Int64?
    private var servedAt: Int64 = 0
    private var isRecovering = false
    private var hasCaughtUp = false
    private var isTakingOver = false
    private var pastCheck: PastCheck

    /// Opens the past; nothing is waited for.
    ///
    /// - Parameters:
    ///   - outputs: gets the sink when this instance leads.
    ///   - makeSink: makes it, which fences the leader before.
    init(
        _ membership: KafkaMembership,
        journal topic: String?,
        outputs: LeadingSink,
        configuration: Configuration,
        makeSink: @escaping () throws(KafkaError) -> KafkaSink
    ) throws(KafkaError) {
        self.membership = membership
        self.configuration = configuration
        self.outputs = outputs
        self.makeSink = makeSink
        pastCheck = PastCheck(patience: membership.timing.pastPatience)
        guard let topic else {
            past = nil
            return
        }
        membership.journal = TopicPartition(topic, 0)
        let reader = try JournalReader(
            membership.settings,
            topic: topic,
            behind: configuration.epoch,
            from: configuration.journalPosition,
            leader: configuration.leader,
            log: membership.log
        )
        past = try JournalSource(
            membership.settings,
            reader,
            startingAt: configuration.starts,
            recovery: membership.recovery,
            log: membership.log
        )
    }

    func fill(_ block: EventBlock) throws -> SourceTurn {
        while true {
            if let live { return try live.fill(block) }
            if membership.isStopping { return end() }
            if sink == nil, membership.term != nil {
                membership.health.enter(.takingOver)
                sink = try makeSink()
            }
            guard let past else {
                if sink != nil {
                    try goLive()
                } else {
                    noteCaughtUp()
                    _ = try membership.standBy(wait: pause)
                }
                continue
            }
            let turn = try past.fill(block) { [self] in try serve() }
            if let gap = past.gap, !membership.settings.acceptsLoss {
                throw membership.lacksPast(gap)
            }
            guard case .end = turn else {
                // Who takes over as a standby has hardly anything left to read, and asks nothing.
                if sink == nil || !hasCaughtUp { tellProgress(past) }
                return turn
            }
            if sink == nil {
                // The past may also end early, for something else is to be done first.
                if past.isAtEnd { noteCaughtUp() }
                _ = try membership.standBy(wait: pause)
            } else if try hasReadAll(past), try isTakingOver || knowsAllRead(past),
                try hasTakenOver(past)
            {
                try goLive()
            }
        }
    }

    private var pause: Duration { .milliseconds(20) }

    private func end() -> SourceTurn {
        past?.close()
        membership.recovery.end()
        return .end
    }

    /// Serves the group while the past is read; false when something else is to be done first.
    private func serve() throws -> Bool {
        let now = collie_monotonic_milliseconds()
        if now - servedAt >= 50 {
            servedAt = now
            if let sink {
                try membership.serve(wait: .zero)
                try membership.consumer.check(term: sink.term)
            } else {
                _ = try membership.standBy(wait: .zero)
            }
        }
        return !membership.isStopping && (sink != nil || membership.term == nil)
    }

    /// Knows what the leader knows.
    private func noteCaughtUp() {
        endRecovery()
        hasCaughtUp = true
        membership.health.enter(membership.consumer.isInGroup ? .standingBy : .joining)
    }

    private func tellProgress(_ past: JournalSource) {
        guard !isRecovering, membership.recovery.reading == nil else { return }
        // Only a backlog is worth telling of.
        guard let end = past.end(within: .milliseconds(200)), end > past.position + 100 else {
            return
        }
        isRecovering = true
        membership.recovery.begin(from: past.position, to: end)
        if sink == nil { membership.health.enter(.recovering) }
    }

    private func endRecovery() {
        guard isRecovering else { return }
        isRecovering = false
        let seconds = membership.recovery.reading?.elapsed.components.seconds ?? 0
        membership.recovery.end()
        membership.log.line(
            .notice,
            "knows the past up to epoch \(past?.epoch ?? 0), after \(seconds) s; follows the leader"
        )
    }

    // MARK: Leading

    /// Whether the journal was read to where it ended after the leader before was fenced.
    private func hasReadAll(_ past: JournalSource) throws(KafkaError) -> Bool {
        if journalEnd == nil { journalEnd = past.end(within: .seconds(1)) }
        guard let journalEnd else { return false }
        return past.position >= journalEnd
    }

    /// Whether the journal says of all that the group has committed; if not, its end is asked for
    /// again.
    private func knowsAllRead(_ past: JournalSource) throws(KafkaError) -> Bool {
        if membership.settings.acceptsLoss { return true }
        guard let partitions = membership.inputPartitions,
            let committed = try membership.askForCommitted(partitions)
        else { return false }
        let known = partitions.map { partition in
            past.partitions.firstIndex(of: partition).map { past.next($0) } ?? -1
        }
        switch pastCheck.compare(partitions, committed: committed, known: known, now: .now) {
        case .complete: return true
        case .lacking(let evidence): throw membership.lacksPast(evidence)
        case .wait:
            journalEnd = nil
            return false
        }
    }

    /// Whether the journal says that this instance leads now.
    private func hasTakenOver(_ past: JournalSource) throws -> Bool {
        guard let sink else { return false }
        if !isTakingOver {
            isTakingOver = true
            past.awaited = try sink.takeOver(from: past.leader)
        }
        return past.awaited == nil
    }

    private func goLive() throws(KafkaError) {
        guard let sink else { return }
        if let past {
            try check(past)
            sink.nextEpoch = past.epoch + 1
        }
        let positions = past.map { past in
            past.partitions.indices.map {
                (partition: past.partitions[$0], next: past.next($0))
            }
        }
        past?.close()
        membership.recovery.end()
        var reading = configuration.source
        reading.refusesWithoutPast = past != nil && !membership.settings.acceptsLoss
        live = try KafkaSource(
            membership,
            after: sink,
            startingAt: positions ?? [],
            configuration: reading
        )
        outputs.lead(with: sink)
        membership.health.enter(.leading)
        membership.log.line(
            .notice,
            "leads: reads \(membership.partitions.count) partitions"
                + (past.map { $0.epoch > 0 ? ", goes on behind epoch \($0.epoch)" : "" } ?? "")
        )
    }

    private func check(_ past: JournalSource) throws(KafkaError) {
        let isBehind =
            past.newestSeen == 0
            ? past.position < configuration.journalPosition
            : past.newestSeen < configuration.epoch
        if isBehind, !membership.settings.acceptsLoss {
            throw membership.lacksPast(
                "the snapshot was taken at epoch \(configuration.epoch) and the journal ends before it"
            )
        }
        if let config = past.config, config != configuration.fingerprint {
            membership.log.line(
                .warning,
                "the config was changed since the last epoch; what came since the last snapshot was "
                    + "gone through under the new one"
            )
        }
    }
}
