#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <string.h>

// rd_kafka_producev is variadic, which Swift cannot call. It is taken instead of
// rd_kafka_produceva, which frees headers twice before 2.12.0 when the partition is unknown.

/// Copies and queues one record. `key` and `value` are null if the record has none. The headers
/// belong to the record if the answer is 0, else still to the caller.
static inline rd_kafka_resp_err_t collie_kafka_produce(
    rd_kafka_t *client,
    rd_kafka_topic_t *topic,
    int32_t partition,
    const void *key,
    size_t key_size,
    const void *value,
    size_t value_size,
    rd_kafka_headers_t *headers) {
    if (headers)
        return rd_kafka_producev(
            client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
            RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_END);
    return rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
        RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_END);
}

/// The bytes of a zero-terminated text, without the zero.
static inline size_t collie_kafka_text_length(const char *text) { return strlen(text); }
