/* How logistic regression learns; the mathematics stand in logistic_regression_model.c. */
#include "base/assert.h"
#include "models/logistic.h"
#include <math.h>
#include <string.h>

/* Of a label in the means that newton is compared by: they look back over some three hundred. */
static const double SHADOW_MEMORY = 0.997;

uint64_t logistic_memory_each(enum optimizer optimizer)
{
    return optimizer == OPTIMIZER_ADAGRAD ? 1 : optimizer == OPTIMIZER_FTRL ? 2 : 0;
}

uint64_t logistic_memory_more(enum optimizer optimizer, uint64_t width)
{
    return optimizer == OPTIMIZER_NEWTON ? width * width + width : 0;
}

static uint64_t features_of(const struct logistic *self)
{
    return linear_encoding(&self->linear)->feature_count;
}

void logistic_spread(struct logistic *self, double variance)
{
    double *matrix = logistic_memory(self);
    memset(matrix, 0, self->linear.width * self->linear.width * sizeof *matrix);
    for (uint64_t i = 0; i <= features_of(self); i++)
        matrix[i * self->linear.width + i] = variance;
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

/* The log odds at the mode of the posterior: the root of a - odds - spread (label - p(a)), which
 * rises in a.  Newton's steps inside a bracket that they narrow; a fixed number, so that time is
 * too. */
static double mode_of(double odds, double spread, double label)
{
    double low = odds - spread * numbers_logistic(odds), high = odds + spread;
    double at = odds;
    for (int i = 0; i < 12; i++) {
        double p = numbers_logistic(at);
        double value = at - odds - spread * (label - p);
        if (value > 0)
            high = at;
        else
            low = at;
        double next = at - value / (1 + spread * p * (1 - p));
        if (!(next > low && next < high))
            next = low + (high - low) / 2;
        if (fabs(next - at) < 1e-12 * (1 + fabs(at)))
            return next;
        at = next;
    }
    return at;
}

/* The weights that plain gradient steps lead to, which never forget nor settle. */
static double *newton_shadow(const struct logistic *self)
{
    return logistic_memory(self) + self->linear.width * self->linear.width;
}

/* Where the world stands still newton beats its shadow.  What it falls behind, beyond chance (two
 * deviations of the mean), tells that its weights are out of date: it forgets the faster for that.
 */
static double newton_growth(const struct logistic *self)
{
    double chance = 2 * sqrt(self->scatter * (1 - SHADOW_MEMORY) / (1 + SHADOW_MEMORY));
    double beyond = self->behind - chance;
    return self->growth * (beyond > 0 ? exp(self->alertness * beyond) : 1);
}

static void compare_with_shadow(struct logistic *self, const double *z, double odds, double label,
                                double importance)
{
    double *weight = newton_shadow(self);
    double shadow =
        numbers_logistic(self->shadow_intercept + numbers_dot(weight, z, self->linear.width));
    double p = numbers_logistic(odds);
    double behind = numbers_log_loss(p, label) - numbers_log_loss(shadow, label);
    self->behind += (1 - SHADOW_MEMORY) * (behind - self->behind);
    self->scatter += (1 - SHADOW_MEMORY) * (behind * behind - self->scatter);
    double step = self->learning_rate * importance * (shadow - label);
    self->shadow_intercept -= step;
    for (uint64_t i = 0; i < self->linear.width; i++)
        weight[i] -= step * z[i];
}

/* covariance = (covariance - fall v v') growth; it grows by forgetting only up to the prior's
 * trace.  The products are taken so that it stays symmetric to the last bit: only its lower half is
 * saved. */
static void shrink_covariance(struct logistic *self, const double *v, double fall)
{
    double wanted = newton_growth(self);
    double *matrix = logistic_memory(self), trace = 0;
    for (uint64_t i = 0; i <= features_of(self); i++)
        trace += matrix[i * self->linear.width + i];
    double bound = self->prior_variance * (double)(features_of(self) + 1);
    double growth = trace * wanted <= bound ? wanted : 1;
    for (uint64_t i = 0; i <= features_of(self); i++) {
        double *row = matrix + i * self->linear.width;
        for (uint64_t j = 0; j < self->linear.width; j++)
            row[j] = (row[j] - fall * (v[i] * v[j])) * growth;
    }
}

/* v = covariance z, by columns (it is symmetric): no sums across lanes. */
static void multiply_covariance(struct logistic *self, const double *z, double *v)
{
    const double *matrix = logistic_memory(self);
    memset(v, 0, self->linear.width * sizeof *v);
    for (uint64_t i = 0; i <= features_of(self); i++) {
        const double *row = matrix + i * self->linear.width;
        for (uint64_t j = 0; j < self->linear.width; j++)
            v[j] += row[j] * z[i];
    }
}

static void step_newton(struct logistic *self, double *z, double odds, double label,
                        double importance)
{
    double v[MODEL_FEATURES_MAX + NUMBERS_LANES];
    double *weight = linear_dense(&self->linear);
    uint64_t last = features_of(self);
    ASSERT(last < self->linear.width);
    if (self->alertness > 0)
        compare_with_shadow(self, z, odds, label, importance);
    z[last] = 1;
    multiply_covariance(self, z, v);
    double spread = numbers_dot(z, v, self->linear.width);
    if (!(spread > 0)) {
        /* Rounding has eaten the covariance: what is known stays, how well it is known starts anew.
         */
        logistic_spread(self, self->prior_variance);
        return;
    }
    double p = numbers_logistic(mode_of(odds, spread * importance, label));
    double step = importance * (label - p), curvature = importance * p * (1 - p);
    for (uint64_t i = 0; i < last; i++)
        weight[i] += v[i] * step;
    self->linear.intercept += v[last] * step;
    shrink_covariance(self, v, curvature / (1 + curvature * spread));
}

void logistic_step(struct logistic *self, const struct example *example, struct encoded *encoded,
                   double odds, double importance)
{
    double gradient = (numbers_logistic(odds) - example->label) * importance;
    if (self->optimizer == OPTIMIZER_SGD)
        step_sgd(self, example, encoded, gradient);
    else if (self->optimizer == OPTIMIZER_ADAGRAD)
        step_adagrad(self, example, encoded, gradient);
    else if (self->optimizer == OPTIMIZER_FTRL)
        step_ftrl(self, example, encoded, gradient);
    else
        step_newton(self, encoded->dense, odds, example->label, importance);
}
