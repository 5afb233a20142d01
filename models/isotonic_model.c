/* A score made a probability by the best function that never falls, learned as labels come.
 *
 * The log odds from -12 to 12 are cut into equal bins; a bin keeps the weight and the positives of
 * its labels.  The fit is that of least squares among the functions that never fall, found by
 * pooling neighbours that violate the order:
 * Miriam Ayer and others, "An empirical distribution function for sampling with incomplete
 * information", 1955; for calibration: Bianca Zadrozny, Charles Elkan, "Transforming classifier
 * scores into accurate multiclass probability estimates", 2002.
 *
 * Each bin begins with `prior_weight` labels that say what the score itself says, so that few
 * labels change little.  With half_life h what is in all bins fades by 2^(-1/h) a label: instead,
 * new labels weigh more, and all is scaled back when they have grown by 2^32.
 *
 * Without a score the result is the share of positives among all labels.  It looks at the first
 * feature that is no key. */
#include "models/scores.h"
#include <string.h>

struct isotonic_options {
    int64_t bins, half_life;
    double prior_weight;
};

struct bin {
    double weight, positives; /* of labels, in units of `unit` */
    double prior;             /* what the scores of this bin say themselves */
    double fitted;
};

struct isotonic {
    uint64_t feature, bin_count;
    double prior_weight, unit, growth; /* a label of weight 1 counts `unit` */
    double weight, positives;          /* of all labels */
    struct bin bin[];
};

static const double ODDS_MOST = 12, UNIT_MOST = 0x1p32;

static enum status isotonic_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    return score_check_one(shape, "isotonic", failure);
}

static uint64_t isotonic_state_size(const void *options, const struct model_shape *shape)
{
    (void)shape;
    const struct isotonic_options *given = options;
    return sizeof(struct isotonic) + (uint64_t)given->bins * sizeof(struct bin);
}

static void isotonic_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    (void)seed;
    const struct isotonic_options *given = options;
    struct isotonic *self = memory;
    memset(self, 0, isotonic_state_size(options, shape));
    self->feature = score_first(shape);
    self->bin_count = (uint64_t)given->bins;
    self->prior_weight = given->prior_weight;
    self->unit = 1;
    self->growth = given->half_life > 0 ? exp2(1.0 / (double)given->half_life) : 1;
    for (uint64_t i = 0; i < self->bin_count; i++) {
        double middle = ((double)i + 0.5) / (double)self->bin_count;
        self->bin[i].prior = numbers_logistic((2 * middle - 1) * ODDS_MOST);
        self->bin[i].fitted = self->bin[i].prior;
    }
}

static uint64_t bin_of(const struct isotonic *self, double score)
{
    double place = (score_odds(score) + ODDS_MOST) / (2 * ODDS_MOST) * (double)self->bin_count;
    double last = (double)(self->bin_count - 1);
    return (uint64_t)(place < 0 ? 0 : place > last ? last : place);
}

static double isotonic_score(const void *memory, const struct example *example)
{
    const struct isotonic *self = memory;
    double score = score_at(example, self->feature);
    if (isnan(score))
        return self->weight > 0 ? score_clip(self->positives / self->weight) : 0.5;
    return self->bin[bin_of(self, score)].fitted;
}

/* Pools neighbours that violate the order, compared without division; each block of bins in the end
 * is given its mean. */
static void fit(struct isotonic *self)
{
    enum { BINS_MAX = 1024 };
    double weight[BINS_MAX], positives[BINS_MAX];
    uint32_t end[BINS_MAX], blocks = 0;
    double prior_weight = self->prior_weight * self->unit;
    for (uint32_t i = 0; i < self->bin_count; i++) {
        const struct bin *bin = &self->bin[i];
        double own = bin->weight + prior_weight, sum = bin->positives + prior_weight * bin->prior;
        for (; blocks > 0 && positives[blocks - 1] * own >= sum * weight[blocks - 1]; blocks--) {
            own += weight[blocks - 1];
            sum += positives[blocks - 1];
        }
        weight[blocks] = own;
        positives[blocks] = sum;
        end[blocks++] = i + 1;
    }
    for (uint32_t block = 0, i = 0; block < blocks; block++)
        for (double mean = score_clip(positives[block] / weight[block]); i < end[block]; i++)
            self->bin[i].fitted = mean;
}

static void scale_back(struct isotonic *self)
{
    for (uint64_t i = 0; i < self->bin_count; i++) {
        self->bin[i].weight /= self->unit;
        self->bin[i].positives /= self->unit;
    }
    self->weight /= self->unit;
    self->positives /= self->unit;
    self->unit = 1;
}

static double isotonic_learn(void *memory, const struct example *example)
{
    struct isotonic *self = memory;
    double before = isotonic_score(self, example), score = score_at(example, self->feature);
    double weight = example->weight * self->unit, positive = example->label > 0.5 ? weight : 0;
    self->weight += weight;
    self->positives += positive;
    if (!isnan(score)) {
        struct bin *bin = &self->bin[bin_of(self, score)];
        bin->weight += weight;
        bin->positives += positive;
        fit(self);
    }
    self->unit *= self->growth;
    if (self->unit > UNIT_MOST)
        scale_back(self);
    return before;
}

static const struct option isotonic_options[] = {
    {.name = "bins",
     .type = OPTION_INTEGER,
     .standard = "128",
     .minimum = 2,
     .maximum = 1024,
     .offset = offsetof(struct isotonic_options, bins),
     .help = "into which the odds of the score are cut"},
    {.name = "prior_weight",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-3,
     .maximum = 1e6,
     .offset = offsetof(struct isotonic_options, prior_weight),
     .help = "labels a bin begins with, which say what the score itself says"},
    {.name = "half_life",
     .type = OPTION_INTEGER,
     .standard = "100000",
     .maximum = 1e12,
     .offset = offsetof(struct isotonic_options, half_life),
     .help = "labels after which a label counts half; 0: all count the same"},
    OPTION_END,
};

extern const struct model_kind isotonic_model;
const struct model_kind isotonic_model = {
    .name = "isotonic",
    .summary = "a score made a probability by the best function that never falls (calibration)",
    .options = isotonic_options,
    .cost_ns = 1800,
    .option_size = sizeof(struct isotonic_options),
    .supervised = true,
    .check = isotonic_check,
    .state_size = isotonic_state_size,
    .init = isotonic_init,
    .score = isotonic_score,
    .learn = isotonic_learn,
};
