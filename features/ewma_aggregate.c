/* ewma(x, half_life): the mean of all x so far, in which an event weighs half as much after every
 * half_life; see decayed.h. */
#include "features/decayed.h"

static bool ewma_of(const struct decayed *decayed, const struct window_span *span,
                    union value *result)
{
    (void)span;
    result->number = decayed->mean;
    return decayed->weight > 0;
}

static bool ewma_read(void *value, const struct slot_view *event, const struct window_span *span,
                      struct window_view *window, union value *result)
{
    (void)event, (void)window;
    return ewma_of(value, span, result);
}

static bool ewma_define(const struct slot_view *slots, uint32_t count,
                        const struct slot_view *event, const struct window_span *span,
                        uint64_t *scratch, union value *result)
{
    (void)event, (void)scratch;
    const struct decayed decayed = decayed_define(slots, count, span);
    return ewma_of(&decayed, span, result);
}

const struct aggregate_kind ewma_aggregate = {
    .name = "ewma",
    .signature = "ewma(x, half_life)",
    .summary = "mean of x in which an event weighs half after each half_life (takes no over)",
    .argument = {{.types = TAKES_NUMBER}},
    .parameter = HALF_LIFE,
    .result = RESULT_NUMBER,
    .for_ever = true,
    .value_size = sizeof(struct decayed),
    .add = decayed_add,
    .read = ewma_read,
    .define = ewma_define,
};
