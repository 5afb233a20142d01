/* sd(x): the sample standard deviation, missing below two values.
 *
 *     sd^2 = (n Q - S^2) / (n (n - 1)),   S = sum of x,  Q = sum of x^2
 *
 * The difference cancels almost everything when the spread is small beside the mean, which is why S
 * and Q carry 106 bits and the difference is taken in them too: a spread of 1e-9 of the mean still
 * has about 12 right digits. */
#include "features/moment.h"

/* a n - s^2, where a and s are pairs. */
static double difference_of_products(const double a[2], double n, const double s[2])
{
    double product[2] = {0};
    double rest, part = a[0] * n;
    pair_add(product, part, fma(a[0], n, -part));
    pair_add(product, a[1] * n, 0);
    part = square_exactly(s[0], &rest);
    pair_add(product, -part, -rest);
    pair_add(product, -2 * s[0] * s[1], 0);
    return product[0];
}

static double sd_finish(const struct moments *moments, int64_t span_ms, bool has_argument)
{
    (void)span_ms, (void)has_argument;
    double n = moments->count;
    if (n < 2)
        return MISSING;
    double squares[2] = {moments->squares, moments->squares_rest};
    double sum[2] = {moments->sum, moments->sum_rest};
    double spread = difference_of_products(squares, n, sum);
    return spread > 0 ? sqrt(spread / (n * (n - 1))) : spread <= 0 ? 0 : MISSING;
}

const struct aggregate_kind sd_aggregate = {
    .name = "sd",
    .signature = "sd(x)",
    .summary = "sample standard deviation of x (n - 1), missing below two values",
    .argument = {{.types = TAKES_NUMBER}},
    .needs = NEEDS_COUNT | NEEDS_SUM | NEEDS_SQUARES,
    .finish = sd_finish,
};
