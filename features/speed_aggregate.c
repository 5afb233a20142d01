/* speed(lat, lon): kilometres an hour since the event before this one, along the great circle: what
 * nobody travels is two people.
 *
 * Positions are uncertain (a cell tower, an address range), and two events may share a second: the
 * first JITTER_KM do not count, and a journey takes MINUTE_MS at least. */
#include "base/calendar.h"
#include "features/travel.h"

static const double JITTER_KM = 10;

static bool speed_between(const struct travel *travel, const struct slot_view *event,
                          const struct window_span *span, union value *result)
{
    double km;
    if (!travel_km(travel, event, &km))
        return false;
    int64_t taken_ms = span->now_ms - travel->time_ms;
    double hours = (double)(taken_ms > MINUTE_MS ? taken_ms : MINUTE_MS) / HOUR_MS;
    result->number = km > JITTER_KM ? (km - JITTER_KM) / hours : 0;
    return true;
}

static bool speed_read(void *value, const struct slot_view *event, const struct window_span *span,
                       struct window_view *window, union value *result)
{
    (void)window;
    return speed_between(value, event, span, result);
}

static bool speed_define(const struct slot_view *slots, uint32_t count,
                         const struct slot_view *event, const struct window_span *span,
                         uint64_t *scratch, union value *result)
{
    (void)scratch;
    const struct travel travel = travel_latest(slots, count);
    return speed_between(&travel, event, span, result);
}

const struct aggregate_kind speed_aggregate = {
    .name = "speed",
    .signature = "speed(lat, lon)",
    .summary = "kilometres an hour since the previous event; the first 10 km do not count",
    .argument = {{.types = TAKES_NUMBER}, {.types = TAKES_NUMBER}},
    .result = RESULT_NUMBER,
    .takes_location = true,
    .looks_back = true,
    .ordered = true,
    .value_size = sizeof(struct travel),
    .add = travel_add,
    .remove = travel_remove,
    .insert = travel_insert,
    .join = travel_join,
    .read = speed_read,
    .define = speed_define,
    .settles = travel_settles,
};
