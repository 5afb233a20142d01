/* What min and max share: the extreme is kept; when a slot with its value leaves, it is looked for
 * again, but only when somebody reads, and not at all if a new one outdoes it before. */
#ifndef FEATURES_EXTREME_H
#define FEATURES_EXTREME_H

#include "features/aggregate.h"

enum extreme_state { EXTREME_NONE, EXTREME_KNOWN, EXTREME_LEFT /* no other outdoes what left */ };

struct extreme {
    double value;
    uint64_t state; /* enum extreme_state */
};

static inline void extreme_add(struct extreme *extreme, const struct slot_view *slot, double sign)
{
    if (slot_misses(slot, 0))
        return;
    double value = slot->argument[0].number;
    if (extreme->state == EXTREME_NONE || value * sign >= extreme->value * sign) {
        extreme->value = value;
        extreme->state = EXTREME_KNOWN;
    }
}

static inline void extreme_remove(struct extreme *extreme, const struct slot_view *slot)
{
    if (!slot_misses(slot, 0) && slot->argument[0].number == extreme->value)
        extreme->state = EXTREME_LEFT;
}

/* Another of the same value may stay, but who knows. */
static inline bool extreme_undo(struct extreme *extreme, const struct slot_view *slots,
                                uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        extreme_remove(extreme, &slots[i]);
    return extreme->state != EXTREME_LEFT;
}

/* Of neither what has left is known. */
static inline void extreme_join(struct extreme *extreme, const struct extreme *other, double sign)
{
    if (other->state == EXTREME_KNOWN &&
        (extreme->state != EXTREME_KNOWN || other->value * sign >= extreme->value * sign))
        *extreme = *other;
}

/* Looks for it again: in the values' order, if they are kept in one, otherwise among the slots. */
static inline void extreme_find(struct extreme *extreme, struct window_view *window, double sign)
{
    struct slot_view slot;
    union value found;
    *extreme = (struct extreme){0};
    if (window_extreme(window, sign > 0, &found)) {
        *extreme = (struct extreme){.value = found.number, .state = EXTREME_KNOWN};
        return;
    }
    window_first(window);
    while (window_next(window, &slot))
        extreme_add(extreme, &slot, sign);
}

static inline bool extreme_read(struct extreme *extreme, struct window_view *window, double sign,
                                union value *result)
{
    if (extreme->state == EXTREME_LEFT)
        extreme_find(extreme, window, sign);
    result->number = extreme->value;
    return extreme->state == EXTREME_KNOWN;
}

static inline bool extreme_define(const struct slot_view *slots, uint32_t count, double sign,
                                  union value *result)
{
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        double value = slots[i].argument[0].number;
        if (slot_misses(&slots[i], 0) || (found && value * sign <= result->number * sign))
            continue;
        result->number = value;
        found = true;
    }
    return found;
}

#endif
