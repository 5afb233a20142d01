/* A producer for programs that only write; see kafka.h. */
#include "base/kafka.h"
#include "base/kafka_conf.h"
#include <stdlib.h>

struct kafka_writer {
    struct kafka_trouble trouble; /* first: the opaque of the client's callbacks is both */
    rd_kafka_t *client;
    struct failure lost; /* STOP once a record was lost for good, else OK */
};

static void delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    struct kafka_writer *writer = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || writer->lost.status != STATUS_OK)
        return;
    failure_set(&writer->lost, STATUS_STOP, "could not write a record of %zu bytes to topic %s: %s",
                message->len, rd_kafka_topic_name(message->rkt), rd_kafka_err2str(message->err));
}

enum status kafka_writer_open(struct kafka_writer **result, const char *bootstrap,
                              const json_t *properties, struct failure *failure)
{
    static const struct kafka_property standards[] = {
        {"linger.ms", "5"},
        {"compression.type", "lz4"},
        {"queue.buffering.max.kbytes", "65536"},
        {NULL, NULL},
    };
    static const struct kafka_property musts[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {NULL, NULL},
    };
    struct kafka_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return failure_set(failure, STATUS_STOP, "could not make a kafka client: out of memory");
    rd_kafka_conf_t *conf =
        kafka_conf_make(properties, bootstrap, standards, musts, &writer->trouble, failure);
    if (conf)
        rd_kafka_conf_set_dr_msg_cb(conf, delivery_report);
    if (!conf ||
        kafka_client_open(&writer->client, RD_KAFKA_PRODUCER, conf, failure) != STATUS_OK) {
        free(writer);
        return STATUS_STOP;
    }
    *result = writer;
    return STATUS_OK;
}

static enum status writer_state(const struct kafka_writer *writer, struct failure *failure)
{
    return kafka_producer_state("kafka writer", &writer->lost, &writer->trouble, failure);
}

enum status kafka_writer_put(struct kafka_writer *writer, const char *topic, int32_t partition,
                             const void *key, size_t key_size, const void *bytes, size_t size,
                             int64_t timestamp_ms, struct failure *failure)
{
    rd_kafka_resp_err_t error;
    while ((error = rd_kafka_producev(
                writer->client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                RD_KAFKA_V_VALUE((void *)(uintptr_t)bytes, size), RD_KAFKA_V_KEY(key, key_size),
                RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_END)) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(writer->client, 100);
        if (writer_state(writer, failure) != STATUS_OK)
            return STATUS_STOP;
    }
    rd_kafka_poll(writer->client, 0);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failure_set(failure, STATUS_STOP,
                           "could not write a record of %zu bytes to topic %s: %s", size, topic,
                           rd_kafka_err2str(error));
    return writer_state(writer, failure);
}

enum status kafka_writer_flush(struct kafka_writer *writer, int timeout_ms, struct failure *failure)
{
    rd_kafka_resp_err_t error = rd_kafka_flush(writer->client, timeout_ms);
    if (writer_state(writer, failure) != STATUS_OK)
        return STATUS_STOP;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failure_set(failure, STATUS_RETRY, "%d records are not yet acknowledged%s%s",
                           rd_kafka_outq_len(writer->client), writer->trouble.text[0] ? ": " : "",
                           writer->trouble.text);
    return STATUS_OK;
}

void kafka_writer_close(struct kafka_writer *writer)
{
    if (!writer)
        return;
    rd_kafka_destroy(writer->client);
    free(writer);
}
