/* What the kinds that finish a spread share: the central moments of the sums S, Q, C of x, x^2,
 * x^3.
 *
 *     n^2 m2 = n Q - S^2
 *     n^3 m3 = n^2 C - 3 n S Q + 2 S^3
 *
 * The differences cancel almost everything when the spread is small beside the mean, which is why
 * the sums carry 106 bits and the differences are taken in them too: a spread of 1e-9 of the mean
 * still has about 12 right digits. */
#ifndef FEATURES_SPREAD_H
#define FEATURES_SPREAD_H

#include "features/aggregate.h"
#include "features/pair.h"

static inline struct pair moments_sum(const struct moments *moments)
{
    return (struct pair){moments->sum, moments->sum_rest};
}

/* n^2 m2; NaN when the sums have overflowed. */
static inline struct pair moments_spread(const struct moments *moments)
{
    struct pair squares = {moments->squares, moments->squares_rest};
    return pair_spread(squares, moments->count, moments_sum(moments), moments_sum(moments));
}

/* The sample variance (n - 1), missing below two values. */
static inline double moments_variance(const struct moments *moments)
{
    double n = moments->count;
    if (n < 2)
        return MISSING;
    double spread = moments_spread(moments).high;
    return spread > 0 ? spread / (n * (n - 1)) : spread <= 0 ? 0 : MISSING;
}

/* Are all values the same, as far as 13 digits tell?  Then nothing can be divided by their spread.
 */
static inline bool moments_are_equal(const struct moments *moments)
{
    struct pair squares = {moments->squares, moments->squares_rest};
    return pair_is_none(moments_spread(moments), pair_scale(squares, moments->count));
}

#endif
