/* `over 1h`: (t - 1 h, t]. */
#include "features/form.h"

static int64_t span_leaves_ms(const struct entity *entity, const struct frame *frame,
                              int64_t time_ms)
{
    (void)entity;
    return time_ms + frame->span_ms;
}

static bool span_reaches(const struct entity *entity, const struct frame *frame,
                         const struct form_reach *reach, int64_t time_ms)
{
    (void)entity;
    return time_ms > reach->until_ms - frame->span_ms;
}

static int64_t span_bound_ms(const struct frame *frame)
{
    return frame->span_ms;
}

const struct form_kind span_form = {
    .name = "span",
    .leaves_ms = span_leaves_ms,
    .reaches = span_reaches,
    .bound_ms = span_bound_ms,
};
