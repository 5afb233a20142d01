/* `over today`, `over this month`: what lies in the period of the clock on the wall that the moment
 * lies in.  A slot leaves when its own period ends, which is never before that of an older one. */
#include "base/calendar.h"
#include "features/form.h"

static int64_t period_leaves_ms(const struct entity *entity, const struct frame *frame,
                                int64_t time_ms)
{
    return period_end_ms(entity->zone, (enum period)frame->extent, time_ms);
}

static bool period_reaches(const struct entity *entity, const struct frame *frame,
                           const struct form_reach *reach, int64_t time_ms)
{
    return period_leaves_ms(entity, frame, time_ms) > reach->until_ms;
}

/* The longest of its kind, and a clock that was put back a day's length at most. */
static int64_t period_bound_ms(const struct frame *frame)
{
    static const int64_t days[] = {[PERIOD_HOUR] = 1,
                                   [PERIOD_DAY] = 2,
                                   [PERIOD_WEEK] = 8,
                                   [PERIOD_MONTH] = 32,
                                   [PERIOD_YEAR] = 367};
    return days[frame->extent] * DAY_MS;
}

const struct form_kind period_form = {
    .name = "period",
    .leaves_ms = period_leaves_ms,
    .reaches = period_reaches,
    .bound_ms = period_bound_ms,
};
