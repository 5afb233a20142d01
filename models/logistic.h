/* Logistic regression's row, for the files that learn it and that write it. */
#ifndef MODELS_LOGISTIC_H
#define MODELS_LOGISTIC_H

#include "models/linear.h"

enum { LOGISTIC_NEWTON_MAX = 128 }; /* features */
enum optimizer { OPTIMIZER_SGD, OPTIMIZER_ADAGRAD, OPTIMIZER_NEWTON, OPTIMIZER_FTRL };

/* Behind the weights lies what the optimizer keeps of each: nothing (sgd), the sum of squared
 * gradients (adagrad), that and the sum of corrected gradients (ftrl), for the scaled numbers
 * (optimizer's vectors, width) and then for the hashed values (hashed_width, optimizer's vectors);
 * or the covariance (width, width), in which the intercept follows the features, and the weights of
 * its shadow (width) (newton). */
struct logistic {
    uint64_t optimizer, examples, size;
    double learning_rate, decay, intercept_rate, l1, l2, beta;
    double positive_weight, offset; /* offset = log(positive_weight): taken back from the score */
    double clip, prior_variance;
    double growth; /* of the covariance with each example: forgetting; 1: none */
    double intercept_squares, intercept_sum;
    /* newton's shadow (newton_shadow in logistic_optimizers.c) */
    double alertness, shadow_intercept;
    double behind, scatter; /* fading means: of newton's loss less its shadow's, of the square */
    struct linear linear;
};

static inline double *logistic_memory(const struct logistic *self)
{
    return linear_hashed(&self->linear) + self->linear.hashed_width;
}

static inline double logistic_odds(const struct logistic *self, const struct encoded *encoded)
{
    return self->linear.intercept + linear_dot(&self->linear, encoded);
}

/* What an optimizer keeps, in numbers: for each input, and beyond them. */
uint64_t logistic_memory_each(enum optimizer optimizer);
uint64_t logistic_memory_more(enum optimizer optimizer, uint64_t width);

/* What is known of the weights before anything has been seen. */
void logistic_spread(struct logistic *self, double variance);

/* One step by the optimizer for the encoded inputs, whose log odds were `odds`; importance is the
 * example's weight times that of its class.  May change the encoded. */
void logistic_step(struct logistic *self, const struct example *example, struct encoded *encoded,
                   double odds, double importance);

/* The model file (models/model_file.h). */
json_t *logistic_save(const void *memory, const struct model_shape *shape);
enum status logistic_load(void *memory, const struct model_shape *shape, const json_t *parameters,
                          struct failure *failure);

#endif
