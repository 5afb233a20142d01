/* A batch through all entities; see features.h.
 *
 * An entity's rows lie scattered over gigabytes, so almost every visit would wait for memory.
 * Therefore a chunk of rows goes in phases, each of which asks for the lines that the next one
 * reads: the index's entry, the row, the blocks in which something will expire.  They change
 * nothing, so that no cut into chunks or batches can be seen in the state; a row that is gone by
 * the time of its visit is looked up again. */
#include "features/pass.h"
#include <string.h>

enum { CHUNK_ROWS = 64, LINE = 64, BLOCK_PREFETCH = 256 /* bytes of a block */ };

struct chunk {
    uint32_t from, to;
    uint64_t key[ENTITIES_MAX][CHUNK_ROWS];
    uint64_t row[ENTITIES_MAX][CHUNK_ROWS];
};

struct extraction {
    const struct features *features;
    const struct program *program;
    struct state *state;
    struct batch *batch;
    const struct history *history;
};

static bool is_event(const struct batch *batch, uint32_t row)
{
    return batch->kind[row] == RECORD_EVENT && !batch->dead[row];
}

bool features_may_erase(const struct features *features, const struct batch *batch, uint32_t row)
{
    for (uint32_t e = 0; e < features->entity_count; e++)
        if (entity_is_erased(features->entity[e], batch, row))
            return true;
    return false;
}

static void prefetch_row(const struct entity *entity, const struct state *state, uint64_t row)
{
    const uint8_t *bytes = state_read(state, entity->row_region, row);
    for (uint32_t offset = 0; offset < entity->row_size; offset += LINE)
        __builtin_prefetch(bytes + offset, 1);
}

static void prefetch_block(const struct entity *entity, const struct state *state, uint32_t block)
{
    const uint8_t *bytes = state_read(state, entity->block_region, block - 1);
    for (uint32_t offset = 0; offset < entity->block_size && offset < BLOCK_PREFETCH;
         offset += LINE)
        __builtin_prefetch(bytes + offset, 1);
}

/* Will its slot be read?  Those that no time moves belong to windows that are mostly full. */
static bool cursor_moves(const struct cursor *cursor, int64_t time_ms)
{
    return cursor->next_ms <= time_ms || cursor->next_ms == TIME_HELD;
}

/* The row has come: which blocks will the event touch? */
static void prefetch_blocks(const struct entity *entity, const struct state *state, uint64_t row,
                            int64_t time_ms)
{
    const struct entity_head *head = state_read(state, entity->row_region, row);
    const struct cursor *cursor = (const struct cursor *)(head + 1);
    if (!head->newest_block)
        return;
    for (uint32_t i = 0; i < entity->edge_count; i++)
        if (cursor_moves(&cursor[i], time_ms) && cursor[i].place.block)
            prefetch_block(entity, state, cursor[i].place.block);
    if (head->inline_count == entity->inline_slots)
        prefetch_block(entity, state, head->newest_block);
}

/* The blocks have come: cursors at a block's end go on to the next one. */
static void prefetch_next(const struct entity *entity, const struct state *state, uint64_t row,
                          int64_t time_ms)
{
    const struct entity_head *head = state_read(state, entity->row_region, row);
    const struct cursor *cursor = (const struct cursor *)(head + 1);
    if (!head->newest_block)
        return;
    for (uint32_t i = 0; i < entity->edge_count; i++) {
        struct place place = cursor[i].place;
        if (!cursor_moves(&cursor[i], time_ms) || !place.block)
            continue;
        const struct block_head *block = state_read(state, entity->block_region, place.block - 1);
        if (place.slot + 1 >= block->count && block->newer)
            prefetch_block(entity, state, block->newer);
    }
}

static void chunk_prefetch(const struct extraction *work, struct chunk *chunk, uint32_t e)
{
    const struct entity *entity = work->features->entity[e];
    const struct batch *batch = work->batch;
    uint64_t *key = chunk->key[e], *guess = chunk->row[e];
    uint32_t count = chunk->to - chunk->from, strangers = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = chunk->from + i;
        key[i] = is_event(batch, row) ? entity_key(entity, batch, row) : 0;
        if (key[i])
            keymap_prefetch(&entity->map, work->state, key[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        guess[i] = key[i] ? keymap_guess(&entity->map, work->state, key[i]) : STATE_NO_ROW;
        if (guess[i] != STATE_NO_ROW)
            prefetch_row(entity, work->state, guess[i]);
        strangers += key[i] && guess[i] == STATE_NO_ROW;
    }
    entity_prefetch_victims(entity, work->state, strangers);
    if (!entity->has_slots)
        return;
    for (uint32_t i = 0; i < count; i++)
        if (guess[i] != STATE_NO_ROW)
            prefetch_blocks(entity, work->state, guess[i], batch->time_ms[chunk->from + i]);
    for (uint32_t i = 0; i < count; i++)
        if (guess[i] != STATE_NO_ROW)
            prefetch_next(entity, work->state, guess[i], batch->time_ms[chunk->from + i]);
}

/* What a label that comes later will find the event's slots by. */
static void remember_key(const struct extraction *work, const struct entity *entity, uint32_t row,
                         uint64_t key)
{
    const struct history *history = work->history;
    uint64_t *kept = state_write(work->state, history->example_region,
                                 history_slot(history, work->batch->number[row]),
                                 entity->history_key * sizeof key, sizeof key);
    *kept = key;
}

static void entity_before(const struct extraction *work, uint32_t e, uint32_t row)
{
    const struct entity *entity = work->features->entity[e];
    if (entity_is_erased(entity, work->batch, row) &&
        entity_erase(entity, work->state, entity_key(entity, work->batch, row)))
        work->batch->erased[row] = true;
    if (work->history && entity->history_key != INDEX_NONE)
        labels_before(entity, work->state, work->batch, row, work->history);
}

static void entity_begin(const struct extraction *work, const struct chunk *chunk, uint32_t e,
                         uint32_t row, struct visit *visit)
{
    const struct entity *entity = work->features->entity[e];
    uint64_t key = chunk->key[e][row - chunk->from];
    *visit = (struct visit){
        .entity = entity, .state = work->state, .row = chunk->row[e][row - chunk->from]};
    if (work->history && entity->history_key != INDEX_NONE)
        remember_key(work, entity, row, key);
    entity_sweep(entity, work->state, work->batch->newest_ms[row]);
    visit_begin(work->features, visit, work->batch, row, key);
}

static void entity_after(const struct extraction *work, uint32_t e, uint32_t row)
{
    const struct entity *entity = work->features->entity[e];
    if (work->history && entity->history_key != INDEX_NONE)
        labels_after(entity, work->state, work->batch, row, work->history);
}

/* Entities know nothing of each other, so while there is but one level each takes all rows at once.
 */
static void chunk_by_entity(const struct extraction *work, struct chunk *chunk)
{
    for (uint32_t e = 0; e < work->features->entity_count; e++) {
        chunk_prefetch(work, chunk, e);
        for (uint32_t row = chunk->from; row < chunk->to; row++) {
            struct visit visit;
            entity_before(work, e, row);
            if (!is_event(work->batch, row))
                continue;
            entity_begin(work, chunk, e, row, &visit);
            visit_level(work->features, &visit, 1, work->batch, row);
            entity_after(work, e, row);
        }
    }
}

/* Windows over windows: a row goes through all levels before the next one begins, since the levels
 * share the entities' rows. */
static void row_by_level(const struct extraction *work, const struct chunk *chunk, uint32_t row)
{
    const struct features *features = work->features;
    struct visit visit[ENTITIES_MAX];
    for (uint32_t e = 0; e < features->entity_count; e++)
        entity_before(work, e, row);
    if (!is_event(work->batch, row))
        return;
    for (uint32_t e = 0; e < features->entity_count; e++)
        entity_begin(work, chunk, e, row, &visit[e]);
    for (uint32_t level = 1; level <= features->level_max; level++) {
        for (uint32_t e = 0; e < features->entity_count; e++)
            visit_level(features, &visit[e], level, work->batch, row);
        program_run(work->program, level, work->batch, row, row + 1);
    }
    for (uint32_t e = 0; e < features->entity_count; e++)
        entity_after(work, e, row);
}

static void chunk_by_row(const struct extraction *work, struct chunk *chunk)
{
    for (uint32_t e = 0; e < work->features->entity_count; e++)
        chunk_prefetch(work, chunk, e);
    for (uint32_t row = chunk->from; row < chunk->to; row++)
        row_by_level(work, chunk, row);
}

/* Rows that are no events have nothing in any window; the label is unknown in all. */
static void columns_clear(const struct features *features, struct batch *batch)
{
    memset(batch->late, 0, batch->count * sizeof *batch->late);
    memset(batch->erased, 0, batch->count * sizeof *batch->erased);
    if (features->label_value != VALUE_NONE)
        for (uint32_t row = 0; row < batch->count; row++)
            batch_column(batch, features->label_value)[row].number =
                is_event(batch, row) ? 0 : MISSING;
    union value nothing = {0};
    for (uint32_t row = 0; row < batch->count; row++) {
        if (is_event(batch, row))
            continue;
        for (uint32_t e = 0; e < features->entity_count; e++)
            for (uint32_t i = 0; i < features->entity[e]->window_count; i++)
                window_result(&features->entity[e]->window[i], batch, row, false, nothing);
    }
}

/* Rows that are no events were passed over by the levels above the first. */
static void others_run(const struct extraction *work)
{
    for (uint32_t row = 0; row < work->batch->count; row++)
        if (!is_event(work->batch, row))
            for (uint32_t level = 1; level <= work->features->level_max; level++)
                program_run(work->program, level, work->batch, row, row + 1);
}

void features_extract(struct features *features, const struct program *program, struct state *state,
                      struct batch *batch, const struct history *history)
{
    struct extraction work = {features, program, state, batch, history};
    struct chunk chunk;
    columns_clear(features, batch);
    program_run(program, 0, batch, 0, batch->count);
    bursts_extract(features, state, batch);
    for (chunk.from = 0; chunk.from < batch->count; chunk.from = chunk.to) {
        chunk.to = chunk.from + CHUNK_ROWS < batch->count ? chunk.from + CHUNK_ROWS : batch->count;
        if (features->level_max <= 1)
            chunk_by_entity(&work, &chunk);
        else
            chunk_by_row(&work, &chunk);
    }
    if (features->level_max <= 1)
        program_run(program, 1, batch, 0, batch->count);
    else
        others_run(&work);
}
