/* Learning from rare positives; see imbalance.h for the mathematics. */
#include "models/imbalance.h"
#include <math.h>
#include <string.h>

static const char *const methods[] = {"none", "weights", "undersampling", "oversampling", NULL};

const struct option imbalance_options[] = {
    {.name = "imbalance",
     .type = OPTION_CHOICE,
     .choices = methods,
     .standard = "none",
     .offset = offsetof(struct imbalance_setting, method),
     .help = "rare positives count more (weights), negatives are learned by chance "
             "(undersampling), positives several times (oversampling); the score is corrected "
             "for it"},
    {.name = "imbalance_weight",
     .type = OPTION_NUMBER,
     .standard = "0",
     .maximum = 1e6,
     .offset = offsetof(struct imbalance_setting, weight),
     .help =
         "by how much; 0: as many times as there are more negatives than positives, at most 64"},
    {.name = "feature_dropout",
     .type = OPTION_NUMBER,
     .standard = "0",
     .maximum = 0.9,
     .offset = offsetof(struct imbalance_setting, dropout),
     .help = "probability that a feature is taken for missing while it is learned from, so that "
             "the model survives missing ones"},
    OPTION_END,
};

void imbalance_init(struct imbalance_row *row, uint64_t seed)
{
    memset(row, 0, sizeof *row);
    random_seed(&row->random, seed);
}

double imbalance_correct(const struct imbalance_row *row, double score)
{
    double learned = row->learned_positives * row->negatives;
    double came = row->learned_negatives * row->positives;
    if (!(learned > 0 && came > 0))
        return score;
    return score / (score + learned / came * (1 - score));
}

/* The counts begin with as many of both, so that the first positive is not taken for the only one
 * in thousands: a single example of such a weight can spoil a model. */
static const double IMAGINED = 10;

/* w for the label at hand. */
static double weight_now(const struct imbalance_row *row, const struct imbalance_setting *setting)
{
    double weight = setting->weight;
    if (setting->weight <= 0)
        weight = (row->negatives + IMAGINED) / (row->positives + IMAGINED);
    if (setting->weight <= 0 || setting->method == IMBALANCE_OVERSAMPLING)
        weight = fmax(1.0 / IMBALANCE_TIMES_MAX, fmin(IMBALANCE_TIMES_MAX, weight));
    return weight;
}

static uint32_t times_by_chance(struct random *random, double times)
{
    double whole = floor(times);
    return (uint32_t)whole + (random_uniform(random) < times - whole);
}

static void halve(struct imbalance_row *row)
{
    row->positives /= 2;
    row->negatives /= 2;
    row->learned_positives /= 2;
    row->learned_negatives /= 2;
}

uint32_t imbalance_take(struct imbalance_row *row, const struct imbalance_setting *setting,
                        double label, double *weight)
{
    bool positive = label > 0.5;
    double now = weight_now(row, setting), own = positive ? now : 1 / now, came = *weight;
    uint32_t times = 1;
    if (setting->method == IMBALANCE_WEIGHTS)
        *weight *= positive ? now : 1;
    if (setting->method == IMBALANCE_UNDERSAMPLING)
        times = own < 1 ? times_by_chance(&row->random, own) : 1;
    if (setting->method == IMBALANCE_OVERSAMPLING)
        times = own > 1 ? times_by_chance(&row->random, own) : 1;
    *(positive ? &row->positives : &row->negatives) += came;
    *(positive ? &row->learned_positives : &row->learned_negatives) += times * *weight;
    if (row->positives + row->negatives > IMBALANCE_LABELS)
        halve(row);
    return times;
}

void imbalance_drop(struct imbalance_row *row, const struct imbalance_setting *setting,
                    const struct model_shape *shape, const union value *feature,
                    union value *dropped)
{
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        dropped[i] = feature[i];
        if (random_uniform(&row->random) >= setting->dropout)
            continue;
        if (shape->type[i] == TYPE_TEXT)
            dropped[i].key = 0;
        else
            dropped[i].number = MISSING;
    }
}
