/* Counting different values; see hyperloglog.h. */
#include "features/hyperloglog.h"
#include "base/hash.h"
#include <math.h>

/* What a register adds to the sum. */
static uint64_t part_of(uint32_t rank)
{
    return rank == 0 || rank > HYPERLOGLOG_RANKS ? 0 : 1ULL << (HYPERLOGLOG_RANKS - rank);
}

static void register_raise(struct hyperloglog *sketch, uint32_t index, uint8_t rank)
{
    uint8_t old = sketch->rank[index];
    if (rank <= old)
        return;
    sketch->used += old == 0;
    sketch->last += rank > HYPERLOGLOG_RANKS;
    sketch->sum += part_of(rank) - part_of(old);
    sketch->rank[index] = rank;
}

/* Images of numbers differ in few bits, so they are mixed. */
void hyperloglog_add(struct hyperloglog *sketch, uint64_t image)
{
    static const uint64_t some = 0x9E3779B97F4A7C15ULL;
    uint64_t hash = hash_pair(some, image + !image);
    uint64_t rest = hash << HYPERLOGLOG_BITS;
    uint32_t zeros = rest ? (uint32_t)__builtin_clzll(rest) : HYPERLOGLOG_RANKS;
    register_raise(sketch, (uint32_t)(hash >> HYPERLOGLOG_RANKS), (uint8_t)(zeros + 1));
}

void hyperloglog_join(struct hyperloglog *sketch, const struct hyperloglog *other)
{
    for (uint32_t i = 0; i < HYPERLOGLOG_REGISTERS; i++)
        register_raise(sketch, i, other->rank[i]);
}

/* Infinite for x = 1. */
static double sigma(double x)
{
    double sum = x, power = x, scale = 1, before;
    if (x == 1)
        return INFINITY;
    do {
        power *= power;
        before = sum;
        sum += power * scale;
        scale += scale;
    } while (sum != before);
    return sum;
}

static double tau(double x)
{
    double sum = 1 - x, root = x, scale = 1, before;
    if (x == 0 || x == 1)
        return 0;
    do {
        root = sqrt(root);
        before = sum;
        scale *= 0.5;
        sum -= (1 - root) * (1 - root) * scale;
    } while (sum != before);
    return sum / 3;
}

double hyperloglog_count(const struct hyperloglog *sketch)
{
    static const double m = HYPERLOGLOG_REGISTERS, two_ln_2 = 1.3862943611198906;
    static const double unit = (double)(1ULL << HYPERLOGLOG_RANKS);
    double sum = (double)sketch->sum + m * tau(1 - (double)sketch->last / m);
    double empty = m - (double)sketch->used;
    return m * m / two_ln_2 / (sum / unit + m * sigma(empty / m));
}
