/* A fair sample in order; see sample.h. */
#include "models/sample.h"
#include <string.h>

void sample_init(struct sample *sample, uint64_t seed)
{
    random_seed(&sample->random, seed);
}

/* How many values lie below it, or are equal to it if `through`. */
static uint64_t below(const struct sample *sample, double value, bool through)
{
    uint64_t low = 0, high = sample->count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        bool before = through ? sample->value[middle] <= value : sample->value[middle] < value;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low;
}

void sample_add(struct sample *sample, double value, double weight)
{
    sample->weight += weight;
    if (sample->count == SAMPLE_SIZE) {
        if (random_uniform(&sample->random) * sample->weight >= weight * SAMPLE_SIZE)
            return;
        uint64_t leaves = random_below(&sample->random, SAMPLE_SIZE);
        uint64_t behind = SAMPLE_SIZE - 1 - leaves;
        memmove(&sample->value[leaves], &sample->value[leaves + 1], behind * sizeof(double));
        sample->count--;
    }
    uint64_t place = below(sample, value, true);
    memmove(&sample->value[place + 1], &sample->value[place],
            (sample->count - place) * sizeof(double));
    sample->value[place] = value;
    sample->count++;
}

double sample_quantile(const struct sample *sample, double share)
{
    if (sample->count == 0)
        return 0;
    double place = share * (double)(sample->count - 1);
    uint64_t floor = (uint64_t)place;
    if (floor + 1 >= sample->count)
        return sample->value[sample->count - 1];
    double from = sample->value[floor];
    return from + (sample->value[floor + 1] - from) * (place - (double)floor);
}

double sample_share(const struct sample *sample, double value)
{
    uint64_t count = sample->count;
    if (count < 2)
        return 0.5;
    uint64_t first = below(sample, value, false), last = below(sample, value, true);
    double all = (double)(count - 1);
    if (last > first)
        return ((double)first + (double)last - 1) / 2 / all;
    if (first == 0 || first == count)
        return first == 0 ? 0 : 1;
    double from = sample->value[first - 1];
    return ((double)first - 1 + (value - from) / (sample->value[first] - from)) / all;
}
