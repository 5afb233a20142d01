/* Adaptive random forest: Hoeffding trees whose leaves each watch a few features of their own
 * choice, bagged, each replaced when its error changes.  Heitor Murilo Gomes, Albert Bifet, Jesse
 * Read and others, "Adaptive random forests for evolving data stream classification", 2017.
 *
 * Each member's error is watched twice: a warning (the larger delta) starts a tree in the
 * background, which learns the same examples; the alarm puts it in the member's place.  Missing
 * values, enumerations, identifiers: hoeffding.h; bagging and votes: tree_ensemble.h.
 *
 * River's ARFClassifier is trees 10, features 0, lambda 6, grace_period 50, delta 0.01,
 * drift_delta 0.001, warning_delta 0.01, vote_half_life 0, max_share_to_split 0.99; MOA's watches
 * .6 of the features, as here. */
#include "models/tree_ensemble.h"

static struct ensemble_plan forest_plan(const void *options, const struct model_shape *shape)
{
    const struct ensemble_options *given = (const struct ensemble_options *)options;
    return (struct ensemble_plan){.options = given,
                                  .watched = ensemble_watched(given->features, shape, 1),
                                  .subspace = SUBSPACE_OF_LEAF,
                                  .warns = true};
}

static uint64_t forest_state_size(const void *options, const struct model_shape *shape)
{
    struct ensemble_plan plan = forest_plan(options, shape);
    return ensemble_size(&plan, shape);
}

static void forest_init(void *memory, const void *options, const struct model_shape *shape,
                        uint64_t seed)
{
    struct ensemble_plan plan = forest_plan(options, shape);
    ensemble_init(memory, &plan, shape, seed);
}

static const struct option forest_options[] = {
    ENSEMBLE_TREES,
    ENSEMBLE_FEATURES("0.6"),
    ENSEMBLE_LAMBDA,
    ENSEMBLE_DRIFT("0.001"),
    ENSEMBLE_WARNING("0.01"),
    ENSEMBLE_WEIGHTED,
    HOEFFDING_OPTIONS(ensemble_options, "50", "0.01", "0.05", "32MiB"),
    OPTION_END,
};

const struct model_kind adaptive_random_forest_model = {
    .name = "adaptive_random_forest",
    .summary = "bagged trees over random features, each replaced when its error changes",
    .options = forest_options,
    .option_size = sizeof(struct ensemble_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .cost_ns = 16000,
    .check = ensemble_check,
    .state_size = forest_state_size,
    .init = forest_init,
    .score = ensemble_score,
    .learn = ensemble_learn,
};
