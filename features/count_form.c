/* `over last 50`: the 50 newest slots that pass.  One that enters drives out the oldest; a late one
 * takes its place, unless 50 newer ones are there already. */
#include "features/form.h"

static bool is_full(const struct visit *visit, const struct frame *frame)
{
    return frame_held(visit, frame)->count == (uint64_t)frame->extent;
}

static void count_enter(const struct visit *visit, const struct frame *frame, struct place place)
{
    bool full = is_full(visit, frame);
    if (frame_held(visit, frame)->count++ == 0)
        *frame_cursor(visit, frame) = (struct cursor){.next_ms = TIME_HELD, .place = place};
    frame_take(visit, frame, ring_slot(visit, place), true);
    if (full)
        frame_leave_oldest(visit, frame, true);
}

/* Of equal times the late one is the newer. */
static void count_enter_late(const struct visit *visit, const struct frame *frame,
                             struct place place)
{
    const struct slot *slot = ring_slot(visit, place);
    bool full = is_full(visit, frame), empty = frame_held(visit, frame)->count == 0;
    bool oldest = empty || slot->time_ms < frame_oldest_ms(visit, frame);
    if (full && oldest)
        return;
    if (oldest)
        *frame_cursor(visit, frame) = (struct cursor){.next_ms = TIME_HELD, .place = place};
    frame_held(visit, frame)->count++;
    frame_take(visit, frame, slot, false);
    if (full)
        frame_leave_oldest(visit, frame, false);
    frame_reorder(visit, frame);
}

static bool count_reaches(const struct entity *entity, const struct frame *frame,
                          const struct form_reach *reach, int64_t time_ms)
{
    (void)entity, (void)time_ms;
    return reach->count < (uint64_t)frame->extent;
}

static int64_t count_bound_ms(const struct frame *frame)
{
    (void)frame;
    return 0;
}

const struct form_kind count_form = {
    .name = "last",
    .enter = count_enter,
    .enter_late = count_enter_late,
    .reaches = count_reaches,
    .bound_ms = count_bound_ms,
};
