/* What last, previous and age share: the latest slot of the window, the last that was added. */
#ifndef FEATURES_LATEST_H
#define FEATURES_LATEST_H

#include "features/aggregate.h"

enum latest_state { LATEST_NONE, LATEST_KNOWN, LATEST_WITHOUT /* it has no x */ };

struct latest {
    int64_t time_ms;
    union value value;
    uint64_t state; /* enum latest_state */
};

static inline void latest_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    struct latest *latest = value;
    bool misses = slot_misses(slot, 0);
    latest->time_ms = slot->time_ms;
    latest->value.key = misses ? 0 : slot->argument[0].key;
    latest->state = misses ? LATEST_WITHOUT : LATEST_KNOWN;
}

/* The oldest leaves: if it is of the latest's time, it may be the latest itself. */
static inline void latest_remove(void *value, const struct slot_view *slot,
                                 struct window_view *window)
{
    struct latest *latest = value;
    struct slot_view rest;
    if (slot->time_ms < latest->time_ms)
        return;
    window_first(window);
    if (!window_next(window, &rest))
        *latest = (struct latest){0};
}

static inline bool latest_read(void *value, const struct slot_view *event,
                               const struct window_span *span, struct window_view *window,
                               union value *result)
{
    (void)event, (void)span, (void)window;
    const struct latest *latest = value;
    *result = latest->value;
    return latest->state == LATEST_KNOWN;
}

static inline bool latest_define(const struct slot_view *slots, uint32_t count,
                                 const struct slot_view *event, const struct window_span *span,
                                 uint64_t *scratch, union value *result)
{
    (void)event, (void)span, (void)scratch;
    if (count == 0 || slot_misses(&slots[count - 1], 0))
        return false;
    *result = slots[count - 1].argument[0];
    return true;
}

#endif
