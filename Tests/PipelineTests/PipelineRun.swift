import Encoding
import Events
import Foundation
import Identity
import Memory
import Pipeline
import Profiles
import Snapshots
import Windows

/// What came out of a run, in words that can be compared: lines by profile, and identity changes.
struct Outcomes: Equatable {
    var lines: [String: [String]] = [:]
    var identity: [String] = []
    /// The profile that each identifier leads to at the end.
    var owners: [String: String] = [:]
}

/// A send command, or a merge between commands, as it was written.
enum Written {
    case command(Command)
    case merge(survivor: String, absorbed: String)

    struct Command {
        var profile: String
        var id: String
        var flow: String
        var step: String
        var enrollment: String
        var channel: Channel
        var time: Int64
        var zone: String
    }
}

/// The real pipeline, driven by a story.
struct PipelineRun: ~Copyable {
    private var pipeline: SerialPipeline
    private let rules: Rules
    private(set) var outcomes = Outcomes()
    /// Commands and merges in the order in which they were written.
    private(set) var written: [Written] = []
    /// Every output's bytes, in order.
    private(set) var bytes: [UInt8] = []
    private let isReading: Bool
    private var clock: Int64?
    /// What was played, with the clock's steps that were added.
    private(set) var played: [Moment] = []

    /// Next to nobody stays open, so that everybody is packed and unpacked all the time.
    private static var limits: ProfileLimits {
        var limits = ProfileLimits()
        limits.openMax = 2
        return limits
    }

    init(rules: CompiledRules, shards: Int, partitions: Int = 1, isReading: Bool) {
        pipeline = SerialPipeline(
            rules: rules,
            shards: shards,
            partitions: partitions,
            limits: PipelineRun.limits
        )
        self.rules = rules.rules
        self.isReading = isReading
    }

    /// Plays moments as they are.
    mutating func play(_ moments: [Moment]) {
        for moment in moments { play(moment) }
        collect()
    }

    /// Plays moments, and stops the clock at every timer on the way.
    mutating func playStopping(_ moments: [Moment]) {
        for moment in moments {
            if case .clock(let time, true) = moment, let clock {
                var last = clock
                while let due = pipeline.earliestTimer {
                    let stop = (due + 1) * 1_000 + rules.disorder.milliseconds
                    guard stop < time, stop > last else { break }
                    last = stop
                    play(.clock(stop, isCaughtUp: true))
                }
            }
            play(moment)
        }
        collect()
    }

    /// Saves itself and goes on as what was read back, with so many shards.
    mutating func restart(
        rules compiled: CompiledRules,
        shards: Int,
        in folder: SnapshotFolder
    ) throws -> SnapshotFile {
        collect()
        let summary = try pipeline.save(SnapshotHeader(epoch: pipeline.epoch), to: folder)
        let file = try SnapshotFile(path: summary.path)
        var losses = StateLosses()
        pipeline = try file.restorePipeline(
            rules: compiled,
            shards: shards,
            limits: PipelineRun.limits,
            losses: &losses
        )
        precondition(losses.isEmpty, "nothing is lost under the same rules")
        return file
    }

    /// Saves itself.
    func save(to folder: SnapshotFolder) throws -> SnapshotFile {
        let header = SnapshotHeader(epoch: pipeline.epoch)
        return try SnapshotFile(path: try pipeline.save(header, to: folder).path)
    }

    private mutating func play(_ moment: Moment) {
        played.append(moment)
        switch moment {
        case .event(let event):
            pipeline.apply(EventBlock(event, rules))
        case .clock(let time, let isCaughtUp):
            clock = time
            collect()
            if isCaughtUp {
                pipeline.tick(EventTime(milliseconds: time))
            } else {
                pipeline.resolver.wallClock = EventTime(milliseconds: time)
            }
            collect()
        case .pass(let second):
            pipeline.pass(through: second)
        }
    }

    /// Asks who an identifier is.
    mutating func find(_ names: Set<Name>) {
        for name in names {
            let profile = pipeline.resolver.graph.profile(of: name.hash(rules))
            guard profile != 0 else { continue }
            outcomes.owners[name.description] =
                hexadecimal(pipeline.resolver.graph.id(of: profile))
        }
    }

    private mutating func collect() {
        var read: [(OutputTopic, [UInt8])] = []
        var all: [UInt8] = []
        let isReading = isReading
        pipeline.collect { record, buffer in
            for range in [record.key, record.headers, record.value] {
                buffer.slice(range).withUnsafeBytes { all += Array($0) }
            }
            if isReading {
                let value = buffer.slice(record.value).withUnsafeBytes { Array($0) }
                read.append((record.topic, value))
                if record.topic.rawValue <= OutputTopic.sendAppInbox.rawValue {
                    let headers = buffer.slice(record.headers).withUnsafeBytes { Array($0) }
                    read[read.count - 1].1 += [0] + headers
                }
            }
        }
        bytes += all
        for (topic, value) in read { note(topic, value) }
    }

    private mutating func note(_ topic: OutputTopic, _ value: [UInt8]) {
        let parts = value.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard let json = try? JSONSerialization.jsonObject(with: Data(parts[0])),
            let fields = json as? [String: Any]
        else {
            outcomes.identity.append("unreadable: \(String(decoding: parts[0], as: UTF8.self))")
            return
        }
        func text(_ name: String) -> String { fields[name] as? String ?? "-" }
        switch topic {
        case .decisions:
            outcomes.lines[text("profile"), default: []].append(
                decisionLine(
                    at: text("at"),
                    flow: text("flow"),
                    step: text("step"),
                    channel: text("channel"),
                    outcome: text("outcome"),
                    enrollment: text("enrollment"),
                    send: text("send_id"),
                    until: text("until"),
                    cause: text("cause"),
                    rules: fields["rules"] as? [String] ?? []
                )
            )
        case .identity:
            if fields["absorbed"] != nil {
                written.append(.merge(survivor: text("survivor"), absorbed: text("absorbed")))
                outcomes.identity.append(
                    "\(text("at")) \(text("survivor")) <- \(text("absorbed")) \(text("cause"))"
                )
            } else {
                outcomes.identity.append(
                    "\(text("at")) \(text("profile")) conflicts with \(text("holder")) "
                        + "over \(text("kind")) \(text("cause"))"
                )
            }
        case .review:
            outcomes.lines[text("profile"), default: []].append(
                "\(text("at")) review \(text("channel")) \(text("cause"))"
            )
        case .deadLetters:
            outcomes.identity.append("dead letter")
        default:
            let headers = PackedHeaders(Array(parts[1]))
            let variables = fields["variables"] as? [String: Any] ?? [:]
            let items = (variables["items"] as? [[String: Any]] ?? []).map { item in
                itemText(
                    item["product_id"] as? String,
                    (item["quantity"] as? NSNumber)?.intValue ?? -1,
                    (item["price"] as? NSNumber)?.doubleValue
                )
            }
            let to = fields["to"] as? [String: String] ?? [:]
            written.append(
                .command(
                    Written.Command(
                        profile: text("profile"),
                        id: headers["ce_id"] ?? "-",
                        flow: text("flow"),
                        step: text("step"),
                        enrollment: headers["ce_correlationid"] ?? "-",
                        channel: Channel(name: text("channel")) ?? .email,
                        time: readStamp(headers["ce_time"] ?? ""),
                        zone: text("time_zone")
                    )
                )
            )
            outcomes.lines[text("profile"), default: []].append(
                commandLine(
                    at: headers["ce_time"] ?? "-",
                    channel: text("channel"),
                    to: to.map { "\($0.key)=\($0.value)" }.joined(),
                    step: "\(text("flow"))/\(text("step"))",
                    id: headers["ce_id"] ?? "-",
                    enrollment: headers["ce_correlationid"] ?? "-",
                    cause: headers["ce_causationid"] ?? "-",
                    expiry: headers["ce_expirytime"] ?? "-",
                    zone: text("time_zone"),
                    value: (variables["value"] as? NSNumber)?.doubleValue,
                    items: items
                )
            )
        }
    }
}

// MARK: The words

func hexadecimal(_ hash: Hash128) -> String {
    func digits(_ word: UInt64) -> String {
        let text = String(word, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
    return digits(hash.high) + digits(hash.low)
}

func decisionLine(
    at: String,
    flow: String,
    step: String,
    channel: String,
    outcome: String,
    enrollment: String,
    send: String,
    until: String,
    cause: String,
    rules: [String]
) -> String {
    // A merge's `inherited_event` belongs to no enrollment: which key it shows says nothing.
    let isInherited = outcome == "inherited_event"
    return "\(at) \(outcome) \(flow)/\(step) \(channel) until \(until) \(rules) "
        + "enrollment \(isInherited ? "-" : enrollment) send \(send) "
        + "cause \(isInherited ? "-" : cause)"
}

func itemText(_ product: String?, _ quantity: Int, _ price: Double?) -> String {
    "\(product ?? "?")×\(quantity)" + (price.map { "@\($0)" } ?? "")
}

func commandLine(
    at: String,
    channel: String,
    to: String,
    step: String,
    id: String,
    enrollment: String,
    cause: String,
    expiry: String,
    zone: String,
    value: Double?,
    items: [String]
) -> String {
    "\(at) COMMAND \(channel) to \(to) \(step) until \(expiry) in \(zone) "
        + "value \(value.map { "\($0)" } ?? "-") \(items) "
        + "enrollment \(enrollment) send \(id) cause \(cause)"
}

// MARK: Events

extension EventBlock {
    /// A block of one event, laid out as the decoder would.
    convenience init(_ story: Happening, _ rules: Rules) {
        self.init(capacity: Capacity(rawBytes: 1, textBytes: 4_096, records: 1))
        var entry = RecordEntry()
        entry.partition = Int32(story.partition)
        self[record: 0] = entry
        var event = CustomerEvent()
        event.time = EventTime(milliseconds: story.time)
        if let received = story.received {
            event.received = EventTime(milliseconds: received)
        } else {
            event.flags.insert(.timeUnbounded)
        }
        event.fingerprint = story.fingerprint(rules)
        event.name = story.nameHash(rules)
        event.meaning = story.meaning
        event.messageID = text(story.messageID)
        event.cart = key(story.cart, HashKind.cart, rules)
        event.checkout = key(story.checkout, HashKind.order, rules)
        event.order = key(story.order, HashKind.order, rules)
        if let endpoint = story.endpoint { event.endpoint = endpoint.hash(rules) }
        if story.meaning == .messageReceived { event.body = text("some words") }
        if let channel = story.channel {
            event.channel = channel
            event.hasChannel = true
        }
        event.consent = story.consent
        event.keyword = story.keyword
        if let zone = story.zone {
            event.zone = rules.zones.index(of: zone)
            if story.zoneIsTrait { event.flags.insert(.zoneIsTrait) }
        }
        if let country = story.country { event.country = PackedLetters.country(country) ?? 0 }
        for (name, isPrevious) in story.names {
            self[identifier: identifierCount] = Identifier(
                hash: name.hash(rules),
                text: text(name.value),
                kind: name.kind,
                role: isPrevious ? .previous : .own,
                country: name.country
            )
            identifierCount += 1
        }
        event.identifierCount = UInt8(identifierCount)
        if !story.previous.isEmpty {
            event.call = .alias
            event.flags.insert(.joinsUsers)
        }
        for item in story.items {
            var product = Product()
            if let id = item.id {
                product.hash = productHash(id, rules)
                product.id = text(id)
            }
            if let price = item.price { product.price = price }
            if let quantity = item.quantity { product.quantity = Int32(quantity) }
            self[product: productCount] = product
            productCount += 1
        }
        event.productCount = UInt8(productCount)
        if story.hasList { event.flags.insert(.hasProductList) }
        if let plan = story.plan {
            self[attribute: 0] = Attribute(index: 0, form: .text, bits: planHash(plan, rules))
            event.attributeCount = 1
        }
        if story.meaning == .productStockChanged { event.flags.insert(.everybody) }
        self[event: 0] = event
        count = 1
    }

    private func text(_ string: String) -> Text {
        let bytes = Array(string.utf8)
        return append(bytes.span.bytes) ?? .none
    }

    private func key(_ string: String?, _ kind: UInt8, _ rules: Rules) -> EntityKey {
        guard let string else { return EntityKey() }
        return EntityKey(hash: rules.hashKey.hash(kind: kind, string).low, text: text(string))
    }
}

func productHash(_ id: String, _ rules: Rules) -> UInt64 {
    rules.hashKey.hash(kind: HashKind.product, id).low
}

func planHash(_ plan: String, _ rules: Rules) -> UInt64 {
    rules.hashKey.hash(kind: HashKind.attribute, plan).low
}
