/* The mathematics of the detectors for time series, written as plainly as possible. */
#ifndef TESTS_PROPERTY_MODELS_SERIES_PLAIN_H
#define TESTS_PROPERTY_MODELS_SERIES_PLAIN_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { PLAIN_VALUES = 6000, PLAIN_BUCKETS = 64 };

static inline int plain_falling(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return one < other ? 1 : one > other ? -1 : 0;
}

/* All values that were ever seen. */
struct plain_tail {
    int count;
    double value[PLAIN_VALUES];
};

static inline void plain_tail_learn(struct plain_tail *tail, double x)
{
    if (!isnan(x))
        tail->value[tail->count++] = x;
}

static inline double plain_pareto_surprise(const double *value, int size, double x)
{
    double threshold = value[size], mean = 0, weighted = 0;
    for (int i = 0; i < size; i++) {
        mean += (value[i] - threshold) / size;
        weighted += (value[i] - threshold) * (i + 0.5) / size / size;
    }
    double spread = mean - 2 * weighted;
    double shape = spread > 1e-12 * mean ? 2 - mean / spread : 0;
    double scale = shape > 0 ? 2 * mean * weighted / spread : mean;
    shape = fmin(fmax(shape, 0), 1);
    scale = fmax(scale, 1e-9 * (fabs(threshold) + 1e-9));
    double y = (x - threshold) / scale;
    return shape < 1e-6 ? y / log(10) : log10(1 + shape * y) / shape;
}

static inline double plain_tail_surprise(const struct plain_tail *tail, double x)
{
    static double sorted[PLAIN_VALUES];
    if (tail->count < 10 || isnan(x))
        return 0;
    for (int i = 0; i < tail->count; i++)
        sorted[i] = tail->value[i];
    qsort(sorted, (size_t)tail->count, sizeof sorted[0], plain_falling);
    int size = (int)ceil(sqrt(tail->count + 1.0) / 2);
    size = size < 5 ? 5 : size;
    if (x > sorted[size])
        return log10((double)tail->count / size) + plain_pareto_surprise(sorted, size, x);
    int rank = 0;
    while (rank < tail->count && rank < 192 && sorted[rank] >= x)
        rank++;
    return fmax(0, log10(tail->count / (rank + 1.0)));
}

/* Distance of the stretch of `length` that ends at `at` from the nearest that ends before, up to
 * `history` back, and overlaps it nowhere. */
static inline double plain_distance(const double *x, int at, int other, int length, bool normalize)
{
    double mean[2] = {0}, deviation[2] = {0}, sum = 0;
    for (int i = 0; i < length; i++) {
        mean[0] += x[at - i] / length;
        mean[1] += x[other - i] / length;
    }
    for (int i = 0; i < length; i++) {
        deviation[0] += pow(x[at - i] - mean[0], 2) / length;
        deviation[1] += pow(x[other - i] - mean[1], 2) / length;
    }
    for (int i = 0; i < length; i++) {
        double one = x[at - i], two = x[other - i];
        if (normalize) {
            one = (one - mean[0]) / sqrt(deviation[0]);
            two = (two - mean[1]) / sqrt(deviation[1]);
        }
        sum += (one - two) * (one - two);
    }
    return sqrt(sum);
}

static inline double plain_nearest(const double *x, int at, int length, int history, bool normalize)
{
    double least = INFINITY;
    for (int lag = length; lag <= history && at - lag - length + 1 >= 0; lag++)
        least = fmin(least, plain_distance(x, at, at - lag, length, normalize));
    return isinf(least) ? NAN : least;
}

struct plain_season {
    double level, value[PLAIN_BUCKETS];
    int visits[PLAIN_BUCKETS], seen;
};

static inline double plain_season_step(struct plain_season *season, int bucket, double x,
                                       double seasonal_rate, double level_rate)
{
    if (season->seen++ == 0)
        season->level = x;
    double residual = x - season->level - season->value[bucket];
    bool known = season->visits[bucket] > 0;
    season->value[bucket] += fmax(seasonal_rate, 1.0 / (season->visits[bucket] + 1)) * residual;
    season->visits[bucket]++;
    season->level += level_rate * (x - season->level - (known ? season->value[bucket] : 0));
    return known ? residual : NAN;
}

#endif
