/// How to reach the cluster, and who we are there.
package struct KafkaSettings: Sendable {
    /// Brokers to begin with, as `host:port,host:port`.
    package var bootstrapServers: String
    /// The consumer group of the deployment: its offsets, and who of its instances leads.
    package var group = "collie"
    /// The name of this instance in the group (static membership), or nil.
    ///
    /// With a name that outlives a restart, an instance that is back within the session time-out
    /// goes on leading; until then nobody else takes over.
    package var instance: String?
    /// The identity of the deployment's transactions; nil writes without them.
    ///
    /// It belongs to the deployment and not to the instance: a new leader must fence the old one.
    package var transactionalID: String?
    /// The topic of one partition whose holder leads.
    package var leaderTopic = "collie.leader"
    /// How long the group waits for a sign of life before another instance leads.
    package var sessionTimeout: Duration = .seconds(6)
    /// How long a transaction may stay open; after a crash readers wait no longer than this.
    package var transactionTimeout: Duration = .seconds(15)
    /// Goes on at the oldest record that is left where records were deleted unread.
    package var acceptsLoss = false
    /// Sees what is not committed yet, and asks for offsets without waiting for open transactions.
    package var readsUncommitted = false
    /// What the broker's log shows as our name.
    package var clientName = "collie"
    /// Settings of librdkafka for both clients, by its names.
    package var properties: [String: String] = [:]
    /// Settings of librdkafka for the consumer alone.
    package var consumerProperties: [String: String] = [:]
    /// Settings of librdkafka for the producer alone.
    package var producerProperties: [String: String] = [:]

    /// Settings with every other at its default.
    package init(bootstrapServers: String) {
        self.bootstrapServers = bootstrapServers
    }

    /// Settings that Collie's guarantees rest on, and why each is refused as a pass-through.
    static let owned: [String: String] = [
        "bootstrap.servers": "it is set by `kafka.brokers`",
        "metadata.broker.list": "it is set by `kafka.brokers`",
        "group.id": "it is set by `kafka.group_id`",
        "group.instance.id": "it is set by `kafka.instance_id`",
        "transactional.id": "it is set by `kafka.transactional_id`",
        "transaction.timeout.ms": "it is set by `kafka.transaction_timeout`",
        "session.timeout.ms": "it is set by `kafka.session_timeout`",
        "enable.auto.commit": "offsets are committed with the outputs they led to",
        "auto.commit.enable": "offsets are committed with the outputs they led to",
        "enable.auto.offset.store": "offsets are committed with the outputs they led to",
        "isolation.level": "records of aborted transactions must not be read",
        "enable.partition.eof": "it tells which partitions are idle",
        "auto.offset.reset": "records lost unread must not pass unnoticed; see `--accept-loss`",
        "partition.assignment.strategy": "the leader must not lose its place to a newcomer",
        "enable.idempotence": "records must not be written twice by a retry",
        "acks": "an output counts when all replicas have it",
        "request.required.acks": "an output counts when all replicas have it",
        "message.timeout.ms": "outputs wait for the broker as long as it takes",
        "delivery.timeout.ms": "outputs wait for the broker as long as it takes",
        "partitioner": "all outputs of a profile go to the partition its key names",
        "allow.auto.create.topics": "a misspelt topic must not come into being",
        "delivery.report.only.error": "every delivery is counted",
        "plugin.library.paths": "a setting must not load code",
        "test.mock.num.brokers": "it is for tests only",
    ]
}
