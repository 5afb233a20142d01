/* Features as the inputs of a network: numbers standardised by what has been seen of them (B. P.
 * Welford, "Note on a method for calculating corrected sums of squares and products", 1962) and
 * never further than 8 deviations out, or than among so few values is possible (Paul Samuelson,
 * "How deviant can you be?", 1968); a choice as eight inputs of which one is 1 (choices beyond the
 * eighth share them); keys none.  A missing feature is 0 everywhere. */
#ifndef MODELS_NETWORK_INPUTS_H
#define MODELS_NETWORK_INPUTS_H

#include "models/model.h"

struct network_input {
    uint64_t choice; /* 1: eight inputs; 2: none, a key */
    double count, mean, square, inverse, bound;
};

struct network_inputs {
    uint64_t feature_count, input_count;
    struct network_input feature[];
};

uint32_t network_inputs_count(const struct model_shape *shape);
uint64_t network_inputs_size(const struct model_shape *shape);
enum status network_inputs_check(const struct model_shape *shape, struct failure *failure);

/* Memory is zero. */
void network_inputs_init(struct network_inputs *self, const struct model_shape *shape);
void network_inputs_learn(struct network_inputs *self, const union value *feature);

/* Fills values (input_count); known, unless NULL, is 1 for what is not missing, else 0. */
void network_inputs_apply(const struct network_inputs *self, const union value *feature,
                          double *values, double *known);

#endif
