/* Distances from the nearest earlier stretch of a series; see nearest.h. */
#include "models/nearest.h"
#include "base/assert.h"
#include "models/numbers.h"
#include <math.h>
#include <stddef.h>

/* Two vectors at a time, so that the search for the least has two chains. */
enum { LANES = 4, CHAINS = NEAREST_LANES / LANES, AFRESH = 4 };

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

/* In eight lanes, so that additions need not wait for each other. */
double trail_sum(const struct trail *trail, uint64_t ago, uint64_t count)
{
    const double *value = &trail->value[trail->at + ago];
    double lane[NUMBERS_LANES] = {0}, sum = 0;
    uint64_t whole = count / NUMBERS_LANES * NUMBERS_LANES;
    for (uint64_t i = 0; i < whole; i += NUMBERS_LANES) {
        for (uint64_t j = 0; j < NUMBERS_LANES; j++)
            lane[j] += value[i + j];
    }
    for (uint64_t j = 0; j < NUMBERS_LANES; j++)
        sum += lane[j];
    for (uint64_t i = whole; i < count; i++)
        sum += value[i];
    return sum;
}

uint64_t nearest_size(uint64_t history)
{
    return sizeof(struct nearest) + history * sizeof(double);
}

void nearest_init(struct nearest *nearest, uint64_t length, uint64_t history)
{
    ASSERT(length > 0 && history >= length && history % NEAREST_LANES == 0);
    nearest->length = length;
    nearest->history = history;
}

static inline lanes_of_double lanes_at(const double *at)
{
    return *(const lanes_of_double *)(const void *)at;
}

/* Moves the distances of LANES lags on by x: one term comes, one leaves. */
static inline lanes_of_double moved(lanes_of_double distance, const double *earlier, double x,
                                    const double *leaving, double left)
{
    lanes_of_double come = x - lanes_at(earlier);
    lanes_of_double gone = left - lanes_at(leaving);
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
    lanes_of_double mean = lanes_at(normal->earlier_mean + at);
    lanes_of_double deviation = lanes_at(normal->earlier_deviation + at);
    lanes_of_double apart = normal->mean - mean, product = normal->deviation * deviation;
    lanes_of_double correlation = (normal->deviation * normal->deviation + deviation * deviation +
                                   apart * apart - distance / length) /
                                  (2 * product);
    lanes_of_double none = {0}, both = {1, 1, 1, 1};
    if (!(normal->deviation > 0))
        none = chosen(deviation > none, none, both);
    correlation = chosen(product > (lanes_of_double){0}, correlation, none);
    return 2 * length * (1 - correlation);
}

static double least_of(lanes_of_double best)
{
    double least = best[0];
    for (int i = 1; i < LANES; i++)
        least = best[i] < least ? best[i] : least;
    return least;
}

/* Distances of lags that do not count are infinite; the first one's lag is at + 1. */
static lanes_of_double counted(lanes_of_double distance, uint64_t at, struct lags lags)
{
    for (uint64_t lane = 0; lane < LANES; lane++) {
        bool counts = at + lane + 1 >= lags.first && at + lane + 1 <= lags.last;
        distance[lane] = counts ? distance[lane] : (double)INFINITY;
    }
    return distance;
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
    lanes_of_double best[CHAINS];
    for (int chain = 0; chain < CHAINS; chain++)
        best[chain] = (lanes_of_double){INFINITY, INFINITY, INFINITY, INFINITY};
    for (uint64_t i = 0; i < nearest->history; i += NEAREST_LANES) {
#pragma GCC unroll 2
        for (uint64_t chain = 0; chain < CHAINS; chain++) {
            uint64_t at = i + chain * LANES;
            const double *old = nearest->distance + at;
            lanes_of_double distance = moved(lanes_at(old), newest + at, x, leaving + at, left);
            if (into)
                *(lanes_of_double *)(void *)(into + at) = distance;
            if (normal)
                distance = normalised(distance, normal, at, length);
            if (at + 1 < lags.first || at + LANES > lags.last)
                distance = counted(distance, at, lags);
            best[chain] = chosen(distance < best[chain], distance, best[chain]);
        }
    }
    double least = least_of(chosen(best[0] < best[1], best[0], best[1]));
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
