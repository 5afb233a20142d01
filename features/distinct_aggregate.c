/* distinct(x): how many different x. */
#include "features/aggregate.h"

static bool distinct_ask(const struct values *values, const struct slot_view *event,
                         const struct window_span *span, union value *result)
{
    (void)event, (void)span;
    result->number = values_distinct(values);
    return true;
}

const struct aggregate_kind distinct_aggregate = {
    .name = "distinct",
    .signature = "distinct(x)",
    .summary = "number of different x (needs over)",
    .argument = {{.types = TAKES_ANY}},
    .needs_span = true,
    .ask = distinct_ask,
    .sketches = true,
};
