/* The values of a window at an earlier moment, asked of the tree of those that it holds now: what
 * has entered since is taken out again, what has left since is put back.
 *
 * The tree stays as it is.  Its answers are corrected for the values that changed, which are few
 * beside those that did not: with a_i more or fewer of the changed values v_1 < v_2 < ...,
 *
 *     below'(x) = below(x) + sum of a_i over v_i < x
 *
 * so the value at a place is one of the v_i, or lies between two of them, where the sum is the
 * same for all; a count of different values with some property changes by those v_i that get or
 * lose it. */
#ifndef FEATURES_VALUES_CHANGE_H
#define FEATURES_VALUES_CHANGE_H

#include "features/tree.h"

struct values_change {
    uint64_t image;
    int64_t by;     /* how many more */
    int64_t before; /* the sum over all lesser images */
};

struct values_changes {
    const struct tree *tree;
    const struct values_change *change; /* by image, each once */
    uint32_t count;
};

/* Sorts both arrays in place; change: room for entered_count + left_count.  Returns how many. */
uint32_t changes_make(uint64_t *entered, uint32_t entered_count, uint64_t *left,
                      uint32_t left_count, struct values_change *change);

/* What values.h asks. */
uint64_t changes_at(const struct values_changes *changes, uint64_t place);
uint64_t changes_below(const struct values_changes *changes, uint64_t image, uint64_t *equal);
uint64_t changes_more_frequent(const struct values_changes *changes, uint64_t count, uint64_t most);
uint64_t changes_distinct(const struct values_changes *changes);
int64_t changes_spread(const struct values_changes *changes);

/* False: the tree cannot tell. */
bool changes_mode(const struct values_changes *changes, uint64_t *image);

#endif
