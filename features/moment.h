/* Sums that values can be taken out of again.  A sum is an unevaluated pair of doubles, high + low,
 * kept by Knuth's two_sum (TAOCP 2, 4.2.2) and Dekker's renormalisation ("A floating-point
 * technique for extending the available precision", 1971):
 *
 *     s = fl(a + b),  e = (a - (s - (s - a))) + (b - (s - a)):   a + b = s + e exactly.
 *
 * That is 106 bits: what entered and left again leaves an error of 2^-105 of the largest sum there
 * was. That is far below the last bit of a double, unless what leaves is 2^50 times what stays;
 * then moment_doubtful says so and the sums are taken again.  An empty window is exactly zero: it
 * is reset.
 *
 * A moment is 1, 3 or 5 doubles: | count | sum, rest | squares, rest |, as far as it is needed. */
#ifndef FEATURES_MOMENT_H
#define FEATURES_MOMENT_H

#include "features/aggregate.h"
#include <math.h>
#include <string.h>

enum { MOMENT_COUNT = 0, MOMENT_SUM = 1, MOMENT_SQUARES = 3, MOMENT_CELLS_MAX = 5 };

static inline uint32_t moment_size(uint32_t needs)
{
    uint32_t cells = needs & NEEDS_SQUARES ? 5 : needs & NEEDS_SUM ? 3 : 1;
    return cells * (uint32_t)sizeof(double);
}

/* pair += value + rest, |rest| no more than an ulp of value. */
static inline void pair_add(double pair[2], double value, double rest)
{
    double sum = pair[0] + value;
    double shadow = sum - pair[0];
    double error = (pair[0] - (sum - shadow)) + (value - shadow);
    double low = pair[1] + error + rest;
    double high = sum + low;
    pair[1] = low - (high - sum);
    pair[0] = high;
}

/* value * value = square + rest exactly (by a fused multiply-add). */
static inline double square_exactly(double value, double *rest)
{
    double square = value * value;
    *rest = fma(value, value, -square);
    return square;
}

/* Most windows of most entities hold one event at most: the first and the last need no arithmetic.
 */
static inline void moment_add(double *moment, uint32_t needs, double value)
{
    bool first = moment[MOMENT_COUNT] == 0;
    moment[MOMENT_COUNT] += 1;
    if (needs & (NEEDS_SUM | NEEDS_SQUARES)) {
        if (first)
            moment[MOMENT_SUM] = value;
        else
            pair_add(moment + MOMENT_SUM, value, 0);
    }
    if (needs & NEEDS_SQUARES) {
        double rest, square = square_exactly(value, &rest);
        pair_add(moment + MOMENT_SQUARES, square, rest);
    }
}

static inline void moment_remove(double *moment, uint32_t needs, double value)
{
    if (moment[MOMENT_COUNT] == 1) {
        memset(moment, 0, moment_size(needs));
        return;
    }
    moment[MOMENT_COUNT] -= 1;
    if (needs & (NEEDS_SUM | NEEDS_SQUARES))
        pair_add(moment + MOMENT_SUM, -value, 0);
    if (needs & NEEDS_SQUARES) {
        double rest, square = square_exactly(value, &rest);
        pair_add(moment + MOMENT_SQUARES, -square, -rest);
    }
}

/* After `value` was removed: could what is left have lost bits to it?  True for NaN as well, so
 * that a sum that once overflowed recovers. */
static inline bool moment_doubtful(const double *moment, uint32_t needs, double value)
{
    if (moment[MOMENT_COUNT] == 0)
        return false;
    if (needs & (NEEDS_SUM | NEEDS_SQUARES) && !(fabs(value) <= 0x1p50 * fabs(moment[MOMENT_SUM])))
        return true;
    return needs & NEEDS_SQUARES && !(value * value <= 0x1p50 * moment[MOMENT_SQUARES]);
}

/* The cells as a kind's `finish` sees them; it reads no more of them than it needs. */
static inline const struct moments *moment_show(const double *moment)
{
    return (const struct moments *)moment;
}

#endif
