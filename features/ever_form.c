/* No `over`: all there has been. */
#include "features/form.h"

static bool ever_reaches(const struct entity *entity, const struct frame *frame,
                         const struct form_reach *reach, int64_t time_ms)
{
    (void)entity, (void)frame, (void)reach, (void)time_ms;
    return true;
}

static int64_t ever_bound_ms(const struct frame *frame)
{
    (void)frame;
    return 0;
}

const struct form_kind ever_form = {
    .name = "ever",
    .reaches = ever_reaches,
    .bound_ms = ever_bound_ms,
};
