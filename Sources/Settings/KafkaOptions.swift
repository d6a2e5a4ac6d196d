package import Events

/// How Collie talks to Kafka, as `collie.yaml` says it.
package struct KafkaOptions: Sendable, Equatable {
    /// What a commit promises.
    package enum Delivery: String, Sendable, Equatable {
        /// Outputs may be repeated after a crash, under the same ids.
        case atLeastOnce = "at-least-once"
        /// Outputs and offsets are one transaction.
        case exactlyOnce = "exactly-once"
    }

    /// A setting of librdkafka that is passed through.
    package struct Setting: Sendable, Equatable {
        /// librdkafka's name of it.
        package var name: String
        /// Its value.
        package var value: String

        /// Makes a setting.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// `host:port` of the brokers to begin with.
    package var brokers: [String] = []
    /// Where events come from.
    package var inputTopics: [String] = []
    /// The consumer group, one for a deployment.
    package var groupID = "collie"
    /// This instance's name in the group, for static membership; nil is dynamic.
    package var instanceID: String?
    /// What every output topic's name begins with.
    package var outputPrefix = ""
    /// Names of single output topics that differ, by their standard name.
    package var outputNames: [Setting] = []
    /// What a commit promises.
    package var delivery = Delivery.exactlyOnce
    /// The transactional id, one for a deployment: a new leader fences the old one by it.
    package var transactionalID = "collie"
    /// The topic whose single partition makes an instance the leader.
    package var leaderTopic = "collie.leader"
    /// After this long without a sign of life another instance takes over.
    package var sessionTimeout: TimeSpan = .seconds(6)
    /// A transaction that stays open longer is given up by the broker.
    package var transactionTimeout: TimeSpan = .seconds(15)
    /// What the broker's log shows as our name.
    package var clientID = "collie"
    /// Settings of both clients.
    package var common: [Setting] = []
    /// Settings of the consumer.
    package var consumer: [Setting] = []
    /// Settings of the producer.
    package var producer: [Setting] = []

    /// The defaults.
    package init() {}

    /// The name of an output topic, given its standard name such as `send.email`.
    package func outputTopic(_ standardName: String) -> String {
        outputPrefix
            + (outputNames.first { $0.name == standardName }?.value ?? standardName)
    }
}
