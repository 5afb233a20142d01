/* What ewma, ewsd and ewsum share: sums in which an event of age a weighs 2^(-a / half_life).
 *
 * Kept are the weight W, the mean m and the spread M = sum of w (x - m)^2, as they are at the time
 * of the newest event; time passing only makes W and M less, by one factor.  A value of weight w
 * joins as in West, "Updating mean and variance estimates: an improved method", 1979:
 *
 *     W' = W + w,   d = x - m,   m' = m + d w / W',   M' = M + w d (x - m')
 *
 * so a late event joins with the weight of its own age and the result is the same in any order, up
 * to rounding.  What overflows stays at the largest number until it has faded. */
#ifndef FEATURES_DECAYED_H
#define FEATURES_DECAYED_H

#include "base/calendar.h"
#include "features/aggregate.h"
#include <float.h>
#include <math.h>

#define HALF_LIFE                                                                                  \
    {                                                                                              \
        .name = "half_life", .type = PARAMETER_SPAN, .least = 0.001, .most = 3653.0 * 86400        \
    }

struct decayed {
    int64_t time_ms;
    double weight, mean, spread;
};

/* The weight of what is so old. */
static inline double decay(int64_t age_ms, double half_life)
{
    return age_ms <= 0 ? 1 : exp2(-(double)age_ms / SECOND_MS / half_life);
}

static inline double within_doubles(double value)
{
    return value > DBL_MAX ? DBL_MAX : value < -DBL_MAX ? -DBL_MAX : value;
}

static inline void decayed_join(struct decayed *decayed, double value, double weight)
{
    double total = decayed->weight + weight;
    double distance = within_doubles(value - decayed->mean);
    decayed->weight = total;
    decayed->mean = within_doubles(decayed->mean + distance * (weight / total));
    double rest = within_doubles(value - decayed->mean);
    decayed->spread = within_doubles(decayed->spread + within_doubles(weight * distance * rest));
}

static inline void decayed_take(struct decayed *decayed, const struct slot_view *slot,
                                double half_life)
{
    if (slot_misses(slot, 0))
        return;
    double weight = 1;
    int64_t later_ms = slot->time_ms - decayed->time_ms;
    if (decayed->weight <= 0) {
        *decayed = (struct decayed){.time_ms = slot->time_ms};
    } else if (later_ms >= 0) {
        double factor = decay(later_ms, half_life);
        decayed->weight *= factor;
        decayed->spread *= factor;
        decayed->time_ms = slot->time_ms;
    } else {
        weight = decay(-later_ms, half_life);
    }
    if (weight > 0)
        decayed_join(decayed, slot->argument[0].number, weight);
}

static inline void decayed_add(void *value, const struct slot_view *slot,
                               struct window_view *window)
{
    decayed_take(value, slot, window_parameter(window));
}

/* By definition: every event weighed by its age at the event that reads. */
static inline struct decayed decayed_define(const struct slot_view *slots, uint32_t count,
                                            const struct window_span *span)
{
    struct decayed decayed = {.time_ms = span->now_ms};
    for (uint32_t i = 0; i < count; i++) {
        double weight = decay(span->now_ms - slots[i].time_ms, span->parameter);
        if (!slot_misses(&slots[i], 0) && weight > 0)
            decayed_join(&decayed, slots[i].argument[0].number, weight);
    }
    return decayed;
}

#endif
