/* Names and formulas of a configuration, compiled into the pipeline's program. */
#ifndef ENGINE_FORMULAS_H
#define ENGINE_FORMULAS_H

#include "engine/pipeline.h"

/* Which names a formula may say besides fields and features. */
enum scope { SCOPE_FEATURES, SCOPE_SCORE /* models too */, SCOPE_DECISIONS /* and `score` */ };

struct formulas {
    struct pipeline *pipeline;
    struct findings *findings;
    uint32_t label_value; /* VALUE_NONE: labels are not configured */
    uint32_t score_value; /* VALUE_NONE until it is compiled */
    uint32_t model_value[MODELS_MAX];
    struct {
        uint32_t value;
        enum { FORMULA_NEW, FORMULA_OPEN, FORMULA_DONE } progress;
    } feature[CONFIG_FEATURES_MAX];
    enum scope scope;
};

/* Adds the fields' columns and the label. */
void formulas_open(struct formulas *formulas, struct pipeline *pipeline, struct findings *findings);

/* Compiles all features, in whatever order they need each other. */
void formulas_features(struct formulas *formulas);

/* Compiles one formula; VALUE_NONE after a finding under `path`. */
uint32_t formulas_compile(struct formulas *formulas, const char *path, const char *text,
                          enum scope scope);

/* A field, feature, model or `score` by its name, or VALUE_NONE without a finding. */
uint32_t formulas_find(struct formulas *formulas, const char *name, enum scope scope);

/* Whether the name is that of a feature or of the score whose own formula had a mistake: there is a
 * finding already. */
bool formulas_failed(const struct formulas *formulas, const char *name);

/* The nearest name that could have been meant, or NULL. */
const char *formulas_nearest(const struct formulas *formulas, const char *name, enum scope scope);

#endif
