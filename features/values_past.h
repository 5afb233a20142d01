/* Questions to the values of slots and of spilled events together; see values.h.  Of the latter
 * there are sketches (past_values.h), whose errors these answers have:
 *
 *     order        a spilled value is known by its bucket (quantiles.h), the rank of a value that
 *                  lies in it within the bucket; slots are exact
 *     frequencies  slots are exact; of spilled values, counters lack up to 1/129 of their number
 *                  (frequencies.h)
 *     entropy      H = ln n - (sum of c ln c) / n.  Slots give their part of the sum, counters what
 *                  theirs add; what a spilled event without a counter adds in the mean, a sample of
 *                  the values shows (value_sample.h). */
#ifndef FEATURES_VALUES_PAST_H
#define FEATURES_VALUES_PAST_H

#include "features/values.h"

/* Is there anything spilled? */
static inline bool values_spilled(const struct values *values)
{
    return values->past.values && values->past.values->count > 0;
}

/* The q-quantile, by the definition of values_quantile. */
double past_quantile(const struct values *values, double q);

/* How many spilled ones are below the image; how many are equal. */
double past_below(const struct values *values, uint64_t image, double *equal);

uint64_t past_mode(const struct values *values);
uint64_t past_frequency(const struct values *values, uint64_t image);
uint64_t past_more_frequent(const struct values *values, uint64_t count, uint64_t most);
double past_entropy(const struct values *values);

#endif
