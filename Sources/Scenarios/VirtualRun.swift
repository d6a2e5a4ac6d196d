package import Decoding
package import Encoding
import Events
import Identity
import Memory
package import Pipeline

/// One output record, as a reader of the topics would see it.
package struct RunOutput: Sendable, Equatable {
    /// Its topic.
    package var topic: OutputTopic
    /// Its key, or nil.
    package var key: String?
    /// Its headers, by name.
    package var headers: [String: String]
    /// Its value's text.
    package var value: String
}

/// What a run brought.
package struct RunResult: Sendable {
    /// The outputs, in order.
    package var outputs: [RunOutput]
    /// The counters.
    package var counters: RunCounters
    /// The profile that holds each asked identifier in the end.
    package var profiles: [PersonName: String]
    /// How many profiles live in the end.
    package var profileCount: Int
}

/// Acts a scenario out: the real decoder and pipeline under a virtual clock.
///
/// The clock passes every second from the scenario's start to its end. In each, the records that
/// arrive in it are applied, then idle time moves; in an outage nothing is done, and its records
/// are applied in the second it ends. Seconds in which nothing can happen are jumped over, so days
/// take milliseconds.
package struct VirtualRun: ~Copyable {
    private let scenario: Scenario
    private let rules: Rules
    private var decoder: EventDecoder
    private var pipeline: SerialPipeline
    private let block = EventBlock(
        capacity: EventBlock.Capacity(rawBytes: 1 << 18, textBytes: 1 << 18, records: 256)
    )
    private var offset: Int64 = 0
    private var outputs: [RunOutput] = []

    /// Prepares a run on so many shards.
    package init(_ scenario: Scenario, plan: TrackingPlan, rules: Rules, shards: Int) {
        self.scenario = scenario
        self.rules = rules
        decoder = EventDecoder(plan: plan, hashKey: rules.hashKey, zones: rules.zones)
        pipeline = SerialPipeline(rules: CompiledRules(rules), shards: shards)
    }

    /// Acts it out; the names are looked up in the end.
    package consuming func result(names: [PersonName]) -> RunResult {
        let last = scenario.end.second
        var clock = scenario.start.second
        var next = 0
        while clock <= last {
            pipeline.resolver.wallClock = EventTime(second: clock)
            while next < scenario.records.count,
                scenario.records[next].received.second <= clock
            {
                next = fill(from: next, through: clock)
                decoder.decode(block)
                pipeline.apply(block)
            }
            pipeline.tick(EventTime(second: clock))
            collect()
            clock = wake(after: clock, next: next)
        }
        var profiles: [PersonName: String] = [:]
        for name in names { profiles[name] = profile(of: name) }
        return RunResult(
            outputs: outputs,
            counters: RunCounters(pipeline: pipeline, decoder: decoder),
            profiles: profiles,
            profileCount: pipeline.resolver.graph.profileCount
        )
    }

    /// The next second in which anything can happen: a record arrives, a timer is due, or the last
    /// before either changes; those in an outage wait for its end.
    private func wake(after clock: Int64, next: Int) -> Int64 {
        var second = Int64.max
        if next < scenario.records.count {
            // The second before, too: what is already past when a record comes depends on it.
            let arrival = scenario.records[next].received.second
            second = arrival - 1 > clock ? arrival - 1 : arrival
        }
        if let due = pipeline.earliestTimer {
            // A timer fires when the second after its own is believed complete.
            let disorder = (rules.disorder.milliseconds + 999) / 1_000
            second = min(second, due + disorder + 1)
        }
        second = max(second, clock + 1)
        for outage in scenario.outages {
            let lastBefore = outage.from.second - 1
            if lastBefore > clock { second = min(second, lastBefore) }
            if second >= outage.from.second, second < outage.to.second {
                second = outage.to.second
            }
        }
        return second
    }

    /// Fills the block with records that have arrived; answers the first that is left.
    private func fill(from first: Int, through clock: Int64) -> Int {
        block.reset()
        var index = first
        while index < scenario.records.count, block.count < block.capacity.records {
            let record = scenario.records[index]
            guard record.received.second <= clock, append(record) else { break }
            index += 1
        }
        return index
    }

    /// Puts a record into the block; false if it does not fit.
    private func append(_ record: ScenarioRecord) -> Bool {
        // Bytes have no padding between them.
        guard let text = unsafe block.append(raw: record.value.span.bytes) else { return false }
        var entry = RecordEntry()
        entry.value = text
        entry.timestamp = record.received
        entry.offset = offset + Int64(block.count)
        block[record: block.count] = entry
        block.count += 1
        return true
    }

    private mutating func collect() {
        offset += Int64(block.count)
        block.reset()
        var found: [RunOutput] = []
        pipeline.collect { record, buffer in
            found.append(RunOutput(record, of: buffer))
        }
        outputs += found
    }

    private mutating func profile(of name: PersonName) -> String? {
        let kinds =
            name.kind.map { [$0] } ?? [.userID, .anonymousID, .email, .phone, .deviceID]
        for kind in kinds {
            let value = kind == .email ? name.value.lowercased() : name.value
            let hash = rules.hashKey.hash(kind: kind.rawValue, value)
            let profile = pipeline.resolver.graph.profile(of: hash)
            if profile != 0 { return hex(pipeline.resolver.graph.id(of: profile)) }
        }
        return nil
    }

    private func hex(_ hash: Hash128) -> String {
        [hash.high, hash.low].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

extension RunOutput {
    fileprivate init(_ record: OutputRecord, of buffer: OutputBuffer) {
        func text(_ range: OutputRange) -> String {
            let span = buffer.slice(range)
            // The bytes are copied while the buffer lends them.
            return unsafe span.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        }
        topic = record.topic
        key = record.hasKey ? text(record.key) : nil
        value = record.hasValue ? text(record.value) : ""
        headers = [:]
        var offset = Int(record.headers.begin)
        let end = Int(record.headers.end)
        // A 16-bit length, the name, a 32-bit length, the value; lengths are little-endian.
        func part(lengthBytes: Int) -> String {
            var length = 0
            for index in 0..<lengthBytes {
                // Checked by the span.
                let byte = unsafe buffer.all.unsafeLoad(
                    fromByteOffset: offset + index,
                    as: UInt8.self
                )
                length |= Int(byte) << (8 * index)
            }
            let begin = offset + lengthBytes
            offset = begin + length
            return text(OutputRange(begin: UInt32(begin), end: UInt32(offset)))
        }
        while offset < end {
            let name = part(lengthBytes: 2)
            headers[name] = part(lengthBytes: 4)
        }
    }
}

extension IdentityGraph {
    /// How many profiles live.
    fileprivate var profileCount: Int { profiles.count - counters.merges }
}
