/* new(x): is this the first event of the entity with this x?  It is the count of the entity (keys
 * of `by`, x) before the event, so it costs a row for each pair instead of a list for each entity.
 * Pairs that memory did not suffice for are new again. */
#include "features/aggregate.h"

static double new_finish(const struct moments *moments, const struct window_span *span)
{
    (void)span;
    return moments->count == 0;
}

const struct aggregate_kind new_aggregate = {
    .name = "new",
    .signature = "new(x)",
    .summary = "whether the entity is seen with this x for the first time",
    .argument = {{.types = TAKES_ANY, .role = ARGUMENT_KEY}},
    .result = RESULT_BOOLEAN,
    .looks_back = true,
    .needs_bare = NEEDS_COUNT,
    .finish = new_finish,
};
