import CLibrdkafka

/// Settings on their way into a client of librdkafka, which takes them over.
@safe
struct KafkaConfiguration: ~Copyable {
    private var pointer: OpaquePointer?

    /// The defaults of librdkafka and what both clients share.
    init(_ settings: KafkaSettings) throws(KafkaError) {
        // Owned by this value until a client takes it over or deinit destroys it.
        unsafe pointer = rd_kafka_conf_new()
        if settings.bootstrapServers.isEmpty {
            throw KafkaError(.configuration, "kafka: `kafka.brokers` names no broker")
        }
        try set("bootstrap.servers", settings.bootstrapServers)
        try set("client.id", settings.clientName)
        // Nagle's algorithm would hold back small requests for 40 ms; on by default before 2.10.
        try set("socket.nagle.disable", "true")
        try set("socket.keepalive.enable", "true")
        try set("reconnect.backoff.ms", "100")
        try set("reconnect.backoff.max.ms", "2000")
        // A connection that hangs is given up before a transaction is.
        try set("socket.timeout.ms", "10000")
        try set("topic.metadata.refresh.interval.ms", "60000")
    }

    deinit {
        // Nil once a client has taken it over.
        if let pointer = unsafe pointer { unsafe rd_kafka_conf_destroy(pointer) }
    }

    /// Sets one of librdkafka's settings.
    func set(_ name: String, _ value: String) throws(KafkaError) {
        let room = 512
        let (result, reason) = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: room)
        {
            // librdkafka ends the text with a zero within the room given.
            unsafe $0.initialize(repeating: 0)
            let result = unsafe rd_kafka_conf_set(pointer, name, value, $0.baseAddress, room)
            return unsafe (result, String(cString: $0.baseAddress!))
        }
        switch result {
        case RD_KAFKA_CONF_OK: return
        case RD_KAFKA_CONF_UNKNOWN:
            throw KafkaError(
                .configuration,
                "kafka: this librdkafka (\(libraryVersion)) has no setting `\(name)`"
            )
        default:
            // The library's reason repeats the value, which must not show if it is a secret.
            let shown = KafkaConfiguration.isSecret(name) ? "its value is not valid" : reason
            throw KafkaError(.configuration, "kafka: `\(name)`: \(shown)")
        }
    }

    /// Why librdkafka does not take a setting, or nil if it does.
    fileprivate static func objection(to name: String, _ value: String) -> String? {
        do throws(KafkaError) {
            let configuration = try KafkaConfiguration(KafkaSettings(bootstrapServers: "any:1"))
            try configuration.set(passedThrough: [name: value])
            return nil
        } catch { return error.description }
    }

    /// Sets what the user passes through; refuses what Collie must decide itself.
    func set(passedThrough properties: [String: String]) throws(KafkaError) {
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            if let reason = KafkaSettings.owned[name] {
                throw KafkaError(
                    .configuration,
                    "kafka: `\(name)` cannot be set for librdkafka: \(reason)"
                )
            }
            try set(name, value)
        }
    }

    /// Sets the callbacks every client has; the context must outlive the client.
    func observe(_ context: ClientContext) {
        // The context is kept by the client's handle until the client is destroyed.
        unsafe rd_kafka_conf_set_opaque(pointer, Unmanaged.passUnretained(context).toOpaque())
        unsafe rd_kafka_conf_set_log_cb(pointer, onLog)
        unsafe rd_kafka_conf_set_error_cb(pointer, onError)
    }

    /// Asks for group changes to be told to the context.
    func observeRebalance() {
        unsafe rd_kafka_conf_set_rebalance_cb(pointer, onRebalance)
    }

    /// Asks for delivery reports to be told to the context.
    func observeDeliveries() {
        unsafe rd_kafka_conf_set_dr_msg_cb(pointer, onDelivery)
    }

    /// Makes a client of it.
    consuming func client(
        _ type: rd_kafka_type_t,
        _ context: ClientContext
    ) throws(KafkaError) -> ClientHandle {
        let room = 512
        let (client, reason) = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: room)
        {
            unsafe $0.initialize(repeating: 0)
            // librdkafka takes the configuration over if it makes a client, and only then.
            let client = unsafe rd_kafka_new(type, pointer, $0.baseAddress, room)
            return unsafe (client, String(cString: $0.baseAddress!))
        }
        guard let client = unsafe client else {
            throw KafkaError(.configuration, "kafka: \(reason)")
        }
        unsafe pointer = nil
        return unsafe ClientHandle(client, context)
    }

    /// Whether a setting's value must never be shown.
    static func isSecret(_ name: String) -> Bool {
        ["password", "secret", "key.pem", "oauthbearer", "certificate.pem", "sasl.username"]
            .contains { name.contains($0) }
    }
}

extension KafkaSettings {
    /// Why a setting cannot be passed through to librdkafka, or nil if it can.
    package static func objection(to name: String, _ value: String) -> String? {
        KafkaConfiguration.objection(to: name, value)
    }
}

/// librdkafka's version, as it says itself.
package var libraryVersion: String {
    // The library's own constant string.
    unsafe String(cString: rd_kafka_version_str())
}

extension Duration {
    /// Whole milliseconds, as librdkafka counts.
    var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
