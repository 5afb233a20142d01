/* A set of 64-bit words, made once and then asked: keyed hashes of texts, or numbers by their bits.
 */
#ifndef BASE_KEY_SET_H
#define BASE_KEY_SET_H

#include <stdbool.h>
#include <stdint.h>

struct key_set {
    uint32_t mask, shift;
    bool has_zero;   /* 0 marks an empty cell, so it is kept apart */
    uint64_t cell[]; /* (mask + 1), at most half of them used */
};

/* `count` words, some of which may be equal; freed by key_set_close. */
struct key_set *key_set_make(const uint64_t *keys, uint32_t count);
void key_set_close(void *set);

/* By Fibonacci hashing (Knuth, "The Art of Computer Programming" 3, section 6.4) and linear
 * probing; how far it probes follows from the set alone, not from who asks. */
static inline bool key_set_has(const struct key_set *set, uint64_t key)
{
    if (key == 0)
        return set->has_zero;
    for (uint64_t at = key * 0x9E3779B97F4A7C15ULL >> set->shift;; at = (at + 1) & set->mask)
        if (set->cell[at] == key || set->cell[at] == 0)
            return set->cell[at] == key;
}

#endif
