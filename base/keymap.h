/* Finds the row of a 64-bit key: open addressing with linear probing over 8-byte entries (a tag and
 * a row), never more than half full, backward-shift deletion, so no tombstones.  The tag is the low
 * half of the key and knows its home slot, so that a deletion needs no row.  The rows belong to
 * another region and begin with their key, which settles a tag that matches by chance.  Index and
 * rows are both state; their sizes are fixed when the configuration is read. */
#ifndef BASE_KEYMAP_H
#define BASE_KEYMAP_H

#include "base/state.h"

struct keymap {
    uint32_t index_region;
    uint32_t rows_region; /* each row begins with its uint64_t key; key 0 is never stored */
    uint64_t mask;        /* entries - 1 */
};

struct keymap_entry {
    uint32_t tag;          /* low half of the key */
    uint32_t row_plus_one; /* 0: empty */
};

/* Declares the index for a rows region of at most rows_max rows (below 2^31). */
void keymap_declare(struct keymap *map, struct state_layout *layout, const char *name,
                    uint32_t rows_region, uint64_t rows_max);

/* The row, or STATE_NO_ROW. */
uint64_t keymap_find(const struct keymap *map, const struct state *state, uint64_t key);

/* Enters a key that is not there; the row must already begin with it. */
void keymap_insert(const struct keymap *map, struct state *state, uint64_t key, uint64_t row);

/* Removes a key that is there. */
void keymap_remove(const struct keymap *map, struct state *state, uint64_t key);

/* Starts fetching the entry's cache line, for batches of lookups. */
static inline void keymap_prefetch(const struct keymap *map, const struct state *state,
                                   uint64_t key)
{
    __builtin_prefetch((const uint8_t *)state_read(state, map->index_region, 0) +
                       (key & map->mask) * sizeof(struct keymap_entry));
}

/* The row that the first matching tag names, without looking at the row itself, or STATE_NO_ROW.
 * Almost always what keymap_find will say: good enough to prefetch the row. */
static inline uint64_t keymap_guess(const struct keymap *map, const struct state *state,
                                    uint64_t key)
{
    const struct keymap_entry *entries = state_read(state, map->index_region, 0);
    for (uint64_t slot = key & map->mask;; slot = (slot + 1) & map->mask) {
        if (entries[slot].row_plus_one == 0)
            return STATE_NO_ROW;
        if (entries[slot].tag == (uint32_t)key)
            return entries[slot].row_plus_one - 1;
    }
}

#endif
