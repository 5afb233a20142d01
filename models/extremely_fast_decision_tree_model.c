/* The extremely fast decision tree: splits a leaf as soon as the best split is better than none,
 * and looks back: an inner node goes on observing, and when another feature has become better by
 * the bound, what is below it is thrown away and grown anew.  Chaitanya Manapragada, Geoffrey Webb,
 * Mahsa Salehi, "Extremely fast decision tree", 2018.
 *
 *     leaf    splits when merit(best) - 0 > bound, or bound < tau
 *     inner   is replaced when merit(best) - merit(its feature now) > bound, or bound < tau and
 *             best is another feature and better; a leaf again when 0 - merit(best) > bound;
 *             moves its point when the best split is another one by the same feature and bound <
 * tau
 *
 * Missing values, enumerations, identifiers: hoeffding.h.  The standards are
 * River's but for reevaluate, 20 there, which costs three times as much and gains little. */
#include "models/hoeffding.h"

struct revising_options {
    struct hoeffding_options tree;
    double reevaluate;
};

/* The row: this, then the arena at the next cache line. */
struct revising_tree {
    uint64_t root, spare[6];
    double reevaluate;
    struct hoeffding arena;
};

static uint64_t revising_state_size(const void *options, const struct model_shape *shape)
{
    const struct revising_options *given = (const struct revising_options *)options;
    return offsetof(struct revising_tree, arena) + hoeffding_size(&given->tree, shape, 0, 3);
}

static enum status revising_check(const void *options, const struct model_shape *shape,
                                  struct failure *failure)
{
    (void)options;
    return hoeffding_check(shape, failure);
}

static void revising_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    const struct revising_options *given = (const struct revising_options *)options;
    struct revising_tree *self = (struct revising_tree *)memory;
    *self = (struct revising_tree){.reevaluate = given->reevaluate};
    hoeffding_init(&self->arena, &given->tree, shape, 0, 3, SUBSPACE_ALL, seed);
    struct hoeffding_view nobody;
    nobody.state = NULL;
    self->root = hoeffding_plant(&self->arena, &nobody);
}

static double revising_score(const void *memory, const struct example *example)
{
    const struct revising_tree *self = (const struct revising_tree *)memory;
    return hoeffding_root_score(&self->arena, self->root, example);
}

/* Whether it is time to judge splits again. */
static bool is_due(struct hoeffding_leaf *leaf, double period)
{
    if (leaf->total - leaf->tried_at < period)
        return false;
    leaf->tried_at = leaf->total;
    return true;
}

static void revise_leaf(struct revising_tree *self, uint64_t index,
                        const struct hoeffding_view *view)
{
    struct hoeffding *arena = &self->arena;
    struct hoeffding_leaf *leaf = hoeffding_leaf(arena, hoeffding_node(arena, index)->leaf);
    if (leaf->depth >= arena->max_depth || !is_due(leaf, arena->grace_period) ||
        !hoeffding_is_mixed(arena, leaf))
        return;
    struct hoeffding_choice choice = {.current = MODEL_FEATURES_MAX};
    hoeffding_choose(arena, leaf, &choice);
    double bound = hoeffding_bound(arena, leaf);
    if (choice.best.merit > bound || (bound < arena->tau && choice.best.merit > 0))
        hoeffding_divide(arena, index, &choice.best, true, view);
}

/* An inner node that has just observed. */
static void revise_inner(struct revising_tree *self, uint64_t index,
                         const struct hoeffding_view *view)
{
    struct hoeffding *arena = &self->arena;
    struct hoeffding_node *node = hoeffding_node(arena, index);
    struct hoeffding_leaf *leaf = hoeffding_leaf(arena, node->leaf);
    if (!is_due(leaf, self->reevaluate) || !hoeffding_is_mixed(arena, leaf))
        return;
    struct hoeffding_choice choice = {.current = node->test & NODE_FEATURE};
    hoeffding_choose(arena, leaf, &choice);
    double best = choice.best.merit, bound = hoeffding_bound(arena, leaf);
    if (best == -INFINITY)
        return;
    if (0 - best > bound) {
        hoeffding_clear(arena, index, view);
    } else if ((choice.best.test & NODE_FEATURE) == choice.current) {
        if (bound >= arena->tau)
            return;
        hoeffding_touch(view, node, sizeof *node);
        node->test = choice.best.test;
        node->split = choice.best.split;
    } else if (best - choice.current_merit > bound ||
               (bound < arena->tau && best > choice.current_merit)) {
        hoeffding_clear(arena, index, view);
        hoeffding_divide(arena, index, &choice.best, true, view);
    }
}

static void revise(struct revising_tree *self, const struct hoeffding_view *view, double weight,
                   const struct hoeffding_answer *answer)
{
    struct hoeffding *arena = &self->arena;
    uint64_t index = self->root;
    const struct hoeffding_node *node = hoeffding_node(arena, index);
    while (!(node->test & NODE_LEAF)) {
        hoeffding_observe(arena, hoeffding_leaf(arena, node->leaf), view, weight, answer);
        revise_inner(self, index, view);
        if (node->test & NODE_LEAF)
            return;
        index = node->child + node_goes_right(node, view);
        node = hoeffding_node(arena, index);
    }
    if (node->leaf) {
        hoeffding_observe(arena, hoeffding_leaf(arena, node->leaf), view, weight, answer);
        revise_leaf(self, index, view);
    }
}

static double revising_learn(void *memory, const struct example *example)
{
    struct revising_tree *self = (struct revising_tree *)memory;
    struct hoeffding_view view;
    struct hoeffding_answer answer;
    hoeffding_see_first(&self->arena, example, &view);
    uint64_t node = hoeffding_walk(&self->arena, self->root, &view);
    hoeffding_answer(&self->arena, node, &view, true, &answer);
    revise(self, &view, example->weight, &answer);
    return hoeffding_score(&self->arena, answer.share);
}

static const struct option revising_options[] = {
    {.name = "reevaluate",
     .type = OPTION_NUMBER,
     .standard = "100",
     .minimum = 1,
     .maximum = 1e9,
     .offset = offsetof(struct revising_options, reevaluate),
     .help = "weight that an inner node sees between two looks at its split"},
    HOEFFDING_OPTIONS(revising_options, "200", "1e-7", "0.05", "8MiB"),
    OPTION_END,
};

const struct model_kind extremely_fast_decision_tree_model = {
    .name = "extremely_fast_decision_tree",
    .summary = "a Hoeffding tree that splits early and revises its splits",
    .options = revising_options,
    .option_size = sizeof(struct revising_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .cost_ns = 700,
    .check = revising_check,
    .state_size = revising_state_size,
    .init = revising_init,
    .score = revising_score,
    .learn = revising_learn,
};
