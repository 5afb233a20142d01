/* Log-linear buckets; see histogram.h. */
#include "base/histogram.h"

enum { LINEAR_BITS = 5, LINEAR = 1 << LINEAR_BITS };

static uint32_t bucket_of(uint64_t value)
{
    if (value < LINEAR)
        return (uint32_t)value;
    int exponent = 63 - __builtin_clzll(value);
    uint64_t within = (value >> (exponent - LINEAR_BITS)) & (LINEAR - 1);
    return (uint32_t)((exponent - LINEAR_BITS + 1) * LINEAR) + (uint32_t)within;
}

static uint64_t bucket_top(uint32_t bucket)
{
    if (bucket < LINEAR)
        return bucket;
    int shift = (int)(bucket / LINEAR) - 1;
    uint64_t low = (uint64_t)(LINEAR + bucket % LINEAR) << shift;
    return low + ((1ULL << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times)
{
    histogram->count += times;
    histogram->sum += value * times;
    if (times && value > histogram->maximum)
        histogram->maximum = value;
    histogram->bucket[bucket_of(value)] += times;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->bucket[i];
        if (histogram->bucket[i] && seen >= wanted && seen > 0) {
            uint64_t top = bucket_top(i);
            return top < histogram->maximum ? top : histogram->maximum;
        }
    }
    return histogram->maximum;
}
