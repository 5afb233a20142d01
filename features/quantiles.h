/* How numbers lie to each other, from at most 256 buckets: which one stands at a place of their
 * order, and at which place one would stand.
 *
 * A bucket is all values whose images (values.h) begin with the same bits: an image is ordered as
 * its value is, and begins with the sign, the exponent and the first bits of the mantissa, so equal
 * prefixes make buckets whose widths grow with the values, of both signs, as logarithmic ones do
 * (Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
 * guarantees", 2019), but without a logarithm.  A prefix has 32 bits to begin with, the first 20
 * bits of a mantissa: whole numbers below 2^21 and what else is as short keep a bucket of their
 * own.  When there are more than 256 buckets, the prefix loses as many bits as it takes, which
 * joins neighbours all over (Epicoco, Melle, Cafaro, Pulimeno and Morleo, "UDDSketch: accurate
 * tracking of quantiles in data streams", 2020):
 *
 *     bits of the mantissa left   5      4      3
 *     a bucket is at most this wide  1/32   1/16   1/8     of its values
 *     at least so many octaves fit   8      16     32
 *
 * Which prefix is left depends on the set of values alone, not on their order, and a sketch of all
 * is what joining the sketches of parts gives.  So an answer lies in the bucket that the true one
 * lies in; inside it values are taken to lie evenly. */
#ifndef FEATURES_QUANTILES_H
#define FEATURES_QUANTILES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    QUANTILE_BUCKETS = 256,
    QUANTILE_PREFIX_BITS = 32,
    QUANTILE_GROUP = 16, /* buckets whose counts are summed, so that few are walked for a place */
    QUANTILE_GROUPS = QUANTILE_BUCKETS / QUANTILE_GROUP,
};

/* Zero bytes are an empty one.  Keys rise; counts stay at UINT32_MAX. */
struct quantiles {
    uint32_t used, lost_bits; /* of the prefix */
    uint64_t group[QUANTILE_GROUPS];
    uint32_t key[QUANTILE_BUCKETS];
    uint32_t count[QUANTILE_BUCKETS];
};

void quantiles_add(struct quantiles *quantiles, uint64_t image);
void quantiles_join(struct quantiles *quantiles, const struct quantiles *other);

/* One value is another: false, and nothing changed, if there is none in its bucket. */
bool quantiles_exchange(struct quantiles *quantiles, uint64_t from, uint64_t to);

/* Images [first, last] belong to the bucket. */
static inline uint64_t bucket_first(const struct quantiles *quantiles, uint32_t bucket)
{
    return (uint64_t)quantiles->key[bucket] << quantiles->lost_bits << QUANTILE_PREFIX_BITS;
}

static inline uint64_t bucket_last(const struct quantiles *quantiles, uint32_t bucket)
{
    uint64_t low = (1ULL << quantiles->lost_bits << QUANTILE_PREFIX_BITS) - 1;
    return bucket_first(quantiles, bucket) | low;
}

/* The first bucket whose values are not all less; `used` if there is none. */
uint32_t quantiles_bucket(const struct quantiles *quantiles, uint64_t image);

/* How many values there are; how many are in buckets before that one. */
uint64_t quantiles_count(const struct quantiles *quantiles);
uint64_t quantiles_before(const struct quantiles *quantiles, uint32_t bucket);

/* The bucket of the value at a place of the order, from 0; place < quantiles_count.  before: as
 * above. */
uint32_t quantiles_at(const struct quantiles *quantiles, uint64_t place, uint64_t *before);

/* The image that value `at` of the bucket's is taken for. */
uint64_t bucket_image(const struct quantiles *quantiles, uint32_t bucket, uint32_t at);

/* How many of the bucket's values are below the image, which lies in it; and how many equal. */
double bucket_below(const struct quantiles *quantiles, uint32_t bucket, uint64_t image,
                    double *equal);

#endif
