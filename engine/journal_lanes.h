/* The whole table of lanes, out of the state and into it; of engine/journal*.c alone. */
#ifndef ENGINE_JOURNAL_LANES_H
#define ENGINE_JOURNAL_LANES_H

#include "engine/journal.h"

/* Copies the used rows; returns how many there are. */
uint32_t journal_lanes_read(const struct journal_lanes *lanes, const struct state *state,
                            struct journal_lane *rows /* (JOURNAL_LANES_MAX) */);

/* Writes the rows that have changed, and only those. */
void journal_lanes_write(const struct journal_lanes *lanes, struct state *state,
                         const struct journal_lane *rows, uint32_t count);

#endif
