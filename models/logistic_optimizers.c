/* How logistic regression learns; the mathematics stand in logistic_regression_model.c. */
#include "base/assert.h"
#include "models/logistic.h"
#include <math.h>
#include <string.h>

uint64_t logistic_memory_each(enum optimizer optimizer)
{
    return optimizer == OPTIMIZER_ADAGRAD ? 1 : optimizer == OPTIMIZER_FTRL ? 2 : 0;
}

uint64_t logistic_memory_more(enum optimizer optimizer, uint64_t width)
{
    return optimizer == OPTIMIZER_NEWTON ? width * width + NEWTON_VECTORS * width : 0;
}

/* What the optimizer keeps of a hashed value, told that it changes, as its weight. */
static double *hashed_memory(const struct logistic *self, const struct example *example,
                             uint32_t bucket)
{
    uint64_t each = logistic_memory_each((enum optimizer)self->optimizer);
    double *memory = logistic_memory(self) + self->linear.width * each + bucket * each;
    example_touch(example, &linear_hashed(&self->linear)[bucket], sizeof(double));
    if (each > 0)
        example_touch(example, memory, each * sizeof(double));
    return memory;
}

static void step_sgd(struct logistic *self, const struct example *example,
                     const struct encoded *encoded, double gradient)
{
    double slowed = 1 / (1 + self->decay * (double)self->examples);
    double rate = self->learning_rate * slowed;
    double *weight = linear_dense(&self->linear), *hashed = linear_hashed(&self->linear);
    self->linear.intercept -= self->intercept_rate * slowed * gradient;
    for (uint64_t i = 0; i < self->linear.width; i++)
        weight[i] -= rate * (gradient * encoded->dense[i] + self->l2 * weight[i]);
    for (uint64_t i = 0; i < encoded->hashed; i++) {
        double *at = &hashed[encoded->bucket[i]];
        hashed_memory(self, example, encoded->bucket[i]);
        *at -= rate * (gradient + self->l2 * *at);
    }
}

static inline void descend(const struct logistic *self, double *weight, double *squares,
                           double slope)
{
    static const double least = 1e-10;
    *squares += slope * slope;
    *weight -= self->learning_rate * slope / sqrt(*squares + least);
}

static void step_adagrad(struct logistic *self, const struct example *example,
                         const struct encoded *encoded, double gradient)
{
    static const double least = 1e-10;
    double *weight = linear_dense(&self->linear), *squares = logistic_memory(self);
    self->intercept_squares += gradient * gradient;
    self->linear.intercept -=
        self->intercept_rate * gradient / sqrt(self->intercept_squares + least);
    for (uint64_t i = 0; i < self->linear.width; i++)
        descend(self, &weight[i], &squares[i], gradient * encoded->dense[i] + self->l2 * weight[i]);
    for (uint64_t i = 0; i < encoded->hashed; i++) {
        double *at = &linear_hashed(&self->linear)[encoded->bucket[i]];
        descend(self, at, hashed_memory(self, example, encoded->bucket[i]),
                gradient + self->l2 * *at);
    }
}

/* Of one weight: takes the gradient in, and sets the weight to the minimum of what it has seen. */
static inline void follow(const struct logistic *self, double *weight, double *squares, double *sum,
                          double gradient, double l1, double l2)
{
    double before = sqrt(*squares), after = sqrt(*squares + gradient * gradient);
    *sum += gradient - (after - before) / self->learning_rate * *weight;
    *squares += gradient * gradient;
    double pull = *sum > 0 ? l1 - *sum : -l1 - *sum;
    *weight = fabs(*sum) > l1 ? pull / ((self->beta + after) / self->learning_rate + l2) : 0;
}

static void step_ftrl(struct logistic *self, const struct example *example,
                      const struct encoded *encoded, double gradient)
{
    double *weight = linear_dense(&self->linear), *squares = logistic_memory(self);
    double *sum = squares + self->linear.width;
    follow(self, &self->linear.intercept, &self->intercept_squares, &self->intercept_sum, gradient,
           0, 0);
    for (uint64_t i = 0; i < self->linear.width; i++)
        follow(self, &weight[i], &squares[i], &sum[i], gradient * encoded->dense[i], self->l1,
               self->l2);
    for (uint64_t i = 0; i < encoded->hashed; i++) {
        double *memory = hashed_memory(self, example, encoded->bucket[i]);
        follow(self, &linear_hashed(&self->linear)[encoded->bucket[i]], &memory[0], &memory[1],
               gradient, self->l1, self->l2);
    }
}

void logistic_step(struct logistic *self, const struct example *example, struct encoded *encoded,
                   const struct logistic_units *before, double importance)
{
    if (self->optimizer == OPTIMIZER_NEWTON) {
        newton_step(self, before, encoded->dense, example->label, importance);
        return;
    }
    double odds = logistic_odds(self, encoded);
    double gradient = (numbers_logistic(odds) - example->label) * importance;
    if (self->optimizer == OPTIMIZER_SGD)
        step_sgd(self, example, encoded, gradient);
    else if (self->optimizer == OPTIMIZER_ADAGRAD)
        step_adagrad(self, example, encoded, gradient);
    else
        step_ftrl(self, example, encoded, gradient);
}
