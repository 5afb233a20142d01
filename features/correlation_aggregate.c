/* correlation(x, y): Pearson's, of the events that have both,
 *
 *     (n sum xy - sum x sum y) / sqrt((n sum x^2 - (sum x)^2) (n sum y^2 - (sum y)^2))
 *
 * with sums and differences in 106 bits; missing while all x or all y are equal. */
#include "features/aggregate.h"
#include "features/pair.h"

struct correlation {
    double count;
    struct pair x, y, xx, yy, xy;
};

static bool has_both(const struct slot_view *slot)
{
    return !slot_misses(slot, 0) && !slot_misses(slot, 1);
}

static void correlation_take(struct correlation *sums, const struct slot_view *slot, double sign)
{
    double x = slot->argument[0].number, y = slot->argument[1].number;
    sums->count += sign;
    sums->x = pair_sum(sums->x, (struct pair){sign * x, 0});
    sums->y = pair_sum(sums->y, (struct pair){sign * y, 0});
    sums->xx = pair_sum(sums->xx, pair_of_product(sign * x, x));
    sums->yy = pair_sum(sums->yy, pair_of_product(sign * y, y));
    sums->xy = pair_sum(sums->xy, pair_of_product(sign * x, y));
}

static void correlation_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    if (has_both(slot))
        correlation_take(value, slot, 1);
}

/* When what leaves is far greater than what stays, the sums may have lost bits to it. */
static bool correlation_leave(struct correlation *sums, const struct slot_view *slot)
{
    double x = slot->argument[0].number, y = slot->argument[1].number;
    correlation_take(sums, slot, -1);
    return pair_keeps(sums->x, x) && pair_keeps(sums->y, y) && pair_keeps(sums->xx, x * x) &&
           pair_keeps(sums->yy, y * y) && pair_keeps(sums->xy, x * y) && sums->count > 0;
}

static void correlation_remove(void *value, const struct slot_view *slot,
                               struct window_view *window)
{
    struct correlation *sums = value;
    struct slot_view stays;
    if (!has_both(slot))
        return;
    if (correlation_leave(sums, slot))
        return;
    *sums = (struct correlation){0};
    window_first(window);
    while (window_next(window, &stays))
        correlation_add(sums, &stays, window);
}

static bool correlation_undo(void *value, const struct slot_view *slots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (has_both(&slots[i]) && !correlation_leave(value, &slots[i]))
            return false;
    return true;
}

static bool correlation_of(const struct correlation *sums, union value *result)
{
    double n = sums->count;
    struct pair x = pair_spread(sums->xx, n, sums->x, sums->x);
    struct pair y = pair_spread(sums->yy, n, sums->y, sums->y);
    if (n < 2 || pair_is_none(x, pair_scale(sums->xx, n)) ||
        pair_is_none(y, pair_scale(sums->yy, n)))
        return false;
    double common = pair_spread(sums->xy, n, sums->x, sums->y).high;
    double found = common / sqrt(x.high) / sqrt(y.high);
    result->number = found > 1 ? 1 : found < -1 ? -1 : found;
    return true;
}

static bool correlation_read(void *value, const struct slot_view *event,
                             const struct window_span *span, struct window_view *window,
                             union value *result)
{
    (void)event, (void)span, (void)window;
    return correlation_of(value, result);
}

static void correlation_join(void *value, const void *newer)
{
    struct correlation *sums = value;
    const struct correlation *other = newer;
    sums->count += other->count;
    sums->x = pair_sum(sums->x, other->x);
    sums->y = pair_sum(sums->y, other->y);
    sums->xx = pair_sum(sums->xx, other->xx);
    sums->yy = pair_sum(sums->yy, other->yy);
    sums->xy = pair_sum(sums->xy, other->xy);
}

static bool correlation_define(const struct slot_view *slots, uint32_t count,
                               const struct slot_view *event, const struct window_span *span,
                               uint64_t *scratch, union value *result)
{
    (void)event, (void)span, (void)scratch;
    struct correlation sums = {0};
    for (uint32_t i = 0; i < count; i++)
        correlation_add(&sums, &slots[i], NULL);
    return correlation_of(&sums, result);
}

const struct aggregate_kind correlation_aggregate = {
    .name = "correlation",
    .signature = "correlation(x, y)",
    .summary = "Pearson's correlation of x and y, -1 to 1",
    .argument = {{.types = TAKES_NUMBER}, {.types = TAKES_NUMBER}},
    .result = RESULT_NUMBER,
    .value_size = sizeof(struct correlation),
    .add = correlation_add,
    .remove = correlation_remove,
    .join = correlation_join,
    .undo = correlation_undo,
    .read = correlation_read,
    .define = correlation_define,
};
