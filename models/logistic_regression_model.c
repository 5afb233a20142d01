/* Online logistic regression over features that are standardised as they come.
 *
 *     p(x) = 1 / (1 + exp(-(b + sum_j w_j z_j))),     z_j = (x_j - mean_j) / deviation_j
 *
 * Means and variances are part of the model and run along (B. P. Welford, "Note on a method for
 * calculating corrected sums of squares and products", 1962).  While few values have been seen the
 * variance is a poor guess, and a z far out would make the first scores wild: among n values none
 * is further than sqrt(n) deviations from their mean (Paul Samuelson, "How deviant can you be?",
 * 1968), so the scaler `bounded` lets no z be.  A label renews them first and the weights then;
 * scoring reads them as they are.  A missing number stands for its mean (z = 0); keys count as
 * missing, and the configuration refuses them.
 *
 * Three ways to learn from an example (z, y) with gradient g = (p - y) weight:
 *     sgd      w -= rate (g z + l2 w)
 *     adagrad  the same with a rate a coordinate, rate / sqrt(sum of squared gradients so far):
 * John Duchi, Elad Hazan, Yoram Singer, "Adaptive subgradient methods for online learning and
 *              stochastic optimization", 2011
 *     newton   keeps a normal distribution over (w, b) and moves it by Bayes' rule, each posterior
 * taken as normal around its mode: David Spiegelhalter, Steffen Lauritzen, "Sequential updating of
 * conditional probabilities on directed graphical structures", 1990.  One pass comes near to a
 * batch fit; costs feature_count squared.
 *
 * With `sgd`, `standard`, learning_rate 0.005, intercept_rate 0.01 this is River 0.19's
 * StandardScaler | LogisticRegression(SGD(0.005)): same order of operations, same figures. */
#include "base/assert.h"
#include "models/model.h"
#include "models/numbers.h"
#include <math.h>
#include <string.h>

enum { NEWTON_FEATURES_MAX = 128, BOUNDS_EACH = 1024 };
enum scaler { SCALER_BOUNDED, SCALER_STANDARD, SCALER_NONE };
enum optimizer { OPTIMIZER_SGD, OPTIMIZER_ADAGRAD, OPTIMIZER_NEWTON };

/* Beyond these a number is a mistake of somebody's; they keep every sum finite. */
static const double FEATURE_LIMIT = 1e100, STANDARDISED_LIMIT = 1e6;

struct logistic_options {
    int optimizer, scaler;
    double learning_rate, decay, intercept_rate, l2, positive_weight, clip, prior_variance, prior;
    int64_t half_life;
};

/* The row begins with this; vectors follow, each of `width` cells, zero after feature_count. */
struct logistic {
    uint64_t feature_count, width, scaler, optimizer, examples;
    double learning_rate, decay, intercept_rate, l2;
    double positive_weight, offset; /* offset = log(positive_weight): taken back from the score */
    double clip, prior_variance;
    double growth; /* of the covariance with each example: forgetting; 1: none */
    double intercept, intercept_squares;
    double vectors[];
};

enum vector {
    VECTOR_MEAN,
    VECTOR_INVERSE, /* 1 / deviation; 0 while there is none */
    VECTOR_WEIGHT,
    VECTOR_VARIANCE,
    VECTOR_COUNT,   /* values seen */
    VECTOR_NUMBER,  /* 1 for numbers, 0 for keys */
    VECTOR_BOUND,   /* the largest z that is believed */
    VECTOR_SQUARES, /* adagrad only; with newton the covariance (width, width) begins here */
};

static inline double *vector(struct logistic *self, enum vector which)
{
    return self->vectors + (size_t)which * self->width;
}

static inline const double *vector_read(const struct logistic *self, enum vector which)
{
    return self->vectors + (size_t)which * self->width;
}

static double *covariance(struct logistic *self)
{
    return vector(self, VECTOR_SQUARES);
}

/* One more than the features, for the intercept of newton; a multiple of the lanes. */
static uint64_t width_for(const struct model_shape *shape)
{
    return (shape->feature_count + 1 + NUMBERS_LANES - 1) / NUMBERS_LANES * NUMBERS_LANES;
}

static uint64_t logistic_state_size(const void *options, const struct model_shape *shape)
{
    const struct logistic_options *given = (const struct logistic_options *)options;
    uint64_t width = width_for(shape), cells = VECTOR_SQUARES * width;
    if (given->optimizer == OPTIMIZER_ADAGRAD)
        cells += width;
    if (given->optimizer == OPTIMIZER_NEWTON)
        cells += width * width;
    return sizeof(struct logistic) + cells * sizeof(double);
}

static enum status logistic_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    const struct logistic_options *given = (const struct logistic_options *)options;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (shape->type[i] == TYPE_TEXT)
            return failure_set(failure, STATUS_STOP,
                               "logistic regression cannot use the identifier `%s` as a number; "
                               "make a feature of it, such as a count by it",
                               shape->feature_name[i]);
    }
    if (given->optimizer == OPTIMIZER_NEWTON && shape->feature_count > NEWTON_FEATURES_MAX)
        return failure_set(failure, STATUS_STOP,
                           "optimizer newton takes at most %d features and was given %u; use "
                           "adagrad or fewer features",
                           NEWTON_FEATURES_MAX, shape->feature_count);
    return STATUS_OK;
}

static void spread_prior(struct logistic *self, double variance)
{
    double *matrix = covariance(self);
    memset(matrix, 0, self->width * self->width * sizeof *matrix);
    for (uint64_t i = 0; i <= self->feature_count; i++)
        matrix[i * self->width + i] = variance;
}

static void renew_bounds(struct logistic *self)
{
    double *bound = vector(self, VECTOR_BOUND);
    const double *count = vector(self, VECTOR_COUNT);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double believed = self->scaler == SCALER_BOUNDED ? sqrt(count[i]) : STANDARDISED_LIMIT;
        bound[i] = believed < STANDARDISED_LIMIT ? believed : STANDARDISED_LIMIT;
    }
}

static void logistic_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    (void)seed;
    const struct logistic_options *given = (const struct logistic_options *)options;
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX);
    struct logistic *self = (struct logistic *)memory;
    memset(self, 0, logistic_state_size(options, shape));
    self->feature_count = shape->feature_count;
    self->width = width_for(shape);
    self->scaler = (uint64_t)given->scaler;
    self->optimizer = (uint64_t)given->optimizer;
    self->learning_rate = given->learning_rate;
    self->decay = given->decay;
    self->intercept_rate = given->intercept_rate;
    self->l2 = given->l2;
    self->positive_weight = given->positive_weight;
    self->offset = log(given->positive_weight);
    self->intercept = log(given->prior / (1 - given->prior)) + self->offset;
    self->clip = given->clip;
    self->prior_variance = given->prior_variance;
    self->growth = given->half_life > 0 ? exp2(1.0 / (double)given->half_life) : 1;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        bool number = shape->type[i] != TYPE_TEXT;
        vector(self, VECTOR_NUMBER)[i] = number;
        vector(self, VECTOR_VARIANCE)[i] = number && given->scaler == SCALER_NONE;
        vector(self, VECTOR_INVERSE)[i] = number && given->scaler == SCALER_NONE;
    }
    renew_bounds(self);
    if (given->optimizer == OPTIMIZER_NEWTON)
        spread_prior(self, self->prior_variance);
}

/* Fills z (width): zero where missing.  A key read as a number meets an inverse of 0. */
static inline void standardise(const struct logistic *self, const union value *feature, double *z)
{
    const double *mean = vector_read(self, VECTOR_MEAN);
    const double *inverse = vector_read(self, VECTOR_INVERSE);
    const double *bound = vector_read(self, VECTOR_BOUND);
    uint64_t count = self->feature_count;
    for (uint64_t i = 0; i < count; i++) {
        double value = (feature[i].number - mean[i]) * inverse[i];
        value = value > bound[i] ? bound[i] : value;
        value = value < -bound[i] ? -bound[i] : value;
        z[i] = value == value ? value : 0;
    }
    for (uint64_t i = count; i < self->width; i++)
        z[i] = 0;
}

static inline double log_odds(const struct logistic *self, const double *z)
{
    return self->intercept + numbers_dot(vector_read(self, VECTOR_WEIGHT), z, self->width);
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
    double z[MODEL_FEATURES_MAX + NUMBERS_LANES];
    standardise(self, example->feature, z);
    return told(self, log_odds(self, z));
}

/* Without a branch, so that lanes go side by side. */
static void learn_scaler(struct logistic *self, const union value *feature)
{
    double *restrict mean = vector(self, VECTOR_MEAN), *restrict count = vector(self, VECTOR_COUNT);
    double *restrict variance = vector(self, VECTOR_VARIANCE);
    double *restrict inverse = vector(self, VECTOR_INVERSE);
    const double *restrict number = vector(self, VECTOR_NUMBER);
    double values[MODEL_FEATURES_MAX]; /* the compiler makes no lanes of unions */
    uint64_t features = self->feature_count;
    memcpy(values, feature, features * sizeof *values);
    for (uint64_t i = 0; i < features; i++) {
        double value = values[i];
        double seen = fabs(value) <= FEATURE_LIMIT ? number[i] : 0;
        double counted = count[i] + seen;
        double divisor = seen > 0 ? counted : 1;
        double delta = seen > 0 ? value - mean[i] : 0;
        double moved = mean[i] + delta / divisor;
        double spread = seen > 0 ? delta * (value - moved) - variance[i] : 0;
        double varied = variance[i] + spread / divisor;
        count[i] = counted;
        mean[i] = moved;
        variance[i] = varied;
        inverse[i] = varied > 0 ? 1 / sqrt(varied) : 0;
    }
    /* They grow ever more slowly: a root a feature is not worth its time at every label. */
    if (self->examples < BOUNDS_EACH || self->examples % BOUNDS_EACH == 0)
        renew_bounds(self);
}

static void learn_sgd(struct logistic *self, const double *z, double gradient)
{
    double slowed = 1 / (1 + self->decay * (double)self->examples);
    double rate = self->learning_rate * slowed;
    double *weight = vector(self, VECTOR_WEIGHT);
    self->intercept -= self->intercept_rate * slowed * gradient;
    for (uint64_t i = 0; i < self->width; i++)
        weight[i] -= rate * (gradient * z[i] + self->l2 * weight[i]);
}

static void learn_adagrad(struct logistic *self, const double *z, double gradient)
{
    static const double least = 1e-10;
    double *weight = vector(self, VECTOR_WEIGHT), *squares = vector(self, VECTOR_SQUARES);
    self->intercept_squares += gradient * gradient;
    self->intercept -= self->intercept_rate * gradient / sqrt(self->intercept_squares + least);
    for (uint64_t i = 0; i < self->width; i++) {
        double slope = gradient * z[i] + self->l2 * weight[i];
        squares[i] += slope * slope;
        weight[i] -= self->learning_rate * slope / sqrt(squares[i] + least);
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

/* covariance = (covariance - fall v v') growth; it grows by forgetting only up to the prior's
 * trace.  The products are taken so that it stays symmetric to the last bit: only its lower half is
 * saved. */
static void shrink_covariance(struct logistic *self, const double *v, double fall)
{
    double *matrix = covariance(self), trace = 0;
    for (uint64_t i = 0; i <= self->feature_count; i++)
        trace += matrix[i * self->width + i];
    double bound = self->prior_variance * (double)(self->feature_count + 1);
    double growth = trace * self->growth <= bound ? self->growth : 1;
    for (uint64_t i = 0; i <= self->feature_count; i++) {
        double *row = matrix + i * self->width;
        for (uint64_t j = 0; j < self->width; j++)
            row[j] = (row[j] - fall * (v[i] * v[j])) * growth;
    }
}

/* v = covariance z, by columns (it is symmetric): no sums across lanes. */
static void multiply_covariance(struct logistic *self, const double *z, double *v)
{
    const double *matrix = covariance(self);
    memset(v, 0, self->width * sizeof *v);
    for (uint64_t i = 0; i <= self->feature_count; i++) {
        const double *row = matrix + i * self->width;
        for (uint64_t j = 0; j < self->width; j++)
            v[j] += row[j] * z[i];
    }
}

static void learn_newton(struct logistic *self, double *z, double odds, double label,
                         double importance)
{
    double v[MODEL_FEATURES_MAX + NUMBERS_LANES];
    double *weight = vector(self, VECTOR_WEIGHT);
    uint64_t last = self->feature_count;
    ASSERT(last < self->width);
    z[last] = 1;
    multiply_covariance(self, z, v);
    double spread = numbers_dot(z, v, self->width);
    if (!(spread > 0)) {
        /* Rounding has eaten the covariance: what is known stays, how well it is known starts anew.
         */
        spread_prior(self, self->prior_variance);
        return;
    }
    double p = numbers_logistic(mode_of(odds, spread * importance, label));
    double step = importance * (label - p), curvature = importance * p * (1 - p);
    for (uint64_t i = 0; i < last; i++)
        weight[i] += v[i] * step;
    self->intercept += v[last] * step;
    shrink_covariance(self, v, curvature / (1 + curvature * spread));
}

static double logistic_learn(void *memory, const struct example *example)
{
    struct logistic *self = (struct logistic *)memory;
    double z[MODEL_FEATURES_MAX + NUMBERS_LANES];
    standardise(self, example->feature, z);
    double score = told(self, log_odds(self, z));
    if (self->scaler != SCALER_NONE) {
        learn_scaler(self, example->feature);
        standardise(self, example->feature, z);
    }
    double odds = log_odds(self, z);
    double importance = example->weight * (example->label > 0.5 ? self->positive_weight : 1);
    double gradient = (numbers_logistic(odds) - example->label) * importance;
    if (self->optimizer == OPTIMIZER_SGD)
        learn_sgd(self, z, gradient);
    else if (self->optimizer == OPTIMIZER_ADAGRAD)
        learn_adagrad(self, z, gradient);
    else
        learn_newton(self, z, odds, example->label, importance);
    self->examples++;
    return score;
}

static void logistic_explain(const void *memory, const struct example *example,
                             double *contributions)
{
    const struct logistic *self = (const struct logistic *)memory;
    double z[MODEL_FEATURES_MAX + NUMBERS_LANES];
    standardise(self, example->feature, z);
    for (uint64_t i = 0; i < self->feature_count; i++)
        contributions[i] = vector_read(self, VECTOR_WEIGHT)[i] * z[i];
}

/* The lower triangle, row after row. */
static json_t *save_covariance(const struct logistic *self)
{
    const double *matrix = vector_read(self, VECTOR_SQUARES);
    json_t *list = json_array();
    for (uint64_t i = 0; i <= self->feature_count; i++) {
        for (uint64_t j = 0; j <= i; j++)
            json_array_append_new(list, json_real(matrix[i * self->width + j]));
    }
    return list;
}

static json_t *logistic_save(const void *memory, const struct model_shape *shape)
{
    const struct logistic *self = (const struct logistic *)memory;
    uint32_t count = shape->feature_count;
    json_t *parameters = json_object();
    json_object_set_new(parameters, "examples", json_integer((json_int_t)self->examples));
    json_object_set_new(parameters, "intercept", json_real(self->intercept - self->offset));
    json_object_set_new(parameters, "weights",
                        numbers_save(vector_read(self, VECTOR_WEIGHT), count));
    json_object_set_new(parameters, "means", numbers_save(vector_read(self, VECTOR_MEAN), count));
    json_object_set_new(parameters, "variances",
                        numbers_save(vector_read(self, VECTOR_VARIANCE), count));
    json_object_set_new(parameters, "counts", numbers_save(vector_read(self, VECTOR_COUNT), count));
    if (self->optimizer == OPTIMIZER_ADAGRAD) {
        json_t *squares = numbers_save(vector_read(self, VECTOR_SQUARES), count);
        json_array_append_new(squares, json_real(self->intercept_squares));
        json_object_set_new(parameters, "squared_gradients", squares);
    }
    if (self->optimizer == OPTIMIZER_NEWTON)
        json_object_set_new(parameters, "covariance", save_covariance(self));
    return parameters;
}

static enum status check_parameters(const struct model_shape *shape, const json_t *parameters,
                                    struct failure *failure)
{
    uint64_t count = shape->feature_count, all = count + 1;
    const json_t *examples = json_object_get(parameters, "examples");
    const json_t *intercept = json_object_get(parameters, "intercept");
    if (!json_is_integer(examples) || json_integer_value(examples) < 0)
        return failure_set(failure, STATUS_STOP, "`examples` is not a count");
    if (!json_is_number(intercept) || !(fabs(json_number_value(intercept)) <= NUMBERS_LIMIT))
        return failure_set(failure, STATUS_STOP, "`intercept` is not a sensible number");
    const struct numbers_list lists[] = {
        {.name = "weights", .count = count},
        {.name = "means", .count = count},
        {.name = "variances", .count = count, .positive = true},
        {.name = "counts", .count = count, .positive = true},
        {.name = "squared_gradients", .count = all, .positive = true, .optional = true},
        {.name = "covariance", .count = all * (all + 1) / 2, .optional = true},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (numbers_check(parameters, &lists[i], failure) != STATUS_OK)
            return failure->status;
    }
    return STATUS_OK;
}

/* Without a list, each label is taken to have told a quarter of a unit of every weight, the most
 * that it can: better too sure of a trained model than to shake it. */
static void load_covariance(struct logistic *self, const json_t *list)
{
    double told_by_labels = (double)self->examples / 4;
    spread_prior(self, self->prior_variance / (1 + self->prior_variance * told_by_labels));
    size_t next = 0;
    for (uint64_t i = 0; list && i <= self->feature_count; i++) {
        for (uint64_t j = 0; j <= i; j++) {
            double value = json_number_value(json_array_get(list, next++));
            covariance(self)[i * self->width + j] = value;
            covariance(self)[j * self->width + i] = value;
        }
    }
}

static void load_squares(struct logistic *self, const json_t *list)
{
    double *squares = vector(self, VECTOR_SQUARES);
    double standing = (double)self->examples / 4;
    for (uint64_t i = 0; i < self->feature_count; i++)
        squares[i] = list ? json_number_value(json_array_get(list, i)) : standing;
    self->intercept_squares =
        list ? json_number_value(json_array_get(list, self->feature_count)) : standing;
}

static enum status logistic_load(void *memory, const struct model_shape *shape,
                                 const json_t *parameters, struct failure *failure)
{
    struct logistic *self = (struct logistic *)memory;
    if (check_parameters(shape, parameters, failure) != STATUS_OK)
        return failure->status;
    uint32_t count = shape->feature_count;
    self->examples = (uint64_t)json_integer_value(json_object_get(parameters, "examples"));
    self->intercept = json_number_value(json_object_get(parameters, "intercept")) + self->offset;
    numbers_load(json_object_get(parameters, "weights"), vector(self, VECTOR_WEIGHT), count);
    numbers_load(json_object_get(parameters, "means"), vector(self, VECTOR_MEAN), count);
    numbers_load(json_object_get(parameters, "variances"), vector(self, VECTOR_VARIANCE), count);
    numbers_load(json_object_get(parameters, "counts"), vector(self, VECTOR_COUNT), count);
    for (uint32_t i = 0; i < count; i++) {
        bool spread = vector(self, VECTOR_VARIANCE)[i] > 0 && vector(self, VECTOR_NUMBER)[i] > 0;
        vector(self, VECTOR_INVERSE)[i] = spread ? 1 / sqrt(vector(self, VECTOR_VARIANCE)[i]) : 0;
    }
    renew_bounds(self);
    if (self->optimizer == OPTIMIZER_ADAGRAD)
        load_squares(self, json_object_get(parameters, "squared_gradients"));
    if (self->optimizer == OPTIMIZER_NEWTON)
        load_covariance(self, json_object_get(parameters, "covariance"));
    return STATUS_OK;
}

static const char *const optimizer_names[] = {"sgd", "adagrad", "newton", NULL};
static const char *const scaler_names[] = {"bounded", "standard", "none", NULL};

static const struct option logistic_options[] = {
    {.name = "optimizer",
     .type = OPTION_CHOICE,
     .choices = optimizer_names,
     .standard = "newton",
     .offset = offsetof(struct logistic_options, optimizer),
     .help = "how it learns: plain gradient steps (sgd), with a rate a feature (adagrad), or by "
             "Bayes' rule over all weights (newton: best in one pass, at most 128 features)"},
    {.name = "scaler",
     .type = OPTION_CHOICE,
     .choices = scaler_names,
     .standard = "bounded",
     .offset = offsetof(struct logistic_options, scaler),
     .help = "standard takes off each feature's running mean and divides by its deviation; "
             "bounded keeps the result within what so few values can tell"},
    {.name = "learning_rate",
     .type = OPTION_NUMBER,
     .standard = "0.01",
     .offset = offsetof(struct logistic_options, learning_rate),
     .minimum = 1e-9,
     .maximum = 1,
     .help = "step size of sgd and adagrad"},
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
     .help = "penalty on squared weights, a label; for sgd and adagrad"},
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
    OPTION_END,
};

const struct model_kind logistic_regression_model = {
    .name = "logistic_regression",
    .summary = "online logistic regression over standardised features",
    .options = logistic_options,
    .option_size = sizeof(struct logistic_options),
    .supervised = true,
    .check = logistic_check,
    .state_size = logistic_state_size,
    .init = logistic_init,
    .score = logistic_score,
    .learn = logistic_learn,
    .explain = logistic_explain,
    .save = logistic_save,
    .load = logistic_load,
};
