/* Features to comparable numbers; see scaler.h. */
#include "models/scaler.h"
#include <math.h>
#include <string.h>

/* Bounds grow ever more slowly: a root a feature is not worth its time at every label. */
enum { BOUNDS_EACH = 1024 };

/* The deviation of an even spread over [-1, 1] is 1 / sqrt(3). */
static const double EVEN_SPREAD = 1.7320508075688772;

const char *const scaler_names[] = {"bounded", "standard", "none", "robust",
                                    "minmax",  "quantile", NULL};

static bool has_samples(uint64_t kind)
{
    return kind == SCALER_ROBUST || kind == SCALER_QUANTILE;
}

static struct sample *scaler_samples(const struct scaler *self)
{
    const void *end = self->vectors + SCALER_VECTORS * self->width;
    return (struct sample *)(uintptr_t)end;
}

uint64_t scaler_size(enum scaler_kind kind, uint64_t count)
{
    uint64_t samples = has_samples(kind) ? count * sizeof(struct sample) : 0;
    return sizeof(struct scaler) + SCALER_VECTORS * scaler_width(count) * sizeof(double) + samples;
}

static void renew_bounds(struct scaler *self)
{
    double *bound = scaler_vector(self, SCALER_BOUND);
    const double *weight = scaler_vector(self, SCALER_WEIGHT);
    for (uint64_t i = 0; i < self->count; i++) {
        double believed = self->kind == SCALER_BOUNDED ? sqrt(weight[i]) : SCALER_LIMIT;
        bound[i] = believed < SCALER_LIMIT ? believed : SCALER_LIMIT;
    }
}

void scaler_init(struct scaler *self, enum scaler_kind kind, const struct model_shape *shape)
{
    memset(self, 0, scaler_size(kind, shape->feature_count));
    self->kind = kind;
    self->count = shape->feature_count;
    self->width = scaler_width(self->count);
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        bool number = shape->type[i] != TYPE_TEXT;
        if (has_samples(kind))
            sample_init(&scaler_samples(self)[i], i);
        scaler_vector(self, SCALER_NUMBER)[i] = number;
        scaler_vector(self, SCALER_INVERSE)[i] = number && kind == SCALER_NONE;
    }
    renew_bounds(self);
}

/* Without a branch, so that lanes go side by side. */
static void learn_moments(struct scaler *self, const union value *feature, double weight)
{
    double *restrict mean = scaler_vector(self, SCALER_CENTRE);
    double *restrict variance = scaler_vector(self, SCALER_VARIANCE);
    double *restrict inverse = scaler_vector(self, SCALER_INVERSE);
    double *restrict total = scaler_vector(self, SCALER_WEIGHT);
    const double *restrict number = scaler_vector(self, SCALER_NUMBER);
    double values[MODEL_FEATURES_MAX]; /* the compiler makes no lanes of unions */
    uint64_t count = self->count;
    memcpy(values, feature, count * sizeof *values);
    for (uint64_t i = 0; i < count; i++) {
        double value = values[i];
        double seen = fabs(value) <= SCALER_FEATURE_LIMIT ? number[i] * weight : 0;
        double counted = total[i] + seen;
        double divisor = seen > 0 ? counted : 1;
        double delta = seen > 0 ? value - mean[i] : 0;
        double moved = mean[i] + delta * seen / divisor;
        double spread = seen > 0 ? delta * (value - moved) - variance[i] : 0;
        double varied = variance[i] + spread * seen / divisor;
        total[i] = counted;
        mean[i] = moved;
        variance[i] = varied;
        inverse[i] = varied > 0 ? 1 / sqrt(varied) : 0;
    }
}

static void learn_sample(struct scaler *self, uint64_t feature, double value, double weight)
{
    struct sample *sample = &scaler_samples(self)[feature];
    sample_add(sample, value, weight);
    if (self->kind == SCALER_QUANTILE)
        return;
    double spread = sample_quantile(sample, 0.75) - sample_quantile(sample, 0.25);
    if (!(spread > 0)) /* of a flag that is nearly always the same: what there is of a spread */
        spread = sample_quantile(sample, 1) - sample_quantile(sample, 0);
    scaler_vector(self, SCALER_CENTRE)[feature] = sample_quantile(sample, 0.5);
    scaler_vector(self, SCALER_INVERSE)[feature] = spread > 1e-100 ? 1 / spread : 0;
}

/* Of min-max the variance's cell holds half the width, since a variance has no use there. */
static void learn_range(struct scaler *self, uint64_t feature, double value)
{
    double *middle = &scaler_vector(self, SCALER_CENTRE)[feature];
    double *half = &scaler_vector(self, SCALER_VARIANCE)[feature];
    bool first = scaler_vector(self, SCALER_WEIGHT)[feature] == 0;
    double least = first ? value : fmin(*middle - *half, value);
    double most = first ? value : fmax(*middle + *half, value);
    if (first || value < *middle - *half || value > *middle + *half) {
        *middle = least + (most - least) / 2;
        *half = (most - least) / 2;
    }
    scaler_vector(self, SCALER_INVERSE)[feature] = *half > 1e-100 ? 1 / *half : 0;
}

static void learn_each(struct scaler *self, const union value *feature, double weight)
{
    const double *number = scaler_vector(self, SCALER_NUMBER);
    for (uint64_t i = 0; i < self->count; i++) {
        double value = feature[i].number;
        if (!(number[i] > 0 && fabs(value) <= SCALER_FEATURE_LIMIT))
            continue;
        if (self->kind == SCALER_MINMAX)
            learn_range(self, i, value);
        else
            learn_sample(self, i, value, weight);
        scaler_vector(self, SCALER_WEIGHT)[i] += weight;
    }
}

void scaler_learn(struct scaler *self, const union value *feature, double weight)
{
    if (self->kind == SCALER_NONE)
        return;
    if (self->kind == SCALER_STANDARD || self->kind == SCALER_BOUNDED)
        learn_moments(self, feature, weight);
    else
        learn_each(self, feature, weight);
    if (self->kind == SCALER_BOUNDED &&
        (self->learned < BOUNDS_EACH || self->learned % BOUNDS_EACH == 0))
        renew_bounds(self);
    self->learned++;
}

void scaler_restore(struct scaler *self, const double *mean, const double *variance,
                    const double *weight)
{
    if (self->kind != SCALER_BOUNDED && self->kind != SCALER_NONE)
        self->kind = SCALER_STANDARD;
    memcpy(scaler_vector(self, SCALER_CENTRE), mean, self->count * sizeof *mean);
    memcpy(scaler_vector(self, SCALER_VARIANCE), variance, self->count * sizeof *variance);
    memcpy(scaler_vector(self, SCALER_WEIGHT), weight, self->count * sizeof *weight);
    for (uint64_t i = 0; i < self->count; i++) {
        bool spread = variance[i] > 0 && scaler_vector(self, SCALER_NUMBER)[i] > 0;
        scaler_vector(self, SCALER_INVERSE)[i] = spread ? 1 / sqrt(variance[i]) : 0;
    }
    renew_bounds(self);
}

void scaler_ranks(const struct scaler *self, const union value *feature, double *z)
{
    const double *number = scaler_read(self, SCALER_NUMBER);
    for (uint64_t i = 0; i < self->count; i++) {
        double value = feature[i].number;
        bool known = number[i] > 0 && value == value;
        z[i] = known ? EVEN_SPREAD * (2 * sample_share(&scaler_samples(self)[i], value) - 1) : 0;
    }
}
