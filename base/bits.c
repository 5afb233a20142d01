/* The digest of the machine's arithmetic; see bits.h.
 *
 * Arguments come from a generator, so that they reach every part of a function's table: where two
 * builds of a library differ (with and without a fused multiply-add, say), they do so in the last
 * bit of about every hundredth argument, which many hundreds do not miss. */
#include "base/bits.h"
#include "base/random.h"
#include <math.h>
#include <stddef.h>
#include <xxhash.h>

enum { ARGUMENTS = 512 };

/* What the fold calls, each over the range that it is called with. */
struct unary {
    double (*call)(double x);
    double low, high;
};

static const struct unary unary_table[] = {
    {exp, -700, 700},   {exp, -5, 5},     {exp2, -40, 40}, {expm1, -30, 30},
    {expm1, -1, 1},     {log, 1e-12, 1},  {log, 0.5, 2},   {log, 1, 1e12},
    {log1p, -0.999, 1}, {log1p, 0, 1e9},  {sqrt, 0, 1},    {sqrt, 0, 1e12},
    {sin, -3.2, 3.2},   {cos, -3.2, 3.2}, {asin, 0, 1},    {floor, -9, 9},
};

enum { UNARY_COUNT = sizeof unary_table / sizeof *unary_table, ROWS = 6 };

struct digits {
    double unary[UNARY_COUNT][ARGUMENTS];
    double binary[ROWS][ARGUMENTS]; /* a row of `run_binary` */
};

/* Volatile: the compiler must not know what it is given, or it would answer from its own tables. */
static double draw(struct random *chance, double low, double high)
{
    volatile double drawn = low + (high - low) * random_uniform(chance);
    return drawn;
}

static void run_unary(struct random *chance, const struct unary *row, double out[ARGUMENTS])
{
    double (*volatile call)(double) = row->call;
    for (uint32_t i = 0; i < ARGUMENTS; i++)
        out[i] = call(draw(chance, row->low, row->high));
}

static void run_binary(struct random *chance, double (*out)[ARGUMENTS])
{
    double (*volatile power)(double, double) = pow;
    double (*volatile rest)(double, double) = fmod;
    double (*volatile fused)(double, double, double) = fma;
    for (uint32_t i = 0; i < ARGUMENTS; i++) {
        double x = draw(chance, 0, 1000), y = draw(chance, -20, 20), z = draw(chance, -1, 1);
        out[0][i] = power(x, y);
        out[1][i] = rest(x, y);
        out[2][i] = fused(x, y, -(x * y)); /* the product's error, as compensated sums take it */
        out[3][i] = x * y + z;             /* shows whether the compiler contracts */
        out[4][i] = x / y - z * z;
        out[5][i] = z * 0x1p-1040 * x; /* subnormal: shows a machine that flushes them */
    }
}

uint64_t bits_digest(void)
{
    struct digits digits;
    struct random chance;
    random_seed(&chance, 1);
    for (uint32_t i = 0; i < UNARY_COUNT; i++)
        run_unary(&chance, &unary_table[i], digits.unary[i]);
    run_binary(&chance, digits.binary);
    return XXH3_64bits(&digits, sizeof digits);
}
