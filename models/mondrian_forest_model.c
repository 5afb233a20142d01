/* Aggregated Mondrian forest: Jaouad Mourtada, Stephane Gaiffas, Erwan Scornet, "AMF: Aggregated
 * Mondrian forests for online learning", 2021; its trees are those of Balaji Lakshminarayanan,
 * Daniel Roy, Yee Whye Teh, "Mondrian forests: efficient online random forests", 2014.
 *
 * A tree cuts space at random, without looking at labels, and only where events are: each node
 * knows the box around those that it has seen.  An event that falls outside the box of a node, by
 * e_j on feature j, brings a new cut above that node after a time ~ Exponential(sum_j rate_j e_j);
 * if that is before the node's own cut it is made, on feature j with odds rate_j e_j, anywhere
 * between the box and the event.  So a tree is what it would be had all events been there at first.
 *
 * Each node forecasts by its counts, p_v(y) = (count_y + a) / (count + a classes), and has a weight
 * w_v = product over its events of p_v(label)^step.  All prunings of the tree forecast together,
 * each with weight 2^-(nodes) product of w over its leaves, exactly, by context tree weighting
 * (Frans Willems, Yuri Shtarkov, Tjalling Tjalkens, 1995):
 *
 *     W_v = w_v at a leaf,   w_v / 2 + W_left W_right / 2 elsewhere
 *     p(y | v) = (p_v(y) + r_v p(y | child)) / (1 + r_v),      r_v = W_left W_right / w_v
 *
 * Only r is kept.  A label multiplies w_v by l_v = p_v(label)^step and W_v by
 * L_v = (l_v + r_v L_child) / (1 + r_v), so r_v by L_child / l_v: no logarithm anywhere.  A new cut
 * above v begins with r = 1 over a leaf and (1 + r_v) / 2 elsewhere.
 *
 * rate_j is 1 (`none`) or one over what the scaler knows of the feature's spread.  A missing number
 * stretches no box and follows the more populated side; keys are always missing; choices count as
 * their numbers.  When a tree's share of `memory` is full it makes no more cuts, and goes on
 * counting and weighing. */
#include "base/assert.h"
#include "base/random.h"
#include "models/model.h"
#include <math.h>
#include <string.h>

enum { LANES = 8, ALIGNMENT = 64, TREES_MAX = 1000 };
enum scaler { SCALER_NONE, SCALER_RANGE, SCALER_STANDARD };

/* Beyond this a value stops being told from others as far out; sums of 512 stay finite. */
static const float VALUE_LIMIT = 1e30F;
static const double RATIO_LIMIT = 1e280, NEGLIGIBLE = 1e-17;

/* Wherever floats may lie. */
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t lanes_mask __attribute__((vector_size(4 * LANES)));

struct mondrian_options {
    int64_t trees, memory;
    double step, dirichlet;
    int scaler;
    bool aggregation, split_pure;
};

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

enum { NOBODY = UINT32_MAX };

struct tree {
    struct random random;
    uint64_t used; /* nodes; the first one is made by the first label */
    uint64_t root;
};

/* Of a feature. */
struct spread {
    double
        origin; /* the first value: boxes hold differences from it, which floats can tell apart */
    double count, mean, square, minimum, maximum;
};

/* The row: this; spreads (feature_count); rates (width); trees; nodes (tree_count, capacity). */
struct forest {
    uint64_t feature_count, class_count, width, scaler;
    uint64_t tree_count, capacity, stride, box_offset;
    uint64_t rates_offset, trees_offset, nodes_offset;
    uint64_t aggregation, split_pure, keys[MODEL_FEATURES_MAX / 64];
    double step, dirichlet;
    struct spread spread[];
};

/* An event as the trees see it. */
struct arrival {
    _Alignas(32) float value[MODEL_FEATURES_MAX];
    const struct forest *self;
    const lanes *rate;
    uint64_t label;
    double weight;
    const struct example *example;
};

static uint64_t rounded(uint64_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void lay_out(struct forest *self, const struct mondrian_options *given,
                    const struct model_shape *shape)
{
    self->feature_count = shape->feature_count;
    self->class_count = shape->class_count;
    self->width = (shape->feature_count + LANES - 1) / LANES * LANES;
    self->tree_count = (uint64_t)given->trees;
    self->box_offset = (sizeof(struct node) + self->class_count * sizeof(double) + 31) / 32 * 32;
    self->stride = rounded(self->box_offset + 2 * self->width * sizeof(float));
    self->capacity = (uint64_t)given->memory / (self->tree_count * self->stride);
    self->capacity = self->capacity < 1 ? 1 : self->capacity;
    self->capacity = self->capacity < NOBODY ? self->capacity : NOBODY;
    self->rates_offset = rounded(sizeof *self + self->feature_count * sizeof(struct spread));
    self->trees_offset = rounded(self->rates_offset + self->width * sizeof(float));
    self->nodes_offset = rounded(self->trees_offset + self->tree_count * sizeof(struct tree));
}

static uint64_t mondrian_state_size(const void *options, const struct model_shape *shape)
{
    struct forest self = {0};
    lay_out(&self, (const struct mondrian_options *)options, shape);
    return self.nodes_offset + self.tree_count * self.capacity * self.stride;
}

static enum status mondrian_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (!value_type_is_key(shape->type[i]))
            return STATUS_OK;
    }
    return failure_set(failure, STATUS_STOP,
                       "a Mondrian forest needs at least one feature that is a number");
}

static inline void *at(const struct forest *self, uint64_t offset)
{
    return (uint8_t *)(uintptr_t)self + offset;
}

static inline struct tree *tree_of(const struct forest *self, uint64_t index)
{
    return (struct tree *)at(self, self->trees_offset) + index;
}

static inline uint8_t *nodes_of(const struct forest *self, uint64_t tree)
{
    return (uint8_t *)at(self, self->nodes_offset) + tree * self->capacity * self->stride;
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

static void mondrian_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    const struct mondrian_options *given = (const struct mondrian_options *)options;
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX);
    struct forest *self = (struct forest *)memory;
    memset(self, 0, mondrian_state_size(options, shape));
    lay_out(self, given, shape);
    self->scaler = (uint64_t)given->scaler;
    self->aggregation = given->aggregation;
    self->split_pure = given->split_pure;
    self->step = given->step;
    self->dirichlet = given->dirichlet;
    float *rate = (float *)at(self, self->rates_offset);
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        rate[i] = given->scaler == SCALER_NONE ? 1 : 0;
        self->keys[i / 64] |= (uint64_t)value_type_is_key(shape->type[i]) << i % 64;
        self->spread[i] = (struct spread){MISSING, 0, 0, 0, INFINITY, -INFINITY};
    }
    struct random seeds;
    random_seed(&seeds, seed);
    for (uint64_t i = 0; i < self->tree_count; i++)
        random_seed(&tree_of(self, i)->random, random_bits(&seeds));
}

/* Differences from the origins, missing beyond the features. */
static void arrive(struct arrival *arrival, const struct forest *self, const union value *feature)
{
    arrival->self = self;
    arrival->rate = (const lanes *)at(self, self->rates_offset);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double origin = self->spread[i].origin;
        double value = feature[i].number - (origin == origin ? origin : 0);
        value = value > (double)VALUE_LIMIT ? (double)VALUE_LIMIT : value;
        value = value < -(double)VALUE_LIMIT ? -(double)VALUE_LIMIT : value;
        bool key = self->keys[i / 64] >> i % 64 & 1;
        arrival->value[i] = key ? NAN : (float)value;
    }
    for (uint64_t i = self->feature_count; i < self->width; i++)
        arrival->value[i] = NAN;
}

/* --- What features look like --- */

static double spread_rate(const struct spread *spread, uint64_t scaler)
{
    double width = scaler == SCALER_RANGE ? spread->maximum - spread->minimum
                                          : sqrt(spread->square / spread->count);
    return width > 1e-30 ? 1 / width : 0;
}

static void learn_spread(struct forest *self, const struct example *example)
{
    float *rate = (float *)at(self, self->rates_offset);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        struct spread *spread = &self->spread[i];
        double value = example->feature[i].number;
        if (!(fabs(value) <= (double)VALUE_LIMIT) || self->keys[i / 64] >> i % 64 & 1)
            continue;
        spread->origin = spread->count > 0 ? spread->origin : value;
        double delta = value - spread->mean;
        spread->count += 1;
        spread->mean += delta / spread->count;
        spread->square += delta * (value - spread->mean);
        spread->minimum = value < spread->minimum ? value : spread->minimum;
        spread->maximum = value > spread->maximum ? value : spread->maximum;
        if (self->scaler != SCALER_NONE)
            rate[i] = (float)spread_rate(spread, self->scaler);
    }
}

/* --- Boxes --- */

/* rate_j e_j of eight features. */
static inline lanes extension(const struct arrival *arrival, const lanes *box, uint64_t block,
                              uint64_t blocks)
{
    lanes value = ((const lanes *)(const void *)arrival->value)[block];
    lanes under = box[block] - value, over = value - box[blocks + block];
    under = (lanes)((lanes_mask)under & (under > 0));
    over = (lanes)((lanes_mask)over & (over > 0));
    return (under + over) * arrival->rate[block];
}

static inline float extension_sum(const struct arrival *arrival, const lanes *box)
{
    lanes sum = {0};
    uint64_t blocks = arrival->self->width / LANES;
    for (uint64_t i = 0; i < blocks; i++)
        sum += extension(arrival, box, i, blocks);
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static inline lanes either(lanes_mask which, lanes yes, lanes no)
{
    return (lanes)(((lanes_mask)yes & which) | ((lanes_mask)no & ~which));
}

static inline void widen(const struct arrival *arrival, lanes *box)
{
    uint64_t blocks = arrival->self->width / LANES;
    for (uint64_t i = 0; i < blocks; i++) {
        lanes value = ((const lanes *)(const void *)arrival->value)[i];
        lanes low = box[i], high = box[blocks + i];
        box[i] = either((value < low) | (low != low), value, low);
        box[blocks + i] = either((value > high) | (high != high), value, high);
    }
}

/* The feature that a new cut is on: with odds rate_j e_j. */
static uint32_t choose_feature(const struct arrival *arrival, const lanes *box, double point)
{
    uint64_t blocks = arrival->self->width / LANES;
    uint32_t chosen = 0;
    for (uint64_t i = 0; i < blocks; i++) {
        lanes odds = extension(arrival, box, i, blocks);
        for (uint32_t j = 0; j < LANES; j++) {
            if (!(odds[j] > 0))
                continue;
            chosen = (uint32_t)i * LANES + j;
            point -= (double)odds[j];
            if (point < 0)
                return chosen;
        }
    }
    return chosen;
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

static double tree_probability(const struct forest *self, uint64_t tree,
                               const struct arrival *arrival)
{
    uint8_t *nodes = nodes_of(self, tree);
    const struct node *node = node_at(self, nodes, tree_of(self, tree)->root);
    double share = 1, sum = 0;
    for (;;) {
        double passed = take_share(self, node, share);
        sum += (share - passed) * forecast(self, node, 1);
        share = passed;
        if (share < NEGLIGIBLE)
            return sum;
        node = next_node(self, nodes, arrival, node);
    }
}

static void tree_probabilities(const struct forest *self, uint64_t tree,
                               const struct arrival *arrival, double *sums)
{
    uint8_t *nodes = nodes_of(self, tree);
    const struct node *node = node_at(self, nodes, tree_of(self, tree)->root);
    double share = 1, classes = (double)self->class_count;
    while (share >= NEGLIGIBLE) {
        double passed = take_share(self, node, share);
        double part = (share - passed) / (total(self, node) + self->dirichlet * classes);
        for (uint64_t i = 0; i < self->class_count; i++)
            sums[i] += part * (node->count[i] + self->dirichlet);
        share = passed;
        if (share >= NEGLIGIBLE)
            node = next_node(self, nodes, arrival, node);
    }
}

static double likeliest(const struct forest *self, const struct arrival *arrival)
{
    double sums[MODEL_CLASSES_MAX] = {0};
    for (uint64_t i = 0; i < self->tree_count; i++)
        tree_probabilities(self, i, arrival, sums);
    uint64_t best = 0;
    for (uint64_t i = 1; i < self->class_count; i++)
        best = sums[i] > sums[best] ? i : best;
    return (double)best;
}

static double forest_score(const struct forest *self, const struct arrival *arrival)
{
    if (tree_of(self, 0)->used == 0)
        return self->class_count == 2 ? 0.5 : 0;
    if (self->class_count > 2)
        return likeliest(self, arrival);
    double sum = 0;
    for (uint64_t i = 0; i < self->tree_count; i++)
        sum += tree_probability(self, i, arrival);
    double score = sum / (double)self->tree_count;
    return score < 1 ? score : 1;
}

static double mondrian_score(const void *memory, const struct example *example)
{
    const struct forest *self = (const struct forest *)memory;
    struct arrival arrival;
    arrive(&arrival, self, example->feature);
    return forest_score(self, &arrival);
}

/* --- Growing --- */

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

/* When a cut between the box and the event comes; INFINITY: not before the node's own.  A node that
 * has seen this label only is not cut for it, unless told so: it would forecast the same. */
static double cut_time(const struct arrival *arrival, struct tree *tree, const struct node *node,
                       double stretched)
{
    const struct forest *self = arrival->self;
    if (!(stretched > 0) || tree->used + 2 > self->capacity)
        return INFINITY;
    if (!self->split_pure && total(self, node) == node->count[arrival->label])
        return INFINITY;
    double time = node->born - log(1 - random_uniform(&tree->random)) / stretched;
    return time < node->split ? time : INFINITY;
}

/* Somewhere between the box and the event, so that both lie on their sides in floats too. */
static float cut_place(float value, float low, float high, double point)
{
    float from = value > high ? high : value, to = value > high ? value : low;
    float place = (float)((double)from + point * ((double)to - (double)from));
    return place < to ? place : from;
}

/* A cut above the node, with the event alone on the other side; returns its leaf. */
static struct node *cut(const struct arrival *arrival, uint8_t *nodes, struct tree *tree,
                        struct node *node, double time, double stretched)
{
    const struct forest *self = arrival->self;
    float *box = (float *)box_of(self, node);
    double point = random_uniform(&tree->random) * stretched;
    uint32_t feature = choose_feature(arrival, box_of(self, node), point);
    float value = arrival->value[feature], high = box[self->width + feature];
    uint32_t above = (uint32_t)tree->used, below = (uint32_t)tree->used + 1;
    uint32_t own = (uint32_t)((uint64_t)((uint8_t *)node - nodes) / self->stride);
    struct node *parent = new_leaf(arrival, nodes, tree), *leaf = new_leaf(arrival, nodes, tree);
    memcpy(parent, node, self->stride);
    parent->ratio = is_leaf(node) ? 1 : (1 + node->ratio) / 2;
    parent->split = node->born = leaf->born = time;
    parent->feature = feature;
    parent->threshold = cut_place(value, box[feature], high, random_uniform(&tree->random));
    parent->child[value > high] = below;
    parent->child[!(value > high)] = own;
    node->parent = leaf->parent = above;
    if (parent->parent == NOBODY) {
        tree->root = above;
    } else {
        struct node *over = node_at(self, nodes, parent->parent);
        over->child[over->child[1] == own] = above;
    }
    widen(arrival, box_of(self, parent));
    return leaf;
}

/* Down to the leaf of the event, which may be new. */
static struct node *descend(const struct arrival *arrival, uint8_t *nodes, struct tree *tree)
{
    const struct forest *self = arrival->self;
    struct node *node = node_at(self, nodes, tree->root);
    for (;;) {
        example_touch(arrival->example, node, self->stride);
        double stretched = (double)extension_sum(arrival, box_of(self, node));
        double time = cut_time(arrival, tree, node, stretched);
        if (time < INFINITY)
            return cut(arrival, nodes, tree, node, time, stretched);
        widen(arrival, box_of(self, node));
        if (is_leaf(node))
            return node;
        node = (struct node *)(uintptr_t)next_node(self, nodes, arrival, node);
    }
}

/* Counts and weighs the label in all nodes from the leaf up. */
static void climb(const struct arrival *arrival, uint8_t *nodes, struct node *node)
{
    const struct forest *self = arrival->self;
    double exponent = self->step * arrival->weight, below = 1;
    for (;;) {
        double likelihood = forecast(self, node, arrival->label);
        likelihood = exponent == 1 ? likelihood : pow(likelihood, exponent);
        likelihood = likelihood > 1e-20 ? likelihood : 1e-20;
        node->count[arrival->label] += arrival->weight;
        if (is_leaf(node)) {
            below = total(self, node) == arrival->weight ? 1 : likelihood;
        } else {
            double ratio = node->ratio * (below / likelihood);
            below = (likelihood + node->ratio * below) / (1 + node->ratio);
            ratio = ratio < RATIO_LIMIT ? ratio : RATIO_LIMIT;
            node->ratio = ratio > 1 / RATIO_LIMIT ? ratio : 1 / RATIO_LIMIT;
        }
        if (node->parent == NOBODY)
            return;
        node = node_at(self, nodes, node->parent);
    }
}

static void learn_tree(const struct arrival *arrival, uint64_t index)
{
    const struct forest *self = arrival->self;
    struct tree *tree = tree_of(self, index);
    uint8_t *nodes = nodes_of(self, index);
    struct node *leaf =
        tree->used == 0 ? new_leaf(arrival, nodes, tree) : descend(arrival, nodes, tree);
    climb(arrival, nodes, leaf);
}

static double mondrian_learn(void *memory, const struct example *example)
{
    struct forest *self = (struct forest *)memory;
    struct arrival arrival;
    arrive(&arrival, self, example->feature);
    double score = forest_score(self, &arrival);
    example_touch(example, self, self->nodes_offset);
    learn_spread(self, example);
    arrive(&arrival, self, example->feature);
    arrival.label = (uint64_t)example->label;
    ASSERT(arrival.label < self->class_count);
    arrival.weight = example->weight;
    arrival.example = example;
    for (uint64_t i = 0; i < self->tree_count; i++)
        learn_tree(&arrival, i);
    return score;
}

static const char *const scaler_names[] = {"none", "range", "standard", NULL};

static const struct option mondrian_options[] = {
    {.name = "trees",
     .type = OPTION_INTEGER,
     .standard = "20",
     .minimum = 1,
     .maximum = TREES_MAX,
     .offset = offsetof(struct mondrian_options, trees),
     .help = "trees; more are steadier and take longer"},
    {.name = "memory",
     .type = OPTION_SIZE,
     .standard = "64MiB",
     .minimum = 4096,
     .maximum = 1e12,
     .offset = offsetof(struct mondrian_options, memory),
     .help = "for all nodes, an equal share a tree; a tree whose share is full makes no more cuts"},
    {.name = "step",
     .type = OPTION_NUMBER,
     .standard = "1",
     .minimum = 1e-6,
     .maximum = 100,
     .offset = offsetof(struct mondrian_options, step),
     .help = "how fast prunings that forecast badly lose their weight"},
    {.name = "dirichlet",
     .type = OPTION_NUMBER,
     .standard = "0.5",
     .minimum = 1e-6,
     .maximum = 100,
     .offset = offsetof(struct mondrian_options, dirichlet),
     .help = "added to each class's count in a node's forecast"},
    {.name = "scaler",
     .type = OPTION_CHOICE,
     .choices = scaler_names,
     .standard = "none",
     .offset = offsetof(struct mondrian_options, scaler),
     .help = "what a feature's distances are divided by: nothing, its range or its deviation so "
             "far"},
    {.name = "aggregation",
     .type = OPTION_BOOLEAN,
     .standard = "true",
     .offset = offsetof(struct mondrian_options, aggregation),
     .help = "whether all prunings forecast, by weight; false: the leaves alone"},
    {.name = "split_pure",
     .type = OPTION_BOOLEAN,
     .standard = "false",
     .offset = offsetof(struct mondrian_options, split_pure),
     .help = "whether nodes are cut that have seen one class only"},
    OPTION_END,
};

const struct model_kind mondrian_forest_model = {
    .name = "mondrian_forest",
    .summary = "random trees that grow where events are, all their prunings weighed exactly",
    .options = mondrian_options,
    .option_size = sizeof(struct mondrian_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .check = mondrian_check,
    .state_size = mondrian_state_size,
    .init = mondrian_init,
    .score = mondrian_score,
    .learn = mondrian_learn,
};
