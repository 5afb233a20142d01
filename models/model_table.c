/* The table of model kinds. */
#include "models/model.h"
#include <string.h>

extern const struct model_kind alma_model, autoencoder_model, autoencoder_ensemble_model;
extern const struct model_kind discord_model, extremes_model, factorization_machine_model;
extern const struct model_kind gaussian_model, gradient_boosting_model, half_space_trees_model;
extern const struct model_kind loda_model, logistic_regression_model, mahalanobis_model;
extern const struct model_kind midas_model, mondrian_forest_model, naive_bayes_model;
extern const struct model_kind nearest_neighbours_model, online_isolation_forest_model;
extern const struct model_kind passive_aggressive_model, perceptron_model, quantile_model;
extern const struct model_kind random_cut_forest_model, seasonal_residual_model;
extern const struct model_kind series_surprise_model, xstream_model;
extern const struct model_kind average_model, best_expert_model, conformal_model;
extern const struct model_kind conformal_negatives_model, isotonic_model, platt_model;

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
    &gradient_boosting_model,
    &mondrian_forest_model,
    &perceptron_model,
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
    /* around other models: their features are scores */
    &average_model,
    &best_expert_model,
    &conformal_model,
    &conformal_negatives_model,
    &isotonic_model,
    &platt_model,
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
