import Foundation
import Kafka
import KafkaTesting

/// What the input topic holds: which records are events, judged without Collie's decoder.
struct InputLog: Sendable {
    /// The offsets of records, by partition.
    private(set) var records: [TopicPartition: Int] = [:]
    /// The offsets of those that are no events.
    private(set) var poison: [TopicPartition: Set<Int64>] = [:]

    /// Takes a record in.
    mutating func enter(_ record: Seen, in topic: String) {
        let partition = TopicPartition(topic, record.partition)
        records[partition, default: 0] += 1
        if !InputLog.isEvent(record.value ?? "") {
            poison[partition, default: []].insert(record.offset)
        }
    }

    /// What the shop spoils: cut JSON, an array, nobody's event, a user id that is an object.
    private static func isEvent(_ value: String) -> Bool {
        guard
            let object = try? JSONSerialization.jsonObject(with: Data(value.utf8))
                as? [String: Any]
        else { return false }
        if let user = object["userId"] { return user is String }
        return object["anonymousId"] is String
    }
}
