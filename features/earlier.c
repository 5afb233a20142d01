/* What previous(x, n) becomes for n > 1: over the last n events before this one, x of the oldest;
 * missing while there are not so many.  It stands in no table: nobody calls it by a name. */
#include "features/aggregate.h"

struct earlier {
    uint64_t events;
    union value value;
    uint64_t known;
};

static void earlier_set(struct earlier *earlier, const struct slot_view *slot)
{
    earlier->known = !slot_misses(slot, 0);
    earlier->value.key = earlier->known ? slot->argument[0].key : 0;
}

static void earlier_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    struct earlier *earlier = value;
    if (earlier->events++ == 0)
        earlier_set(earlier, slot);
}

/* The oldest leaves. */
static void earlier_remove(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)slot;
    struct earlier *earlier = value;
    struct slot_view oldest;
    window_first(window);
    if (--earlier->events > 0 && window_next(window, &oldest))
        earlier_set(earlier, &oldest);
    else
        *earlier = (struct earlier){0};
}

static bool earlier_read(void *value, const struct slot_view *event, const struct window_span *span,
                         struct window_view *window, union value *result)
{
    (void)event, (void)window;
    const struct earlier *earlier = value;
    *result = earlier->value;
    return earlier->known && (double)earlier->events == span->parameter;
}

static bool earlier_define(const struct slot_view *slots, uint32_t count,
                           const struct slot_view *event, const struct window_span *span,
                           uint64_t *scratch, union value *result)
{
    (void)event, (void)scratch;
    if (count == 0 || count != span->parameter || slot_misses(&slots[0], 0))
        return false;
    *result = slots[0].argument[0];
    return true;
}

const struct aggregate_kind earlier_aggregate = {
    .name = "previous",
    .signature = "previous(x, n)",
    .summary = "x of the n-th event before this one",
    .argument = {{.types = TAKES_ANY}},
    .parameter = {.name = "n", .type = PARAMETER_WHOLE, .least = 1, .most = 1000, .standard = 1},
    .result = RESULT_ARGUMENT,
    .looks_back = true,
    .ordered = true,
    .value_size = sizeof(struct earlier),
    .add = earlier_add,
    .remove = earlier_remove,
    .read = earlier_read,
    .define = earlier_define,
};
