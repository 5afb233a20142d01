/* "entities", "features" and "models": what is computed of an event. */
#include "base/assert.h"
#include "engine/config_parts.h"
#include <stdlib.h>
#include <string.h>

static const struct option entity_options[] = {
    {.name = "entities_max",
     .help = "how many are remembered; 0: as many as memory allows",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct entity_setting, entities_max),
     .standard = "0",
     .minimum = 0,
     .maximum = 1e9},
    {.name = "events_max",
     .help = "events of one entity that its windows look back on",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct entity_setting, events_max),
     .standard = "4096",
     .minimum = 2,
     .maximum = 1e6},
    {.name = "memory",
     .help = "of all of the kind; 0: a share of what kinds without quota leave",
     .type = OPTION_SIZE,
     .offset = offsetof(struct entity_setting, memory),
     .standard = "0",
     .minimum = 0,
     .maximum = 1e18},
    {.name = "expire_after",
     .help = "forgotten when idle for longer than this, by the newest event's time; 0: never",
     .type = OPTION_SPAN,
     .offset = offsetof(struct entity_setting, expire_ms),
     .standard = "0"},
    OPTION_END,
};

/* Names of the fields that entities can be made of. */
static const char *key_at(const void *self, uint32_t index)
{
    const struct schema *schema = self;
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (field_type_is_key(schema->field[i].type) && index-- == 0)
            return schema->field[i].name;
    return NULL;
}

static void check_key(const struct schema *schema, const char *name, const char *path,
                      struct findings *findings)
{
    uint32_t field = schema_find(schema, name);
    if (field == SLOT_NONE)
        findings_add_unknown(findings, path, true, "field", name, key_at, schema);
    else if (!field_type_is_key(schema->field[field].type))
        findings_add_key(findings, path, "an entity is made of keys, and '%s' is of type %s", name,
                         field_type_name(schema->field[field].type));
}

/* "card,merchant" */
static void check_keys(const struct schema *schema, const char *entity, const char *path,
                       struct findings *findings)
{
    char names[256], *rest = names;
    snprintf(names, sizeof names, "%s", entity);
    for (char *name; (name = strsep(&rest, ","));)
        check_key(schema, name, path, findings);
}

void config_read_entities(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "entities", findings);
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (json_object_size(section) > CONFIG_ENTITIES_MAX)
        findings_add(findings, "entities", 0, "expected at most %d entities", CONFIG_ENTITIES_MAX);
    json_object_foreach((json_t *)section, name, value)
    {
        path_member(path, "entities", name);
        if (config->entity_count == CONFIG_ENTITIES_MAX)
            break;
        struct entity_setting *entity = &config->entity[config->entity_count];
        check_keys(&config->events.schema, name, path, findings);
        options_read(entity_options, value, path, NULL, entity, findings);
        if (strlen(name) >= sizeof entity->name)
            continue;
        memcpy(entity->name, name, strlen(name) + 1);
        config->entity_count++;
    }
}

static const char *read_formula(const json_t *value, const char *path, struct findings *findings)
{
    const char *formula = json_string_value(value);
    if (formula && *formula)
        return formula;
    findings_add_type(findings, path, "a formula, as a text", value);
    return "0"; /* stands in, so that who uses it is not blamed */
}

void config_read_features(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "features", findings);
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (json_object_size(section) > CONFIG_FEATURES_MAX)
        findings_add(findings, "features", 0, "expected at most %d features", CONFIG_FEATURES_MAX);
    json_object_foreach((json_t *)section, name, value)
    {
        path_member(path, "features", name);
        if (config->feature_count == CONFIG_FEATURES_MAX)
            break;
        bool taken = config_name_taken(config, name, path, findings);
        config_check_name("feature", name, path, findings);
        if (taken || strlen(name) >= SCHEMA_NAME_MAX)
            continue;
        struct config_feature *feature = &config->feature[config->feature_count++];
        memcpy(feature->name, name, strlen(name) + 1);
        feature->formula = read_formula(value, path, findings);
    }
}

/* Without "features" the fields are the features of models that name none: all that are numbers,
 * truths or choices. */
void config_imply_features(struct config *config)
{
    bool wanted = false;
    for (uint32_t i = 0; i < config->model_count; i++)
        wanted = wanted || config->model[i].all_features;
    if (!wanted || json_object_get(config->root, "features"))
        return;
    const struct schema *schema = &config->events.schema;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct field *field = &schema->field[i];
        if (field_type_is_key(field->type) || field->type == FIELD_TIME ||
            field->role == ROLE_LABEL)
            continue;
        struct config_feature *feature = &config->feature[config->feature_count++];
        memcpy(feature->name, field->name, sizeof feature->name);
    }
}

static bool model_names(const struct config_model *model, const char *name)
{
    for (uint32_t i = 0; i < model->feature_count; i++)
        if (strcmp(model->feature[i], name) == 0)
            return true;
    return false;
}

/* Whether they exist is found out when formulas are compiled. */
static void read_model_features(struct config_model *model, const json_t *list, const char *path,
                                struct findings *findings)
{
    char place[FINDING_PATH_MAX], item[FINDING_PATH_MAX];
    path_member(place, path, "features");
    size_t count = json_array_size(list);
    model->all_features = !list;
    if (!list)
        return;
    if (count == 0 || count > MODEL_FEATURES_MAX) {
        findings_add(findings, place, 0,
                     "expected a list of 1 to %d names; leave it out for all "
                     "features",
                     MODEL_FEATURES_MAX);
        model->all_features = true;
        return;
    }
    model->feature = calloc(count, sizeof *model->feature);
    ASSERT(model->feature);
    model->feature_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        path_item(item, place, i);
        if (!name)
            findings_add_type(findings, item, "a feature's name", json_array_get(list, i));
        else if (model_names(model, name))
            findings_add(findings, item, 0, "'%s' stands twice", name);
        else
            model->feature[model->feature_count++] = name;
    }
}

static void read_model(struct config_model *model, const char *name, const json_t *object,
                       const char *path, struct findings *findings)
{
    static const char *const others[] = {"kind", "features", NULL};
    static const char *const learner_others[] = {
        "kind", "features", "imbalance", "imbalance_weight", "feature_dropout", NULL};
    struct kind kind;
    memcpy(model->name, name, strlen(name) + 1);
    if (config_kind(KINDS_MODELS, object, path, "kind", &kind, findings)) {
        bool learner = ((const struct model_kind *)kind.row)->supervised;
        model->options =
            config_kind_options(&kind, object, path, learner ? learner_others : others, findings);
        if (learner)
            options_take(imbalance_options, object, path, &model->imbalance, findings);
    } else { /* stands in, so that the score that uses it is not blamed */
        kind_at(KINDS_MODELS, 0, &kind);
        struct findings none = {0};
        model->options = config_kind_options(&kind, NULL, path, others, &none);
        findings_close(&none);
    }
    model->kind = kind.row;
    read_model_features(model, json_object_get(object, "features"), path, findings);
}

void config_read_models(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "models", findings);
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (json_object_size(section) > MODELS_MAX)
        findings_add(findings, "models", 0, "expected at most %d models", MODELS_MAX);
    json_object_foreach((json_t *)section, name, value)
    {
        path_member(path, "models", name);
        if (config->model_count == MODELS_MAX)
            break;
        bool taken = config_name_taken(config, name, path, findings);
        config_check_name("model", name, path, findings);
        if (!json_is_object(value))
            findings_add_type(findings, path, "an object", value);
        else if (!taken && strlen(name) < SCHEMA_NAME_MAX)
            read_model(&config->model[config->model_count++], name, value, path, findings);
    }
}
