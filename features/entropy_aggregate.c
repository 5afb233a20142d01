/* entropy(x): how evenly the x are spread over the different ones, Shannon's entropy in nats: 0 if
 * all are equal, ln n if all n differ; missing of nothing. */
#include "features/aggregate.h"

static bool entropy_ask(const struct values *values, const struct slot_view *event,
                        const struct window_span *span, union value *result)
{
    (void)event, (void)span;
    if (values_count(values) == 0)
        return false;
    result->number = values_entropy(values);
    return true;
}

const struct aggregate_kind entropy_aggregate = {
    .name = "entropy",
    .signature = "entropy(x)",
    .summary =
        "how evenly x is spread over its different values, in nats (0: all are equal) (needs over)",
    .argument = {{.types = TAKES_ANY}},
    .counts = true,
    .spreads = true,
    .needs_span = true,
    .ask = entropy_ask,
};
