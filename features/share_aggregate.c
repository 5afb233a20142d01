/* share(condition): which part of the events satisfies it; missing of nothing. */
#include "features/aggregate.h"

static double share_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    return moments->count > 0 ? moments->sum / moments->count : MISSING;
}

const struct aggregate_kind share_aggregate = {
    .name = "share",
    .signature = "share(condition)",
    .summary = "part of the events that satisfy the condition, 0 to 1",
    .argument = {{.types = TAKES_CONDITION}},
    .needs = NEEDS_COUNT | NEEDS_SUM,
    .finish = share_finish,
};
