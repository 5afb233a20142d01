/* heavy(x, k): is the event's own x among the k most frequent of the window?  It is if it occurs
 * there and fewer than k different values occur more often; so values that are equally frequent are
 * in together.  Missing without an x. */
#include "features/aggregate.h"

static bool heavy_ask(const struct values *values, const struct slot_view *event,
                      const struct window_span *span, union value *result)
{
    uint64_t most = (uint64_t)span->parameter;
    if (slot_misses(event, 0))
        return false;
    uint64_t equal = values_frequency(values, event->argument[0]);
    result->number = equal > 0 && values_more_frequent(values, equal, most) < most;
    return true;
}

const struct aggregate_kind heavy_aggregate = {
    .name = "heavy",
    .signature = "heavy(x, k)",
    .summary = "whether the event's x is among the k most frequent (needs over)",
    .argument = {{.types = TAKES_ANY}},
    .parameter = {.name = "k", .type = PARAMETER_WHOLE, .least = 1, .most = 1000},
    .result = RESULT_BOOLEAN,
    .needs_span = true,
    .ask = heavy_ask,
    .counts = true,
};
