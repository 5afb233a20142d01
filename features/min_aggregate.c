/* min(x): the least x; missing of nothing. */
#include "features/extreme.h"

enum { SIGN = -1 };

static void min_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    extreme_add(value, slot, SIGN);
}

static void min_remove(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    extreme_remove(value, slot);
}

static bool min_undo(void *value, const struct slot_view *slots, uint32_t count)
{
    return extreme_undo(value, slots, count);
}

static bool min_read(void *value, const struct slot_view *event, const struct window_span *span,
                     struct window_view *window, union value *result)
{
    (void)event, (void)span;
    return extreme_read(value, window, SIGN, result);
}

static void min_join(void *value, const void *newer)
{
    extreme_join(value, newer, SIGN);
}

static bool min_define(const struct slot_view *slots, uint32_t count, const struct slot_view *event,
                       const struct window_span *span, uint64_t *scratch, union value *result)
{
    (void)event, (void)span, (void)scratch;
    return extreme_define(slots, count, SIGN, result);
}

const struct aggregate_kind min_aggregate = {
    .name = "min",
    .signature = "min(x)",
    .summary = "least x",
    .argument = {{.types = TAKES_ORDERED}},
    .result = RESULT_ARGUMENT,
    .value_size = sizeof(struct extreme),
    .extremes = true,
    .add = min_add,
    .remove = min_remove,
    .join = min_join,
    .undo = min_undo,
    .read = min_read,
    .define = min_define,
};
