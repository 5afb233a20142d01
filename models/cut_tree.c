/* Points into and out of a tree of random cuts; see cut_tree.h. */
#include "models/cut_tree.h"
#include "base/assert.h"
#include <string.h>

void cut_geometry_set(struct cut_geometry *geometry, uint64_t points, uint64_t dimensions)
{
    ASSERT(points > 0 && points <= CUT_POINTS_MAX && dimensions > 0);
    geometry->points = points;
    geometry->stride = (dimensions + CUT_LANES - 1) / CUT_LANES * CUT_LANES;
    uint64_t bytes = sizeof(struct cut_node) + 2 * geometry->stride * sizeof(float);
    geometry->node_bytes = (bytes + 63) / 64 * 64;
    bytes = sizeof(struct cut_tree) + 2 * points * geometry->node_bytes + points * sizeof(uint32_t);
    geometry->tree_bytes = (bytes + 63) / 64 * 64;
}

void cut_tree_init(struct cut_tree *self, const struct cut_geometry *geometry, uint64_t seed)
{
    random_seed(&self->random, seed);
    self->free = 1;
    for (uint64_t i = 1; i + 1 < 2 * geometry->points; i++)
        cut_tree_node(self, geometry, i)->parent = (uint32_t)(i + 1);
}

static void touch_node(const struct cut_geometry *geometry, const struct cut_node *node,
                       const struct example *example)
{
    example_touch(example, node, geometry->node_bytes);
}

static struct cut_node *node_take(struct cut_tree *self, const struct cut_geometry *geometry,
                                  uint32_t *number, const struct example *example)
{
    *number = (uint32_t)self->free;
    ASSERT(*number != CUT_NONE);
    struct cut_node *node = cut_tree_node(self, geometry, *number);
    touch_node(geometry, node, example);
    self->free = node->parent;
    memset(node, 0, geometry->node_bytes);
    return node;
}

static void node_give(struct cut_tree *self, const struct cut_geometry *geometry, uint32_t number,
                      const struct example *example)
{
    struct cut_node *node = cut_tree_node(self, geometry, number);
    touch_node(geometry, node, example);
    memset(node, 0, geometry->node_bytes);
    node->parent = (uint32_t)self->free;
    self->free = number;
}

static inline cut_lanes chosen(cut_masks first, cut_lanes a, cut_lanes b)
{
    return (cut_lanes)((first & (cut_masks)a) | (~first & (cut_masks)b));
}

/* node's box becomes the least that holds both; whether it changed. */
static bool box_join(struct cut_node *node, uint64_t chunks, const struct cut_node *one,
                     const cut_lanes *other_minima, const cut_lanes *other_maxima)
{
    cut_lanes sides = {0};
    cut_masks changed = {0};
    for (uint64_t i = 0; i < chunks; i++) {
        cut_lanes low = one->box[i], high = one->box[chunks + i];
        low = chosen(other_minima[i] < low, other_minima[i], low);
        high = chosen(other_maxima[i] > high, other_maxima[i], high);
        changed |= (low != node->box[i]) | (high != node->box[chunks + i]);
        node->box[i] = low;
        node->box[chunks + i] = high;
        sides += high - low;
    }
    node->perimeter = cut_sum(sides);
    return changed[0] | changed[1] | changed[2] | changed[3];
}

/* In place of the child `old` of `parent`, or of the root, stands `new`. */
static void replace_child(struct cut_tree *self, const struct cut_geometry *geometry,
                          uint32_t parent, uint32_t old, uint32_t new)
{
    if (parent == CUT_NONE) {
        self->root = new;
        return;
    }
    struct cut_node *node = cut_tree_node(self, geometry, parent);
    node->child[node->child[1] == old] = new;
}

/* The cut that lies `drawn` into the extension of the node's box by the point.  Rounding may bring
 * it to the far end, where it would not separate. */
static void cut_extension_at(struct cut_node *cut, const struct cut_node *node, uint64_t stride,
                             const float *point, float drawn)
{
    const float *minima = (const float *)node->box, *maxima = minima + stride;
    for (uint32_t i = 0; i < stride; i++) {
        bool below = point[i] < minima[i];
        float outside = below ? minima[i] - point[i] : point[i] - maxima[i];
        if (!(outside > 0))
            continue;
        float from = below ? point[i] : maxima[i], to = below ? minima[i] : point[i];
        float place = from + drawn;
        cut->dimension = i;
        cut->cut = place < to ? place : from;
        if (drawn < outside)
            return;
        drawn -= outside;
    }
}

static uint32_t leaf_make(struct cut_tree *self, const struct cut_geometry *geometry,
                          const cut_lanes *point, uint32_t parent, const struct example *example)
{
    uint32_t number;
    struct cut_node *leaf = node_take(self, geometry, &number, example);
    leaf->parent = parent;
    leaf->child[0] = leaf->child[1] = number;
    leaf->mass = 1;
    memcpy(leaf->box, point, geometry->stride * sizeof(float));
    memcpy((float *)leaf->box + geometry->stride, point, geometry->stride * sizeof(float));
    return number;
}

/* A new node above `at` parts the point from it; returns the point's leaf. */
static uint32_t separate(struct cut_tree *self, const struct cut_geometry *geometry, uint32_t at,
                         const cut_lanes *point, float drawn, const struct example *example)
{
    uint64_t chunks = geometry->stride / CUT_LANES;
    struct cut_node *below = cut_tree_node(self, geometry, at);
    uint32_t number;
    struct cut_node *node = node_take(self, geometry, &number, example);
    cut_extension_at(node, below, geometry->stride, (const float *)point, drawn);
    node->mass = below->mass + 1;
    node->parent = below->parent;
    box_join(node, chunks, below, point, point);
    replace_child(self, geometry, below->parent, at, number);
    touch_node(geometry, below, example);
    below->parent = number;
    uint32_t leaf = leaf_make(self, geometry, point, number, example);
    bool right = ((const float *)point)[node->dimension] > node->cut;
    node->child[right] = leaf;
    node->child[!right] = at;
    return leaf;
}

/* Goes down the path until a cut separates the point; returns its leaf. */
static uint32_t place(struct cut_tree *self, const struct cut_geometry *geometry,
                      const cut_lanes *point, const struct cut_path *path,
                      const struct example *example)
{
    uint64_t chunks = geometry->stride / CUT_LANES;
    for (uint32_t i = 0; i < path->length; i++) {
        struct cut_node *node = cut_tree_node(self, geometry, path->node[i]);
        float extension = path->extension[i];
        if (extension > 0) {
            double all = (double)node->perimeter + (double)extension;
            double drawn = random_uniform(&self->random) * all;
            if (drawn < (double)extension || cut_is_leaf(node))
                return separate(self, geometry, path->node[i], point, (float)drawn, example);
        }
        touch_node(geometry, node, example);
        node->mass++;
        if (extension > 0)
            box_join(node, chunks, node, point, point);
    }
    if (path->length > 0)
        return path->node[path->length - 1];
    uint32_t leaf = leaf_make(self, geometry, point, CUT_NONE, example);
    self->root = leaf;
    return leaf;
}

static void touch_tree(struct cut_tree *self, const uint32_t *leaf_of,
                       const struct example *example)
{
    example_touch(example, self, sizeof *self);
    example_touch(example, leaf_of, sizeof *leaf_of);
}

void cut_tree_insert(struct cut_tree *self, const struct cut_geometry *geometry,
                     const cut_lanes *point, const struct cut_path *path, uint64_t slot,
                     const struct example *example)
{
    uint32_t *leaf_of = cut_tree_leaf_of(self, geometry) + slot;
    ASSERT(*leaf_of == CUT_NONE);
    touch_tree(self, leaf_of, example);
    *leaf_of = place(self, geometry, point, path, example);
}

static bool on_border(const struct cut_node *node, uint64_t chunks, const cut_lanes *point)
{
    cut_masks touching = {0};
    for (uint64_t i = 0; i < chunks; i++)
        touching |= (node->box[i] == point[i]) | (node->box[chunks + i] == point[i]);
    return touching[0] | touching[1] | touching[2] | touching[3];
}

/* From `at` up: a point less, and the boxes shrink as long as it lay on their border; NULL: it is
 * still there. */
static void shrink(struct cut_tree *self, const struct cut_geometry *geometry, uint32_t at,
                   const cut_lanes *point, const struct example *example)
{
    uint64_t chunks = geometry->stride / CUT_LANES;
    bool shrinking = point != NULL;
    while (at != CUT_NONE) {
        struct cut_node *node = cut_tree_node(self, geometry, at);
        touch_node(geometry, node, example);
        node->mass--;
        shrinking = shrinking && on_border(node, chunks, point);
        if (shrinking) {
            const struct cut_node *right = cut_tree_node(self, geometry, node->child[1]);
            shrinking = box_join(node, chunks, cut_tree_node(self, geometry, node->child[0]),
                                 right->box, right->box + chunks);
        }
        at = node->parent;
    }
}

void cut_tree_remove(struct cut_tree *self, const struct cut_geometry *geometry, uint64_t slot,
                     const struct example *example)
{
    uint32_t *leaf_of = cut_tree_leaf_of(self, geometry) + slot;
    uint32_t number = *leaf_of;
    ASSERT(number != CUT_NONE);
    touch_tree(self, leaf_of, example);
    *leaf_of = CUT_NONE;
    const struct cut_node *leaf = cut_tree_node(self, geometry, number);
    if (leaf->mass > 1) {
        shrink(self, geometry, number, NULL, example);
        return;
    }
    uint32_t parent = leaf->parent;
    cut_lanes point[CUT_DIMENSIONS_MAX / CUT_LANES];
    memcpy(point, leaf->box, geometry->stride * sizeof(float));
    node_give(self, geometry, number, example);
    if (parent == CUT_NONE) {
        self->root = CUT_NONE;
        return;
    }
    const struct cut_node *node = cut_tree_node(self, geometry, parent);
    uint32_t sibling = node->child[node->child[0] == number], above = node->parent;
    if (above != CUT_NONE)
        touch_node(geometry, cut_tree_node(self, geometry, above), example);
    replace_child(self, geometry, above, parent, sibling);
    struct cut_node *moved = cut_tree_node(self, geometry, sibling);
    touch_node(geometry, moved, example);
    moved->parent = above;
    node_give(self, geometry, parent, example);
    shrink(self, geometry, above, point, example);
}

void cut_tree_warm(const struct cut_tree *first, const struct cut_geometry *geometry,
                   uint64_t count, uint64_t slot)
{
    const struct cut_node *node[CUT_TREES];
    for (uint64_t i = 0; i < count; i++) {
        const struct cut_tree *tree = cut_tree_after(first, geometry, i);
        node[i] = cut_tree_node(tree, geometry, cut_tree_leaf_of(tree, geometry)[slot]);
        __builtin_prefetch(node[i]);
    }
    for (int level = 0; level < 8; level++) {
        for (uint64_t i = 0; i < count; i++) {
            const struct cut_tree *tree = cut_tree_after(first, geometry, i);
            node[i] = cut_tree_node(tree, geometry, node[i]->parent);
            __builtin_prefetch((const uint8_t *)node[i] + 64);
            __builtin_prefetch(cut_tree_node(tree, geometry, node[i]->child[0])->box);
            __builtin_prefetch(cut_tree_node(tree, geometry, node[i]->child[1])->box);
        }
    }
}
