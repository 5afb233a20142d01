/* sd(x): the sample standard deviation, missing below two values; see spread.h. */
#include "features/spread.h"

static double sd_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    return sqrt(moments_variance(moments));
}

const struct aggregate_kind sd_aggregate = {
    .name = "sd",
    .signature = "sd(x)",
    .summary = "sample standard deviation of x (n - 1), missing below two values",
    .argument = {{.types = TAKES_NUMBER}},
    .needs = NEEDS_COUNT | NEEDS_SUM | NEEDS_SQUARES,
    .finish = sd_finish,
};
