/* ewsd(x, half_life): the standard deviation around ewma(x, half_life), every event weighed as
 * there; 0 of one value, missing of nothing.  See decayed.h. */
#include "features/decayed.h"

static bool ewsd_of(const struct decayed *decayed, const struct window_span *span,
                    union value *result)
{
    (void)span;
    result->number = sqrt(decayed->spread > 0 ? decayed->spread / decayed->weight : 0);
    return decayed->weight > 0;
}

static bool ewsd_read(void *value, const struct slot_view *event, const struct window_span *span,
                      struct window_view *window, union value *result)
{
    (void)event, (void)window;
    return ewsd_of(value, span, result);
}

static bool ewsd_define(const struct slot_view *slots, uint32_t count,
                        const struct slot_view *event, const struct window_span *span,
                        uint64_t *scratch, union value *result)
{
    (void)event, (void)scratch;
    const struct decayed decayed = decayed_define(slots, count, span);
    return ewsd_of(&decayed, span, result);
}

const struct aggregate_kind ewsd_aggregate = {
    .name = "ewsd",
    .signature = "ewsd(x, half_life)",
    .summary = "standard deviation of x in which an event weighs half after each half_life (takes "
               "no over)",
    .argument = {{.types = TAKES_NUMBER}},
    .parameter = HALF_LIFE,
    .result = RESULT_NUMBER,
    .for_ever = true,
    .value_size = sizeof(struct decayed),
    .add = decayed_add,
    .read = ewsd_read,
    .define = ewsd_define,
};
