/* The table of model kinds. */
#include "models/model.h"
#include <string.h>

extern const struct model_kind half_space_trees_model, logistic_regression_model, midas_model;
extern const struct model_kind average_model, best_expert_model, conformal_model,
    conformal_negatives_model, isotonic_model, platt_model;

const struct model_kind *const model_table[] = {
    &logistic_regression_model,
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
