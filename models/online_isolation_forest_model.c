/* Online isolation forest: how soon do random cuts leave an event nearly alone?  Filippo Leveni,
 * Guilherme Weigert Cassales, Bernhard Pfahringer, Albert Bifet, Giacomo Boracchi, "Online
 * isolation forest", 2024.
 *
 * A tree is a histogram that grows where events are many.  A node at depth k counts the events of
 * the latest `window` that passed, n, and knows the box around them. A leaf with n >= leaf 2^k
 * splits, as long as k < log4(window / leaf): n points drawn evenly from its box stand for the
 * events that it no longer knows, a random dimension and place in the box part them, and each child
 * begins with its points' number and box.  Events that leave the window are counted out; a split
 * node with n < leaf 2^k is a leaf again, with its children's boxes joined.  With the depths k
 * of the leaves that an event falls into, and c(n) = log4(n / leaf), 0 below,
 *
 *     score = 2^(-mean(k + c(n)) / c(events in the window))      the paper's, in (0, 1]
 *
 * and 0 until the window holds enough for a second leaf's worth.  Features are placed in one unit
 * each (placement.h); a missing number stands at its mean, keys are not looked at. */
#include "base/random.h"
#include "models/model.h"
#include "models/placement.h"
#include <math.h>
#include <string.h>

struct isolation_options {
    int64_t trees, window, leaf;
};

/* Followed by its box: minima (columns), maxima (columns). */
struct isolation_node {
    uint32_t count, split;
    uint32_t dimension;
    float cut; /* to the left if the coordinate is below */
};

/* The row: this; placement; at the next cache line the window's places (window, columns); nodes
 * (trees, node_count), numbered from 1, the children of i are 2i and 2i + 1. */
struct isolation {
    struct random random;
    uint64_t tree_count, window, leaf, columns;
    uint64_t node_count, node_bytes;
    uint64_t events, next;
    uint64_t places_offset, nodes_offset;
    double depth_limit;
    struct placement placement;
};

/* log4(count / leaf), 0 below. */
static double path_length(const struct isolation *self, double count)
{
    return count > (double)self->leaf ? log2(count / (double)self->leaf) / 2 : 0;
}

static void isolation_layout(struct isolation *self, const struct isolation_options *given,
                             const struct model_shape *shape)
{
    self->tree_count = (uint64_t)given->trees;
    self->window = (uint64_t)given->window;
    self->leaf = (uint64_t)given->leaf;
    self->columns = placement_columns(shape);
    self->depth_limit = path_length(self, (double)given->window);
    self->node_count = 2ULL << (uint64_t)ceil(self->depth_limit);
    self->node_bytes = sizeof(struct isolation_node) + 2 * self->columns * sizeof(float);
    uint64_t head = offsetof(struct isolation, placement) + placement_size(shape);
    self->places_offset = (head + 63) / 64 * 64;
    uint64_t places = self->window * self->columns * sizeof(float);
    self->nodes_offset = self->places_offset + (places + 63) / 64 * 64;
}

static uint64_t isolation_state_size(const void *options, const struct model_shape *shape)
{
    struct isolation layout;
    isolation_layout(&layout, (const struct isolation_options *)options, shape);
    return layout.nodes_offset + layout.tree_count * layout.node_count * layout.node_bytes;
}

static enum status isolation_check(const void *options, const struct model_shape *shape,
                                   struct failure *failure)
{
    const struct isolation_options *given = (const struct isolation_options *)options;
    if (given->window <= 2 * given->leaf)
        return failure_set(failure, STATUS_STOP,
                           "a window of %lld events is too short for leaves of %lld, all scores "
                           "would be 0: `window` should be more than twice `leaf`",
                           (long long)given->window, (long long)given->leaf);
    return placement_check(shape, "an online isolation forest", failure);
}

static void isolation_init(void *memory, const void *options, const struct model_shape *shape,
                           uint64_t seed)
{
    struct isolation *self = (struct isolation *)memory;
    memset(self, 0, isolation_state_size(options, shape));
    isolation_layout(self, (const struct isolation_options *)options, shape);
    random_seed(&self->random, seed);
    placement_init(&self->placement, shape);
}

static inline struct isolation_node *node_of(const struct isolation *self, uint64_t tree,
                                             uint64_t node)
{
    uint8_t *nodes = (uint8_t *)(uintptr_t)self + self->nodes_offset;
    return (struct isolation_node *)(void *)(nodes +
                                             (tree * self->node_count + node) * self->node_bytes);
}

static inline float *box_of(const struct isolation_node *node)
{
    return (float *)(void *)((uint8_t *)(uintptr_t)node + sizeof *node);
}

static inline float *places(const struct isolation *self)
{
    return (float *)(void *)((uint8_t *)(uintptr_t)self + self->places_offset);
}

/* The first point of an empty node is its box. */
static void box_extend(struct isolation_node *node, uint64_t columns, const float *point,
                       bool empty)
{
    float *minima = box_of(node), *maxima = minima + columns;
    for (uint64_t i = 0; i < columns; i++) {
        minima[i] = empty || point[i] < minima[i] ? point[i] : minima[i];
        maxima[i] = empty || point[i] > maxima[i] ? point[i] : maxima[i];
    }
}

static float drawn_between(struct random *random, float low, float high)
{
    double place = (double)low + random_uniform(random) * ((double)high - (double)low);
    return (float)place;
}

/* The node's events are forgotten; points drawn from its box stand for them. */
static void node_split(struct isolation *self, uint64_t tree, uint64_t number)
{
    struct isolation_node *node = node_of(self, tree, number);
    const float *minima = box_of(node), *maxima = minima + self->columns;
    node->split = 1;
    node->dimension = (uint32_t)random_below(&self->random, self->columns);
    node->cut = drawn_between(&self->random, minima[node->dimension], maxima[node->dimension]);
    memset(node_of(self, tree, 2 * number), 0, 2 * self->node_bytes);
    for (uint32_t i = 0; i < node->count; i++) {
        float point[MODEL_FEATURES_MAX];
        for (uint64_t j = 0; j < self->columns; j++)
            point[j] = drawn_between(&self->random, minima[j], maxima[j]);
        uint64_t right = point[node->dimension] >= node->cut;
        struct isolation_node *child = node_of(self, tree, 2 * number + right);
        box_extend(child, self->columns, point, child->count == 0);
        child->count++;
    }
}

static void node_join(struct isolation *self, uint64_t tree, uint64_t number)
{
    struct isolation_node *node = node_of(self, tree, number);
    bool empty = true;
    node->split = 0;
    for (uint64_t i = 0; i < 2; i++) {
        const struct isolation_node *child = node_of(self, tree, 2 * number + i);
        if (child->count == 0)
            continue;
        box_extend(node, self->columns, box_of(child), empty);
        box_extend(node, self->columns, box_of(child) + self->columns, false);
        empty = false;
    }
}

/* The leaf that a point falls into; returns its depth. */
static inline uint64_t descend(const struct isolation *self, uint64_t tree, const float *point,
                               const struct isolation_node **leaf)
{
    uint64_t number = 1, depth = 0;
    const struct isolation_node *node = node_of(self, tree, 1);
    while (node->split) {
        number = 2 * number + (point[node->dimension] >= node->cut);
        node = node_of(self, tree, number);
        depth++;
    }
    *leaf = node;
    return depth;
}

static double score_at(const struct isolation *self, const float *point)
{
    uint64_t held = self->events < self->window ? self->events : self->window;
    double whole = path_length(self, (double)held), sum = 0;
    if (!(whole > 0.5))
        return 0;
    for (uint64_t i = 0; i < self->tree_count; i++) {
        const struct isolation_node *leaf;
        uint64_t depth = descend(self, i, point, &leaf);
        sum += (double)depth + path_length(self, leaf->count);
    }
    return exp2(-sum / (double)self->tree_count / whole);
}

static double isolation_score(const void *memory, const struct example *example)
{
    const struct isolation *self = (const struct isolation *)memory;
    float point[MODEL_FEATURES_MAX];
    placement_place(&self->placement, example->feature, point);
    return score_at(self, point);
}

static void tree_enter(struct isolation *self, uint64_t tree, const float *point)
{
    uint64_t number = 1;
    for (uint64_t depth = 0;; depth++) {
        struct isolation_node *node = node_of(self, tree, number);
        box_extend(node, self->columns, point, node->count == 0);
        node->count++;
        if (!node->split) {
            if (node->count >= self->leaf << depth && (double)depth < self->depth_limit)
                node_split(self, tree, number);
            return;
        }
        number = 2 * number + (point[node->dimension] >= node->cut);
    }
}

static void tree_leave(struct isolation *self, uint64_t tree, const float *point)
{
    uint64_t number = 1;
    for (uint64_t depth = 0;; depth++) {
        struct isolation_node *node = node_of(self, tree, number);
        node->count -= node->count > 0;
        if (!node->split)
            return;
        if (node->count < self->leaf << depth) {
            node_join(self, tree, number);
            return;
        }
        number = 2 * number + (point[node->dimension] >= node->cut);
    }
}

static double isolation_learn(void *memory, const struct example *example)
{
    struct isolation *self = (struct isolation *)memory;
    float point[MODEL_FEATURES_MAX], *slot = places(self) + self->next * self->columns;
    if (self->columns == 0)
        return 0;
    placement_place(&self->placement, example->feature, point);
    double score = score_at(self, point);
    for (uint64_t i = 0; i < self->tree_count; i++) {
        tree_enter(self, i, point);
        if (self->events >= self->window)
            tree_leave(self, i, slot);
    }
    memcpy(slot, point, self->columns * sizeof *slot);
    self->next = self->next + 1 < self->window ? self->next + 1 : 0;
    self->events++;
    placement_learn(&self->placement, example->feature);
    return score;
}

static const struct option isolation_options[] = {
    {.name = "trees",
     .type = OPTION_INTEGER,
     .standard = "32",
     .minimum = 1,
     .maximum = 1000,
     .offset = offsetof(struct isolation_options, trees),
     .help = "trees; more give a steadier score and take longer"},
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "2048",
     .minimum = 16,
     .maximum = 1000000,
     .offset = offsetof(struct isolation_options, window),
     .help = "latest events that the trees describe; 4 bytes each a feature"},
    {.name = "leaf",
     .type = OPTION_INTEGER,
     .standard = "8",
     .minimum = 2,
     .maximum = 10000,
     .offset = offsetof(struct isolation_options, leaf),
     .help = "events that split the root, less than half of the window; each depth needs twice as "
             "many"},
    OPTION_END,
};

const struct model_kind online_isolation_forest_model = {
    .name = "online_isolation_forest",
    .summary = "anomalies by how soon random cuts leave them alone, over a sliding window",
    .options = isolation_options,
    .option_size = sizeof(struct isolation_options),
    .supervised = false,
    .cost_ns = 3500,
    .check = isolation_check,
    .state_size = isolation_state_size,
    .init = isolation_init,
    .score = isolation_score,
    .learn = isolation_learn,
};
