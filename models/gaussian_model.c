/* Gaussian: how improbable is an event, were each feature normal and by itself?
 *
 * Each feature has a running mean and variance, newer events counting more (with a = max(1 / n,
 * 1 - 2^(-1 / half_life)) as in mahalanobis_model.c).  With z its deviation in units of the
 * standard deviation as it was before the event, and P the two-sided tail,
 *
 *     surprise_i = -log P(|Z| > |z_i|)                 mean 1 for a normal variable
 *     sum:  d = sum of the surprises / their number    Fisher, "Statistical methods for research
 *                                                      workers", 1925
 *     max:  d = the greatest, less log of their number and not below 0: Bonferroni's bound
 *     score = d / (1 + d)
 *
 * explain gives the surprises' shares of the score (of max: all of it to the greatest); they sum up
 * to it.  A missing number says nothing, nor do keys. */
#include "models/placement.h"
#include "models/surprises.h"
#include <math.h>
#include <string.h>

static const double VALUE_LIMIT = 1e150, LEAST_DEVIATION = 1e-200, FAR = 1e9;

struct gaussian_options {
    double half_life;
    int combine;
};

struct gaussian_column {
    double mean, variance, count;
    uint64_t feature;
};

struct gaussian {
    uint64_t count, feature_count, combine;
    double least_share;
    struct gaussian_column column[];
};

static uint64_t gaussian_state_size(const void *options, const struct model_shape *shape)
{
    (void)options;
    return sizeof(struct gaussian) + placement_columns(shape) * sizeof(struct gaussian_column);
}

static enum status gaussian_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    return placement_check(shape, "a Gaussian", failure);
}

static void gaussian_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    (void)seed;
    const struct gaussian_options *given = (const struct gaussian_options *)options;
    struct gaussian *self = (struct gaussian *)memory;
    memset(self, 0, gaussian_state_size(options, shape));
    self->feature_count = shape->feature_count;
    self->combine = (uint64_t)given->combine;
    self->least_share = given->half_life > 0 ? 1 - exp2(-1 / given->half_life) : 0;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (!value_type_is_key(shape->type[i]))
            self->column[self->count++].feature = i;
    }
}

/* -log of the two-sided tail; where erfc is near its end, by the first term of its expansion,
 * continued from there. */
static double surprise(double z)
{
    static const double END = 25;
    if (z < END)
        return -log(erfc(z * M_SQRT1_2));
    return z * z / 2 + log(z) + 0.5 * log(M_PI_2);
}

/* A constant feature is one unit of its size wide. */
static double column_surprise(const struct gaussian_column *column, double value)
{
    if (value != value || column->count < 2)
        return 0;
    double deviation = sqrt(column->variance), change = fabs(value - column->mean);
    if (!(deviation > LEAST_DEVIATION))
        deviation = fabs(column->mean) > 1 ? fabs(column->mean) : 1;
    double z = change / deviation;
    return surprise(z < FAR ? z : FAR);
}

/* Fills the surprises (count) and returns d. */
static double combine(const struct gaussian *self, const union value *feature, double *surprises)
{
    double sum = 0, most = 0, told = 0;
    for (uint64_t i = 0; i < self->count; i++) {
        double value = feature[self->column[i].feature].number;
        surprises[i] = column_surprise(&self->column[i], value);
        sum += surprises[i];
        most = surprises[i] > most ? surprises[i] : most;
        told += value == value;
    }
    if (told < 1)
        return 0;
    double corrected = most - log(told);
    return self->combine == SURPRISES_SUM ? sum / told : corrected > 0 ? corrected : 0;
}

static double gaussian_score(const void *memory, const struct example *example)
{
    double surprises[MODEL_FEATURES_MAX];
    double combined = combine((const struct gaussian *)memory, example->feature, surprises);
    return combined / (1 + combined);
}

static void column_learn(struct gaussian_column *column, double value, double least_share)
{
    if (!(fabs(value) <= VALUE_LIMIT))
        return;
    column->count++;
    double share = 1 / column->count;
    share = share > least_share ? share : least_share;
    double change = value - column->mean;
    column->mean += share * change;
    column->variance = (1 - share) * (column->variance + share * change * change);
}

static double gaussian_learn(void *memory, const struct example *example)
{
    struct gaussian *self = (struct gaussian *)memory;
    double score = gaussian_score(memory, example);
    for (uint64_t i = 0; i < self->count; i++)
        column_learn(&self->column[i], example->feature[self->column[i].feature].number,
                     self->least_share);
    return score;
}

static void gaussian_explain(const void *memory, const struct example *example,
                             double *contributions)
{
    const struct gaussian *self = (const struct gaussian *)memory;
    double surprises[MODEL_FEATURES_MAX];
    double combined = combine(self, example->feature, surprises);
    surprises_share(surprises, self->count, self->combine, combined / (1 + combined));
    memset(contributions, 0, self->feature_count * sizeof *contributions);
    for (uint64_t i = 0; i < self->count; i++)
        contributions[self->column[i].feature] = surprises[i];
}

static const struct option gaussian_options[] = {
    {.name = "half_life",
     .type = OPTION_NUMBER,
     .standard = "3000",
     .minimum = 0,
     .maximum = 1e15,
     .offset = offsetof(struct gaussian_options, half_life),
     .help = "events after which an event counts half; 0 forgets nothing"},
    SURPRISES_OPTION(gaussian_options, combine),
    OPTION_END,
};

const struct model_kind gaussian_model = {
    .name = "gaussian",
    .summary = "anomalies by how far each feature lies from its running mean",
    .options = gaussian_options,
    .option_size = sizeof(struct gaussian_options),
    .supervised = false,
    .cost_ns = 400,
    .check = gaussian_check,
    .state_size = gaussian_state_size,
    .init = gaussian_init,
    .score = gaussian_score,
    .learn = gaussian_learn,
    .explain = gaussian_explain,
};
