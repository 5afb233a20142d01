/* Finding an entity's row, and forgetting: for want of room, by age, on demand.
 *
 * For want of room a hand moves over what has run out, rows or blocks (Corbató, "A paging
 * experiment with the Multics system", 1968, without its bit: rows know the time of their newest
 * event). It looks at a few candidates and forgets the one that has been idle longest.  Blocks name
 * their owner, so that a hand over blocks meets nobody who holds none, and one that holds many
 * blocks more often than one that holds few.  The choice depends on nothing but the state. */
#include "base/hash.h"
#include "features/multiset.h"
#include "features/owner.h"
#include "features/pane.h"

enum {
    HAND_CANDIDATES = 8,
    BLOCK_REACH = 64, /* blocks looked at, if many are the visitor's own */
    LINE = 64,
};

/* A number as a part of a key: hashed, as texts are when they are read. */
static uint64_t key_part(const struct entity *entity, uint32_t part, union value value)
{
    if (!(entity->key_hashed >> part & 1))
        return value.key;
    if (value.number != value.number)
        return 0;
    value.number += 0.0; /* one zero */
    return hash_bytes(entity->hash_key, &value, sizeof value);
}

uint64_t entity_key(const struct entity *entity, const struct batch *batch, uint32_t row)
{
    uint64_t key = key_part(entity, 0, batch_column(batch, entity->key_value[0])[row]);
    for (uint32_t i = 1; i < entity->key_count; i++)
        key = hash_pair(key, key_part(entity, i, batch_column(batch, entity->key_value[i])[row]));
    return key;
}

/* Whose entity a request of the control topic names: exactly by these keys.  What a formula makes
 * of a request's row is no name of anything. */
bool entity_is_erased(const struct entity *entity, const struct batch *batch, uint32_t row)
{
    if (!entity->named || batch->kind[row] != RECORD_REQUEST || batch->dead[row] ||
        batch->request_keys[row] != entity->key_count)
        return false;
    for (uint32_t i = 0; i < entity->key_count; i++)
        if (batch_column(batch, entity->key_value[i])[row].key == 0)
            return false;
    return true;
}

static const struct entity_head *head_read(const struct entity *entity, const struct state *state,
                                           uint64_t row)
{
    return state_read(state, entity->row_region, row);
}

bool entity_is(const struct entity *entity, const struct state *state, uint64_t row, uint64_t key)
{
    const struct entity_head *head = head_read(entity, state, row);
    return head->live && head->key == key;
}

void entity_forget(const struct entity *entity, struct state *state, uint64_t row)
{
    const struct entity_head *head = head_read(entity, state, row);
    keymap_remove(&entity->map, state, head->key);
    for (uint32_t block = head->newest_block; block;) {
        const struct block_head *block_head = state_read(state, entity->block_region, block - 1);
        uint32_t older = block_head->older;
        state_give(state, entity->block_region, block - 1);
        block = older;
    }
    multisets_forget(entity, state, row);
    owners_leave(entity, state, row);
    panes_forget(entity, state, row);
    state_give(state, entity->row_region, row);
}

/* ---- for want of room ---- */

static uint64_t step_on(uint64_t hand, uint64_t end)
{
    return hand + 1 >= end ? 0 : hand + 1;
}

/* Those who may give way; their heads are asked for while the next ones are looked for. */
struct candidates {
    uint32_t count;
    uint64_t row[HAND_CANDIDATES];
};

static void candidate_add(struct candidates *candidates, const struct entity *entity,
                          const struct state *state, uint64_t row)
{
    __builtin_prefetch(head_read(entity, state, row));
    candidates->row[candidates->count++] = row;
}

/* STATE_NO_ROW: there are none. */
static uint64_t longest_idle(const struct candidates *candidates, const struct entity *entity,
                             const struct state *state)
{
    uint64_t victim = STATE_NO_ROW;
    int64_t oldest_ms = INT64_MAX;
    for (uint32_t i = 0; i < candidates->count; i++) {
        const struct entity_head *head = head_read(entity, state, candidates->row[i]);
        if (!head->live || (victim != STATE_NO_ROW && head->newest_ms >= oldest_ms))
            continue;
        oldest_ms = head->newest_ms;
        victim = candidates->row[i];
    }
    return victim;
}

/* All rows are in use when this is asked. */
static void forget_for_row(const struct entity *entity, struct state *state)
{
    uint64_t used = state->directory->region[entity->row_region].used;
    struct entity_counters *counters = entity_counters(entity, state);
    struct candidates candidates = {0};
    while (candidates.count < HAND_CANDIDATES) {
        candidate_add(&candidates, entity, state, counters->row_hand % used);
        counters->row_hand = step_on(counters->row_hand, used);
    }
    uint64_t victim = longest_idle(&candidates, entity, state);
    ASSERT(victim != STATE_NO_ROW);
    entity_forget(entity, state, victim);
    counters->evicted_for_rows++;
}

/* Likewise all blocks.  False if those under the hand are all `but`'s. */
static bool forget_for_block(const struct entity *entity, struct state *state, uint64_t but)
{
    uint64_t used = state->directory->region[entity->block_region].used;
    struct entity_counters *counters = entity_counters(entity, state);
    struct candidates candidates = {0};
    for (uint32_t i = 0; i < BLOCK_REACH && candidates.count < HAND_CANDIDATES; i++) {
        const struct block_head *block =
            state_read(state, entity->block_region, counters->block_hand % used);
        counters->block_hand = step_on(counters->block_hand, used);
        if (block->owner && block->owner - 1 != but)
            candidate_add(&candidates, entity, state, block->owner - 1);
    }
    uint64_t victim = longest_idle(&candidates, entity, state);
    if (victim == STATE_NO_ROW)
        return false;
    entity_forget(entity, state, victim);
    counters->evicted_for_blocks++;
    return true;
}

static bool is_full(const struct state *state, uint32_t region)
{
    const struct state_region *of = &state->directory->region[region];
    return !of->free_row && of->used == of->row_count;
}

void entity_prefetch_victims(const struct entity *entity, const struct state *state, uint32_t count)
{
    if (count == 0 || !is_full(state, entity->row_region))
        return;
    const struct entity_counters *counters =
        state_read(state, entity->counters_region, entity->index);
    uint64_t used = state->directory->region[entity->row_region].used;
    uint64_t hand = counters->row_hand % used;
    for (uint32_t i = 0; i < count * HAND_CANDIDATES; i++) {
        __builtin_prefetch(head_read(entity, state, hand));
        hand = step_on(hand, used);
    }
    hand = counters->row_hand % used;
    for (uint32_t i = 0; i < count; i++) {
        struct candidates candidates = {0};
        for (; candidates.count < HAND_CANDIDATES; hand = step_on(hand, used))
            candidates.row[candidates.count++] = hand;
        uint64_t victim = longest_idle(&candidates, entity, state);
        const struct entity_head *head = head_read(entity, state, victim);
        keymap_prefetch(&entity->map, state, head->key);
        for (uint32_t offset = LINE; offset < entity->row_size; offset += LINE)
            __builtin_prefetch((const uint8_t *)head + offset, 1);
    }
}

uint64_t entity_enter(const struct entity *entity, struct state *state, uint64_t key,
                      int64_t time_ms)
{
    uint64_t row = keymap_find(&entity->map, state, key);
    if (row != STATE_NO_ROW)
        return row;
    if (is_full(state, entity->row_region))
        forget_for_row(entity, state);
    row = state_take(state, entity->row_region);
    ASSERT(row != STATE_NO_ROW);
    struct visit visit = {.entity = entity, .state = state, .row = row};
    visit.bytes = state_write_row(state, entity->row_region, row);
    struct entity_head *head = visit_head(&visit);
    head->key = key;
    head->newest_ms = time_ms;
    head->live = 1;
    for (uint32_t i = 0; i < entity->edge_count; i++)
        visit_cursors(&visit)[i].next_ms = TIME_NEVER;
    keymap_insert(&entity->map, state, key, row);
    return row;
}

bool entity_reserve_block(const struct visit *visit)
{
    return !is_full(visit->state, visit->entity->block_region) ||
           forget_for_block(visit->entity, visit->state, visit->row);
}

uint64_t entity_take_block(const struct visit *visit)
{
    if (!entity_reserve_block(visit))
        return STATE_NO_ROW;
    uint64_t row = state_take(visit->state, visit->entity->block_region);
    struct block_head *block =
        state_write(visit->state, visit->entity->block_region, row, 0, sizeof *block);
    block->owner = (uint32_t)visit->row + 1;
    return row;
}

/* ---- by age, on demand ---- */

bool entity_expire(const struct entity *entity, struct state *state, uint64_t row,
                   int64_t newest_ms)
{
    const struct entity_head *head = head_read(entity, state, row);
    if (entity->expire_ms == 0 || !head->live || newest_ms - head->newest_ms <= entity->expire_ms)
        return false;
    entity_forget(entity, state, row);
    entity_counters(entity, state)->expired++;
    return true;
}

void entity_sweep(const struct entity *entity, struct state *state, int64_t newest_ms)
{
    if (entity->expire_ms == 0)
        return;
    uint64_t used = state->directory->region[entity->row_region].used;
    if (used == 0)
        return;
    struct entity_counters *counters = entity_counters(entity, state);
    uint64_t row = counters->sweep_hand % used;
    counters->sweep_hand = step_on(row, used);
    entity_expire(entity, state, row, newest_ms);
}

bool entity_erase(const struct entity *entity, struct state *state, uint64_t key)
{
    uint64_t row = keymap_find(&entity->map, state, key);
    if (row == STATE_NO_ROW)
        return false;
    entity_forget(entity, state, row);
    entity_counters(entity, state)->erased++;
    return true;
}
