import Foundation
import Kafka
import KafkaTesting

/// What a subscriber of every output has seen, and what of it cannot be right.
///
/// Knows none of the engine's code: what is written here must hold for whoever reads the topics.
struct Books: Sendable {
    /// A send command's times, in milliseconds since 1970.
    struct Command: Sendable {
        /// When it was produced.
        var created: Int64
        /// When it could be read.
        var seen: Int64
    }

    private let outputs: SoakOutputs
    /// What cannot be right, in words.
    private(set) var mistakes: [String] = []
    /// The send commands, in the order in which they were seen.
    private(set) var commands: [Command] = []
    /// The control orders that were confirmed.
    private(set) var confirmed: Set<String> = []
    /// The ids of send commands that have no decision yet, and of decisions without a command.
    private(set) var unmatched: Set<String> = []
    /// The offsets of dead letters, by input partition.
    private(set) var deadLetters: [TopicPartition: Set<Int64>] = [:]
    /// The last journalled epoch.
    private(set) var epoch: UInt64 = 0
    /// The offset that comes next, by input partition, as the journal says.
    private(set) var nexts: [TopicPartition: Int64] = [:]
    /// A hash over all records of each output partition, and their number.
    private(set) var digests: [TopicPartition: Digest] = [:]
    private var commandIDs: Set<String> = []
    private var lastSteps: [String: String] = [:]
    private var marketing: [String: [Int64]] = [:]

    /// What a partition holds, in short.
    struct Digest: Equatable, Sendable {
        var records = 0
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var last: Int64 = -1
    }

    init(_ outputs: SoakOutputs) { self.outputs = outputs }

    private mutating func complain(_ text: String) {
        if mistakes.count < 20 { mistakes.append(text) }
    }

    /// Takes a record in.
    mutating func enter(_ record: Seen, in topic: String, created: Int64, seen: Int64) {
        let place = TopicPartition(topic, record.partition)
        note(record, at: place)
        guard let value = record.value,
            let object = try? JSONSerialization.jsonObject(with: Data(value.utf8))
        else {
            if topic == outputs.deadLetters { return enterDeadLetter(record, at: place) }
            return complain("\(place), offset \(record.offset): no JSON")
        }
        if topic == outputs.deadLetters { return enterDeadLetter(record, at: place) }
        guard let object = object as? [String: Any] else {
            return complain("\(place), offset \(record.offset): no object")
        }
        if topic == outputs.journal { return enterEpoch(object, record.offset) }
        if record.key == nil || record.headers["ce_time"] == nil {
            complain("\(place), offset \(record.offset): no key or no ce_time")
        }
        if outputs.commands.contains(topic) {
            commands.append(Command(created: created, seen: seen))
            enterCommand(record, object, at: place)
        }
        if topic == outputs.decisions {
            checkOrder(object, record.offset, at: place)
            if object["outcome"] as? String == "sent" { match(object["send_id"] as? String ?? "") }
        }
    }

    private mutating func note(_ record: Seen, at place: TopicPartition) {
        var digest = digests[place] ?? Digest()
        if record.offset <= digest.last {
            complain("\(place): offset \(record.offset) came after \(digest.last)")
        }
        digest.last = record.offset
        digest.records += 1
        let headers = record.headers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        for text in [record.key ?? "", record.value ?? ""] + headers {
            for byte in text.utf8 { digest.hash = (digest.hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            digest.hash = (digest.hash ^ 0xff) &* 0x100_0000_01b3
        }
        digests[place] = digest
    }

    /// An enrollment's steps are decided in their order, which their names show.
    ///
    /// Moments need not go forward: an event that is heard late, after an outage, ends a flow at its
    /// own moment, though later ones were decided already.
    private mutating func checkOrder(
        _ object: [String: Any],
        _ offset: Int64,
        at place: TopicPartition
    ) {
        guard let enrollment = object["enrollment"] as? String, let step = object["step"] as? String
        else { return complain("\(place), offset \(offset): no enrollment or no step") }
        if let last = lastSteps[enrollment], step < last {
            complain("\(place), offset \(offset), \(enrollment): \(step) comes after \(last)")
        }
        lastSteps[enrollment] = step
    }

    private mutating func enterCommand(
        _ record: Seen,
        _ object: [String: Any],
        at place: TopicPartition
    ) {
        let id = record.headers["ce_id"] ?? ""
        if id.isEmpty { complain("\(place), offset \(record.offset): no ce_id") }
        if !commandIDs.insert(id).inserted {
            complain("\(place), offset \(record.offset): ce_id \(id) a second time")
        }
        match(id)
        let variables = object["variables"] as? [String: Any]
        if let order = variables?["order_id"] as? String,
            order.hasPrefix(SoakTraffic.orderPrefix), !confirmed.insert(order).inserted
        {
            complain("\(place), offset \(record.offset): \(order) is confirmed a second time")
        }
        if object["class"] as? String == "marketing" { checkCap(record, at: place) }
    }

    /// A person gets no more than the cap's number within its window.
    private mutating func checkCap(_ record: Seen, at place: TopicPartition) {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        guard let key = record.key, let time = record.headers["ce_time"],
            let date = try? Date(time, strategy: style)
        else { return complain("\(place), offset \(record.offset): no time") }
        // Commands of one person come from several topics, so not in one order.
        var times = marketing[key] ?? []
        times.append(Int64((date.timeIntervalSince1970 * 1_000).rounded()))
        times.sort()
        marketing[key] = times
        for index in times.indices.dropFirst(ShortWindows.cap)
        where times[index] - times[index - ShortWindows.cap] < ShortWindows.capSpan {
            complain("\(place), offset \(record.offset), key \(key): more than the cap allows")
        }
    }

    /// A command and its decision: whichever comes first waits for the other.
    private mutating func match(_ id: String) {
        if unmatched.remove(id) == nil { unmatched.insert(id) }
    }

    private mutating func enterDeadLetter(_ record: Seen, at place: TopicPartition) {
        guard let number = record.headers["collie_partition"].flatMap({ Int32($0) }),
            let offset = record.headers["collie_offset"].flatMap({ Int64($0) })
        else { return complain("\(place), offset \(record.offset): whose dead letter is it?") }
        let origin = TopicPartition(outputs.input, number)
        if !deadLetters[origin, default: []].insert(offset).inserted {
            complain("\(place), offset \(record.offset): \(origin), \(offset) a second time")
        }
    }

    private mutating func enterEpoch(_ object: [String: Any], _ offset: Int64) {
        let number = (object["epoch"] as? NSNumber)?.uint64Value ?? 0
        if number != epoch + 1 {
            complain("journal, offset \(offset): epoch \(number) comes after \(epoch)")
        }
        epoch = number
        let partitions = (object["partitions"] as? [String] ?? []).map { text in
            TopicPartition(outputs.input, Int32(text.split(separator: "[")[1].dropLast()) ?? -1)
        }
        for entry in object["offsets"] as? [[String: Int64]] ?? [] {
            guard let index = entry["partition"].map({ Int($0) }), partitions.indices ~= index,
                let next = entry["next"]
            else {
                complain("journal, offset \(offset): no such partition")
                continue
            }
            // A leader's first epoch says again where all partitions stand; the first one that
            // knows a partition may find it empty.
            let before = nexts[partitions[index]] ?? -1
            if next < before || next == before && object["takes_over_from"] == nil {
                complain("journal, offset \(offset): \(partitions[index]) does not go forward")
            }
            nexts[partitions[index]] = next
        }
    }
}

/// What a deployment's topics are called.
struct SoakOutputs: Sendable {
    var input: String
    var commands: Set<String>
    var decisions: String
    var deadLetters: String
    var journal: String
}
