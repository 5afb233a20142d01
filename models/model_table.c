/* The table of model kinds. */
#include "models/model.h"
#include <string.h>

extern const struct model_kind half_space_trees_model, logistic_regression_model, midas_model;
extern const struct model_kind alma_model, factorization_machine_model, naive_bayes_model;
extern const struct model_kind nearest_neighbours_model, passive_aggressive_model;

const struct model_kind *const model_table[] = {
    /* linear */
    &alma_model,
    &factorization_machine_model,
    &logistic_regression_model,
    &passive_aggressive_model,
    /* Bayes and neighbours */
    &naive_bayes_model,
    &nearest_neighbours_model,
    /* detectors */
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
