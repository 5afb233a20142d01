/* Where records come from.  A source has lanes (Kafka's partitions, one file, one simulated world);
 * each lane shows its next record and lets it be taken.  inputs.c merges the lanes of all sources
 * by time.
 *
 * A kind is one file and one row of source_table.c. */
#ifndef INGEST_SOURCE_H
#define INGEST_SOURCE_H

#include "base/batch.h"
#include "base/clock.h"
#include "base/option.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A record on offer; its bytes stay good until it is taken. */
struct record {
    const void *bytes; /* NULL: a tombstone or an empty record */
    size_t size;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* as the source knows it; INT64_MIN: as it comes (a file's lines) */
};

struct source {
    const struct source_kind *kind;
    void *self; /* the kind's own memory, made by open */
};

struct source_setting {
    const void *options; /* the kind's structure, filled by its table */
    const json_t *kafka; /* librdkafka properties common to the pipeline; NULL if none */
    const char *group;   /* the consumer group, from the pipeline's name */
    const struct clock *clock;
    int64_t wait_ms; /* for brokers that are away: <0: for ever; 0: a while */
    bool placed; /* lanes stand still until `place` says where each begins (a journal's inputs) */
};

struct source_kind {
    const char *name, *summary;
    const struct option *options;
    size_t option_size; /* of the structure that the table fills; 0 if none */

    enum status (*open)(void **self, const struct source_setting *setting, struct failure *failure);

    /* Lanes may be added while running (partitions), never removed. */
    uint32_t (*lane_count)(void *self);

    /* The lane's next record without taking it.  OK: filled.  RETRY: nothing waits now.  END: this
     * lane has ended.  STOP: failure says why (a file that cannot be read, an authorisation lost).
     */
    enum status (*peek)(void *self, uint32_t lane, struct record *record, struct failure *failure);
    void (*take)(void *self, uint32_t lane);

    /* Of a lane that shows nothing now: whether records of it are known to be on their way, so that
     * whoever merges lanes by time had better wait for them.  NULL: it cannot tell. */
    bool (*has_more)(void *self, uint32_t lane);

    /* Of a source opened with `placed`: the lane's first record is the one at `offset` or after it;
     * -1: where a first reading begins (the group's committed offset, or as the options say).  Once
     * a lane; a lane's number is its partition.  RETRY: the same again later.  STOP: it cannot be
     * read from there (and never will: no silent jump).  NULL: the kind cannot be placed, so no
     * journal can name its records. */
    enum status (*place)(void *self, uint32_t lane, int64_t *offset, struct failure *failure);

    /* After a lane was placed at -1: whether the group had an offset for any of them, so somebody
     * has read here before.  NULL: it cannot tell. */
    bool (*has_begun)(void *self);

    /* A descriptor that becomes readable when records may wait (eventfd; drained by the source in
     * peek), or -1: ask at once again. */
    int (*descriptor)(void *self);

    /* Everything before these positions (next to read; lane_count members, -1: nothing taken from
     * the lane yet) has been decided and its outputs are acknowledged.  NULL: nothing to commit. */
    enum status (*commit)(void *self, const int64_t *next_offsets, struct failure *failure);

    /* The header line that decoding needs (CSV), or NULL; a kind without headers has no function.
     */
    const char *(*header)(void *self);

    void (*close)(void *self);
};

/* All kinds, in the order of `weir list sources`; NULL-terminated. */
extern const struct source_kind *const source_table[];

const struct source_kind *source_find(const char *name);

#endif
