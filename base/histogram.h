/* A histogram of durations with bounded relative error: 32 linear buckets in each power of two
 * (about 3 %), after the idea of HdrHistogram (Tene, 2012).  Flat, fixed, mergeable by addition. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 64 * 32 };

struct histogram {
    uint64_t count, sum, maximum;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* Adds `times` equal values. */
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times);

/* The value below which a share (0 to 1) of all values lies; the upper edge of its bucket, never
 * above the maximum; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
