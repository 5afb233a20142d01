/* Moments as they were a while ago, by difference: from the running ones goes what has entered
 * since then, and what has left since then comes back.  That costs what lies between, not what the
 * window holds. */
#ifndef FEATURES_PAST_H
#define FEATURES_PAST_H

#include "features/form.h"
#include "features/moment.h"

struct past {
    bool known[MOMENTS_MAX]; /* of the frame's moments, in their order */
    double cells[MOMENTS_MAX][MOMENT_CELLS_MAX];
};

/* The frame's moments at the visit's time, without its own slot.  Not known are those that must be
 * gathered: the frame holds nothing of that time any more, or bits were lost on the way. */
void past_take(struct past *past, const struct visit *visit, const struct frame *frame);

#endif
