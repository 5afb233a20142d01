/* What each aggregate means, once more and plainly, from all slots of a window in their order: the
 * tests' own words, in long doubles and without a thought for time. */
#ifndef TESTS_PROPERTY_FEATURES_DEFINITIONS_H
#define TESTS_PROPERTY_FEATURES_DEFINITIONS_H

#include "base/batch.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { DEFINED_SLOTS_MAX = 512 };

struct defined_slot {
    int64_t time_ms;
    bool has_x, has_y;
    union value x, y;
};

struct defined {
    bool found;
    union value value;
    double tolerance;
};

struct question {
    const char *kind;
    bool is_key, bare; /* x is a text; there is no x */
    int64_t over_ms;
    double parameter;
    struct defined_slot event;
    uint32_t count; /* of all slots */
    const struct defined_slot *slot;
    uint32_t n; /* of those with an x */
    struct defined_slot with[DEFINED_SLOTS_MAX];
    long double sum, mean, spread; /* of x; sum of (x - mean)^2 */
    double largest;                /* |x| */
};

static inline struct defined found_number(long double number, double tolerance)
{
    return (struct defined){.found = true, .value.number = (double)number, .tolerance = tolerance};
}

static inline struct defined found_nothing(void)
{
    return (struct defined){.found = false};
}

static inline bool same_x(const struct question *q, uint32_t i, uint32_t j)
{
    return q->is_key ? q->with[i].x.key == q->with[j].x.key
                     : q->with[i].x.number == q->with[j].x.number;
}

static inline bool x_is_less(const struct question *q, union value left, union value right)
{
    return q->is_key ? left.key < right.key : left.number < right.number;
}

/* How many slots have the i-th one's x. */
static inline uint32_t times_of(const struct question *q, uint32_t i)
{
    uint32_t times = 0;
    for (uint32_t j = 0; j < q->n; j++)
        times += same_x(q, i, j);
    return times;
}

/* Is it the first slot with its x? */
static inline bool is_first_of(const struct question *q, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++)
        if (same_x(q, i, j))
            return false;
    return true;
}

static inline bool all_equal(const struct question *q)
{
    for (uint32_t i = 1; i < q->n; i++)
        if (!same_x(q, 0, i))
            return false;
    return true;
}

/* The x with exactly `place` others before it in their order. */
static inline double x_at(const struct question *q, uint32_t place)
{
    for (uint32_t i = 0; i < q->n; i++) {
        uint32_t before = 0;
        for (uint32_t j = 0; j < q->n; j++)
            before += x_is_less(q, q->with[j].x, q->with[i].x) || (j < i && same_x(q, i, j));
        if (before == place)
            return q->with[i].x.number;
    }
    return NAN;
}

static inline struct defined defined_quantile(const struct question *q, double share)
{
    if (q->n == 0)
        return found_nothing();
    double place = (q->n - 1) * share, low = floor(place), rest = place - low;
    long double below = x_at(q, (uint32_t)low);
    if (rest == 0)
        return found_number(below, 0);
    return found_number(below + rest * ((long double)x_at(q, (uint32_t)low + 1) - below),
                        1e-14 * q->largest);
}

static inline struct defined defined_skewness(const struct question *q)
{
    if (q->n < 3 || all_equal(q))
        return found_nothing();
    long double cubes = 0, n = q->n;
    for (uint32_t i = 0; i < q->n; i++)
        cubes += powl(q->with[i].x.number - q->mean, 3);
    long double m2 = q->spread / n, m3 = cubes / n;
    return found_number(sqrtl(n * (n - 1)) / (n - 2) * m3 / powl(m2, 1.5L), 1e-8 * (double)n);
}

static inline struct defined defined_trend(const struct question *q)
{
    long double middle = 0, tt = 0, tx = 0, farthest = 0;
    for (uint32_t i = 0; i < q->n; i++)
        middle += (long double)(q->with[i].time_ms - q->with[0].time_ms) / 1000 / q->n;
    for (uint32_t i = 0; i < q->n; i++) {
        long double t = (long double)(q->with[i].time_ms - q->with[0].time_ms) / 1000 - middle;
        tt += t * t;
        tx += t * (q->with[i].x.number - q->mean);
        farthest = fabsl(t) > farthest ? fabsl(t) : farthest;
    }
    if (farthest < 1e-6)
        return found_nothing();
    return found_number(tx / tt, 1e-8 * q->largest * (double)(farthest * q->n / tt));
}

static inline struct defined defined_correlation(const struct question *q)
{
    long double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    bool x_differs = false, y_differs = false;
    const struct defined_slot *first = NULL;
    for (uint32_t i = 0; i < q->n; i++) {
        const struct defined_slot *slot = &q->with[i];
        if (!slot->has_y)
            continue;
        first = first ? first : slot;
        x_differs |= slot->x.number != first->x.number;
        y_differs |= slot->y.number != first->y.number;
        n++;
        x += slot->x.number;
        y += slot->y.number;
    }
    if (!x_differs || !y_differs)
        return found_nothing();
    for (uint32_t i = 0; i < q->n; i++) {
        if (!q->with[i].has_y)
            continue;
        long double dx = q->with[i].x.number - x / n, dy = q->with[i].y.number - y / n;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    return found_number(xy / sqrtl(xx * yy), 1e-8);
}

/* A mean does not change when all weights do; counted from the newest they are not all 0. */
static inline struct defined defined_decayed(const struct question *q)
{
    bool total = strcmp(q->kind, "ewsum") == 0;
    long double weights = 0, sum = 0, spread = 0, weight[DEFINED_SLOTS_MAX];
    int64_t from_ms = total || q->n == 0 ? q->event.time_ms : q->with[q->n - 1].time_ms;
    for (uint32_t i = 0; i < q->n; i++) {
        weight[i] = exp2l((q->with[i].time_ms - from_ms) / 1000.0L / q->parameter);
        weights += weight[i];
        sum += weight[i] * q->with[i].x.number;
    }
    if (total)
        return found_number(sum, 1e-12 * q->largest * (q->n + 1.0));
    if (q->n == 0)
        return found_nothing();
    if (strcmp(q->kind, "ewma") == 0)
        return found_number(sum / weights, 1e-12 * q->largest * q->n);
    for (uint32_t i = 0; i < q->n; i++)
        spread += weight[i] * powl(q->with[i].x.number - sum / weights, 2);
    return found_number(sqrtl(spread / weights), 1e-6 * q->largest);
}

static inline struct defined defined_order(const struct question *q)
{
    uint32_t below = 0, equal = 0;
    if (q->n == 0 || !q->event.has_x)
        return found_nothing();
    for (uint32_t i = 0; i < q->n; i++) {
        below += x_is_less(q, q->with[i].x, q->event.x);
        equal += !x_is_less(q, q->with[i].x, q->event.x) && !x_is_less(q, q->event.x, q->with[i].x);
    }
    return found_number((below + equal / 2.0L) / q->n, 1e-15);
}

static inline struct defined defined_heavy(const struct question *q)
{
    uint32_t own = 0, more = 0;
    if (!q->event.has_x)
        return found_nothing();
    for (uint32_t i = 0; i < q->n; i++)
        own += !x_is_less(q, q->with[i].x, q->event.x) && !x_is_less(q, q->event.x, q->with[i].x);
    for (uint32_t i = 0; i < q->n; i++)
        more += is_first_of(q, i) && times_of(q, i) > own;
    return found_number(own > 0 && more < q->parameter, 0);
}

static inline struct defined defined_mode(const struct question *q)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < q->n; i++)
        if (times_of(q, i) > times_of(q, best) ||
            (times_of(q, i) == times_of(q, best) && x_is_less(q, q->with[i].x, q->with[best].x)))
            best = i;
    return (struct defined){.found = q->n > 0, .value = q->with[best].x};
}

static inline struct defined defined_entropy(const struct question *q)
{
    long double entropy = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        long double share = (long double)times_of(q, i) / q->n;
        entropy -= is_first_of(q, i) ? share * logl(share) : 0;
    }
    return q->n ? found_number(entropy, 1e-8) : found_nothing();
}

static inline struct defined defined_distinct(const struct question *q)
{
    uint32_t different = 0;
    for (uint32_t i = 0; i < q->n; i++)
        different += is_first_of(q, i);
    return found_number(different, 0);
}

static inline struct defined defined_extreme(const struct question *q, bool greatest)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < q->n; i++)
        if (greatest ? x_is_less(q, q->with[best].x, q->with[i].x)
                     : x_is_less(q, q->with[i].x, q->with[best].x))
            best = i;
    return (struct defined){.found = q->n > 0, .value = q->with[best].x};
}

static inline struct defined defined_range(const struct question *q)
{
    if (q->n == 0)
        return found_nothing();
    return found_number((long double)defined_extreme(q, true).value.number -
                            defined_extreme(q, false).value.number,
                        1e-15 * q->largest);
}

static inline struct defined defined_streak(const struct question *q)
{
    uint32_t row = 0;
    while (row < q->count && q->slot[q->count - 1 - row].has_x &&
           q->slot[q->count - 1 - row].x.number == 1)
        row++;
    return found_number(row, 0);
}

static inline struct defined defined_z(const struct question *q)
{
    if (q->n < 2 || all_equal(q) || !q->event.has_x)
        return found_nothing();
    long double z = (q->event.x.number - q->mean) / sqrtl(q->spread / (q->n - 1));
    return found_number(z, 1e-8 * (1 + fabs((double)z)));
}

static inline struct defined defined_slot_x(const struct defined_slot *slot)
{
    return (struct defined){.found = slot->has_x, .value = slot->x};
}

/* Those that are sums, or nearly. */
static inline struct defined defined_moment(const struct question *q)
{
    const char *kind = q->kind;
    double scale = 1e-14 * q->largest, square = q->largest * q->largest;
    if (strcmp(kind, "count") == 0)
        return found_number(q->bare ? q->count : q->n, 0);
    if (strcmp(kind, "sum") == 0)
        return found_number(q->sum, scale);
    if (strcmp(kind, "rate") == 0)
        return found_number(
            (q->bare ? (long double)q->count : q->sum) * 1000 / (long double)q->over_ms, scale);
    if (strcmp(kind, "mean") == 0 || strcmp(kind, "share") == 0)
        return q->n ? found_number(q->mean, scale) : found_nothing();
    if (q->n < 2)
        return found_nothing();
    long double variance = q->spread / (q->n - 1);
    if (strcmp(kind, "variance") == 0)
        return found_number(variance, 1e-9 * (double)variance + 1e-20 * square);
    return found_number(sqrtl(variance), 1e-9 * q->largest);
}

static inline void question_prepare(struct question *q)
{
    q->n = 0;
    q->sum = q->spread = q->mean = 0;
    q->largest = 0;
    for (uint32_t i = 0; i < q->count; i++)
        if (q->slot[i].has_x)
            q->with[q->n++] = q->slot[i];
    if (q->is_key)
        return;
    for (uint32_t i = 0; i < q->n; i++) {
        q->sum += q->with[i].x.number;
        q->largest =
            fabs(q->with[i].x.number) > q->largest ? fabs(q->with[i].x.number) : q->largest;
    }
    q->mean = q->n ? q->sum / q->n : 0;
    for (uint32_t i = 0; i < q->n; i++)
        q->spread += (q->with[i].x.number - q->mean) * (q->with[i].x.number - q->mean);
}

static inline struct defined defined_as(struct question *q)
{
    const char *kind = q->kind;
    uint32_t last = q->count - 1;
    question_prepare(q);
    if (strcmp(kind, "skewness") == 0)
        return defined_skewness(q);
    if (strcmp(kind, "trend") == 0)
        return defined_trend(q);
    if (strcmp(kind, "correlation") == 0)
        return defined_correlation(q);
    if (strncmp(kind, "ew", 2) == 0)
        return defined_decayed(q);
    if (strcmp(kind, "rank") == 0)
        return defined_order(q);
    if (strcmp(kind, "heavy") == 0)
        return defined_heavy(q);
    if (strcmp(kind, "mode") == 0)
        return defined_mode(q);
    if (strcmp(kind, "entropy") == 0)
        return defined_entropy(q);
    if (strcmp(kind, "distinct") == 0)
        return defined_distinct(q);
    if (strcmp(kind, "min") == 0 || strcmp(kind, "max") == 0)
        return defined_extreme(q, kind[1] == 'a');
    if (strcmp(kind, "range") == 0)
        return defined_range(q);
    if (strcmp(kind, "median") == 0)
        return defined_quantile(q, 0.5);
    if (strcmp(kind, "quantile") == 0)
        return defined_quantile(q, q->parameter);
    if (strcmp(kind, "streak") == 0)
        return defined_streak(q);
    if (strcmp(kind, "z") == 0)
        return defined_z(q);
    if (strcmp(kind, "new") == 0)
        return found_number(q->count == 0, 0);
    if (strcmp(kind, "age") == 0 || strcmp(kind, "since") == 0)
        return q->count ? found_number((q->event.time_ms - q->slot[last].time_ms) / 1000.0L, 1e-12)
                        : found_nothing();
    if (strcmp(kind, "silence") == 0)
        return found_number(
            q->count && q->event.time_ms - q->slot[last].time_ms >= q->parameter * 1000, 0);
    if (strcmp(kind, "first") == 0)
        return q->count ? defined_slot_x(&q->slot[0]) : found_nothing();
    if (strcmp(kind, "previous") == 0 && q->parameter > 1)
        return q->count == q->parameter ? defined_slot_x(&q->slot[0]) : found_nothing();
    if (strcmp(kind, "last") == 0 || strcmp(kind, "previous") == 0)
        return q->count ? defined_slot_x(&q->slot[last]) : found_nothing();
    return defined_moment(q);
}

#endif
