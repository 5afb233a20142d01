/* Open addressing over tags; see keymap.h.  Deletion shifts back the entries behind the hole
 * (Knuth, "The Art of Computer Programming", 6.4, algorithm R). */
#include "base/keymap.h"

void keymap_declare(struct keymap *map, struct state_layout *layout, const char *name,
                    uint32_t rows_region, uint64_t rows_max)
{
    ASSERT(rows_max < (1ULL << 31));
    uint64_t entries = 16;
    while (entries < rows_max * 2)
        entries *= 2;
    map->mask = entries - 1;
    map->rows_region = rows_region;
    map->index_region = state_layout_add(layout, name, entries, sizeof(struct keymap_entry),
                                         sizeof(struct keymap_entry), entries, STATE_ROWS_ALWAYS);
}

static inline const struct keymap_entry *entry_at(const struct keymap *map,
                                                  const struct state *state, uint64_t slot)
{
    return (const struct keymap_entry *)state_read(state, map->index_region, slot);
}

static inline uint64_t row_key(const struct keymap *map, const struct state *state, uint64_t row)
{
    return *(const uint64_t *)state_read(state, map->rows_region, row);
}

/* The slot that holds the key, or the empty slot where it would go. */
static uint64_t slot_of(const struct keymap *map, const struct state *state, uint64_t key)
{
    uint32_t tag = (uint32_t)key;
    uint64_t slot = key & map->mask;
    for (;;) {
        const struct keymap_entry *entry = entry_at(map, state, slot);
        if (entry->row_plus_one == 0)
            return slot;
        if (entry->tag == tag && row_key(map, state, entry->row_plus_one - 1) == key)
            return slot;
        slot = (slot + 1) & map->mask;
    }
}

uint64_t keymap_find(const struct keymap *map, const struct state *state, uint64_t key)
{
    const struct keymap_entry *entry = entry_at(map, state, slot_of(map, state, key));
    return entry->row_plus_one == 0 ? STATE_NO_ROW : entry->row_plus_one - 1;
}

void keymap_insert(const struct keymap *map, struct state *state, uint64_t key, uint64_t row)
{
    ASSERT(key != 0 && row_key(map, state, row) == key);
    uint64_t slot = slot_of(map, state, key);
    ASSERT(entry_at(map, state, slot)->row_plus_one == 0);
    struct keymap_entry *entry = state_write_row(state, map->index_region, slot);
    entry->tag = (uint32_t)key;
    entry->row_plus_one = (uint32_t)(row + 1);
}

void keymap_remove(const struct keymap *map, struct state *state, uint64_t key)
{
    uint64_t hole = slot_of(map, state, key);
    ASSERT(entry_at(map, state, hole)->row_plus_one != 0);
    for (uint64_t slot = hole;;) {
        slot = (slot + 1) & map->mask;
        const struct keymap_entry *entry = entry_at(map, state, slot);
        if (entry->row_plus_one == 0)
            break;
        uint64_t home = entry->tag & map->mask;
        /* An entry may fill the hole unless its home lies behind it, cyclically. */
        if (((slot - home) & map->mask) < ((slot - hole) & map->mask))
            continue;
        *(struct keymap_entry *)state_write_row(state, map->index_region, hole) = *entry;
        hole = slot;
    }
    struct keymap_entry *entry = state_write_row(state, map->index_region, hole);
    entry->tag = 0;
    entry->row_plus_one = 0;
}
