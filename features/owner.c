/* Pairs by their owners; see owner.h. */
#include "features/owner.h"
#include "base/hash.h"
#include "base/state_copy.h"
#include <stdio.h>

enum { INDEX_BYTES = 32 };

void owner_add(struct entity *entity, uint32_t without)
{
    for (uint32_t i = 0; i < entity->owner_count; i++)
        if (entity->owner_without[i] == without)
            return;
    ASSERT(entity->owner_count < ENTITY_KEYS_MAX);
    entity->owner_without[entity->owner_count++] = without;
}

uint32_t owners_bytes(const struct entity *entity)
{
    return entity->owner_count * ((uint32_t)sizeof(struct owner_row) + INDEX_BYTES);
}

void owners_declare(struct entity *entity, struct state_layout *layout)
{
    char name[STATE_NAME_MAX];
    uint64_t owners_max = entity->rows_max * entity->owner_count;
    if (entity->owner_count == 0)
        return;
    snprintf(name, sizeof name, "%.40s owners", entity->name);
    entity->owners_region =
        state_layout_add(layout, name, entity->fingerprint, sizeof(struct owner_row), 8, owners_max,
                         STATE_ROWS_TAKEN);
    snprintf(name, sizeof name, "%.40s owners.index", entity->name);
    keymap_declare(&entity->owners, layout, name, entity->owners_region, owners_max);
}

/* ---- chains ---- */

static struct owner_link *link_write(const struct entity *entity, struct state *state,
                                     uint32_t pair, uint32_t sort)
{
    return state_write(state, entity->row_region, pair - 1,
                       entity->links_offset + sort * sizeof(struct owner_link),
                       sizeof(struct owner_link));
}

/* At the chain's front. */
static void chain(const struct entity *entity, struct state *state, uint32_t pair, uint32_t sort,
                  uint64_t key)
{
    uint64_t row = keymap_find(&entity->owners, state, key);
    bool is_new = row == STATE_NO_ROW;
    if (is_new)
        row = state_take(state, entity->owners_region);
    ASSERT(row != STATE_NO_ROW);
    struct owner_row *owner = state_write_row(state, entity->owners_region, row);
    struct owner_link *link = link_write(entity, state, pair, sort);
    *link = (struct owner_link){.owner = (uint32_t)row + 1, .after = (uint32_t)owner->first};
    if (link->after)
        link_write(entity, state, link->after, sort)->before = pair;
    owner->first = pair;
    owner->key = key;
    if (is_new)
        keymap_insert(&entity->owners, state, key, row);
}

static void leave(const struct entity *entity, struct state *state, uint32_t pair, uint32_t sort)
{
    struct owner_link link = *link_write(entity, state, pair, sort);
    if (link.owner == 0)
        return;
    if (link.after)
        link_write(entity, state, link.after, sort)->before = link.before;
    if (link.before) {
        link_write(entity, state, link.before, sort)->after = link.after;
        return;
    }
    struct owner_row *owner = state_write_row(state, entity->owners_region, link.owner - 1);
    owner->first = link.after;
    if (owner->first)
        return;
    keymap_remove(&entity->owners, state, owner->key);
    *owner = (struct owner_row){0};
    state_give(state, entity->owners_region, link.owner - 1);
}

void owners_leave(const struct entity *entity, struct state *state, uint64_t row)
{
    for (uint32_t i = 0; i < entity->owner_count; i++)
        leave(entity, state, (uint32_t)row + 1, i);
}

/* ---- keys ---- */

/* Without one part, which says of which sort it is: a card and a device may have one name. */
static uint64_t owner_key(const struct entity *entity, uint32_t sort, const struct batch *batch,
                          uint32_t row)
{
    uint64_t key = entity->owner_without[sort] + 1;
    for (uint32_t i = 0; i < entity->key_count; i++)
        if (i != entity->owner_without[sort])
            key = hash_pair(key, batch_column(batch, entity->key_value[i])[row].key);
    return key;
}

void owners_chain(const struct entity *entity, struct state *state, uint64_t row,
                  const struct batch *batch, uint32_t event)
{
    const uint8_t *bytes = state_read(state, entity->row_region, row);
    for (uint32_t i = 0; i < entity->owner_count; i++)
        if (owner_links(entity, bytes)[i].owner == 0)
            chain(entity, state, (uint32_t)row + 1, i, owner_key(entity, i, batch, event));
}

/* 0: it is not of this sort.  What `by` names are key fields always. */
static uint64_t key_erased(const struct entity *entity, uint32_t sort, const struct batch *batch,
                           uint32_t request)
{
    if (batch->kind[request] != RECORD_REQUEST || batch->dead[request] ||
        batch->request_keys[request] + 1U != entity->key_count)
        return 0;
    return owner_key(entity, sort, batch, request);
}

bool owners_are_erased(const struct entity *entity, const struct batch *batch, uint32_t request)
{
    for (uint32_t i = 0; i < entity->owner_count; i++)
        if (key_erased(entity, i, batch, request))
            return true;
    return false;
}

uint64_t owners_erase(const struct entity *entity, struct state *state, const struct batch *batch,
                      uint32_t request)
{
    uint64_t erased = 0;
    for (uint32_t i = 0; i < entity->owner_count; i++) {
        uint64_t key = key_erased(entity, i, batch, request);
        uint64_t row;
        while (key && (row = keymap_find(&entity->owners, state, key)) != STATE_NO_ROW) {
            const struct owner_row *owner = state_read(state, entity->owners_region, row);
            entity_forget(entity, state, owner->first - 1);
            erased++;
        }
    }
    if (erased)
        entity_counters(entity, state)->erased += erased;
    return erased;
}

/* ---- from one configuration to the next ---- */

bool owners_same(const struct entity *to, const struct entity *from)
{
    bool same = to->owner_count == from->owner_count && to->links_offset == from->links_offset;
    for (uint32_t i = 0; same && i < to->owner_count; i++)
        same = to->owner_without[i] == from->owner_without[i];
    return same;
}

void owners_copy(const struct entity *to, struct state *to_state, const struct entity *from,
                 const struct state *from_state)
{
    if (to->owner_count == 0)
        return;
    state_copy_rows(to_state, to->owners_region, from_state, from->owners_region);
    if (to->owners.mask == from->owners.mask) {
        state_copy_rows(to_state, to->owners.index_region, from_state, from->owners.index_region);
        return;
    }
    uint64_t used = from_state->directory->region[from->owners_region].used;
    for (uint64_t row = 0; row < used; row++) {
        const struct owner_row *owner = state_read(to_state, to->owners_region, row);
        if (owner->key && keymap_find(&from->owners, from_state, owner->key) == row)
            keymap_insert(&to->owners, to_state, owner->key, row);
    }
}

void owners_move(const struct entity *to, struct state *to_state, uint64_t to_row,
                 const struct entity *from, const struct state *from_state, uint64_t from_row)
{
    const uint8_t *old = state_read(from_state, from->row_region, from_row);
    for (uint32_t i = 0; i < to->owner_count; i++)
        for (uint32_t j = 0; j < from->owner_count; j++) {
            uint32_t owner = owner_links(from, old)[j].owner;
            if (to->owner_without[i] != from->owner_without[j] || owner == 0)
                continue;
            const struct owner_row *row = state_read(from_state, from->owners_region, owner - 1);
            chain(to, to_state, (uint32_t)to_row + 1, i, row->key);
        }
}
