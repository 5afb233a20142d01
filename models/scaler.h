/* Features to comparable numbers, by what has been seen of them: a block inside a model's row, in
 * front of which the model has its own members.  All but `quantile` are a shift and a factor,
 *
 *     z_j = (x_j - centre_j) inverse_j,   never further from 0 than bound_j
 *
 *     standard   mean and deviation, kept as B. P. Welford does ("Note on a method for calculating
 *                corrected sums of squares and products", 1962), with weights as in D. H. D. West,
 *                "Updating mean and variance estimates: an improved method", 1979
 *     bounded    the same, but no z exceeds what so few values can tell: among n values none is
 *                further than sqrt(n) deviations from their mean (Paul Samuelson, "How deviant can
 *                you be?", 1968)
 *     robust     median and the distance of the quartiles: a few wild values do not matter
 *     minmax     -1 at the least value seen, 1 at the greatest
 *     quantile   the share of the values seen that lie below, stretched to [-1.73, 1.73], where an
 *                even spread has deviation 1: only the order of the values counts
 *     none       as they are
 *
 * Of a feature that has always been the same nothing is told: z = 0.  Missing numbers give 0, the
 * middle; keys too.  Robust and quantile keep a sample of the values of each feature
 * (models/sample.h). */
#ifndef MODELS_SCALER_H
#define MODELS_SCALER_H

#include "models/model.h"
#include "models/numbers.h"
#include "models/sample.h"

enum scaler_kind {
    SCALER_BOUNDED,
    SCALER_STANDARD,
    SCALER_NONE,
    SCALER_ROBUST,
    SCALER_MINMAX,
    SCALER_QUANTILE,
};

extern const char *const scaler_names[]; /* NULL-terminated, in the order of the enumeration */

/* Beyond it a number is a mistake of somebody's; it keeps every sum finite. */
static const double SCALER_FEATURE_LIMIT = 1e100, SCALER_LIMIT = 1e6;

enum scaler_vector {
    SCALER_CENTRE,
    SCALER_INVERSE, /* 0 while there is nothing to divide by */
    SCALER_BOUND,
    SCALER_VARIANCE,
    SCALER_WEIGHT, /* of the values seen */
    SCALER_NUMBER, /* 1 for numbers, 0 for keys */
    SCALER_VECTORS,
};

struct scaler {
    uint64_t kind, count;
    uint64_t width; /* cells of a vector: above count and a multiple of NUMBERS_LANES */
    uint64_t learned;
    double vectors[]; /* (SCALER_VECTORS, width); then struct sample (count) if it has them */
};

static inline uint64_t scaler_width(uint64_t count)
{
    return (count / NUMBERS_LANES + 1) * NUMBERS_LANES;
}

uint64_t scaler_size(enum scaler_kind kind, uint64_t count);
void scaler_init(struct scaler *self, enum scaler_kind kind, const struct model_shape *shape);

/* Takes an example in. */
void scaler_learn(struct scaler *self, const union value *feature, double weight);

/* Means, deviations and weights from elsewhere: a scaler of another sort becomes `standard`. */
void scaler_restore(struct scaler *self, const double *mean, const double *variance,
                    const double *weight);

static inline double *scaler_vector(struct scaler *self, enum scaler_vector which)
{
    return self->vectors + which * self->width;
}

static inline const double *scaler_read(const struct scaler *self, enum scaler_vector which)
{
    return self->vectors + which * self->width;
}

void scaler_ranks(const struct scaler *self, const union value *feature, double *z);

/* Fills z (width), zeros after the features. */
static inline void scaler_apply(const struct scaler *self, const union value *feature, double *z)
{
    const double *centre = scaler_read(self, SCALER_CENTRE);
    const double *inverse = scaler_read(self, SCALER_INVERSE);
    const double *bound = scaler_read(self, SCALER_BOUND);
    uint64_t count = self->count;
    for (uint64_t i = 0; i < count; i++) {
        double value = (feature[i].number - centre[i]) * inverse[i];
        value = value > bound[i] ? bound[i] : value;
        value = value < -bound[i] ? -bound[i] : value;
        z[i] = value == value ? value : 0;
    }
    for (uint64_t i = count; i < self->width; i++)
        z[i] = 0;
    if (self->kind == SCALER_QUANTILE)
        scaler_ranks(self, feature, z);
}

#endif
