/* The trees of a Mondrian forest; the mathematics stand at the head of mondrian_forest_model.c. */
#ifndef MODELS_MONDRIAN_TREE_H
#define MODELS_MONDRIAN_TREE_H

#include "base/random.h"
#include "models/model.h"

enum { MONDRIAN_LANES = 8 };
enum mondrian_scaler { MONDRIAN_SCALER_NONE, MONDRIAN_SCALER_RANGE, MONDRIAN_SCALER_STANDARD };
enum mondrian_cuts { MONDRIAN_CUTS_INSIDE, MONDRIAN_CUTS_OUTSIDE, MONDRIAN_CUTS_ALWAYS };

/* Its counts (class_count) follow, then its box: minimum and maximum (2, width), NaN where nothing
 * has been seen. */
struct node {
    double ratio;       /* r of the head's mathematics; nothing at a leaf */
    double born, split; /* the times of the cut above and of its own; INFINITY at a leaf */
    uint32_t parent, child[2], feature;
    float threshold; /* at most this: child[0] */
    uint32_t spare;
    double count[];
};

struct tree {
    struct random random;
    uint64_t used; /* nodes; the first one is made by the first label */
    uint64_t root;
};

/* Of a feature. */
struct spread {
    double origin; /* the first value; boxes hold differences from it, so that floats tell more */
    double count, mean, square, minimum, maximum;
};

/* The row: this; spreads (feature_count); rates (width); trees; nodes (tree_count, capacity). */
struct forest {
    uint64_t feature_count, class_count, width, scaler;
    uint64_t tree_count, capacity, stride, box_offset;
    uint64_t rates_offset, trees_offset, nodes_offset;
    uint64_t aggregation, cuts, keys[MODEL_FEATURES_MAX / 64];
    double step, dirichlet;
    struct spread spread[];
};

/* An event as the trees see it. */
struct arrival {
    _Alignas(32) float value[MODEL_FEATURES_MAX];
    const struct forest *self;
    const float *rate; /* (width) */
    uint64_t label;
    double weight;
    const struct example *example;
};

static inline void *forest_at(const struct forest *self, uint64_t offset)
{
    return (uint8_t *)(uintptr_t)self + offset;
}

static inline struct tree *tree_of(const struct forest *self, uint64_t index)
{
    return (struct tree *)forest_at(self, self->trees_offset) + index;
}

/* Adds up what all trees forecast for every class, of two only for the second; all have learned
 * something.  With boxes: as somebody will look at them next. */
void mondrian_forecast(const struct arrival *arrival, bool boxes, double *sums);

/* The label counts in all nodes around the event, of which one may be new. */
void mondrian_tree_learn(const struct arrival *arrival, uint64_t index);

#endif
