/* Values with the least hashes; see value_sample.h. */
#include "features/value_sample.h"
#include "base/hash.h"
#include <string.h>

enum { SETTLE_EVERY = 64 };

static uint64_t hash_of(uint64_t image)
{
    static const uint64_t some = 0xA24BAED4963EE407ULL;
    return hash_pair(some, image + !image);
}

static uint32_t place_of(const struct value_sample *sample, uint64_t hash)
{
    uint32_t low = 0, high = (uint32_t)sample->used;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (hash_of(sample->image[middle]) < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t value_sample_find(const struct value_sample *sample, uint64_t image)
{
    uint64_t hash = hash_of(image);
    if (sample->used == 0 || hash > hash_of(sample->image[sample->used - 1]))
        return VALUE_SAMPLE_NONE;
    uint32_t place = place_of(sample, hash);
    return sample->image[place] == image ? place : VALUE_SAMPLE_NONE;
}

uint32_t value_sample_add(struct value_sample *sample, uint32_t *elsewhere, uint64_t image)
{
    uint64_t hash = hash_of(image);
    bool full = sample->used == VALUE_SAMPLE;
    sample->changes++;
    if (full && hash > hash_of(sample->image[VALUE_SAMPLE - 1]))
        return VALUE_SAMPLE_NONE;
    uint32_t place = place_of(sample, hash);
    if (place < sample->used && sample->image[place] == image) {
        sample->count[place] += sample->count[place] < UINT32_MAX;
        return VALUE_SAMPLE_NONE;
    }
    size_t behind = sample->used - full - place;
    memmove(&sample->image[place + 1], &sample->image[place], behind * sizeof(uint64_t));
    memmove(&sample->count[place + 1], &sample->count[place], behind * sizeof(uint32_t));
    sample->image[place] = image;
    sample->count[place] = 1;
    sample->used += !full;
    if (elsewhere) {
        memmove(&elsewhere[place + 1], &elsewhere[place], behind * sizeof *elsewhere);
        elsewhere[place] = 0;
    }
    return place;
}

void value_sample_join(struct value_sample *sample, const struct value_sample *other)
{
    struct value_sample joined = {.changes = sample->changes + other->changes};
    uint64_t i = 0, j = 0;
    while (joined.used < VALUE_SAMPLE && (i < sample->used || j < other->used)) {
        uint64_t left = i < sample->used ? hash_of(sample->image[i]) : UINT64_MAX;
        uint64_t right = j < other->used ? hash_of(other->image[j]) : UINT64_MAX;
        bool first = i < sample->used && left <= right, second = j < other->used && right <= left;
        uint64_t count = (uint64_t)first * sample->count[first ? i : 0];
        count += (uint64_t)second * other->count[second ? j : 0];
        joined.image[joined.used] = first ? sample->image[i] : other->image[j];
        joined.count[joined.used++] = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
        i += first;
        j += second;
    }
    *sample = joined;
}

double value_sample_gain(const struct value_sample *sample, const uint32_t *elsewhere,
                         const struct frequencies *frequencies)
{
    double events = 0, sum = 0;
    for (uint64_t i = 0; i < sample->used; i++) {
        uint32_t place = frequencies_find(frequencies, sample->image[i]);
        uint64_t counted = place == FREQUENCY_NONE ? 0 : frequencies->count[place];
        uint64_t count = sample->count[i], other = elsewhere[i];
        events += (double)count - (double)counted;
        sum += count_term(count + other) - count_term(counted + other);
    }
    return events > 0 ? sum / events : 0;
}

void value_sample_settle(struct value_sample *sample, const uint32_t *elsewhere,
                         const struct frequencies *frequencies)
{
    if (sample->changes < SETTLE_EVERY || sample->changes % SETTLE_EVERY == 0)
        sample->gain = value_sample_gain(sample, elsewhere, frequencies);
}
