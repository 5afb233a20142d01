/* The table of model kinds. */
#include "models/model.h"
#include <string.h>

extern const struct model_kind autoencoder_ensemble_model, autoencoder_model;
extern const struct model_kind gradient_boosting_model;
extern const struct model_kind half_space_trees_model, logistic_regression_model;
extern const struct model_kind midas_model, mondrian_forest_model, perceptron_model;
extern const struct model_kind average_model, best_expert_model, conformal_model,
    conformal_negatives_model, isotonic_model, platt_model;

const struct model_kind *const model_table[] = {
    /* linear */
    &logistic_regression_model,
    /* forests, boosting, networks */
    &gradient_boosting_model,
    &mondrian_forest_model,
    &perceptron_model,
    /* detectors */
    &autoencoder_model,
    &autoencoder_ensemble_model,
    &half_space_trees_model,
    &midas_model,
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
