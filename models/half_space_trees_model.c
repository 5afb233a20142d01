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
 * Only the leaf where an event ends counts it: what the nodes above have seen is the sum of their
 * children's, which is taken once, at the end of a window, when the latest counts become the
 * reference. */
#include "base/assert.h"
#include "base/random.h"
#include "models/model.h"
#include "models/numbers.h"
#include <math.h>
#include <string.h>

enum { LANES = 8, LANES_MOST = 12, DEPTH_MAX = 15, PLACING = 3, LINE = 64 };

/* Beyond this a value stops being told from others as far out. */
static const double RANGE_LIMIT = 1e30, FEATURE_LIMIT = 1e150;

/* Eight trees side by side; a rest of up to four goes along with the eight before it. */
typedef uint32_t lanes_of_32 __attribute__((vector_size(4 * LANES)));

struct trees_options {
    int64_t trees, depth, window;
};

/* An inner node.  The split is the image of a float, in the same order as a whole number: those are
 * compared sooner. */
struct cut {
    int32_t split;
    uint16_t feature, reference;
};

struct leaf {
    uint16_t reference, latest; /* a window is shorter than 2^16 */
};

/* Of a feature in the first window. */
struct range {
    double minimum, maximum, sum, count;
};

/* The row: this; ranges (feature_count); lower, inverse and standing (3, feature_count): a value
 * becomes (value - lower) inverse, 0 to 1 over the first window's range, a missing one `standing`;
 * cuts (2^depth, stride) and leaves (2^depth, stride) at the next cache lines, a row a node and a
 * column a tree, so that the same place of neighbouring trees is found from one address.  Nodes are
 * numbered from 1, the children of i are 2i and 2i + 1; leaf 0 is node 2^depth. */
struct trees {
    uint64_t tree_count, depth, window, feature_count;
    uint64_t stride; /* trees, or one more: an even number would share cache sets */
    uint64_t cuts_offset, leaves_offset;
    uint64_t filled; /* events of this window */
    uint32_t epoch;  /* 0: measuring ranges; 1: no reference yet */
    uint32_t limit;  /* fewer than this are few */
    struct range range[];
};

static uint64_t cuts_offset(const struct model_shape *shape)
{
    uint64_t size = sizeof(struct trees) +
                    shape->feature_count * (sizeof(struct range) + PLACING * sizeof(double));
    return (size + LINE - 1) / LINE * LINE;
}

static uint64_t stride_for(const struct trees_options *given)
{
    return (uint64_t)given->trees | 1;
}

static uint64_t leaves_offset(const struct trees_options *given, const struct model_shape *shape)
{
    uint64_t size = cuts_offset(shape) + (stride_for(given) << given->depth) * sizeof(struct cut);
    return (size + LINE - 1) / LINE * LINE;
}

static uint64_t trees_state_size(const void *options, const struct model_shape *shape)
{
    const struct trees_options *given = (const struct trees_options *)options;
    return leaves_offset(given, shape) + (stride_for(given) << given->depth) * sizeof(struct leaf);
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

static inline struct cut *tree_cuts(const struct trees *self, uint64_t tree)
{
    uint8_t *cuts = (uint8_t *)(uintptr_t)self + self->cuts_offset;
    return (struct cut *)(void *)cuts + tree;
}

static inline struct leaf *tree_leaves(const struct trees *self, uint64_t tree)
{
    uint8_t *leaves = (uint8_t *)(uintptr_t)self + self->leaves_offset;
    return (struct leaf *)(void *)leaves + tree;
}

/* Of numbers that are not NaN; both zeros have one image. */
static inline int32_t image_of(float number)
{
    int32_t bits;
    number += 0.0F;
    memcpy(&bits, &number, sizeof bits);
    return bits ^ ((bits >> 31) & INT32_MAX);
}

/* What a tree is cut from while it is made; numbers only. */
struct carving {
    struct random *random;
    uint64_t depth, stride;
    uint32_t count;
    uint32_t feature[MODEL_FEATURES_MAX];
    double lower[MODEL_FEATURES_MAX], upper[MODEL_FEATURES_MAX];
};

static void carve(struct carving *carving, struct cut *cuts, uint64_t index, uint64_t level)
{
    if (level == carving->depth)
        return;
    uint64_t chosen = random_below(carving->random, carving->count);
    double lower = carving->lower[chosen], upper = carving->upper[chosen];
    double middle = lower + (upper - lower) / 2;
    cuts[index * carving->stride].feature = (uint16_t)carving->feature[chosen];
    cuts[index * carving->stride].split = image_of((float)middle);
    carving->upper[chosen] = middle;
    carve(carving, cuts, 2 * index, level + 1);
    carving->upper[chosen] = upper;
    carving->lower[chosen] = middle;
    carve(carving, cuts, 2 * index + 1, level + 1);
    carving->lower[chosen] = lower;
}

/* The paper's work range: around a random point of [0, 1], so wide that all of it is covered. */
static void carve_tree(struct carving *carving, struct cut *cuts)
{
    for (uint32_t i = 0; i < carving->count; i++) {
        double point = random_uniform(carving->random);
        double reach = 2 * fmax(point, 1 - point);
        carving->lower[i] = point - reach;
        carving->upper[i] = point + reach;
    }
    carve(carving, cuts, 1, 0);
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
    self->cuts_offset = cuts_offset(shape);
    self->leaves_offset = leaves_offset(given, shape);
    self->limit = (uint32_t)(self->window / 10 > 0 ? self->window / 10 : 1);
    struct random random;
    random_seed(&random, seed);
    struct carving carving = {.random = &random, .depth = self->depth, .stride = self->stride};
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (shape->type[i] != TYPE_TEXT)
            carving.feature[carving.count++] = i;
    }
    for (uint64_t i = 0; carving.count && i < self->tree_count; i++)
        carve_tree(&carving, tree_cuts(self, i));
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

static inline void place(const struct trees *self, const union value *feature, int32_t *placed)
{
    const double *lower = placing(self, PLACING_LOWER);
    const double *inverse = placing(self, PLACING_INVERSE);
    const double *standing = placing(self, PLACING_STANDING);
    for (uint64_t i = 0; i < self->feature_count; i++) {
        double value = (feature[i].number - lower[i]) * inverse[i];
        value = value == value ? value : standing[i];
        value = value > RANGE_LIMIT ? RANGE_LIMIT : value;
        value = value < -RANGE_LIMIT ? -RANGE_LIMIT : value;
        placed[i] = image_of((float)value);
    }
}

/* The window has ended: latest becomes reference, from the leaves upwards. */
static void turn_over(struct trees *self)
{
    struct cut *cuts = tree_cuts(self, 0);
    struct leaf *leaves = tree_leaves(self, 0);
    uint64_t stride = self->stride, inner = stride << self->depth;
    for (uint64_t i = 0; i < inner; i++)
        leaves[i] = (struct leaf){.reference = leaves[i].latest};
    /* Both children of node i, whose row begins at `row`, stand a row from each other. */
    for (uint64_t row = inner / 2; row < inner; row += stride)
        for (uint64_t tree = 0; tree < self->tree_count; tree++) {
            const struct leaf *child = &leaves[2 * row - inner + tree];
            cuts[row + tree].reference = (uint16_t)(child->reference + child[stride].reference);
        }
    for (uint64_t row = inner / 2 - stride; row > 0 && row < inner; row -= stride)
        for (uint64_t tree = 0; tree < self->tree_count; tree++) {
            const struct cut *child = &cuts[2 * row + tree];
            cuts[row + tree].reference = (uint16_t)(child->reference + child[stride].reference);
        }
}

/* The references of the nodes on the way down, level after level, of up to two eights. */
struct seen {
    lanes_of_32 eight[2][DEPTH_MAX + 1];
};

/* Goes down `lanes` trees from this one on at once, so that their loads overlap, and notes what is
 * seen.  Learning counts the event.  `row` is where a node's row begins. */
static inline __attribute__((always_inline)) void walk(const struct trees *self, uint64_t tree,
                                                       const uint64_t lanes, const int32_t *placed,
                                                       const bool learning, struct seen *seen)
{
    const struct cut *cuts = tree_cuts(self, tree);
    uint64_t stride = self->stride, depth = self->depth, row[LANES_MOST];
#pragma GCC unroll 12
    for (uint64_t lane = 0; lane < lanes; lane++)
        row[lane] = stride;
    for (uint64_t level = 0; level < depth; level++) {
#pragma GCC unroll 12
        for (uint64_t lane = 0; lane < lanes; lane++) {
            const struct cut *cut = &cuts[row[lane] + lane];
            seen->eight[lane / LANES][level][lane % LANES] = cut->reference;
            /* Half of the ways would be guessed wrong: no branch. */
            uint64_t right = placed[cut->feature] >= cut->split;
            row[lane] = 2 * row[lane] + (stride & (0 - right));
        }
    }
    struct leaf *leaves = tree_leaves(self, tree);
#pragma GCC unroll 12
    for (uint64_t lane = 0; lane < lanes; lane++) {
        struct leaf *leaf = &leaves[row[lane] - (stride << depth) + lane];
        seen->eight[lane / LANES][depth][lane % LANES] = leaf->reference;
        if (learning)
            leaf->latest++;
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
    uint64_t sum = 0;
    for (uint32_t lane = 0; lane < LANES; lane++)
        sum += mass[lane];
    return sum;
}

/* Lanes without a tree have seen nothing. */
static inline void clear(const struct trees *self, lanes_of_32 *seen)
{
    for (uint64_t level = 0; level <= self->depth; level++)
        seen[level] = (lanes_of_32){0};
}

/* The masses of `lanes` trees from this one on. */
static inline __attribute__((always_inline)) uint64_t walk_some(const struct trees *self,
                                                                uint64_t tree, const uint64_t lanes,
                                                                const int32_t *placed,
                                                                const bool learning)
{
    struct seen seen;
    if (lanes < LANES)
        clear(self, seen.eight[0]);
    if (lanes > LANES)
        clear(self, seen.eight[1]);
    walk(self, tree, lanes, placed, learning, &seen);
    return masses(self, seen.eight[0]) + (lanes > LANES ? masses(self, seen.eight[1]) : 0);
}

/* Of the last trees, at most twelve: so many lanes are unrolled. */
static inline __attribute__((always_inline)) uint64_t
walk_rest(const struct trees *self, uint64_t tree, const int32_t *placed, const bool learning)
{
    switch (self->tree_count - tree) {
    case 12:
        return walk_some(self, tree, 12, placed, learning);
    case 11:
        return walk_some(self, tree, 11, placed, learning);
    case 10:
        return walk_some(self, tree, 10, placed, learning);
    case 9:
        return walk_some(self, tree, 9, placed, learning);
    case 8:
        return walk_some(self, tree, 8, placed, learning);
    case 7:
        return walk_some(self, tree, 7, placed, learning);
    case 6:
        return walk_some(self, tree, 6, placed, learning);
    case 5:
        return walk_some(self, tree, 5, placed, learning);
    case 4:
        return walk_some(self, tree, 4, placed, learning);
    case 3:
        return walk_some(self, tree, 3, placed, learning);
    case 2:
        return walk_some(self, tree, 2, placed, learning);
    case 1:
        return walk_some(self, tree, 1, placed, learning);
    default:
        return 0;
    }
}

static inline __attribute__((always_inline)) double
walk_all(const struct trees *self, const int32_t *placed, const bool learning)
{
    uint64_t sum = 0, tree = 0;
    for (; tree + LANES_MOST < self->tree_count; tree += LANES)
        sum += walk_some(self, tree, LANES, placed, learning);
    sum += walk_rest(self, tree, placed, learning);
    if (self->epoch < 2)
        return 0;
    return 1 / (1 + (double)sum / (double)(self->tree_count * self->window));
}

static double trees_score(const void *memory, const struct example *example)
{
    const struct trees *self = (const struct trees *)memory;
    if (self->epoch < 2)
        return 0;
    int32_t placed[MODEL_FEATURES_MAX];
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
        int32_t placed[MODEL_FEATURES_MAX];
        place(self, example->feature, placed);
        score = walk_all(self, placed, true);
    }
    if (++self->filled < self->window)
        return score;
    self->filled = 0;
    for (uint64_t i = 0; self->epoch == 0 && i < self->feature_count; i++)
        measured(self, i);
    turn_over(self);
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
     .help = "halvings of the space; each more doubles the memory, 12 bytes x 2^depth a tree"},
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
