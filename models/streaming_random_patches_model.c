/* Streaming random patches: Hoeffding trees that each see a random subset of the features
 * throughout, bagged, each replaced when its error changes, then with a subset drawn anew.  Heitor
 * Murilo Gomes, Jesse Read, Albert Bifet, "Streaming random patches for evolving data stream
 * classification", 2019.
 *
 * Missing values, enumerations, identifiers: hoeffding.h; bagging, warnings and votes:
 * tree_ensemble.h.  River's SRPClassifier is trees 10, features 0.6, lambda 6, grace_period 50,
 * delta 0.01, drift_delta 1e-5, warning_delta 1e-4, vote_half_life 0, max_share_to_split 0.99. */
#include "models/tree_ensemble.h"

static struct ensemble_plan patches_plan(const void *options, const struct model_shape *shape)
{
    const struct ensemble_options *given = (const struct ensemble_options *)options;
    return (struct ensemble_plan){.options = given,
                                  .watched = ensemble_watched(given->features, shape, 2),
                                  .subspace = SUBSPACE_OF_TREE,
                                  .warns = true};
}

static uint64_t patches_state_size(const void *options, const struct model_shape *shape)
{
    struct ensemble_plan plan = patches_plan(options, shape);
    return ensemble_size(&plan, shape);
}

static void patches_init(void *memory, const void *options, const struct model_shape *shape,
                         uint64_t seed)
{
    struct ensemble_plan plan = patches_plan(options, shape);
    ensemble_init(memory, &plan, shape, seed);
}

static const struct option patches_options[] = {
    ENSEMBLE_TREES,
    ENSEMBLE_FEATURES("0.6"),
    ENSEMBLE_LAMBDA,
    ENSEMBLE_DRIFT("1e-5"),
    ENSEMBLE_WARNING("1e-4"),
    ENSEMBLE_WEIGHTED,
    HOEFFDING_OPTIONS(ensemble_options, "50", "0.01", "0.05", "32MiB"),
    OPTION_END,
};

const struct model_kind streaming_random_patches_model = {
    .name = "streaming_random_patches",
    .summary =
        "bagged trees over random subsets of the features, replaced when their error changes",
    .options = patches_options,
    .option_size = sizeof(struct ensemble_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .cost_ns = 17000,
    .check = ensemble_check,
    .state_size = patches_state_size,
    .init = patches_init,
    .score = ensemble_score,
    .learn = ensemble_learn,
};
