/* A score made a probability by a sigmoid over its log odds, learned as labels come.
 *
 *     p = 1 / (1 + exp(-(a x + b))),   x = logit(score)
 *
 * John Platt, "Probabilistic outputs for support vector machines and comparisons to regularized
 * likelihood methods", 1999.  Here (a, b) has a normal distribution around (1, 0), where the score
 * is left as it is, and a label moves it by Bayes' rule, the posterior taken as normal (David
 * Spiegelhalter, Steffen Lauritzen, "Sequential updating of conditional probabilities on directed
 * graphical structures", 1990): with the covariance C, z = (x, 1), the label y and p at the mode of
 * the posterior (posterior_mode)
 *
 *     k = C z / (1 / v + z' C z),   v = weight p (1 - p)
 *     (a, b) <- (a, b) + C z weight (y - p),   C <- C - k (C z)'
 *
 * C grows a little with each label, so that what is half_life labels old counts half.
 *
 * Without a score p is what b alone says.  It looks at the first feature that is no key. */
#include "models/posterior.h"
#include "models/scores.h"
#include <string.h>

struct platt_options {
    double prior_variance;
    int64_t half_life;
};

struct platt {
    uint64_t feature;
    double slope, intercept;
    double slope_variance, intercept_variance, covariance;
    double growth, variance_most;
};

static enum status platt_check(const void *options, const struct model_shape *shape,
                               struct failure *failure)
{
    (void)options;
    return score_check_one(shape, "platt", failure);
}

static uint64_t platt_state_size(const void *options, const struct model_shape *shape)
{
    (void)options;
    (void)shape;
    return sizeof(struct platt);
}

static void platt_init(void *memory, const void *options, const struct model_shape *shape,
                       uint64_t seed)
{
    (void)seed;
    const struct platt_options *given = options;
    struct platt *self = memory;
    *self = (struct platt){
        .feature = score_first(shape),
        .slope = 1,
        .slope_variance = given->prior_variance,
        .intercept_variance = given->prior_variance,
        .growth = given->half_life > 0 ? exp2(1.0 / (double)given->half_life) : 1,
        .variance_most = given->prior_variance,
    };
}

static double odds_seen(const struct platt *self, const struct example *example)
{
    double score = score_at(example, self->feature);
    return isnan(score) ? 0 : score_odds(score);
}

static double probability(const struct platt *self, double odds)
{
    return numbers_logistic(self->slope * odds + self->intercept);
}

static double platt_score(const void *memory, const struct example *example)
{
    return probability(memory, odds_seen(memory, example));
}

/* Forgetting ends where nothing was known at first. */
static void forget(struct platt *self)
{
    double growth = self->growth;
    if (self->slope_variance * growth > self->variance_most ||
        self->intercept_variance * growth > self->variance_most)
        return;
    self->slope_variance *= growth;
    self->intercept_variance *= growth;
    self->covariance *= growth;
}

static double platt_learn(void *memory, const struct example *example)
{
    struct platt *self = memory;
    double x = odds_seen(self, example), odds = self->slope * x + self->intercept;
    double along_slope = self->slope_variance * x + self->covariance;
    double along_intercept = self->covariance * x + self->intercept_variance;
    double spread = along_slope * x + along_intercept, weight = example->weight;
    double label = example->label > 0.5;
    double p = numbers_logistic(posterior_mode(odds, spread * weight, label));
    double curvature = weight * p * (1 - p), share = curvature / (1 + curvature * spread);
    self->slope += weight * (label - p) * along_slope;
    self->intercept += weight * (label - p) * along_intercept;
    self->slope_variance -= share * along_slope * along_slope;
    self->intercept_variance -= share * along_intercept * along_intercept;
    self->covariance -= share * along_slope * along_intercept;
    forget(self);
    return numbers_logistic(odds);
}

static const struct option platt_options[] = {
    {.name = "prior_variance",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-9,
     .maximum = 1e4,
     .offset = offsetof(struct platt_options, prior_variance),
     .help = "how far from the score itself it expects the truth before it has seen labels"},
    {.name = "half_life",
     .type = OPTION_INTEGER,
     .standard = "100000",
     .maximum = 1e12,
     .offset = offsetof(struct platt_options, half_life),
     .help = "labels after which a label counts half; 0: all count the same"},
    OPTION_END,
};

extern const struct model_kind platt_model;
const struct model_kind platt_model = {
    .name = "platt",
    .summary = "a score made a probability by a sigmoid over its odds (calibration)",
    .options = platt_options,
    .cost_ns = 200,
    .option_size = sizeof(struct platt_options),
    .supervised = true,
    .check = platt_check,
    .state_size = platt_state_size,
    .init = platt_init,
    .score = platt_score,
    .learn = platt_learn,
};
