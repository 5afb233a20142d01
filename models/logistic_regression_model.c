/* Online logistic regression over inputs that are scaled, and keys encoded, as they come.
 *
 *     p(x) = 1 / (1 + exp(-(b + sum_j w_j z_j)))
 *
 * The z are the encoded inputs (models/encoding.h, models/scaler.h), whose means and the like are
 * part of the model and run along: a label renews them first and the weights then; scoring reads
 * them as they are.  A missing number stands for the middle (z = 0); keys are refused, hashed, or
 * replaced by the log odds of their labels.
 *
 * Four ways to learn from an example (z, y) with gradient g = (p - y) weight:
 *     sgd      w -= rate (g z + l2 w)
 *     adagrad  the same with a rate a coordinate, rate / sqrt(sum of squared gradients so far):
 * John Duchi, Elad Hazan, Yoram Singer, "Adaptive subgradient methods for online learning and
 *              stochastic optimization", 2011
 *     ftrl     w = argmin of the linearised losses so far, plus l1 |w| + l2/2 w^2, plus what keeps
 * it near its earlier values; so weights of rare inputs stay exactly 0.  Brendan McMahan and
 * others, "Ad click prediction: a view from the trenches", 2013: s += g z - (sqrt(n + g^2 z^2) -
 * sqrt(n)) / rate w,   n += g^2 z^2 w = -(s - sign(s) l1) / ((beta + sqrt(n)) / rate + l2),   0
 * where |s| <= l1 newton   keeps a normal distribution over (w, b) and moves it by Bayes' rule,
 * each posterior taken as normal around its mode: David Spiegelhalter, Steffen Lauritzen,
 * "Sequential updating of conditional probabilities on directed graphical structures", 1990.  One
 * pass comes near to a batch fit; costs feature_count squared.  Where the world changes, half_life
 * must be short.
 *
 * With `sgd`, `standard`, learning_rate 0.005, intercept_rate 0.01 this is River 0.19's
 * StandardScaler | LogisticRegression(SGD(0.005)): same order of operations, same figures. */
#include "base/assert.h"
#include "models/logistic.h"
#include <math.h>
#include <string.h>

struct logistic_options {
    struct encoding_options encoding;
    int optimizer;
    double learning_rate, decay, intercept_rate, l1, l2, beta;
    double positive_weight, clip, prior_variance, prior, alertness;
    int64_t half_life;
};

static uint64_t logistic_state_size(const void *options, const struct model_shape *shape)
{
    const struct logistic_options *given = (const struct logistic_options *)options;
    enum optimizer optimizer = (enum optimizer)given->optimizer;
    uint64_t width = encoding_width(shape);
    uint64_t inputs = width + encoding_hashed_width(&given->encoding, shape);
    uint64_t cells =
        inputs * logistic_memory_each(optimizer) + logistic_memory_more(optimizer, width);
    return sizeof(struct logistic) - sizeof(struct linear) + linear_size(&given->encoding, shape) +
           cells * sizeof(double);
}

static enum status logistic_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    const struct logistic_options *given = (const struct logistic_options *)options;
    if (encoding_check(&given->encoding, shape, "logistic regression", failure) != STATUS_OK)
        return failure->status;
    if (given->optimizer != OPTIMIZER_NEWTON)
        return STATUS_OK;
    if (encoding_hashed_width(&given->encoding, shape) > 0)
        return failure_set(failure, STATUS_STOP,
                           "optimizer newton has no weights for hashed values; set `keys` to "
                           "\"target\", or the optimizer to ftrl or adagrad");
    if (shape->feature_count > LOGISTIC_NEWTON_MAX)
        return failure_set(failure, STATUS_STOP,
                           "optimizer newton takes at most %d features and was given %u; use "
                           "adagrad or fewer features",
                           LOGISTIC_NEWTON_MAX, shape->feature_count);
    return STATUS_OK;
}

static void take_options(struct logistic *self, const struct logistic_options *given)
{
    self->optimizer = (uint64_t)given->optimizer;
    self->learning_rate = given->learning_rate;
    self->decay = given->decay;
    self->intercept_rate = given->intercept_rate;
    self->l1 = given->l1;
    self->l2 = given->l2;
    self->beta = given->beta;
    self->positive_weight = given->positive_weight;
    self->offset = log(given->positive_weight);
    self->clip = given->clip;
    self->alertness = given->alertness;
    self->prior_variance = given->prior_variance;
    self->growth = given->half_life > 0 ? exp2(1.0 / (double)given->half_life) : 1;
}

static void logistic_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    const struct logistic_options *given = (const struct logistic_options *)options;
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX);
    struct logistic *self = (struct logistic *)memory;
    memset(self, 0, logistic_state_size(options, shape));
    take_options(self, given);
    self->size = logistic_state_size(options, shape);
    linear_init(&self->linear, &given->encoding, shape, seed);
    self->linear.intercept = log(given->prior / (1 - given->prior)) + self->offset;
    /* Where ftrl starts from is a sum of gradients too. */
    self->intercept_sum = -self->linear.intercept * self->beta / self->learning_rate;
    if (self->optimizer == OPTIMIZER_NEWTON)
        newton_spread(self, self->prior_variance);
}

/* What the world is told: positive_weight's distortion taken back, clipped. */
static inline double told(const struct logistic *self, double odds)
{
    double score = numbers_logistic(odds - self->offset);
    double most = 1 - self->clip;
    return score < self->clip ? self->clip : score > most ? most : score;
}

static double logistic_score(const void *memory, const struct example *example)
{
    const struct logistic *self = (const struct logistic *)memory;
    struct encoded encoded;
    encoding_read(linear_encoding(&self->linear), example, &encoded);
    return told(self, logistic_odds(self, &encoded));
}

/* Without hashed or replaced values all of the row changes. */
static void touch(const struct logistic *self, const struct example *example)
{
    const struct linear *linear = &self->linear;
    if (linear_encoding(linear)->bucket_count == 0) {
        example_touch(example, self, self->size);
        return;
    }
    linear_touch(linear, example, self);
    enum optimizer optimizer = (enum optimizer)self->optimizer;
    uint64_t cells = linear->width * logistic_memory_each(optimizer) +
                     logistic_memory_more(optimizer, linear->width);
    if (cells > 0)
        example_touch(example, logistic_memory(self), cells * sizeof(double));
}

static void note_units(const struct scaler *scaler, struct logistic_units *units)
{
    uint64_t size = scaler->count * sizeof(double);
    memcpy(units->centre, scaler_read(scaler, SCALER_CENTRE), size);
    memcpy(units->inverse, scaler_read(scaler, SCALER_INVERSE), size);
}

static double logistic_learn(void *memory, const struct example *example)
{
    struct logistic *self = (struct logistic *)memory;
    struct encoding *encoding = linear_encoding(&self->linear);
    struct encoded encoded;
    encoding_read(encoding, example, &encoded);
    double score = told(self, logistic_odds(self, &encoded));
    touch(self, example);
    struct logistic_units before;
    if (self->optimizer == OPTIMIZER_NEWTON)
        note_units(encoding_scaler(encoding), &before);
    encoding_renew(encoding, example, &encoded);
    double importance = example->weight * (example->label > 0.5 ? self->positive_weight : 1);
    logistic_step(self, example, &encoded, &before, importance);
    encoding_label(encoding, example);
    self->examples++;
    return score;
}

static void logistic_explain(const void *memory, const struct example *example,
                             double *contributions)
{
    const struct logistic *self = (const struct logistic *)memory;
    linear_explain(&self->linear, example, 1, contributions);
}

static const char *const optimizer_names[] = {"sgd", "adagrad", "newton", "ftrl", NULL};

static const struct option logistic_options[] = {
    {.name = "optimizer",
     .type = OPTION_CHOICE,
     .choices = optimizer_names,
     .standard = "newton",
     .offset = offsetof(struct logistic_options, optimizer),
     .help = "how it learns: plain gradient steps (sgd), with a rate a feature (adagrad), that "
             "with weights held at 0 until they are worth it (ftrl: many hashed values), or by "
             "Bayes' rule over all weights (newton: best in one pass, at most 128 features)"},
    {.name = "learning_rate",
     .type = OPTION_NUMBER,
     .standard = "0.01",
     .offset = offsetof(struct logistic_options, learning_rate),
     .minimum = 1e-9,
     .maximum = 1,
     .help = "step size of sgd, adagrad and ftrl"},
    {.name = "decay",
     .type = OPTION_NUMBER,
     .standard = "0",
     .maximum = 1,
     .offset = offsetof(struct logistic_options, decay),
     .help = "sgd's step after n labels is its step / (1 + decay n)"},
    {.name = "intercept_rate",
     .type = OPTION_NUMBER,
     .standard = "0.01",
     .maximum = 1,
     .offset = offsetof(struct logistic_options, intercept_rate),
     .help = "step size of the intercept, for sgd and adagrad"},
    {.name = "l2",
     .type = OPTION_NUMBER,
     .standard = "0",
     .maximum = 1,
     .offset = offsetof(struct logistic_options, l2),
     .help = "penalty on squared weights: a label's for sgd and adagrad, once for ftrl"},
    {.name = "l1",
     .type = OPTION_NUMBER,
     .standard = "0",
     .maximum = 1e6,
     .offset = offsetof(struct logistic_options, l1),
     .help = "ftrl: what the gradients of a weight must come to before it leaves 0"},
    {.name = "beta",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-6,
     .maximum = 1e6,
     .offset = offsetof(struct logistic_options, beta),
     .help = "ftrl: the larger, the smaller its first steps"},
    {.name = "prior_variance",
     .type = OPTION_NUMBER,
     .standard = "1",
     .offset = offsetof(struct logistic_options, prior_variance),
     .minimum = 1e-9,
     .maximum = 1e6,
     .help = "how far from 0 newton expects weights before it has seen anything"},
    {.name = "prior",
     .type = OPTION_NUMBER,
     .standard = "0.5",
     .offset = offsetof(struct logistic_options, prior),
     .minimum = 1e-6,
     .maximum = 1 - 1e-6,
     .help = "share of positives expected: the score before any label has come"},
    {.name = "half_life",
     .type = OPTION_INTEGER,
     .standard = "100000",
     .maximum = 1e12,
     .offset = offsetof(struct logistic_options, half_life),
     .help = "labels after which a label counts half, for newton; 0: all count the same"},
    {.name = "alertness",
     .type = OPTION_NUMBER,
     .standard = "0.3",
     .maximum = 10,
     .offset = offsetof(struct logistic_options, alertness),
     .help =
         "how much faster newton forgets while it is wrong more often than it expects, as where "
         "the world changes; 0: never"},
    {.name = "positive_weight",
     .type = OPTION_NUMBER,
     .standard = "1",
     .offset = offsetof(struct logistic_options, positive_weight),
     .minimum = 1e-4,
     .maximum = 1e4,
     .help = "how many times a positive label counts; the score is corrected for it"},
    {.name = "clip",
     .type = OPTION_NUMBER,
     .standard = "0",
     .maximum = 0.49,
     .offset = offsetof(struct logistic_options, clip),
     .help = "scores are kept between this and 1 less this"},
    ENCODING_OPTIONS("refuse"),
    OPTION_END,
};

const struct model_kind logistic_regression_model = {
    .name = "logistic_regression",
    .summary = "online logistic regression over standardised features",
    .options = logistic_options,
    .option_size = sizeof(struct logistic_options),
    .supervised = true,
    .takes_keys = true,
    .scattered = true,
    .cost_ns = 510,
    .check = logistic_check,
    .state_size = logistic_state_size,
    .init = logistic_init,
    .score = logistic_score,
    .learn = logistic_learn,
    .explain = logistic_explain,
    .save = logistic_save,
    .load = logistic_load,
};
