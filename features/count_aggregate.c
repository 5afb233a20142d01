/* count() and count(x): how many events, how many of them with an x. */
#include "features/aggregate.h"

static double count_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    return moments->count;
}

const struct aggregate_kind count_aggregate = {
    .name = "count",
    .signature = "count([x])",
    .summary = "number of events; of those with an x",
    .argument = {{.types = TAKES_ANY, .optional = true}},
    .needs = NEEDS_COUNT,
    .needs_bare = NEEDS_COUNT,
    .finish = count_finish,
    .finish_is = FINISH_COUNT,
};
