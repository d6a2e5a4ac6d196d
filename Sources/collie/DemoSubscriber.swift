import Foundation
import Kafka

/// Reads send commands as a sender service would, and says each in a line a person understands.
///
/// Used by one thread.
final class DemoSubscriber {
    /// What each flow's first step waited for, in words.
    private static let reasons = [
        "cart": "cart left alone", "checkout": "checkout not finished",
        "view": "looked and left", "confirmation": "order placed",
    ]
    private static let channels = ["email", "sms", "whatsapp"]

    private let consumer: KafkaConsumer
    private var batch = MessageBatch(capacity: 256)
    private var seen: Set<String> = []
    /// Commands by channel.
    private(set) var counts: [String: Int] = [:]

    /// Begins at the beginning of every channel's topic.
    init(_ settings: KafkaSettings, partitions: Int, log: KafkaLog) throws {
        var own = settings
        own.group = "demo-subscriber"
        consumer = try KafkaConsumer(own, log: log)
        var starts: [(partition: TopicPartition, offset: StartOffset)] = []
        for channel in DemoSubscriber.channels {
            for partition in 0..<partitions {
                starts.append((TopicPartition("send.\(channel)", Int32(partition)), .beginning))
            }
        }
        try consumer.assign(starts)
    }

    /// Prints what has come; waits a little for it.
    ///
    /// Answers how many commands came.
    func poll(wait: Duration, _ line: (String) -> Void) throws -> Int {
        batch.removeAll()
        try consumer.poll(&batch, wait: wait)
        var count = 0
        for index in 0..<batch.count where batch.isRecord(index) && batch.hasValue(index) {
            let bytes = DemoSubscriber.value(index, of: batch)
            guard
                let data = try JSONSerialization.jsonObject(with: bytes) as? [String: Any],
                let text = describe(data, topic: batch.topicName(index))
            else { continue }
            count += 1
            line(text)
        }
        return count
    }

    private static func value(_ index: Int, of batch: borrowing MessageBatch) -> Data {
        // Copied before the batch changes.
        unsafe batch.value(index).withUnsafeBytes { unsafe Data($0) }
    }

    private func describe(_ data: [String: Any], topic: String) -> String? {
        guard let channel = data["channel"] as? String, let flow = data["flow"] as? String,
            let step = data["step"] as? String
        else { return nil }
        counts[channel, default: 0] += 1
        let to = data["to"] as? [String: Any] ?? [:]
        let address = to.values.compactMap { $0 as? String }.sorted().first ?? "somebody"
        let variables = data["variables"] as? [String: Any] ?? [:]
        let items = (variables["items"] as? [[String: Any]] ?? []).map { item in
            let name = item["name"] as? String ?? item["product_id"] as? String ?? "?"
            let short = name.split(separator: ",").first.map(String.init) ?? name
            let quantity = (item["quantity"] as? NSNumber)?.intValue ?? 1
            return quantity > 1 ? "\(quantity)× \(short)" : short
        }
        var goods = items.prefix(2).joined(separator: ", ")
        if items.count > 2 { goods += " and \(items.count - 2) more" }
        var value = ""
        if let sum = (variables["value"] as? NSNumber)?.intValue { value = ", ₹\(grouped(sum))" }
        let reason = DemoSubscriber.reasons[flow] ?? flow
        let later = step.hasSuffix("1") ? reason : "\(reason), still"
        return pad(clock(), 9) + pad(channel, 9) + pad(address, 28) + pad("\(flow) \(step)", 17)
            + "\(later): \(goods)\(value)"
    }

    private func clock() -> String {
        let formatter = DateFormatter()
        formatter.dateFormat = "HH:mm:ss"
        return formatter.string(from: Date())
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    func close() { consumer.close(within: .seconds(1)) }
}
