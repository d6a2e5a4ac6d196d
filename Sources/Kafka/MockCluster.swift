import CLibrdkafka

/// A cluster inside this process, on a port of its own: for tests, demonstrations and measuring.
///
/// It is librdkafka's. It keeps no offsets of transactions and fences nobody, and drops records
/// beyond 5 MB a partition; what depends on those needs a real broker.
@safe
package struct MockCluster: ~Copyable {
    private let client: ClientHandle
    private let cluster: OpaquePointer

    /// Starts a cluster.
    package init(brokers: Int = 1, log: KafkaLog = .silent()) throws(KafkaError) {
        let configuration = try KafkaConfiguration(KafkaSettings(bootstrapServers: "mock"))
        try configuration.set("test.mock.num.brokers", "\(brokers)")
        let context = ClientContext(log)
        configuration.observe(context)
        let client = try configuration.client(RD_KAFKA_PRODUCER, context)
        // Belongs to the client and goes with it.
        guard let cluster = unsafe rd_kafka_handle_mock_cluster(client.pointer) else {
            throw KafkaError(.other, "kafka: librdkafka made no mock cluster")
        }
        unsafe self.cluster = unsafe cluster
        self.client = client
    }

    /// Where clients find it.
    package var bootstrapServers: String {
        // The cluster's own string; copied.
        unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
    }

    /// Makes a topic.
    package func createTopic(_ name: String, partitions: Int) throws(KafkaError) {
        try KafkaError.check(
            unsafe rd_kafka_mock_topic_create(cluster, name, Int32(clamping: partitions), 1),
            "kafka: cannot create topic \(name)"
        )
    }

    /// Takes a broker (counted from 1) off the network, or brings it back.
    package func setBroker(_ number: Int, isUp: Bool) throws(KafkaError) {
        let number = Int32(clamping: number)
        try KafkaError.check(
            unsafe isUp
                ? rd_kafka_mock_broker_set_up(cluster, number)
                : rd_kafka_mock_broker_set_down(cluster, number),
            "kafka: mock broker \(number)"
        )
    }
}
