/* Making sets of words; see key_set.h. */
#include "base/key_set.h"
#include "base/assert.h"
#include <stdlib.h>

static void key_set_add(struct key_set *set, uint64_t key)
{
    if (key == 0) {
        set->has_zero = true;
        return;
    }
    uint64_t at = key * 0x9E3779B97F4A7C15ULL >> set->shift;
    while (set->cell[at] != 0 && set->cell[at] != key)
        at = (at + 1) & set->mask;
    set->cell[at] = key;
}

struct key_set *key_set_make(const uint64_t *keys, uint32_t count)
{
    uint32_t bits = 2;
    while (1ULL << bits < 2 * (uint64_t)count)
        bits++;
    struct key_set *set = calloc(1, sizeof *set + (sizeof *set->cell << bits));
    ASSERT(set && bits < 32);
    set->mask = (1U << bits) - 1;
    set->shift = 64 - bits;
    for (uint32_t i = 0; i < count; i++)
        key_set_add(set, keys[i]);
    return set;
}

void key_set_close(void *set)
{
    free(set);
}
