/* mean(x): the arithmetic mean; missing of nothing. */
#include "features/aggregate.h"

static double mean_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    return moments->count > 0 ? moments->sum / moments->count : MISSING;
}

const struct aggregate_kind mean_aggregate = {
    .name = "mean",
    .signature = "mean(x)",
    .summary = "arithmetic mean of x",
    .argument = {{.types = TAKES_NUMBER}},
    .needs = NEEDS_COUNT | NEEDS_SUM,
    .finish = mean_finish,
    .finish_is = FINISH_MEAN,
};
