/* ewsum(x, half_life): the total of all x so far, in which an event counts half as much after every
 * half_life; 0 of nothing.  See decayed.h. */
#include "features/decayed.h"

static bool ewsum_of(const struct decayed *decayed, const struct window_span *span,
                     union value *result)
{
    double factor = decay(span->now_ms - decayed->time_ms, span->parameter);
    result->number = decayed->mean * decayed->weight * factor;
    return true;
}

static bool ewsum_read(void *value, const struct slot_view *event, const struct window_span *span,
                       struct window_view *window, union value *result)
{
    (void)event, (void)window;
    return ewsum_of(value, span, result);
}

static bool ewsum_define(const struct slot_view *slots, uint32_t count,
                         const struct slot_view *event, const struct window_span *span,
                         uint64_t *scratch, union value *result)
{
    (void)event, (void)scratch;
    const struct decayed decayed = decayed_define(slots, count, span);
    return ewsum_of(&decayed, span, result);
}

const struct aggregate_kind ewsum_aggregate = {
    .name = "ewsum",
    .signature = "ewsum(x, half_life)",
    .summary = "total of x in which an event counts half after each half_life (takes no over)",
    .argument = {{.types = TAKES_NUMBER}},
    .parameter = HALF_LIFE,
    .result = RESULT_NUMBER,
    .for_ever = true,
    .value_size = sizeof(struct decayed),
    .add = decayed_add,
    .read = ewsum_read,
    .define = ewsum_define,
};
