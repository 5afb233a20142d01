/* Windows by difference; see past.h.
 *
 *     window at t          (--------------------]
 *     running, at T               (-----------------------]        t <= T, both less the delay
 *                           comes                 goes
 *                           back
 *
 * What comes back still has its slots: they are kept for the lateness on top of the window. */
#include "features/past.h"
#include <string.h>

/* The newest slot that has crossed the edge (INDEX_NONE: all have); false if there is none. */
static bool newest_behind(const struct visit *visit, uint32_t edge, struct place *place)
{
    if (edge == INDEX_NONE || visit_cursors(visit)[edge].next_ms == TIME_NEVER)
        return ring_newest(visit, place);
    *place = visit_cursors(visit)[edge].place;
    return ring_older(visit, place);
}

static bool is_part(const struct visit *visit, const struct frame *frame, const struct slot *slot)
{
    return slot != visit->slot && slot_passes(visit->entity, frame, slot);
}

static void past_remove(struct past *past, const struct visit *visit, const struct frame *frame,
                        const struct slot *slot)
{
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &visit->entity->moment[frame->moment_first + i];
        if (moment->cell == INDEX_NONE) {
            past->cells[i][MOMENT_COUNT] -= 1;
            continue;
        }
        union value value = slot->cell[moment->cell];
        if (cell_missing(&visit->entity->cell[moment->cell], value))
            continue;
        moment_remove(past->cells[i], moment->needs, value.number);
        if (moment_doubtful(past->cells[i], moment->needs, value.number))
            past->known[i] = false;
    }
}

static void past_add(struct past *past, const struct visit *visit, const struct frame *frame,
                     const struct slot *slot)
{
    for (uint32_t i = 0; i < frame->moment_count; i++)
        moment_enter(visit->entity, &visit->entity->moment[frame->moment_first + i], past->cells[i],
                     slot);
}

/* What has entered since. */
static void entered_go(struct past *past, const struct visit *visit, const struct frame *frame,
                       int64_t until_ms)
{
    struct place place;
    bool more = newest_behind(visit, frame->entry, &place);
    for (; more; more = ring_older(visit, &place)) {
        const struct slot *slot = ring_slot(visit, place);
        if (slot->time_ms <= until_ms)
            return;
        if (is_part(visit, frame, slot))
            past_remove(past, visit, frame, slot);
    }
}

/* What has left since. */
static void left_return(struct past *past, const struct visit *visit, const struct frame *frame,
                        int64_t until_ms)
{
    struct form_reach reach = {.until_ms = until_ms};
    struct place place;
    bool more = frame->exit != INDEX_NONE && newest_behind(visit, frame->exit, &place);
    for (; more; more = ring_older(visit, &place)) {
        const struct slot *slot = ring_slot(visit, place);
        if (!frame->form->reaches(visit->entity, frame, &reach, slot->time_ms))
            return;
        if (is_part(visit, frame, slot))
            past_add(past, visit, frame, slot);
    }
}

/* Does the frame still hold what it held then, in part? */
static bool overlaps(const struct visit *visit, const struct frame *frame, int64_t until_ms)
{
    return !frame->own && (frame->exit != INDEX_NONE || frame->has_base) &&
           frame_holds(visit->entity, frame, until_ms, visit_head(visit)->newest_ms);
}

void past_take(struct past *past, const struct visit *visit, const struct frame *frame)
{
    const struct entity *entity = visit->entity;
    int64_t until_ms = visit->time_ms - frame->delay_ms;
    bool known = overlaps(visit, frame, until_ms);
    for (uint32_t i = 0; i < frame->moment_count; i++) {
        const struct moment *moment = &entity->moment[frame->moment_first + i];
        past->known[i] = known;
        memcpy(past->cells[i], visit->bytes + moment->offset, moment_size(moment->needs));
    }
    if (!known || frame->moment_count == 0)
        return;
    entered_go(past, visit, frame, until_ms);
    left_return(past, visit, frame, until_ms);
}

/* Is the visit's own slot in the window? */
static bool is_own(const struct visit *visit, const struct window *window)
{
    const struct frame *frame = &visit->entity->frame[window->frame];
    return !window->before && frame->delay_ms == 0 &&
           slot_passes(visit->entity, frame, visit->slot);
}

bool past_slots_take(struct past_slots *past, const struct visit *visit,
                     const struct window *window, uint32_t most, struct slot_view *room)
{
    const struct entity *entity = visit->entity;
    const struct frame *frame = &entity->frame[window->frame];
    int64_t until_ms = visit->time_ms - frame->delay_ms;
    struct form_reach reach = {.until_ms = until_ms};
    struct place place;
    uint32_t count = 0, steps = 0;
    if (frame->exit == INDEX_NONE || !overlaps(visit, frame, until_ms))
        return false;
    bool more = newest_behind(visit, frame->entry, &place);
    for (; more && steps <= most; more = ring_older(visit, &place), steps++) {
        const struct slot *slot = ring_slot(visit, place);
        if (slot->time_ms <= until_ms)
            break;
        if (is_part(visit, frame, slot))
            room[count++] = slot_show(entity, window, slot);
    }
    *past = (struct past_slots){.entered = room, .left = room + count, .entered_count = count};
    more = newest_behind(visit, frame->exit, &place);
    for (; more && steps <= most; more = ring_older(visit, &place), steps++) {
        const struct slot *slot = ring_slot(visit, place);
        if (!frame->form->reaches(entity, frame, &reach, slot->time_ms))
            break;
        if (is_part(visit, frame, slot))
            room[count++] = slot_show(entity, window, slot);
    }
    if (is_own(visit, window))
        room[count++] = slot_show(entity, window, visit->slot);
    past->left_count = count - past->entered_count;
    return steps <= most;
}

bool past_oldest(const struct visit *visit, const struct window *window, struct slot_view *oldest,
                 uint32_t *count)
{
    const struct entity *entity = visit->entity;
    const struct frame *frame = &entity->frame[window->frame];
    int64_t until_ms = visit->time_ms - frame->delay_ms;
    struct form_reach reach = {.until_ms = until_ms};
    const struct slot *found = NULL;
    if (frame->exit == INDEX_NONE || !overlaps(visit, frame, until_ms))
        return false;
    struct place place;
    bool more = newest_behind(visit, frame->exit, &place);
    for (; more; more = ring_older(visit, &place)) {
        const struct slot *slot = ring_slot(visit, place);
        if (!frame->form->reaches(entity, frame, &reach, slot->time_ms))
            break;
        found = is_part(visit, frame, slot) ? slot : found;
    }
    const struct cursor *exit = &visit_cursors(visit)[frame->exit];
    place = exit->place;
    more = !found && exit->next_ms != TIME_NEVER;
    for (; more && !found; more = ring_newer(visit, &place)) {
        const struct slot *slot = ring_slot(visit, place);
        if (slot->time_ms > until_ms)
            break;
        found = is_part(visit, frame, slot) ? slot : NULL;
    }
    if (!found && is_own(visit, window))
        found = visit->slot;
    *count = found != NULL;
    if (found)
        *oldest = slot_show(entity, window, found);
    return true;
}
