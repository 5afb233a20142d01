/* A batch through all entities; see features.h and, for the order of work, fetch.h. */
#include "features/fetch.h"
#include "features/owner.h"
#include "features/pass.h"
#include <string.h>

enum {
    STAGES = 5,
    UNITS = 8,     /* a power of two, no fewer than the stages */
    STEP_ROWS = 4, /* before the next stage has its turn: their fetches overlap */
};

struct extraction {
    const struct features *features;
    const struct program *program;
    struct state *state;
    struct batch *batch;
    const struct history *history;
};

bool features_may_erase(const struct features *features, const struct batch *batch, uint32_t row)
{
    for (uint32_t e = 0; e < features->entity_count; e++)
        if (entity_is_erased(features->entity[e], batch, row) ||
            owners_are_erased(features->entity[e], batch, row))
            return true;
    return false;
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

static void entity_before(const struct extraction *work, const struct unit *unit, uint32_t row)
{
    const struct entity *entity = unit->entity;
    if (entity_is_erased(entity, work->batch, row) &&
        entity_erase(entity, work->state, entity_key(entity, work->batch, row)))
        work->batch->erased[row] = true;
    if (work->batch->kind[row] == RECORD_REQUEST &&
        owners_erase(entity, work->state, work->batch, row))
        work->batch->erased[row] = true;
    if (unit->history)
        labels_before(entity, work->state, work->batch, row, unit->row[row - unit->from],
                      unit->history);
}

static void entity_begin(const struct extraction *work, const struct unit *unit, uint32_t row,
                         struct visit *visit)
{
    const struct entity *entity = unit->entity;
    uint64_t key = unit->key[row - unit->from];
    *visit =
        (struct visit){.entity = entity, .state = work->state, .row = unit->row[row - unit->from]};
    if (unit->history)
        remember_key(work, entity, row, key);
    entity_sweep(entity, work->state, work->batch->newest_ms[row]);
    visit_begin(work->features, visit, work->batch, row, key);
    if (visit->kind != VISIT_NONE)
        owners_note(entity, work->state, visit->row, work->batch, row);
}

static void entity_after(const struct extraction *work, const struct unit *unit, uint32_t row)
{
    if (unit->history)
        labels_after(unit->entity, work->state, work->batch, row, unit->history);
}

static void unit_open(struct unit *unit, const struct extraction *work, uint32_t index,
                      uint32_t from)
{
    uint32_t rows = work->batch->count - from;
    unit->entity = work->features->entity[index];
    unit->history = unit->entity->history_key != INDEX_NONE ? work->history : NULL;
    unit->from = from;
    unit->count = rows < UNIT_ROWS ? rows : UNIT_ROWS;
    unit->strangers = 0;
}

static inline void unit_visit(const struct extraction *work, const struct unit *unit, uint32_t i)
{
    uint32_t row = unit->from + i;
    struct visit visit;
    if (work->batch->kind[row] == RECORD_LABEL && !unit->history)
        return;
    entity_before(work, unit, row);
    if (!batch_is_event(work->batch, row))
        return;
    entity_begin(work, unit, row, &visit);
    visit_level(work->features, &visit, 1, work->batch, row);
    entity_after(work, unit, row);
}

/* A pair that came with its owner unknown, from another configuration, is noted here as well. */
static inline bool unit_visit_quick(const struct extraction *work, const struct unit *unit,
                                    uint32_t i)
{
    const struct entity *entity = unit->entity;
    uint32_t row = unit->from + i;
    if (!entity->plain.quick || !batch_is_event(work->batch, row) ||
        !plain_visit(entity, work->state, work->batch, row, unit->key[i], unit->row[i]))
        return false;
    owners_note(entity, work->state, unit->row[i], work->batch, row);
    return true;
}

/* Rows [i, end) of a unit, so far as there are any. */
static inline uint32_t rows_end(const struct unit *unit, uint32_t end)
{
    return end < unit->count ? end : unit->count;
}

/* Units at stages 0 to 4, the newest first: each takes some rows on. */
static inline void units_step(const struct extraction *work, struct unit *const stage[STAGES],
                              uint32_t from)
{
    uint32_t end = from + STEP_ROWS;
    if (from == 0 && stage[4]->count > 0)
        entity_prefetch_victims(stage[4]->entity, work->state, stage[4]->strangers);
    for (uint32_t i = from; i < rows_end(stage[0], end); i++)
        fetch_index(stage[0], work->state, work->batch, i);
    for (uint32_t i = from; i < rows_end(stage[1], end); i++)
        if (stage[1]->key[i])
            fetch_row(stage[1], work->state, work->batch, i);
    for (uint32_t i = from; i < rows_end(stage[2], end); i++)
        if (stage[2]->key[i])
            fetch_blocks(stage[2], work->state, work->batch, i);
    for (uint32_t i = from; i < rows_end(stage[3], end); i++)
        if (stage[3]->moves[i])
            fetch_next(stage[3], work->state, work->batch, i);
    for (uint32_t i = from; i < rows_end(stage[4], end); i++)
        if (!unit_visit_quick(work, stage[4], i))
            unit_visit(work, stage[4], i);
}

/* Entities know nothing of each other, so while there is but one level each takes some rows at
 * once. */
static void batch_by_entity(const struct extraction *work)
{
    struct unit unit[UNITS];
    uint32_t entities = work->features->entity_count, rows = work->batch->count;
    uint32_t units = (rows + UNIT_ROWS - 1) / UNIT_ROWS * entities;
    for (uint32_t u = 0; u < UNITS; u++)
        unit[u].count = 0;
    for (uint32_t u = 0; u < units + STAGES - 1; u++) {
        struct unit *stage[STAGES];
        for (uint32_t s = 0; s < STAGES; s++)
            stage[s] = &unit[(u - s) % UNITS];
        stage[0]->count = 0;
        if (u < units)
            unit_open(stage[0], work, u % entities, u / entities * UNIT_ROWS);
        for (uint32_t i = 0; i < UNIT_ROWS && i < rows; i += STEP_ROWS)
            units_step(work, stage, i);
    }
}

/* Windows over windows: a row goes through all levels before the next one begins, since the levels
 * share the entities' rows. */
static void row_by_level(const struct extraction *work, const struct unit *unit, uint32_t row)
{
    const struct features *features = work->features;
    struct visit visit[ENTITIES_MAX];
    for (uint32_t e = 0; e < features->entity_count; e++)
        entity_before(work, &unit[e], row);
    if (!batch_is_event(work->batch, row))
        return;
    for (uint32_t e = 0; e < features->entity_count; e++)
        entity_begin(work, &unit[e], row, &visit[e]);
    for (uint32_t level = 1; level <= features->level_max; level++) {
        for (uint32_t e = 0; e < features->entity_count; e++)
            visit_level(features, &visit[e], level, work->batch, row);
        program_run(work->program, level, work->batch, row, row + 1);
    }
    for (uint32_t e = 0; e < features->entity_count; e++)
        entity_after(work, &unit[e], row);
}

static void unit_fetch(const struct extraction *work, struct unit *unit)
{
    for (uint32_t i = 0; i < unit->count; i++)
        fetch_index(unit, work->state, work->batch, i);
    for (uint32_t i = 0; i < unit->count; i++)
        fetch_row(unit, work->state, work->batch, i);
    entity_prefetch_victims(unit->entity, work->state, unit->strangers);
    for (uint32_t i = 0; i < unit->count; i++)
        fetch_blocks(unit, work->state, work->batch, i);
    for (uint32_t i = 0; i < unit->count; i++)
        fetch_next(unit, work->state, work->batch, i);
}

static void batch_by_row(const struct extraction *work)
{
    struct unit unit[ENTITIES_MAX];
    for (uint32_t from = 0; from < work->batch->count; from += UNIT_ROWS) {
        for (uint32_t e = 0; e < work->features->entity_count; e++) {
            unit_open(&unit[e], work, e, from);
            unit_fetch(work, &unit[e]);
        }
        for (uint32_t i = 0; i < UNIT_ROWS && from + i < work->batch->count; i++)
            row_by_level(work, unit, from + i);
    }
}

/* Rows that are no events have nothing in any window; the label is unknown in all. */
static void columns_clear(const struct features *features, struct batch *batch)
{
    memset(batch->late, 0, batch->count * sizeof *batch->late);
    memset(batch->erased, 0, batch->count * sizeof *batch->erased);
    if (features->label_value != VALUE_NONE)
        for (uint32_t row = 0; row < batch->count; row++)
            batch_column(batch, features->label_value)[row].number =
                batch_is_event(batch, row) ? 0 : MISSING;
    union value nothing = {0};
    for (uint32_t row = 0; row < batch->count; row++) {
        if (batch_is_event(batch, row))
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
        if (!batch_is_event(work->batch, row))
            for (uint32_t level = 1; level <= work->features->level_max; level++)
                program_run(work->program, level, work->batch, row, row + 1);
}

void features_extract(struct features *features, const struct program *program, struct state *state,
                      struct batch *batch, const struct history *history)
{
    struct extraction work = {features, program, state, batch, history};
    columns_clear(features, batch);
    program_run(program, 0, batch, 0, batch->count);
    bursts_extract(features, state, batch);
    if (features->level_max <= 1)
        batch_by_entity(&work);
    else
        batch_by_row(&work);
    if (features->level_max <= 1)
        program_run(program, 1, batch, 0, batch->count);
    else
        others_run(&work);
}
