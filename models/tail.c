/* The rarity of values by their largest; see tail.h. */
#include "models/tail.h"
#include "base/assert.h"
#include "models/pareto.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Fewer than this make no tail. */
enum { TAIL_LEAST = 5 };

void tail_init(struct tail *tail, uint64_t remembered)
{
    ASSERT(remembered > 0 && sqrt((double)remembered) <= TAIL_VALUES * 4.0 / 3);
    tail->remembered = remembered;
}

static double tail_population(const struct tail *tail)
{
    return (double)(tail->seen < tail->remembered ? tail->seen : tail->remembered);
}

/* How many held values are at least x. */
static uint64_t tail_rank(const struct tail *tail, double x)
{
    uint64_t low = 0, high = tail->held;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (tail->value[middle] >= x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t tail_size(const struct tail *tail)
{
    uint64_t size = (uint64_t)ceil(sqrt(tail_population(tail) + 1) / 2);
    size = size < TAIL_LEAST ? TAIL_LEAST : size;
    return size < tail->held ? size : tail->held - 1;
}

double tail_surprise(const struct tail *tail, double x)
{
    if (tail->seen < 2 * TAIL_LEAST || tail->held <= TAIL_LEAST || isnan(x))
        return 0;
    double population = tail_population(tail);
    uint64_t size = tail_size(tail);
    double threshold = tail->value[size];
    if (!(x > threshold)) {
        double share = population / ((double)tail_rank(tail, x) + 1);
        return share > 1 ? log10(share) : 0;
    }
    struct pareto pareto = pareto_from_moments(tail->value, size, threshold);
    return log10(population / (double)size) -
           pareto_log_tail(&pareto, x - threshold) * 0.43429448190325182;
}

static void tail_forget(struct tail *tail)
{
    if (tail->held == 0)
        return;
    uint64_t at = tail->hand % tail->held;
    tail->hand = at + 1;
    if (tail->seen - tail->number[at] <= tail->remembered)
        return;
    tail->held--;
    memmove(tail->value + at, tail->value + at + 1, (tail->held - at) * sizeof tail->value[0]);
    memmove(tail->number + at, tail->number + at + 1, (tail->held - at) * sizeof tail->number[0]);
    tail->value[tail->held] = 0;
    tail->number[tail->held] = 0;
}

void tail_learn(struct tail *tail, double x)
{
    if (isnan(x))
        return;
    tail_forget(tail);
    bool full = tail->held == TAIL_VALUES;
    if (!full || x > tail->value[TAIL_VALUES - 1]) {
        uint64_t at = tail_rank(tail, x);
        uint64_t moved = tail->held - at - (full ? 1 : 0);
        memmove(tail->value + at + 1, tail->value + at, moved * sizeof tail->value[0]);
        memmove(tail->number + at + 1, tail->number + at, moved * sizeof tail->number[0]);
        tail->value[at] = x;
        tail->number[at] = tail->seen;
        tail->held += full ? 0 : 1;
    }
    tail->seen++;
}
