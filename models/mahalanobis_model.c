/* Mahalanobis: how many deviations from the mean, seen along the cloud's own axes?  P. C.
 * Mahalanobis, "On the generalised distance in statistics", 1936.
 *
 * Mean m and covariance C run over the events' places x (placement.h), newer ones counting more:
 * with a = max(1 / n, 1 - 2^(-1 / half_life)) and u = x - m,
 *
 *     m += a u        C = (1 - a) (C + a u u')
 *
 * `shrinkage` takes that share of C's off-diagonal away, which keeps it invertible when features
 * depend on one another.  Every `renewal` events it is factorised anew, C = L L', and W = L^-1
 * kept; an event's distance is d^2 = |W u|^2, and
 *
 *     score = d^2 / (d^2 + number of features):  1/2 is as far out as usual.
 *
 * An event more than nine times as far as usual moves m and C only as much as one that far would,
 * so that a burst of strange events does not become normal at once.  explain gives u_i (C^-1 u)_i
 * as shares of the score: they sum up to it, and may be below 0.
 *
 * A missing number stands at its mean; keys are not looked at. */
#include "models/linalg.h"
#include "models/model.h"
#include "models/numbers.h"
#include "models/placement.h"
#include <math.h>
#include <string.h>

static const double FAR = 9, LEAST_VARIANCE = 1e-9;

struct mahalanobis_options {
    double half_life, shrinkage;
    int64_t renewal;
    bool robust;
};

/* The row: this; placement; at mean_offset mean (stride), covariance (count, stride; lower
 * triangle), inverse (count, stride; W, lower triangle, 0 above it), factor (count, stride; L, for
 * the renewal alone). */
struct mahalanobis {
    uint64_t count, stride, mean_offset, feature_count;
    uint64_t events, renewal, next_renewal, robust;
    double least_share, shrinkage;
    struct placement placement;
};

static void mahalanobis_layout(struct mahalanobis *self, const struct model_shape *shape)
{
    self->count = placement_columns(shape);
    self->stride = linalg_columns((uint32_t)self->count);
    self->mean_offset = offsetof(struct mahalanobis, placement) + placement_size(shape);
}

static uint64_t mahalanobis_state_size(const void *options, const struct model_shape *shape)
{
    (void)options;
    struct mahalanobis layout;
    mahalanobis_layout(&layout, shape);
    return layout.mean_offset + (1 + 3 * layout.count) * layout.stride * sizeof(double);
}

static enum status mahalanobis_check(const void *options, const struct model_shape *shape,
                                     struct failure *failure)
{
    (void)options;
    return placement_check(shape, "the Mahalanobis distance", failure);
}

static inline double *mean_of(const struct mahalanobis *self)
{
    return (double *)(void *)((uint8_t *)(uintptr_t)self + self->mean_offset);
}

static inline double *covariance_of(const struct mahalanobis *self)
{
    return mean_of(self) + self->stride;
}

static inline double *inverse_of(const struct mahalanobis *self)
{
    return covariance_of(self) + self->count * self->stride;
}

static void mahalanobis_init(void *memory, const void *options, const struct model_shape *shape,
                             uint64_t seed)
{
    (void)seed;
    const struct mahalanobis_options *given = (const struct mahalanobis_options *)options;
    struct mahalanobis *self = (struct mahalanobis *)memory;
    memset(self, 0, mahalanobis_state_size(options, shape));
    mahalanobis_layout(self, shape);
    self->feature_count = shape->feature_count;
    self->renewal = (uint64_t)given->renewal;
    self->next_renewal = self->count + 2;
    self->robust = given->robust;
    self->least_share = given->half_life > 0 ? 1 - exp2(-1 / given->half_life) : 0;
    self->shrinkage = given->shrinkage;
    placement_init(&self->placement, shape);
}

/* u, padded with 0. */
static void deviate(const struct mahalanobis *self, const union value *feature, double *deviation)
{
    float place[MODEL_FEATURES_MAX];
    const double *mean = mean_of(self);
    placement_place(&self->placement, feature, place);
    for (uint64_t i = 0; i < self->stride; i++)
        deviation[i] = i < self->count ? (double)place[i] - mean[i] : 0;
}

/* |W u|^2; W is 0 until it is first known. */
static double distance(const struct mahalanobis *self, const double *deviation)
{
    const double *row = inverse_of(self);
    double sum = 0;
    for (uint64_t i = 0; i < self->count; i++, row += self->stride) {
        double part = numbers_dot(row, deviation, self->stride);
        sum += part * part;
    }
    return sum;
}

static double score_of(const struct mahalanobis *self, double square)
{
    return square / (square + (double)(self->count > 0 ? self->count : 1));
}

static double mahalanobis_score(const void *memory, const struct example *example)
{
    const struct mahalanobis *self = (const struct mahalanobis *)memory;
    double deviation[MODEL_FEATURES_MAX] = {0};
    deviate(self, example->feature, deviation);
    return score_of(self, distance(self, deviation));
}

static void absorb(struct mahalanobis *self, const double *deviation, double share)
{
    double *mean = mean_of(self), *row = covariance_of(self);
    for (uint64_t i = 0; i < self->count; i++, row += self->stride) {
        double part = share * deviation[i], kept = 1 - share;
        mean[i] += part;
        for (uint64_t j = 0; j <= i; j++)
            row[j] = kept * (row[j] + part * deviation[j]);
    }
}

/* W from C.  A feature that was always the same counts as if it varied by one unit. */
static void renew(struct mahalanobis *self)
{
    double *factor = inverse_of(self) + self->count * self->stride;
    double kept = 1 - self->shrinkage, column[MODEL_FEATURES_MAX];
    uint32_t count = (uint32_t)self->count, stride = (uint32_t)self->stride;
    for (uint64_t i = 0; i < self->count; i++) {
        const double *row = covariance_of(self) + i * self->stride;
        for (uint64_t j = 0; j < i; j++)
            factor[i * self->stride + j] = kept * row[j];
        factor[i * self->stride + i] = row[i] > LEAST_VARIANCE ? row[i] : 1;
    }
    if (!linalg_factor(factor, count, stride))
        return;
    double *inverse = inverse_of(self);
    for (uint64_t j = 0; j < self->count; j++) {
        /* Column j of L^-1, from the diagonal down. */
        for (uint64_t i = j; i < self->count; i++) {
            double sum = i == j;
            for (uint64_t k = j; k < i; k++)
                sum -= factor[i * self->stride + k] * column[k];
            column[i] = sum / factor[i * self->stride + i];
            inverse[i * self->stride + j] = column[i];
        }
    }
}

static double mahalanobis_learn(void *memory, const struct example *example)
{
    struct mahalanobis *self = (struct mahalanobis *)memory;
    double deviation[MODEL_FEATURES_MAX] = {0};
    deviate(self, example->feature, deviation);
    double square = distance(self, deviation), limit = FAR * (double)self->count;
    double scale = self->robust && square > limit ? sqrt(limit / square) : 1;
    for (uint64_t i = 0; scale < 1 && i < self->count; i++)
        deviation[i] *= scale;
    double share = 1 / (double)(self->events + 1);
    absorb(self, deviation, share > self->least_share ? share : self->least_share);
    if (++self->events >= self->next_renewal) {
        renew(self);
        self->next_renewal = self->events + self->renewal;
    }
    placement_learn(&self->placement, example->feature);
    return score_of(self, square);
}

static void mahalanobis_explain(const void *memory, const struct example *example,
                                double *contributions)
{
    const struct mahalanobis *self = (const struct mahalanobis *)memory;
    double deviation[MODEL_FEATURES_MAX] = {0}, part[MODEL_FEATURES_MAX] = {0};
    const double *row = inverse_of(self);
    deviate(self, example->feature, deviation);
    double square = distance(self, deviation);
    for (uint64_t i = 0; i < self->count; i++, row += self->stride) {
        double along = numbers_dot(row, deviation, self->stride);
        for (uint64_t j = 0; j <= i; j++)
            part[j] += row[j] * along;
    }
    memset(contributions, 0, self->feature_count * sizeof *contributions);
    for (uint64_t i = 0; i < self->count; i++)
        contributions[self->placement.column[i].feature] =
            square > 0 ? deviation[i] * part[i] / square * score_of(self, square) : 0;
}

static const struct option mahalanobis_options[] = {
    {.name = "half_life",
     .type = OPTION_NUMBER,
     .standard = "1000",
     .minimum = 0,
     .maximum = 1e15,
     .offset = offsetof(struct mahalanobis_options, half_life),
     .help = "events after which an event counts half; 0 forgets nothing"},
    {.name = "shrinkage",
     .type = OPTION_NUMBER,
     .standard = "0.1",
     .minimum = 1e-6,
     .maximum = 1,
     .offset = offsetof(struct mahalanobis_options, shrinkage),
     .help = "share of the covariances that is not believed; 1 leaves the variances alone"},
    {.name = "renewal",
     .type = OPTION_INTEGER,
     .standard = "64",
     .minimum = 1,
     .maximum = 1000000,
     .offset = offsetof(struct mahalanobis_options, renewal),
     .help = "events from one factorisation to the next; each costs features^3 / 3"},
    {.name = "robust",
     .type = OPTION_BOOLEAN,
     .standard = "true",
     .offset = offsetof(struct mahalanobis_options, robust),
     .help = "whether events far outside move mean and covariance less"},
    OPTION_END,
};

const struct model_kind mahalanobis_model = {
    .name = "mahalanobis",
    .summary = "anomalies by their distance from the mean along the axes of a running covariance",
    .options = mahalanobis_options,
    .option_size = sizeof(struct mahalanobis_options),
    .supervised = false,
    .cost_ns = 150,
    .check = mahalanobis_check,
    .state_size = mahalanobis_state_size,
    .init = mahalanobis_init,
    .score = mahalanobis_score,
    .learn = mahalanobis_learn,
    .explain = mahalanobis_explain,
};
