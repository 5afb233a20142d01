/* Frames: what the windows of one form, delay and condition hold, kept right as slots cross the
 * edges. */
#ifndef FEATURES_FRAME_H
#define FEATURES_FRAME_H

#include "features/moment.h"
#include "features/ring.h"

/* What a window's running value sees of its slots. */
struct window_view {
    const struct visit *visit;
    const struct window *window;
    bool stops; /* at `stop`, before it; otherwise at the newest */
    bool more;  /* `next` is a slot */
    struct place stop, next;
};

/* before_current: without the visit's own slot. */
struct window_view window_open(const struct visit *visit, const struct window *window,
                               bool before_current);

/* Neighbouring slots of a window's frame, those that its condition does not let pass as well. */
struct slot_run {
    const uint8_t *first;
    uint32_t count;
};

/* After window_first, instead of window_next: the next slots that stand in one piece of memory. */
bool window_run(struct window_view *view, struct slot_run *run);

struct slot_view slot_show(const struct entity *entity, const struct window *window,
                           const struct slot *slot);

/* Does the frame hold slots of that time?  Of frames with a cursor of their own: has it come by
 * them, whether or not it still holds them? */
bool frame_holds(const struct entity *entity, const struct frame *frame, int64_t time_ms,
                 int64_t newest_ms);

/* Does it hold this slot (if it passes)? */
bool frame_holds_slot(const struct visit *visit, const struct frame *frame, struct place place);

/* A slot that passes enters the moments and values, or leaves them; it is in the view already, or
 * no more.  Not in order: kinds whose value depends on the order are left out, frame_reorder
 * follows when all is in its place. */
void frame_take(const struct visit *visit, const struct frame *frame, const struct slot *slot,
                bool in_order);
void frame_release(const struct visit *visit, const struct frame *frame, const struct slot *slot,
                   bool in_order);

/* Takes a moment again from the slots. */
void moment_rebuild(const struct visit *visit, const struct moment *moment);

/* Such kinds take their values again from the base and the slots. */
void frame_reorder(const struct visit *visit, const struct frame *frame);

/* A late slot has entered: the same of it alone. */
void frame_insert(const struct visit *visit, const struct frame *frame, struct place place);

/* The slot, if it passes, is the frame's newest from now on. */
void frame_enter(const struct visit *visit, const struct frame *frame, const struct slot *slot,
                 struct place place);

/* The same of a late one, which may stand anywhere. */
void frame_enter_late(const struct visit *visit, const struct frame *frame, struct place place);

/* Frames without span go on counting what has no slot any more: the slot goes, or never came in. */
void bases_enter(const struct visit *visit, const struct slot *slot);

/* Lets slots cross the edges up to a new time. */
void edges_advance(const struct visit *visit, int64_t now_ms);

/* Only forgets what is old enough and held by nobody. */
void edges_drop(const struct visit *visit);

/* Tells cursors of a slot that was put in. */
void edges_entered(const struct visit *visit, struct place place, int64_t time_ms);

/* Counts a slot that goes before its time, or never came in: spilled, dropped, or both. */
void events_lost(const struct visit *visit, const struct slot *slot, bool spilled);

/* Lets go of the oldest slot before its time: what it means stays in panes, if they can take it. */
void edges_drop_oldest(const struct visit *visit);

/* The same of a whole group, whose sums the panes get in one. */
void edges_spill(const struct visit *visit);

/* The label of a slot's event gets known, or is another: corrects the frames that hold the slot,
 * and those that do or do not from now on because their condition names the label. */
void frames_correct(const struct visit *visit, struct place place, double label);

/* The event, whose slot is filled, reads and feeds frames [first, end) in its turn. */
void frames_pass(const struct visit *visit, uint32_t first, uint32_t end, const struct batch *batch,
                 uint32_t row);

/* The slot at the cursor of an edge that is crossed by time crosses. */
static inline void cursor_step(const struct visit *visit, const struct edge *edge,
                               struct cursor *cursor)
{
    if (ring_newer(visit, &cursor->place))
        cursor->next_ms =
            edge_crossing_ms(visit->entity, edge, ring_slot(visit, cursor->place)->time_ms);
    else
        *cursor = (struct cursor){.next_ms = TIME_NEVER};
}

/* What the event sees of the window; `own` is a number only if the argument is one. */
static inline struct window_span window_reading(const struct visit *visit,
                                                const struct window *window)
{
    bool has_argument = window->argument_count > 0;
    return (struct window_span){
        .span_ms = visit->entity->frame[window->frame].span_ms,
        .now_ms = visit->time_ms,
        .parameter = window->parameter,
        .own = has_argument ? visit->slot->cell[window->cell[0]].number : 0,
        .has_argument = has_argument,
    };
}

/* Puts a result, or missing, into the window's column. */
static inline void window_result(const struct window *window, const struct batch *batch,
                                 uint32_t row, bool found, union value value)
{
    if (window->is_key)
        batch_column(batch, window->value)[row].key = found ? value.key : 0;
    else
        batch_column(batch, window->value)[row].number =
            found && value.number - value.number == 0 ? value.number : MISSING;
}

/* A slot that passes enters a moment. */
static inline void moment_enter(const struct entity *entity, const struct moment *moment,
                                double *cells, const struct slot *slot)
{
    if (moment->cell == INDEX_NONE) {
        cells[MOMENT_COUNT] += 1;
        return;
    }
    union value value = slot->cell[moment->cell];
    if (!cell_missing(&entity->cell[moment->cell], value))
        moment_add(cells, moment->needs, value.number);
}

#endif
