/* What the ensembles of Hoeffding trees share: members in one arena (hoeffding.h), bagging on the
 * stream, watchers of each member's error, votes.
 *
 * Bagging on a stream gives each member each example with a weight drawn from a Poisson
 * distribution (Nikunj Oza, Stuart Russell, "Online bagging and boosting", 2001), here of mean
 * lambda.  A member whose error has changed by ADWIN (base/adwin.h) is replaced: by a tree that has
 * been growing in the background since an earlier warning, or else by an empty one.
 *
 *     P(class) = sum over members of w_m P_m(class), over its sum;   w_m: its share right, to the
 * fourth
 *
 * An ensemble's members share their arena: who promises most gets the memory. */
#ifndef MODELS_TREE_ENSEMBLE_H
#define MODELS_TREE_ENSEMBLE_H

#include "models/hoeffding.h"

enum { ENSEMBLE_TREES_MAX = 256 };

/* What the kinds' options are read into. */
struct ensemble_options {
    struct hoeffding_options tree;
    int64_t trees;
    double lambda, features, warning_delta, drift_delta, half_life;
    bool weighted;
};

struct ensemble_plan {
    const struct ensemble_options *options;
    uint64_t watched; /* features of a leaf; 0: all */
    enum hoeffding_subspace subspace;
    bool warns;          /* members have trees in the background */
    bool replaces_worst; /* a change replaces the worst member, not the one that changed */
};

/* How many features `subspace` asks for: a share up to 1, a number above, 0: the square root. */
uint64_t ensemble_watched(double features, const struct model_shape *shape, uint64_t least);

uint64_t ensemble_size(const struct ensemble_plan *plan, const struct model_shape *shape);
void ensemble_init(void *memory, const struct ensemble_plan *plan, const struct model_shape *shape,
                   uint64_t seed);
enum status ensemble_check(const void *options, const struct model_shape *shape,
                           struct failure *failure);
double ensemble_score(const void *memory, const struct example *example);
double ensemble_learn(void *memory, const struct example *example);

/* Rows of a kind's table of options. */
#define ENSEMBLE_TREES                                                                             \
    {                                                                                              \
        .name = "trees", .type = OPTION_INTEGER, .standard = "20", .minimum = 1,                   \
        .maximum = ENSEMBLE_TREES_MAX, .offset = offsetof(struct ensemble_options, trees),         \
        .help = "members; more are steadier and take longer"                                       \
    }
#define ENSEMBLE_LAMBDA                                                                            \
    {                                                                                              \
        .name = "lambda", .type = OPTION_NUMBER, .standard = "6", .minimum = 0.01, .maximum = 20,  \
        .offset = offsetof(struct ensemble_options, lambda),                                       \
        .help = "mean of the weights that each member draws for each example"                      \
    }
#define ENSEMBLE_WEIGHTED                                                                          \
    {.name = "weighted_vote",                                                                      \
     .type = OPTION_BOOLEAN,                                                                       \
     .standard = "true",                                                                           \
     .offset = offsetof(struct ensemble_options, weighted),                                        \
     .help = "members vote with the share of the examples that they got right"},                   \
    {                                                                                              \
        .name = "vote_half_life", .type = OPTION_NUMBER, .standard = "20", .minimum = 0,           \
        .maximum = 1e9, .offset = offsetof(struct ensemble_options, half_life),                    \
        .help = "examples after which one counts half in that share; 0: all count alike"           \
    }
#define ENSEMBLE_DRIFT(standard_delta)                                                             \
    {                                                                                              \
        .name = "drift_delta", .type = OPTION_NUMBER, .standard = (standard_delta),                \
        .minimum = 1e-12, .maximum = 0.5,                                                          \
        .offset = offsetof(struct ensemble_options, drift_delta),                                  \
        .help = "chance of a false alarm at a look at a member's error; the alarm replaces it"     \
    }
#define ENSEMBLE_WARNING(standard_delta)                                                           \
    {                                                                                              \
        .name = "warning_delta", .type = OPTION_NUMBER, .standard = (standard_delta),              \
        .minimum = 1e-12, .maximum = 0.5,                                                          \
        .offset = offsetof(struct ensemble_options, warning_delta),                                \
        .help = "the same of the warning, which starts a tree in the background"                   \
    }
#define ENSEMBLE_FEATURES(standard_features)                                                       \
    {                                                                                              \
        .name = "subspace", .type = OPTION_NUMBER, .standard = (standard_features), .minimum = 0,  \
        .maximum = MODEL_FEATURES_MAX, .offset = offsetof(struct ensemble_options, features),      \
        .help = "features looked at: a share up to 1, a number above, 0: the square root of all"   \
    }

#endif
