/* The table of model kinds. */
#include "models/model.h"
#include <string.h>

extern const struct model_kind alma_model, autoencoder_ensemble_model, autoencoder_model;
extern const struct model_kind factorization_machine_model, gradient_boosting_model;
extern const struct model_kind half_space_trees_model, logistic_regression_model;
extern const struct model_kind midas_model, mondrian_forest_model, naive_bayes_model;
extern const struct model_kind nearest_neighbours_model, passive_aggressive_model;
extern const struct model_kind perceptron_model;

const struct model_kind *const model_table[] = {
    /* linear */
    &alma_model,
    &factorization_machine_model,
    &logistic_regression_model,
    &passive_aggressive_model,
    /* Bayes and neighbours */
    &naive_bayes_model,
    &nearest_neighbours_model,
    /* forests, boosting, networks */
    &gradient_boosting_model,
    &mondrian_forest_model,
    &perceptron_model,
    /* detectors */
    &autoencoder_model,
    &autoencoder_ensemble_model,
    &half_space_trees_model,
    &midas_model,
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
