/* The pipeline's inputs together: event sources and label sources, merged into one order.  Among
 * the lanes that have a record waiting the lowest timestamp goes first; at equal times labels go
 * before events, then the lower input, then the lower partition.
 *
 * Out of a backlog lanes come in large pieces, one after the other.  Therefore a lane that shows
 * nothing, but is known to have more, holds up records that are more than a second newer than its
 * last one: what would be late without need costs more than the wait. */
#ifndef INGEST_INPUTS_H
#define INGEST_INPUTS_H

#include "ingest/source.h"

enum { INPUTS_MAX = 16, LANES_MAX = 1024 };

struct input {
    struct source source;
    enum record_kind role; /* RECORD_EVENT, RECORD_LABEL or RECORD_REQUEST */
    char name[128];        /* topic or path, for dead letters */
    uint64_t fingerprint;  /* of the name: how the journal calls it */
    uint32_t payload_max;  /* bytes; larger records become dead letters unread */
    uint32_t lane_count;
    uint16_t lane[LANES_MAX]; /* of each of the source's lanes: its index among all */
};

struct lane {
    uint32_t input, lane; /* lane within the source */
    int64_t next_offset;  /* one past the last record taken, or where it was placed; -1: none yet */
    bool placed;          /* or needs no placing */
    bool waiting, ended;
    struct record record; /* when waiting */
};

struct inputs {
    uint32_t count;
    struct input input[INPUTS_MAX];
    uint32_t lane_count;
    struct lane lane[LANES_MAX];
    uint64_t taken; /* records put into batches */
    bool whole;   /* take nothing until every lane that has not ended shows a record: the order must
                     not depend on which pipe was slow (a replay) */
    bool placed;  /* the sources stand still until placed: lanes are named by a journal, or begin
                     when merging does */
    bool merging; /* inputs_fill chooses the order; false: inputs_take is told it */
    int64_t held_ms; /* newer records wait for the lanes that have more */
    /* Lanes with a record waiting, a binary heap in the order of the merge. */
    uint32_t waiting_count;
    uint32_t waiting[LANES_MAX];
};

/* Adds a source that is open already; the inputs own it from then on. */
void inputs_add(struct inputs *inputs, struct source source, enum record_kind role,
                const char *name, uint32_t payload_max);

/* Fills the batch up to records_max rows or until nothing waits.  OK: something was added.  RETRY:
 * nothing waits.  END: all lanes have ended.  STOP: failure.
 *
 * A row's time_ms is its record's timestamp (0 if the source knows none) until the decoder finds
 * one inside.  A record that is too large is a dead row with an empty payload. */
enum status inputs_fill(struct inputs *inputs, struct batch *batch, uint32_t records_max,
                        struct failure *failure);

/* ---- in a journal's order ---- */

/* Inputs whose sources were opened with `placed`: call before the first inputs_add. */
void inputs_follow(struct inputs *inputs);

/* The lane of a journal's (input, partition), placed at `offset` if it is not placed yet (-1: where
 * a first reading begins).  RETRY: its source does not show the partition yet or cannot place it
 * now, or no input has this fingerprint (the failure says which). */
enum status inputs_lane(struct inputs *inputs, uint64_t fingerprint, int64_t partition,
                        int64_t offset, uint32_t *lane, struct failure *failure);

/* Adds up to `most` records of this lane to the batch, all with offsets in [from, to), and lowers
 * *count, how many are still to come, by what was added.  OK: added some; RETRY: none waits, or the
 * batch is full; STOP: the next record lies outside [from, to), so some that the journal names are
 * gone, or the source failed.  Asks no other lane, and ends the merging if there was one. */
enum status inputs_take(struct inputs *inputs, struct batch *batch, uint32_t lane, int64_t from,
                        int64_t to, uint64_t *count, uint32_t most, struct failure *failure);

/* STOP, with the numbers, if the sources show more lanes than can be read. */
enum status inputs_check(const struct inputs *inputs, struct failure *failure);

/* From now on inputs_fill chooses; lanes that are not placed yet, and new ones, begin where a first
 * reading does.  RETRY: a source cannot place one now; the same again later. */
enum status inputs_merge(struct inputs *inputs, struct failure *failure);

/* Whether a source's group had an offset where a first reading was to begin: it is not the first.
 */
bool inputs_have_begun(const struct inputs *inputs);

/* Whether no record waits on the lanes of inputs of this role and none is known to be on its way.
 */
bool inputs_are_empty(const struct inputs *inputs, enum record_kind role);

/* Whether a source has ended: its descriptor need not be watched any more. */
bool inputs_has_ended(const struct inputs *inputs, uint32_t input);

/* Commits what has been taken so far, as remembered in `next_offsets` by inputs_mark. */
void inputs_mark(const struct inputs *inputs, int64_t *next_offsets /* (LANES_MAX) */);
enum status inputs_commit(struct inputs *inputs, const int64_t *next_offsets,
                          struct failure *failure);
void inputs_close(struct inputs *inputs);

#endif
