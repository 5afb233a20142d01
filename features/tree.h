/* A multiset of 64-bit keys: a counted B+-tree (Bayer and McCreight, "Organization and maintenance
 * of large ordered indexes", 1972) over equal rows of one region of the state.  Inner nodes know of
 * each child how many values there are below it, how many different ones, and the largest count of
 * one; so every question is one way down.
 *
 *     leaf  | head | key[leaf_max] | count[leaf_max] |
 *     inner | head | child[inner_max]: least key, row, values, distinct, largest |
 *
 * Nodes may hold less than half: one that is no more than half full joins a neighbour if both
 * together leave a quarter free, so that what was joined is not split again at once; an empty one
 * goes (compare Johnson and Shasha, "B-trees with inserts and deletes: why free-at-empty is better
 * than merge-at-half", 1993). */
#ifndef FEATURES_TREE_H
#define FEATURES_TREE_H

#include "base/state.h"

enum { TREE_DEPTH_MAX = 16 };

/* How trees of one region are made. */
struct tree_plan {
    uint32_t region, node_size, leaf_max, inner_max;
    bool spreads; /* somebody asks for tree_spread */
};

struct tree {
    const struct tree_plan *plan;
    struct state *state;
    uint32_t root; /* row plus one; 0: the tree holds nothing and no row */
};

/* Sizes that follow from node_size, 128 at least. */
struct tree_plan tree_plan_make(uint32_t node_size);

/* Puts one more of the key in; false, and nothing changed, if the region has no rows left. */
bool tree_insert(struct tree *tree, uint64_t key);

/* Takes one of the key out; it must be there. */
void tree_remove(struct tree *tree, uint64_t key);

/* Gives all rows back. */
void tree_free(struct tree *tree);

uint64_t tree_count(const struct tree *tree);
uint64_t tree_distinct(const struct tree *tree);

/* The key at a place of the order, from 0; place < tree_count. */
uint64_t tree_at(const struct tree *tree, uint64_t place);

/* How many are below the key; how many are equal. */
uint64_t tree_below(const struct tree *tree, uint64_t key, uint64_t *equal);

/* The leaf where the key stands or would: its keys, and how many there are of each. */
struct tree_leaf {
    const uint64_t *key;
    const uint32_t *count;
    uint32_t entries, entry; /* `entry`: the first whose key is not less */
    uint64_t before;         /* values that are less than the key, in other leaves, too */
};

/* The tree holds something; good until it changes. */
struct tree_leaf tree_leaf_find(const struct tree *tree, uint64_t key);

/* Only how many are equal, which is quicker. */
uint64_t tree_equal(const struct tree *tree, uint64_t key);

/* How often the most frequent key occurs. */
uint64_t tree_largest(const struct tree *tree);

/* The most frequent key, of several the least; the tree holds something. */
uint64_t tree_mode(const struct tree *tree);

/* How many different keys occur more than `count` times; looks no further than `most`. */
uint64_t tree_more_frequent(const struct tree *tree, uint64_t count, uint64_t most);

/* Sum over the different keys of spread_term(count), see values.h. */
int64_t tree_spread(const struct tree *tree);

#endif
