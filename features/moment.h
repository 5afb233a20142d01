/* Sums that values can be taken out of again, in pairs of doubles (pair.h): what entered and left
 * again leaves an error of 2^-105 of the largest sum there was.  That is far below the last bit of
 * a double, unless what leaves is 2^50 times what stays; then moment_doubtful says so and the sums
 * are taken again.  An empty window is exactly zero: it is reset.
 *
 * A moment is 1, 3, 5 or 7 doubles: | count | sum, rest | squares, rest | cubes, rest |, as far as
 * it is needed. */
#ifndef FEATURES_MOMENT_H
#define FEATURES_MOMENT_H

#include "features/aggregate.h"
#include "features/pair.h"
#include <string.h>

enum {
    MOMENT_COUNT = 0,
    MOMENT_SUM = 1,
    MOMENT_SQUARES = 3,
    MOMENT_CUBES = 5,
    MOMENT_CELLS_MAX = 7,
};

static inline uint32_t moment_size(uint32_t needs)
{
    uint32_t cells = needs & NEEDS_CUBES     ? 7
                     : needs & NEEDS_SQUARES ? 5
                     : needs & NEEDS_SUM     ? 3
                                             : 1;
    return cells * (uint32_t)sizeof(double);
}

/* Most windows of most entities hold one event at most: the first and the last need no arithmetic.
 */
static inline void moment_add(double *moment, uint32_t needs, double value)
{
    bool first = moment[MOMENT_COUNT] == 0;
    moment[MOMENT_COUNT] += 1;
    if (needs & (NEEDS_SUM | NEEDS_SQUARES | NEEDS_CUBES)) {
        if (first)
            moment[MOMENT_SUM] = value;
        else
            pair_add(moment + MOMENT_SUM, value, 0);
    }
    if (needs & NEEDS_SQUARES) {
        double rest, square = square_exactly(value, &rest);
        pair_add(moment + MOMENT_SQUARES, square, rest);
    }
    if (needs & NEEDS_CUBES) {
        double rest, cube = cube_exactly(value, &rest);
        pair_add(moment + MOMENT_CUBES, cube, rest);
    }
}

static inline void moment_remove(double *moment, uint32_t needs, double value)
{
    if (moment[MOMENT_COUNT] == 1) {
        memset(moment, 0, moment_size(needs));
        return;
    }
    moment[MOMENT_COUNT] -= 1;
    if (needs & (NEEDS_SUM | NEEDS_SQUARES | NEEDS_CUBES))
        pair_add(moment + MOMENT_SUM, -value, 0);
    if (needs & NEEDS_SQUARES) {
        double rest, square = square_exactly(value, &rest);
        pair_add(moment + MOMENT_SQUARES, -square, -rest);
    }
    if (needs & NEEDS_CUBES) {
        double rest, cube = cube_exactly(value, &rest);
        pair_add(moment + MOMENT_CUBES, -cube, -rest);
    }
}

/* After `value` was removed: could what is left have lost bits to it?  True of a sum that had
 * overflowed as well, so that it recovers. */
static inline bool moment_doubtful(const double *moment, uint32_t needs, double value)
{
    if (moment[MOMENT_COUNT] == 0)
        return false;
    if (needs & (NEEDS_SUM | NEEDS_SQUARES | NEEDS_CUBES) && !sum_keeps(moment[MOMENT_SUM], value))
        return true;
    if (needs & NEEDS_CUBES && !sum_keeps(moment[MOMENT_CUBES], value * value * value))
        return true;
    return needs & NEEDS_SQUARES && !sum_keeps(moment[MOMENT_SQUARES], value * value);
}

/* What two runs of values hold together. */
static inline void moment_join(double *moment, const double *other, uint32_t needs)
{
    uint32_t cells = moment_size(needs) / (uint32_t)sizeof(double);
    moment[MOMENT_COUNT] += other[MOMENT_COUNT];
    for (uint32_t i = MOMENT_SUM; i < cells; i += 2)
        pair_add(moment + i, other[i], other[i + 1]);
}

/* The cells as a kind's `finish` sees them; it reads no more of them than it needs. */
static inline const struct moments *moment_show(const double *moment)
{
    return (const struct moments *)moment;
}

#endif
