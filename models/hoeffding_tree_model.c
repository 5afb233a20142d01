/* The Hoeffding tree: a decision tree that splits a leaf as soon as it is sure enough which split
 * is the best one, and never looks back.  Pedro Domingos, Geoff Hulten, "Mining high-speed data
 * streams", 2000; leaves that answer by naive Bayes where that is better: Joao Gama, Ricardo Rocha,
 * Pedro Medas, "Accurate decision trees for mining high-speed data streams", 2003.  The core,
 * and what is done with missing values, enumerations and identifiers: hoeffding.h.
 *
 * The standards are River's and MOA's but for tau, which is 0.05 there: ties are broken sooner
 * here. River also lets a leaf sleep as soon as its largest class has a share above .99, which
 * would end the learning of rare classes: here nothing sleeps but for want of memory, and
 * max_share_to_split only puts a split off. */
#include "models/hoeffding.h"

struct tree_options {
    struct hoeffding_options tree;
};

/* The row: this, then the arena at the next cache line. */
struct tree {
    uint64_t root, spare[7];
    struct hoeffding arena;
};

static uint64_t tree_state_size(const void *options, const struct model_shape *shape)
{
    const struct tree_options *given = (const struct tree_options *)options;
    return offsetof(struct tree, arena) + hoeffding_size(&given->tree, shape, 0, 2);
}

static enum status tree_check(const void *options, const struct model_shape *shape,
                              struct failure *failure)
{
    (void)options;
    return hoeffding_check(shape, failure);
}

static void tree_init(void *memory, const void *options, const struct model_shape *shape,
                      uint64_t seed)
{
    const struct tree_options *given = (const struct tree_options *)options;
    struct tree *self = (struct tree *)memory;
    *self = (struct tree){.root = 0};
    hoeffding_init(&self->arena, &given->tree, shape, 0, 2, SUBSPACE_ALL, seed);
    struct hoeffding_view nobody;
    nobody.state = NULL;
    self->root = hoeffding_plant(&self->arena, &nobody);
}

static double tree_score(const void *memory, const struct example *example)
{
    const struct tree *self = (const struct tree *)memory;
    return hoeffding_root_score(&self->arena, self->root, example);
}

static double tree_learn(void *memory, const struct example *example)
{
    struct tree *self = (struct tree *)memory;
    struct hoeffding_view view;
    struct hoeffding_answer answer;
    hoeffding_see_first(&self->arena, example, &view);
    uint64_t node = hoeffding_walk(&self->arena, self->root, &view);
    hoeffding_answer(&self->arena, node, &view, true, &answer);
    hoeffding_learn(&self->arena, node, &view, example->weight, &answer);
    return hoeffding_score(&self->arena, answer.share);
}

static const struct option tree_options[] = {
    HOEFFDING_OPTIONS(tree_options, "200", "1e-7", "0.07", "4MiB"),
    OPTION_END,
};

const struct model_kind hoeffding_tree_model = {
    .name = "hoeffding_tree",
    .summary = "a decision tree that grows with the stream, naive Bayes in its leaves",
    .options = tree_options,
    .option_size = sizeof(struct tree_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .cost_ns = 550,
    .check = tree_check,
    .state_size = tree_state_size,
    .init = tree_init,
    .score = tree_score,
    .learn = tree_learn,
};
