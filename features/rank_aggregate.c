/* rank(x): which share of the window's values is below the event's own x, half of the equal ones
 * counted; the event itself is left out.  Missing of nothing, and without an x. */
#include "features/aggregate.h"

static bool rank_ask(const struct values *values, const struct slot_view *event,
                     const struct window_span *span, union value *result)
{
    (void)span;
    if (values_count(values) == 0 || slot_misses(event, 0))
        return false;
    result->number = values_rank(values, event->argument[0]) / (double)values_count(values);
    return true;
}

const struct aggregate_kind rank_aggregate = {
    .name = "rank",
    .signature = "rank(x)",
    .summary = "share of the x before it that lie below the event's x, 0 to 1 (needs over)",
    .argument = {{.types = TAKES_ORDERED}},
    .looks_back = true,
    .needs_span = true,
    .ask = rank_ask,
    .orders = true,
};
