/* max(x): the greatest x; missing of nothing. */
#include "features/extreme.h"

enum { SIGN = 1 };

static void max_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    extreme_add(value, slot, SIGN);
}

static void max_remove(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    extreme_remove(value, slot);
}

static bool max_undo(void *value, const struct slot_view *slots, uint32_t count)
{
    return extreme_undo(value, slots, count);
}

static bool max_read(void *value, const struct slot_view *event, const struct window_span *span,
                     struct window_view *window, union value *result)
{
    (void)event, (void)span;
    return extreme_read(value, window, SIGN, result);
}

static void max_join(void *value, const void *newer)
{
    extreme_join(value, newer, SIGN);
}

static bool max_define(const struct slot_view *slots, uint32_t count, const struct slot_view *event,
                       const struct window_span *span, uint64_t *scratch, union value *result)
{
    (void)event, (void)span, (void)scratch;
    return extreme_define(slots, count, SIGN, result);
}

const struct aggregate_kind max_aggregate = {
    .name = "max",
    .signature = "max(x)",
    .summary = "greatest x",
    .argument = {{.types = TAKES_ORDERED}},
    .result = RESULT_ARGUMENT,
    .value_size = sizeof(struct extreme),
    .extremes = true,
    .add = max_add,
    .remove = max_remove,
    .join = max_join,
    .undo = max_undo,
    .read = max_read,
    .define = max_define,
};
