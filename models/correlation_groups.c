/* Groups of numbers that go together; see correlation_groups.h. */
#include "models/correlation_groups.h"
#include "base/assert.h"
#include <math.h>
#include <stdbool.h>

void correlation_learn(double *products, uint64_t count, const double *values)
{
    for (uint64_t i = 0; i < count; i++) {
        for (uint64_t j = 0; j <= i; j++)
            products[i * count + j] += values[i] * values[j];
    }
}

static double alike(const double *products, uint64_t count, uint64_t i, uint64_t j)
{
    double squares = products[i * count + i] * products[j * count + j];
    return squares > 0 ? fabs(products[i * count + j]) / sqrt(squares) : 0;
}

/* Merges under way: a group that has outgrown the bound is closed, with all that it would join. */
struct merging {
    const double *products;
    uint64_t count, group[CORRELATION_MAX], size[CORRELATION_MAX];
    bool closed[CORRELATION_MAX];
};

/* The two most alike numbers of different groups, of which one is open. */
static bool nearest(const struct merging *merging, uint64_t *first, uint64_t *second)
{
    double best = -1;
    for (uint64_t i = 0; i < merging->count; i++) {
        for (uint64_t j = 0; j < i; j++) {
            uint64_t a = merging->group[i], b = merging->group[j];
            if (a == b || (merging->closed[a] && merging->closed[b]))
                continue;
            double near = alike(merging->products, merging->count, i, j);
            if (near <= best)
                continue;
            best = near;
            *first = b;
            *second = a;
        }
    }
    return best >= 0;
}

static void join(struct merging *merging, uint64_t first, uint64_t second)
{
    for (uint64_t i = 0; i < merging->count; i++)
        merging->group[i] = merging->group[i] == second ? first : merging->group[i];
    merging->size[first] += merging->size[second];
}

static uint64_t list_groups(const struct merging *merging, uint64_t *order, uint64_t *start)
{
    uint64_t groups = 0, next = 0;
    for (uint64_t group = 0; group < merging->count; group++) {
        start[groups] = next;
        for (uint64_t i = 0; i < merging->count; i++) {
            if (merging->group[i] == group)
                order[next++] = i;
        }
        groups += next > start[groups];
    }
    start[groups] = next;
    return groups;
}

uint64_t correlation_groups(const double *products, uint64_t count, uint64_t most, uint64_t *order,
                            uint64_t *start)
{
    ASSERT(count <= CORRELATION_MAX);
    struct merging merging = {.products = products, .count = count};
    for (uint64_t i = 0; i < count; i++) {
        merging.group[i] = i;
        merging.size[i] = 1;
    }
    for (uint64_t a = 0, b = 0; nearest(&merging, &a, &b);) {
        bool open = !merging.closed[a] && !merging.closed[b];
        if (open && merging.size[a] + merging.size[b] <= most)
            join(&merging, a, b);
        else
            merging.closed[a] = merging.closed[b] = true;
    }
    return list_groups(&merging, order, start);
}
