/* sum(x): the total; 0 of nothing. */
#include "features/aggregate.h"

static double sum_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    return moments->sum;
}

const struct aggregate_kind sum_aggregate = {
    .name = "sum",
    .signature = "sum(x)",
    .summary = "total of x, 0 of nothing",
    .argument = {{.types = TAKES_NUMBER}},
    .needs = NEEDS_COUNT | NEEDS_SUM,
    .finish = sum_finish,
    .finish_is = FINISH_SUM,
};
