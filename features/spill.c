/* Slots go before their time: one, or a group at once; see frame.h and pane.h.
 *
 * A ring that is full lets go of a group, so that what each spilling looks up, and lines that
 * nobody else reads, are paid for once a group:
 *
 *     events_max - 1 | spill_group         slots_max, and one more comes
 *     kept           | spilled             then there are events_max */
#include "features/form.h"
#include "features/pane.h"

/* Is a slot that goes now lost to some frame?  It is not to those that it has left, nor to sums
 * that keep it anyway. */
static bool is_missed(const struct visit *visit, const struct frame *frame, const struct slot *slot)
{
    const struct entity *entity = visit->entity;
    int64_t newest_ms = visit_head(visit)->newest_ms;
    if (frame->keeps || frame_has_panes(visit, frame) || !slot_passes(entity, frame, slot))
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

static inline void leave(const struct visit *visit, const struct frame *frame,
                         const struct slot *slot)
{
    if (slot_passes(visit->entity, frame, slot))
        frame_release(visit, frame, slot, true);
}

/* The oldest slot leaves the cursors, and the frames that hold it: it has crossed their entry, and
 * their exit's cursor stands at it. */
static void oldest_leave(const struct visit *visit, struct place oldest, const struct slot *slot)
{
    const struct entity *entity = visit->entity;
    struct cursor *cursor = visit_cursors(visit);
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
            leave(visit, frame, slot);
    }
    if (entity->lateness_ms)
        bases_enter(visit, slot);
}

void edges_drop_oldest(const struct visit *visit)
{
    struct place oldest = visit_cursors(visit)[visit->entity->edge_count - 1].place;
    const struct slot *slot = ring_slot(visit, oldest);
    oldest_leave(visit, oldest, slot);
    events_lost(visit, slot, panes_spill(visit, slot));
    ring_drop(visit, oldest);
}

/* The slots stay where they are until panes have them all. */
void edges_spill(const struct visit *visit)
{
    const struct entity *entity = visit->entity;
    const struct cursor *last = &visit_cursors(visit)[entity->edge_count - 1];
    struct place place[SPILL_MAX];
    const struct slot *slot[SPILL_MAX];
    bool spilled = false;
    for (uint32_t i = 0; i < entity->spill_group; i++) {
        place[i] = last->place;
        slot[i] = ring_slot(visit, place[i]);
        oldest_leave(visit, place[i], slot[i]);
        spilled = panes_spill_single(visit, slot[i]);
    }
    if (spilled)
        panes_spill_sums(visit, slot, entity->spill_group);
    for (uint32_t i = 0; i < entity->spill_group; i++) {
        events_lost(visit, slot[i], spilled);
        ring_drop(visit, place[i]);
    }
}
