/* z(x): by how many standard deviations the event's own x differs from the mean of the events
 * before it; missing while there are less than two, or all are equal.  The difference is taken in
 * 106 bits too: n x - S. */
#include "features/spread.h"

static double z_finish(const struct moments *moments, const struct window_span *span)
{
    double n = moments->count;
    if (n < 2 || moments_are_equal(moments))
        return MISSING;
    struct pair own = pair_of_product(n, span->own);
    double distance = pair_difference(own, moments_sum(moments)).high / n;
    return distance / sqrt(moments_variance(moments));
}

const struct aggregate_kind z_aggregate = {
    .name = "z",
    .signature = "z(x)",
    .summary = "standard score of the event's x among the x before it",
    .argument = {{.types = TAKES_NUMBER}},
    .looks_back = true,
    .needs = NEEDS_COUNT | NEEDS_SUM | NEEDS_SQUARES,
    .finish = z_finish,
};
