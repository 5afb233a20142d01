/* Leveraging bagging: Hoeffding trees over all features, bagged with more weight than usual
 * (lambda above 1 gives members larger and more different inputs); when the error of any member has
 * grown, the worst one is replaced by an empty tree.  Albert Bifet, Geoff Holmes, Bernhard
 * Pfahringer, "Leveraging bagging for evolving data streams", 2010.
 *
 * Missing values, enumerations, identifiers: hoeffding.h; bagging and votes: tree_ensemble.h.
 * River's LeveragingBaggingClassifier over its standard tree is trees 10, lambda 6, grace_period
 * 200, delta 1e-7, drift_delta 0.002, weighted_vote false, max_share_to_split 0.99; trees that grow
 * sooner are better on all sets that we know. */
#include "models/tree_ensemble.h"

static struct ensemble_plan bagging_plan(const void *options)
{
    const struct ensemble_options *given = (const struct ensemble_options *)options;
    return (struct ensemble_plan){
        .options = given, .subspace = SUBSPACE_ALL, .replaces_worst = true};
}

static uint64_t bagging_state_size(const void *options, const struct model_shape *shape)
{
    struct ensemble_plan plan = bagging_plan(options);
    return ensemble_size(&plan, shape);
}

static void bagging_init(void *memory, const void *options, const struct model_shape *shape,
                         uint64_t seed)
{
    struct ensemble_plan plan = bagging_plan(options);
    ensemble_init(memory, &plan, shape, seed);
}

static const struct option bagging_options[] = {
    ENSEMBLE_TREES,
    ENSEMBLE_LAMBDA,
    ENSEMBLE_DRIFT("0.002"),
    ENSEMBLE_WEIGHTED,
    HOEFFDING_OPTIONS(ensemble_options, "50", "0.01", "0.05", "32MiB"),
    OPTION_END,
};

const struct model_kind leveraging_bagging_model = {
    .name = "leveraging_bagging",
    .summary = "bagged trees over all features, the worst replaced when an error grows",
    .options = bagging_options,
    .option_size = sizeof(struct ensemble_options),
    .supervised = true,
    .multiclass = true,
    .scattered = true,
    .cost_ns = 20000,
    .check = ensemble_check,
    .state_size = bagging_state_size,
    .init = bagging_init,
    .score = ensemble_score,
    .learn = ensemble_learn,
};
