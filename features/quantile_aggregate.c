/* quantile(x, q): the value that a share q of all x lies below; missing of nothing.  Between two
 * values a straight line is drawn, as numpy and pandas do; see values_quantile. */
#include "features/aggregate.h"

static bool quantile_ask(const struct values *values, const struct slot_view *event,
                         const struct window_span *span, union value *result)
{
    (void)event;
    if (values_count(values) == 0)
        return false;
    result->number = values_quantile(values, span->parameter);
    return true;
}

const struct aggregate_kind quantile_aggregate = {
    .name = "quantile",
    .signature = "quantile(x, q)",
    .summary =
        "the x that a share q of all lies below, 0 to 1, with straight lines between (needs over)",
    .argument = {{.types = TAKES_NUMBER}},
    .parameter = {.name = "q", .type = PARAMETER_NUMBER, .least = 0, .most = 1},
    .needs_span = true,
    .ask = quantile_ask,
    .orders = true,
};
