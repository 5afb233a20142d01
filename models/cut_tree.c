/* Points into and out of a tree of random cuts; see cut_tree.h. */
#include "models/cut_tree.h"
#include "base/assert.h"
#include <string.h>

void cut_geometry_set(struct cut_geometry *geometry, uint64_t points, uint64_t dimensions)
{
    ASSERT(points > 0 && points <= CUT_POINTS_MAX && dimensions > 0 &&
           dimensions <= CUT_DIMENSIONS_MAX);
    geometry->points = points;
    geometry->dimensions = dimensions;
    geometry->chunks = (2 * dimensions + CUT_LANES - 1) / CUT_LANES;
    uint64_t bytes = sizeof(struct cut_node) + geometry->chunks * sizeof(cut_faces);
    geometry->node_bytes = (bytes + 63) / 64 * 64;
    bytes = sizeof(struct cut_tree) + 2 * points * geometry->node_bytes + points * sizeof(uint16_t);
    geometry->tree_bytes = (bytes + 63) / 64 * 64;
}

void cut_tree_init(struct cut_tree *self, const struct cut_geometry *geometry, uint64_t seed)
{
    random_seed(&self->random, seed);
    self->free = 1;
    for (uint64_t i = 1; i + 1 < 2 * geometry->points; i++)
        cut_tree_node(self, geometry, i)->parent = (uint16_t)(i + 1);
}

static void touch_node(const struct cut_geometry *geometry, const struct cut_node *node,
                       const struct example *example)
{
    example_touch(example, node, geometry->node_bytes);
}

static struct cut_node *node_take(struct cut_tree *self, const struct cut_geometry *geometry,
                                  uint16_t *number, const struct example *example)
{
    *number = (uint16_t)self->free;
    ASSERT(*number != CUT_NONE);
    struct cut_node *node = cut_tree_node(self, geometry, *number);
    touch_node(geometry, node, example);
    self->free = node->parent;
    memset(node, 0, geometry->node_bytes);
    return node;
}

static void node_give(struct cut_tree *self, const struct cut_geometry *geometry, uint16_t number,
                      const struct example *example)
{
    struct cut_node *node = cut_tree_node(self, geometry, number);
    touch_node(geometry, node, example);
    memset(node, 0, geometry->node_bytes);
    node->parent = (uint16_t)self->free;
    self->free = number;
}

/* node's box becomes the least that holds both. */
static void box_join(struct cut_node *node, uint64_t chunks, const cut_faces *one,
                     const cut_faces *other)
{
    cut_sums sums = {0};
    for (uint64_t i = 0; i < chunks; i++) {
        cut_faces greater = one[i] > other[i];
        node->box[i] = (one[i] & greater) | (other[i] & ~greater);
        sums += __builtin_convertvector(node->box[i], cut_sums);
    }
    node->perimeter = cut_sum(sums);
}

/* In place of the child `old` of `parent`, or of the root, stands `new`. */
static void replace_child(struct cut_tree *self, const struct cut_geometry *geometry,
                          uint16_t parent, uint16_t old, uint16_t new)
{
    if (parent == CUT_NONE) {
        self->root = new;
        return;
    }
    struct cut_node *node = cut_tree_node(self, geometry, parent);
    node->child[node->child[1] == old] = new;
}

/* The cut that lies `drawn` into the extension of the node's box by the point: drawn is below it,
 * so that one face's part holds it. */
static void cut_extension_at(struct cut_node *cut, const struct cut_geometry *geometry,
                             const struct cut_node *node, const cut_faces *point, uint64_t drawn)
{
    const int16_t *faces = (const int16_t *)node->box, *own = (const int16_t *)point;
    uint64_t dimensions = geometry->dimensions, i = 0;
    for (;; i++) {
        ASSERT(i < 2 * dimensions);
        int outside = own[i] - faces[i];
        uint64_t part = outside > 0 ? (uint64_t)outside : 0;
        if (drawn < part)
            break;
        drawn -= part;
    }
    int from = i < dimensions ? -own[i] : faces[i];
    cut->face = (uint16_t)(i < dimensions ? i + dimensions : i);
    cut->cut = (int16_t)(from + (int)drawn);
}

static uint16_t leaf_make(struct cut_tree *self, const struct cut_geometry *geometry,
                          const cut_faces *point, uint16_t parent, const struct example *example)
{
    uint16_t number;
    struct cut_node *leaf = node_take(self, geometry, &number, example);
    leaf->parent = parent;
    leaf->child[0] = leaf->child[1] = number;
    leaf->mass = 1;
    memcpy(leaf->box, point, geometry->chunks * sizeof *point);
    return number;
}

/* A new node above `at` parts the point from it; returns the point's leaf. */
static uint16_t separate(struct cut_tree *self, const struct cut_geometry *geometry, uint16_t at,
                         const cut_faces *point, uint64_t drawn, const struct example *example)
{
    struct cut_node *below = cut_tree_node(self, geometry, at);
    uint16_t number;
    struct cut_node *node = node_take(self, geometry, &number, example);
    cut_extension_at(node, geometry, below, point, drawn);
    node->mass = (uint16_t)(below->mass + 1);
    node->parent = below->parent;
    box_join(node, geometry->chunks, below->box, point);
    replace_child(self, geometry, below->parent, at, number);
    touch_node(geometry, below, example);
    below->parent = number;
    uint16_t leaf = leaf_make(self, geometry, point, number, example);
    bool right = ((const int16_t *)point)[node->face] > node->cut;
    node->child[right] = leaf;
    node->child[!right] = at;
    return leaf;
}

/* Goes down the path until a cut separates the point; returns its leaf. */
static uint16_t place(struct cut_tree *self, const struct cut_geometry *geometry,
                      const cut_faces *point, const struct cut_path *path,
                      const struct example *example)
{
    for (uint32_t i = 0; i < path->length; i++) {
        struct cut_node *node = cut_tree_node(self, geometry, path->node[i]);
        uint64_t extension = path->extension[i];
        if (extension > 0) {
            uint64_t drawn = random_below(&self->random, node->perimeter + extension);
            if (drawn < extension)
                return separate(self, geometry, path->node[i], point, drawn, example);
        }
        touch_node(geometry, node, example);
        node->mass++;
        if (extension > 0)
            box_join(node, geometry->chunks, node->box, point);
    }
    if (path->length > 0)
        return path->node[path->length - 1];
    uint16_t leaf = leaf_make(self, geometry, point, CUT_NONE, example);
    self->root = leaf;
    return leaf;
}

static void touch_tree(struct cut_tree *self, const uint16_t *leaf_of,
                       const struct example *example)
{
    example_touch(example, self, sizeof *self);
    example_touch(example, leaf_of, sizeof *leaf_of);
}

void cut_tree_insert(struct cut_tree *self, const struct cut_geometry *geometry,
                     const cut_faces *point, const struct cut_path *path, uint64_t slot,
                     const struct example *example)
{
    uint16_t *leaf_of = cut_tree_leaf_of(self, geometry) + slot;
    ASSERT(*leaf_of == CUT_NONE);
    touch_tree(self, leaf_of, example);
    *leaf_of = place(self, geometry, point, path, example);
}

static bool on_border(const struct cut_node *node, uint64_t chunks, const cut_faces *point)
{
    cut_faces touching = {0};
    for (uint64_t i = 0; i < chunks; i++)
        touching |= node->box[i] == point[i];
    uint64_t words[2];
    memcpy(words, &touching, sizeof words);
    return words[0] | words[1];
}

/* From `at` up: a point less, and the boxes shrink as long as it lay on their border; NULL: it is
 * still there. */
static void shrink(struct cut_tree *self, const struct cut_geometry *geometry, uint16_t at,
                   const cut_faces *point, const struct example *example)
{
    bool shrinking = point != NULL;
    while (at != CUT_NONE) {
        struct cut_node *node = cut_tree_node(self, geometry, at);
        touch_node(geometry, node, example);
        node->mass--;
        shrinking = shrinking && on_border(node, geometry->chunks, point);
        if (shrinking)
            box_join(node, geometry->chunks, cut_tree_node(self, geometry, node->child[0])->box,
                     cut_tree_node(self, geometry, node->child[1])->box);
        at = node->parent;
    }
}

void cut_tree_remove(struct cut_tree *self, const struct cut_geometry *geometry, uint64_t slot,
                     const struct example *example)
{
    uint16_t *leaf_of = cut_tree_leaf_of(self, geometry) + slot;
    uint16_t number = *leaf_of;
    ASSERT(number != CUT_NONE);
    touch_tree(self, leaf_of, example);
    *leaf_of = CUT_NONE;
    const struct cut_node *leaf = cut_tree_node(self, geometry, number);
    if (leaf->mass > 1) {
        shrink(self, geometry, number, NULL, example);
        return;
    }
    uint16_t parent = leaf->parent;
    cut_faces point[CUT_FACES_MAX];
    memcpy(point, leaf->box, geometry->chunks * sizeof *point);
    /* Faces of no dimension are 0 in all boxes: they must not look like a touched border. */
    for (uint64_t i = 2 * geometry->dimensions; i < geometry->chunks * CUT_LANES; i++)
        ((int16_t *)point)[i] = 1;
    node_give(self, geometry, number, example);
    if (parent == CUT_NONE) {
        self->root = CUT_NONE;
        return;
    }
    const struct cut_node *node = cut_tree_node(self, geometry, parent);
    uint16_t sibling = node->child[node->child[0] == number], above = node->parent;
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
            __builtin_prefetch(cut_tree_node(tree, geometry, node[i]->child[0]));
            __builtin_prefetch(cut_tree_node(tree, geometry, node[i]->child[1]));
        }
    }
}
