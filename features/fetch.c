/* Asking for the lines of rows and blocks; see fetch.h. */
#include "features/fetch.h"

enum { LINE = 64, BLOCK_PREFETCH = 256 /* bytes of a block */ };

static inline void prefetch_block(const struct entity *entity, const struct state *state,
                                  uint32_t block)
{
    const uint8_t *bytes = state_read(state, entity->block_region, block - 1);
    for (uint32_t offset = 0; offset < entity->block_size && offset < BLOCK_PREFETCH;
         offset += LINE)
        __builtin_prefetch(bytes + offset, 1);
}

/* Will its slot be read?  Those that no time moves belong to windows that are mostly full. */
static inline bool cursor_moves(const struct cursor *cursor, int64_t time_ms)
{
    return cursor->next_ms <= time_ms || cursor->next_ms == TIME_HELD;
}

/* What the event of a label was remembered by; 0: there is nothing to correct. */
static uint64_t label_key(const struct unit *unit, const struct state *state,
                          const struct batch *batch, uint32_t row)
{
    if (!unit->history || !label_corrects(batch, row) ||
        !history_event(unit->history, state, batch->number[row]))
        return 0;
    return history_keys(unit->history, state, batch->number[row])[unit->entity->history_key];
}

void fetch_index(struct unit *unit, const struct state *state, const struct batch *batch,
                 uint32_t i)
{
    uint32_t row = unit->from + i;
    unit->key[i] = batch_is_event(batch, row) ? entity_key(unit->entity, batch, row)
                                              : label_key(unit, state, batch, row);
    unit->row[i] = STATE_NO_ROW;
    unit->moves[i] = false;
    if (unit->key[i])
        keymap_prefetch(&unit->entity->map, state, unit->key[i]);
}

void fetch_row(struct unit *unit, const struct state *state, const struct batch *batch, uint32_t i)
{
    const struct entity *entity = unit->entity;
    if (!unit->key[i])
        return;
    unit->row[i] = keymap_guess(&entity->map, state, unit->key[i]);
    if (unit->row[i] == STATE_NO_ROW) {
        unit->strangers += batch_is_event(batch, unit->from + i);
        return;
    }
    const uint8_t *bytes = state_read(state, entity->row_region, unit->row[i]);
    for (uint32_t offset = 0; offset < entity->row_size; offset += LINE)
        __builtin_prefetch(bytes + offset, 1);
}

static void fetch_label(const struct unit *unit, const struct state *state,
                        const struct batch *batch, uint32_t i)
{
    const struct event_row *event =
        history_event(unit->history, state, batch->number[unit->from + i]);
    uint32_t block = event ? label_block(unit->entity, state, unit->row[i], event->time_ms) : 0;
    if (block)
        prefetch_block(unit->entity, state, block);
}

/* The row has come: which blocks will the event touch? */
void fetch_blocks(struct unit *unit, const struct state *state, const struct batch *batch,
                  uint32_t i)
{
    const struct entity *entity = unit->entity;
    if (!entity->has_slots || unit->row[i] == STATE_NO_ROW)
        return;
    const struct entity_head *head = state_read(state, entity->row_region, unit->row[i]);
    const struct cursor *cursor = (const struct cursor *)(head + 1);
    if (!head->newest_block)
        return;
    if (!batch_is_event(batch, unit->from + i)) {
        fetch_label(unit, state, batch, i);
        return;
    }
    int64_t time_ms = batch->time_ms[unit->from + i];
    for (uint32_t e = 0; e < entity->edge_count; e++)
        if (cursor_moves(&cursor[e], time_ms) && cursor[e].place.block) {
            prefetch_block(entity, state, cursor[e].place.block);
            unit->moves[i] = true;
        }
    if (head->inline_count == entity->inline_slots)
        prefetch_block(entity, state, head->newest_block);
}

/* The blocks have come: cursors at a block's end go on to the next one. */
void fetch_next(const struct unit *unit, const struct state *state, const struct batch *batch,
                uint32_t i)
{
    const struct entity *entity = unit->entity;
    if (!unit->moves[i])
        return;
    const struct entity_head *head = state_read(state, entity->row_region, unit->row[i]);
    const struct cursor *cursor = (const struct cursor *)(head + 1);
    int64_t time_ms = batch->time_ms[unit->from + i];
    for (uint32_t e = 0; e < entity->edge_count; e++) {
        struct place place = cursor[e].place;
        if (!cursor_moves(&cursor[e], time_ms) || !place.block)
            continue;
        const struct block_head *block = state_read(state, entity->block_region, place.block - 1);
        if (place.slot + 1 >= block->count && block->newer)
            prefetch_block(entity, state, block->newer);
    }
}
