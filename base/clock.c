/* The machine's clock behind the seam of clock.h. */
#include "base/clock.h"
#include <time.h>

static int64_t system_wall_ms(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t system_monotonic_ns(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

const struct clock system_clock = {
    .wall_ms = system_wall_ms,
    .monotonic_ns = system_monotonic_ns,
    .self = NULL,
};
