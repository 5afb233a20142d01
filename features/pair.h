/* Arithmetic with 106 bits: a number is an unevaluated pair of doubles, high + low, kept by Knuth's
 * two_sum (TAOCP 2, 4.2.2) and Dekker's renormalisation ("A floating-point technique for extending
 * the available precision", 1971):
 *
 *     s = fl(a + b),  e = (a - (s - (s - a))) + (b - (s - a)):   a + b = s + e exactly.
 *
 * What entered a sum and left again leaves an error of 2^-105 of the largest sum there was. */
#ifndef FEATURES_PAIR_H
#define FEATURES_PAIR_H

#include <math.h>
#include <stdbool.h>

struct pair {
    double high, low;
};

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

static inline struct pair pair_sum(struct pair left, struct pair right)
{
    double cells[2] = {left.high, left.low};
    pair_add(cells, right.high, right.low);
    return (struct pair){cells[0], cells[1]};
}

static inline struct pair pair_difference(struct pair left, struct pair right)
{
    return pair_sum(left, (struct pair){-right.high, -right.low});
}

static inline struct pair pair_product(struct pair left, struct pair right)
{
    double high = left.high * right.high;
    double low = fma(left.high, right.high, -high);
    low += left.high * right.low + left.low * right.high;
    double sum = high + low;
    return (struct pair){sum, low - (sum - high)};
}

static inline struct pair pair_scale(struct pair pair, double factor)
{
    return pair_product(pair, (struct pair){factor, 0});
}

/* left * right, both doubles: exact. */
static inline struct pair pair_of_product(double left, double right)
{
    double high = left * right;
    return (struct pair){high, fma(left, right, -high)};
}

/* value^3 to 106 bits. */
static inline double cube_exactly(double value, double *rest)
{
    struct pair cube = pair_scale(pair_of_product(value, value), value);
    *rest = cube.low;
    return cube.high;
}

/* a n - s t: a sum of squares or products less what the means make of it, n^2 times a covariance.
 */
static inline struct pair pair_spread(struct pair a, double n, struct pair s, struct pair t)
{
    return pair_difference(pair_scale(a, n), pair_product(s, t));
}

/* Is a spread nothing but what rounding left of equal values?  Below 2^-90 of what was subtracted
 * values agree in all of their first 13 digits. */
static inline bool pair_is_none(struct pair spread, struct pair whole)
{
    return !(spread.high > 0x1p-90 * fabs(whole.high));
}

/* After `left` was taken out of the sum: are its bits still there?  Not if what left was 2^50 times
 * what stays.  A sum that has overflowed is worth another look only when one of those leaves that
 * can have done it: of the 2^24 that a window holds at most, one above 2^998.  Otherwise a single
 * huge value would have all slots read again for each that leaves while it stays. */
static inline bool sum_keeps(double sum, double left)
{
    if (isfinite(sum))
        return left == 0 || fabs(left) <= 0x1p50 * fabs(sum);
    return fabs(left) < 0x1p998;
}

static inline bool pair_keeps(struct pair sum, double left)
{
    return sum_keeps(sum.high, left);
}

#endif
