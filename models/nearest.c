/* Distances from the nearest earlier stretch of a series; see nearest.h. */
#include "models/nearest.h"
#include "base/assert.h"
#include <math.h>
#include <stddef.h>

enum { LANES = 4, AFRESH = 4 };

typedef double lanes_of_double __attribute__((vector_size(8 * LANES), aligned(8)));
typedef int64_t lanes_of_64 __attribute__((vector_size(8 * LANES), aligned(8)));

uint64_t trail_size(uint64_t room)
{
    return sizeof(struct trail) + 2 * room * sizeof(double);
}

void trail_init(struct trail *trail, uint64_t room)
{
    trail->room = room;
}

static void trail_put(struct trail *trail, double x)
{
    trail->at = trail->at > 0 ? trail->at - 1 : trail->room - 1;
    trail->value[trail->at] = x;
    trail->value[trail->at + trail->room] = x;
}

void trail_learn(struct trail *trail, double x)
{
    for (uint64_t i = 1; trail->seen == 0 && i < trail->room; i++)
        trail_put(trail, x);
    trail_put(trail, x);
    trail->seen++;
}

uint64_t nearest_size(uint64_t history)
{
    return sizeof(struct nearest) + history * sizeof(double);
}

void nearest_init(struct nearest *nearest, uint64_t length, uint64_t history)
{
    ASSERT(length > 0 && history >= length && history % LANES == 0);
    nearest->length = length;
    nearest->history = history;
}

/* Moves the distances of LANES lags on by x: one term comes, one leaves. */
static inline lanes_of_double moved(lanes_of_double distance, const double *earlier, double x,
                                    const double *leaving, double left)
{
    lanes_of_double come = x - *(const lanes_of_double *)(const void *)earlier;
    lanes_of_double gone = left - *(const lanes_of_double *)(const void *)leaving;
    return distance + (come * come - gone * gone);
}

static inline lanes_of_double chosen(lanes_of_64 mask, lanes_of_double a, lanes_of_double b)
{
    return (lanes_of_double)(((lanes_of_64)a & mask) | ((lanes_of_64)b & ~mask));
}

/* Squared normalised distances out of plain ones.  A stretch without deviation is like any other of
 * its kind, and unlike all that have one. */
static inline lanes_of_double normalised(lanes_of_double distance, const struct normal *normal,
                                         uint64_t at, double length)
{
    lanes_of_double mean = *(const lanes_of_double *)(const void *)(normal->earlier_mean + at);
    lanes_of_double deviation =
        *(const lanes_of_double *)(const void *)(normal->earlier_deviation + at);
    lanes_of_double apart = normal->mean - mean, product = normal->deviation * deviation;
    lanes_of_double correlation = (normal->deviation * normal->deviation + deviation * deviation +
                                   apart * apart - distance / length) /
                                  (2 * product);
    lanes_of_double none = product - product, both = none + 1;
    if (!(normal->deviation > 0))
        none = chosen(deviation > none, none, both);
    correlation = chosen(product > product - product, correlation, none);
    return 2 * length * (1 - correlation);
}

static double least_of(lanes_of_double best)
{
    double least = best[0];
    for (int i = 1; i < LANES; i++)
        least = best[i] < least ? best[i] : least;
    return least;
}

/* The least distance of the lags that count; all are moved, and stored where `into` is given. */
static inline __attribute__((always_inline)) double
nearest_pass(const struct nearest *nearest, const struct trail *trail, double x,
             const struct normal *normal, double *into)
{
    const double *newest = &trail->value[trail->at];
    const double *leaving = newest + nearest->length;
    double left = newest[nearest->length - 1], length = (double)nearest->length;
    struct lags lags = nearest_lags(nearest, trail);
    lanes_of_double best = {INFINITY, INFINITY, INFINITY, INFINITY};
    for (uint64_t i = 0; i < nearest->history; i += LANES) {
        const lanes_of_double *old = (const lanes_of_double *)(const void *)(nearest->distance + i);
        lanes_of_double distance = moved(*old, newest + i, x, leaving + i, left);
        if (into)
            *(lanes_of_double *)(void *)(into + i) = distance;
        if (normal)
            distance = normalised(distance, normal, i, length);
        if (i + 1 >= lags.first && i + LANES <= lags.last) {
            best = chosen(distance < best, distance, best);
            continue;
        }
        for (uint64_t lane = 0; lane < LANES; lane++) {
            bool counts = i + lane + 1 >= lags.first && i + lane + 1 <= lags.last;
            best[lane] = counts && distance[lane] < best[lane] ? distance[lane] : best[lane];
        }
    }
    double least = least_of(best);
    return least < (double)INFINITY ? sqrt(least > 0 ? least : 0) : (double)NAN;
}

double nearest_distance(const struct nearest *nearest, const struct trail *trail, double x,
                        const struct normal *normal)
{
    if (trail->seen == 0)
        return (double)NAN;
    return normal ? nearest_pass(nearest, trail, x, normal, NULL)
                  : nearest_pass(nearest, trail, x, NULL, NULL);
}

/* Lag `lag` as its definition says, with x as the newest value. */
static double plain_distance(const struct nearest *nearest, const struct trail *trail, double x,
                             uint64_t lag)
{
    double difference = x - trail_value(trail, lag - 1);
    double sum = difference * difference;
    for (uint64_t i = 1; i < nearest->length; i++) {
        difference = trail_value(trail, i - 1) - trail_value(trail, lag + i - 1);
        sum += difference * difference;
    }
    return sum;
}

double nearest_learn(struct nearest *nearest, const struct trail *trail, double x,
                     const struct normal *normal)
{
    if (trail->seen == 0)
        return (double)NAN;
    double least = normal ? nearest_pass(nearest, trail, x, normal, nearest->distance)
                          : nearest_pass(nearest, trail, x, NULL, nearest->distance);
    for (int i = 0; i < AFRESH; i++) {
        uint64_t lag = nearest->hand + 1;
        nearest->distance[lag - 1] = plain_distance(nearest, trail, x, lag);
        nearest->hand = lag % nearest->history;
    }
    return least;
}
