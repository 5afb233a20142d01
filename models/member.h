/* The models as the files of this folder see them: each with its own view of the features. */
#ifndef MODELS_MEMBER_H
#define MODELS_MEMBER_H

#include "models/models.h"
#include "models/race.h"

/* A model with its own view of the features. */
struct member {
    const struct model_setting *setting;
    struct model_shape shape;
    enum value_type type[MODEL_FEATURES_MAX];
    const char *name[MODEL_FEATURES_MAX];
    bool all; /* its features are the union, in order: nothing to gather */
    uint32_t region;
    uint32_t imbalance_region; /* beside it, row for row, if imbalance_used */
    uint32_t challenger_score; /* index in an example row's scores; of the retrained */
    uint64_t seed;
};

struct models {
    struct race_setting race;
    uint64_t class_fingerprint;
    uint32_t feature_count, model_count, score_count, race_region;
    uint32_t explaining; /* the model whose reasons are given; MODELS_MAX: none */
    uint32_t feature_value[MODEL_FEATURES_MAX];
    struct model_setting setting[MODELS_MAX];
    struct member member[MODELS_MAX];
};

/* Of the options' values, one by one: their structure may have padding. */
uint64_t member_options_fingerprint(const struct member *member);

#endif
