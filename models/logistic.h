/* Logistic regression's row, for the files that learn it and that write it. */
#ifndef MODELS_LOGISTIC_H
#define MODELS_LOGISTIC_H

#include "models/linear.h"

enum { LOGISTIC_NEWTON_MAX = 128 /* features */, NEWTON_VECTORS = 4 };
enum optimizer { OPTIMIZER_SGD, OPTIMIZER_ADAGRAD, OPTIMIZER_NEWTON, OPTIMIZER_FTRL };

/* Behind the weights lies what the optimizer keeps of each: nothing (sgd), the sum of squared
 * gradients (adagrad), that and the sum of corrected gradients (ftrl), for the scaled numbers
 * (optimizer's vectors, width) and then for the hashed values (hashed_width, optimizer's vectors);
 * or the root of the covariance (width, width), in which the intercept follows the features, and
 * vectors beside it (NEWTON_VECTORS, width) (newton). */
struct logistic {
    uint64_t optimizer, examples, size;
    double learning_rate, decay, intercept_rate, l1, l2, beta;
    double positive_weight, offset; /* offset = log(positive_weight): taken back from the score */
    double clip, prior_variance;
    double growth; /* of the covariance with each example: forgetting; 1: none */
    double intercept_squares, intercept_sum;
    /* newton's shadow (logistic_newton.c) */
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

/* What the inputs were measured in before the scaler took in an example; newton alone needs it. */
struct logistic_units {
    double centre[MODEL_FEATURES_MAX], inverse[MODEL_FEATURES_MAX];
};

/* One step by the optimizer for the encoded inputs, whose units were `before`; importance is the
 * example's weight times that of its class.  May change the encoded. */
void logistic_step(struct logistic *self, const struct example *example, struct encoded *encoded,
                   const struct logistic_units *before, double importance);

/* newton: all weights apart and of one variance; a step for z (width). */
void newton_spread(struct logistic *self, double variance);
void newton_step(struct logistic *self, const struct logistic_units *before, double *z,
                 double label, double importance);

/* What newton knows of its weights to and from a model file, and from a batch training's
 * covariance, lower triangle row after row; false: it is none. */
json_t *newton_save(const struct logistic *self);
enum status newton_check(const json_t *object, uint64_t count, struct failure *failure);
void newton_load(struct logistic *self, const json_t *object);
bool newton_load_covariance(struct logistic *self, const json_t *list);

/* The model file (models/model_file.h). */
json_t *logistic_save(const void *memory, const struct model_shape *shape);
enum status logistic_load(void *memory, const struct model_shape *shape, const json_t *parameters,
                          struct failure *failure);

#endif
