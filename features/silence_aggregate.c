/* silence(span): has the entity been silent for so long before this event?  0 for its first one. */
#include "features/latest.h"

static bool is_silent(double age_s, const struct window_span *span, union value *result)
{
    result->number = age_s >= span->parameter;
    return true;
}

static bool silence_read(void *value, const struct slot_view *event, const struct window_span *span,
                         struct window_view *window, union value *result)
{
    union value age = {.number = 0};
    bool known = age_read(value, event, span, window, &age);
    return is_silent(known ? age.number : 0, span, result);
}

static bool silence_define(const struct slot_view *slots, uint32_t count,
                           const struct slot_view *event, const struct window_span *span,
                           uint64_t *scratch, union value *result)
{
    union value age = {.number = 0};
    bool known = age_define(slots, count, event, span, scratch, &age);
    return is_silent(known ? age.number : 0, span, result);
}

const struct aggregate_kind silence_aggregate = {
    .name = "silence",
    .signature = "silence(span)",
    .summary = "whether there was no event for so long before this one; not of the first "
               "(takes no over)",
    .parameter = {.name = "span",
                  .type = PARAMETER_SPAN,
                  .least = 0.001,
                  .most = 10.0 * 365 * 86400},
    .result = RESULT_BOOLEAN,
    .for_ever = true,
    .looks_back = true,
    .ordered = true,
    .value_size = sizeof(struct latest),
    .add = latest_add,
    .remove = latest_remove,
    .insert = latest_insert,
    .join = latest_join,
    .read = silence_read,
    .define = silence_define,
    .settles = latest_settles,
};
