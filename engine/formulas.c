/* Resolving names and compiling formulas; see formulas.h. */
#include "engine/formulas.h"
#include "base/suggest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum value_type type_of_field(enum field_type type)
{
    switch (type) {
    case FIELD_ID:
    case FIELD_KEY:
    case FIELD_TEXT:
        return TYPE_TEXT;
    case FIELD_TIME:
        return TYPE_TIME;
    case FIELD_BOOLEAN:
        return TYPE_BOOLEAN;
    case FIELD_ENUM:
        return TYPE_ENUM;
    case FIELD_NUMBER:
    case FIELD_LATITUDE:
    case FIELD_LONGITUDE:
        break;
    }
    return TYPE_NUMBER;
}

/* A name's fingerprint: what state columns remember of it is independent of where it stands. */
static uint64_t name_fingerprint(const char *kind, const char *name, int detail)
{
    char text[160];
    int size = snprintf(text, sizeof text, "%s %s %d", kind, name, detail);
    return hash_fingerprint(text, (size_t)size);
}

/* Of its name and type: where it is read from may change.  Cells hold the index of an enum's
 * choice, so the list of choices is part of what they mean. */
static uint64_t field_fingerprint(const struct field *field)
{
    uint64_t print = name_fingerprint("field", field->name, (int)field->type);
    for (uint32_t i = 0; field->type == FIELD_ENUM && i < field->choice_count; i++)
        print = hash_pair(print, hash_fingerprint(field->choices[i], strlen(field->choices[i])));
    return print;
}

static void formulas_add_field(struct formulas *formulas, struct field *field)
{
    struct pipeline *pipeline = formulas->pipeline;
    enum value_type type = type_of_field(field->type);
    field->slot = program_add_external(&pipeline->program, type, 0, field_fingerprint(field));
    pipeline->program.value[field->slot].field = field;
    field->text_slot = field_type_is_key(field->type) ? pipeline->program.text_count++ : SLOT_NONE;
    pipeline->program.value[field->slot].text_slot = field->text_slot;
}

void formulas_open(struct formulas *formulas, struct pipeline *pipeline, struct findings *findings)
{
    memset(formulas, 0, sizeof *formulas);
    formulas->pipeline = pipeline;
    formulas->findings = findings;
    formulas->label_value = formulas->score_value = VALUE_NONE;
    struct schema *schema = &pipeline->config->events.schema;
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->field[i].role != ROLE_LABEL) /* it is no column that a formula could name */
            formulas_add_field(formulas, &schema->field[i]);
    if (!pipeline->has_labels)
        return;
    formulas->label_value =
        program_add_external(&pipeline->program, TYPE_NUMBER, 0, name_fingerprint("label", "", 0));
    pipeline->label_value = formulas->label_value;
    features_set_label(pipeline->features, formulas->label_value);
}

static uint32_t find_field(const struct formulas *formulas, const char *name)
{
    const struct schema *schema = &formulas->pipeline->config->events.schema;
    uint32_t index = schema_find(schema, name);
    return index == SLOT_NONE ? VALUE_NONE : schema->field[index].slot;
}

static uint32_t find_feature(const struct formulas *formulas, const char *name)
{
    const struct config *config = formulas->pipeline->config;
    for (uint32_t i = 0; i < config->feature_count; i++)
        if (strcmp(config->feature[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

static uint32_t find_model(const struct formulas *formulas, const char *name)
{
    const struct config *config = formulas->pipeline->config;
    for (uint32_t i = 0; i < config->model_count; i++)
        if (strcmp(config->model[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

static uint32_t compile_text(struct formulas *formulas, const char *path, const char *text);

/* A feature is compiled when it is first named; one that is still open names itself. */
static uint32_t feature_value(struct formulas *formulas, uint32_t index)
{
    if (formulas->feature[index].progress == FORMULA_NEW) {
        const struct config_feature *feature = &formulas->pipeline->config->feature[index];
        char path[SCHEMA_NAME_MAX + 16];
        snprintf(path, sizeof path, "features.%s", feature->name);
        formulas->feature[index].progress = FORMULA_OPEN;
        enum scope scope = formulas->scope;
        formulas->scope = SCOPE_FEATURES;
        formulas->feature[index].value = feature->formula
                                             ? compile_text(formulas, path, feature->formula)
                                             : find_field(formulas, feature->name);
        formulas->scope = scope;
        formulas->feature[index].progress = FORMULA_DONE;
    }
    return formulas->feature[index].value;
}

const char *formulas_nearest(const struct formulas *formulas, const char *name, enum scope scope)
{
    const struct config *config = formulas->pipeline->config;
    const struct schema *schema = &config->events.schema;
    const char *best = NULL;
    size_t distance = 0;
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->field[i].slot != SLOT_NONE)
            suggest_offer(name, schema->field[i].name, &best, &distance);
    for (uint32_t i = 0; i < config->feature_count; i++)
        suggest_offer(name, config->feature[i].name, &best, &distance);
    for (uint32_t i = 0; scope >= SCOPE_SCORE && i < config->model_count; i++)
        suggest_offer(name, config->model[i].name, &best, &distance);
    if (scope == SCOPE_DECISIONS)
        suggest_offer(name, "score", &best, &distance);
    return best;
}

static void error_unknown(const struct formulas *formulas, const char *name,
                          struct syntax_error *error)
{
    if (find_model(formulas, name) != UINT32_MAX || strcmp(name, "score") == 0) {
        snprintf(error->message, sizeof error->message,
                 "'%s' is not known yet here: scores come after the features", name);
        return;
    }
    const char *nearest = formulas_nearest(formulas, name, formulas->scope);
    snprintf(error->message, sizeof error->message, "unknown name '%s'%s%s%s", name,
             nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static uint32_t find_scored(const struct formulas *formulas, const char *name, enum scope scope)
{
    uint32_t model = scope >= SCOPE_SCORE ? find_model(formulas, name) : UINT32_MAX;
    if (model != UINT32_MAX)
        return formulas->model_value[model];
    return scope == SCOPE_DECISIONS && strcmp(name, "score") == 0 ? formulas->score_value
                                                                  : VALUE_NONE;
}

uint32_t formulas_find(struct formulas *formulas, const char *name, enum scope scope)
{
    uint32_t field = find_field(formulas, name);
    if (field != VALUE_NONE)
        return field;
    uint32_t index = find_feature(formulas, name);
    return index != UINT32_MAX ? feature_value(formulas, index)
                               : find_scored(formulas, name, scope);
}

bool formulas_failed(const struct formulas *formulas, const char *name)
{
    uint32_t index = find_feature(formulas, name);
    if (index != UINT32_MAX)
        return formulas->feature[index].progress == FORMULA_DONE &&
               formulas->feature[index].value == VALUE_NONE;
    return strcmp(name, "score") == 0 && formulas->pipeline->config->score &&
           formulas->score_value == VALUE_NONE;
}

static uint32_t resolve_name(void *self, const struct syntax_node *node, struct syntax_error *error)
{
    struct formulas *formulas = self;
    if (strcmp(node->name, "label") == 0 && formulas->label_value != VALUE_NONE) {
        if (formulas->pipeline->config->labels.class_count == 2)
            return formulas->label_value;
        snprintf(error->message, sizeof error->message,
                 "a label of more than two classes is no number that a window could hold");
        return VALUE_NONE;
    }
    uint32_t index = find_feature(formulas, node->name);
    if (index != UINT32_MAX && formulas->feature[index].progress == FORMULA_OPEN) {
        snprintf(error->message, sizeof error->message,
                 "'%s' is defined by itself: a feature cannot need its own value", node->name);
        return VALUE_NONE;
    }
    uint32_t value = formulas_find(formulas, node->name, formulas->scope);
    if (value == VALUE_NONE) {
        if (index != UINT32_MAX)
            snprintf(error->message, sizeof error->message, "'%s' has a mistake of its own",
                     node->name);
        else
            error_unknown(formulas, node->name, error);
    }
    return value;
}

static uint32_t resolve_window(void *self, const struct syntax *syntax,
                               const struct syntax_node *node, struct syntax_error *error)
{
    struct formulas *formulas = self;
    struct pipeline *pipeline = formulas->pipeline;
    const struct program_resolver resolver = {resolve_name, resolve_window, self};
    return features_window(pipeline->features, &pipeline->program, syntax, node, &resolver, error);
}

/* An event's own label is never known when it is scored; windows of labels are. */
static bool uses_label(const struct formulas *formulas, uint32_t value, uint32_t first)
{
    const struct program *program = &formulas->pipeline->program;
    if (formulas->label_value == VALUE_NONE)
        return false;
    if (value == formulas->label_value)
        return true;
    for (uint32_t i = first; i < program->value_count; i++)
        for (uint32_t j = 0; program->value[i].operation && j < program->value[i].input_count; j++)
            if (program->value[i].input[j] == formulas->label_value)
                return true;
    return false;
}

static uint32_t compile_text(struct formulas *formulas, const char *path, const char *text)
{
    struct program *program = &formulas->pipeline->program;
    struct syntax *syntax = malloc(sizeof *syntax);
    ASSERT(syntax);
    struct syntax_error error = {0};
    uint32_t value = VALUE_NONE, first = program->value_count;
    const struct program_resolver resolver = {resolve_name, resolve_window, formulas};
    if (syntax_parse(syntax, text, &error))
        value = program_compile(program, syntax, syntax->root, &resolver, &error);
    if (value != VALUE_NONE && uses_label(formulas, value, first)) {
        snprintf(
            error.message, sizeof error.message,
            "an event's own label is not known when it is scored; use it inside a window, as in "
            "mean(label) by terminal over 28d delay 7d");
        error.column = 0;
        value = VALUE_NONE;
    }
    if (value == VALUE_NONE)
        findings_add_formula(formulas->findings, path, text, error.column, error.message);
    free(syntax);
    return value;
}

uint32_t formulas_compile(struct formulas *formulas, const char *path, const char *text,
                          enum scope scope)
{
    formulas->scope = scope;
    return compile_text(formulas, path, text);
}

void formulas_features(struct formulas *formulas)
{
    struct pipeline *pipeline = formulas->pipeline;
    formulas->scope = SCOPE_FEATURES;
    for (uint32_t i = 0; i < pipeline->config->feature_count; i++)
        pipeline->feature_value[i] = feature_value(formulas, i);
}
