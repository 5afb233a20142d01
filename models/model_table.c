/* The table of model kinds. */
#include "models/model.h"
#include <string.h>

extern const struct model_kind adaptive_random_forest_model, alma_model, autoencoder_model;
extern const struct model_kind autoencoder_ensemble_model, average_model, best_expert_model;
extern const struct model_kind conformal_model, conformal_negatives_model, discord_model;
extern const struct model_kind extremely_fast_decision_tree_model, extremes_model;
extern const struct model_kind factorization_machine_model, gaussian_model;
extern const struct model_kind gradient_boosting_model, half_space_trees_model;
extern const struct model_kind hoeffding_adaptive_tree_model, hoeffding_tree_model;
extern const struct model_kind isotonic_model, leveraging_bagging_model, loda_model;
extern const struct model_kind logistic_regression_model, mahalanobis_model, midas_model;
extern const struct model_kind mondrian_forest_model, naive_bayes_model, nearest_neighbours_model;
extern const struct model_kind online_isolation_forest_model, passive_aggressive_model;
extern const struct model_kind perceptron_model, platt_model, quantile_model;
extern const struct model_kind random_cut_forest_model, seasonal_residual_model;
extern const struct model_kind series_surprise_model, streaming_random_patches_model;
extern const struct model_kind xstream_model;

const struct model_kind *const model_table[] = {
    /* linear */
    &alma_model,
    &factorization_machine_model,
    &logistic_regression_model,
    &passive_aggressive_model,
    /* Bayes and neighbours */
    &naive_bayes_model,
    &nearest_neighbours_model,
    /* trees, forests, boosting, networks */
    &adaptive_random_forest_model,
    &extremely_fast_decision_tree_model,
    &gradient_boosting_model,
    &hoeffding_adaptive_tree_model,
    &hoeffding_tree_model,
    &leveraging_bagging_model,
    &mondrian_forest_model,
    &perceptron_model,
    &streaming_random_patches_model,
    /* over the scores of other models */
    &average_model,
    &best_expert_model,
    &conformal_model,
    &conformal_negatives_model,
    &isotonic_model,
    &platt_model,
    /* detectors of strange rows */
    &autoencoder_model,
    &autoencoder_ensemble_model,
    &gaussian_model,
    &half_space_trees_model,
    &loda_model,
    &mahalanobis_model,
    &midas_model,
    &online_isolation_forest_model,
    &quantile_model,
    &random_cut_forest_model,
    &xstream_model,
    /* detectors over time */
    &discord_model,
    &extremes_model,
    &seasonal_residual_model,
    &series_surprise_model,
    NULL,
};

const struct model_kind *model_find(const char *name)
{
    for (int i = 0; model_table[i]; i++) {
        if (strcmp(model_table[i]->name, name) == 0)
            return model_table[i];
    }
    return NULL;
}
