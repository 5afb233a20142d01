/* `session gap 30m`: the newest run of passing slots with less than 30 minutes between neighbours,
 * until 30 minutes have gone by since its last.  Then all of it leaves at once.
 *
 *     |x  x x|         |x xx  x|     x = now         the older session is held only so far as an
 *      <gap  > >= gap             < gap              event that comes late may join or read it
 *
 * A late slot may lie before the session and join it; then it may join the one before that to it as
 * well, whose slots come back.  Each is walked over once for the slot that bridges. */
#include "features/form.h"

static void session_lasts(const struct visit *visit, const struct frame *frame, int64_t last_ms)
{
    frame_held(visit, frame)->last_ms = last_ms;
    frame_cursor(visit, frame)->next_ms = last_ms + frame->extent + frame->delay_ms;
}

static void session_enter(const struct visit *visit, const struct frame *frame, struct place place)
{
    struct held *held = frame_held(visit, frame);
    const struct slot *slot = ring_slot(visit, place);
    if (held->count > 0 && slot->time_ms - held->last_ms >= frame->extent)
        frame_clear(visit, frame);
    if (held->count++ == 0)
        frame_cursor(visit, frame)->place = place;
    session_lasts(visit, frame, slot->time_ms);
    frame_take(visit, frame, slot, true);
}

/* Slots older than the session's first, as far as each is near enough to the next. */
static void session_join_older(const struct visit *visit, const struct frame *frame)
{
    struct cursor *cursor = frame_cursor(visit, frame);
    struct place place = cursor->place;
    int64_t first_ms = ring_slot(visit, place)->time_ms;
    while (ring_older(visit, &place)) {
        const struct slot *slot = ring_slot(visit, place);
        if (first_ms - slot->time_ms >= frame->extent)
            return;
        if (!slot_passes(visit->entity, frame, slot))
            continue;
        first_ms = slot->time_ms;
        cursor->place = place;
        frame_held(visit, frame)->count++;
        frame_take(visit, frame, slot, false);
    }
}

static void session_enter_late(const struct visit *visit, const struct frame *frame,
                               struct place place)
{
    struct held *held = frame_held(visit, frame);
    const struct slot *slot = ring_slot(visit, place);
    int64_t now_ms = visit_head(visit)->newest_ms - frame->delay_ms;
    bool empty = held->count == 0;
    bool oldest = empty || slot->time_ms < frame_oldest_ms(visit, frame);
    int64_t newer_ms = empty ? now_ms : oldest ? frame_oldest_ms(visit, frame) : slot->time_ms;
    if (newer_ms - slot->time_ms >= frame->extent)
        return;
    if (oldest)
        frame_cursor(visit, frame)->place = place;
    held->count++;
    session_lasts(visit, frame,
                  empty || slot->time_ms > held->last_ms ? slot->time_ms : held->last_ms);
    frame_take(visit, frame, slot, false);
    if (oldest)
        session_join_older(visit, frame);
    frame_reorder(visit, frame);
}

static bool session_reaches(const struct entity *entity, const struct frame *frame,
                            const struct form_reach *reach, int64_t time_ms)
{
    (void)entity;
    return reach->newer_ms - time_ms < frame->extent;
}

static int64_t session_bound_ms(const struct frame *frame)
{
    (void)frame;
    return 0;
}

const struct form_kind session_form = {
    .name = "session",
    .enter = session_enter,
    .enter_late = session_enter_late,
    .end = frame_clear,
    .reaches = session_reaches,
    .bound_ms = session_bound_ms,
};
