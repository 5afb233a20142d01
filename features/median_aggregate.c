/* median(x): the middle value, or the mean of the two in the middle; missing of nothing. */
#include "features/aggregate.h"

static bool median_ask(const struct values *values, const struct slot_view *event,
                       const struct window_span *span, union value *result)
{
    (void)event, (void)span;
    if (values_count(values) == 0)
        return false;
    result->number = values_quantile(values, 0.5);
    return true;
}

const struct aggregate_kind median_aggregate = {
    .name = "median",
    .signature = "median(x)",
    .summary = "the middle x; of an even number the mean of the two in the middle (needs over)",
    .argument = {{.types = TAKES_NUMBER}},
    .needs_span = true,
    .ask = median_ask,
    .orders = true,
};
