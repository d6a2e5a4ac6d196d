import CPlatform
import Events
import Kafka
import LoadTesting
import Shards
import Synchronization

/// Plays the simulated shop in real time into a topic.
final class DemoTraffic: Sendable {
    private let thread = EngineThread(name: "shop")
    private let isOver = Atomic<Bool>(false)
    private let written = Atomic<Int>(0)

    /// Events written so far.
    var count: Int { written.load(ordering: .relaxed) }

    /// Opens the shop.
    init(_ traffic: ShopTraffic, topic: String, _ settings: KafkaSettings, log: KafkaLog) {
        thread.start { [self] in
            do {
                try play(traffic, topic, settings, log)
            } catch {
                log.line(.error, "the shop closed: \(error)")
            }
        }
    }

    private func play(
        _ traffic: ShopTraffic,
        _ topic: String,
        _ settings: KafkaSettings,
        _ log: KafkaLog
    ) throws {
        var own = settings
        own.transactionalID = nil
        var producer = try KafkaProducer(own, log: log)
        let handle = try producer.open(topic: topic)
        var shop = ShopSimulation(traffic)
        let noHeaders: [UInt8] = []
        let mayWait = { [self] in !isOver.load(ordering: .acquiring) }
        while mayWait(), let record = shop.next() {
            while mayWait() {
                let ahead = record.arrival.milliseconds - collie_wall_milliseconds()
                if ahead <= 0 { break }
                producer.serve()
                EngineThread.sleep(milliseconds: min(20, ahead))
            }
            let key = shop.key.span
            let line = shop.line.span
            // Bytes have no padding between them.
            try unsafe producer.write(
                to: handle,
                key: key.bytes,
                hasKey: true,
                headers: noHeaders.span.bytes,
                value: line.bytes,
                hasValue: true,
                mayWait: mayWait
            )
            written.add(1, ordering: .relaxed)
        }
        try producer.flush(mayWait: { true })
    }

    /// Closes the shop.
    func end() {
        isOver.store(true, ordering: .releasing)
        thread.join()
    }
}
