/* Logistic regression by Bayes' rule over all weights at once: the optimizer newton.
 *
 * The weights have a normal distribution (posterior.h), each weight in the unit of its feature's
 * scaled values.  When the scaler moves, the weights follow, so that what the model says of an x
 * does not change by that alone; and what a weight may be before anything is known of it is told by
 * how far out its feature has been. */
#include "base/assert.h"
#include "models/logistic.h"
#include "models/posterior.h"
#include <math.h>
#include <string.h>

/* Of a label in the means that newton is compared by: they look back over some three hundred. */
static const double SHADOW_MEMORY = 0.997;

/* Deviations of the prior that no value of a feature may move the log odds beyond. */
static const double REACH = 8;

/* Behind the root. */
enum newton_vector {
    NEWTON_SHADOW,   /* the weights that plain gradient steps lead to, which never settle */
    NEWTON_VARIANCE, /* of the weights */
    NEWTON_PRIOR,    /* what it was before anything was known */
    NEWTON_REACH,    /* how far from its middle a feature has been, in today's units */
};

static double *newton_vector(const struct logistic *self, enum newton_vector which)
{
    uint64_t width = self->linear.width;
    return logistic_memory(self) + width * width + which * width;
}

static uint64_t features_of(const struct logistic *self)
{
    return linear_encoding(&self->linear)->feature_count;
}

static struct posterior posterior_of(const struct logistic *self)
{
    return (struct posterior){.root = logistic_memory(self),
                              .variance = newton_vector(self, NEWTON_VARIANCE),
                              .prior = newton_vector(self, NEWTON_PRIOR),
                              .count = features_of(self) + 1,
                              .width = self->linear.width,
                              .growth = 1};
}

void newton_spread(struct logistic *self, double variance)
{
    const struct posterior posterior = posterior_of(self);
    for (uint64_t i = 0; i <= features_of(self); i++)
        newton_vector(self, NEWTON_PRIOR)[i] = self->prior_variance;
    posterior_spread(&posterior, variance);
}

/* The root, and the vectors but the shadow, as they are: whoever loads them goes on to the bit. */
json_t *newton_save(const struct logistic *self)
{
    uint64_t count = features_of(self) + 1, width = self->linear.width;
    json_t *object = json_object(), *root = json_array();
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < count; j++)
            json_array_append_new(root, json_real(logistic_memory(self)[i * width + j]));
    json_object_set_new(object, "root", root);
    json_object_set_new(object, "variance",
                        numbers_save(newton_vector(self, NEWTON_VARIANCE), count));
    json_object_set_new(object, "reach", numbers_save(newton_vector(self, NEWTON_REACH), count));
    return object;
}

enum status newton_check(const json_t *object, uint64_t count, struct failure *failure)
{
    const struct numbers_list lists[] = {
        {.name = "root", .count = count * count},
        {.name = "variance", .count = count, .positive = true},
        {.name = "reach", .count = count, .positive = true},
    };
    for (size_t i = 0; object && i < sizeof lists / sizeof lists[0]; i++)
        if (numbers_check(object, &lists[i], failure) != STATUS_OK)
            return failure->status;
    return STATUS_OK;
}

void newton_load(struct logistic *self, const json_t *object)
{
    uint64_t count = features_of(self) + 1, width = self->linear.width;
    const json_t *root = json_object_get(object, "root");
    numbers_load(json_object_get(object, "variance"), newton_vector(self, NEWTON_VARIANCE), count);
    numbers_load(json_object_get(object, "reach"), newton_vector(self, NEWTON_REACH), count);
    for (uint64_t i = 0; i < count * count; i++)
        logistic_memory(self)[i / count * width + i % count] =
            json_number_value(json_array_get(root, i));
}

bool newton_load_covariance(struct logistic *self, const json_t *list)
{
    const struct posterior posterior = posterior_of(self);
    return posterior_load(&posterior, list);
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
    double *weight = newton_vector(self, NEWTON_SHADOW);
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

/* What a weight may be before anything is known of it: so much that its feature, however far out it
 * has been, moves the log odds by no more than REACH deviations of the prior.  The first values of
 * a feature that was long the same are hundreds of deviations out, and without this they would
 * decide alone. */
static void renew_priors(struct logistic *self, const double *ratio, const double *z)
{
    double *restrict reach = newton_vector(self, NEWTON_REACH);
    double *restrict prior = newton_vector(self, NEWTON_PRIOR);
    double variance = self->prior_variance;
    for (uint64_t i = 0; i < features_of(self); i++) {
        double far = reach[i] / ratio[i], now = fabs(z[i]);
        far = now > far ? now : far;
        reach[i] = far;
        far /= REACH;
        prior[i] = variance / (far > 1 ? far * far : 1);
    }
}

/* By what each feature's unit has grown, and what the move of its middle is to the log odds. */
static void compare_units(const struct logistic *self, const struct logistic_units *before,
                          const double *weight, double *restrict ratio, double *restrict shift)
{
    const struct scaler *scaler = encoding_scaler(linear_encoding(&self->linear));
    const double *centre = scaler_read(scaler, SCALER_CENTRE);
    const double *inverse = scaler_read(scaler, SCALER_INVERSE);
    const double *bound = scaler_read(scaler, SCALER_BOUND);
    double examples = (double)(1 + self->examples);
    for (uint64_t i = 0; i < features_of(self); i++) {
        double most = bound[i] / examples;
        double moved = before->inverse[i] * (centre[i] - before->centre[i]);
        double grown = before->inverse[i] / inverse[i];
        bool known = (before->inverse[i] > 0) & (inverse[i] > 0);
        moved = moved > most ? most : moved;
        moved = moved < -most ? -most : moved;
        ratio[i] = known ? grown : 1;
        shift[i] = weight[i] * moved;
    }
}

/* The scaler has moved: weights and intercept follow.  Without
 * this a feature that was long the same and then varies would have its first values taken for huge
 * ones, and the little weight that these need for certain. */
static void follow_scaler(struct logistic *self, const struct logistic_units *before,
                          const double *z, double *scale)
{
    const struct posterior posterior = posterior_of(self);
    double ratio[MODEL_FEATURES_MAX + 1], shift[MODEL_FEATURES_MAX];
    double *weight = linear_dense(&self->linear);
    compare_units(self, before, weight, ratio, shift);
    for (uint64_t i = 0; i < features_of(self); i++)
        self->linear.intercept += shift[i];
    renew_priors(self, ratio, z);
    ratio[posterior.count - 1] = 1;
    posterior_rescale(&posterior, ratio, weight, scale);
}

void newton_step(struct logistic *self, const struct logistic_units *before, double *z,
                 double label, double importance)
{
    double f[MODEL_FEATURES_MAX + NUMBERS_LANES], scale[MODEL_FEATURES_MAX + 1];
    double *weight = linear_dense(&self->linear);
    uint64_t last = features_of(self);
    ASSERT(last < self->linear.width);
    follow_scaler(self, before, z, scale);
    double odds = self->linear.intercept + numbers_dot(weight, z, self->linear.width);
    if (self->alertness > 0)
        compare_with_shadow(self, z, odds, label, importance);
    z[last] = 1;
    struct posterior posterior = posterior_of(self);
    posterior.growth = newton_growth(self);
    double spread = posterior_look(&posterior, scale, z, f);
    double p = numbers_logistic(posterior_mode(odds, spread * importance, label));
    weight[last] = self->linear.intercept;
    posterior_learn(&posterior, scale, f, spread, importance * p * (1 - p),
                    importance * (label - p), weight);
    self->linear.intercept = weight[last];
    weight[last] = 0;
}
