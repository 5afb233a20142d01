/* The only door to time.  The fold never looks through it (its time is in the records); the engine
 * does, for arrival stamps, latencies and timers, and tests put a clock of their own in. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*wall_ms)(void *self);       /* since 1970, UTC */
    uint64_t (*monotonic_ns)(void *self); /* from an arbitrary start; never goes back */
    void *self;
};

/* The machine's own clock. */
extern const struct clock system_clock;

static inline int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->self);
}

static inline uint64_t clock_monotonic_ns(const struct clock *clock)
{
    return clock->monotonic_ns(clock->self);
}

#endif
