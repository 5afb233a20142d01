/* range(x): the greatest x less the least; missing of nothing. */
#include "features/aggregate.h"

static bool range_ask(const struct values *values, const struct slot_view *event,
                      const struct window_span *span, union value *result)
{
    (void)event, (void)span;
    return values_range(values, &result->number);
}

const struct aggregate_kind range_aggregate = {
    .name = "range",
    .signature = "range(x)",
    .summary = "greatest x less the least (needs over)",
    .argument = {{.types = TAKES_ORDERED}},
    .needs_span = true,
    .ask = range_ask,
    .ranges = true,
};
