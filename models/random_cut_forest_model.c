/* Robust random cut forest: by how much does an event, put among others at random cuts, push these
 * down?  Guha, Mishra, Roy, Schrijvers, "Robust random cut forest based anomaly detection on
 * streams", 2016; the trees are in cut_tree.h.
 *
 * Each tree holds `window` events: with `sample` = latest the newest ones, with reservoir a sample
 * of its own whose age falls off exponentially around `horizon` (Aggarwal, "On biased reservoir
 * sampling", 2006): an event comes in with probability window / horizon, for one drawn by lot. That
 * remembers longer, costs less, and keeps a burst of strange events from becoming normal at once.
 *
 * The score is the paper's collusive displacement, expected over the cuts that putting the event in
 * would draw, instead of the one draw that is made: steadier, and a pure function of the trees.
 * With its mean over the trees d, between 0 and window,
 *
 *     score = log(1 + d) / log(1 + window)
 *
 * which keeps its order: 1 is an event that stands alone against the whole window.  explain shares
 * the score among the features whose cuts it is due to; the shares sum up to the score.
 *
 * Features are placed in one unit each (placement.h), on a grid of GRID steps a deviation; beyond
 * 16383 steps all are equally far.  A missing number stands at its mean, keys are not looked at.
 * With `shingle` n the point is the latest n events side by side, for single series; at most 2048
 * numbers, else fewer events. */
#include "base/assert.h"
#include "models/cut_tree.h"
#include "models/model.h"
#include "models/placement.h"
#include <math.h>
#include <string.h>

enum { SAMPLE_LATEST, SAMPLE_RESERVOIR };
enum { SHINGLE_MAX = 64, DIMENSIONS_MAX = CUT_DIMENSIONS_MAX };

static const float GRID = 512;

struct forest_options {
    int64_t trees, window, horizon, shingle;
    int sample;
};

/* The row: this; placement; at the next cache line the latest coordinates, newest last (shingle,
 * columns); at the next the trees. */
struct forest {
    struct cut_geometry geometry;
    uint64_t tree_count, columns, shingle, events;
    uint64_t reservoir, horizon; /* as options say */
    uint64_t feature_count;
    uint64_t latest_offset, trees_offset;
    struct placement placement;
};

static uint64_t line_up(uint64_t size)
{
    return (size + 63) / 64 * 64;
}

static void forest_layout(struct forest *self, const struct forest_options *given,
                          const struct model_shape *shape)
{
    uint64_t columns = placement_columns(shape) > 0 ? placement_columns(shape) : 1;
    self->columns = columns;
    uint64_t most = DIMENSIONS_MAX / columns, shingle = (uint64_t)given->shingle;
    self->shingle = shingle < most ? shingle : most;
    cut_geometry_set(&self->geometry, (uint64_t)given->window + 1, columns * self->shingle);
    self->latest_offset =
        line_up(offsetof(struct forest, placement) + placement_size(shape) + sizeof(double));
    self->trees_offset = self->latest_offset + line_up(self->geometry.dimensions * sizeof(int16_t));
}

static uint64_t forest_state_size(const void *options, const struct model_shape *shape)
{
    const struct forest_options *given = (const struct forest_options *)options;
    struct forest layout;
    forest_layout(&layout, given, shape);
    return layout.trees_offset + (uint64_t)given->trees * layout.geometry.tree_bytes;
}

static enum status forest_check(const void *options, const struct model_shape *shape,
                                struct failure *failure)
{
    const struct forest_options *given = (const struct forest_options *)options;
    uint64_t dimensions = placement_columns(shape) * (uint64_t)given->shingle;
    if (dimensions > DIMENSIONS_MAX)
        return failure_set(failure, STATUS_STOP,
                           "a shingle of %lld events of this many features has %llu numbers, which "
                           "is more than %d: lower `shingle`",
                           (long long)given->shingle, (unsigned long long)dimensions,
                           DIMENSIONS_MAX);
    return placement_check(shape, "a random cut forest", failure);
}

static inline int16_t *latest(const struct forest *self)
{
    return (int16_t *)(void *)((uint8_t *)(uintptr_t)self + self->latest_offset);
}

static inline struct cut_tree *tree_of(const struct forest *self, uint64_t tree)
{
    uint8_t *trees = (uint8_t *)(uintptr_t)self + self->trees_offset;
    return (struct cut_tree *)(void *)(trees + tree * self->geometry.tree_bytes);
}

static void forest_init(void *memory, const void *options, const struct model_shape *shape,
                        uint64_t seed)
{
    const struct forest_options *given = (const struct forest_options *)options;
    struct forest *self = (struct forest *)memory;
    memset(self, 0, forest_state_size(options, shape));
    forest_layout(self, given, shape);
    self->tree_count = (uint64_t)given->trees;
    self->horizon = (uint64_t)given->horizon;
    self->reservoir = given->sample == SAMPLE_RESERVOIR;
    self->feature_count = shape->feature_count;
    placement_init(&self->placement, shape);
    struct random random;
    random_seed(&random, seed);
    for (uint64_t i = 0; i < self->tree_count; i++)
        cut_tree_init(tree_of(self, i), &self->geometry, random_bits(&random));
}

/* The point: the events before and this one.  Before the first event all were like it. */
static void forest_place(const struct forest *self, const union value *feature, cut_faces *point)
{
    float place[MODEL_FEATURES_MAX];
    int16_t *faces = (int16_t *)point;
    uint64_t dimensions = self->geometry.dimensions, before = dimensions - self->columns;
    int16_t *coordinate = faces + dimensions;
    memset(point, 0, self->geometry.chunks * sizeof *point);
    memcpy(coordinate, latest(self) + self->columns, before * sizeof *coordinate);
    placement_place(&self->placement, feature, place);
    for (uint64_t i = 0; i < self->placement.count; i++) {
        float steps = place[i] * GRID;
        steps = steps < CUT_COORDINATE_MAX ? steps : CUT_COORDINATE_MAX;
        steps = steps > -CUT_COORDINATE_MAX ? steps : -CUT_COORDINATE_MAX;
        coordinate[before + i] = (int16_t)lrintf(steps);
    }
    for (uint64_t i = 0; self->events == 0 && i < before; i++)
        coordinate[i] = coordinate[before + i % self->columns];
    for (uint64_t i = 0; i < dimensions; i++)
        faces[i] = (int16_t)-coordinate[i];
}

/* The paths of a few trees, and the sum of the displacements there. */
static inline __attribute__((always_inline)) double
displace(const struct forest *self, uint64_t first, const uint64_t count, const cut_faces *point,
         const uint64_t chunks, struct cut_path *path)
{
    double sum = 0;
    cut_descend(tree_of(self, first), &self->geometry, point, count, path);
    for (uint64_t i = 0; i < count; i++)
        sum += (double)cut_displacement(tree_of(self, first + i), &self->geometry, point, chunks,
                                        path + i, NULL);
    return sum;
}

/* The next few trees from `first` on: as many as there are, at most CUT_TREES; unrolled for the
 * widths that are met most. */
static double displace_some(const struct forest *self, uint64_t first, const cut_faces *point,
                            struct cut_path *path)
{
    uint64_t chunks = self->geometry.chunks, left = self->tree_count - first;
    if (left >= CUT_TREES && chunks == 1)
        return displace(self, first, CUT_TREES, point, 1, path);
    if (left >= CUT_TREES && chunks == 2)
        return displace(self, first, CUT_TREES, point, 2, path);
    if (left >= CUT_TREES && chunks == 3)
        return displace(self, first, CUT_TREES, point, 3, path);
    if (left >= CUT_TREES)
        return displace(self, first, CUT_TREES, point, chunks, path);
    double sum = 0;
    for (uint64_t i = 0; i < left; i++)
        sum += displace(self, first + i, 1, point, chunks, path + i);
    return sum;
}

static double score_of(const struct forest *self, double displacement)
{
    double mean = displacement / (double)self->tree_count;
    double score = log1p(mean) / log1p((double)self->geometry.points - 1);
    return score < 1 ? score : 1;
}

static double forest_score(const void *memory, const struct example *example)
{
    const struct forest *self = (const struct forest *)memory;
    cut_faces point[CUT_FACES_MAX];
    struct cut_path path[CUT_TREES];
    double sum = 0;
    forest_place(self, example->feature, point);
    for (uint64_t i = 0; i < self->tree_count; i += CUT_TREES)
        sum += displace_some(self, i, point, path);
    return score_of(self, sum);
}

/* Whose place the event takes when it comes in: a slot; the vacant one: nobody's yet; points: the
 * event stays out.  The window fills up first. */
static uint64_t leaving(const struct forest *self, struct cut_tree *tree)
{
    uint64_t points = self->geometry.points, window = points - 1;
    if (self->events < window)
        return tree->vacant;
    if (!self->reservoir)
        return tree->vacant + 1 < points ? tree->vacant + 1 : 0;
    uint64_t among = self->events + 1;
    among = self->horizon > 0 && among > self->horizon ? self->horizon : among;
    uint64_t drawn = random_below(&tree->random, among > window ? among : window);
    return drawn >= window ? points : drawn == tree->vacant ? window : drawn;
}

/* Where every event enters all trees, they lose the same slot. */
static void warm(const struct forest *self, uint64_t first)
{
    uint64_t left = self->tree_count - first;
    if (!self->reservoir && self->events >= self->geometry.points - 1)
        cut_tree_warm(tree_of(self, first), &self->geometry, left < CUT_TREES ? left : CUT_TREES,
                      leaving(self, tree_of(self, first)));
}

static void tree_learn(const struct forest *self, struct cut_tree *tree, const cut_faces *point,
                       const struct cut_path *path, const struct example *example)
{
    example_touch(example, tree, sizeof *tree);
    uint64_t slot = leaving(self, tree);
    if (slot == self->geometry.points)
        return;
    cut_tree_insert(tree, &self->geometry, point, path, tree->vacant, example);
    if (slot == tree->vacant) {
        tree->vacant++;
        return;
    }
    cut_tree_remove(tree, &self->geometry, slot, example);
    tree->vacant = slot;
}

static double forest_learn(void *memory, const struct example *example)
{
    struct forest *self = (struct forest *)memory;
    cut_faces point[CUT_FACES_MAX];
    struct cut_path path[CUT_TREES];
    double sum = 0;
    forest_place(self, example->feature, point);
    for (uint64_t i = 0; i < self->tree_count; i++) {
        if (i % CUT_TREES == 0) {
            warm(self, i);
            sum += displace_some(self, i, point, path);
        }
        tree_learn(self, tree_of(self, i), point, path + i % CUT_TREES, example);
    }
    example_touch(example, self, self->trees_offset);
    uint64_t dimensions = self->geometry.dimensions;
    memcpy(latest(self), (const int16_t *)point + dimensions, dimensions * sizeof(int16_t));
    placement_learn(&self->placement, example->feature);
    self->events++;
    return score_of(self, sum);
}

static void forest_explain(const void *memory, const struct example *example, double *contributions)
{
    const struct forest *self = (const struct forest *)memory;
    cut_faces point[CUT_FACES_MAX];
    float shares[DIMENSIONS_MAX] = {0};
    struct cut_path path;
    double sum = 0;
    struct cut_share share = {shares};
    forest_place(self, example->feature, point);
    for (uint64_t i = 0; i < self->tree_count; i++) {
        const struct cut_tree *tree = tree_of(self, i);
        cut_descend(tree, &self->geometry, point, 1, &path);
        sum += (double)cut_displacement(tree, &self->geometry, point, self->geometry.chunks, &path,
                                        &share);
    }
    memset(contributions, 0, self->feature_count * sizeof *contributions);
    double scale = sum > 0 ? score_of(self, sum) / sum : 0;
    for (uint64_t i = 0; i < self->placement.count * self->shingle; i++)
        contributions[self->placement.column[i % self->columns].feature] +=
            (double)share.dimension[i] * scale;
}

static const char *const samples[] = {"latest", "reservoir", NULL};

static const struct option forest_options[] = {
    {.name = "trees",
     .type = OPTION_INTEGER,
     .standard = "50",
     .minimum = 1,
     .maximum = 1000,
     .offset = offsetof(struct forest_options, trees),
     .help = "trees; more give a steadier score and take longer"},
    {.name = "window",
     .type = OPTION_INTEGER,
     .standard = "256",
     .minimum = 2,
     .maximum = CUT_POINTS_MAX - 1,
     .offset = offsetof(struct forest_options, window),
     .help =
         "events in each tree; memory grows with it, 128 bytes an event and tree at 10 features"},
    {.name = "sample",
     .type = OPTION_CHOICE,
     .choices = samples,
     .standard = "reservoir",
     .offset = offsetof(struct forest_options, sample),
     .help = "which events: the latest, or a sample of each tree's own that reaches farther back"},
    {.name = "horizon",
     .type = OPTION_INTEGER,
     .standard = "4096",
     .minimum = 0,
     .maximum = 1e15,
     .offset = offsetof(struct forest_options, horizon),
     .help = "events that a reservoir reaches back on average; 0 is all"},
    {.name = "shingle",
     .type = OPTION_INTEGER,
     .standard = "1",
     .minimum = 1,
     .maximum = SHINGLE_MAX,
     .offset = offsetof(struct forest_options, shingle),
     .help = "latest events that make up a point, for the shapes of a single series"},
    OPTION_END,
};

const struct model_kind random_cut_forest_model = {
    .name = "random_cut_forest",
    .summary = "anomalies by how far random cuts put an event from all others, with reasons",
    .options = forest_options,
    .option_size = sizeof(struct forest_options),
    .supervised = false,
    .cost_ns = 14000,
    .scattered = true,
    .check = forest_check,
    .state_size = forest_state_size,
    .init = forest_init,
    .score = forest_score,
    .learn = forest_learn,
    .explain = forest_explain,
};
