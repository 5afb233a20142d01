/* Labels become known after their event has entered its windows: its slot is looked up by time and
 * number, and the frames that hold it are corrected. */
#include "features/fetch.h"
#include "features/pane.h"
#include "features/pass.h"

/* The search begins at the nearest of the ends and the cursors: a label that comes after the delay
 * of a window finds its slot right where that window begins.  INDEX_NONE: at the newest end. */
static uint32_t nearest_cursor(const struct entity *entity, const struct entity_head *head,
                               int64_t time_ms, bool *backward)
{
    const struct cursor *cursor = (const struct cursor *)(head + 1);
    uint32_t nearest = INDEX_NONE;
    *backward = true;
    int64_t nearest_ms = head->newest_ms - time_ms;
    for (uint32_t i = 0; i < entity->edge_count; i++) {
        if (cursor[i].next_ms == TIME_NEVER || entity->edge[i].period != INDEX_NONE ||
            entity->edge[i].frame != INDEX_NONE)
            continue;
        int64_t after_ms = cursor[i].next_ms - entity->edge[i].distance_ms - time_ms;
        int64_t distance_ms = after_ms < 0 ? -after_ms : after_ms;
        if (after_ms == 0 || distance_ms >= nearest_ms)
            continue;
        nearest_ms = distance_ms;
        nearest = i;
        *backward = after_ms > 0;
    }
    return nearest;
}

uint32_t label_block(const struct entity *entity, const struct state *state, uint64_t row,
                     int64_t time_ms)
{
    const struct entity_head *head = state_read(state, entity->row_region, row);
    const struct cursor *cursor = (const struct cursor *)(head + 1);
    if (!head->newest_block)
        return 0;
    bool backward;
    uint32_t nearest = nearest_cursor(entity, head, time_ms, &backward);
    return nearest == INDEX_NONE ? head->newest_block : cursor[nearest].place.block;
}

static bool slot_find(const struct visit *visit, int64_t time_ms, uint64_t number,
                      struct place *place)
{
    if (visit_head(visit)->slot_count == 0)
        return false;
    bool backward;
    uint32_t nearest = nearest_cursor(visit->entity, visit_head(visit), time_ms, &backward);
    if (nearest == INDEX_NONE)
        ring_newest(visit, place);
    else
        *place = visit_cursors(visit)[nearest].place;
    for (;;) {
        const struct slot *slot = ring_slot(visit, *place);
        uint64_t tag = slot->cell[visit->entity->cell_count].key;
        if (slot->time_ms == time_ms && tag_number(tag) == number)
            return true;
        if (backward ? slot->time_ms < time_ms : slot->time_ms > time_ms)
            return false;
        if (!(backward ? ring_older(visit, place) : ring_newer(visit, place)))
            return false;
    }
}

/* The row of the key, which is probably `guess`. */
static uint64_t row_find(const struct entity *entity, const struct state *state, uint64_t key,
                         uint64_t guess)
{
    if (key == 0)
        return STATE_NO_ROW;
    if (guess != STATE_NO_ROW && entity_is(entity, state, guess, key))
        return guess;
    return keymap_find(&entity->map, state, key);
}

/* The slot knows its label; of a spilled event `old` is what windows took it for. */
static void label_apply(const struct entity *entity, struct state *state,
                        const struct history *history, uint64_t number, uint64_t guess,
                        double label, double old)
{
    const struct event_row *event =
        number == NUMBER_NONE ? NULL : history_event(history, state, number);
    if (!event || label != label)
        return;
    uint64_t key = history_keys(history, state, number)[entity->history_key];
    uint64_t row = row_find(entity, state, key, guess);
    if (row == STATE_NO_ROW)
        return;
    struct visit visit = {.entity = entity, .state = state, .row = row};
    visit.bytes = state_write_row(state, entity->row_region, row);
    struct place place;
    if (slot_find(&visit, event->time_ms, number, &place))
        frames_correct(&visit, place, label);
    else
        panes_correct(&visit, event->time_ms, label - old);
}

void labels_before(const struct entity *entity, struct state *state, const struct batch *batch,
                   uint32_t row, uint64_t guess, const struct history *history)
{
    struct matured told = batch->told[row];
    for (uint64_t number = told.from; number < told.to; number++) {
        const struct event_row *event = history_event(history, state, number);
        if (event && event->flags & EVENT_TOLD)
            label_apply(entity, state, history, number, STATE_NO_ROW, event->carried, 0);
    }
    if (label_corrects(batch, row))
        label_apply(entity, state, history, batch->number[row], guess, batch->label[row],
                    batch->join[row] == JOIN_CORRECTED ? 1 - batch->label[row] : 0);
}

void labels_after(const struct entity *entity, struct state *state, const struct batch *batch,
                  uint32_t row, const struct history *history)
{
    if (batch->kind[row] == RECORD_EVENT && !batch->dead[row])
        label_apply(entity, state, history, batch->number[row], STATE_NO_ROW,
                    batch->label_early[row], 0);
}
