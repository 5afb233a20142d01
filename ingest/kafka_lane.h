/* One partition of a Kafka source: its queue, the record on offer, and whether the broker is known
 * to hold more than has come.  Nobody but the source includes this. */
#ifndef INGEST_KAFKA_LANE_H
#define INGEST_KAFKA_LANE_H

#include "base/kafka_conf.h"
#include "ingest/source.h"

enum { KAFKA_LANE_CAME = 64 };

struct kafka_lane {
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *came[KAFKA_LANE_CAME]; /* out of the queue: [taken, came_count) */
    uint32_t taken, came_count;
    rd_kafka_message_t *message; /* on offer; NULL: none */
    bool dry;                    /* its queue was empty since the descriptor was last drained */
    bool placed;                 /* by kafka_place */
    bool at_end;                 /* the broker had no more when it was last asked */
    uint64_t dry_ns;             /* since when it has shown nothing; 0: it shows something */
    int64_t next;                /* one past the last record shown; -1: none was */
    int64_t begin;               /* where a first reading begins: an offset, or librdkafka's mark */
    int64_t wanted, sent;        /* next offsets: to be committed, and last sent; -1: none */
};

/* The next message of the queue, or NULL: what it shows from now on.  The end of the partition is
 * remembered; other errors are the caller's, and his to destroy. */
rd_kafka_message_t *kafka_lane_next(struct kafka_lane *lane);

/* The record on offer, as sources show it. */
struct record kafka_lane_record(const struct kafka_lane *lane);

void kafka_lane_take(struct kafka_lane *lane);

/* Whether records of the lane, which shows none, are on their way.  Not for longer than some
 * patience: a broker that is gone must not hold up the others. */
bool kafka_lane_has_more(struct kafka_lane *lane, rd_kafka_t *client, const char *topic,
                         int32_t partition, uint64_t now_ns);

void kafka_lane_close(struct kafka_lane *lane);

#endif
