/* The posterior of newton, by the root of its covariance; see posterior.h. */
#include "models/posterior.h"
#include "base/assert.h"
#include "models/linalg.h"
#include "models/model.h"
#include <stdlib.h>
#include <string.h>

void posterior_spread(const struct posterior *posterior, double variance)
{
    memset(posterior->root, 0, posterior->count * posterior->width * sizeof(double));
    for (uint64_t i = 0; i < posterior->count; i++) {
        double own = variance < posterior->prior[i] ? variance : posterior->prior[i];
        posterior->root[i * posterior->width + i] = sqrt(own);
        posterior->variance[i] = own;
    }
}

void posterior_rescale(const struct posterior *posterior, const double *ratio, double *weight,
                       double *scale)
{
    for (uint64_t i = 0; i < posterior->count; i++) {
        double old = posterior->variance[i], prior = 1 / posterior->prior[i];
        double told = 1 / old - prior;
        told = told > 0 ? told : 0;
        double now = 1 / (told / (ratio[i] * ratio[i]) + prior);
        double times = now / (old * ratio[i]);
        scale[i] = sqrt(now / old);
        weight[i] *= ratio[i] <= 1 ? ratio[i] : times;
    }
}

/* What it is the root of rises in a.  Newton's steps inside a bracket that they narrow; between the
 * bends of the logistic function they can leap to and fro for ever, so one that is not half of the
 * one before gives way to a halving. */
double posterior_mode(double odds, double spread, double label)
{
    double low = odds - spread * numbers_logistic(odds), high = odds + spread;
    double at = odds, last = high - low;
    for (int i = 0; i < 100; i++) {
        double p = numbers_logistic(at);
        double value = at - odds - spread * (label - p);
        double step = value / (1 + spread * p * (1 - p)), next = at - step;
        if (fabs(step) < 1e-12 * (1 + fabs(at)))
            return next;
        if (value > 0)
            high = at;
        else
            low = at;
        if (fabs(step) > last / 2 || !(next > low && next < high))
            next = low + (high - low) / 2;
        last = fabs(next - at);
        at = next;
    }
    return at;
}

/* Half of a row's lanes side by side; memory holds them at the alignment of a double. */
typedef double half __attribute__((vector_size(4 * sizeof(double)), aligned(8), may_alias));

enum { HALF = NUMBERS_LANES / 2 };

static inline half *half_at(double *numbers)
{
    return (half *)(void *)numbers;
}

static inline half half_of(const double *numbers)
{
    return *(const half *)(const void *)numbers;
}

/* As numbers_dot ends. */
static inline double halves_sum(half lower, half upper)
{
    half sum = lower + upper;
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* f [from, from + NUMBERS_LANES) = S'z, which stays in registers over all rows. */
static inline void look_lanes(const struct posterior *posterior, const double *times, uint64_t from,
                              double *f)
{
    half lower = {0}, upper = {0};
    const double *row = posterior->root + from;
    for (uint64_t i = 0; i < posterior->count; i++, row += posterior->width) {
        lower += half_of(row) * times[i];
        upper += half_of(row + HALF) * times[i];
    }
    *half_at(f + from) = lower;
    *half_at(f + from + HALF) = upper;
}

double posterior_look(const struct posterior *posterior, const double *scale, const double *z,
                      double *f)
{
    double times[MODEL_FEATURES_MAX + 1];
    for (uint64_t i = 0; i < posterior->count; i++)
        times[i] = scale[i] * z[i];
    for (uint64_t from = 0; from < posterior->width; from += NUMBERS_LANES)
        look_lanes(posterior, times, from, f);
    return numbers_dot(f, f, posterior->width);
}

static inline double row_dot(const double *row, const double *f, uint64_t width)
{
    half lower = {0}, upper = {0};
    for (uint64_t i = 0; i < width; i += NUMBERS_LANES) {
        lower += half_of(row + i) * half_of(f + i);
        upper += half_of(row + i + HALF) * half_of(f + i + HALF);
    }
    return halves_sum(lower, upper);
}

/* row <- (row - times f) scale; returns its square, summed as numbers_dot does. */
static inline double row_move(double *row, const double *f, uint64_t width, double times,
                              double scale)
{
    half lower = {0}, upper = {0};
    for (uint64_t i = 0; i < width; i += NUMBERS_LANES) {
        half one = (half_of(row + i) - times * half_of(f + i)) * scale;
        half other = (half_of(row + i + HALF) - times * half_of(f + i + HALF)) * scale;
        *half_at(row + i) = one;
        *half_at(row + i + HALF) = other;
        lower += one * one;
        upper += other * other;
    }
    return halves_sum(lower, upper);
}

static inline __attribute__((always_inline)) void
rows_learn(const struct posterior *posterior, const double *scale, const double *f, uint64_t width,
           double spread, double curvature, double step, double *weight)
{
    double left = 1 / (1 + curvature * spread), fall = curvature * left;
    double share = fall / (1 + sqrt(left)), growth = sqrt(posterior->growth);
    for (uint64_t i = 0; i < posterior->count; i++) {
        double *row = posterior->root + i * width, along = row_dot(row, f, width);
        weight[i] += scale[i] * along * step;
        double variance = row_move(row, f, width, share * along, growth * scale[i]);
        if (variance > posterior->prior[i]) {
            row_move(row, f, width, 0, sqrt(posterior->prior[i] / variance));
            variance = posterior->prior[i];
        }
        posterior->variance[i] = variance;
    }
}

/* The commonest widths are constants, so that f stays in registers over all rows. */
void posterior_learn(const struct posterior *posterior, const double *scale, const double *f,
                     double spread, double curvature, double step, double *weight)
{
    uint64_t width = posterior->width;
    if (width == 2 * NUMBERS_LANES)
        rows_learn(posterior, scale, f, 2 * NUMBERS_LANES, spread, curvature, step, weight);
    else if (width == 4 * NUMBERS_LANES)
        rows_learn(posterior, scale, f, 4 * NUMBERS_LANES, spread, curvature, step, weight);
    else
        rows_learn(posterior, scale, f, width, spread, curvature, step, weight);
}

bool posterior_load(const struct posterior *posterior, const json_t *list)
{
    uint64_t width = posterior->width, next = 0;
    double *matrix = calloc(width * width, sizeof *matrix);
    ASSERT(matrix && posterior->count <= width);
    for (uint64_t i = 0; i < posterior->count; i++)
        for (uint64_t j = 0; j <= i; j++)
            matrix[i * width + j] = json_number_value(json_array_get(list, next++));
    bool good = linalg_factor(matrix, (uint32_t)posterior->count, (uint32_t)width);
    if (good)
        memset(posterior->root, 0, posterior->count * width * sizeof(double));
    for (uint64_t i = 0; good && i < posterior->count; i++) {
        double *row = posterior->root + i * width;
        memcpy(row, matrix + i * width, (i + 1) * sizeof(double));
        posterior->variance[i] = numbers_dot(row, row, width);
    }
    free(matrix);
    return good;
}
