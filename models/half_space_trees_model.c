/* Half-space trees: how thinly populated is the place where an event falls?  Swee Chuan Tan, Kai
 * Ming Ting, Tony Fei Liu, "Fast anomaly detection for streaming data", 2011.
 *
 * A tree halves the space at random, feature by feature, down to `depth`, before it has seen
 * anything. Each node counts the events of the latest window that pass through it (latest) and
 * remembers the count of the window before (reference).  An event goes down until a node has seen
 * few (reference < window / 10) or the tree ends; with depth k there,
 *
 *     density = reference 2^k / window,   1 if the events were spread evenly over the work range
 *     score   = 1 / (1 + mean density over the trees):  1 where nothing has ever been, 1/2 at even
 * spread
 *
 * which falls strictly as the paper's sum of masses rises, so that the order is the paper's.  The
 * first window only measures the features' ranges, the second one fills the trees; until then the
 * score is 0. The paper's work range reaches beyond the measured one, so later values outside it
 * are told apart. A missing number stands for its mean in the first window; keys are never chosen,
 * and a pipeline whose features are keys alone is refused by the configuration.
 *
 * At the end of a window nothing is copied or cleared: every node knows the window that it was
 * counted in (epoch) and catches up when it is next passed. */
#include "base/assert.h"
#include "base/random.h"
#include "models/model.h"
#include "models/numbers.h"
#include <math.h>
#include <string.h>

enum { LANES = 4, DEPTH_MAX = 15, PLACING = 3 };

/* Beyond this a value stops being told from others as far out. */
static const double RANGE_LIMIT = 1e30, FEATURE_LIMIT = 1e150;

/* Four trees side by side. */
typedef uint32_t lanes_of_32 __attribute__((vector_size(4 * LANES)));

struct trees_options {
    int64_t trees, depth, window;
};

/* One visit of a node is one cache line: what splits it lies beside what it counts.  The counts are
 * one word, since a visit changes all of them: reference in bits 0 to 15, latest in 16 to 31 (a
 * window is shorter than 2^16), epoch in 32 to 63. */
struct node {
    float split;
    uint32_t feature;
    uint64_t counts;
};

/* Of a feature in the first window. */
struct range {
    double minimum, maximum, sum, count;
};

/* The row: this; ranges (feature_count); lower, inverse and standing (3, feature_count): a value
 * becomes (value - lower) inverse, 0 to 1 over the first window's range, a missing one `standing`;
 * nodes (tree_count, stride) at the next cache line. */
struct trees {
    uint64_t tree_count, depth, window, feature_count;
    uint64_t stride; /* nodes from tree to tree: a power of two would share cache sets */
    uint64_t nodes_offset;
    uint64_t filled; /* events of this window */
    uint32_t epoch;  /* 0: measuring ranges; 1: no reference yet */
    uint32_t limit;  /* fewer than this are few */
    struct range range[];
};

static uint64_t nodes_offset(const struct model_shape *shape)
{
    uint64_t size = sizeof(struct trees) +
                    shape->feature_count * (sizeof(struct range) + PLACING * sizeof(double));
    return (size + 63) / 64 * 64;
}

/* Nodes are numbered from 1, the children of i are 2i and 2i + 1. */
static uint64_t stride_for(const struct trees_options *given)
{
    return (2ULL << given->depth) + 64 / sizeof(struct node);
}

static uint64_t trees_state_size(const void *options, const struct model_shape *shape)
{
    const struct trees_options *given = (const struct trees_options *)options;
    return nodes_offset(shape) + (uint64_t)given->trees * stride_for(given) * sizeof(struct node);
}

static enum status trees_check(const void *options, const struct model_shape *shape,
                               struct failure *failure)
{
    (void)options;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (shape->type[i] != TYPE_TEXT)
            return STATUS_OK;
    }
    return failure_set(failure, STATUS_STOP,
                       "half-space trees need at least one feature that is a number");
}

enum placing { PLACING_LOWER, PLACING_INVERSE, PLACING_STANDING };

static inline double *placing(const struct trees *self, enum placing which)
{
    const void *end = self->range + self->feature_count;
    return (double *)(uintptr_t)end + which * self->feature_count;
}

static inline struct node *tree_nodes(const struct trees *self, uint64_t tree)
{
    uint8_t *nodes = (uint8_t *)(uintptr_t)self + self->nodes_offset;
    return (struct node *)(void *)nodes + tree * self->stride;
}

/* What a tree is cut from while it is made; numbers only. */
struct carving {
    struct random *random;
    uint64_t depth;
    uint32_t count;
    uint32_t feature[MODEL_FEATURES_MAX];
    double lower[MODEL_FEATURES_MAX], upper[MODEL_FEATURES_MAX];
};

static void carve(struct carving *carving, struct node *nodes, uint64_t index, uint64_t level)
{
    if (level == carving->depth)
        return;
    uint64_t chosen = random_below(carving->random, carving->count);
    double lower = carving->lower[chosen], upper = carving->upper[chosen];
    double middle = lower + (upper - lower) / 2;
    nodes[index].feature = carving->feature[chosen];
    nodes[index].split = (float)middle;
    carving->upper[chosen] = middle;
    carve(carving, nodes, 2 * index, level + 1);
    carving->upper[chosen] = upper;
    carving->lower[chosen] = middle;
    carve(carving, nodes, 2 * index + 1, level + 1);
    carving->lower[chosen] = lower;
}

/* The paper's work range: around a random point of [0, 1], so wide that all of it is covered. */
static void carve_tree(struct carving *carving, struct node *nodes)
{
    for (uint32_t i = 0; i < carving->count; i++) {
        double point = random_uniform(carving->random);
        double reach = 2 * fmax(point, 1 - point);
        carving->lower[i] = point - reach;
        carving->upper[i] = point + reach;
    }
    carve(carving, nodes, 1, 0);
}

static void trees_init(void *memory, const void *options, const struct model_shape *shape,
                       uint64_t seed)
{
    const struct trees_options *given = (const struct trees_options *)options;
    ASSERT(shape->feature_count <= MODEL_FEATURES_MAX && given->depth <= DEPTH_MAX);
    struct trees *self = (struct trees *)memory;
    memset(self, 0, trees_state_size(options, shape));
    self->tree_count = (uint64_t)given->trees;
    self->depth = (uint64_t)given->depth;
    self->window = (uint64_t)given->window;
    self->feature_count = shape->feature_count;
    self->stride = stride_for(given);
    self->nodes_offset = nodes_offset(shape);
    self->limit = (uint32_t)(self->window / 10 > 0 ? self->window / 10 : 1);
    struct random random;
    random_seed(&random, seed);
    struct carving carving = {.random = &random, .depth = self->depth};
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (shape->type[i] != TYPE_TEXT)
            carving.feature[carving.count++] = i;
    }
    for (uint64_t i = 0; carving.count && i < self->tree_count; i++)
        carve_tree(&carving, tree_nodes(self, i));
}

/* Keys are measured like numbers, as nobody looks at them: no node splits by one. */
static void measure(struct trees *self, const union value *feature)
{
    for (uint64_t i = 0; i < self->feature_count; i++) {
        struct range *range = &self->range[i];
        double value = feature[i].number;
        if (!(fabs(value) <= FEATURE_LIMIT))
            continue;
        if (range->count == 0)
            range->minimum = range->maximum = value;
        range->minimum = value < range->minimum ? value : range->minimum;
        range->maximum = value > range->maximum ? value : range->maximum;
        range->sum += value;
        range->count += 1;
    }
}

/* A feature that was always the same gets a range around it as wide as it is large, so that another
 * value falls outside. */
static void measured(struct trees *self, uint64_t feature)
{
    const struct range *range = &self->range[feature];
    double width = range->maximum - range->minimum, lower = range->minimum;
    if (!(width > 1e-200)) {
        width = fabs(range->minimum) > 1 ? fabs(range->minimum) : 1;
        lower = range->minimum - width / 2;
    }
    double mean = range->count > 0 ? range->sum / range->count : range->minimum;
    placing(self, PLACING_LOWER)[feature] = lower;
    placing(self, PLACING_INVERSE)[feature] = 1 / width;
    placing(self, PLACING_STANDING)[feature] = (mean - lower) / width;
}

static inline void place(const struct trees *self, const union value *feature, float *placed)
{
    const double *lower = placing(self, PLACING_LOWER);
    const double *inverse = placing(self, PLACING_INVERSE);
    const double *standing = placing(self, PLACING_STANDING);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double value = (feature[i].number - lower[i]) * inverse[i];
        value = value == value ? value : standing[i];
        value = value > RANGE_LIMIT ? RANGE_LIMIT : value;
        value = value < -RANGE_LIMIT ? -RANGE_LIMIT : value;
        placed[i] = (float)value;
    }
}

/* The counts as they are in this epoch: unchanged, or with the last window's count as reference. */
static inline uint64_t caught_up(uint64_t counts, uint64_t epoch)
{
    uint64_t counted = counts >> 32;
    uint64_t reference = counted + 1 == epoch ? (counts >> 16) & 0xffff : 0;
    return counted == epoch ? counts : epoch << 32 | reference;
}

/* Goes down `lanes` trees at once, so that their loads overlap, and notes the reference of every
 * node on the way in seen (depth + 1, LANES), from lane `at` on.  Learning counts the event in
 * each. */
static inline __attribute__((always_inline)) void
walk(struct node *first, uint64_t stride, const struct trees *self, const uint64_t lanes,
     const float *placed, const bool learning, lanes_of_32 *seen, const uint64_t at)
{
    uint64_t epoch = self->epoch, index[LANES];
#pragma GCC unroll 8
    for (uint64_t lane = 0; lane < lanes; lane++)
        index[lane] = 1;
    for (uint64_t level = 0; level <= self->depth; level++) {
#pragma GCC unroll 8
        for (uint64_t lane = 0; lane < lanes; lane++) {
            struct node *node = first + lane * stride + index[lane];
            uint64_t counts = caught_up(node->counts, epoch);
            seen[level][at + lane] = counts & 0xffff;
            if (learning)
                node->counts = counts + (1 << 16);
            index[lane] = 2 * index[lane] + (placed[node->feature] >= node->split);
        }
    }
}

/* Sum over the lanes of reference 2^level at the first node that has seen few, or at the last. */
static inline uint64_t masses(const struct trees *self, const lanes_of_32 *seen)
{
    lanes_of_32 mass = {0}, open = ~mass, limit = mass + self->limit;
    for (uint32_t level = 0; level <= self->depth; level++) {
        mass = (mass & ~open) | ((seen[level] << level) & open);
        open &= (lanes_of_32)(seen[level] >= limit);
    }
    return (uint64_t)mass[0] + mass[1] + mass[2] + mass[3];
}

static inline __attribute__((always_inline)) double
walk_all(const struct trees *self, const float *placed, const bool learning)
{
    lanes_of_32 seen[DEPTH_MAX + 1];
    uint64_t sum = 0, tree = 0, count = self->tree_count;
    for (; tree + LANES <= count; tree += LANES) {
        walk(tree_nodes(self, tree), self->stride, self, LANES, placed, learning, seen, 0);
        sum += masses(self, seen);
    }
    uint64_t rest = count - tree;
    memset(seen, 0, sizeof seen);
    if (rest >= 2)
        walk(tree_nodes(self, tree), self->stride, self, 2, placed, learning, seen, 0);
    if (rest % 2)
        walk(tree_nodes(self, count - 1), self->stride, self, 1, placed, learning, seen, rest - 1);
    sum += masses(self, seen);
    if (self->epoch < 2)
        return 0;
    return 1 / (1 + (double)sum / (double)(self->tree_count * self->window));
}

static double trees_score(const void *memory, const struct example *example)
{
    const struct trees *self = (const struct trees *)memory;
    if (self->epoch < 2)
        return 0;
    float placed[MODEL_FEATURES_MAX];
    place(self, example->feature, placed);
    return walk_all(self, placed, false);
}

static double trees_learn(void *memory, const struct example *example)
{
    struct trees *self = (struct trees *)memory;
    double score = 0;
    if (self->epoch == 0) {
        measure(self, example->feature);
    } else {
        float placed[MODEL_FEATURES_MAX];
        place(self, example->feature, placed);
        score = walk_all(self, placed, true);
    }
    if (++self->filled < self->window)
        return score;
    self->filled = 0;
    for (uint64_t i = 0; self->epoch == 0 && i < self->feature_count; i++)
        measured(self, i);
    self->epoch++;
    return score;
}

static const struct option trees_options[] = {
    {.name = "trees",
     .type = OPTION_INTEGER,
     .standard = "25",
     .minimum = 1,
     .maximum = 1000,
     .offset = offsetof(struct trees_options, trees),
     .help = "trees; more give a steadier score and take longer"},
    {.name = "depth",
     .type = OPTION_INTEGER,
     .standard = "10",
     .minimum = 1,
     .maximum = DEPTH_MAX,
     .offset = offsetof(struct trees_options, depth),
     .help = "halvings of the space; each more doubles the memory, 32 bytes x 2^depth a tree"},
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "250",
     .minimum = 10,
     .maximum = 65535,
     .offset = offsetof(struct trees_options, window),
     .help = "events that each picture of the normal is made of; it takes two until scores begin"},
    OPTION_END,
};

const struct model_kind half_space_trees_model = {
    .name = "half_space_trees",
    .summary = "anomalies by how thinly populated their place is, over a sliding pair of windows",
    .options = trees_options,
    .option_size = sizeof(struct trees_options),
    .supervised = false,
    .check = trees_check,
    .state_size = trees_state_size,
    .init = trees_init,
    .score = trees_score,
    .learn = trees_learn,
};
