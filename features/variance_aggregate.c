/* variance(x): the sample variance, missing below two values; see spread.h. */
#include "features/spread.h"

static double variance_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    return moments_variance(moments);
}

const struct aggregate_kind variance_aggregate = {
    .name = "variance",
    .signature = "variance(x)",
    .summary = "sample variance of x (n - 1), missing below two values",
    .argument = {{.types = TAKES_NUMBER}},
    .needs = NEEDS_COUNT | NEEDS_SUM | NEEDS_SQUARES,
    .finish = variance_finish,
};
