/* Buckets of values by the first bits of their images; see quantiles.h. */
#include "features/quantiles.h"
#include "base/assert.h"
#include <string.h>

enum { RUN_MAX = 2 * QUANTILE_BUCKETS };

/* Buckets on their way into a quantiles. */
struct run {
    uint32_t used;
    uint32_t key[RUN_MAX], count[RUN_MAX];
};

static uint32_t key_of(const struct quantiles *quantiles, uint64_t image)
{
    return (uint32_t)(image >> QUANTILE_PREFIX_BITS) >> quantiles->lost_bits;
}

static uint32_t sum_of(uint32_t left, uint32_t right)
{
    return left > UINT32_MAX - right ? UINT32_MAX : left + right;
}

static uint32_t place_of(const struct quantiles *quantiles, uint32_t key)
{
    uint32_t low = 0, left = quantiles->used;
    while (left > 1) { /* a branch would be guessed wrong every other time */
        uint32_t half = left / 2;
        low += half & -(uint32_t)(quantiles->key[low + half - 1] < key);
        left -= half;
    }
    return low + (left == 1 && quantiles->key[low] < key);
}

/* Counts from that bucket on stand elsewhere now. */
static void groups_sum(struct quantiles *quantiles, uint32_t bucket)
{
    for (uint32_t g = bucket / QUANTILE_GROUP; g < QUANTILE_GROUPS; g++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < QUANTILE_GROUP; i++)
            sum += quantiles->count[g * QUANTILE_GROUP + i];
        quantiles->group[g] = sum;
    }
}

/* Behind the others; equal keys become one. */
static void run_put(struct run *run, uint32_t key, uint32_t count)
{
    if (run->used > 0 && run->key[run->used - 1] == key) {
        run->count[run->used - 1] = sum_of(run->count[run->used - 1], count);
        return;
    }
    run->key[run->used] = key;
    run->count[run->used++] = count;
}

/* How many bits must go: two neighbours become one when the highest bit in which they differ has
 * gone. */
static uint32_t bits_too_many(const struct run *run)
{
    uint32_t at_bit[QUANTILE_PREFIX_BITS + 1] = {0}, left = run->used, bits = 0;
    for (uint32_t i = 1; i < run->used; i++)
        at_bit[32 - __builtin_clz(run->key[i] ^ run->key[i - 1])]++;
    while (left > QUANTILE_BUCKETS)
        left -= at_bit[++bits];
    return bits;
}

static void run_store(const struct run *run, struct quantiles *quantiles)
{
    uint32_t bits = bits_too_many(run);
    struct run shorter = {.used = 0};
    for (uint32_t i = 0; i < run->used; i++)
        run_put(&shorter, run->key[i] >> bits, run->count[i]);
    memset(quantiles->key, 0, sizeof quantiles->key);
    memset(quantiles->count, 0, sizeof quantiles->count);
    memcpy(quantiles->key, shorter.key, shorter.used * sizeof *shorter.key);
    memcpy(quantiles->count, shorter.count, shorter.used * sizeof *shorter.count);
    quantiles->used = shorter.used;
    quantiles->lost_bits += bits;
    groups_sum(quantiles, 0);
}

void quantiles_join(struct quantiles *quantiles, const struct quantiles *other)
{
    uint32_t most =
        quantiles->lost_bits > other->lost_bits ? quantiles->lost_bits : other->lost_bits;
    uint32_t own = most - quantiles->lost_bits, others = most - other->lost_bits;
    struct run run;
    run.used = 0;
    for (uint32_t i = 0, j = 0; i < quantiles->used || j < other->used;) {
        bool first = j == other->used ||
                     (i < quantiles->used && quantiles->key[i] >> own <= other->key[j] >> others);
        if (first)
            run_put(&run, quantiles->key[i] >> own, quantiles->count[i]);
        else
            run_put(&run, other->key[j] >> others, other->count[j]);
        i += first;
        j += !first;
    }
    quantiles->lost_bits = most;
    run_store(&run, quantiles);
}

void quantiles_add(struct quantiles *quantiles, uint64_t image)
{
    uint32_t key = key_of(quantiles, image), place = place_of(quantiles, key);
    if (place < quantiles->used && quantiles->key[place] == key) {
        uint32_t added = quantiles->count[place] < UINT32_MAX;
        quantiles->count[place] += added;
        quantiles->group[place / QUANTILE_GROUP] += added;
        return;
    }
    if (quantiles->used == QUANTILE_BUCKETS) {
        struct quantiles one = {.used = 1, .key = {key}, .count = {1}};
        one.lost_bits = quantiles->lost_bits;
        quantiles_join(quantiles, &one);
        return;
    }
    uint32_t behind = quantiles->used++ - place;
    memmove(&quantiles->key[place + 1], &quantiles->key[place], behind * sizeof(uint32_t));
    memmove(&quantiles->count[place + 1], &quantiles->count[place], behind * sizeof(uint32_t));
    quantiles->key[place] = key;
    quantiles->count[place] = 1;
    groups_sum(quantiles, place);
}

bool quantiles_exchange(struct quantiles *quantiles, uint64_t from, uint64_t to)
{
    uint32_t key = key_of(quantiles, from), place = place_of(quantiles, key);
    if (place == quantiles->used || quantiles->key[place] != key)
        return false;
    if (--quantiles->count[place] == 0) {
        uint32_t behind = --quantiles->used - place;
        memmove(&quantiles->key[place], &quantiles->key[place + 1], behind * sizeof(uint32_t));
        memmove(&quantiles->count[place], &quantiles->count[place + 1], behind * sizeof(uint32_t));
        quantiles->key[quantiles->used] = quantiles->count[quantiles->used] = 0;
    }
    groups_sum(quantiles, place);
    quantiles_add(quantiles, to);
    return true;
}

uint32_t quantiles_bucket(const struct quantiles *quantiles, uint64_t image)
{
    return place_of(quantiles, key_of(quantiles, image));
}

uint64_t quantiles_count(const struct quantiles *quantiles)
{
    uint64_t sum = 0;
    for (uint32_t g = 0; g < QUANTILE_GROUPS; g++)
        sum += quantiles->group[g];
    return sum;
}

uint64_t quantiles_before(const struct quantiles *quantiles, uint32_t bucket)
{
    uint64_t sum = 0;
    uint32_t group = bucket / QUANTILE_GROUP;
    for (uint32_t g = 0; g < group; g++)
        sum += quantiles->group[g];
    for (uint32_t i = group * QUANTILE_GROUP; i < bucket; i++)
        sum += quantiles->count[i];
    return sum;
}

uint32_t quantiles_at(const struct quantiles *quantiles, uint64_t place, uint64_t *before)
{
    uint64_t left = place;
    uint32_t group = 0;
    for (; left >= quantiles->group[group]; group++)
        left -= quantiles->group[group];
    uint32_t bucket = group * QUANTILE_GROUP;
    for (; left >= quantiles->count[bucket]; bucket++)
        left -= quantiles->count[bucket];
    ASSERT(bucket < quantiles->used);
    *before = place - left;
    return bucket;
}

/* Of a whole prefix, all for the one value whose other bits are 0: of images of negative numbers,
 * which are turned, the last. */
uint64_t bucket_image(const struct quantiles *quantiles, uint32_t bucket, uint32_t at)
{
    uint64_t first = bucket_first(quantiles, bucket), last = bucket_last(quantiles, bucket);
    if (quantiles->lost_bits == 0)
        return first >> 63 ? first : last;
    ASSERT(at < quantiles->count[bucket]);
    double share = (at + 0.5) / quantiles->count[bucket];
    return first + (uint64_t)((double)(last - first) * share);
}

double bucket_below(const struct quantiles *quantiles, uint32_t bucket, uint64_t image,
                    double *equal)
{
    uint64_t first = bucket_first(quantiles, bucket), last = bucket_last(quantiles, bucket);
    double count = quantiles->count[bucket];
    *equal = quantiles->lost_bits == 0 ? count : 0;
    if (quantiles->lost_bits == 0)
        return 0;
    return count * ((double)(image - first) / ((double)(last - first) + 1));
}
