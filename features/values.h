/* The values of one argument in one window, as a multiset that questions are put to: of few values
 * a sorted array, of many a tree (tree.h).  Both give the same answers, to the bit.
 *
 * Values are told by their *images*, 64-bit integers in the order of the values: of a double its
 * bits, all turned if it is negative, the sign alone if it is not; of a text its hash.
 *
 * Of values that were spilled there are sketches; values_past.h says how good the answers are
 * then. */
#ifndef FEATURES_VALUES_H
#define FEATURES_VALUES_H

#include "base/batch.h"
#include "features/past_values.h"
#include "features/tree.h"
#include "features/values_change.h"

struct values {
    bool is_key;            /* texts, not numbers */
    uint64_t count;         /* of all values */
    const uint64_t *sorted; /* images; NULL: ask the tree */
    struct tree tree;
    const struct values_change *change; /* what has changed against the tree, if there is one */
    uint32_t change_count;
    uint64_t mode;         /* of these, when it was found */
    struct past_view past; /* spilled values, not among the others (pane.h) */
};

static inline uint64_t value_image(union value value, bool is_key)
{
    if (is_key)
        return value.key;
    value.number += 0.0; /* one zero */
    return value.key >> 63 ? ~value.key : value.key | 1ULL << 63;
}

static inline union value image_value(uint64_t image, bool is_key)
{
    union value value = {.key = image};
    if (!is_key)
        value.key = image >> 63 ? image ^ 1ULL << 63 : ~image;
    return value;
}

/* Of all values, spilled ones included. */
static inline uint64_t values_count(const struct values *values)
{
    return values->count + (values->past.values ? values->past.values->count : 0);
}

/* Sorts images in place, without more memory. */
void images_sort(uint64_t *images, uint32_t count);

/* How many different ones; an estimate if some were spilled (hyperloglog.h). */
double values_distinct(const struct values *values);

/* The greatest less the least, spilled ones included; false if there are none. */
bool values_range(const struct values *values, double *range);

/* Of slots alone: the value at a place of the order, from 0; place < count. */
union value values_at(const struct values *values, uint64_t place);

/* Of slots alone: how many images are below; how many are equal. */
uint64_t values_below_image(const struct values *values, uint64_t image, uint64_t *equal);

/* Of slots alone: the image of the most frequent value, how many occur more than `count` times (no
 * further than `most`), and the sum of c ln c. */
uint64_t slots_mode(const struct values *values);
uint64_t slots_more_frequent(const struct values *values, uint64_t count, uint64_t most);
double slots_spread(const struct values *values);

/* How many are below the value, and half of those that are equal. */
double values_rank(const struct values *values, union value value);

/* The most frequent value, of several the least; there are some. */
union value values_mode(const struct values *values);

/* Of slots alone: finds it in a tree with changes; false: that cannot tell. */
bool values_mode_find(struct values *values);

/* How often the value occurs. */
uint64_t values_frequency(const struct values *values, union value value);

/* How many different values occur more than `count` times; looks no further than `most`. */
uint64_t values_more_frequent(const struct values *values, uint64_t count, uint64_t most);

/* The q-quantile, 0 <= q <= 1, of numbers: with h = (n - 1) q the straight line between the values
 * at floor(h) and floor(h) + 1 (definition 7 of Hyndman and Fan, "Sample quantiles in statistical
 * packages", 1996; the one of numpy and pandas); there are some. */
double values_quantile(const struct values *values, double q);

/* c ln c in units of 2^-32, for c occurrences of a value: whole numbers, so that a sum of them does
 * not depend on the order, and what left is gone.  The sum of n values is at most n ln n, so that
 * 2^24 of them stay below 2^61. */
int64_t spread_term(uint32_t count);

/* Shannon's entropy in nats, ln n - (sum of c ln c) / n; there are some. */
double values_entropy(const struct values *values);

#endif
