/* distinct(x): how many different x.  A value counts when it enters and no other slot of the window
 * has it, and counts no more when the last slot with it leaves. */
#include "features/aggregate.h"
#include <stdlib.h>

struct distinct {
    uint64_t count;
};

/* Are there at least `wanted` slots with the value? */
static bool occurs(struct window_view *window, union value value, uint32_t wanted)
{
    struct slot_view slot;
    uint32_t seen = 0;
    window_first(window);
    while (seen < wanted && window_next(window, &slot))
        seen += !slot_misses(&slot, 0) && slot.argument[0].key == value.key;
    return seen == wanted;
}

static void distinct_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    struct distinct *distinct = value;
    if (!slot_misses(slot, 0) && !occurs(window, slot->argument[0], 2))
        distinct->count++;
}

static void distinct_remove(void *value, const struct slot_view *slot, struct window_view *window)
{
    struct distinct *distinct = value;
    if (!slot_misses(slot, 0) && !occurs(window, slot->argument[0], 1))
        distinct->count--;
}

static bool distinct_read(void *value, const struct slot_view *event,
                          const struct window_span *span, struct window_view *window,
                          union value *result)
{
    (void)event, (void)span, (void)window;
    const struct distinct *distinct = value;
    result->number = (double)distinct->count;
    return true;
}

static int words_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static bool distinct_define(const struct slot_view *slots, uint32_t count,
                            const struct slot_view *event, const struct window_span *span,
                            uint64_t *scratch, union value *result)
{
    (void)event, (void)span;
    uint32_t present = 0, different = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!slot_misses(&slots[i], 0))
            scratch[present++] = slots[i].argument[0].key;
    if (present > 0)
        qsort(scratch, present, sizeof *scratch, words_compare);
    for (uint32_t i = 0; i < present; i++)
        different += i == 0 || scratch[i] != scratch[i - 1];
    result->number = different;
    return true;
}

const struct aggregate_kind distinct_aggregate = {
    .name = "distinct",
    .signature = "distinct(x)",
    .summary = "number of different x",
    .argument = {{.types = TAKES_ANY}},
    .needs_span = true,
    .value_size = sizeof(struct distinct),
    .add = distinct_add,
    .remove = distinct_remove,
    .read = distinct_read,
    .define = distinct_define,
};
