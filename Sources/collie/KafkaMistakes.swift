import Kafka
import Settings

/// What makes a config unfit for Kafka, though replays could do with it.
enum KafkaMistakes {
    /// Settings that librdkafka does not take, each by itself.
    static func ofPassThrough(_ settings: Settings) -> [Mistake] {
        let kafka = settings.kafka
        let groups = [
            ("common", kafka.common), ("consumer", kafka.consumer), ("producer", kafka.producer),
        ]
        return groups.flatMap { group, values in
            values.compactMap { setting in
                KafkaSettings.objection(to: setting.name, setting.value).map {
                    Mistake(at: settings.kafkaPlaces["\(group).\(setting.name)"], $0)
                }
            }
        }
    }

    /// What is hardly meant: it cannot work with this librdkafka.
    static func warnings(_ settings: Settings) -> [Mistake] {
        BrokerInspection.warnings(KafkaSettings(settings)).map {
            Mistake(at: settings.kafkaPlaces["common"], $0, severity: .warning)
        }
    }

    /// Keys that must say something before there is a broker to talk to.
    static func ofNames(_ settings: Settings) -> [Mistake] {
        var mistakes: [Mistake] = []
        if settings.kafka.brokers.isEmpty {
            mistakes.append(
                Mistake(
                    at: settings.kafkaPlaces["brokers"],
                    "`kafka.brokers` names no broker; write some as [kafka-1:9092, kafka-2:9092]"
                )
            )
        }
        if settings.kafka.inputTopics.isEmpty {
            mistakes.append(
                Mistake(
                    at: settings.kafkaPlaces["input_topics"],
                    "`kafka.input_topics` names no topic; write those with customer events"
                )
            )
        }
        return mistakes
    }

    /// Throws if the config cannot be used with Kafka.
    static func check(_ settings: Settings) throws {
        let mistakes = ofNames(settings) + ofPassThrough(settings)
        if !mistakes.isEmpty { throw ConfigError(mistakes: mistakes.sorted()) }
    }
}
