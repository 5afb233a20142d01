/* A Kafka broker inside this process, for trying weir out with nothing else installed: librdkafka's
 * mock cluster.  Any Kafka client of this machine can attach to it.
 *
 * It is no store: it keeps the newest 5 MiB of a partition in memory, knows no transactions worth
 * the name, and forgets everything at the end. */
#ifndef ENGINE_BROKER_H
#define ENGINE_BROKER_H

#include "base/status.h"
#include <stddef.h>

struct broker;

struct broker_topic {
    const char *name;
    int partition_count;
};

/* Topics that are not named here appear when they are first asked for, with 4 partitions. */
enum status broker_open(struct broker **result, const struct broker_topic *topics, size_t count,
                        struct failure *failure);

/* "127.0.0.1:40123"; good until the broker is closed. */
const char *broker_bootstrap(const struct broker *broker);

/* After all its clients. */
void broker_close(struct broker *broker);

#endif
