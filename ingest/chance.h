/* Draws from distributions, by additions, multiplications and comparisons only: no libm, whose last
 * bits differ between versions, so that a seed gives the same bytes on every machine. */
#ifndef INGEST_CHANCE_H
#define INGEST_CHANCE_H

#include "base/random.h"
#include <stdbool.h>

/* Mean 0, variance 1, within -6 and 6: the sum of twelve uniform draws (Irwin 1927, Hall 1927). */
double chance_normal(struct random *random);

/* Mean 1, exactly, by comparing uniform draws (von Neumann, "Various Techniques Used in Connection
 * with Random Digits", 1951). */
double chance_exponential(struct random *random);

static inline bool chance_happens(struct random *random, double probability)
{
    return random_uniform(random) < probability;
}

/* e to the power of x for |x| < 50, to three digits and more: (1 + x / 2^20) to the 2^20th power.
 */
double chance_power(double x);

#endif
