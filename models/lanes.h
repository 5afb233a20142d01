/* Eight floats side by side, and what the learners need of them: logarithm, exponential and the
 * normal distribution, each element by element, so that they give the same bits wherever they run.
 * The errors were measured over all floats of the stated ranges
 * (tests/property/models_lanes_test.c).
 */
#ifndef MODELS_LANES_H
#define MODELS_LANES_H

#include <stdint.h>

enum { LANES_WIDTH = 8 };

/* Memory holds them at the alignment of a float. */
typedef float lanes __attribute__((vector_size(4 * LANES_WIDTH)));
typedef int32_t lanes_mask __attribute__((vector_size(4 * LANES_WIDTH))); /* -1: yes, 0: no */
typedef uint32_t lanes_bits __attribute__((vector_size(4 * LANES_WIDTH)));
typedef float lanes_stored __attribute__((vector_size(4 * LANES_WIDTH), aligned(4), may_alias));

static inline lanes lanes_load(const float *at)
{
    return *(const lanes_stored *)(const void *)at;
}

static inline void lanes_store(float *at, lanes value)
{
    *(lanes_stored *)(void *)at = value;
}

static inline lanes lanes_of(float value)
{
    return (lanes){0} + value;
}

/* Which of them are no NaN. */
static inline lanes_mask lanes_known(lanes values)
{
    lanes same = values;
    return values == same;
}

/* value where the mask says yes, else 0. */
static inline lanes lanes_where(lanes_mask mask, lanes value)
{
    return (lanes)((lanes_mask)value & mask);
}

static inline lanes lanes_choose(lanes_mask mask, lanes yes, lanes no)
{
    return (lanes)(((lanes_mask)yes & mask) | ((lanes_mask)no & ~mask));
}

static inline lanes lanes_least(lanes a, lanes b)
{
    return lanes_choose(a < b, a, b);
}

static inline lanes lanes_most(lanes a, lanes b)
{
    return lanes_choose(a > b, a, b);
}

static inline float lanes_sum(lanes value)
{
    return ((value[0] + value[4]) + (value[2] + value[6])) +
           ((value[1] + value[5]) + (value[3] + value[7]));
}

/* Base 2, of normal floats above 0; error below 2e-7 of max(1, |log2 x|).  x = m 2^e with m from
 * sqrt(1/2) to sqrt(2), and log m = 2 artanh((m - 1) / (m + 1)), five terms of its series. */
static inline lanes lanes_log2(lanes x)
{
    const uint32_t root = 0x3f3504f3; /* the bits of sqrt(1/2) */
    lanes_bits bits = (lanes_bits)x;
    lanes_mask exponent = (lanes_mask)(bits - root) >> 23;
    lanes m = (lanes)(bits - ((lanes_bits)exponent << 23));
    lanes s = (m - 1) / (m + 1), square = s * s;
    lanes series = square * (1 / 9.0F) + 1 / 7.0F;
    series = series * square + 1 / 5.0F;
    series = series * square + 1 / 3.0F;
    series = series * square + 1;
    return __builtin_convertvector(exponent, lanes) + s * series * 2.8853900817779268F;
}

/* Of numbers up to 0, e^x; below -87 as at -87; relative error below 3e-7.  x = k log 2 + r. */
static inline lanes lanes_exp_negative(lanes x)
{
    const float rounder = 12582912; /* 1.5 x 2^23: what is added to it becomes whole */
    x = lanes_most(x, lanes_of(-87));
    lanes k = (x * 1.44269504088896341F + rounder) - rounder;
    lanes r = (x - k * 0.693359375F) - k * -2.12194440e-4F;
    lanes series = r * (1 / 720.0F) + 1 / 120.0F;
    series = series * r + 1 / 24.0F;
    series = series * r + 1 / 6.0F;
    series = series * r + 1 / 2.0F;
    series = (series * r + 1) * r + 1;
    return series * (lanes)((__builtin_convertvector(k, lanes_mask) + 127) << 23);
}

/* The share of a standard normal distribution below z; error below 3e-7.  Milton Abramowitz, Irene
 * Stegun, "Handbook of mathematical functions", 1964, 26.2.17. */
static inline lanes lanes_normal_below(lanes z)
{
    lanes size = lanes_choose(z < 0, -z, z);
    size = lanes_least(size, lanes_of(13));
    lanes t = 1 / (size * 0.2316419F + 1);
    lanes series = t * 1.330274429F - 1.821255978F;
    series = series * t + 1.781477937F;
    series = series * t - 0.356563782F;
    series = series * t + 0.319381530F;
    lanes above = series * t * lanes_exp_negative(size * size * -0.5F) * 0.39894228040143268F;
    return lanes_choose(z < 0, above, 1 - above);
}

#endif
