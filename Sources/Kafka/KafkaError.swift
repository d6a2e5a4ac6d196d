import CLibrdkafka

/// What went wrong with the broker, as the caller needs to tell it apart.
package struct KafkaError: Error, Sendable, CustomStringConvertible {
    /// What the caller can do about it.
    package enum Kind: Sendable {
        /// A setting is wrong; nothing helps but another one.
        case configuration
        /// No broker answers; it may come back.
        case brokerAway
        /// A topic or partition does not exist; it may be created.
        case unknownTopic
        /// The broker does not believe who we are.
        case authentication
        /// The broker knows who we are and says no.
        case authorization
        /// Records were deleted before they were read.
        case dataLost
        /// Another instance leads now; nothing unfinished may be committed.
        case leadershipLost
        /// The open transaction must be aborted; what it held may be written again.
        case abortRequired
        /// The client is of no more use: begin again from the committed offsets.
        case restartRequired
        /// A newer instance with the same identity has taken over.
        case fenced
        /// The client's own queue is full.
        case queueFull
        /// A record is larger than the broker takes.
        case tooLarge
        /// No answer in time.
        case timedOut
        /// The caller asked to stop while this was waiting.
        case stopped
        /// Anything else.
        case other
    }

    /// What the caller can do about it.
    package let kind: Kind
    /// librdkafka's number, 0 if it has none.
    package let code: Int32
    /// The client can do nothing more.
    package let isFatal: Bool
    /// The same call may succeed when made again.
    package let isRetriable: Bool
    /// The transaction must be aborted.
    package let requiresAbort: Bool
    /// A sentence for the user.
    package let description: String

    /// An error of our own.
    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        code = 0
        isFatal = kind == .fenced || kind == .restartRequired
        isRetriable = kind == .brokerAway || kind == .queueFull || kind == .timedOut
        requiresAbort = kind == .abortRequired
        self.description = description
    }

    /// An error code of librdkafka, with what was being done.
    init(_ code: rd_kafka_resp_err_t, _ action: String, detail: String? = nil) {
        kind = KafkaError.kind(of: code)
        self.code = code.rawValue
        isFatal = code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED
        isRetriable = kind == .brokerAway || kind == .queueFull || kind == .timedOut
        requiresAbort = false
        // The library's own constant string.
        let reason = unsafe detail ?? String(cString: rd_kafka_err2str(code))
        description = "\(action): \(reason)"
    }

    /// Takes over an error object of librdkafka and destroys it.
    init(consuming error: OpaquePointer, _ action: String) {
        // Owned by us until the destroy at the end; its string is copied before that.
        let code = unsafe rd_kafka_error_code(error)
        let isFatal = unsafe rd_kafka_error_is_fatal(error) != 0
        let requiresAbort = unsafe rd_kafka_error_txn_requires_abort(error) != 0
        let isRetriable = unsafe rd_kafka_error_is_retriable(error) != 0
        let reason = unsafe String(cString: rd_kafka_error_string(error))
        unsafe rd_kafka_error_destroy(error)
        self.code = code.rawValue
        self.isFatal = isFatal
        self.isRetriable = isRetriable
        self.requiresAbort = requiresAbort
        let kind = KafkaError.kind(of: code)
        if requiresAbort {
            self.kind = .abortRequired
        } else if isFatal {
            self.kind = kind == .fenced ? .fenced : .restartRequired
        } else {
            self.kind = kind
        }
        description = "\(action): \(reason)"
    }

    /// Throws if the code is an error.
    static func check(_ code: rd_kafka_resp_err_t, _ action: @autoclosure () -> String)
        throws(KafkaError)
    {
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code, action()) }
    }

    /// Throws if there is an error object, which is destroyed.
    static func check(_ error: OpaquePointer?, _ action: @autoclosure () -> String)
        throws(KafkaError)
    {
        // Made by the call whose result is checked; nobody else has it.
        if let error = unsafe error { throw unsafe KafkaError(consuming: error, action()) }
    }

    private static func kind(of code: rd_kafka_resp_err_t) -> Kind {
        switch code {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__WAIT_COORD,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR__NODE_UPDATE,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR__WAIT_CACHE:
            .brokerAway
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
            .timedOut
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            .unknownTopic
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR__SSL:
            .authentication
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            .authorization
        case RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
            RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
            .fenced
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
            .dataLost
        case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST, RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
            .leadershipLost
        case RD_KAFKA_RESP_ERR__QUEUE_FULL: .queueFull
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: .tooLarge
        case RD_KAFKA_RESP_ERR__FATAL: .restartRequired
        case RD_KAFKA_RESP_ERR__INVALID_ARG: .configuration
        default: .other
        }
    }
}
