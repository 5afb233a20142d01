/* "drift" and "retraining": what is watched, and what follows from an alarm. */
#include "engine/config_parts.h"
#include <stdlib.h>
#include <string.h>

/* The members of a detector that are not its kind's. */
struct watch_text {
    char watch[SCHEMA_NAME_MAX];
    bool retrain;
};

static const struct option watch_options[] = {
    {.name = "watch",
     .help = "error, loss, score, or the name of a model, feature or field",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct watch_text, watch),
     .size = SCHEMA_NAME_MAX},
    {.name = "retrain",
     .help = "an alarm asks for a training",
     .type = OPTION_BOOLEAN,
     .offset = offsetof(struct watch_text, retrain),
     .standard = "false"},
    OPTION_END,
};

static const struct option retraining_options[] = {
    {.name = "model",
     .help = "the model that is trained again",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct config_retraining, model),
     .size = sizeof((struct config_retraining *)0)->model},
    {.name = "examples",
     .help = "newest labelled events in the training set",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config_retraining, examples),
     .standard = "50000",
     .minimum = 100,
     .maximum = 1e7},
    {.name = "every_labels",
     .help = "train after so many labels as well; 0: by alarms only",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config_retraining, every_labels),
     .standard = "0",
     .minimum = 0,
     .maximum = 1e12},
    {.name = "compare_labels",
     .help = "labels that champion and challenger are compared over",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config_retraining, race.compare_labels),
     .standard = "2000",
     .minimum = 1,
     .maximum = 1e9},
    {.name = "margin",
     .help = "share by which the challenger's loss must be lower",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct config_retraining, race.margin),
     .standard = "0",
     .minimum = 0,
     .maximum = 1},
    {.name = "cooldown_labels",
     .help = "labels between two trainings",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config_retraining, race.cooldown_labels),
     .standard = "2000",
     .minimum = 0,
     .maximum = 1e9},
    {.name = "penalty",
     .help = "L2 penalty, on standardised features",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct config_retraining, penalty),
     .standard = "1",
     .minimum = 0,
     .maximum = 1e9},
    {.name = "validation_share",
     .help = "newest share of the examples held out and reported",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct config_retraining, validation_share),
     .standard = "0.2",
     .minimum = 0,
     .maximum = 0.9},
    OPTION_END,
};

static bool has_labels(const struct config *config)
{
    return config->labels.event_source[0] || config->labels_input.present;
}

static void check_watch(const struct config *config, const struct watch_text *text,
                        const char *path, struct findings *findings)
{
    char place[FINDING_PATH_MAX];
    bool by_labels = strcmp(text->watch, "error") == 0 || strcmp(text->watch, "loss") == 0;
    path_member(place, path, "watch");
    if (by_labels && !json_object_get(config->root, "labels"))
        findings_add(findings, place, 0, "there is no %s without labels", text->watch);
    if (text->retrain && !json_object_get(config->root, "retraining"))
        findings_add_key(findings, path_member(place, path, "retrain"),
                         "there is no \"retraining\" that says which model and how");
}

static void read_detector(struct config *config, const char *name, const json_t *object,
                          const char *path, struct findings *findings)
{
    static const char *const others[] = {"kind", "watch", "retrain", NULL};
    struct watch_text text = {0};
    struct kind kind;
    options_take(watch_options, object, path, &text, findings);
    check_watch(config, &text, path, findings);
    if (!config_kind(KINDS_DETECTORS, object, path, "kind", &kind, findings))
        return;
    void *options = config_kind_options(&kind, object, path, others, findings);
    if (!text.watch[0]) {
        free(options);
        return;
    }
    struct config_detector *detector = &config->detector[config->detector_count++];
    snprintf(detector->name, sizeof detector->name, "%.63s", name);
    memcpy(detector->watch, text.watch, sizeof detector->watch);
    detector->kind = kind.row;
    detector->options = options;
    detector->retrains = text.retrain;
}

static void read_drift(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "drift", findings);
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (json_object_size(section) > DETECTORS_MAX)
        findings_add(findings, "drift", 0, "expected at most %d detectors", DETECTORS_MAX);
    json_object_foreach((json_t *)section, name, value)
    {
        path_member(path, "drift", name);
        config_check_name("detector", name, path, findings);
        if (!json_is_object(value))
            findings_add_type(findings, path, "an object", value);
        else if (config->detector_count < DETECTORS_MAX)
            read_detector(config, name, value, path, findings);
    }
}

static const char *model_at(const void *self, uint32_t index)
{
    const struct config *config = self;
    return index < config->model_count ? config->model[index].name : NULL;
}

static void check_retrained(const struct config *config, struct findings *findings)
{
    const char *name = config->retraining.model;
    for (uint32_t i = 0; i < config->model_count; i++) {
        if (strcmp(config->model[i].name, name) != 0)
            continue;
        if (config->labels.class_count > 2)
            findings_add(findings, "retraining.model", 0,
                         "a model of more than two classes cannot be trained in a batch");
        if (!config->model[i].kind->load)
            findings_add(findings, "retraining.model", 0, "a %s cannot be trained in a batch",
                         config->model[i].kind->name);
        return;
    }
    if (*name)
        findings_add_unknown(findings, "retraining.model", false, "model", name, model_at, config);
}

void config_read_monitor(struct config *config, struct findings *findings)
{
    struct config_retraining *retraining = &config->retraining;
    read_drift(config, findings);
    options_default(retraining_options, retraining);
    const json_t *section = config_section(config, "retraining", findings);
    if (!section)
        return;
    retraining->present = true;
    options_read(retraining_options, section, "retraining", NULL, retraining, findings);
    check_retrained(config, findings);
    if (!has_labels(config))
        findings_add_key(findings, "retraining", "nothing can be trained without labels");
    else if (retraining->examples > config->labels.remembered)
        findings_add(findings, "retraining.examples", 0,
                     "there are only labels.remembered (%lld) events to choose from",
                     (long long)config->labels.remembered);
}
