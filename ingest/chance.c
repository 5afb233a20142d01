/* See chance.h. */
#include "ingest/chance.h"

double chance_normal(struct random *random)
{
    uint64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t bits = random_bits(random);
        sum += (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
    }
    return ((double)sum - 6.0 * 0xFFFF) * 0x1p-16;
}

/* A falling run of uniform draws that begins at x has an odd length with probability e^-x: then x
 * is the part after the point.  Each run that is even in length adds 1 before it. */
double chance_exponential(struct random *random)
{
    for (double whole = 0;; whole++) {
        double first = random_uniform(random), last = first;
        bool odd = true;
        for (;;) {
            double next = random_uniform(random);
            if (next >= last)
                break;
            last = next;
            odd = !odd;
        }
        if (odd)
            return whole + first;
    }
}

double chance_power(double x)
{
    double power = 1 + x * 0x1p-20;
    for (int i = 0; i < 20; i++)
        power *= power;
    return power;
}
