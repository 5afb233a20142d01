/* Scores of other models made one by who has been right: each is an expert with a weight, and the
 * score is the weighted mean of theirs.
 *
 *     s = sum_i w_i s_i,   after the label y:   w_i <- w_i exp(-rate weight loss(s_i, y)) / Z
 *
 * Yoav Freund, Robert Schapire, "A decision-theoretic generalization of on-line learning and an
 * application to boosting", 1997 (Hedge).  With the log loss and rate 1 this is Bayes' mixture: in
 * all it loses at most ln(count) more than the best of its experts.  `share` gives a part of all
 * weight back to all alike after each label, so that another expert can become the best one: Mark
 * Herbster, Manfred Warmuth, "Tracking the best expert", 1998.
 *
 * An expert without a score is asleep: it has no part in the mean, and the others share what weight
 * they had (Yoav Freund and others, "Using and combining predictors that specialize", 1997).  If
 * all are asleep the score is 0.5.  Keys are never awake, numbers outside [0, 1] count as the
 * nearer end. */
#include "models/scores.h"
#include <string.h>

enum loss { LOSS_LOG, LOSS_SQUARED, LOSS_ABSOLUTE };

struct expert_options {
    int loss;
    double rate, share;
};

struct experts {
    uint64_t loss, feature_count;
    double rate, share;
    double weight[]; /* (feature_count), 1 in all; 0: a key */
};

static enum status expert_check(const void *options, const struct model_shape *shape,
                                struct failure *failure)
{
    (void)options;
    return score_check_some(shape, "best_expert", failure);
}

static uint64_t expert_state_size(const void *options, const struct model_shape *shape)
{
    (void)options;
    return sizeof(struct experts) + shape->feature_count * sizeof(double);
}

static void expert_init(void *memory, const void *options, const struct model_shape *shape,
                        uint64_t seed)
{
    (void)seed;
    const struct expert_options *given = options;
    struct experts *self = memory;
    memset(self, 0, expert_state_size(options, shape));
    self->loss = (uint64_t)given->loss;
    self->rate = given->rate;
    self->share = given->share;
    self->feature_count = shape->feature_count;
    double numbers = 0;
    for (uint32_t i = 0; i < shape->feature_count; i++)
        numbers += shape->type[i] != TYPE_TEXT;
    for (uint32_t i = 0; i < shape->feature_count; i++)
        self->weight[i] = shape->type[i] != TYPE_TEXT ? 1 / numbers : 0;
}

/* Whether it has an opinion now; `score` is filled. */
static inline bool awake(const struct experts *self, const struct example *example, uint64_t i,
                         double *score)
{
    *score = self->weight[i] > 0 ? score_clip(example->feature[i].number) : MISSING;
    return !isnan(*score);
}

static double expert_score(const void *memory, const struct example *example)
{
    const struct experts *self = memory;
    double sum = 0, weights = 0, score;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        if (!awake(self, example, i, &score))
            continue;
        sum += self->weight[i] * score;
        weights += self->weight[i];
    }
    return weights > 0 ? score_clip(sum / weights) : 0.5;
}

static double loss_of(const struct experts *self, double score, double label)
{
    double error = fabs(label - score);
    if (self->loss == LOSS_LOG)
        return numbers_log_loss(score, label);
    return self->loss == LOSS_SQUARED ? error * error : error;
}

/* So small a weight can still rise, and is never lost to rounding. */
static const double WEIGHT_LEAST = 1e-100;

static double expert_learn(void *memory, const struct example *example)
{
    struct experts *self = memory;
    double before = expert_score(self, example), label = example->label > 0.5;
    double least = INFINITY, had = 0, has = 0, awake_count = 0, score;
    for (uint64_t i = 0; i < self->feature_count; i++)
        if (awake(self, example, i, &score))
            least = fmin(least, loss_of(self, score, label));
    for (uint64_t i = 0; i < self->feature_count; i++) {
        if (!awake(self, example, i, &score))
            continue;
        had += self->weight[i];
        double worse = loss_of(self, score, label) - least;
        self->weight[i] *= exp(-self->rate * example->weight * worse);
        has += self->weight[i];
        awake_count++;
    }
    if (awake_count == 0)
        return before;
    for (uint64_t i = 0; i < self->feature_count; i++) {
        if (!awake(self, example, i, &score))
            continue;
        double kept = has > 0 ? self->weight[i] / has : 1 / awake_count;
        kept = had * ((1 - self->share) * kept + self->share / awake_count);
        self->weight[i] = kept > WEIGHT_LEAST ? kept : WEIGHT_LEAST;
    }
    return before;
}

static const char *const losses[] = {"log", "squared", "absolute", NULL};

static const struct option expert_options[] = {
    {.name = "loss",
     .type = OPTION_CHOICE,
     .choices = losses,
     .standard = "log",
     .offset = offsetof(struct expert_options, loss),
     .help = "what an expert loses by a label; log for probabilities, absolute for scores of "
             "detectors"},
    {.name = "rate",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-6,
     .maximum = 100,
     .offset = offsetof(struct expert_options, rate),
     .help = "how fast weight moves to who was right; with the log loss 1 is Bayes' rule"},
    {.name = "share",
     .type = OPTION_NUMBER,
     .standard = "0.001",
     .maximum = 1,
     .offset = offsetof(struct expert_options, share),
     .help = "part of all weight given back to all alike after a label; 0: one best for ever"},
    OPTION_END,
};

extern const struct model_kind best_expert_model;
const struct model_kind best_expert_model = {
    .name = "best_expert",
    .summary = "scores of other models made one, weighted by how right each has been",
    .options = expert_options,
    .cost_ns = 1200,
    .option_size = sizeof(struct expert_options),
    .supervised = true,
    .check = expert_check,
    .state_size = expert_state_size,
    .init = expert_init,
    .score = expert_score,
    .learn = expert_learn,
};
