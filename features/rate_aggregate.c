/* rate() and rate(x): events, or the total of x, per second of the span. */
#include "base/calendar.h"
#include "features/aggregate.h"

static double rate_finish(const struct moments *moments, int64_t span_ms, bool has_argument)
{
    double amount = has_argument ? moments->sum : moments->count;
    return amount * SECOND_MS / (double)span_ms;
}

const struct aggregate_kind rate_aggregate = {
    .name = "rate",
    .signature = "rate([x])",
    .summary = "events, or total of x, per second of the span",
    .argument = {{.types = TAKES_NUMBER, .optional = true}},
    .needs_span = true,
    .needs_duration = true,
    .needs = NEEDS_COUNT | NEEDS_SUM,
    .needs_bare = NEEDS_COUNT,
    .finish = rate_finish,
};
