import CPlatform
import Encoding
import Engine
import Events
import Foundation
import Kafka
import LoadTesting
import Pipeline
import Settings
import Shards
import Synchronization

/// Shows the whole of Collie in a minute, without anything around it.
let demoCommand = Command(
    name: "demo",
    summary: "watch abandoned carts turn into send commands, in a minute",
    usage: "Usage: collie demo [OPTION…]",
    discussion: """
        Starts librdkafka's in-process cluster as the broker, a small simulated shop as the traffic,
        the real pipeline with windows of seconds instead of hours, and a subscriber that prints each
        send command. Ends by itself, or on Ctrl-C.
        """,
    options: [
        Option(name: "duration", value: "SPAN", help: "How long it runs (default 45s)."),
        Option(name: "seed", value: "N", help: "Another seed is another shop (default 1)."),
        Option(name: "rate", value: "N", help: "Events a second, about (default 25)."),
    ]
) { arguments in
    let duration = try arguments.seconds("duration", default: 45)
    let demo = try Demo(
        seed: UInt64(try arguments.number("seed", default: 1, in: 0...Int.max)),
        rate: try arguments.number("rate", default: 25, in: 1...10_000),
        duration: duration
    )
    return try demo.run()
}

/// The demo's parts: broker, shop, pipeline, subscriber.
private final class Demo {
    private static let partitions = 4
    private static let topic = "customer-events"

    private let duration: Double
    private let rate: Int
    private let seed: UInt64
    private let zone = DemoConfig.noonZone()
    private let settings: Settings
    private let status = StatusLine()
    private let log: Log

    init(seed: UInt64, rate: Int, duration: Double) throws {
        self.seed = seed
        self.rate = rate
        self.duration = duration
        log = Log(least: .error, status: status)
        do {
            settings = try Settings.load(
                files: DemoConfig.files(zone: zone),
                options: SettingsOptions(allowShortWindows: true)
            )
        } catch {
            throw ConfigError(mistakes: error.mistakes)
        }
    }

    func run() throws -> Int32 {
        _ = collie_stop_install()
        let cluster = try MockCluster(log: KafkaLog.silent())
        try cluster.createTopic(Demo.topic, partitions: Demo.partitions)
        try cluster.createTopic("collie.leader", partitions: 1)
        try cluster.createTopic(Journal.topicName, partitions: 1)
        for topic in OutputTopic.allCases {
            try cluster.createTopic(topic.name, partitions: Demo.partitions)
        }
        var kafka = KafkaSettings(bootstrapServers: cluster.bootstrapServers)
        kafka.producerProperties["linger.ms"] = "1"
        print(
            """
            A small pet-food shop opens: about \(rate) events a second, for \(Int(duration)) s. Carts \
            count as
            abandoned after 6 s here instead of an hour; what is decided is printed as a sender sees \
            it.

            time     channel  to                          flow and step    why now, and what about
            """
        )
        let deployment = try start(kafka)
        let traffic = DemoTraffic(shop(), topic: Demo.topic, kafka, log: log.kafka)
        let subscriber = try DemoSubscriber(
            kafka,
            partitions: Demo.partitions,
            log: KafkaLog.silent()
        )
        let runner = EngineThread(name: "deployment")
        let box = FailureBox()
        runner.start {
            do { try deployment.run() } catch { box.text.withLock { $0 = "\(error)" } }
        }
        try watch(subscriber, deployment, traffic, box)
        status.show("closing the shop …")
        traffic.end()
        deployment.stop()
        runner.join()
        while try subscriber.poll(wait: .milliseconds(300), show) > 0 {}
        status.clear()
        subscriber.close()
        if let text = box.text.withLock({ $0 }) {
            complain("collie demo: \(text)")
            return ExitCode.inputOutput
        }
        summarise(deployment, traffic, subscriber)
        return ExitCode.success
    }

    private final class FailureBox: Sendable {
        let text = Mutex<String?>(nil)
    }

    private func start(_ kafka: KafkaSettings) throws -> Deployment {
        var configuration = Deployment.Configuration(settings)
        configuration.sink.delivery = .atLeastOnce
        let membership = try KafkaMembership(kafka, topics: [Demo.topic], log: log.kafka)
        return Deployment(
            membership,
            configuration: configuration,
            rules: CompiledRules(settings.rules),
            plan: settings.plan,
            log: log.kafka
        )
    }

    private func shop() -> ShopTraffic {
        var traffic = ShopTraffic(
            start: EventTime(milliseconds: collie_wall_milliseconds()),
            span: .seconds(Int64(duration) + 3_600)
        )
        traffic.seed = seed
        traffic.shoppers = 12 * rate
        traffic.eventsPerSecond = Double(rate)
        traffic.pace = 0.05
        traffic.zone = zone
        return traffic
    }

    private func show(_ line: String) {
        status.clear()
        print(line)
        fflush(nil)
    }

    private func watch(
        _ subscriber: DemoSubscriber,
        _ deployment: Deployment,
        _ traffic: DemoTraffic,
        _ failure: FailureBox
    ) throws {
        let begin = collie_monotonic_milliseconds()
        while true {
            _ = try subscriber.poll(wait: .milliseconds(100), show)
            let seconds = Double(collie_monotonic_milliseconds() - begin) / 1_000
            if seconds >= duration || collie_stop_count() > 0 { return }
            if failure.text.withLock({ $0 != nil }) { return }
            let progress = deployment.progress
            let state =
                deployment.isLeading
                ? "\(grouped(progress.records)) events read, "
                    + "\(grouped(progress.commands)) send commands"
                : "joining the group …"
            status.show(
                "\(Int(duration - seconds)) s left · \(grouped(traffic.count)) events made · \(state)"
            )
        }
    }

    private func summarise(
        _ deployment: Deployment,
        _ traffic: DemoTraffic,
        _ subscriber: DemoSubscriber
    ) {
        let progress = deployment.progress
        let channels = subscriber.counts.sorted { $0.key < $1.key }
            .map { "\($0.key) \(grouped($0.value))" }.joined(separator: ", ")
        print(
            """

            The shop is closed. \(grouped(progress.records)) events were read; \
            \(grouped(progress.commands)) send commands came of them
            (\(channels.isEmpty ? "none" : channels)), and \
            \(grouped(progress.outputs - progress.commands)) decisions and other records say why \
            each was sent or not.
            """
        )
    }
}
