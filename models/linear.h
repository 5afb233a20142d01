/* What linear kinds have in common: encoded inputs (models/encoding.h), a weight for each, an
 * intercept.  The last member of a kind's row; behind it lie the encoding, the weights of the
 * scaled numbers and those of the hashed values.  For kinds that are `scattered` (models/model.h).
 */
#ifndef MODELS_LINEAR_H
#define MODELS_LINEAR_H

#include "models/encoding.h"

struct linear {
    uint64_t width, hashed_width;
    uint64_t dense_offset, hashed_offset; /* from here */
    double intercept;
};

uint64_t linear_size(const struct encoding_options *options, const struct model_shape *shape);

/* Fills zeroed memory. */
void linear_init(struct linear *self, const struct encoding_options *options,
                 const struct model_shape *shape, uint64_t seed);

static inline struct encoding *linear_encoding(const struct linear *self)
{
    return (struct encoding *)(uintptr_t)(self + 1);
}

static inline double *linear_dense(const struct linear *self)
{
    return (double *)(void *)((uint8_t *)(uintptr_t)self + self->dense_offset);
}

static inline double *linear_hashed(const struct linear *self)
{
    return (double *)(void *)((uint8_t *)(uintptr_t)self + self->hashed_offset);
}

/* Without the intercept. */
static inline double linear_dot(const struct linear *self, const struct encoded *encoded)
{
    double sum = numbers_dot(linear_dense(self), encoded->dense, self->width);
    for (uint64_t i = 0; i < encoded->hashed; i++)
        sum += linear_hashed(self)[encoded->bucket[i]];
    return sum;
}

/* The squared length of the inputs. */
static inline double linear_norm(const struct linear *self, const struct encoded *encoded)
{
    return numbers_dot(encoded->dense, encoded->dense, self->width) + (double)encoded->hashed;
}

/* Weights += step inputs. */
static inline void linear_add(struct linear *self, const struct example *example,
                              const struct encoded *encoded, double step)
{
    double *dense = linear_dense(self), *hashed = linear_hashed(self);
    for (uint64_t i = 0; i < self->width; i++)
        dense[i] += step * encoded->dense[i];
    for (uint64_t i = 0; i < encoded->hashed; i++) {
        example_touch(example, &hashed[encoded->bucket[i]], sizeof *hashed);
        hashed[encoded->bucket[i]] += step;
    }
}

/* Tells that the row's beginning, up to the hashed weights, changes. */
static inline void linear_touch(const struct linear *self, const struct example *example,
                                const void *row)
{
    const uint8_t *scaler = (const uint8_t *)linear_encoding(self);
    const uint8_t *head = scaler + encoding_head(linear_encoding(self));
    example_touch(example, row, (uint64_t)(head - (const uint8_t *)row));
    example_touch(example, linear_dense(self), self->width * sizeof(double));
}

/* What each feature adds to the sum, times `scale`. */
void linear_explain(const struct linear *self, const struct example *example, double scale,
                    double *contributions);

#endif
