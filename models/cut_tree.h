/* A tree of random cuts over the points that it holds: Sudipto Guha, Nina Mishra, Gourav Roy, Okke
 * Schrijvers, "Robust random cut forest based anomaly detection on streams", 2016.
 *
 * Every node knows the bounding box of the points below it.  A node's cut takes a dimension with a
 * probability proportional to the box's side there, and a place on that side evenly.  A point comes
 * in and goes out in such a way that the tree's distribution is that of a tree made anew from the
 * points that are left (the paper's theorems 3 and 4): on the way down a cut of the box extended by
 * the point is drawn; if it falls into the extension, it separates the point from all below, else
 * the cut that is there stands.
 *
 * Coordinates are whole numbers, so that sides, draws and cuts are exact.  A box is the vector of
 * its faces, (-minima, maxima), a point that of (-x, x); with these
 *
 *     the box around two things   the greater of each pair of faces
 *     sum of its sides            sum of its faces
 *     what a point adds to it     sum of max(0, point's face - box's face)
 *
 * Flat: nodes of one size, a cache line for up to twelve dimensions, free ones in a chain.  A
 * leaf's box is its point; equal points share a leaf. */
#ifndef MODELS_CUT_TREE_H
#define MODELS_CUT_TREE_H

#include "base/random.h"
#include "models/model.h"
#include <stdint.h>

enum {
    CUT_LANES = 8,
    CUT_POINTS_MAX = 1025,
    CUT_DIMENSIONS_MAX = 2048,
    CUT_FACES_MAX = 2 * CUT_DIMENSIONS_MAX / CUT_LANES, /* in cut_faces */
    CUT_TREES = 4,
    CUT_NONE = 0,
    CUT_COORDINATE_MAX = 16383, /* of either sign: differences fit */
};

typedef int16_t cut_faces __attribute__((vector_size(2 * CUT_LANES)));
typedef int32_t cut_sums __attribute__((vector_size(4 * CUT_LANES)));

struct cut_node {
    int16_t cut;        /* a point goes to child[0] if its coordinate is <= cut, else to child[1] */
    uint16_t face;      /* of the cut: the maximum's in its dimension */
    uint16_t child[2];  /* a leaf's are itself: whoever goes down stays there */
    uint16_t parent;    /* CUT_NONE: the root; of a free node the next free one */
    uint16_t mass;      /* points below, equal ones counted each */
    uint32_t perimeter; /* sum of the box's sides */
    cut_faces box[];    /* (chunks) */
};

/* What all trees of a forest share. */
struct cut_geometry {
    uint64_t points; /* that a tree may hold */
    uint64_t dimensions;
    uint64_t chunks;     /* of CUT_LANES faces; those of no dimension are 0 everywhere */
    uint64_t node_bytes; /* struct cut_node with its box, a multiple of a cache line */
    uint64_t tree_bytes;
};

/* The row of a tree: this; at the next cache line nodes (2 points), number 0 unused; leaf_of
 * (points), the leaf that each slot's point is in, CUT_NONE while the slot is empty. */
struct cut_tree {
    struct random random;
    uint64_t root, free;
    uint64_t vacant; /* an empty slot: the next point's */
    uint64_t spare;
};

/* The way that a point goes, from the root to a leaf. */
struct cut_path {
    uint32_t length; /* 0: the tree is empty */
    uint16_t node[CUT_POINTS_MAX];
    uint32_t extension[CUT_POINTS_MAX]; /* by how much the point would lengthen the box's sides */
};

void cut_geometry_set(struct cut_geometry *geometry, uint64_t points, uint64_t dimensions);

/* `self` is zeroed. */
void cut_tree_init(struct cut_tree *self, const struct cut_geometry *geometry, uint64_t seed);

/* Puts a point, whose path cut_displacement has just measured, into an empty slot. */
void cut_tree_insert(struct cut_tree *self, const struct cut_geometry *geometry,
                     const cut_faces *point, const struct cut_path *path, uint64_t slot,
                     const struct example *example);

/* Takes a slot's point out. */
void cut_tree_remove(struct cut_tree *self, const struct cut_geometry *geometry, uint64_t slot,
                     const struct example *example);

/* Asks for the lines that cut_tree_remove will want, for a few trees side by side. */
void cut_tree_warm(const struct cut_tree *first, const struct cut_geometry *geometry,
                   uint64_t count, uint64_t slot);

static inline struct cut_node *cut_tree_node(const struct cut_tree *self,
                                             const struct cut_geometry *geometry, uint64_t node)
{
    uint8_t *nodes = (uint8_t *)(uintptr_t)(self + 1);
    return (struct cut_node *)(void *)(nodes + node * geometry->node_bytes);
}

static inline const struct cut_tree *
cut_tree_after(const struct cut_tree *first, const struct cut_geometry *geometry, uint64_t trees)
{
    const uint8_t *bytes = (const uint8_t *)first + trees * geometry->tree_bytes;
    return (const struct cut_tree *)(const void *)bytes;
}

static inline bool cut_is_leaf(const struct cut_node *node)
{
    return node->child[0] == node->child[1];
}

static inline uint16_t *cut_tree_leaf_of(const struct cut_tree *self,
                                         const struct cut_geometry *geometry)
{
    return (uint16_t *)(void *)cut_tree_node(self, geometry, 2 * geometry->points);
}

/* How far the point lies outside of each of some faces. */
static inline cut_faces cut_outside(cut_faces box, cut_faces point)
{
    cut_faces outside = point - box;
    return outside & (outside > 0);
}

static inline uint32_t cut_sum(cut_sums sums)
{
    int32_t sum =
        ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    return (uint32_t)sum;
}

static inline uint32_t cut_extension(const struct cut_node *node, uint64_t chunks,
                                     const cut_faces *point)
{
    cut_sums sums = {0};
    for (uint64_t i = 0; i < chunks; i++)
        sums += __builtin_convertvector(cut_outside(node->box[i], point[i]), cut_sums);
    return cut_sum(sums);
}

/* Where the shares of the displacement go; see cut_displacement. */
struct cut_share {
    float *dimension; /* (dimensions), added to */
};

/* A share of the displacement goes to the dimensions by which the point lies outside the box. */
static inline void cut_share_outside(const struct cut_share *share,
                                     const struct cut_geometry *geometry,
                                     const struct cut_node *node, const cut_faces *point,
                                     float amount)
{
    const int16_t *faces = (const int16_t *)node->box, *own = (const int16_t *)point;
    for (uint64_t i = 0; i < 2 * geometry->dimensions; i++) {
        int outside = own[i] - faces[i];
        if (outside > 0)
            share->dimension[i % geometry->dimensions] += amount * (float)outside;
    }
}

/* Finds the point's way in `count` trees that lie behind one another, side by side so that their
 * loads overlap; a constant count makes it fast. */
static inline __attribute__((always_inline)) void
cut_descend(const struct cut_tree *first, const struct cut_geometry *geometry,
            const cut_faces *point, const uint64_t count, struct cut_path *path)
{
    const int16_t *coordinate = (const int16_t *)point;
    const uint8_t *nodes[CUT_TREES];
    uint32_t at[CUT_TREES], moved = 1, level = 0;
#pragma GCC unroll 8
    for (uint64_t i = 0; i < count; i++) {
        const struct cut_tree *tree = cut_tree_after(first, geometry, i);
        nodes[i] = (const uint8_t *)(tree + 1);
        at[i] = (uint32_t)tree->root;
        path[i].length = at[i] != CUT_NONE;
        path[i].node[0] = (uint16_t)at[i];
    }
    while (moved) {
        moved = 0;
#pragma GCC unroll 8
        for (uint64_t i = 0; i < count; i++) {
            const struct cut_node *node =
                (const struct cut_node *)(const void *)(nodes[i] + at[i] * geometry->node_bytes);
            uint32_t next = node->child[coordinate[node->face] > node->cut];
            uint32_t below = next != at[i];
            path[i].node[level + below] = (uint16_t)next;
            path[i].length += below;
            moved |= below;
            at[i] = next;
        }
        level++;
    }
}

/* The collusive displacement that the point would have in this tree, expected over the cuts that
 * its insertion would draw:
 *
 *     at node v it is separated with probability p = extension / (perimeter + extension), and then
 *     displaces max(mass(v), M),  M = max over the nodes a above of mass(other child of a) /
 *     (mass(child of a on the way) + 1)
 *
 * since the points displaced per point removed are most for the point alone (all of v moves up) or
 * for one of the boxes it would lie in.  An equal point ends in its leaf and displaces M.  The
 * shares that go to dimensions sum up to the displacement: a separation's to the sides that the
 * point extends, M's to the cut where it is reached. */
static inline __attribute__((always_inline)) float
cut_displacement(const struct cut_tree *self, const struct cut_geometry *geometry,
                 const cut_faces *point, const uint64_t chunks, struct cut_path *path,
                 const struct cut_share *share)
{
    float reach = 1, sum = 0, above = 0, over_mass = 0;
    uint32_t above_face = 0, over_face = 0;
    for (uint32_t i = 0; i < path->length; i++) {
        const struct cut_node *node = cut_tree_node(self, geometry, path->node[i]);
        float mass = (float)node->mass, displaced = (over_mass - mass) / (mass + 1);
        above_face = displaced > above ? over_face : above_face;
        above = displaced > above ? displaced : above;
        uint32_t extension = cut_extension(node, chunks, point),
                 sides = node->perimeter + extension;
        /* An equal point in a leaf is separated with probability 0 / 1. */
        float part = (float)extension / (float)(sides > 0 ? sides : 1);
        float separated = reach * part, most = mass > above ? mass : above;
        sum += separated * most;
        reach -= separated;
        path->extension[i] = extension;
        over_mass = mass;
        over_face = node->face;
        if (share && extension > 0 && mass > above)
            cut_share_outside(share, geometry, node, point, separated * mass / (float)extension);
        else if (share)
            share->dimension[above_face % geometry->dimensions] += separated * above;
    }
    if (share)
        share->dimension[above_face % geometry->dimensions] += reach * above;
    return sum + reach * above;
}

#endif
