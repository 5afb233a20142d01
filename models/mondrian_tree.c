/* Growing, counting and weighing of Mondrian trees; see mondrian_tree.h. */
#include "models/mondrian_tree.h"
#include <math.h>
#include <string.h>

enum { LANES = MONDRIAN_LANES, NOBODY = UINT32_MAX, WALKERS = 32 };

static const double RATIO_LIMIT = 1e280, NEGLIGIBLE = 1e-17;

/* Wherever floats may lie. */
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t lanes_mask __attribute__((vector_size(4 * LANES)));

static inline uint8_t *nodes_of(const struct forest *self, uint64_t tree)
{
    return (uint8_t *)forest_at(self, self->nodes_offset) + tree * self->capacity * self->stride;
}

static inline struct node *node_at(const struct forest *self, uint8_t *nodes, uint64_t index)
{
    return (struct node *)(void *)(nodes + index * self->stride);
}

static inline lanes *box_of(const struct forest *self, const struct node *node)
{
    return (lanes *)(void *)((uint8_t *)(uintptr_t)node + self->box_offset);
}

static inline bool is_leaf(const struct node *node)
{
    return node->split == INFINITY;
}

static inline lanes either(lanes_mask which, lanes yes, lanes no)
{
    return (lanes)(((lanes_mask)yes & which) | ((lanes_mask)no & ~which));
}

/* Which of them are no NaN. */
static inline lanes_mask known(lanes values)
{
    lanes same = values;
    return values == same;
}

/* How far eight features reach: beyond the box, or, inside, over box and event.  Times the rates.
 */
static inline lanes reach(const struct arrival *arrival, const lanes *box, uint64_t block,
                          const bool inside)
{
    uint64_t blocks = arrival->self->width / LANES;
    lanes value = ((const lanes *)(const void *)arrival->value)[block];
    lanes low = box[block], high = box[blocks + block];
    lanes beyond = either(value < low, low - value, (lanes){0}) +
                   either(value > high, value - high, (lanes){0});
    if (inside)
        beyond += either(known(value) & known(low), high - low, (lanes){0});
    return beyond * ((const lanes *)(const void *)arrival->rate)[block];
}

static inline double reach_sum(const struct arrival *arrival, const lanes *box, const bool inside)
{
    lanes sum = {0};
    for (uint64_t i = 0; i < arrival->self->width / LANES; i++)
        sum += reach(arrival, box, i, inside);
    float all = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    return (double)all;
}

static inline void widen(const struct arrival *arrival, lanes *box)
{
    uint64_t blocks = arrival->self->width / LANES;
    for (uint64_t i = 0; i < blocks; i++) {
        lanes value = ((const lanes *)(const void *)arrival->value)[i];
        lanes low = box[i], high = box[blocks + i];
        box[i] = either((value < low) | ~known(low), value, low);
        box[blocks + i] = either((value > high) | ~known(high), value, high);
    }
}

/* --- Forecasts --- */

static inline double total(const struct forest *self, const struct node *node)
{
    double sum = 0;
    for (uint64_t i = 0; i < self->class_count; i++)
        sum += node->count[i];
    return sum;
}

static inline const struct node *next_node(const struct forest *self, uint8_t *nodes,
                                           const struct arrival *arrival, const struct node *node)
{
    float value = arrival->value[node->feature];
    uint32_t side = value <= node->threshold ? 0U : 1U;
    if (value != value)
        side = total(self, node_at(self, nodes, node->child[1])) >
               total(self, node_at(self, nodes, node->child[0]));
    return node_at(self, nodes, node->child[side]);
}

static inline double forecast(const struct forest *self, const struct node *node, uint64_t class)
{
    double classes = (double)self->class_count;
    double sum = self->class_count == 2 ? node->count[0] + node->count[1] : total(self, node);
    return (node->count[class] + self->dirichlet) / (sum + self->dirichlet * classes);
}

/* What a node adds to the forecast when `share` of the weight has come down to it; returns what
 * goes on to its child. */
static inline double take_share(const struct forest *self, const struct node *node, double share)
{
    if (is_leaf(node))
        return 0;
    return self->aggregation ? share * node->ratio / (1 + node->ratio) : share;
}

/* A tree that the event goes down, and the weight that has come with it. */
struct walker {
    uint8_t *nodes;
    const struct node *node;
    double share;
};

static inline void take_part(const struct forest *self, const struct node *node, double part,
                             double *sums)
{
    if (self->class_count == 2) {
        sums[1] += part * forecast(self, node, 1);
        return;
    }
    double all = total(self, node) + self->dirichlet * (double)self->class_count;
    for (uint64_t i = 0; i < self->class_count; i++)
        sums[i] += part * (node->count[i] + self->dirichlet) / all;
}

static inline void ask_for(const struct forest *self, const struct node *node, bool boxes)
{
    __builtin_prefetch(node);
    for (uint64_t at = 64; boxes && at < self->stride; at += 64)
        __builtin_prefetch((const uint8_t *)node + at);
}

/* Side by side, so that trees wait for memory together; which of them is done does not depend on
 * anything but the state and the event, so neither do the sums. */
static void walk(const struct arrival *arrival, struct walker *walkers, uint64_t count, bool boxes,
                 double *sums)
{
    const struct forest *self = arrival->self;
    while (count > 0) {
        for (uint64_t i = 0; i < count; i++) {
            struct walker *walker = &walkers[i];
            double passed = take_share(self, walker->node, walker->share);
            take_part(self, walker->node, walker->share - passed, sums);
            walker->share = passed;
            if (passed < NEGLIGIBLE) {
                *walker = walkers[--count];
                i--;
                continue;
            }
            walker->node = next_node(self, walker->nodes, arrival, walker->node);
            ask_for(self, walker->node, boxes);
        }
    }
}

void mondrian_forecast(const struct arrival *arrival, bool boxes, double *sums)
{
    const struct forest *self = arrival->self;
    struct walker walkers[WALKERS];
    uint64_t count = 0;
    for (uint64_t i = 0; i < self->tree_count; i++) {
        uint8_t *nodes = nodes_of(self, i);
        walkers[count] = (struct walker){nodes, node_at(self, nodes, tree_of(self, i)->root), 1};
        ask_for(self, walkers[count++].node, boxes);
        if (count < WALKERS && i + 1 < self->tree_count)
            continue;
        walk(arrival, walkers, count, boxes, sums);
        count = 0;
    }
}

/* A node with the event alone in its box and nothing counted. */
static struct node *new_leaf(const struct arrival *arrival, uint8_t *nodes, struct tree *tree)
{
    const struct forest *self = arrival->self;
    struct node *node = node_at(self, nodes, tree->used);
    example_touch(arrival->example, node, self->stride);
    tree->used++;
    node->split = INFINITY;
    node->parent = NOBODY;
    uint64_t size = self->width * sizeof(float);
    memcpy(box_of(self, node), arrival->value, size);
    memcpy((uint8_t *)box_of(self, node) + size, arrival->value, size);
    return node;
}

/* A cut that an event brings. */
struct cut {
    double time, reach;
    bool inside;
    uint32_t feature;
    float place;
    bool right; /* the event is above it */
    const struct node *made;
};

/* Whether there is one above the node, before the node's own.  A node that has seen this label only
 * would forecast the same on both sides. */
static bool cut_comes(const struct arrival *arrival, struct tree *tree, const struct node *node,
                      struct cut *cut)
{
    const struct forest *self = arrival->self;
    const lanes *box = box_of(self, node);
    double own = node->count[arrival->label];
    cut->inside = self->cuts == MONDRIAN_CUTS_INSIDE && is_leaf(node) && own == 0;
    cut->reach = cut->inside ? reach_sum(arrival, box, true) : reach_sum(arrival, box, false);
    if (!(cut->reach > 0) || tree->used + 2 > self->capacity)
        return false;
    if (self->cuts != MONDRIAN_CUTS_ALWAYS && total(self, node) == own)
        return false;
    cut->time = node->born - log(1 - random_uniform(&tree->random)) / cut->reach;
    return cut->time < node->split || cut->inside;
}

/* With odds by how far each one reaches. */
static uint32_t choose_feature(const struct arrival *arrival, const lanes *box, bool inside,
                               double point)
{
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < arrival->self->width / LANES; i++) {
        lanes odds = inside ? reach(arrival, box, i, true) : reach(arrival, box, i, false);
        for (uint32_t j = 0; j < LANES; j++) {
            if (!(odds[j] > 0))
                continue;
            chosen = i * LANES + j;
            point -= (double)odds[j];
            if (point < 0)
                return chosen;
        }
    }
    return chosen;
}

/* Somewhere from `from` up to `to`, below `to` in floats too. */
static float place_between(float from, float to, double point)
{
    float place = (float)((double)from + point * ((double)to - (double)from));
    return place < to ? place : from;
}

static void draw_cut(const struct arrival *arrival, struct tree *tree, const struct node *node,
                     struct cut *cut)
{
    const lanes *box = box_of(arrival->self, node);
    double chance = random_uniform(&tree->random) * cut->reach;
    cut->feature = choose_feature(arrival, box, cut->inside, chance);
    float value = arrival->value[cut->feature];
    float low = ((const float *)box)[cut->feature];
    float high = ((const float *)box)[arrival->self->width + cut->feature];
    float from = value < low ? value : cut->inside || value <= high ? low : high;
    float to = value > high ? value : cut->inside || value >= low ? high : low;
    cut->place = place_between(from, to, random_uniform(&tree->random));
    cut->right = value > cut->place;
}

/* What was counted lies on the other side of the cut. */
static void clip(const struct forest *self, struct node *node, const struct cut *cut)
{
    float *box = (float *)box_of(self, node);
    float *low = &box[cut->feature], *high = &box[self->width + cut->feature];
    if (cut->right && *high > cut->place)
        *high = cut->place;
    if (!cut->right && *low < cut->place)
        *low = cut->place;
}

/* Makes the cut above the node, with the event alone on its side; returns its leaf. */
static struct node *make_cut(const struct arrival *arrival, uint8_t *nodes, struct tree *tree,
                             struct node *node, struct cut *cut)
{
    const struct forest *self = arrival->self;
    uint32_t above = (uint32_t)tree->used, below = (uint32_t)tree->used + 1;
    uint32_t own = (uint32_t)((uint64_t)((uint8_t *)node - nodes) / self->stride);
    struct node *parent = new_leaf(arrival, nodes, tree), *leaf = new_leaf(arrival, nodes, tree);
    memcpy(parent, node, self->stride);
    widen(arrival, box_of(self, parent));
    cut->made = parent;
    parent->ratio = is_leaf(node) ? 1 : (1 + node->ratio) / 2;
    parent->split = node->born = leaf->born = cut->time;
    parent->feature = cut->feature;
    parent->threshold = cut->place;
    parent->child[cut->right] = below;
    parent->child[!cut->right] = own;
    if (parent->parent == NOBODY) {
        tree->root = above;
    } else {
        struct node *over = node_at(self, nodes, parent->parent);
        over->child[over->child[1] == own] = above;
    }
    node->parent = leaf->parent = above;
    if (cut->inside)
        clip(self, node, cut);
    return leaf;
}

/* Down to the leaf of the event, which may be new. */
static struct node *descend(const struct arrival *arrival, uint8_t *nodes, struct tree *tree,
                            struct cut *cut)
{
    const struct forest *self = arrival->self;
    struct node *node = node_at(self, nodes, tree->root);
    for (;;) {
        example_touch(arrival->example, node, self->stride);
        if (cut_comes(arrival, tree, node, cut)) {
            draw_cut(arrival, tree, node, cut);
            return make_cut(arrival, nodes, tree, node, cut);
        }
        widen(arrival, box_of(self, node));
        if (is_leaf(node))
            return node;
        node = (struct node *)(uintptr_t)next_node(self, nodes, arrival, node);
    }
}

/* L of the node, given that of its child on the way. */
static inline double weigh(struct node *node, double likelihood, double below,
                           const struct cut *cut)
{
    if (is_leaf(node))
        return likelihood;
    double ratio = node->ratio, next = ratio * (below / likelihood);
    next = next < RATIO_LIMIT ? next : RATIO_LIMIT;
    node->ratio = next > 1 / RATIO_LIMIT ? next : 1 / RATIO_LIMIT;
    double changed = (likelihood + ratio * below) / (1 + ratio);
    return node == cut->made ? changed * (1 + 1 / ratio) / 2 : changed;
}

/* Counts and weighs the label in all nodes from the leaf up. */
static void climb(const struct arrival *arrival, uint8_t *nodes, struct node *node,
                  const struct cut *cut)
{
    const struct forest *self = arrival->self;
    double exponent = self->step * arrival->weight, below = 1;
    for (;;) {
        double likelihood = forecast(self, node, arrival->label);
        likelihood = exponent == 1 ? likelihood : pow(likelihood, exponent);
        likelihood = likelihood > 1e-20 ? likelihood : 1e-20;
        node->count[arrival->label] += arrival->weight;
        below = weigh(node, likelihood, below, cut);
        if (node->parent == NOBODY)
            return;
        node = node_at(self, nodes, node->parent);
    }
}

void mondrian_tree_learn(const struct arrival *arrival, uint64_t index)
{
    const struct forest *self = arrival->self;
    struct tree *tree = tree_of(self, index);
    uint8_t *nodes = nodes_of(self, index);
    struct cut cut = {0};
    struct node *leaf =
        tree->used == 0 ? new_leaf(arrival, nodes, tree) : descend(arrival, nodes, tree, &cut);
    climb(arrival, nodes, leaf, &cut);
}
