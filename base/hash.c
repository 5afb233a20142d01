/* SipHash-1-3 over bytes; see hash.h. */
#include "base/hash.h"
#include <string.h>
#include <xxhash.h>

static inline uint64_t rotate(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *sip)
{
    sip->v0 += sip->v1;
    sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
    sip->v0 = rotate(sip->v0, 32);
    sip->v2 += sip->v3;
    sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
    sip->v0 += sip->v3;
    sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
    sip->v2 += sip->v1;
    sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
    sip->v2 = rotate(sip->v2, 32);
}

static inline void sip_word(struct sip *sip, uint64_t word)
{
    sip->v3 ^= word;
    sip_round(sip);
    sip->v0 ^= word;
}

/* Fewer than eight bytes, the first one lowest; words that overlap agree where they do. */
static inline uint64_t sip_rest(const uint8_t *at, size_t left)
{
    if (left >= 4) {
        uint32_t low, high;
        memcpy(&low, at, 4);
        memcpy(&high, at + left - 4, 4);
        return low | (uint64_t)high << (8 * (left - 4));
    }
    if (left == 0)
        return 0;
    return at[0] | (uint64_t)at[left / 2] << (8 * (left / 2)) |
           (uint64_t)at[left - 1] << (8 * (left - 1));
}

uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t size)
{
    struct sip sip = {
        .v0 = key.low ^ 0x736f6d6570736575ULL,
        .v1 = key.high ^ 0x646f72616e646f6dULL,
        .v2 = key.low ^ 0x6c7967656e657261ULL,
        .v3 = key.high ^ 0x7465646279746573ULL,
    };
    const uint8_t *at = bytes;
    size_t left = size;
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        sip_word(&sip, word);
    }
    sip_word(&sip, (uint64_t)size << 56 | sip_rest(at, left));
    sip.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&sip);
    uint64_t hash = sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
    return hash == 0 ? 1 : hash;
}

uint64_t hash_fingerprint(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

uint64_t hash_key_id(struct hash_key key)
{
    static const char text[] = "which key is this?";
    return hash_bytes(key, text, sizeof text - 1);
}
