/* The quantiles of a number from a fair sample of all its values so far, kept in order: each value
 * has the same chance to be among the SAMPLE_SIZE, a value of weight w that of w values.  Jeffrey
 * Vitter, "Random sampling with a reservoir", 1985; with weights as in Min-Te Chao, "A general
 * purpose unequal probability sampling plan", 1982, but that the first SAMPLE_SIZE all enter.  A
 * share is known to about 3 of 100 (half of 1 / sqrt(SAMPLE_SIZE)), however long the tails and
 * however many values are alike. */
#ifndef MODELS_SAMPLE_H
#define MODELS_SAMPLE_H

#include "base/random.h"
#include <stdbool.h>

enum { SAMPLE_SIZE = 255 };

struct sample {
    struct random random;
    double weight; /* of all values */
    uint64_t count;
    double value[SAMPLE_SIZE]; /* (count), ascending */
};

/* Into zeroed memory. */
void sample_init(struct sample *sample, uint64_t seed);

/* Not NaN; weight > 0. */
void sample_add(struct sample *sample, double value, double weight);

/* The value below which `share` of the sample lies, with straight lines between; 0 of nothing. */
double sample_quantile(const struct sample *sample, double share);

/* Its inverse: 0 to 1; of a value that is there more than once the middle of its places; 0.5 of
 * fewer than two. */
double sample_share(const struct sample *sample, double value);

#endif
