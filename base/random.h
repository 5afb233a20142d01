/* The only chance there is: xoshiro256++ (Blackman and Vigna, "Scrambled Linear Pseudorandom Number
 * Generators", 2021), seeded through splitmix64.  A generator is 32 flat bytes and lives in the
 * state of whoever draws from it, so that a resumed stream draws what an uninterrupted one would.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t word[4];
};

static inline uint64_t random_rotate(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static inline void random_seed(struct random *random, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9E3779B97F4A7C15ULL;
        uint64_t mixed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
        random->word[i] = mixed ^ (mixed >> 31);
    }
}

static inline uint64_t random_bits(struct random *random)
{
    uint64_t *word = random->word;
    uint64_t result = random_rotate(word[0] + word[3], 23) + word[0];
    uint64_t shifted = word[1] << 17;
    word[2] ^= word[0];
    word[3] ^= word[1];
    word[1] ^= word[2];
    word[0] ^= word[3];
    word[2] ^= shifted;
    word[3] = random_rotate(word[3], 45);
    return result;
}

/* Uniform in [0, 1), 53 bits. */
static inline double random_uniform(struct random *random)
{
    return (double)(random_bits(random) >> 11) * 0x1p-53;
}

/* Uniform in [0, bound), bound > 0, by Lemire's multiplication (bias below bound / 2^64). */
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)random_bits(random) * bound) >> 64);
}

#endif
