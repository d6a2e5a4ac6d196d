import CPlatform
import Events
import Foundation
import Kafka
import KafkaTesting
import LoadTesting
import Shards
import Synchronization

/// Plays the simulated shop into a topic for as long as it is let, with control orders among it.
///
/// A control order is the only event of a person of its own, so whatever else is decided it must
/// come to one confirmation: what is lost shows without anything having to be decided again.
final class SoakTraffic: Sendable {
    private static let orderInterval: Int64 = 100

    /// What the name of every control order begins with.
    static let orderPrefix = "control-"

    private let thread = EngineThread(name: "shop")
    private let isOver = Atomic<Bool>(false)
    private let written = Atomic<Int>(0)
    private let placed = Atomic<Int>(0)
    private let failure = Mutex<String?>(nil)

    /// Events written so far; the log has more if some had to be written again.
    var count: Int { written.load(ordering: .relaxed) }

    /// How many control orders there are; they are numbered from 0.
    var orderCount: Int { placed.load(ordering: .relaxed) }

    /// Opens the shop.
    init(seed: UInt64, topic: String, _ settings: KafkaSettings) {
        var traffic = ShopTraffic(
            start: EventTime(milliseconds: collie_wall_milliseconds()),
            span: .days(1)
        )
        traffic.seed = seed
        traffic.shoppers = 500
        traffic.eventsPerSecond = 40
        traffic.pace = 0.05
        traffic.duplicateShare = 0.03
        traffic.lateShare = 0.03
        traffic.malformedShare = 0.01
        traffic.isPadded = false
        var own = settings
        // Partitions that are added shall be used at once.
        own.producerProperties["topic.metadata.refresh.interval.ms"] = "500"
        own.producerProperties["linger.ms"] = "1"
        thread.start { [self, traffic, own] in
            do { try play(traffic, topic, own) } catch {
                failure.withLock { $0 = "the shop closed: \(error)" }
            }
        }
    }

    /// Throws what went wrong.
    func check() throws {
        if let text = failure.withLock({ $0 }) { throw SoakFailure(description: text) }
    }

    /// Closes the shop; returns when every event is in the log.
    func end() throws {
        isOver.store(true, ordering: .releasing)
        thread.join()
        try check()
    }

    private var goesOn: Bool { !isOver.load(ordering: .acquiring) }

    /// Writes to the topic, whatever happens to the broker.
    ///
    /// An idempotent producer ends when a broker that was killed has forgotten its numbers. Then
    /// another one writes again what was not confirmed; Collie knows repeats by their messageId.
    private struct Writer: ~Copyable {
        private let topic: String
        private let settings: KafkaSettings
        private var producer: KafkaProducer
        private var handle: OutputTopicHandle
        private var unconfirmed: [(line: [UInt8], key: [UInt8])] = []

        init(_ topic: String, _ settings: KafkaSettings) throws(KafkaError) {
            var made = try KafkaProducer(settings, log: .silent())
            handle = try made.open(topic: topic)
            producer = made
            self.topic = topic
            self.settings = settings
        }

        mutating func put(_ line: [UInt8], _ key: [UInt8]) throws {
            if producer.outstanding == 0 { unconfirmed.removeAll(keepingCapacity: true) }
            unconfirmed.append((line, key))
            try insist { writer throws(KafkaError) in try writer.write(line, key) }
        }

        mutating func serve() { producer.serve() }

        mutating func flush() throws {
            try insist { writer throws(KafkaError) in
                try writer.producer.flush(mayWait: { true })
            }
        }

        private func write(_ line: [UInt8], _ key: [UInt8]) throws(KafkaError) {
            let nothing: [UInt8] = []
            try producer.write(
                to: handle,
                key: key.span.bytes,
                hasKey: true,
                headers: nothing.span.bytes,
                value: line.span.bytes,
                hasValue: true,
                mayWait: { true }
            )
        }

        private mutating func insist(_ body: (inout Writer) throws(KafkaError) -> Void) throws {
            var error: KafkaError?
            do throws(KafkaError) { return try body(&self) } catch let first { error = first }
            for _ in 0..<20 {
                guard error?.isFatal == true || error?.kind == .restartRequired else { break }
                do throws(KafkaError) {
                    producer = try KafkaProducer(settings, log: .silent())
                    handle = try producer.open(topic: topic)
                    for (line, key) in unconfirmed { try write(line, key) }
                    return try producer.flush(mayWait: { true })
                } catch let next { error = next }
            }
            if let error { throw error }
        }
    }

    private func play(_ traffic: ShopTraffic, _ topic: String, _ settings: KafkaSettings) throws {
        var writer = try Writer(topic, settings)
        var shop = ShopSimulation(traffic)
        var nextOrder = traffic.start.milliseconds
        while goesOn, let record = shop.next() {
            while goesOn {
                let now = collie_wall_milliseconds()
                if now >= nextOrder {
                    let (key, line) = controlOrder(at: now)
                    try writer.put(line, key)
                    written.add(1, ordering: .relaxed)
                    nextOrder = now + SoakTraffic.orderInterval
                }
                let ahead = record.arrival.milliseconds - now
                if ahead <= 0 { break }
                writer.serve()
                EngineThread.sleep(milliseconds: min(10, ahead))
            }
            try writer.put(shop.line, shop.key)
            written.add(1, ordering: .relaxed)
        }
        try writer.flush()
    }

    private func controlOrder(at time: Int64) -> (key: [UInt8], line: [UInt8]) {
        let (_, next) = placed.add(1, ordering: .relaxed)
        let order = "\(SoakTraffic.orderPrefix)\(next - 1)"
        let moment = Date(timeIntervalSince1970: Double(time) / 1_000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let line = """
            {"type":"track","event":"Order Completed","messageId":"m-\(order)","userId":"\(order)",\
            "timestamp":"\(moment)","properties":{"order_id":"\(order)"},\
            "context":{"traits":{"email":"\(order)@example.com"}}}
            """
        return (Array(order.utf8), Array(line.utf8))
    }
}
