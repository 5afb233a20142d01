/* Questions to slots and sketches together; see values_past.h. */
#include "features/values_past.h"
#include <math.h>

/* ---- order ---- */

/* A stretch of values: those of a bucket, or between two, where there are slots alone. */
struct stretch {
    uint32_t bucket, spilled; /* of the bucket; 0: between */
    uint64_t place, count;    /* of all values: the first, how many */
    uint64_t slot_place, slot_count;
};

static uint64_t slots_below(const struct values *values, uint64_t image)
{
    uint64_t equal;
    return values->count ? values_below_image(values, image, &equal) : 0;
}

static uint64_t slots_through(const struct values *values, uint64_t image)
{
    uint64_t equal = 0, below = values->count ? values_below_image(values, image, &equal) : 0;
    return below + equal;
}

static uint64_t slot_image(const struct values *values, uint64_t place)
{
    return value_image(values_at(values, place), false);
}

/* spilled[i]: in buckets before bucket i. */
static void prefixes(const struct quantiles *order, uint64_t spilled[])
{
    spilled[0] = 0;
    for (uint32_t i = 0; i < order->used; i++)
        spilled[i + 1] = spilled[i] + order->count[i];
}

/* The first bucket by whose end more than `place` values have come.  Slots are looked up where
 * they can make a difference alone: among a million values, in one or two buckets. */
static uint32_t bucket_find(const struct values *values, const uint64_t spilled[], uint64_t place)
{
    const struct quantiles *order = values->past.order;
    uint32_t low = 0, high = order->used;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        uint64_t before = spilled[middle + 1];
        bool more =
            before > place || (before + values->count > place &&
                               before + slots_through(values, bucket_last(order, middle)) > place);
        if (more)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static struct stretch stretch_find(const struct values *values, uint64_t place)
{
    const struct quantiles *order = values->past.order;
    uint64_t spilled[QUANTILE_BUCKETS + 1];
    prefixes(order, spilled);
    uint32_t bucket = bucket_find(values, spilled, place);
    bool is_last = bucket == order->used;
    uint64_t end = is_last ? values->count : slots_below(values, bucket_first(order, bucket));
    if (spilled[bucket] + end > place) {
        uint64_t first = bucket ? slots_through(values, bucket_last(order, bucket - 1)) : 0;
        return (struct stretch){.place = spilled[bucket] + first,
                                .count = end - first,
                                .slot_place = first,
                                .slot_count = end - first};
    }
    uint64_t slots = slots_through(values, bucket_last(order, bucket)) - end;
    return (struct stretch){.bucket = bucket,
                            .spilled = order->count[bucket],
                            .place = spilled[bucket] + end,
                            .count = order->count[bucket] + slots,
                            .slot_place = end,
                            .slot_count = slots};
}

/* The image at a place of a stretch, whose spilled values lie evenly between its slots. */
static uint64_t stretch_image(const struct values *values, const struct stretch *stretch,
                              uint64_t place)
{
    const struct quantiles *order = values->past.order;
    uint64_t at = place - stretch->place; /* of both, this many come before */
    uint64_t low = at > stretch->spilled ? at - stretch->spilled : 0;
    uint64_t high = at < stretch->slot_count ? at : stretch->slot_count;
    while (low < high) { /* how many slots of them */
        uint64_t middle = (low + high) / 2;
        uint64_t before = bucket_image(order, stretch->bucket, (uint32_t)(at - middle - 1));
        if (before <= slot_image(values, stretch->slot_place + middle))
            high = middle;
        else
            low = middle + 1;
    }
    uint64_t spilled = UINT64_MAX, slot = UINT64_MAX;
    if (at - low < stretch->spilled)
        spilled = bucket_image(order, stretch->bucket, (uint32_t)(at - low));
    if (low < stretch->slot_count)
        slot = slot_image(values, stretch->slot_place + low);
    return spilled < slot ? spilled : slot;
}

double past_quantile(const struct values *values, double q)
{
    double place = (double)(values_count(values) - 1) * q;
    uint64_t lower = (uint64_t)place;
    double share = place - (double)lower;
    struct stretch stretch = stretch_find(values, lower);
    double low = image_value(stretch_image(values, &stretch, lower), false).number;
    if (share <= 0)
        return low;
    if (lower + 1 - stretch.place >= stretch.count)
        stretch = stretch_find(values, lower + 1);
    double high = image_value(stretch_image(values, &stretch, lower + 1), false).number;
    double step = high - low;
    return step - step == 0 ? low + share * step : (1 - share) * low + share * high;
}

double past_below(const struct values *values, uint64_t image, double *equal)
{
    const struct quantiles *order = values->past.order;
    uint32_t bucket = quantiles_bucket(order, image);
    uint64_t below = 0;
    for (uint32_t i = 0; i < bucket; i++)
        below += order->count[i];
    *equal = 0;
    if (bucket == order->used || image < bucket_first(order, bucket))
        return (double)below;
    return (double)below + bucket_below(order, bucket, image, equal);
}

/* ---- frequencies ---- */

static uint64_t both_count(const struct past_view *past, uint64_t place)
{
    return (uint64_t)past->frequent->count[place] + past->held->count[place];
}

uint64_t past_frequency(const struct values *values, uint64_t image)
{
    uint64_t equal = 0;
    uint32_t place = frequencies_find(values->past.frequent, image);
    if (values->count)
        values_below_image(values, image, &equal);
    return equal + (place == FREQUENCY_NONE ? 0 : values->past.frequent->count[place]);
}

/* A value of slots alone is the most frequent of slots, or no more frequent than it. */
uint64_t past_mode(const struct values *values)
{
    const struct past_view *past = &values->past;
    uint64_t best = 0, mode = 0;
    for (uint64_t i = 0; i < past->frequent->used; i++)
        if (both_count(past, i) > best) {
            best = both_count(past, i);
            mode = past->frequent->image[i];
        }
    if (values->count == 0)
        return mode;
    uint64_t image = slots_mode(values), count = past_frequency(values, image);
    return count > best || (count == best && image < mode) ? image : mode;
}

/* Slots count those of their values that have a counter, too. */
uint64_t past_more_frequent(const struct values *values, uint64_t count, uint64_t most)
{
    const struct past_view *past = &values->past;
    uint64_t found = 0, twice = 0;
    for (uint64_t i = 0; i < past->frequent->used; i++) {
        found += both_count(past, i) > count;
        twice += past->held->count[i] > count;
    }
    if (found >= most || values->count == 0)
        return found;
    return found + slots_more_frequent(values, count, most + twice) - twice;
}

/* ---- entropy ---- */

/* The sum of c ln c over slots, and what spilled events add to it: those with a counter, and those
 * without. */
double past_entropy(const struct values *values)
{
    const struct past_view *past = &values->past;
    uint64_t counted = 0;
    for (uint64_t i = 0; i < past->frequent->used; i++)
        counted += past->frequent->count[i];
    double n = (double)values_count(values), rest = (double)(past->values->count - counted);
    double sum = slots_spread(values) + rest * past->sample->gain;
    sum += (double)(past->held->both - past->held->alone) / frequency_unit;
    double entropy = log(n) - sum / n;
    return entropy > 0 ? entropy : 0;
}
