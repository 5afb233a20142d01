/* age(): seconds since the entity's previous event; missing for its first. */
#include "base/calendar.h"
#include "features/latest.h"

static double seconds_between(int64_t from_ms, int64_t to_ms)
{
    return (double)(to_ms - from_ms) / SECOND_MS;
}

static bool age_read(void *value, const struct slot_view *event, const struct window_span *span,
                     struct window_view *window, union value *result)
{
    (void)event, (void)window;
    const struct latest *latest = value;
    result->number = seconds_between(latest->time_ms, span->now_ms);
    return latest->state != LATEST_NONE;
}

static bool age_define(const struct slot_view *slots, uint32_t count, const struct slot_view *event,
                       const struct window_span *span, uint64_t *scratch, union value *result)
{
    (void)event, (void)scratch;
    if (count == 0)
        return false;
    result->number = seconds_between(slots[count - 1].time_ms, span->now_ms);
    return true;
}

const struct aggregate_kind age_aggregate = {
    .name = "age",
    .signature = "age()",
    .summary = "seconds since the previous event, missing for the first",
    .result = RESULT_NUMBER,
    .looks_back = true,
    .ordered = true,
    .value_size = sizeof(struct latest),
    .add = latest_add,
    .remove = latest_remove,
    .read = age_read,
    .define = age_define,
};
