/* From a configuration to a pipeline that runs; see pipeline.h.
 *
 *     pipeline_build    fields -> features -> models -> score -> rules -> detectors -> regions
 *     pipeline_start    one mapping, fresh; decoders open */
#include "engine/pipeline.h"
#include "engine/formulas.h"
#include "engine/sensitive.h"
#include "engine/watermark.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void feature_unknown(struct formulas *formulas, const char *path, const char *name)
{
    const struct config *config = formulas->pipeline->config;
    for (uint32_t i = 0; i < config->model_count; i++) {
        if (strcmp(config->model[i].name, name) != 0)
            continue;
        findings_add(formulas->findings, path, 0,
                     "'%s' is not scored yet here: a model sees the scores of those before it",
                     name);
        return;
    }
    const char *nearest = formulas_nearest(formulas, name, SCOPE_SCORE);
    findings_add(formulas->findings, path, 0, "no feature or field is called '%s'%s%s%s", name,
                 nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* The column of a name that a model looks at: a feature, a field, or the score of a model that
 * stands before it. */
static uint32_t find_feature(struct formulas *formulas, uint32_t at, const char *name)
{
    const struct config *config = formulas->pipeline->config;
    for (uint32_t i = 0; i < at; i++)
        if (strcmp(config->model[i].name, name) == 0)
            return formulas->model_value[i];
    return formulas_find(formulas, name, SCOPE_FEATURES);
}

/* Whether the kind, as it is set, has a use for identifiers: for one or for a pair. */
static bool takes_keys(const struct config_model *model, const char *name)
{
    static const enum value_type types[] = {TYPE_TEXT, TYPE_TEXT};
    const char *const names[] = {name, name};
    struct failure failure;
    for (uint32_t count = 1; model->kind->takes_keys && count <= 2; count++) {
        const struct model_shape shape = {count, types, names, 2};
        if (!model->kind->check ||
            model->kind->check(model->options, &shape, &failure) == STATUS_OK)
            return true;
    }
    return false;
}

/* Finds the feature of the model `model_at` by name; refuses what the kind can do nothing with. */
static uint32_t model_feature(struct formulas *formulas, uint32_t model_at, const char *name,
                              uint32_t at)
{
    const struct config_model *model = &formulas->pipeline->config->model[model_at];
    char path[256];
    if (model->all_features)
        snprintf(path, sizeof path, "features.%s", name);
    else
        snprintf(path, sizeof path, "models.%s.features[%u]", model->name, at);
    uint32_t value = find_feature(formulas, model_at, name);
    if (value == VALUE_NONE) {
        if (!formulas_failed(formulas, name))
            feature_unknown(formulas, path, name);
        return VALUE_NONE;
    }
    enum value_type type = formulas->pipeline->program.value[value].type;
    if (value_type_is_key(type) && (type != TYPE_TEXT || !takes_keys(model, name))) {
        findings_add(formulas->findings, path, 0,
                     "'%s' is a text, an identifier or a location, and models take numbers; count "
                     "or compare it in a "
                     "feature%s",
                     name, model->all_features ? ", or name the model's features" : "");
        return VALUE_NONE;
    }
    return value;
}

static uint32_t union_find(const struct pipeline *pipeline, uint32_t value)
{
    for (uint32_t i = 0; i < pipeline->model_feature_count; i++)
        if (pipeline->model_feature_value[i] == value)
            return i;
    return UINT32_MAX;
}

/* The feature's place in the union of all models' features, entered if it is new. */
static uint32_t union_index(struct pipeline *pipeline, uint32_t value, const char *name)
{
    uint32_t known = union_find(pipeline, value);
    if (known != UINT32_MAX)
        return known;
    if (pipeline->model_feature_count == MODEL_FEATURES_MAX)
        return UINT32_MAX;
    uint32_t index = pipeline->model_feature_count++;
    pipeline->model_feature_value[index] = value;
    /* To models a duration is its seconds. */
    enum value_type type = pipeline->program.value[value].type;
    pipeline->model_feature_type[index] = type == TYPE_DURATION ? TYPE_NUMBER : type;
    pipeline->model_feature_name[index] = name;
    return index;
}

/* A kind may refuse what it is asked to learn from. */
static void check_model(struct formulas *formulas, const struct model_setting *setting)
{
    const struct pipeline *pipeline = formulas->pipeline;
    enum value_type type[MODEL_FEATURES_MAX];
    const char *name[MODEL_FEATURES_MAX];
    for (uint32_t i = 0; i < setting->feature_count; i++) {
        type[i] = pipeline->model_feature_type[setting->feature[i]];
        name[i] = pipeline->model_feature_name[setting->feature[i]];
    }
    const uint32_t classes = pipeline->config->labels.class_count;
    const struct model_shape shape = {setting->feature_count, type, name, classes};
    struct failure failure;
    char path[128];
    snprintf(path, sizeof path, "models.%s", setting->name);
    if (setting->feature_count == 0)
        findings_add(formulas->findings, path, 0, "the model has no feature to look at");
    else if (classes > 2 && setting->kind->supervised && !setting->kind->multiclass)
        findings_add(formulas->findings, path, 0,
                     "%s learns from labels of two classes, and these have %u (labels.classes)",
                     setting->kind->name, classes);
    else if (classes > 2 && setting->imbalance.method != IMBALANCE_NONE)
        findings_add(formulas->findings, path, 0,
                     "`imbalance` is of positives and negatives, and these labels have %u classes",
                     classes);
    else if (setting->kind->check &&
             setting->kind->check(setting->options, &shape, &failure) != STATUS_OK)
        findings_add(formulas->findings, path, 0, "%s", failure.text);
}

/* With more than two classes a learner's score is the class that it takes for the truth. */
static bool names_class(const struct formulas *formulas, uint32_t at, uint32_t value)
{
    const struct config *config = formulas->pipeline->config;
    for (uint32_t i = 0; i < at && config->labels.class_count > 2; i++)
        if (formulas->model_value[i] == value)
            return config->model[i].kind->supervised;
    return false;
}

static void build_model(struct formulas *formulas, uint32_t at, struct model_setting *setting)
{
    struct pipeline *pipeline = formulas->pipeline;
    const struct config *config = pipeline->config;
    const struct config_model *model = &config->model[at];
    snprintf(setting->name, sizeof setting->name, "%s", model->name);
    setting->kind = model->kind;
    setting->options = model->options;
    setting->imbalance = model->imbalance;
    uint32_t count = model->all_features ? config->feature_count : model->feature_count;
    for (uint32_t i = 0; i < count && setting->feature_count < MODEL_FEATURES_MAX; i++) {
        const char *name = model->all_features ? config->feature[i].name : model->feature[i];
        uint32_t value = model_feature(formulas, at, name, i);
        uint32_t index = value == VALUE_NONE ? UINT32_MAX : union_index(pipeline, value, name);
        if (index == UINT32_MAX)
            continue;
        if (names_class(formulas, at, value))
            pipeline->model_feature_type[index] = TYPE_ENUM;
        setting->feature[setting->feature_count++] = index;
    }
    setting->score_value =
        program_add_external(&pipeline->program, TYPE_NUMBER, PROGRAM_SCORE_LEVEL,
                             hash_fingerprint(setting->name, strlen(setting->name)));
    formulas->model_value[at] = setting->score_value;
    if (formulas->findings->count == 0)
        check_model(formulas, setting);
    setting->retrained = at == pipeline->retrained;
}

/* The model that `retraining` names; config.c has checked that it exists. */
static uint32_t retrained_model(const struct config *config)
{
    for (uint32_t i = 0; config->retraining.present && i < config->model_count; i++)
        if (strcmp(config->model[i].name, config->retraining.model) == 0)
            return i;
    return UINT32_MAX;
}

static uint64_t classes_fingerprint(const struct config_labels *labels)
{
    uint64_t print = labels->classes != NULL;
    for (uint32_t i = 0; labels->classes && i < labels->class_count; i++)
        print =
            hash_pair(print, hash_fingerprint(labels->classes[i], strlen(labels->classes[i])) | 1);
    return print;
}

static void build_models(struct formulas *formulas)
{
    struct pipeline *pipeline = formulas->pipeline;
    const struct config *config = pipeline->config;
    pipeline->model_setting = calloc(MODELS_MAX, sizeof *pipeline->model_setting);
    ASSERT(pipeline->model_setting);
    pipeline->retrained = retrained_model(config);
    for (uint32_t i = 0; i < config->model_count; i++)
        build_model(formulas, i, &pipeline->model_setting[i]);
    for (uint32_t i = 0; i < config->model_count; i++)
        pipeline->model_setting[i].score_feature =
            union_find(pipeline, pipeline->model_setting[i].score_value) + 1; /* NONE + 1 is 0 */
    const struct models_setting setting = {
        .seed = (uint64_t)config->seed,
        .feature_count = pipeline->model_feature_count,
        .feature_value = pipeline->model_feature_value,
        .feature_type = pipeline->model_feature_type,
        .feature_name = pipeline->model_feature_name,
        .model_count = config->model_count,
        .model = pipeline->model_setting,
        .race = config->retraining.race,
        .class_count = config->labels.class_count,
        .class_fingerprint = classes_fingerprint(&config->labels),
    };
    if (formulas->findings->count == 0)
        pipeline->models = models_open(&setting);
}

static void build_score(struct formulas *formulas)
{
    struct pipeline *pipeline = formulas->pipeline;
    const struct config *config = pipeline->config;
    uint32_t value = VALUE_NONE;
    if (config->score)
        value = formulas_compile(formulas, "score", config->score, SCOPE_SCORE);
    else if (config->model_count == 1)
        value = formulas->model_value[0];
    const enum value_type type =
        value == VALUE_NONE ? TYPE_NUMBER : pipeline->program.value[value].type;
    if (type != TYPE_NUMBER && type != TYPE_BOOLEAN && type != TYPE_DURATION)
        findings_add(formulas->findings, "score", 0, "the score must be a number");
    formulas->score_value = pipeline->decisions.score = value;
}

static void build_rules(struct formulas *formulas)
{
    struct pipeline *pipeline = formulas->pipeline;
    const struct config *config = pipeline->config;
    struct decisions *decisions = &pipeline->decisions;
    decisions->outcome_count = config->outcome_count;
    memcpy(decisions->outcome, config->outcome, sizeof decisions->outcome);
    memcpy(decisions->threshold, config->threshold, sizeof decisions->threshold);
    for (uint32_t i = 0; i < config->rule_count; i++) {
        struct rule *rule = &decisions->rule[decisions->rule_count++];
        char path[128];
        snprintf(path, sizeof path, "rules.%s.when", config->rule[i].name);
        snprintf(rule->name, sizeof rule->name, "%s", config->rule[i].name);
        rule->outcome = config->rule[i].outcome;
        rule->value = formulas_compile(formulas, path, config->rule[i].when, SCOPE_DECISIONS);
        if (rule->value != VALUE_NONE && pipeline->program.value[rule->value].type != TYPE_BOOLEAN)
            findings_add(
                formulas->findings, path, 0,
                "a rule needs a condition, such as amount > 100; this is not true or false");
    }
}

static bool watched_value(struct formulas *formulas, const struct config_detector *detector,
                          struct detector_setting *setting)
{
    setting->value = VALUE_NONE;
    setting->watched = strcmp(detector->watch, "error") == 0  ? WATCH_ERROR
                       : strcmp(detector->watch, "loss") == 0 ? WATCH_LOSS
                                                              : WATCH_VALUE;
    if (setting->watched != WATCH_VALUE)
        return true;
    setting->value = formulas_find(formulas, detector->watch, SCOPE_DECISIONS);
    if (setting->value == VALUE_NONE ||
        value_type_is_key(formulas->pipeline->program.value[setting->value].type))
        return false;
    snprintf(setting->subject, sizeof setting->subject, "%s", detector->watch);
    setting->fingerprint = formulas->pipeline->program.value[setting->value].fingerprint;
    return true;
}

static void build_monitor(struct formulas *formulas)
{
    struct pipeline *pipeline = formulas->pipeline;
    const struct config *config = pipeline->config;
    struct detector_setting settings[DETECTORS_MAX] = {0};
    for (uint32_t i = 0; i < config->detector_count; i++) {
        const struct config_detector *detector = &config->detector[i];
        snprintf(settings[i].name, sizeof settings[i].name, "%s", detector->name);
        settings[i].kind = detector->kind;
        settings[i].options = detector->options;
        if (watched_value(formulas, detector, &settings[i]) ||
            formulas_failed(formulas, detector->watch))
            continue;
        char path[128];
        snprintf(path, sizeof path, "drift.%s.watch", detector->name);
        findings_add(
            formulas->findings, path, 0,
            "'%s' is nothing to watch: expected error, loss, score, a model or a feature or "
            "field that is a number",
            detector->watch);
    }
    const struct monitor_setting setting = {
        .detector_count = config->detector_count,
        .detector = settings,
        .alert_outcome = config->alert_outcome,
        .recent_labels = config->recent_labels,
        .class_count = config->labels.class_count,
    };
    pipeline->monitor = monitor_open(&setting);
}

static void unused_entity(void *self, uint32_t entity)
{
    struct formulas *formulas = self;
    char path[320];
    snprintf(path, sizeof path, "entities.%s", formulas->pipeline->config->entity[entity].name);
    findings_add_key(formulas->findings, path, "no window is taken by this entity");
}

/* Each that does not fit behind those before it. */
static void check_quotas(const struct config *config, int64_t memory, struct findings *findings)
{
    char path[FINDING_PATH_MAX], entity[FINDING_PATH_MAX];
    int64_t left = memory;
    for (uint32_t i = 0; i < config->entity_count; i++) {
        int64_t quota = config->entity[i].memory;
        if (quota > left)
            findings_add(findings,
                         path_member(path, path_member(entity, "entities", config->entity[i].name),
                                     "memory"),
                         0,
                         "entities have %lld MiB of `memory`, and %lld MiB are left for this kind; "
                         "lower it, or raise `memory`",
                         (long long)(memory >> 20), (long long)(left >> 20));
        else
            left -= quota;
    }
}

/* Bytes of the state that go to entities: what labels and models do not need. */
static void open_features(struct pipeline *pipeline, struct findings *findings)
{
    const struct config *config = pipeline->config;
    int64_t remembered = pipeline->has_labels ? config->labels.remembered * 512 : 0;
    /* A quarter is for the pages that a snapshot copies aside. */
    int64_t memory = config->exactly_once ? config->memory - config_aside(config) : config->memory;
    const struct features_setting setting = {
        .memory = memory - (remembered < memory / 2 ? remembered : memory / 2),
        .lateness_ms = config->lateness_ms,
        .zone = config->zone,
        .entity_count = config->entity_count,
        .entity = config->entity,
    };
    check_quotas(config, setting.memory, findings);
    pipeline->features = features_open(&setting);
}

static void declare_history(struct pipeline *pipeline, struct state_layout *layout)
{
    struct history *history = &pipeline->history;
    uint64_t wanted = (uint64_t)pipeline->config->labels.remembered + BATCH_RECORDS_MAX;
    for (history->capacity = 1024; history->capacity < wanted; history->capacity *= 2)
        ;
    history->indexed = pipeline->config->labels_input.present;
    history->key_count = features_key_count(pipeline->features);
    history->feature_count = pipeline->model_feature_count;
    history->score_count = models_score_count(pipeline->models);
    uint64_t example_size = history_example_size(history);
    history->event_region = state_layout_add(layout, "events", 0, sizeof(struct event_row), 64,
                                             history->capacity, STATE_ROWS_ALWAYS);
    history->example_region =
        state_layout_add(layout, "examples", 0, example_size ? example_size : 8, 8,
                         history->capacity, STATE_ROWS_ALWAYS);
    if (!history->indexed)
        return;
    keymap_declare(&history->ids, layout, "events.index", history->event_region, history->capacity);
    pipeline->early_max = (uint32_t)(history->capacity / 16);
    pipeline->early_region = state_layout_add(layout, "early_labels", 0, sizeof(struct early_label),
                                              16, pipeline->early_max, STATE_ROWS_ALWAYS);
    keymap_declare(&pipeline->early, layout, "early_labels.index", pipeline->early_region,
                   pipeline->early_max);
}

static enum status open_decoders(struct pipeline *pipeline, const char *header,
                                 struct failure *failure)
{
    struct config *config = pipeline->config;
    enum status status = config->events.decoder->open(&pipeline->event_decoder,
                                                      &config->events.schema, header, failure);
    if (status == STATUS_OK && config->labels_input.present)
        status = config->labels_input.decoder->open(&pipeline->label_decoder,
                                                    &config->labels_input.schema, NULL, failure);
    return status;
}

static struct state_layout *declare(struct pipeline *pipeline)
{
    struct state_layout *layout = malloc(sizeof *layout);
    ASSERT(layout);
    state_layout_init(layout);
    pipeline->fold_region =
        state_layout_add(layout, "fold", 0, sizeof(struct fold_row), 64, 1, STATE_ROWS_ALWAYS);
    journal_lanes_declare(&pipeline->lanes, layout);
    watermark_declare(pipeline, layout);
    features_declare(pipeline->features, layout);
    if (pipeline->config->decision_features)
        sensitive_features(pipeline, pipeline->feature_masked);
    models_declare(pipeline->models, layout);
    monitor_declare(pipeline->monitor, layout);
    if (pipeline->has_labels)
        declare_history(pipeline, layout);
    return layout;
}

/* Each part of the state is a region of it, or several. */
static void check_layout(struct pipeline *pipeline, struct findings *findings)
{
    struct state_layout *layout = declare(pipeline);
    if (layout->refused)
        findings_add(findings, "features", 0,
                     "the state has %u parts, and can have %d: have fewer kinds of entities "
                     "(most of all with medians and the like), silences, bursts or models",
                     layout->directory.region_count + layout->refused, STATE_REGIONS_MAX);
    free(layout);
}

bool pipeline_build(struct pipeline *pipeline, struct config *config, struct findings *findings)
{
    memset(pipeline, 0, sizeof *pipeline);
    pipeline->config = config;
    pipeline->from_ms = INT64_MIN;
    pipeline->to_ms = INT64_MAX;
    pipeline->has_labels = config->labels.event_source[0] || config->labels_input.present;
    program_init(&pipeline->program, config->key);
    pipeline->program.lists = &config->lists;
    pipeline->program.zone = config->zone;
    pipeline->program.zones = &config->zones;
    open_features(pipeline, findings);
    struct formulas *formulas = malloc(sizeof *formulas);
    ASSERT(formulas);
    formulas_open(formulas, pipeline, findings);
    formulas_features(formulas);
    build_models(formulas);
    build_score(formulas);
    build_rules(formulas);
    build_monitor(formulas);
    if (findings->count == 0)
        features_unused(pipeline->features, unused_entity, formulas);
    free(formulas);
    program_finish(&pipeline->program);
    if (findings->count == 0)
        check_layout(pipeline, findings);
    return findings->count == 0;
}

enum status pipeline_start(struct pipeline *pipeline, const char *header, struct failure *failure)
{
    struct state_layout *layout = declare(pipeline);
    enum status status = state_open(&pipeline->state, layout, failure);
    free(layout);
    if (status != STATUS_OK)
        return status;
    struct fold_row *fold = state_write_row(&pipeline->state, pipeline->fold_region, 0);
    fold->newest_ms = fold->suspect_ms = fold->watermark_ms = fold->arrival_ms = WATERMARK_NONE;
    models_start(pipeline->models, &pipeline->state);
    monitor_start(pipeline->monitor, &pipeline->state);
    return open_decoders(pipeline, header, failure);
}

static bool region_fits(const struct state_region *wanted, const struct state_region *found)
{
    return strcmp(wanted->name, found->name) == 0 && wanted->fingerprint == found->fingerprint &&
           wanted->offset == found->offset && wanted->row_size == found->row_size &&
           wanted->row_count == found->row_count;
}

static bool layout_fits(const struct state_directory *wanted, const struct state_directory *found)
{
    bool fits = wanted->region_count == found->region_count;
    for (uint32_t i = 0; fits && i < wanted->region_count; i++)
        fits = region_fits(&wanted->region[i], &found->region[i]);
    return fits;
}

enum status pipeline_adopt(struct pipeline *pipeline, struct state *state, struct failure *failure)
{
    struct state_layout *layout = declare(pipeline);
    bool fits = layout_fits(&layout->directory, state->directory);
    free(layout);
    if (!fits)
        return failure_set(
            failure, STATUS_STOP,
            "the state was laid out by another version of weir, or by other rules of "
            "a time zone (tzdata): go back to those, or begin anew by `weir run "
            "--cold-start`");
    pipeline->state = *state;
    memset(state, 0, sizeof *state);
    return open_decoders(pipeline, NULL, failure);
}

void pipeline_close(struct pipeline *pipeline)
{
    if (pipeline->event_decoder)
        pipeline->config->events.decoder->close(pipeline->event_decoder);
    if (pipeline->label_decoder)
        pipeline->config->labels_input.decoder->close(pipeline->label_decoder);
    if (pipeline->monitor)
        monitor_close(pipeline->monitor);
    if (pipeline->models)
        models_close(pipeline->models);
    if (pipeline->features)
        features_close(pipeline->features);
    free(pipeline->model_setting);
    program_close(&pipeline->program);
    state_close(&pipeline->state);
}

enum status pipeline_batch(const struct pipeline *pipeline, struct batch *batch,
                           struct failure *failure)
{
    enum status status =
        batch_open_layers(batch, pipeline->program.value_count, pipeline->program.text_count,
                          pipeline->program.layer_count, failure);
    if (status != STATUS_OK)
        return status;
    program_prepare(&pipeline->program, batch);
    for (uint32_t row = 0; pipeline->has_labels && row < BATCH_RECORDS_MAX; row++)
        batch_column(batch, pipeline->label_value)[row].number = 0;
    return STATUS_OK;
}
