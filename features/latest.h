/* What last, previous, age and since share: the latest slot of the window, the last that was added.
 */
#ifndef FEATURES_LATEST_H
#define FEATURES_LATEST_H

#include "base/calendar.h"
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

/* Behind all of its time and of earlier ones: then it is the latest. */
static inline void latest_insert(void *value, const struct slot_view *slot, uint32_t newer,
                                 struct window_view *window)
{
    (void)window;
    if (newer == 0)
        latest_add(value, slot, NULL);
}

static inline bool latest_settles(const struct slot_view *slot)
{
    (void)slot;
    return true;
}

static inline void latest_join(void *value, const void *newer)
{
    struct latest *latest = value;
    const struct latest *other = newer;
    if (other->state != LATEST_NONE &&
        (latest->state == LATEST_NONE || other->time_ms >= latest->time_ms))
        *latest = *other;
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

/* How long ago it was. */
static inline double seconds_between(int64_t from_ms, int64_t to_ms)
{
    return (double)(to_ms - from_ms) / SECOND_MS;
}

static inline bool age_read(void *value, const struct slot_view *event,
                            const struct window_span *span, struct window_view *window,
                            union value *result)
{
    (void)event, (void)window;
    const struct latest *latest = value;
    result->number = seconds_between(latest->time_ms, span->now_ms);
    return latest->state != LATEST_NONE;
}

static inline bool age_define(const struct slot_view *slots, uint32_t count,
                              const struct slot_view *event, const struct window_span *span,
                              uint64_t *scratch, union value *result)
{
    (void)event, (void)scratch;
    if (count == 0)
        return false;
    result->number = seconds_between(slots[count - 1].time_ms, span->now_ms);
    return true;
}

#endif
