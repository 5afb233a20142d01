/* Where an event lies: its numbers about 0 with a spread of about 1, for kinds that measure
 * distances over features of different units.
 *
 * Keys have no place and are left out.  Mean and variance of each feature run over all events
 * (Welford 1962); a value farther out than REACH deviations moves them no more than one that far
 * out would, so that a single wild value cannot squeeze all others together.  What values are
 * placed by is renewed only when the events have grown by a quarter: equal events nearby in time
 * have equal places, and no event pays for a root.  A missing value stands at the mean. */
#ifndef MODELS_PLACEMENT_H
#define MODELS_PLACEMENT_H

#include "models/model.h"

struct placement_column {
    double mean, square_sum, count; /* of all events; square_sum of deviations */
    double offset, inverse;         /* what values are placed by */
    uint64_t feature;
};

/* Followed by the columns. */
struct placement {
    uint64_t count; /* columns */
    uint64_t events, renewal;
    struct placement_column column[];
};

uint64_t placement_size(const struct model_shape *shape);
uint64_t placement_columns(const struct model_shape *shape);
/* memory is zeroed. */
void placement_init(struct placement *self, const struct model_shape *shape);

/* The event's places, (count); finite and of a size whose squares sum up. */
void placement_place(const struct placement *self, const union value *feature, float *place);
void placement_learn(struct placement *self, const union value *feature);

/* For `check`: a kind that can use numbers alone needs one. */
enum status placement_check(const struct model_shape *shape, const char *who,
                            struct failure *failure);

#endif
