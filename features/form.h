/* The forms of windows.  A form is one file, x_form.c, and one row of frame_plan in window.c.
 *
 * A frame holds a run of its entity's slots; its form says where the run ends, at the old end (the
 * new end is the delay, which all forms have).  There are two sorts:
 *
 *     by time      a slot leaves at a moment that its own time alone tells: spans, calendar
 * periods. Frames share the edges at which that happens (entity.h).  `ever` never lets go. own
 * cursor   what leaves depends on what enters: `over last N`, sessions.  The frame's cursor stands
 * at the oldest passing slot that it holds, and the form moves it.
 *
 * An event may come late, and then reads its windows as they were.  For that the slots of windows
 * that were as long ago as the lateness must still be there: each frame with a cursor of its own
 * has a second one beside it, with the delay and the lateness as its delay and without windows. */
#ifndef FEATURES_FORM_H
#define FEATURES_FORM_H

#include "features/frame.h"

/* A late reader going back through the slots. */
struct form_reach {
    int64_t until_ms; /* the moment that is looked at: the event's time without the delay */
    int64_t newer_ms; /* time of the last passing slot it has come by, or until_ms */
    uint32_t count;   /* how many it has come by */
};

struct form_kind {
    const char *name; /* a part of fingerprints */

    /* By time: when a slot of that time leaves, but for the delay. */
    int64_t (*leaves_ms)(const struct entity *entity, const struct frame *frame, int64_t time_ms);

    /* Own cursor: takes in a slot that passes, the frame's newest or (late) one in between... */
    void (*enter)(const struct visit *visit, const struct frame *frame, struct place place);
    void (*enter_late)(const struct visit *visit, const struct frame *frame, struct place place);
    /* ... and what happens when the cursor's time has come; NULL: no time moves it. */
    void (*end)(const struct visit *visit, const struct frame *frame);

    /* Could the window have held a slot of that time, the next older one?  If not, neither those
     * before it. */
    bool (*reaches)(const struct entity *entity, const struct frame *frame,
                    const struct form_reach *reach, int64_t time_ms);

    /* How far before its own moment a window may reach; 0: no time bounds it. */
    int64_t (*bound_ms)(const struct frame *frame);
};

extern const struct form_kind ever_form, span_form, period_form, count_form, session_form;

/* When a slot of that time leaves a frame that is bounded by time. */
static inline int64_t frame_leaves_ms(const struct entity *entity, const struct frame *frame,
                                      int64_t time_ms)
{
    if (__builtin_expect(frame->form == &span_form, 1))
        return time_ms + frame->span_ms + frame->delay_ms;
    return frame->form->leaves_ms(entity, frame, time_ms) + frame->delay_ms;
}

static inline struct held *frame_held(const struct visit *visit, const struct frame *frame)
{
    return (struct held *)(visit->bytes + frame->held);
}

static inline struct cursor *frame_cursor(const struct visit *visit, const struct frame *frame)
{
    return &visit_cursors(visit)[frame->exit];
}

static inline int64_t frame_oldest_ms(const struct visit *visit, const struct frame *frame)
{
    return ring_slot(visit, frame_cursor(visit, frame)->place)->time_ms;
}

/* The oldest slot of a frame with a cursor of its own leaves it.  in_order: the frame's order is
 * as it was; otherwise frame_reorder follows. */
void frame_leave_oldest(const struct visit *visit, const struct frame *frame, bool in_order);

/* All slots leave a frame with a cursor of its own at once. */
void frame_clear(const struct visit *visit, const struct frame *frame);

#endif
