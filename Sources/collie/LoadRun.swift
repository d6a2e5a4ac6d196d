import CPlatform
import Encoding
import Events
import Foundation
import Kafka
import LoadTesting
import Shards
import Synchronization

/// One load: a thread that sends, one that watches the outputs, one that asks for the lag.
///
/// What they share is behind a lock or atomic. Memory is bounded: the client's queue by the events
/// in flight, what is remembered of events by its room, both counted when they are full.
final class LoadRun: Sendable {
    /// What the threads share.
    private struct Shared {
        var sent: SentEvents
        var latencies: OutputLatencies
        var events = LoadReport.Events()
        var deadLetters = 0
        var lag = LoadReport.Lag()
        var lagNow: Int64?
        var failure: String?
        var sentAt: Int64 = 0
        var lastOutput: Int64 = 0
    }

    let plan: LoadPlan
    private let clock = LoadClock()
    private let begin: Int64
    private let settings: KafkaSettings
    private let shared: Mutex<Shared>
    private let isSending = Atomic<Bool>(true)
    private let isWatching = Atomic<Bool>(true)
    private let isAssigned = Atomic<Bool>(false)
    private let threads = [
        EngineThread(name: "load-send"), EngineThread(name: "load-watch"),
        EngineThread(name: "load-lag"),
    ]

    /// Begins to watch; nothing is sent yet.
    init(_ plan: LoadPlan, _ settings: KafkaSettings) throws {
        self.plan = plan
        self.settings = settings
        begin = clock.now
        shared = Mutex(
            Shared(
                sent: SentEvents(room: plan.remembered),
                latencies: OutputLatencies(disorder: plan.disorder.milliseconds)
            )
        )
        threads[1].start { [self] in guarded { try watch() } }
        threads[2].start { [self] in guarded { try askForLag() } }
        let deadline = collie_monotonic_milliseconds() + 20_000
        while !isAssigned.load(ordering: .acquiring) {
            if let text = failure {
                end()
                throw LoadFailure(description: text)
            }
            if collie_monotonic_milliseconds() > deadline || collie_stop_count() > 0 {
                end()
                throw LoadFailure(description: "kafka: no answer about the output topics")
            }
            usleep(2_000)
        }
    }

    /// Plays traffic on a thread of its own, which also makes it.
    func play<Source: Traffic>(_ makeTraffic: @escaping @Sendable () throws -> Source) {
        threads[0].start { [self] in
            guarded { try send(try makeTraffic()) }
            shared.withLock { $0.sentAt = clock.now }
            isSending.store(false, ordering: .releasing)
        }
    }

    private var failure: String? { shared.withLock { $0.failure } }

    private func guarded(_ body: () throws -> Void) {
        do { try body() } catch {
            shared.withLock { if $0.failure == nil { $0.failure = "\(error)" } }
        }
    }

    // MARK: Sending

    private func send(_ source: some Traffic) throws {
        var traffic = source
        var writer = try TrafficWriter(topic: plan.topic, settings, inFlight: plan.inFlight)
        var renewal = EventRenewal(mark: plan.mark)
        let begin = clock.now
        var first: Int64?
        var last: Int64 = 0
        func goesOn() -> Bool { collie_stop_count() == 0 && failure == nil }
        func note(_ writer: borrowing TrafficWriter) {
            shared.withLock { shared in
                shared.events.sent = writer.sent
                shared.events.confirmed = writer.confirmed
                shared.events.errors = writer.errors
                shared.events.heldBack = writer.heldBack
                shared.events.repartitioned = writer.repartitioned
            }
        }
        while goesOn(), let record = try traffic.next() {
            let time = record.time ?? last
            last = time
            var intended = clock.now
            if let speed = plan.speed {
                let from = first ?? time
                first = from
                intended = begin + Int64(Double(time - from) * 1_000 / speed)
                var now = clock.now
                while now < intended, goesOn() {
                    writer.serve()
                    note(writer)
                    usleep(UInt32(min(intended - now, 5_000)))
                    now = clock.now
                }
                guard goesOn() else { break }
            }
            let moved = intended / 1_000
            renewal.renew(record, shift: moved - time, time: moved)
            shared.withLock { shared in
                // Before it is written, for its output may be there at once.
                let eventTime = renewal.eventTime ?? moved
                let sent = SentEvents.Sent(intended: intended, eventTime: eventTime)
                if let id = renewal.messageID { shared.sent.note(id, sent) }
                shared.latencies.noteEvent(sent)
                let behind = Double(clock.now - intended) / 1_000
                shared.events.behindMilliseconds = max(shared.events.behindMilliseconds, behind)
            }
            try writer.write(
                key: record.key,
                headers: renewal.headers,
                value: record.value == nil ? nil : renewal.value,
                partition: record.partition,
                goesOn
            )
            if writer.sent & 63 == 0 { note(writer) }
        }
        try writer.finish(within: .seconds(30))
        note(writer)
        let seconds = Double(clock.now - begin) / 1_000_000
        shared.withLock {
            $0.events.perSecond = LoadRun.rounded(Double(writer.confirmed) / max(seconds, 0.001))
        }
    }

    // MARK: Watching

    /// What later events of a person make of what an earlier one began.
    private static let endings: [Outcome] = [
        .goalMet, .exited, .superseded, .empty, .merged, .inheritedEvent,
    ]

    private enum Output { case command, decision, deadLetter }

    private func watch() throws {
        var own = settings
        own.group = "collie-load"
        own.instance = nil
        let consumer = try KafkaConsumer(own, log: .silent())
        var kinds: [String: Output] = [plan.decisionTopic: .decision]
        kinds[plan.deadLetterTopic] = .deadLetter
        for topic in plan.commandTopics { kinds[topic] = .command }
        var starts: [(partition: TopicPartition, offset: StartOffset)] = []
        for topic in kinds.keys.sorted() {
            let count = try TrafficWriter.partitions(of: topic) { limit throws(KafkaError) in
                try consumer.partitionCount(of: topic, within: limit)
            }
            try consumer.keep(topic: topic)
            let all = (0..<Int32(count)).map { TopicPartition(topic, $0) }
            // Where they end now: what comes from here on may be ours.
            let ends = try consumer.ends(of: all, within: .seconds(10))
            for (partition, end) in zip(all, ends) { starts.append((partition, .at(end))) }
        }
        try consumer.assign(starts)
        isAssigned.store(true, ordering: .releasing)
        var batch = MessageBatch()
        var reading = OutputReading()
        var known: [UInt: Output] = [:]
        while isWatching.load(ordering: .acquiring) {
            batch.removeAll()
            try consumer.poll(&batch, wait: .milliseconds(20))
            let now = clock.now
            for index in 0..<batch.count {
                guard batch.isRecord(index) else {
                    if batch.isPartitionEnd(index) { continue }
                    let error = batch.error(index)
                    if error.isRetriable { continue }
                    throw error
                }
                let identity = batch.topicIdentity(index)
                let kind = known[identity] ?? kinds[batch.topicName(index)] ?? .deadLetter
                known[identity] = kind
                take(kind, TrafficRecord(index, of: batch), &reading, seenAt: now)
            }
        }
        batch.removeAll()
        consumer.close(within: .seconds(1))
    }

    private func take(
        _ output: Output,
        _ record: TrafficRecord,
        _ reading: inout OutputReading,
        seenAt now: Int64
    ) {
        var cause: UInt64?
        var due: Int64?
        var isEnding = false
        switch output {
        case .command:
            let headers = PackedHeaders(record.headers)
            cause = headers["ce_causationid"].map { MessageIDHash($0.utf8).value }
            due = headers["ce_time"].flatMap { reading.time($0.utf8) }
        case .decision:
            let json = record.value ?? []
            cause = OutputReading.text(of: "cause", in: json).map { MessageIDHash($0).value }
            due = OutputReading.text(of: "at", in: json).flatMap { reading.time($0) }
            isEnding =
                OutputReading.text(of: "outcome", in: json).map { text in
                    LoadRun.endings.contains { $0.name.utf8.elementsEqual(text) }
                } ?? false
        case .deadLetter:
            shared.withLock {
                $0.deadLetters += 1
                $0.lastOutput = now
            }
            return
        }
        shared.withLock { shared in
            shared.latencies.note(
                output == .command ? .command : .decision,
                of: cause.flatMap { shared.sent[$0] },
                dueTime: due,
                isEnding: isEnding,
                seenAt: now
            )
            shared.lastOutput = now
        }
    }

    // MARK: Lag

    private func askForLag() throws {
        // As the deployment's group, but only to ask: it is not joined.
        var own = settings
        own.instance = nil
        // Else the answer waits for the transaction that is open just then.
        own.readsUncommitted = true
        let consumer = try KafkaConsumer(own, log: .silent())
        var partitions: [TopicPartition] = []
        for topic in plan.groupTopics {
            let count = try TrafficWriter.partitions(of: topic) { limit throws(KafkaError) in
                try consumer.partitionCount(of: topic, within: limit)
            }
            partitions += (0..<Int32(count)).map { TopicPartition(topic, $0) }
        }
        while isWatching.load(ordering: .acquiring) {
            do throws(KafkaError) {
                let committed = try consumer.committed(partitions, within: .seconds(2))
                let ends = try consumer.ends(of: partitions, within: .seconds(2))
                let lag = zip(ends, committed).reduce(0) { $0 + max(0, $1.0 - ($1.1 ?? 0)) }
                shared.withLock { shared in
                    shared.lagNow = lag
                    shared.lag.end = lag
                    shared.lag.max = max(shared.lag.max ?? 0, lag)
                }
            } catch {
                if !error.isRetriable { throw error }
                shared.withLock { $0.lagNow = nil }
            }
            for _ in 0..<5 where isWatching.load(ordering: .acquiring) { usleep(50_000) }
        }
        consumer.close(within: .seconds(1))
    }

    // MARK: Looking

    /// Where a load stands.
    struct Progress {
        var seconds: Double
        var events: LoadReport.Events
        var commands: Int
        var decisions: Int
        var lag: Int64?
        var lately: LatencyHistogram
        var latelyDue: LatencyHistogram
    }

    /// Where it stands; the latencies are those since it was last asked.
    func takeProgress() -> Progress {
        shared.withLock { shared in
            defer { shared.latencies.beginSecond() }
            return Progress(
                seconds: Double(clock.now - begin) / 1_000_000,
                events: shared.events,
                commands: shared.latencies.count(.command),
                decisions: shared.latencies.count(.decision),
                lag: shared.lagNow,
                lately: shared.latencies.lately,
                latelyDue: shared.latencies.latelyDue
            )
        }
    }

    /// Whether there is nothing more to wait for: all was sent, and either the deployment has read
    /// it and said nothing more for a while, or the time is up.
    var isOver: Bool {
        if failure != nil { return true }
        if isSending.load(ordering: .acquiring) { return false }
        if collie_stop_count() > 0 { return true }
        return shared.withLock { shared in
            let now = clock.now
            if Double(now - shared.sentAt) / 1_000_000 >= plan.drain { return true }
            // The lag may be a second old, and so may be a commit.
            return shared.lagNow == 0 && now - max(shared.sentAt, shared.lastOutput) > 2_000_000
        }
    }

    /// Ends the threads; throws what went wrong on one.
    func finish() throws {
        end()
        if let text = failure { throw LoadFailure(description: text) }
    }

    private func end() {
        isWatching.store(false, ordering: .releasing)
        for thread in threads { thread.join() }
    }

    /// To three digits behind the point, which is more than was measured.
    private static func rounded(_ number: Double) -> Double { (number * 1_000).rounded() / 1_000 }

    /// What it came to, once it is over.
    func report(source: String) -> (report: LoadReport, latencies: OutputLatencies) {
        shared.withLock { shared in
            let sending = Double(shared.sentAt - begin) / 1_000_000
            let whole = Double(max(shared.sentAt, shared.lastOutput) - begin) / 1_000_000
            var events = shared.events
            events.forgotten = shared.sent.forgotten
            var outputs = LoadReport.Outputs()
            outputs.commands = shared.latencies.count(.command)
            outputs.commandsPerSecond = LoadRun.rounded(
                Double(outputs.commands) / max(whole, 0.001)
            )
            outputs.decisions = shared.latencies.count(.decision)
            outputs.endedByLaterEvents = shared.latencies.ended
            outputs.deadLetters = shared.deadLetters
            outputs.unmatched = shared.latencies.unknown.reduce(0, +)
            let began = Date(timeIntervalSince1970: Double(begin) / 1_000_000)
            let report = LoadReport(
                input: LoadReport.Input(
                    source: source,
                    topic: plan.topic,
                    speed: plan.speed.map { "\($0.formatted())x" } ?? "max",
                    mark: plan.mark,
                    startedAt: began.formatted(.iso8601),
                    seconds: LoadRun.rounded(sending)
                ),
                events: events,
                outputs: outputs,
                latency: LoadReport.Latencies(shared.latencies),
                lag: shared.lag
            )
            return (report, shared.latencies)
        }
    }
}
