/* Keyed hashing of identifiers.  SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012): whoever does not know the key cannot craft identifiers that collide, and the state
 * holds hashes only, never the identifiers. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t low, high;
};

/* A hash of the bytes; never 0, which stands for "missing" everywhere. */
uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t size);

/* One hash of an ordered pair, for composite keys such as (card, merchant); never 0, and 0
 * (missing) if either part is missing.  Not keyed again: its parts are. */
static inline uint64_t hash_pair(uint64_t first, uint64_t second)
{
    if (first == 0 || second == 0)
        return 0;
    uint64_t mixed = (first ^ (second + 0x9E3779B97F4A7C15ULL + (first << 6) + (first >> 2)));
    mixed = (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93ULL;
    mixed = (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93ULL;
    mixed ^= mixed >> 32;
    return mixed == 0 ? 1 : mixed;
}

/* Names a key without telling it: equal keys have equal names. */
uint64_t hash_key_id(struct hash_key key);

/* A fixed, unkeyed hash for fingerprints of texts (options, formulas). */
uint64_t hash_fingerprint(const void *bytes, size_t size);

#endif
