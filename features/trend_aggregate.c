/* trend(x): by how much x rises a second: the slope of the straight line through (time, x) with the
 * least squared distance,
 *
 *     (n sum tx - sum t sum x) / (n sum t^2 - (sum t)^2)
 *
 * missing while all events have one time.  Times are milliseconds since the first event that found
 * the window empty: whole numbers, whose sums are exact in 106 bits; the differences are taken in
 * these too, so that a window far behind its beginning is as good as a young one. */
#include "base/calendar.h"
#include "features/aggregate.h"
#include "features/pair.h"

struct trend {
    double count;
    int64_t origin_ms;
    struct pair t, tt, x, tx;
};

static void trend_take(struct trend *trend, const struct slot_view *slot, double sign)
{
    if (trend->count == 0)
        *trend = (struct trend){.origin_ms = slot->time_ms};
    double t = (double)(slot->time_ms - trend->origin_ms), x = slot->argument[0].number;
    trend->count += sign;
    trend->t = pair_sum(trend->t, (struct pair){sign * t, 0});
    trend->tt = pair_sum(trend->tt, pair_of_product(sign * t, t));
    trend->x = pair_sum(trend->x, (struct pair){sign * x, 0});
    trend->tx = pair_sum(trend->tx, pair_of_product(sign * t, x));
}

static void trend_add(void *value, const struct slot_view *slot, struct window_view *window)
{
    (void)window;
    if (!slot_misses(slot, 0))
        trend_take(value, slot, 1);
}

/* When what leaves is far greater than what stays, the sums may have lost bits to it. */
static bool trend_leave(struct trend *trend, const struct slot_view *slot)
{
    double x = slot->argument[0].number;
    trend_take(trend, slot, -1);
    return pair_keeps(trend->x, x) &&
           pair_keeps(trend->tx, x * (double)(slot->time_ms - trend->origin_ms)) &&
           trend->count > 0;
}

static void trend_remove(void *value, const struct slot_view *slot, struct window_view *window)
{
    struct trend *trend = value;
    struct slot_view stays;
    if (slot_misses(slot, 0))
        return;
    if (trend_leave(trend, slot))
        return;
    *trend = (struct trend){0};
    window_first(window);
    while (window_next(window, &stays))
        trend_add(trend, &stays, window);
}

static bool trend_undo(void *value, const struct slot_view *slots, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!slot_misses(&slots[i], 0) && !trend_leave(value, &slots[i]))
            return false;
    return true;
}

static bool trend_of(const struct trend *trend, union value *result)
{
    double n = trend->count;
    struct pair spread = pair_spread(trend->tt, n, trend->t, trend->t);
    if (n < 2 || pair_is_none(spread, pair_scale(trend->tt, n)))
        return false;
    struct pair common = pair_spread(trend->tx, n, trend->t, trend->x);
    result->number = common.high / spread.high * SECOND_MS;
    return true;
}

static bool trend_read(void *value, const struct slot_view *event, const struct window_span *span,
                       struct window_view *window, union value *result)
{
    (void)event, (void)span, (void)window;
    return trend_of(value, result);
}

/* Times of the newer run are d more from the older one's origin:
 * sum t' = sum t + n d, sum t'^2 = sum t^2 + 2 d sum t + n d^2, sum t'x = sum tx + d sum x. */
static void trend_join(void *value, const void *newer)
{
    struct trend *trend = value;
    const struct trend *other = newer;
    if (other->count == 0)
        return;
    if (trend->count == 0) {
        *trend = *other;
        return;
    }
    double n = other->count, d = (double)(other->origin_ms - trend->origin_ms);
    struct pair tt = pair_sum(other->tt, pair_scale(other->t, 2 * d));
    trend->tt = pair_sum(trend->tt, pair_sum(tt, pair_scale(pair_of_product(d, d), n)));
    trend->t = pair_sum(trend->t, pair_sum(other->t, pair_of_product(n, d)));
    trend->tx = pair_sum(trend->tx, pair_sum(other->tx, pair_scale(other->x, d)));
    trend->x = pair_sum(trend->x, other->x);
    trend->count += n;
}

static bool trend_define(const struct slot_view *slots, uint32_t count,
                         const struct slot_view *event, const struct window_span *span,
                         uint64_t *scratch, union value *result)
{
    (void)event, (void)span, (void)scratch;
    struct trend trend = {0};
    for (uint32_t i = 0; i < count; i++)
        trend_add(&trend, &slots[i], NULL);
    return trend_of(&trend, result);
}

const struct aggregate_kind trend_aggregate = {
    .name = "trend",
    .signature = "trend(x)",
    .summary = "by how much x rises a second, the slope of the line of least squares",
    .argument = {{.types = TAKES_NUMBER}},
    .result = RESULT_NUMBER,
    .value_size = sizeof(struct trend),
    .add = trend_add,
    .remove = trend_remove,
    .join = trend_join,
    .undo = trend_undo,
    .read = trend_read,
    .define = trend_define,
};
