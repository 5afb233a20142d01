/* Slots enter and leave frames as they cross edges; see frame.h and the head of entity.h.
 *
 * A slot of time s crosses the edge of distance d with the first event at t >= s + d: it enters
 * (t - D - W, t - D] at d = D and leaves it at d = D + W.  Edges are advanced nearest first, so a
 * slot that crosses both at once enters before it leaves. */
#include "features/form.h"
#include "features/moment.h"
#include "features/multiset.h"
#include "features/pane_values.h"
#include <string.h>

static double *moment_cells(const struct visit *visit, const struct moment *moment)
{
    return (double *)(visit->bytes + moment->offset);
}

/* Kept out of the loops, as are the running values: with
 * slots on the stack they would cost the commonest frames, of moments alone, as much as the moments
 * do. */
__attribute__((noinline)) void moment_rebuild(const struct visit *visit,
                                              const struct moment *moment)
{
    double *cells = moment_cells(visit, moment);
    struct window window = {.frame = moment->frame,
                            .argument_count = 1,
                            .cell = {moment->cell},
                            .multiset = INDEX_NONE};
    struct window_view view = window_open(visit, &window, false);
    struct slot_view slot;
    memset(cells, 0, moment_size(moment->needs));
    window_first(&view);
    while (window_next(&view, &slot))
        if (!slot_misses(&slot, 0))
            moment_add(cells, moment->needs, slot.argument[0].number);
}

/* The slot stands outside the frame already. */
static inline void moment_leave(const struct visit *visit, const struct moment *moment,
                                const struct slot *slot)
{
    double *cells = moment_cells(visit, moment);
    if (moment->cell == INDEX_NONE) {
        cells[MOMENT_COUNT] -= 1;
        return;
    }
    union value value = slot->cell[moment->cell];
    if (cell_missing(&visit->entity->cell[moment->cell], value))
        return;
    moment_remove(cells, moment->needs, value.number);
    if (moment_doubtful(cells, moment->needs, value.number))
        moment_rebuild(visit, moment);
}

/* The slot enters, or leaves, the running values of the frame's windows. */
static __attribute__((noinline)) void running_change(const struct visit *visit,
                                                     const struct frame *frame,
                                                     const struct slot *slot, bool enters,
                                                     bool in_order)
{
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &visit->entity->window[frame->window_first + i];
        const struct aggregate_kind *kind = window->kind;
        if (!kind->read || (kind->ordered && !in_order))
            continue;
        struct window_view view = window_open(visit, window, false);
        struct slot_view shown = slot_show(visit->entity, window, slot);
        (enters ? kind->add : kind->remove)(visit->bytes + window->offset, &shown, &view);
    }
}

static inline void take(const struct visit *visit, const struct frame *frame,
                        const struct slot *slot, bool in_order)
{
    const struct entity *entity = visit->entity;
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        moment_enter(entity, moment, moment_cells(visit, moment), slot);
    }
    for (uint32_t i = 0; i < frame->multiset_count; i++)
        multiset_enter(visit, &entity->multiset[frame->multiset_first + i], slot);
    if (frame->multiset_count && __builtin_expect(frame_has_panes(visit, frame), 0))
        panes_see(visit, frame, slot);
    if (frame->running_count)
        running_change(visit, frame, slot, true, in_order);
}

void frame_take(const struct visit *visit, const struct frame *frame, const struct slot *slot,
                bool in_order)
{
    take(visit, frame, slot, in_order);
}

static inline void release(const struct visit *visit, const struct frame *frame,
                           const struct slot *slot, bool in_order)
{
    for (uint32_t i = 0; i < frame->moment_count; i++)
        moment_leave(visit, &visit->entity->moment[frame->moment_first + i], slot);
    for (uint32_t i = 0; i < frame->multiset_count; i++)
        multiset_leave(visit, &visit->entity->multiset[frame->multiset_first + i], slot);
    if (frame->running_count)
        running_change(visit, frame, slot, false, in_order);
}

void frame_release(const struct visit *visit, const struct frame *frame, const struct slot *slot,
                   bool in_order)
{
    release(visit, frame, slot, in_order);
}

void frame_enter(const struct visit *visit, const struct frame *frame, const struct slot *slot,
                 struct place place)
{
    if (!slot_passes(visit->entity, frame, slot))
        return;
    if (__builtin_expect(frame->own, 0))
        frame->form->enter(visit, frame, place);
    else
        take(visit, frame, slot, true);
}

static void window_rebuild(const struct visit *visit, const struct frame *frame,
                           const struct window *window)
{
    uint8_t *value = visit->bytes + window->offset;
    struct window_view view = window_open(visit, window, false), shown_to = view;
    struct slot_view slot;
    window_first(&view);
    if (frame->has_base) {
        memcpy(value, visit->bytes + window->base, window->kind->value_size);
        view.more = ring_oldest(visit, &view.next);
    } else {
        memset(value, 0, window->kind->value_size);
    }
    while (window_next(&view, &slot))
        window->kind->add(value, &slot, &shown_to);
}

/* Those of the frame that are newer. */
static uint32_t newer_count(const struct visit *visit, const struct frame *frame,
                            struct place place)
{
    const struct cursor *entry =
        frame->entry == INDEX_NONE ? NULL : &visit_cursors(visit)[frame->entry];
    uint32_t count = 0;
    while (ring_newer(visit, &place)) {
        if (entry && entry->next_ms != TIME_NEVER && place_equal(place, entry->place))
            break;
        count += slot_passes(visit->entity, frame, ring_slot(visit, place));
    }
    return count;
}

void frame_insert(const struct visit *visit, const struct frame *frame, struct place place)
{
    const struct slot *slot = ring_slot(visit, place);
    uint32_t newer = UINT32_MAX;
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &visit->entity->window[frame->window_first + i];
        if (!window->kind->ordered)
            continue;
        if (!window->kind->insert || (window->kind->oldest && frame->has_base)) {
            window_rebuild(visit, frame, window);
            continue;
        }
        newer = newer == UINT32_MAX ? newer_count(visit, frame, place) : newer;
        struct slot_view shown = slot_show(visit->entity, window, slot);
        struct window_view view = window_open(visit, window, false);
        window->kind->insert(visit->bytes + window->offset, &shown, newer, &view);
    }
}

void frame_enter_late(const struct visit *visit, const struct frame *frame, struct place place)
{
    const struct slot *slot = ring_slot(visit, place);
    if (!slot_passes(visit->entity, frame, slot))
        return;
    if (frame->own) {
        frame->form->enter_late(visit, frame, place);
        return;
    }
    take(visit, frame, slot, false);
    frame_insert(visit, frame, place);
}

static inline void frame_leave(const struct visit *visit, const struct frame *frame,
                               const struct slot *slot)
{
    if (slot_passes(visit->entity, frame, slot))
        release(visit, frame, slot, true);
}

void frame_reorder(const struct visit *visit, const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &visit->entity->window[frame->window_first + i];
        if (window->kind->ordered)
            window_rebuild(visit, frame, window);
    }
}

void bases_enter(const struct visit *visit, const struct slot *slot)
{
    const struct entity *entity = visit->entity;
    for (uint32_t f = 0; f < entity->frame_count; f++) {
        const struct frame *frame = &entity->frame[f];
        if (!frame->has_base || !slot_passes(entity, frame, slot) ||
            !frame_holds(entity, frame, slot->time_ms, visit_head(visit)->newest_ms))
            continue;
        for (uint32_t i = 0; i < frame->moment_count; i++) {
            const struct moment *moment = &entity->moment[frame->moment_first + i];
            moment_enter(entity, moment, (double *)(visit->bytes + moment->base), slot);
        }
        for (uint32_t i = 0; i < frame->window_count; i++) {
            const struct window *window = &entity->window[frame->window_first + i];
            if (!window->kind->read)
                continue;
            struct window_view view = window_open(visit, window, false);
            struct slot_view shown = slot_show(entity, window, slot);
            window->kind->add(visit->bytes + window->base, &shown, &view);
        }
    }
}

static inline void cursor_step(const struct visit *visit, const struct edge *edge,
                               struct cursor *cursor)
{
    if (ring_newer(visit, &cursor->place))
        cursor->next_ms =
            edge_crossing_ms(visit->entity, edge, ring_slot(visit, cursor->place)->time_ms);
    else
        *cursor = (struct cursor){.next_ms = TIME_NEVER};
}

/* Does a cursor hold the slot, which is the oldest, though its time to be dropped has come? */
static bool is_held(const struct visit *visit, struct place oldest)
{
    const struct entity *entity = visit->entity;
    const struct cursor *cursor = visit_cursors(visit);
    for (uint32_t i = entity->distance_count; i + 1 < entity->edge_count; i++)
        if (cursor[i].next_ms != TIME_NEVER && place_equal(cursor[i].place, oldest))
            return true;
    return false;
}

/* The slot at the edge's cursor crosses; or the session ends whose edge it is.  False if the slot
 * must stay. */
static bool edge_cross(const struct visit *visit, const struct edge *edge, struct cursor *cursor)
{
    const struct entity *entity = visit->entity;
    struct place place = cursor->place;
    const struct slot *slot = ring_slot(visit, place);
    if (edge->frame != INDEX_NONE) {
        entity->frame[edge->frame].form->end(visit, &entity->frame[edge->frame]);
        return true;
    }
    if (edge->drops && entity->holds && is_held(visit, place))
        return false;
    cursor_step(visit, edge, cursor);
    for (uint32_t i = 0; i < edge->enter_count; i++)
        frame_enter(visit, &entity->frame[edge->enter[i]], slot, place);
    for (uint32_t i = 0; i < edge->leave_count; i++)
        frame_leave(visit, &entity->frame[edge->leave[i]], slot);
    if (!edge->drops)
        return true;
    if (entity->lateness_ms)
        bases_enter(visit, slot);
    ring_drop(visit, place);
    return true;
}

static inline void edge_advance(const struct visit *visit, uint32_t index, int64_t now_ms)
{
    struct cursor *cursor = &visit_cursors(visit)[index];
    while (cursor->next_ms <= now_ms)
        if (!edge_cross(visit, &visit->entity->edge[index], cursor))
            return;
}

void edges_advance(const struct visit *visit, int64_t now_ms)
{
    for (uint32_t i = 0; i < visit->entity->edge_count; i++)
        edge_advance(visit, i, now_ms);
    if (__builtin_expect(visit_head(visit)->panes != 0, 0))
        panes_advance(visit, now_ms);
}

void edges_drop(const struct visit *visit)
{
    edge_advance(visit, visit->entity->edge_count - 1, visit_head(visit)->newest_ms);
}

/* Slots of one period cross together, the oldest first. */
static void period_entered(const struct visit *visit, const struct edge *edge,
                           struct cursor *cursor, struct place place, int64_t time_ms)
{
    if (cursor->next_ms != TIME_NEVER && ring_slot(visit, cursor->place)->time_ms <= time_ms)
        return;
    int64_t next_ms = edge_crossing_ms(visit->entity, edge, time_ms);
    if (next_ms > visit_head(visit)->newest_ms)
        *cursor = (struct cursor){.next_ms = next_ms, .place = place};
}

/* The edges behind the distances.  The oldest slot stays at the last one, however old it is. */
static void others_entered(const struct visit *visit, struct place place, int64_t time_ms)
{
    const struct entity *entity = visit->entity;
    struct cursor *cursor = visit_cursors(visit);
    uint32_t last = entity->edge_count - 1;
    for (uint32_t i = entity->distance_count; i < last; i++)
        if (entity->edge[i].period != INDEX_NONE)
            period_entered(visit, &entity->edge[i], &cursor[i], place, time_ms);
    int64_t next_ms = time_ms + entity->edge[last].distance_ms;
    if (next_ms < cursor[last].next_ms)
        cursor[last] = (struct cursor){.next_ms = next_ms, .place = place};
}

void edges_entered(const struct visit *visit, struct place place, int64_t time_ms)
{
    const struct entity *entity = visit->entity;
    struct cursor *cursor = visit_cursors(visit);
    int64_t newest_ms = visit_head(visit)->newest_ms;
    for (uint32_t i = 0; i < entity->distance_count; i++) {
        int64_t next_ms = time_ms + entity->edge[i].distance_ms;
        /* Behind those of its own time, so an equal one stands before it. */
        if (next_ms > newest_ms && next_ms < cursor[i].next_ms)
            cursor[i] = (struct cursor){.next_ms = next_ms, .place = place};
    }
    if (__builtin_expect(entity->holds, 0))
        others_entered(visit, place, time_ms);
}

/* Is a slot that goes now lost to some frame?  It is not to those that it has left, nor to sums
 * that keep it anyway. */
static bool is_missed(const struct visit *visit, const struct frame *frame, const struct slot *slot)
{
    const struct entity *entity = visit->entity;
    int64_t newest_ms = visit_head(visit)->newest_ms;
    if (frame->keeps || !slot_passes(entity, frame, slot) || frame_has_panes(visit, frame))
        return false;
    if (frame->form->leaves_ms)
        return frame_leaves_ms(entity, frame, slot->time_ms) > newest_ms;
    return frame->own || slot->time_ms + frame->delay_ms > newest_ms;
}

void events_lost(const struct visit *visit, const struct slot *slot, bool spilled)
{
    const struct entity *entity = visit->entity;
    struct entity_counters *counters = entity_counters(entity, visit->state);
    bool missed = !spilled;
    for (uint32_t f = 0; f < entity->frame_count && !missed; f++)
        missed = is_missed(visit, &entity->frame[f], slot);
    counters->events_spilled += spilled;
    counters->events_dropped += missed;
}

/* Frames that hold it: it has crossed their entry, and their exit's cursor stands at it. */
void edges_drop_oldest(const struct visit *visit)
{
    const struct entity *entity = visit->entity;
    struct cursor *cursor = visit_cursors(visit);
    struct place oldest = cursor[entity->edge_count - 1].place;
    const struct slot *slot = ring_slot(visit, oldest);
    int64_t newest_ms = visit_head(visit)->newest_ms, time_ms = slot->time_ms;
    for (uint32_t i = 0; i < entity->edge_count; i++)
        if (cursor[i].next_ms != TIME_NEVER && place_equal(cursor[i].place, oldest)) {
            if (entity->edge[i].frame == INDEX_NONE)
                cursor_step(visit, &entity->edge[i], &cursor[i]);
            else
                frame_leave_oldest(visit, &entity->frame[entity->edge[i].frame], true);
        }
    for (uint32_t f = 0; f < entity->frame_count; f++) {
        const struct frame *frame = &entity->frame[f];
        if (frame->form->leaves_ms && frame_holds(entity, frame, time_ms, newest_ms))
            frame_leave(visit, frame, slot);
    }
    if (entity->lateness_ms)
        bases_enter(visit, slot);
    events_lost(visit, slot, panes_spill(visit, slot));
    ring_drop(visit, oldest);
}

bool frame_holds(const struct entity *entity, const struct frame *frame, int64_t time_ms,
                 int64_t newest_ms)
{
    if (time_ms + frame->delay_ms > newest_ms)
        return false;
    return !frame->form->leaves_ms || frame_leaves_ms(entity, frame, time_ms) > newest_ms;
}

/* Among equal times the cursor's slot and those behind it. */
bool frame_holds_slot(const struct visit *visit, const struct frame *frame, struct place place)
{
    int64_t time_ms = ring_slot(visit, place)->time_ms;
    if (!frame_holds(visit->entity, frame, time_ms, visit_head(visit)->newest_ms))
        return false;
    if (!frame->own)
        return true;
    if (frame_held(visit, frame)->count == 0 || time_ms < frame_oldest_ms(visit, frame))
        return false;
    struct place at = frame_cursor(visit, frame)->place;
    if (time_ms > ring_slot(visit, at)->time_ms)
        return true;
    while (!place_equal(at, place))
        if (!ring_newer(visit, &at) || ring_slot(visit, at)->time_ms > time_ms)
            return false;
    return true;
}

void frame_leave_oldest(const struct visit *visit, const struct frame *frame, bool in_order)
{
    struct cursor *cursor = frame_cursor(visit, frame);
    const struct slot *slot = ring_slot(visit, cursor->place);
    if (--frame_held(visit, frame)->count == 0)
        *cursor = (struct cursor){.next_ms = TIME_NEVER};
    else
        do {
            bool found = ring_newer(visit, &cursor->place);
            ASSERT(found);
        } while (!slot_passes(visit->entity, frame, ring_slot(visit, cursor->place)));
    frame_release(visit, frame, slot, in_order);
}

void frame_clear(const struct visit *visit, const struct frame *frame)
{
    const struct entity *entity = visit->entity;
    *frame_cursor(visit, frame) = (struct cursor){.next_ms = TIME_NEVER};
    *frame_held(visit, frame) = (struct held){0};
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        memset(moment_cells(visit, moment), 0, moment_size(moment->needs));
    }
    for (uint32_t i = 0; i < frame->multiset_count; i++)
        multiset_clear(visit, &entity->multiset[frame->multiset_first + i]);
    for (uint32_t i = 0; i < frame->window_count; i++) {
        const struct window *window = &entity->window[frame->window_first + i];
        if (window->kind->read)
            memset(visit->bytes + window->offset, 0, window->kind->value_size);
    }
}

/* What the frame's panes hold; NULL: there are none. */
static inline const uint8_t *frame_total(const struct visit *visit, const struct frame *frame)
{
    return __builtin_expect(frame_has_panes(visit, frame), 0) ? panes_total(visit, frame) : NULL;
}

/* Of kinds that do not finish moments. */
static __attribute__((noinline)) void window_read(const struct visit *visit,
                                                  const struct window *window,
                                                  const struct batch *batch, uint32_t row)
{
    const struct entity *entity = visit->entity;
    const struct aggregate_kind *kind = window->kind;
    struct window_view view = window_open(visit, window, window->before);
    struct slot_view event = slot_show(entity, window, visit->slot);
    struct window_span span = window_reading(visit, window);
    union value result = {0};
    bool found;
    const uint8_t *total = frame_total(visit, &entity->frame[window->frame]);
    if (kind->ask) {
        struct values values = multiset_values(visit, &entity->multiset[window->multiset], &view);
        if (total)
            pane_values_show(visit, &entity->multiset[window->multiset], total, &values);
        found = kind->ask(&values, &event, &span, &result);
    } else if (total && window->pane != INDEX_NONE) {
        found = panes_read(visit, window, total, &event, &span, &view, &result);
    } else {
        found = kind->read(visit->bytes + window->offset, &event, &span, &view, &result);
    }
    window_result(window, batch, row, found, result);
}

/* The commonest without a call. */
static inline double window_finish(const struct visit *visit, const struct window *window,
                                   const double *moment)
{
    const struct aggregate_kind *kind = window->kind;
    if (kind->finish_is == FINISH_COUNT)
        return moment[MOMENT_COUNT];
    if (kind->finish_is == FINISH_SUM)
        return moment[MOMENT_SUM];
    if (kind->finish_is == FINISH_MEAN)
        return moment[MOMENT_COUNT] > 0 ? moment[MOMENT_SUM] / moment[MOMENT_COUNT] : MISSING;
    struct window_span span = window_reading(visit, window);
    return kind->finish(moment_show(moment), &span);
}

/* Windows [first, end) of the frame. */
static inline void frame_read(const struct visit *visit, const struct frame *frame, uint32_t first,
                              uint32_t end, const struct batch *batch, uint32_t row)
{
    const struct window *window = &visit->entity->window[frame->window_first];
    const uint8_t *total = frame_total(visit, frame);
    double joined[MOMENT_CELLS_MAX];
    for (uint32_t i = first; i < end; i++) {
        if (!window[i].kind->finish) {
            window_read(visit, &window[i], batch, row);
            continue;
        }
        const double *moment = (const double *)(visit->bytes + window[i].offset);
        if (__builtin_expect(total != NULL, 0))
            moment = panes_join(&visit->entity->moment[window[i].moment], moment, total, joined);
        union value result = {.number = window_finish(visit, &window[i], moment)};
        window_result(&window[i], batch, row, true, result);
    }
}

void frames_pass(const struct visit *visit, uint32_t first, uint32_t end, const struct batch *batch,
                 uint32_t row)
{
    for (uint32_t f = first; f < end; f++) {
        const struct frame *frame = &visit->entity->frame[f];
        frame_read(visit, frame, 0, frame->before_count, batch, row);
        if (frame->delay_ms == 0)
            frame_enter(visit, frame, visit->slot, visit->place);
        frame_read(visit, frame, frame->before_count, frame->window_count, batch, row);
    }
}
