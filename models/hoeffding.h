/* What all Hoeffding trees share: one arena of flat rows that grows trees out of a stream.
 *
 * A leaf collects what is needed to judge possible splits.  After every `grace_period` of weight it
 * compares the best split of each feature: with merits in a range R, of which n observations were
 * seen, the mean of the best is with probability 1 - delta really the best when it leads by
 *
 *     bound = sqrt(R^2 ln(1 / delta) / (2 n))
 *
 * (Wassily Hoeffding, "Probability inequalities for sums of bounded random variables", 1963; Pedro
 * Domingos, Geoff Hulten, "Mining high-speed data streams", 2000).  Ties are broken as soon as the
 * bound is below tau.
 *
 *     header | trees' origin of each feature | nodes, in pairs | leaves
 *
 * Nodes are 16 bytes; the two children of a node are a pair, side by side in one cache line, so
 * that a walk reads one line a level.  A node that learns has a *leaf*, a block with all it has
 * observed:
 *
 *     counts of classes | features watched | numbers (class, 5, width) | nominals (slot, class, 32)
 *
 * The five rows of a class hold weight, mean, sum of squared deviations, least and most of each
 * number, one float a feature, so that an example changes the rows of its own class, eight features
 * at a time.  Numbers are normal distributions a class (Joao Gama, Ricardo Rocha, Pedro Medas,
 * "Accurate decision trees for mining high-speed data streams", 2003; Bernhard Pfahringer, Geoffrey
 * Holmes, Richard Kirkby, "Handling numeric attributes in Hoeffding trees", 2008): `candidates`
 * points between the least and the most are tried.  Enumerations and booleans are counted value by
 * value, splits ask whether it is this value; from the 31st on values are one.  Identifiers are not
 * looked at.
 *
 * Floats are measured from the first value that came (the origin), so that what is large and varies
 * little, such as a time, keeps its digits; a feature beyond 1e15 from there counts as that.
 *
 * Missing values enter no statistics and no density; a walk goes where most known values went.
 *
 * A leaf answers with the shares of its classes or with naive Bayes over its features, whichever
 * was right more often there (`leaf_prediction` adaptive).  A feature takes part for a class once
 * it has a variance there.
 *
 * When no leaf or node is free the least promising leaf (least weight outside its largest class)
 * is put to sleep, if the one that wants to split promises more: it keeps its answer and learns no
 * more.  So memory is what was asked for, from the start; but never less than each tree of an
 * ensemble needs to begin with, which is much only with many features and classes.  A leaf that has
 * seen 2^24 of weight in a class (floats count no further) keeps that class's distributions as they
 * are.
 *
 * Users: one tree that only grows (hoeffding_tree_model.c), one that revises its splits
 * (extremely_fast_decision_tree_model.c), one that replaces its branches
 * (hoeffding_adaptive_tree_model.c), and ensembles (tree_ensemble.h). */
#ifndef MODELS_HOEFFDING_H
#define MODELS_HOEFFDING_H

#include "base/random.h"
#include "models/model.h"
#include <math.h>

enum {
    HOEFFDING_NOMINALS = 32,   /* values of an enumeration that are told apart, and all others */
    HOEFFDING_CANDIDATES = 16, /* points of a number that are tried, at most */
    HOEFFDING_NONE = 0,        /* no node, no leaf: both are numbered from 1 */
};

enum hoeffding_criterion { CRITERION_INFORMATION, CRITERION_GINI, CRITERION_HELLINGER };
enum hoeffding_prediction { PREDICTION_MAJORITY, PREDICTION_NAIVE_BAYES, PREDICTION_ADAPTIVE };

/* Which features a leaf watches. */
enum hoeffding_subspace { SUBSPACE_ALL, SUBSPACE_OF_LEAF, SUBSPACE_OF_TREE };

extern const char *const hoeffding_criteria[], *const hoeffding_predictions[];

/* What the kinds ask for; options are read into it. */
struct hoeffding_options {
    int64_t memory, candidates, max_depth;
    double grace_period, delta, tau, min_branch_fraction, max_share_to_split;
    int criterion, prediction;
    bool preprune;
};

/* As rows of a kind's table of options; `structure` has a member `tree` of the above.  The rest of
 * the standards are the same for all. */
#define HOEFFDING_OPTIONS(structure, grace_standard, delta_standard, tau_standard,                 \
                          memory_standard)                                                         \
    {.name = "grace_period",                                                                       \
     .type = OPTION_NUMBER,                                                                        \
     .standard = (grace_standard),                                                                 \
     .minimum = 1,                                                                                 \
     .maximum = 1e9,                                                                               \
     .offset = offsetof(struct structure, tree.grace_period),                                      \
     .help = "weight that a leaf sees between two attempts to split"},                             \
        {.name = "delta",                                                                          \
         .type = OPTION_NUMBER,                                                                    \
         .standard = (delta_standard),                                                             \
         .minimum = 1e-300,                                                                        \
         .maximum = 0.999,                                                                         \
         .offset = offsetof(struct structure, tree.delta),                                         \
         .help = "chance that a split is not the best one"},                                       \
        {.name = "tau",                                                                            \
         .type = OPTION_NUMBER,                                                                    \
         .standard = (tau_standard),                                                               \
         .minimum = 0,                                                                             \
         .maximum = 10,                                                                            \
         .offset = offsetof(struct structure, tree.tau),                                           \
         .help = "splits as good as each other are decided when the bound is below this"},         \
        {.name = "leaf_prediction",                                                                \
         .type = OPTION_CHOICE,                                                                    \
         .standard = "adaptive",                                                                   \
         .choices = hoeffding_predictions,                                                         \
         .offset = offsetof(struct structure, tree.prediction),                                    \
         .help = "how a leaf answers: its classes, naive Bayes, or what was right more often"},    \
        {.name = "split_criterion",                                                                \
         .type = OPTION_CHOICE,                                                                    \
         .standard = "information",                                                                \
         .choices = hoeffding_criteria,                                                            \
         .offset = offsetof(struct structure, tree.criterion),                                     \
         .help = "what makes a split good; hellinger does not mind rare classes"},                 \
        {.name = "candidates",                                                                     \
         .type = OPTION_INTEGER,                                                                   \
         .standard = "10",                                                                         \
         .minimum = 1,                                                                             \
         .maximum = HOEFFDING_CANDIDATES,                                                          \
         .offset = offsetof(struct structure, tree.candidates),                                    \
         .help = "points of a number that are tried for a split"},                                 \
        {.name = "preprune",                                                                       \
         .type = OPTION_BOOLEAN,                                                                   \
         .standard = "false",                                                                      \
         .offset = offsetof(struct structure, tree.preprune),                                      \
         .help = "a split must also win against none at all"},                                     \
        {.name = "max_share_to_split",                                                             \
         .type = OPTION_NUMBER,                                                                    \
         .standard = "1",                                                                          \
         .minimum = 0.5,                                                                           \
         .maximum = 1,                                                                             \
         .offset = offsetof(struct structure, tree.max_share_to_split),                            \
         .help = "a leaf whose largest class has a larger share does not split"},                  \
        {.name = "min_branch_fraction",                                                            \
         .type = OPTION_NUMBER,                                                                    \
         .standard = "0.01",                                                                       \
         .minimum = 0,                                                                             \
         .maximum = 0.5,                                                                           \
         .offset = offsetof(struct structure, tree.min_branch_fraction),                           \
         .help = "the least share of the weight that a split leaves on either side"},              \
        {.name = "max_depth",                                                                      \
         .type = OPTION_INTEGER,                                                                   \
         .standard = "100",                                                                        \
         .minimum = 1,                                                                             \
         .maximum = 10000,                                                                         \
         .offset = offsetof(struct structure, tree.max_depth),                                     \
         .help = "splits above one another, at most"},                                             \
    {                                                                                              \
        .name = "memory", .type = OPTION_SIZE, .standard = (memory_standard), .minimum = 65536,    \
        .maximum = 68719476736.0, .offset = offsetof(struct structure, tree.memory),               \
        .help = "all that nodes and leaves may take; a full tree grows no more"                    \
    }

enum {
    NODE_LEAF = 1U << 31,          /* it answers; `child` is what it says while it sleeps */
    NODE_EQUAL = 1U << 30,         /* right if the value is `split`; otherwise: if larger */
    NODE_MISSING_RIGHT = 1U << 29, /* where missing values go */
    NODE_FEATURE = 0xffff,
};

struct hoeffding_node {
    float split;    /* of a sleeping leaf: the share of its largest class */
    uint32_t test;  /* feature and flags */
    uint32_t child; /* the left one, the right one follows; of a sleeping leaf: its largest class */
    uint32_t leaf;  /* what it has observed, or HOEFFDING_NONE */
};

struct hoeffding_leaf {
    uint32_t node, depth;
    uint32_t number_count, nominal_count; /* features watched, numbers first */
    double total, begun_at, tried_at;     /* weight: now, at first, when a split was last tried */
    double majority_right, naive_right;   /* weight of the examples that each got right */
    uint64_t next_free;                   /* while nobody has it */
    double class_weight[];                /* (class_count); the rest through the functions below */
};

/* The arena's header. */
struct hoeffding {
    struct random random;
    uint64_t class_count, feature_count;
    uint64_t watched;             /* features a leaf watches, at most */
    uint64_t subspace;            /* enum hoeffding_subspace */
    uint64_t width;               /* numbers a leaf watches, to the next multiple of the lanes */
    uint64_t nodes_at, leaves_at; /* bytes from the header's start */
    uint64_t features_at, numbers_at, nominals_at, leaf_size; /* bytes within a leaf */
    uint64_t pair_capacity, leaf_capacity;
    uint64_t pairs_used, leaves_used; /* ever */
    uint64_t leaves_live;
    uint64_t free_pair, free_leaf; /* lists of what was given back */
    uint64_t splits, asleep;
    uint64_t candidates, max_depth, criterion, prediction, preprune;
    double grace_period, tau, logarithm; /* ln(1 / delta) */
    double max_share, min_branch;
    double origin[]; /* (feature_count), NaN before the first value; then a byte each: its sort */
};

/* Bytes of an arena whose leaves watch `watched` features (0: all), with room for at least
 * `leaves_least` leaves. */
uint64_t hoeffding_size(const struct hoeffding_options *options, const struct model_shape *shape,
                        uint64_t watched, uint64_t leaves_least);
void hoeffding_init(struct hoeffding *self, const struct hoeffding_options *options,
                    const struct model_shape *shape, uint64_t watched, uint64_t leaves_least,
                    enum hoeffding_subspace subspace, uint64_t seed);

/* Of the same arena: leaves that there is room for, and one more than the largest number of a node.
 */
uint64_t hoeffding_leaves(const struct hoeffding_options *options, const struct model_shape *shape,
                          uint64_t watched, uint64_t leaves_least);
uint64_t hoeffding_nodes(const struct hoeffding_options *options, const struct model_shape *shape,
                         uint64_t watched, uint64_t leaves_least);

/* Refuses a shape without a single feature that a tree can ask about. */
enum status hoeffding_check(const struct model_shape *shape, struct failure *failure);

/* An example as trees see it: floats from the origin, missing ones NaN. */
struct hoeffding_view {
    const struct state *state; /* who is told of changes */
    uint32_t label;
    float value[MODEL_FEATURES_MAX];
};

void hoeffding_see(const struct hoeffding *self, const struct example *example,
                   struct hoeffding_view *view);
/* Before learning: takes the origin of features that have none yet, then as above. */
void hoeffding_see_first(struct hoeffding *self, const struct example *example,
                         struct hoeffding_view *view);

static inline struct hoeffding_node *hoeffding_node(const struct hoeffding *self, uint64_t index)
{
    return (struct hoeffding_node *)(void *)((uint8_t *)(uintptr_t)self + self->nodes_at) + index;
}

static inline struct hoeffding_leaf *hoeffding_leaf(const struct hoeffding *self, uint64_t index)
{
    return (struct hoeffding_leaf *)(void *)((uint8_t *)(uintptr_t)self + self->leaves_at +
                                             index * self->leaf_size);
}

/* (number_count + nominal_count) */
static inline uint16_t *leaf_features(const struct hoeffding *self,
                                      const struct hoeffding_leaf *leaf)
{
    return (uint16_t *)(void *)((uint8_t *)(uintptr_t)leaf + self->features_at);
}

enum number_row {
    NUMBER_WEIGHT,
    NUMBER_MEAN,
    NUMBER_SQUARES,
    NUMBER_LEAST,
    NUMBER_MOST,
    NUMBER_ROWS
};

/* (width) */
static inline float *leaf_numbers(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                                  uint64_t label, enum number_row row)
{
    float *first = (float *)(void *)((uint8_t *)(uintptr_t)leaf + self->numbers_at);
    return first + (label * NUMBER_ROWS + row) * self->width;
}

/* (HOEFFDING_NOMINALS) */
static inline float *leaf_nominals(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                                   uint64_t slot, uint64_t label)
{
    float *first = (float *)(void *)((uint8_t *)(uintptr_t)leaf + self->nominals_at);
    return first + (slot * self->class_count + label) * HOEFFDING_NOMINALS;
}

/* Before bytes of the arena change. */
static inline void hoeffding_touch(const struct hoeffding_view *view, const void *at, uint64_t size)
{
    if (view->state)
        state_touch(view->state, at, size);
}

/* Whether the view goes to the right child. */
static inline bool node_goes_right(const struct hoeffding_node *node,
                                   const struct hoeffding_view *view)
{
    float value = view->value[node->test & NODE_FEATURE];
    bool right = node->test & NODE_EQUAL ? value == node->split : value > node->split;
    return value == value ? right : (node->test & NODE_MISSING_RIGHT) != 0;
}

/* The node at which the view ends. */
static inline uint64_t hoeffding_walk(const struct hoeffding *self, uint64_t node_index,
                                      const struct hoeffding_view *view)
{
    const struct hoeffding_node *node = hoeffding_node(self, node_index);
    while (!(node->test & NODE_LEAF)) {
        node_index = node->child + node_goes_right(node, view);
        node = hoeffding_node(self, node_index);
    }
    return node_index;
}

/* Asks for what the answer of a node will read: of many trees the leaves are rarely in the cache,
 * and waiting for them one by one would be most of the time. */
static inline void hoeffding_fetch(const struct hoeffding *self, uint64_t node)
{
    const uint8_t *leaf = (const uint8_t *)hoeffding_leaf(self, hoeffding_node(self, node)->leaf);
    uint64_t size = self->nominals_at < 1024 ? self->nominals_at : 1024;
    for (uint64_t at = 0; at < size; at += 64)
        __builtin_prefetch(leaf + at);
}

/* What a node answers. */
struct hoeffding_answer {
    uint32_t taken, majority, naive; /* classes: what counts; the largest; naive Bayes' */
    double share[MODEL_CLASSES_MAX]; /* (class_count), sum 1 */
};

/* `learning`: fills majority and naive whatever the leaf goes by. */
void hoeffding_answer(const struct hoeffding *self, uint64_t index,
                      const struct hoeffding_view *view, bool learning,
                      struct hoeffding_answer *answer);

/* Two classes: the share of class 1; more: the largest share's class. */
static inline double hoeffding_score(const struct hoeffding *self, const double *share)
{
    /* All class_count shares are filled by hoeffding_answer, which the analyzer cannot see. */
    if (self->class_count == 2)
        return share[1]; /* NOLINT(clang-analyzer-core.uninitialized.UndefReturn) */
    uint32_t best = 0;
    for (uint32_t i = 1; i < self->class_count; i++)
        /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
        best = share[i] > share[best] ? i : best;
    return best;
}

/* The score of the tree under a root. */
double hoeffding_root_score(const struct hoeffding *self, uint64_t root,
                            const struct example *example);

/* A root that has seen nothing, watching features of its own choice.  There is always one to have;
 * another tree's leaf may fall asleep for it. */
uint64_t hoeffding_plant(struct hoeffding *self, const struct hoeffding_view *view);

/* Gives back all nodes and leaves below a node, which is then a leaf with what it has observed, if
 * it has. */
void hoeffding_clear(struct hoeffding *self, uint64_t index, const struct hoeffding_view *view);

/* The same with the node itself, which is a root that hoeffding_plant gave. */
void hoeffding_fell(struct hoeffding *self, uint64_t root, const struct hoeffding_view *view);

/* Puts the root that hoeffding_plant gave, and all below it, in the place of a cleared node. */
void hoeffding_graft(struct hoeffding *self, uint64_t index, uint64_t root,
                     const struct hoeffding_view *view);

/* Whether a split could separate anything: more than one class, none of too large a share. */
bool hoeffding_is_mixed(const struct hoeffding *self, const struct hoeffding_leaf *leaf);

/* A leaf observes an example of this weight; `answer` is what it said before. */
void hoeffding_observe(struct hoeffding *self, struct hoeffding_leaf *leaf,
                       const struct hoeffding_view *view, double weight,
                       const struct hoeffding_answer *answer);

/* The node where the example ended learns it, and splits if it is time. */
void hoeffding_learn(struct hoeffding *self, uint64_t index, const struct hoeffding_view *view,
                     double weight, const struct hoeffding_answer *answer);

/* A possible split of what a leaf has observed. */
struct hoeffding_split {
    double merit; /* -INFINITY: none */
    uint32_t test;
    float split;
    double below[MODEL_CLASSES_MAX], above[MODEL_CLASSES_MAX]; /* weights of the children */
};

/* The best split of a leaf, and the merit of the best by another feature (-INFINITY: there is
 * none).  `current`, if not NULL: a feature whose own best merit is wanted as well, in
 * current_merit.
 */
struct hoeffding_choice {
    struct hoeffding_split best;
    double second;
    uint32_t current;
    double current_merit;
};
void hoeffding_choose(const struct hoeffding *self, const struct hoeffding_leaf *leaf,
                      struct hoeffding_choice *choice);

/* How far apart merits must be at this weight. */
double hoeffding_bound(const struct hoeffding *self, const struct hoeffding_leaf *leaf);

/* Makes the node an inner one with two new leaves, which begin with the split's weights.  The
 * node's own leaf is given back unless it is kept.  False, and nothing is changed, when there is no
 * room. */
bool hoeffding_divide(struct hoeffding *self, uint64_t node, const struct hoeffding_split *split,
                      bool keep, const struct hoeffding_view *view);

#endif
