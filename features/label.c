/* Labels become known after their event has entered its windows: its slot is looked up by time and
 * number, and the frames that hold it are corrected. */
#include "features/pane.h"
#include "features/pass.h"

/* The search begins at the nearest of the ends and the cursors: a label that comes after the delay
 * of a window finds its slot right where that window begins. */
static struct place search_start(const struct visit *visit, int64_t time_ms, bool *backward)
{
    const struct entity *entity = visit->entity;
    const struct cursor *cursor = visit_cursors(visit);
    struct place start;
    ring_newest(visit, &start);
    *backward = true;
    int64_t nearest_ms = visit_head(visit)->newest_ms - time_ms;
    for (uint32_t i = 0; i < entity->edge_count; i++) {
        if (cursor[i].next_ms == TIME_NEVER || entity->edge[i].period != INDEX_NONE ||
            entity->edge[i].frame != INDEX_NONE)
            continue;
        int64_t after_ms = cursor[i].next_ms - entity->edge[i].distance_ms - time_ms;
        int64_t distance_ms = after_ms < 0 ? -after_ms : after_ms;
        if (after_ms == 0 || distance_ms >= nearest_ms)
            continue;
        nearest_ms = distance_ms;
        start = cursor[i].place;
        *backward = after_ms > 0;
    }
    return start;
}

static bool slot_find(const struct visit *visit, int64_t time_ms, uint64_t number,
                      struct place *place)
{
    if (visit_head(visit)->slot_count == 0)
        return false;
    bool backward;
    *place = search_start(visit, time_ms, &backward);
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

/* The slot knows its label; of a spilled event `old` is what windows took it for. */
static void label_apply(const struct entity *entity, struct state *state,
                        const struct history *history, uint64_t number, double label, double old)
{
    const struct event_row *event =
        number == NUMBER_NONE ? NULL : history_event(history, state, number);
    if (!event || label != label)
        return;
    uint64_t key = history_keys(history, state, number)[entity->history_key];
    uint64_t row = key ? keymap_find(&entity->map, state, key) : STATE_NO_ROW;
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
                   uint32_t row, const struct history *history)
{
    struct matured told = batch->told[row];
    for (uint64_t number = told.from; number < told.to; number++) {
        const struct event_row *event = history_event(history, state, number);
        if (event && event->flags & EVENT_TOLD)
            label_apply(entity, state, history, number, event->carried, 0);
    }
    if (batch->kind[row] == RECORD_LABEL && !batch->dead[row] &&
        (batch->join[row] == JOIN_LEARNED || batch->join[row] == JOIN_CORRECTED))
        label_apply(entity, state, history, batch->number[row], batch->label[row],
                    batch->join[row] == JOIN_CORRECTED ? 1 - batch->label[row] : 0);
}

void labels_after(const struct entity *entity, struct state *state, const struct batch *batch,
                  uint32_t row, const struct history *history)
{
    if (batch->kind[row] == RECORD_EVENT && !batch->dead[row])
        label_apply(entity, state, history, batch->number[row], batch->label_early[row], 0);
}
