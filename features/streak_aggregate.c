/* streak(condition): how many of the latest events in a row, the event itself included, satisfy the
 * condition.  What the window has lost of the row counts no more. */
#include "features/aggregate.h"

struct streak {
    uint64_t events, row;
};

static bool satisfies(const struct slot_view *slot)
{
    return !slot_misses(slot, 0) && slot->argument[0].number == 1;
}

static void streak_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    struct streak *streak = value;
    streak->events++;
    streak->row = satisfies(slot) ? streak->row + 1 : 0;
}

/* The oldest leaves. */
static void streak_remove(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)slot, (void)window;
    struct streak *streak = value;
    streak->events--;
    if (streak->row > streak->events)
        streak->row = streak->events;
}

/* Into the row, right before it, or somewhere that does not matter. */
static void streak_insert(void *value, const struct slot_view *slot, uint32_t newer,
                          struct window_view *window)
{
    (void)window;
    struct streak *streak = value;
    streak->events++;
    if (newer <= streak->row)
        streak->row = satisfies(slot) ? streak->row + 1 : newer;
}

static bool streak_settles(const struct slot_view *slot)
{
    return !satisfies(slot);
}

static bool streak_read(void *value, const struct slot_view *event, const struct window_span *span,
                        struct window_view *window, union value *result)
{
    (void)event, (void)span, (void)window;
    const struct streak *streak = value;
    result->number = (double)streak->row;
    return true;
}

/* A newer run that is all row goes on with the older one's. */
static void streak_join(void *value, const void *newer)
{
    struct streak *streak = value;
    const struct streak *other = newer;
    streak->events += other->events;
    streak->row = other->row == other->events ? streak->row + other->row : other->row;
}

static bool streak_define(const struct slot_view *slots, uint32_t count,
                          const struct slot_view *event, const struct window_span *span,
                          uint64_t *scratch, union value *result)
{
    (void)event, (void)span, (void)scratch;
    uint32_t row = 0;
    while (row < count && satisfies(&slots[count - 1 - row]))
        row++;
    result->number = row;
    return true;
}

const struct aggregate_kind streak_aggregate = {
    .name = "streak",
    .signature = "streak(condition)",
    .summary = "how many of the latest events in a row satisfy the condition",
    .argument = {{.types = TAKES_CONDITION}},
    .result = RESULT_NUMBER,
    .ordered = true,
    .value_size = sizeof(struct streak),
    .add = streak_add,
    .remove = streak_remove,
    .insert = streak_insert,
    .join = streak_join,
    .read = streak_read,
    .define = streak_define,
    .settles = streak_settles,
};
