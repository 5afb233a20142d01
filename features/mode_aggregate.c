/* mode(x): the most frequent x, of several the least (of texts the least hash: one of them, always
 * the same); missing of nothing. */
#include "features/aggregate.h"

static bool mode_ask(const struct values *values, const struct slot_view *event,
                     const struct window_span *span, union value *result)
{
    (void)event, (void)span;
    if (values_count(values) == 0)
        return false;
    *result = values_mode(values);
    return true;
}

const struct aggregate_kind mode_aggregate = {
    .name = "mode",
    .signature = "mode(x)",
    .summary = "the most frequent x (needs over)",
    .argument = {{.types = TAKES_ANY}},
    .result = RESULT_ARGUMENT,
    .needs_span = true,
    .ask = mode_ask,
    .modes = true,
    .counts = true,
};
