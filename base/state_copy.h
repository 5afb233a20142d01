/* Rows of one state into another's region of the same row size, as they stand: for what is
 * unchanged when the configuration changes. */
#ifndef BASE_STATE_COPY_H
#define BASE_STATE_COPY_H

#include "base/state.h"

/* Whether the rows in use would fit. */
bool state_copy_fits(const struct state *to, uint32_t to_region, const struct state *from,
                     uint32_t from_region);

/* All rows in use, and which of them are free.  They must fit; nobody may watch `to`. */
void state_copy_rows(struct state *to, uint32_t to_region, const struct state *from,
                     uint32_t from_region);

#endif
