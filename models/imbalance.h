/* What every learner of two classes can be told besides its own options: how to learn when
 * positives are rare, and to expect missing features.
 *
 *     weights         a positive counts w times
 *     undersampling   a negative is learned with probability 1 / w: cheap
 *     oversampling    a positive is learned w times, the part after the point by chance
 *
 * (with w < 1 the other way round).  w is given or, at 0, negatives / positives so far, at most
 * IMBALANCE_TIMES_MAX: both classes weigh alike.  The score is corrected for the distortion (Andrea
 * Dal Pozzolo, Olivier Caelen, Reid Johnson, Gianluca Bontempi, "Calibrating probability with
 * undersampling for unbalanced classification", 2015):
 *
 *     p = p' / (p' + v (1 - p'))
 *     v = (positives learned / negatives learned) / (positives / negatives)
 *
 * where v is what w has come to in truth; all four sums are halved together when there are
 * IMBALANCE_LABELS, so that they follow a stream that changes.
 *
 * With a drop-out of d each feature is missing with probability d while an example is learned,
 * never while it is scored (Nitish Srivastava and others, "Dropout", 2014, at the input; Laurens
 * van der Maaten and others, "Learning with marginalized corrupted features", 2013). */
#ifndef MODELS_IMBALANCE_H
#define MODELS_IMBALANCE_H

#include "base/random.h"
#include "models/model.h"

enum imbalance_method {
    IMBALANCE_NONE,
    IMBALANCE_WEIGHTS,
    IMBALANCE_UNDERSAMPLING,
    IMBALANCE_OVERSAMPLING
};

enum { IMBALANCE_LABELS = 100000, IMBALANCE_TIMES_MAX = 64 };

struct imbalance_setting {
    int method;
    double weight;  /* w; 0: by the running counts */
    double dropout; /* d */
};

/* `imbalance`, `imbalance_weight`, `feature_dropout`. */
extern const struct option imbalance_options[];

/* One row of the state for each slot of the model. */
struct imbalance_row {
    struct random random;
    double positives, negatives, learned_positives, learned_negatives; /* weights */
};

static inline bool imbalance_used(const struct imbalance_setting *setting)
{
    return setting->method != IMBALANCE_NONE || setting->dropout > 0;
}

void imbalance_init(struct imbalance_row *row, uint64_t seed);

/* A learner's score taken back to the classes as they come. */
double imbalance_correct(const struct imbalance_row *row, double score);

/* How often an example is to be learned; `weight` is what it then has each time.  Counts it. */
uint32_t imbalance_take(struct imbalance_row *row, const struct imbalance_setting *setting,
                        double label, double *weight);

/* Drops features by chance: from `feature` to `dropped` (feature_count). */
void imbalance_drop(struct imbalance_row *row, const struct imbalance_setting *setting,
                    const struct model_shape *shape, const union value *feature,
                    union value *dropped);

#endif
