/* Fetching ahead.  An entity's rows lie scattered over gigabytes, so almost every visit would wait
 * for memory.  Therefore a batch goes in *units*, some rows of one entity, and each unit through
 * stages of which each asks for the lines that the next one reads: the index's entry, the row, the
 * blocks in which something will expire, those behind them.  While one unit is visited the next
 * ones are fetched, row by row, so that memory works while the processor does.
 *
 * The stages change nothing, so that no cut into units or batches can be seen in the state; a row
 * that is gone by the time of its visit is looked up again. */
#ifndef FEATURES_FETCH_H
#define FEATURES_FETCH_H

#include "features/entity.h"

enum { UNIT_ROWS = 64 };

struct unit {
    const struct entity *entity;
    const struct history *history; /* NULL: labels are nothing to its windows */
    uint32_t from, count;
    uint32_t strangers;                      /* rows without a guess, though they have a key */
    uint64_t key[UNIT_ROWS], row[UNIT_ROWS]; /* of a label: its event's */
    bool moves[UNIT_ROWS];                   /* some cursor moves in a block */
};

/* Before the visits, for row `from + i`, in this order. */
void fetch_index(struct unit *unit, const struct state *state, const struct batch *batch,
                 uint32_t i);
void fetch_row(struct unit *unit, const struct state *state, const struct batch *batch, uint32_t i);
void fetch_blocks(struct unit *unit, const struct state *state, const struct batch *batch,
                  uint32_t i);
void fetch_next(const struct unit *unit, const struct state *state, const struct batch *batch,
                uint32_t i);

static inline bool batch_is_event(const struct batch *batch, uint32_t row)
{
    return batch->kind[row] == RECORD_EVENT && !batch->dead[row];
}

/* Does the row tell an event's label, so that windows are to be corrected? */
static inline bool label_corrects(const struct batch *batch, uint32_t row)
{
    return batch->kind[row] == RECORD_LABEL && !batch->dead[row] &&
           (batch->join[row] == JOIN_LEARNED || batch->join[row] == JOIN_CORRECTED);
}

/* The block in which the search for the slot of an event of that time will begin; 0: none. */
uint32_t label_block(const struct entity *entity, const struct state *state, uint64_t row,
                     int64_t time_ms);

#endif
