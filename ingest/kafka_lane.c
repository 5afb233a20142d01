/* A partition and its end; see kafka_lane.h.
 *
 * Two things tell that a partition has been read to its end: its last offset, which comes with
 * every answer to a fetch and is known at once, and librdkafka's mark of the end, which comes an
 * answer later but sees behind the markers of transactions, which are offsets without a record. */
#include "ingest/kafka_lane.h"

static const uint64_t patience_ns = 2000000000;

rd_kafka_message_t *kafka_lane_next(struct kafka_lane *lane)
{
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consume_queue(lane->queue, 0)) &&
           message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        lane->at_end = true;
        rd_kafka_message_destroy(message);
    }
    if (message && message->err)
        return message;
    lane->dry = !message;
    lane->message = message;
    if (message) {
        lane->at_end = false;
        lane->dry_ns = 0;
        lane->next = message->offset + 1;
    }
    return NULL;
}

struct record kafka_lane_record(const struct kafka_lane *lane)
{
    const rd_kafka_message_t *message = lane->message;
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    return (struct record){
        .bytes = message->len > 0 ? message->payload : NULL,
        .size = message->len,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? INT64_MIN : timestamp_ms,
    };
}

void kafka_lane_take(struct kafka_lane *lane)
{
    rd_kafka_message_destroy(lane->message);
    lane->message = NULL;
}

bool kafka_lane_has_more(struct kafka_lane *lane, rd_kafka_t *client, const char *topic,
                         int32_t partition, uint64_t now_ns)
{
    int64_t low, high;
    if (lane->message || lane->at_end)
        return false;
    if (lane->dry_ns == 0)
        lane->dry_ns = now_ns;
    if (now_ns - lane->dry_ns > patience_ns)
        return false;
    return lane->next < 0 ||
           rd_kafka_get_watermark_offsets(client, topic, partition, &low, &high) !=
               RD_KAFKA_RESP_ERR_NO_ERROR ||
           high > lane->next;
}

void kafka_lane_close(struct kafka_lane *lane)
{
    if (lane->message)
        rd_kafka_message_destroy(lane->message);
    rd_kafka_queue_io_event_enable(lane->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(lane->queue);
}
