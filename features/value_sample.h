/* How often the values of a stream occur that are not frequent, from 128 of them.
 *
 * Kept are the values with the least hashes, each with its number of events: a sample of the
 * different values that looks at nothing else of them, and that joins (Gibbons, "Distinct sampling
 * for highly-accurate answers to distinct values queries and event reports", 2001; with the least
 * hashes: Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007).  What is among the
 * least of all is among the least wherever it occurs, so its number is exact.
 *
 * It is there for a sum of c ln c.  If a value occurs s times in the stream and h times elsewhere,
 * in what is known exactly, the stream adds (s + h) ln (s + h) - h ln h to the sum of elsewhere.
 * Counters (frequencies.h) say it of c of the s.  What the others add is their number times what
 * one of them adds in the mean, which the sample shows:
 *
 *     gain = sum of ((s + h) ln (s + h) - (c + h) ln (c + h)) / sum of (s - c) */
#ifndef FEATURES_VALUE_SAMPLE_H
#define FEATURES_VALUE_SAMPLE_H

#include "features/frequencies.h"

enum { VALUE_SAMPLE = 128, VALUE_SAMPLE_NONE = VALUE_SAMPLE };

/* Zero bytes are an empty stream.  Hashes of the images rise. */
struct value_sample {
    uint64_t used, changes;
    double gain; /* what value_sample_settle found last */
    uint64_t image[VALUE_SAMPLE];
    uint32_t count[VALUE_SAMPLE];
};

/* elsewhere: (VALUE_SAMPLE) numbers of the values elsewhere, which follow; or NULL.  Returns the
 * place of a value that is new, where elsewhere says 0; or VALUE_SAMPLE_NONE. */
uint32_t value_sample_add(struct value_sample *sample, uint32_t *elsewhere, uint64_t image);
void value_sample_join(struct value_sample *sample, const struct value_sample *other);

/* The value's place, or VALUE_SAMPLE_NONE. */
uint32_t value_sample_find(const struct value_sample *sample, uint64_t image);

/* 0 if counters have all. */
double value_sample_gain(const struct value_sample *sample, const uint32_t *elsewhere,
                         const struct frequencies *frequencies);

/* After a change: what it is may be looked up in `gain`, which 64 changes may have passed by. */
void value_sample_settle(struct value_sample *sample, const uint32_t *elsewhere,
                         const struct frequencies *frequencies);

#endif
