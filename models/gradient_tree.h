/* A tree that grows with the stream from slopes and curvatures of a loss; the mathematics stand at
 * the head of gradient_boosting_model.c. */
#ifndef MODELS_GRADIENT_TREE_H
#define MODELS_GRADIENT_TREE_H

#include "base/random.h"
#include "models/model.h"

enum { GRADIENT_BINS = 16, GRADIENT_MISSING = GRADIENT_BINS, GRADIENT_RING = 256 };
enum gradient_sort { GRADIENT_NUMBER, GRADIENT_CHOICE, GRADIENT_KEY };

/* Of a feature: bin i holds what is at most edge[i] and above edge[i - 1]. */
struct gradient_bins {
    uint64_t sort, edge_count;
    double edge[GRADIENT_BINS - 1];
};

/* What trees of one model share. */
struct gradient_rules {
    uint64_t feature_count, leaves;
    double grace, keep, l2, significance, features, subsample;
};

/* What a leaf knows of a feature's bin: sums over its labels, times their weights. */
struct gradient_sums {
    float count, g, h, gg, hh, gh, spare[2];
};

struct gradient_node {
    double value, curvature; /* of a leaf */
    double place;            /* of a cut: at most this, or exactly this choice: child[0] */
    uint32_t child[2];
    uint32_t feature, sort; /* enum gradient_sort; GRADIENT_KEY: a leaf */
    uint32_t missing;       /* the child that it goes to */
    uint32_t slot;          /* of a leaf's sums */
    double seen;            /* labels since it was last looked at for a cut */
};

/* Nodes (2 leaves - 1) follow, then sums (leaves, feature_count, GRADIENT_BINS + 1) at the next
 * cache line. */
struct gradient_tree {
    struct random random;
    uint64_t node_count, spare[3];
    struct gradient_node node[];
};

/* A label on its way through the trees. */
struct gradient_lesson {
    const union value *feature;
    double label, weight, odds; /* odds: by the trees before */
    const struct example *example;
    uint8_t bin[MODEL_FEATURES_MAX];
};

uint64_t gradient_tree_size(uint64_t leaves, uint64_t feature_count);
void gradient_tree_init(struct gradient_tree *self, uint64_t seed);
double gradient_tree_value(const struct gradient_tree *self, const union value *feature);

/* Returns the value that the tree gave the example before. */
double gradient_tree_learn(struct gradient_tree *self, const struct gradient_rules *rules,
                           const struct gradient_bins *bins, const struct gradient_lesson *lesson);

/* Leaves keep their values and sum anew. */
void gradient_tree_forget(struct gradient_tree *self, const struct gradient_rules *rules);

/* Equal shares of `count` values, `stride` apart, of which missing ones are passed over. */
void gradient_bins_renew(struct gradient_bins *bins, const double *values, uint64_t count,
                         uint64_t stride);
uint32_t gradient_bin(const struct gradient_bins *bins, union value value);

#endif
