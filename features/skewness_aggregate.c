/* skewness(x): the sample skewness (adjusted Fisher-Pearson, as pandas and spreadsheets have it),
 * missing below three values and when all are equal:
 *
 *     sqrt(n (n - 1)) / (n - 2) * m3 / m2^(3/2)
 *
 * Joanes and Gill, "Comparing measures of sample skewness and kurtosis", 1998. */
#include "features/spread.h"

/* n^3 m3. */
static double third(const struct moments *moments)
{
    double n = moments->count;
    struct pair s = moments_sum(moments);
    struct pair q = {moments->squares, moments->squares_rest};
    struct pair c = {moments->cubes, moments->cubes_rest};
    struct pair whole = pair_scale(pair_scale(c, n), n);
    struct pair mixed = pair_scale(pair_product(s, q), 3 * n);
    struct pair cube = pair_scale(pair_product(pair_product(s, s), s), 2);
    return pair_sum(pair_difference(whole, mixed), cube).high;
}

static double skewness_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    double n = moments->count;
    if (n < 3 || moments_are_equal(moments))
        return MISSING;
    double spread = moments_spread(moments).high; /* the powers of n cancel */
    return sqrt(n * (n - 1)) / (n - 2) * third(moments) / (spread * sqrt(spread));
}

const struct aggregate_kind skewness_aggregate = {
    .name = "skewness",
    .signature = "skewness(x)",
    .summary = "sample skewness of x, missing below three values",
    .argument = {{.types = TAKES_NUMBER}},
    .needs = NEEDS_COUNT | NEEDS_SUM | NEEDS_SQUARES | NEEDS_CUBES,
    .finish = skewness_finish,
};
