/* A partition and its end; see kafka_lane.h.
 *
 * Two things tell that a partition has been read to its end: its last offset, which comes with
 * every answer to a fetch and is known at once, and librdkafka's mark of the end, which comes an
 * answer later but sees behind the markers of transactions, which are offsets without a record. */
#include "ingest/kafka_lane.h"

static const uint64_t patience_ns = 2000000000;

/* Records that have waited long are in no cache any more. */
static void ask_for(const rd_kafka_message_t *message)
{
    enum { LINE = 64, LINES = 8 };
    const char *bytes = message->payload;
    for (size_t at = 0; at < message->len && at < LINES * LINE; at += LINE)
        __builtin_prefetch(bytes + at);
}

/* The library looks at the clock and takes its locks once for a handful.  That the queue is empty
 * is heard from the call for one, which rearms the wake-up as well. */
static rd_kafka_message_t *pop(struct kafka_lane *lane)
{
    enum { AHEAD = 3 };
    if (lane->taken == lane->came_count) {
        ssize_t count = rd_kafka_consume_batch_queue(lane->queue, 0, lane->came, KAFKA_LANE_CAME);
        lane->taken = 0;
        lane->came_count = count > 0 ? (uint32_t)count : 0;
        for (uint32_t i = 0; i < AHEAD && i < lane->came_count; i++)
            ask_for(lane->came[i]);
        if (lane->came_count == 0)
            return rd_kafka_consume_queue(lane->queue, 0);
    }
    if (lane->taken + AHEAD < lane->came_count)
        ask_for(lane->came[lane->taken + AHEAD]);
    return lane->came[lane->taken++];
}

rd_kafka_message_t *kafka_lane_next(struct kafka_lane *lane)
{
    rd_kafka_message_t *message;
    while ((message = pop(lane)) && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
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
    while (lane->taken < lane->came_count)
        rd_kafka_message_destroy(lane->came[lane->taken++]);
    rd_kafka_queue_io_event_enable(lane->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(lane->queue);
}
