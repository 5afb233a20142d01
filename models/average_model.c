/* Scores of other models made one, without learning: their weighted mean, the mean of their log
 * odds, or the largest.
 *
 *     mean    sum_i w_i s_i / sum_i w_i
 *     odds    1 / (1 + exp(-sum_i w_i logit(s_i) / sum_i w_i)): a geometric mean of odds, which is
 *             surer than the mean when all agree
 *     max     max_i s_i over w_i > 0: one that is alarmed is enough
 *
 * A score that is missing is left out with its weight; if all are, the result is 0.  Keys are left
 * out, numbers outside [0, 1] count as the nearer end. */
#include "models/scores.h"
#include <stdlib.h>
#include <string.h>

enum combination { COMBINE_MEAN, COMBINE_ODDS, COMBINE_MAX };

struct average_options {
    int combination;
    char weights[512];
};

struct average {
    uint64_t combination, feature_count;
    double weight[]; /* (feature_count) */
};

/* Reads the next weight of the list; false at its end or at what is none. */
static bool next_weight(const char **at, double *weight)
{
    char *end;
    *at += strspn(*at, " ,");
    *weight = strtod(*at, &end);
    bool read = end != *at && *weight >= 0 && *weight <= 1e9;
    *at = end;
    return read;
}

static enum status average_check(const void *options, const struct model_shape *shape,
                                 struct failure *failure)
{
    const struct average_options *given = options;
    const char *at = given->weights;
    double weight, sum = 0;
    uint32_t count = 0;
    for (; next_weight(&at, &weight); count++)
        sum += weight;
    if (given->weights[0] && (*at || count != shape->feature_count || sum <= 0))
        return failure_set(failure, STATUS_STOP,
                           "`weights`: expected %u numbers from 0, not all 0, one for each of "
                           "`features`, with spaces between them",
                           shape->feature_count);
    return score_check_some(shape, "average", failure);
}

static uint64_t average_state_size(const void *options, const struct model_shape *shape)
{
    (void)options;
    return sizeof(struct average) + shape->feature_count * sizeof(double);
}

static void average_init(void *memory, const void *options, const struct model_shape *shape,
                         uint64_t seed)
{
    (void)seed;
    const struct average_options *given = options;
    struct average *self = memory;
    memset(self, 0, average_state_size(options, shape));
    self->combination = (uint64_t)given->combination;
    self->feature_count = shape->feature_count;
    const char *at = given->weights;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        double weight = 1;
        if (given->weights[0] && !next_weight(&at, &weight))
            weight = 0;
        self->weight[i] = shape->type[i] == TYPE_TEXT ? 0 : weight;
    }
}

static double average_score(const void *memory, const struct example *example)
{
    const struct average *self = memory;
    double sum = 0, weights = 0, most = 0;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double score = self->weight[i] > 0 ? score_clip(example->feature[i].number) : MISSING;
        if (isnan(score))
            continue;
        double part = self->combination == COMBINE_ODDS ? score_odds(score) : score;
        sum += self->weight[i] * part;
        weights += self->weight[i];
        most = score > most ? score : most;
    }
    if (self->combination == COMBINE_MAX || weights == 0)
        return most;
    double mean = sum / weights;
    return self->combination == COMBINE_ODDS ? numbers_logistic(mean) : score_clip(mean);
}

static double average_learn(void *memory, const struct example *example)
{
    return average_score(memory, example);
}

static const char *const combinations[] = {"mean", "odds", "max", NULL};

static const struct option average_options[] = {
    {.name = "combine",
     .type = OPTION_CHOICE,
     .choices = combinations,
     .standard = "mean",
     .offset = offsetof(struct average_options, combination),
     .help = "mean of the scores, mean of their log odds (odds), or the largest (max)"},
    {.name = "weights",
     .type = OPTION_TEXT,
     .offset = offsetof(struct average_options, weights),
     .size = sizeof((struct average_options *)NULL)->weights,
     .help = "one number for each of the features, as in \"2 1 1\"; empty: all alike"},
    OPTION_END,
};

extern const struct model_kind average_model;
const struct model_kind average_model = {
    .name = "average",
    .summary = "scores of other models made one: their mean, the mean of their odds, the largest",
    .options = average_options,
    .cost_ns = 100,
    .option_size = sizeof(struct average_options),
    .scattered = true, /* it changes nothing */
    .check = average_check,
    .state_size = average_state_size,
    .init = average_init,
    .score = average_score,
    .learn = average_learn,
};
