/* How often the values of a stream occur that are not frequent, from 128 of them.
 *
 * Kept are the values with the least hashes, each with its number of events: a sample of the
 * different values that looks at nothing else of them, and that joins (Gibbons, "Distinct sampling
 * for highly-accurate answers to distinct values queries and event reports", 2001; with the least
 * hashes: Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007).  What is among the
 * least of all is among the least wherever it occurs, so its number is exact.
 *
 * Of n events, sum over values of c ln c = n times the mean of ln c over the events.  The sample
 * says what that mean is for the events of values without a counter (frequencies.h), those that
 * have a small c: the events of those that it kept, sum of c ln c / sum of c. */
#ifndef FEATURES_VALUE_SAMPLE_H
#define FEATURES_VALUE_SAMPLE_H

#include "features/frequencies.h"

enum { VALUE_SAMPLE = 128 };

/* Zero bytes are an empty stream.  Hashes of the images rise. */
struct value_sample {
    uint64_t used, changes;
    double spread; /* what value_sample_settle found last */
    uint64_t image[VALUE_SAMPLE];
    uint32_t count[VALUE_SAMPLE];
};

void value_sample_add(struct value_sample *sample, uint64_t image);
void value_sample_join(struct value_sample *sample, const struct value_sample *other);

/* The mean of ln c over the events of kept values that have no counter; 0 if there are none. */
double value_sample_spread(const struct value_sample *sample,
                           const struct frequencies *frequencies);

/* After a change: what it is may be looked up in `spread`, which 64 changes may have passed by. */
void value_sample_settle(struct value_sample *sample, const struct frequencies *frequencies);

#endif
