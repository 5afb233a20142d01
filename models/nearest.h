/* How far the newest stretch of a series is from the nearest earlier one of the same length: what
 * the matrix profile holds, to the left only, as events come (Yeh et al., "Matrix Profile I", 2016;
 * "left discords": Lu, Wu, Mueen, Zuluaga and Keogh, "DAMP: Accurate Time Series Anomaly Detection
 * on Trillions of Datapoints and Ultra-Fast Arriving Data Streams", 2022).
 *
 * With stretches of m values, for every lag l up to `history`, the squared distance of the stretch
 * that ends now from the one that ends l values earlier,
 *
 *     d[l] = sum over i < m of (x[t - i] - x[t - l - i])^2,
 *
 * follows from the one before by one term that comes in and one that leaves.  Lags below m overlap
 * and do not count.  What rounding leaves behind is cleared by computing a few lags afresh at every
 * value.  Before the first value the series is taken for constant; stretches from there do not
 * count either.
 *
 * Normalised distances (each stretch less its mean, divided by its deviation) follow from the same
 * sums, with mean u and deviation s of both stretches (' the earlier one's):
 *
 *     correlation = (s^2 + s'^2 + (u - u')^2 - d / m) / (2 s s'),   distance^2 = 2 m (1 -
 * correlation)
 */
#ifndef MODELS_NEAREST_H
#define MODELS_NEAREST_H

#include <stdbool.h>
#include <stdint.h>

/* Lags are worked on so many at once: `history` is a multiple of it. */
enum { NEAREST_LANES = 8 };

static inline uint64_t nearest_whole(uint64_t history)
{
    return (history + NEAREST_LANES - 1) / NEAREST_LANES * NEAREST_LANES;
}

/* The newest values, the latest first: from `at` on, each twice, so that any stretch is contiguous.
 * Shared by the lengths that look at one series. */
struct trail {
    uint64_t room, at, seen;
    double value[]; /* (2 room) */
};

/* The distances of one length. */
struct nearest {
    uint64_t length, history;
    uint64_t hand;     /* the next lag to be computed afresh */
    double distance[]; /* (history), squared: of lag i + 1 */
};

/* The trail needs room for history + length values of whoever looks furthest. */
uint64_t trail_size(uint64_t room);
void trail_init(struct trail *trail, uint64_t room);
void trail_learn(struct trail *trail, double x);

static inline double trail_value(const struct trail *trail, uint64_t ago)
{
    return trail->value[trail->at + ago];
}

/* Of `count` values, the newest of them `ago` values back. */
double trail_sum(const struct trail *trail, uint64_t ago, uint64_t count);

uint64_t nearest_size(uint64_t history);
void nearest_init(struct nearest *nearest, uint64_t length, uint64_t history);

/* Mean and deviation of the stretch that ends now, and of those that ended 1, 2, ... values ago. */
struct normal {
    double mean, deviation;
    const double *earlier_mean, *earlier_deviation; /* (history) */
};

/* Of the stretch that x would end, by the trail without it: the distance from the nearest earlier
 * one, normalised if `normal` is given; NaN while there is none. */
double nearest_distance(const struct nearest *nearest, const struct trail *trail, double x,
                        const struct normal *normal);

/* The same, and x has come: before trail_learn. */
double nearest_learn(struct nearest *nearest, const struct trail *trail, double x,
                     const struct normal *normal);

/* The lags that count when x comes: from first to last, none if first > last. */
struct lags {
    uint64_t first, last;
};

static inline struct lags nearest_lags(const struct nearest *nearest, const struct trail *trail)
{
    uint64_t whole = trail->seen + 1 >= nearest->length ? trail->seen + 1 - nearest->length : 0;
    return (struct lags){nearest->length, whole < nearest->history ? whole : nearest->history};
}

#endif
