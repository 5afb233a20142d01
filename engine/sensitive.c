/* One pass over the program's values; see sensitive.h. */
#include "engine/sensitive.h"
#include "features/explain.h"
#include "features/migrate.h"
#include <stdlib.h>

/* The windows' plans by the values that they fill. */
static void gather_arguments(const struct pipeline *pipeline,
                             struct window_plan *window_of[PROGRAM_VALUES_MAX])
{
    for (uint32_t i = 0; i < features_entity_count(pipeline->features); i++) {
        struct entity_plan entity;
        features_entity_plan(pipeline->features, i, &entity);
        for (uint32_t j = 0; j < entity.window_count; j++) {
            struct window_plan *plan = malloc(sizeof *plan);
            ASSERT(plan);
            features_window_plan(pipeline->features, i, j, plan);
            window_of[plan->value] = plan;
        }
    }
}

static bool window_reveals(const struct program *program, const struct window_plan *window,
                           const bool *sensitive)
{
    for (uint32_t i = 0; i < window->argument_count; i++) {
        uint32_t argument = window->argument[i];
        bool hashed = value_type_is_key(program->value[argument].type);
        if (sensitive[argument] && (!hashed || window->kind->result == RESULT_ARGUMENT))
            return true;
    }
    return false;
}

/* A number that is one end of a burst is a key to it, but no hash. */
static void reveal_bursts(const struct pipeline *pipeline, uint32_t value, bool *sensitive)
{
    const struct program *program = &pipeline->program;
    for (uint32_t i = 0; i < features_burst_count(pipeline->features); i++) {
        struct burst_plan plan;
        features_burst_plan(pipeline->features, i, &plan);
        for (uint32_t j = 0; plan.value == value && j < 2; j++)
            if (!value_type_is_key(program->value[plan.argument[j]].type))
                sensitive[value] |= sensitive[plan.argument[j]];
    }
}

void sensitive_features(const struct pipeline *pipeline, bool masked[CONFIG_FEATURES_MAX])
{
    const struct program *program = &pipeline->program;
    struct window_plan *window_of[PROGRAM_VALUES_MAX] = {NULL};
    bool sensitive[PROGRAM_VALUES_MAX] = {false};
    gather_arguments(pipeline, window_of);
    /* What a value is computed from has been added before it. */
    for (uint32_t i = 0; i < program->value_count; i++) {
        const struct program_value *value = &program->value[i];
        bool reveals =
            !value->operation && !window_of[i] && value->field && value->field->sensitive;
        for (uint32_t j = 0; j < value->input_count; j++)
            reveals = reveals || sensitive[value->input[j]];
        sensitive[i] =
            reveals || (window_of[i] && window_reveals(program, window_of[i], sensitive));
        reveal_bursts(pipeline, i, sensitive);
        free(window_of[i]);
    }
    for (uint32_t i = 0; i < pipeline->config->feature_count; i++)
        masked[i] = sensitive[pipeline->feature_value[i]];
}
