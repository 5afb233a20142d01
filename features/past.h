/* Windows as they were a while ago, by difference: from the running one goes what has entered since
 * then, and what has left since then comes back.  That costs what lies between, not what the window
 * holds. */
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

/* The slots by which the window that the visit reads differs from what its frame holds; the visit's
 * own is one of those that come back, if it counts. */
struct past_slots {
    const struct slot_view *entered, *left;
    uint32_t entered_count, left_count;
};

/* room: for all slots of the entity and one more.  False: the frame holds nothing of that time any
 * more, or differs by more than `most` slots. */
bool past_slots_take(struct past_slots *past, const struct visit *visit,
                     const struct window *window, uint32_t most, struct slot_view *room);

/* The oldest slot of the window, if its frame still holds slots of that time; false: it does not.
 * count: 0 if the window was empty. */
bool past_oldest(const struct visit *visit, const struct window *window, struct slot_view *oldest,
                 uint32_t *count);

#endif
