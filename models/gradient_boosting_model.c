/* Online gradient boosting of small trees that grow with the stream.
 *
 *     F = F_0 + rate sum_t v_t(x),     p = 1 / (1 + exp(-F))
 *
 * Each label goes through all trees in turn; tree t learns what those before it have left (Alina
 * Beygelzimer, Elad Hazan, Satyen Kale, Haipeng Luo, "Online gradient boosting", 2015).  With
 * p = p(F_{t-1} + v_t) the slope and curvature of the log loss are g = weight (p - y) and
 * h = weight p (1 - p); the leaf where x falls takes a step of Newton's over what it remembers,
 *
 *     H = (1 - 1 / horizon) H + h,      v -= g / (H + l2)
 *
 * Leaves are cut as in Henry Gouk, Bernhard Pfahringer, Eibe Frank, "Stochastic gradient trees",
 * 2019: of each feature and bin a leaf sums n, g, h, g^2, h^2 and g h.  For two sides with steps
 * s = -G / (H + l2) the loss of an example changes by d = g s + h s^2 / 2, whose mean and variance
 * the sums tell; every `grace` labels the cut that lowers the loss most is made if its mean is
 * below 0 by more than chance explains, at significance `significance` shared among all cuts that
 * were looked at (a normal test, as a t test with so many is).
 *
 * Trees that learn at the same time see the same slopes and would all make the same cuts; so each
 * sums only a share `subsample` of the labels, and looks only at a share `features` of the
 * features, both by chance (Jerome Friedman, "Stochastic gradient boosting", 2002).
 *
 * Bins are shares of the last 256 examples, renewed after 32, 64, 128 ... labels and at least every
 * 65,536, when leaves begin to sum anew; the first 32 labels only tell F_0.  A missing number has a
 * bin of its own and goes to the better side; a choice is cut one against the rest; keys are left
 * out.  Trees stop growing when they have `leaves`, and go on learning in them. */
#include "base/assert.h"
#include "models/gradient_tree.h"
#include "models/numbers.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_RENEWAL = 32, LAST_RENEWAL = 65536 };

/* Beyond it a weight is a mistake of somebody's; sums stay finite. */
static const double WEIGHT_LIMIT = 1e6;

struct boosting_options {
    int64_t trees, leaves, grace, horizon;
    double learning_rate, l2, significance, features, subsample;
};

/* The row: this; bins; the ring of examples (GRADIENT_RING, feature_count); trees. */
struct boosting {
    uint64_t feature_count, tree_count, learned, renewal;
    uint64_t bins_offset, ring_offset, trees_offset, tree_size;
    double learning_rate, weight, positive, start; /* start: F_0, once there are bins */
    struct gradient_rules rules;
};

static uint64_t rounded(uint64_t size)
{
    return (size + 63) / 64 * 64;
}

static uint64_t lay_out(struct boosting *self, const struct boosting_options *given,
                        const struct model_shape *shape)
{
    self->feature_count = shape->feature_count;
    self->tree_count = (uint64_t)given->trees;
    self->bins_offset = rounded(sizeof *self);
    self->ring_offset =
        self->bins_offset + rounded(shape->feature_count * sizeof(struct gradient_bins));
    self->trees_offset = self->ring_offset + GRADIENT_RING * shape->feature_count * sizeof(double);
    self->tree_size = rounded(gradient_tree_size((uint64_t)given->leaves, shape->feature_count));
    return self->trees_offset + self->tree_count * self->tree_size;
}

static uint64_t boosting_state_size(const void *options, const struct model_shape *shape)
{
    struct boosting self;
    return lay_out(&self, (const struct boosting_options *)options, shape);
}

static enum status boosting_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (!value_type_is_key(shape->type[i]))
            return STATUS_OK;
    }
    return failure_set(failure, STATUS_STOP,
                       "gradient boosting needs at least one feature that is a number or a choice");
}

static inline void *at(const struct boosting *self, uint64_t offset)
{
    return (uint8_t *)(uintptr_t)self + offset;
}

static inline struct gradient_bins *bins_of(const struct boosting *self)
{
    return (struct gradient_bins *)at(self, self->bins_offset);
}

static inline struct gradient_tree *tree_of(const struct boosting *self, uint64_t index)
{
    return (struct gradient_tree *)at(self, self->trees_offset + index * self->tree_size);
}

static void boosting_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    const struct boosting_options *given = (const struct boosting_options *)options;
    struct boosting *self = (struct boosting *)memory;
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX);
    memset(self, 0, boosting_state_size(options, shape));
    lay_out(self, given, shape);
    self->learning_rate = given->learning_rate;
    self->renewal = FIRST_RENEWAL;
    self->rules = (struct gradient_rules){.feature_count = shape->feature_count,
                                          .leaves = (uint64_t)given->leaves,
                                          .grace = (double)given->grace,
                                          .keep = 1 - 1 / (double)given->horizon,
                                          .l2 = given->l2,
                                          .significance = given->significance,
                                          .features = given->features,
                                          .subsample = given->subsample};
    for (uint32_t i = 0; i < shape->feature_count; i++)
        bins_of(self)[i].sort = value_type_is_key(shape->type[i]) ? GRADIENT_KEY
                                : shape->type[i] == TYPE_ENUM     ? GRADIENT_CHOICE
                                                                  : GRADIENT_NUMBER;
    struct random seeds;
    random_seed(&seeds, seed);
    for (uint64_t i = 0; i < self->tree_count; i++)
        gradient_tree_init(tree_of(self, i), random_bits(&seeds));
}

static double odds_of(const struct boosting *self, const union value *feature)
{
    double sum = 0;
    for (uint64_t i = 0; i < self->tree_count; i++)
        sum += gradient_tree_value(tree_of(self, i), feature);
    return self->start + self->learning_rate * sum;
}

static double start_share(const struct boosting *self)
{
    return (self->positive + 0.5) / (self->weight + 1);
}

static double boosting_score(const void *memory, const struct example *example)
{
    const struct boosting *self = (const struct boosting *)memory;
    if (self->learned < FIRST_RENEWAL)
        return start_share(self);
    return numbers_logistic(odds_of(self, example->feature));
}

static void remember(struct boosting *self, const struct example *example)
{
    double *row =
        (double *)at(self, self->ring_offset) + self->learned % GRADIENT_RING * self->feature_count;
    example_touch(example, row, self->feature_count * sizeof *row);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double value = example->feature[i].number;
        row[i] = bins_of(self)[i].sort == GRADIENT_KEY || value != value ? MISSING : value;
    }
}

/* New bins from the ring; what leaves have summed by the old ones goes. */
static void renew(struct boosting *self, const struct example *example)
{
    uint64_t held = self->learned < GRADIENT_RING ? self->learned : GRADIENT_RING;
    example_touch(example, self, self->trees_offset + self->tree_count * self->tree_size);
    const double *ring = (const double *)at(self, self->ring_offset);
    for (uint64_t i = 0; i < self->feature_count; i++)
        gradient_bins_renew(&bins_of(self)[i], ring + i, held, self->feature_count);
    for (uint64_t i = 0; i < self->tree_count; i++)
        gradient_tree_forget(tree_of(self, i), &self->rules);
    if (self->learned == FIRST_RENEWAL)
        self->start = log(start_share(self) / (1 - start_share(self)));
    uint64_t next = self->renewal < LAST_RENEWAL ? self->renewal : LAST_RENEWAL;
    self->renewal += next;
}

static inline double weight_of(const struct example *example)
{
    return example->weight < WEIGHT_LIMIT ? example->weight : WEIGHT_LIMIT;
}

static void learn_trees(struct boosting *self, const struct example *example)
{
    struct gradient_lesson lesson = {.feature = example->feature,
                                     .label = example->label,
                                     .weight = weight_of(example),
                                     .example = example};
    for (uint64_t i = 0; i < self->feature_count; i++)
        lesson.bin[i] = (uint8_t)gradient_bin(&bins_of(self)[i], example->feature[i]);
    double odds = self->start;
    for (uint64_t i = 0; i < self->tree_count; i++) {
        lesson.odds = odds;
        odds += self->learning_rate *
                gradient_tree_learn(tree_of(self, i), &self->rules, bins_of(self), &lesson);
    }
}

static double boosting_learn(void *memory, const struct example *example)
{
    struct boosting *self = (struct boosting *)memory;
    double score = boosting_score(self, example);
    example_touch(example, self, sizeof *self);
    if (self->learned >= FIRST_RENEWAL)
        learn_trees(self, example);
    remember(self, example);
    self->weight += weight_of(example);
    self->positive += weight_of(example) * example->label;
    if (++self->learned == self->renewal)
        renew(self, example);
    return score;
}

static const struct option boosting_options[] = {
    {.name = "trees",
     .type = OPTION_INTEGER,
     .standard = "20",
     .minimum = 1,
     .maximum = 1000,
     .offset = offsetof(struct boosting_options, trees),
     .help = "trees, each of which learns what those before it have left"},
    {.name = "leaves",
     .type = OPTION_INTEGER,
     .standard = "64",
     .minimum = 1,
     .maximum = 4096,
     .offset = offsetof(struct boosting_options, leaves),
     .help = "leaves of a tree at most; each takes 544 bytes a feature"},
    {.name = "learning_rate",
     .type = OPTION_NUMBER,
     .standard = "0.3",
     .minimum = 1e-4,
     .maximum = 1,
     .offset = offsetof(struct boosting_options, learning_rate),
     .help = "the share of each tree's forecast that counts"},
    {.name = "l2",
     .type = OPTION_NUMBER,
     .standard = "0.5",
     .minimum = 1e-6,
     .maximum = 1e6,
     .offset = offsetof(struct boosting_options, l2),
     .help = "penalty on squared leaf values"},
    {.name = "grace",
     .type = OPTION_INTEGER,
     .standard = "25",
     .minimum = 2,
     .maximum = 1e9,
     .offset = offsetof(struct boosting_options, grace),
     .help = "labels in a leaf between two looks for a cut"},
    {.name = "significance",
     .type = OPTION_NUMBER,
     .standard = "0.5",
     .minimum = 1e-300,
     .maximum = 1,
     .offset = offsetof(struct boosting_options, significance),
     .help = "odds of making a cut where there is nothing, each time a leaf is looked at"},
    {.name = "feature_share",
     .type = OPTION_NUMBER,
     .standard = "0.5",
     .minimum = 0.001,
     .maximum = 1,
     .offset = offsetof(struct boosting_options, features),
     .help = "share of the features that are looked at for a cut"},
    {.name = "subsample",
     .type = OPTION_NUMBER,
     .standard = "0.7",
     .minimum = 0.001,
     .maximum = 1,
     .offset = offsetof(struct boosting_options, subsample),
     .help = "share of the labels that a tree takes into account when it looks for cuts"},
    {.name = "horizon",
     .type = OPTION_INTEGER,
     .standard = "200",
     .minimum = 2,
     .maximum = 1e12,
     .offset = offsetof(struct boosting_options, horizon),
     .help = "labels of a leaf that its value stands on: fewer follow drift faster"},
    OPTION_END,
};

const struct model_kind gradient_boosting_model = {
    .name = "gradient_boosting",
    .summary = "small trees in a row, each grown with the stream from what those before have left",
    .options = boosting_options,
    .option_size = sizeof(struct boosting_options),
    .supervised = true,
    .scattered = true,
    .cost_ns = 7000,
    .check = boosting_check,
    .state_size = boosting_state_size,
    .init = boosting_init,
    .score = boosting_score,
    .learn = boosting_learn,
};
