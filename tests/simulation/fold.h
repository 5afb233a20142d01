/* The plain fold of a journal: one state, from its first entry to its last, in one go; no snapshot,
 * no follower, no outbox.  What it says is what everybody must have seen.
 *
 * It also checks the journal itself: the chain, and that the runs name each record of the inputs
 * once and in the order of its partition. */
#ifndef TESTS_SIMULATION_FOLD_H
#define TESTS_SIMULATION_FOLD_H

#include "base/buffer.h"
#include "engine/journal.h"
#include "engine/pipeline.h"
#include "tests/simulation/topics.h"

struct simulation;

struct fold {
    struct simulation *simulation;
    struct config own;     /* for the members that the journal leaves out */
    struct config *config; /* of the journal; NULL: none yet */
    struct pipeline *pipeline;
    struct batch batch;
    int64_t arrival_ms;
    uint64_t sequence, chain;
    uint32_t next[TOPICS][TOPIC_PARTITIONS_MAX]; /* index of the record that comes next */
    uint32_t output;                             /* index in the broker's output log, per stream */
    uint32_t seen[STREAMS];
    uint64_t outputs;
    struct buffer key, body; /* of one output */
};

void fold_open(struct fold *fold, struct simulation *simulation);
/* One committed entry. */
void fold_entry(struct fold *fold, const void *bytes, size_t size);
/* No output may be there that no entry explains. */
void fold_end(struct fold *fold);
void fold_close(struct fold *fold);

#endif
