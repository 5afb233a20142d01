/* distance(lat, lon): kilometres from the event before this one, along the great circle. */
#include "features/travel.h"

static bool distance_read(void *value, const struct slot_view *event,
                          const struct window_span *span, struct window_view *window,
                          union value *result)
{
    (void)span, (void)window;
    return travel_km(value, event, &result->number);
}

static bool distance_define(const struct slot_view *slots, uint32_t count,
                            const struct slot_view *event, const struct window_span *span,
                            uint64_t *scratch, union value *result)
{
    (void)span, (void)scratch;
    const struct travel travel = travel_latest(slots, count);
    return travel_km(&travel, event, &result->number);
}

const struct aggregate_kind distance_aggregate = {
    .name = "distance",
    .signature = "distance(lat, lon)",
    .summary = "kilometres from the previous event's place",
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
    .read = distance_read,
    .define = distance_define,
    .settles = travel_settles,
};
