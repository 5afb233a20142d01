/* The input topics of a simulated world: all the records that will ever come, made at its
 * beginning; each can be read from its time on.  Offsets have gaps, as transactions of the
 * producers leave them. */
#ifndef TESTS_SIMULATION_TOPICS_H
#define TESTS_SIMULATION_TOPICS_H

#include "tests/simulation/chance.h"
#include <stddef.h>
#include <stdint.h>

enum topic { TOPIC_EVENTS, TOPIC_LABELS, TOPIC_REQUESTS, TOPICS };

enum {
    TOPIC_PARTITIONS_MAX = 6,
    TOPIC_RECORDS_MAX = 1024, /* of one partition */
    TOPIC_DRAFTS_MAX = 2048,  /* records of a world */
    TOPIC_TEXT_MAX = 1 << 20,
    TOPICS_PAUSE_MS = 4000,
};

struct topic_record {
    int64_t offset, visible_ms, timestamp_ms;
    const char *bytes;
    uint32_t size;
};

struct topic_partition {
    int64_t born_ms;  /* it is there from then on */
    uint32_t deleted; /* records before this index are not kept any more */
    uint32_t count;
    struct topic_record record[TOPIC_RECORDS_MAX];
};

struct topic_log {
    const char *name;
    uint32_t partition_count;
    struct topic_partition partition[TOPIC_PARTITIONS_MAX];
};

struct topics {
    struct topic_log topic[TOPICS];
    int64_t end_ms;        /* the last event but those of the epilogue has come */
    int64_t faults_end_ms; /* from then on nothing goes wrong, in a world that is to settle */
    size_t text_used;
    char text[TOPIC_TEXT_MAX];
};

/* What the wall clock shows when a world begins. */
#define TOPICS_EPOCH_MS INT64_C(1700000000000)

/* epilogue: some last records come TOPICS_PAUSE_MS after the last fault. */
void topics_make(struct topics *topics, struct chance *chance, bool epilogue);

/* Where the partition begins now. */
int64_t topic_partition_begin(const struct topic_partition *partition);

/* The index of the first record at or behind an offset; `count` if there is none. */
uint32_t topic_partition_find(const struct topic_partition *partition, int64_t offset);

#endif
