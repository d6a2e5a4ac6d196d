import Engine
import Events
import Kafka
import Settings
import Snapshots

extension KafkaSettings {
    /// What the config says of Kafka.
    init(_ settings: Settings) {
        let kafka = settings.kafka
        self.init(bootstrapServers: kafka.brokers.joined(separator: ","))
        group = kafka.groupID
        instance = kafka.instanceID
        transactionalID = kafka.transactionalID
        leaderTopic = kafka.leaderTopic
        sessionTimeout = .milliseconds(kafka.sessionTimeout.milliseconds)
        transactionTimeout = .milliseconds(kafka.transactionTimeout.milliseconds)
        clientName = kafka.clientID
        for setting in kafka.common { properties[setting.name] = setting.value }
        for setting in kafka.consumer { consumerProperties[setting.name] = setting.value }
        for setting in kafka.producer { producerProperties[setting.name] = setting.value }
    }
}

extension Deployment.Configuration {
    /// What the config says of the engine and its edges.
    init(_ settings: Settings) {
        self.init()
        engine = Engine.Configuration(settings.engine, shards: nil, decoders: nil)
        source.epochEventsMax = settings.engine.epochEventsMax
        source.epochMax = .milliseconds(settings.engine.epochInterval.milliseconds)
        sink.delivery =
            settings.kafka.delivery == .exactlyOnce ? .exactlyOnce : .atLeastOnce
        sink.topicPrefix = settings.kafka.outputPrefix
        sink.journalTopic = settings.kafka.outputTopic(Journal.topicName)
        sink.fingerprint = settings.decisionFingerprint
        if let folder = settings.snapshots.folder {
            var snapshots = SnapshotKeeper.Configuration(folder: SnapshotFolder(folder))
            snapshots.folder.kept = settings.snapshots.kept
            snapshots.interval = .milliseconds(settings.snapshots.interval.milliseconds)
            // Some time is left for what else a stop has to do.
            snapshots.lastMax = .milliseconds(settings.shutdownDeadline.milliseconds * 2 / 3)
            self.snapshots = snapshots
        }
        for setting in settings.kafka.outputNames { sink.topicNames[setting.name] = setting.value }
    }
}

extension Settings {
    /// A fingerprint of everything that decisions depend on: what Kafka is called and how many
    /// threads there are is not part of it.
    var decisionFingerprint: String {
        let operation = ["kafka:", "engine:", "snapshots:", "health:", "shutdown:"]
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var isSkipping = false
        for line in effective.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.first.map({ $0 != " " }) == true {
                isSkipping = operation.contains { line.hasPrefix($0) }
            }
            if isSkipping { continue }
            for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
        return String(hash, radix: 16)
    }
}
