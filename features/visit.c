/* An event comes to one of its entities; see pass.h. */
#include "features/pane.h"
#include "features/pass.h"
#include <string.h>

void visit_room(const struct visit *visit)
{
    if (visit_head(visit)->slot_count == visit->entity->slots_max)
        edges_spill(visit);
    while (!ring_make_room(visit))
        edges_drop_oldest(visit);
}

static void enter_in_order(struct visit *visit, bool passes)
{
    struct entity_head *head = visit_head(visit);
    if (visit->entity->plain.is) {
        plain_begin(visit);
        return;
    }
    head->newest_ms = visit->time_ms;
    if (!visit->entity->has_slots)
        return;
    edges_advance(visit, visit->time_ms);
    if (!passes)
        return;
    visit_room(visit);
    visit->place = ring_append(visit, visit->time_ms);
    visit->slot = ring_slot_write(visit, visit->place);
    visit->in_ring = true;
    edges_entered(visit, visit->place, visit->time_ms);
}

static bool oldest_is_newer(const struct visit *visit)
{
    struct place oldest;
    return ring_oldest(visit, &oldest) && ring_slot(visit, oldest)->time_ms > visit->time_ms;
}

/* It has no slot if it would be the oldest of too many. */
static enum visit_kind enter_late(struct visit *visit, bool passes)
{
    const struct entity *entity = visit->entity;
    if (!passes)
        return VISIT_READ;
    if (visit_head(visit)->slot_count >= entity->events_max && oldest_is_newer(visit)) {
        bool spilled = panes_ready(visit);
        struct entity_counters *counters = entity_counters(entity, visit->state);
        counters->events_spilled += spilled;
        counters->events_dropped += !spilled;
        return spilled ? VISIT_PAST : VISIT_READ;
    }
    /* Of a group some might be newer than the event: only the oldest goes. */
    if (visit_head(visit)->slot_count == entity->slots_max)
        edges_drop_oldest(visit);
    while (!ring_make_room(visit))
        edges_drop_oldest(visit);
    /* A block may have to be split.  Dropping ends: it gives our own blocks back. */
    while (visit_head(visit)->newest_block && !entity_reserve_block(visit))
        edges_drop_oldest(visit);
    visit->place = ring_insert(visit, visit->time_ms);
    visit->slot = ring_slot_write(visit, visit->place);
    visit->in_ring = true;
    edges_entered(visit, visit->place, visit->time_ms);
    return VISIT_LATE;
}

static void fill(const struct entity *entity, struct slot *slot, uint32_t level,
                 const struct batch *batch, uint32_t row)
{
    for (uint32_t i = 0; i < entity->cell_count; i++) {
        const struct cell *cell = &entity->cell[i];
        if (cell->level != level)
            continue;
        union value value = batch_column(batch, cell->value)[row];
        if (cell->is_label)
            value.number = 0;
        else if (!cell->is_key) /* one NaN, one zero: distinct compares bits */
            value.number = value.number == value.number ? value.number + 0.0 : MISSING;
        slot->cell[i] = value;
    }
    for (uint32_t i = 0; i < entity->condition_count; i++) {
        const struct condition *condition = &entity->condition[i];
        if (condition->level == level && batch_column(batch, condition->value)[row].number == 1)
            slot->cell[entity->cell_count].key |= 1ULL << i;
    }
}

/* Who has expired is as if never seen, whether or not the sweep has been there. */
static void expire_first(struct visit *visit, uint64_t key, int64_t newest_ms)
{
    const struct entity *entity = visit->entity;
    if (entity->expire_ms == 0)
        return;
    if (visit->row == STATE_NO_ROW || !entity_is(entity, visit->state, visit->row, key))
        visit->row = keymap_find(&entity->map, visit->state, key);
    if (visit->row != STATE_NO_ROW && entity_expire(entity, visit->state, visit->row, newest_ms))
        visit->row = STATE_NO_ROW;
}

/* After a silence an event may be believed by its arrival alone: then it is the newest, before what
 * follows bears it out. */
static int64_t newest_seen(const struct batch *batch, uint32_t row)
{
    bool newer = !batch->ahead[row] && batch->time_ms[row] > batch->newest_ms[row];
    return newer ? batch->time_ms[row] : batch->newest_ms[row];
}

/* Read, not entered: counted, and told to whoever looks after late events. */
static void came_too_late(const struct visit *visit, const struct batch *batch, uint32_t row,
                          int64_t behind_ms)
{
    entity_counters(visit->entity, visit->state)->late++;
    batch->late[row].entities |= 1U << visit->entity->index;
    if (behind_ms > batch->late[row].behind_ms)
        batch->late[row].behind_ms = behind_ms;
}

/* Could it be in any window?  (A condition with either label.) */
static bool passes_any(const struct entity *entity, const struct batch *batch, uint32_t row)
{
    if (!entity->skips)
        return true;
    for (uint32_t i = 0; i < entity->condition_count; i++)
        if (batch_column(batch, entity->condition[i].value)[row].number == 1)
            return true;
    return false;
}

void visit_begin(const struct features *features, struct visit *visit, const struct batch *batch,
                 uint32_t row, uint64_t key)
{
    const struct entity *entity = visit->entity;
    visit->kind = VISIT_NONE;
    if (key == 0)
        return;
    visit->time_ms = batch->time_ms[row];
    expire_first(visit, key, newest_seen(batch, row));
    /* An entity that began in the future would take all that follow for late. */
    if (batch->ahead[row] && keymap_find(&entity->map, visit->state, key) == STATE_NO_ROW)
        return;
    if (visit->row == STATE_NO_ROW || !entity_is(entity, visit->state, visit->row, key))
        visit->row = entity_enter(entity, visit->state, key, visit->time_ms);
    visit->bytes = state_write_row(visit->state, entity->row_region, visit->row);
    visit->slot = features->scratch[entity->index];
    visit->in_ring = false;
    bool passes = passes_any(entity, batch, row);
    int64_t behind_ms = visit_head(visit)->newest_ms - visit->time_ms;
    if (batch->ahead[row]) {
        visit->kind = VISIT_READ;
    } else if (behind_ms <= 0) {
        visit->kind = VISIT_ORDER;
        enter_in_order(visit, passes);
    } else if (behind_ms <= entity->lateness_ms) {
        visit->kind = enter_late(visit, passes);
    } else {
        visit->kind = VISIT_READ;
        came_too_late(visit, batch, row, behind_ms);
    }
    if (!visit->in_ring) {
        memset(visit->slot, 0, entity->slot_size);
        visit->slot->time_ms = visit->time_ms;
    }
    if (entity->history_key != INDEX_NONE)
        visit->slot->cell[entity->cell_count].key = slot_tag(batch->number[row]);
}

static void level_missing(const struct entity *entity, uint32_t first, uint32_t end,
                          const struct batch *batch, uint32_t row)
{
    union value nothing = {0};
    for (uint32_t f = first; f < end; f++) {
        const struct frame *frame = &entity->frame[f];
        for (uint32_t i = 0; i < frame->window_count; i++)
            window_result(&entity->window[frame->window_first + i], batch, row, false, nothing);
    }
}

void visit_level(const struct features *features, const struct visit *visit, uint32_t level,
                 const struct batch *batch, uint32_t row)
{
    const struct entity *entity = visit->entity;
    uint32_t first = entity->level_first[level], end = entity->level_first[level + 1];
    if (visit->kind == VISIT_NONE) {
        level_missing(entity, first, end, batch, row);
        return;
    }
    if (entity->plain.is && level == 1 && visit->kind == VISIT_ORDER) {
        plain_pass(visit, batch, row);
        return;
    }
    fill(entity, visit->slot, level - 1, batch, row);
    if (visit->kind == VISIT_ORDER) {
        frames_pass(visit, first, end, batch, row);
        return;
    }
    late_read(features, visit, level, batch, row);
    if (visit->kind == VISIT_PAST)
        panes_enter(visit, first, end, visit->slot);
    if (visit->kind != VISIT_LATE)
        return;
    int64_t newest_ms = visit_head(visit)->newest_ms;
    for (uint32_t f = first; f < end; f++)
        if (frame_holds(entity, &entity->frame[f], visit->time_ms, newest_ms))
            frame_enter_late(visit, &entity->frame[f], visit->place);
}
