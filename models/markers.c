/* Running quantiles; see markers.h. */
#include "models/markers.h"

static void insert(struct markers *markers, double value, double weight)
{
    uint64_t count = (uint64_t)markers->seen, place = count;
    for (; place > 0 && markers->height[place - 1] > value; place--)
        markers->height[place] = markers->height[place - 1];
    markers->height[place] = value;
    markers->weight += count > 0 ? weight : 0;
    markers->seen++;
    for (uint64_t i = 0; i <= count; i++)
        markers->rank[i] = count > 0 ? markers->weight * (double)i / (double)count : 0;
}

/* Where mark i would stand one rank further in the given direction. */
static double parabola(const struct markers *markers, uint64_t i, double step)
{
    const double *height = markers->height, *rank = markers->rank;
    double left = rank[i] - rank[i - 1], right = rank[i + 1] - rank[i];
    double rising = (height[i + 1] - height[i]) / right, risen = (height[i] - height[i - 1]) / left;
    return height[i] + step / (left + right) * ((left + step) * rising + (right - step) * risen);
}

static void adjust(struct markers *markers, uint64_t i)
{
    double *height = markers->height, *rank = markers->rank;
    double off = markers->weight * (double)i / (MARKERS - 1) - rank[i];
    bool up = off >= 1 && rank[i + 1] - rank[i] > 1, down = off <= -1 && rank[i] - rank[i - 1] > 1;
    if (!up && !down)
        return;
    double step = up ? 1 : -1;
    uint64_t next = up ? i + 1 : i - 1;
    double moved = parabola(markers, i, step);
    if (!(height[i - 1] <= moved && moved <= height[i + 1]))
        moved = height[i] + step * (height[next] - height[i]) / (rank[next] - rank[i]);
    height[i] = moved;
    rank[i] += step;
}

void markers_add(struct markers *markers, double value, double weight)
{
    if (markers->seen < MARKERS) {
        insert(markers, value, weight);
        return;
    }
    double *height = markers->height;
    height[0] = value < height[0] ? value : height[0];
    height[MARKERS - 1] = value > height[MARKERS - 1] ? value : height[MARKERS - 1];
    markers->weight += weight;
    for (uint64_t i = 1; i + 1 < MARKERS; i++)
        markers->rank[i] += value < height[i] ? weight : 0;
    markers->rank[MARKERS - 1] = markers->weight;
    for (uint64_t i = 1; i + 1 < MARKERS; i++)
        adjust(markers, i);
}

double markers_quantile(const struct markers *markers, double share)
{
    if (markers->seen < 1)
        return 0;
    double last = markers->seen < MARKERS ? markers->seen - 1 : MARKERS - 1;
    double place = share * last;
    uint64_t below = (uint64_t)place;
    if ((double)below >= last)
        return markers->height[(uint64_t)last];
    double from = markers->height[below];
    return from + (markers->height[below + 1] - from) * (place - (double)below);
}

double markers_share(const struct markers *markers, double value)
{
    const double *height = markers->height;
    uint64_t count = (uint64_t)markers->seen, below = 0, above = 0;
    if (count < 2)
        return 0.5;
    while (below < count && height[below] < value)
        below++;
    above = below;
    while (above < count && height[above] <= value)
        above++;
    /* Among marks that are equal: their middle. */
    if (above > below)
        return ((double)below + (double)above - 1) / 2 / (double)(count - 1);
    if (below == 0 || below == count)
        return below == 0 ? 0 : 1;
    double from = height[below - 1];
    double part = (value - from) / (height[below] - from);
    return ((double)below - 1 + part) / (double)(count - 1);
}
