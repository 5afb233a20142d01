/* Weights over encoded inputs; see linear.h. */
#include "models/linear.h"

uint64_t linear_size(const struct encoding_options *options, const struct model_shape *shape)
{
    uint64_t inputs = encoding_width(shape) + encoding_hashed_width(options, shape);
    return sizeof(struct linear) + encoding_size(options, shape) + inputs * sizeof(double);
}

void linear_init(struct linear *self, const struct encoding_options *options,
                 const struct model_shape *shape, uint64_t seed)
{
    self->width = encoding_width(shape);
    self->hashed_width = encoding_hashed_width(options, shape);
    self->dense_offset = sizeof(struct linear) + encoding_size(options, shape);
    self->hashed_offset = self->dense_offset + self->width * sizeof(double);
    encoding_init(linear_encoding(self), options, shape, seed);
}

void linear_explain(const struct linear *self, const struct example *example, double scale,
                    double *contributions)
{
    struct encoded encoded;
    encoding_read(linear_encoding(self), example, &encoded);
    for (uint64_t i = 0; i < linear_encoding(self)->feature_count; i++)
        contributions[i] = scale * linear_dense(self)[i] * encoded.dense[i];
    for (uint64_t i = 0; i < encoded.hashed; i++)
        contributions[encoded.source[i]] += scale * linear_hashed(self)[encoded.bucket[i]];
}
