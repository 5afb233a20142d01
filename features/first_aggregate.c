/* first(x): x of the oldest event of the window. */
#include "features/aggregate.h"

enum first_state { FIRST_NONE, FIRST_KNOWN, FIRST_WITHOUT /* it has no x */ };

struct first {
    union value value;
    uint64_t state; /* enum first_state */
};

static void first_set(struct first *first, const struct slot_view *slot)
{
    bool misses = slot_misses(slot, 0);
    first->value.key = misses ? 0 : slot->argument[0].key;
    first->state = misses ? FIRST_WITHOUT : FIRST_KNOWN;
}

static void first_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    struct first *first = value;
    if (first->state == FIRST_NONE)
        first_set(first, slot);
}

static void first_remove(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)slot;
    struct first *first = value;
    struct slot_view oldest;
    window_first(window);
    if (window_next(window, &oldest))
        first_set(first, &oldest);
    else
        *first = (struct first){0};
}

/* One of the slots is the oldest. */
static void first_insert(void *value, const struct slot_view *slot, uint32_t newer,
                         struct window_view *window)
{
    (void)newer;
    first_remove(value, slot, window);
}

static bool first_read(void *value, const struct slot_view *event, const struct window_span *span,
                       struct window_view *window, union value *result)
{
    (void)event, (void)span, (void)window;
    const struct first *first = value;
    *result = first->value;
    return first->state == FIRST_KNOWN;
}

static void first_join(void *value, const void *newer)
{
    struct first *first = value;
    if (first->state == FIRST_NONE)
        *first = *(const struct first *)newer;
}

static bool first_define(const struct slot_view *slots, uint32_t count,
                         const struct slot_view *event, const struct window_span *span,
                         uint64_t *scratch, union value *result)
{
    (void)event, (void)span, (void)scratch;
    if (count == 0 || slot_misses(&slots[0], 0))
        return false;
    *result = slots[0].argument[0];
    return true;
}

const struct aggregate_kind first_aggregate = {
    .name = "first",
    .signature = "first(x)",
    .summary = "x of the oldest event",
    .argument = {{.types = TAKES_ANY}},
    .result = RESULT_ARGUMENT,
    .ordered = true,
    .value_size = sizeof(struct first),
    .add = first_add,
    .remove = first_remove,
    .insert = first_insert,
    .join = first_join,
    .read = first_read,
    .define = first_define,
    .oldest = true,
};
