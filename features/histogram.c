/* Buckets of values by the first bits of their images; see histogram.h. */
#include "features/histogram.h"
#include "base/assert.h"
#include <string.h>

enum { RUN_MAX = 2 * HISTOGRAM_BUCKETS };

/* Buckets on their way into a histogram. */
struct run {
    uint32_t used;
    uint32_t key[RUN_MAX], count[RUN_MAX];
};

static uint32_t key_of(const struct histogram *histogram, uint64_t image)
{
    return (uint32_t)(image >> HISTOGRAM_PREFIX_BITS) >> histogram->lost_bits;
}

static uint32_t sum_of(uint32_t left, uint32_t right)
{
    return left > UINT32_MAX - right ? UINT32_MAX : left + right;
}

static uint32_t place_of(const struct histogram *histogram, uint32_t key)
{
    uint32_t low = 0, high = histogram->used;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (histogram->key[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
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
    uint32_t at_bit[HISTOGRAM_PREFIX_BITS + 1] = {0}, left = run->used, bits = 0;
    for (uint32_t i = 1; i < run->used; i++)
        at_bit[32 - __builtin_clz(run->key[i] ^ run->key[i - 1])]++;
    while (left > HISTOGRAM_BUCKETS)
        left -= at_bit[++bits];
    return bits;
}

static void run_store(const struct run *run, struct histogram *histogram)
{
    uint32_t bits = bits_too_many(run);
    struct run shorter = {.used = 0};
    for (uint32_t i = 0; i < run->used; i++)
        run_put(&shorter, run->key[i] >> bits, run->count[i]);
    memset(histogram->key, 0, sizeof histogram->key);
    memset(histogram->count, 0, sizeof histogram->count);
    memcpy(histogram->key, shorter.key, shorter.used * sizeof *shorter.key);
    memcpy(histogram->count, shorter.count, shorter.used * sizeof *shorter.count);
    histogram->used = shorter.used;
    histogram->lost_bits += bits;
}

void histogram_join(struct histogram *histogram, const struct histogram *other)
{
    uint32_t most =
        histogram->lost_bits > other->lost_bits ? histogram->lost_bits : other->lost_bits;
    uint32_t own = most - histogram->lost_bits, others = most - other->lost_bits;
    struct run run;
    run.used = 0;
    for (uint32_t i = 0, j = 0; i < histogram->used || j < other->used;) {
        bool first = j == other->used ||
                     (i < histogram->used && histogram->key[i] >> own <= other->key[j] >> others);
        if (first)
            run_put(&run, histogram->key[i] >> own, histogram->count[i]);
        else
            run_put(&run, other->key[j] >> others, other->count[j]);
        i += first;
        j += !first;
    }
    histogram->lost_bits = most;
    run_store(&run, histogram);
}

void histogram_add(struct histogram *histogram, uint64_t image)
{
    uint32_t key = key_of(histogram, image), place = place_of(histogram, key);
    if (place < histogram->used && histogram->key[place] == key) {
        histogram->count[place] = sum_of(histogram->count[place], 1);
        return;
    }
    if (histogram->used == HISTOGRAM_BUCKETS) {
        struct histogram one = {.used = 1, .key = {key}, .count = {1}};
        one.lost_bits = histogram->lost_bits;
        histogram_join(histogram, &one);
        return;
    }
    uint32_t behind = histogram->used++ - place;
    memmove(&histogram->key[place + 1], &histogram->key[place], behind * sizeof(uint32_t));
    memmove(&histogram->count[place + 1], &histogram->count[place], behind * sizeof(uint32_t));
    histogram->key[place] = key;
    histogram->count[place] = 1;
}

bool histogram_exchange(struct histogram *histogram, uint64_t from, uint64_t to)
{
    uint32_t key = key_of(histogram, from), place = place_of(histogram, key);
    if (place == histogram->used || histogram->key[place] != key)
        return false;
    if (--histogram->count[place] == 0) {
        uint32_t behind = --histogram->used - place;
        memmove(&histogram->key[place], &histogram->key[place + 1], behind * sizeof(uint32_t));
        memmove(&histogram->count[place], &histogram->count[place + 1], behind * sizeof(uint32_t));
        histogram->key[histogram->used] = histogram->count[histogram->used] = 0;
    }
    histogram_add(histogram, to);
    return true;
}

uint32_t histogram_bucket(const struct histogram *histogram, uint64_t image)
{
    return place_of(histogram, key_of(histogram, image));
}

/* Of a whole prefix, all for the one value whose other bits are 0: of images of negative numbers,
 * which are turned, the last. */
uint64_t bucket_image(const struct histogram *histogram, uint32_t bucket, uint32_t at)
{
    uint64_t first = bucket_first(histogram, bucket), last = bucket_last(histogram, bucket);
    if (histogram->lost_bits == 0)
        return first >> 63 ? first : last;
    ASSERT(at < histogram->count[bucket]);
    double share = (at + 0.5) / histogram->count[bucket];
    return first + (uint64_t)((double)(last - first) * share);
}

double bucket_below(const struct histogram *histogram, uint32_t bucket, uint64_t image,
                    double *equal)
{
    uint64_t first = bucket_first(histogram, bucket), last = bucket_last(histogram, bucket);
    double count = histogram->count[bucket];
    *equal = histogram->lost_bits == 0 ? count : 0;
    if (histogram->lost_bits == 0)
        return 0;
    return count * ((double)(image - first) / ((double)(last - first) + 1));
}
