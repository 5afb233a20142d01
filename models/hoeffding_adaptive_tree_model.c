/* The Hoeffding adaptive tree: a Hoeffding tree whose inner nodes watch the error below them. Where
 * it has grown an alternate branch begins, learns beside the old one and takes its place once it
 * errs less by
 *
 *     bound = sqrt(2 e (1 - e) ln(2 / significance) (1 / n + 1 / n')),   e: the old branch's error,
 *
 * or is given up once it errs more by that; both after `drift_window` examples.  Albert Bifet,
 * Ricard Gavalda, "Adaptive learning from evolving data streams", 2009.  With `bootstrap`
 * leaves learn each example with a weight drawn from a Poisson distribution of mean 1, as River's
 * and MOA's do; their tau is 0.05.
 *
 * A watcher (ADWIN, base/adwin.h) is large beside a node: there is one for each eight leaves that
 * memory has room for, taken by inner nodes as examples pass, so that deep ones may go without.
 * Alternate branches are not watched before they have taken their place.  Missing values,
 * enumerations, identifiers: hoeffding.h. */
#include "base/adwin.h"
#include "base/assert.h"
#include "models/hoeffding.h"
#include <string.h>

enum { LEAVES_A_WATCHER = 8, WATCHERS_LEAST = 4, LEAVES_LEAST = 16, WEIGHT_MOST = 12 };

struct adaptive_options {
    struct hoeffding_options tree;
    double drift_delta, significance;
    int64_t drift_window;
    bool bootstrap;
};

/* Of an inner node, and of its alternate branch since that began. */
struct watcher {
    uint64_t node, alternate; /* HOEFFDING_NONE: none */
    uint64_t next_free;
    double seen, wrong, alternate_seen, alternate_wrong;
    struct adwin error;
};

/* The row: this; the arena; watchers (watcher_count + 1, from 1); for each node its watcher. */
struct adaptive_tree {
    struct random random;
    uint64_t root, watchers_at, watched_at;
    uint64_t watcher_count, watchers_used, free_watcher;
    double drift_delta, logarithm, drift_window; /* logarithm: ln(2 / significance) */
    uint64_t bootstrap, replaced, spare;
    struct hoeffding arena;
};

_Static_assert(offsetof(struct adaptive_tree, arena) % 64 == 0, "leaves begin at cache lines");

/* Watchers for so many bytes of tree; what they take is left to the tree no more. */
static uint64_t watchers_for(const struct adaptive_options *given, const struct model_shape *shape)
{
    uint64_t leaves = hoeffding_leaves(&given->tree, shape, 0, LEAVES_LEAST);
    uint64_t wanted = leaves / LEAVES_A_WATCHER;
    uint64_t affordable = (uint64_t)given->tree.memory / 2 / sizeof(struct watcher);
    wanted = wanted < affordable ? wanted : affordable;
    return wanted > WATCHERS_LEAST ? wanted : WATCHERS_LEAST;
}

static struct hoeffding_options tree_options_of(const struct adaptive_options *given,
                                                const struct model_shape *shape)
{
    struct hoeffding_options rest = given->tree;
    int64_t watching = (int64_t)(watchers_for(given, shape) * sizeof(struct watcher));
    rest.memory = rest.memory > watching ? rest.memory - watching : 0;
    return rest;
}

struct places {
    uint64_t watchers_at, watched_at, size, nodes;
};

static struct places places_of(const struct adaptive_options *given,
                               const struct model_shape *shape)
{
    struct hoeffding_options tree = tree_options_of(given, shape);
    struct places places;
    places.watchers_at =
        offsetof(struct adaptive_tree, arena) + hoeffding_size(&tree, shape, 0, LEAVES_LEAST);
    places.watched_at =
        places.watchers_at + (watchers_for(given, shape) + 1) * sizeof(struct watcher);
    places.nodes = hoeffding_nodes(&tree, shape, 0, LEAVES_LEAST);
    places.size = places.watched_at + (places.nodes + 1) / 2 * 2 * sizeof(uint32_t);
    return places;
}

static uint64_t adaptive_state_size(const void *options, const struct model_shape *shape)
{
    return places_of((const struct adaptive_options *)options, shape).size;
}

static enum status adaptive_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    return hoeffding_check(shape, failure);
}

static void adaptive_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    const struct adaptive_options *given = (const struct adaptive_options *)options;
    struct adaptive_tree *self = (struct adaptive_tree *)memory;
    struct places places = places_of(given, shape);
    struct hoeffding_options tree = tree_options_of(given, shape);
    memset(self, 0, places.size);
    random_seed(&self->random, seed);
    self->watchers_at = places.watchers_at;
    self->watched_at = places.watched_at;
    self->watcher_count = watchers_for(given, shape);
    self->drift_delta = given->drift_delta;
    self->logarithm = log(2 / given->significance);
    self->drift_window = (double)given->drift_window;
    self->bootstrap = given->bootstrap;
    hoeffding_init(&self->arena, &tree, shape, 0, LEAVES_LEAST, SUBSPACE_ALL, seed);
    struct hoeffding_view nobody;
    nobody.state = NULL;
    self->root = hoeffding_plant(&self->arena, &nobody);
}

static struct watcher *watcher_at(const struct adaptive_tree *self, uint64_t index)
{
    return (struct watcher *)(void *)((uint8_t *)(uintptr_t)self + self->watchers_at) + index;
}

static uint32_t *watched(const struct adaptive_tree *self, uint64_t node)
{
    return (uint32_t *)(void *)((uint8_t *)(uintptr_t)self + self->watched_at) + node;
}

static double adaptive_score(const void *memory, const struct example *example)
{
    const struct adaptive_tree *self = (const struct adaptive_tree *)memory;
    return hoeffding_root_score(&self->arena, self->root, example);
}

/* The node's watcher; a free one if it has none; NULL if there is none to have. */
static struct watcher *watcher_of(struct adaptive_tree *self, uint64_t node,
                                  const struct hoeffding_view *view)
{
    uint32_t *index = watched(self, node);
    if (*index == 0) {
        uint64_t free = self->free_watcher;
        if (free)
            self->free_watcher = watcher_at(self, free)->next_free;
        else if (self->watchers_used < self->watcher_count)
            free = ++self->watchers_used;
        else
            return NULL;
        hoeffding_touch(view, index, sizeof *index);
        *index = (uint32_t)free;
        struct watcher *watcher = watcher_at(self, free);
        hoeffding_touch(view, watcher, sizeof *watcher);
        memset(watcher, 0, sizeof *watcher);
        watcher->node = node;
        adwin_init(&watcher->error, self->drift_delta, 32, 5, ADWIN_BOTH);
    }
    return watcher_at(self, *index);
}

static void drop_alternate(struct adaptive_tree *self, struct watcher *watcher,
                           const struct hoeffding_view *view)
{
    if (watcher->alternate)
        hoeffding_fell(&self->arena, watcher->alternate, view);
    watcher->alternate = HOEFFDING_NONE;
    watcher->alternate_seen = watcher->alternate_wrong = 0;
}

/* After nodes were given back: their watchers go, and what grew beside them. */
static void dismiss_watchers(struct adaptive_tree *self, const struct hoeffding_view *view)
{
    for (uint64_t i = 1; i <= self->watchers_used; i++) {
        struct watcher *watcher = watcher_at(self, i);
        if (!watcher->node || !(hoeffding_node(&self->arena, watcher->node)->test & NODE_LEAF))
            continue;
        hoeffding_touch(view, watcher, sizeof *watcher);
        hoeffding_touch(view, watched(self, watcher->node), sizeof(uint32_t));
        drop_alternate(self, watcher, view);
        *watched(self, watcher->node) = 0;
        watcher->node = HOEFFDING_NONE;
        watcher->next_free = self->free_watcher;
        self->free_watcher = i;
    }
}

static void learn_alternate(struct adaptive_tree *self, struct watcher *watcher,
                            const struct hoeffding_view *view, double weight)
{
    struct hoeffding_answer answer;
    uint64_t node = hoeffding_walk(&self->arena, watcher->alternate, view);
    hoeffding_answer(&self->arena, node, view, true, &answer);
    watcher->alternate_seen += 1;
    watcher->alternate_wrong += answer.taken != view->label;
    if (weight > 0)
        hoeffding_learn(&self->arena, node, view, weight, &answer);
}

/* Watches the error at an inner node; true if its alternate branch has taken its place. */
static bool watch(struct adaptive_tree *self, struct watcher *watcher, bool wrong,
                  const struct hoeffding_view *view)
{
    double before = watcher->seen > 0 ? watcher->wrong / watcher->seen : 0;
    bool changed = adwin_update(&watcher->error, wrong);
    watcher->seen += 1;
    watcher->wrong += wrong;
    double error = watcher->wrong / watcher->seen;
    if (changed) {
        watcher->seen = watcher->wrong = 0;
        if (error >= before) {
            drop_alternate(self, watcher, view);
            watcher->alternate = hoeffding_plant(&self->arena, view);
        }
        return false;
    }
    if (!watcher->alternate || watcher->seen <= self->drift_window ||
        watcher->alternate_seen <= self->drift_window)
        return false;
    double other = watcher->alternate_wrong / watcher->alternate_seen;
    double each = 1 / watcher->seen + 1 / watcher->alternate_seen;
    double bound = sqrt(2 * error * (1 - error) * self->logarithm * each);
    if (other - error > bound)
        drop_alternate(self, watcher, view);
    if (error - other <= bound)
        return false;
    uint64_t taker = watcher->alternate;
    watcher->alternate = HOEFFDING_NONE;
    hoeffding_clear(&self->arena, watcher->node, view);
    hoeffding_graft(&self->arena, watcher->node, taker, view);
    watcher->seen = watcher->wrong = 0;
    self->replaced++;
    return true;
}

/* What stands in the place of a replaced branch learns as what it is now. */
static void learn_replaced(struct adaptive_tree *self, uint64_t index,
                           const struct hoeffding_view *view, double weight)
{
    struct hoeffding_answer answer;
    dismiss_watchers(self, view);
    index = hoeffding_walk(&self->arena, index, view);
    hoeffding_answer(&self->arena, index, view, true, &answer);
    if (weight > 0)
        hoeffding_learn(&self->arena, index, view, weight, &answer);
}

/* From the root on, down to the leaf that gave the answer. */
static void learn_path(struct adaptive_tree *self, const struct hoeffding_view *view, double weight,
                       const struct hoeffding_answer *answer)
{
    bool wrong = answer->taken != view->label;
    uint64_t index = self->root;
    const struct hoeffding_node *node = hoeffding_node(&self->arena, index);
    while (!(node->test & NODE_LEAF)) {
        struct watcher *watcher = watcher_of(self, index, view);
        if (watcher) {
            hoeffding_touch(view, watcher, sizeof *watcher);
            bool replaced = watch(self, watcher, wrong, view);
            if (watcher->alternate)
                learn_alternate(self, watcher, view, weight);
            if (replaced) {
                learn_replaced(self, index, view, weight);
                return;
            }
        }
        index = node->child + node_goes_right(node, view);
        node = hoeffding_node(&self->arena, index);
    }
    if (weight > 0)
        hoeffding_learn(&self->arena, index, view, weight, answer);
}

/* From a Poisson distribution of mean 1. */
static double draw_weight(struct adaptive_tree *self)
{
    double left = random_uniform(&self->random), chance = exp(-1);
    int drawn = 0;
    while (drawn < WEIGHT_MOST && left >= chance) {
        left -= chance;
        chance /= ++drawn;
    }
    return drawn;
}

static double adaptive_learn(void *memory, const struct example *example)
{
    struct adaptive_tree *self = (struct adaptive_tree *)memory;
    struct hoeffding_view view;
    struct hoeffding_answer answer;
    example_touch(example, self, offsetof(struct adaptive_tree, arena));
    hoeffding_see_first(&self->arena, example, &view);
    uint64_t node = hoeffding_walk(&self->arena, self->root, &view);
    hoeffding_answer(&self->arena, node, &view, true, &answer);
    double weight = self->bootstrap ? draw_weight(self) * example->weight : example->weight;
    learn_path(self, &view, weight, &answer);
    return hoeffding_score(&self->arena, answer.share);
}

static const struct option adaptive_options[] = {
    {.name = "drift_delta",
     .type = OPTION_NUMBER,
     .standard = "0.002",
     .minimum = 1e-12,
     .maximum = 0.5,
     .offset = offsetof(struct adaptive_options, drift_delta),
     .help = "chance of a false alarm at a look at a branch's error; the alarm starts another one"},
    {.name = "drift_window",
     .type = OPTION_INTEGER,
     .standard = "300",
     .minimum = 1,
     .maximum = 1e9,
     .offset = offsetof(struct adaptive_options, drift_window),
     .help = "examples that both branches must have seen before they are compared"},
    {.name = "switch_significance",
     .type = OPTION_NUMBER,
     .standard = "0.05",
     .minimum = 1e-12,
     .maximum = 1,
     .offset = offsetof(struct adaptive_options, significance),
     .help = "chance that the other branch is no better when it takes the place"},
    {.name = "bootstrap",
     .type = OPTION_BOOLEAN,
     .standard = "false",
     .offset = offsetof(struct adaptive_options, bootstrap),
     .help = "leaves learn with weights drawn by chance, of mean 1"},
    HOEFFDING_OPTIONS(adaptive_options, "200", "1e-7", "0.07", "8MiB"),
    OPTION_END,
};

const struct model_kind hoeffding_adaptive_tree_model = {
    .name = "hoeffding_adaptive_tree",
    .summary = "a Hoeffding tree that replaces branches whose error has grown",
    .options = adaptive_options,
    .option_size = sizeof(struct adaptive_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .cost_ns = 1000,
    .check = adaptive_check,
    .state_size = adaptive_state_size,
    .init = adaptive_init,
    .score = adaptive_score,
    .learn = adaptive_learn,
};
