/* The configuration as read: one JSON file into plain structures, every mistake a finding. Formulas
 * are still texts here; pipeline.c compiles them and adds its findings. */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include "base/list.h"
#include "base/option.h"
#include "base/schema.h"
#include "base/zones.h"
#include "decisions/decisions.h"
#include "features/features.h"
#include "ingest/decoder.h"
#include "ingest/source.h"
#include "models/models.h"
#include "monitor/monitor.h"
#include "sinks/sink.h"
#include <stdio.h>

enum { CONFIG_ENTITIES_MAX = 32, CONFIG_FEATURES_MAX = 512 };

/* Where events or labels come from and what they look like. */
struct config_input {
    bool present;
    const struct source_kind *source;
    void *source_options;
    const struct decoder_kind *decoder;
    char name[256]; /* topic or path, for messages and dead letters */
    int64_t payload_max;
    struct schema schema; /* slots not yet given; labels: fields with roles id, label, time */
};

struct config_labels {
    char event_field[SCHEMA_NAME_MAX]; /* an event's own field that holds its label; "" if none */
    char event_source[SCHEMA_PATH_MAX];
    int64_t delay_ms;          /* until the label inside an event is let out */
    int64_t negative_after_ms; /* 0: never */
    int64_t remembered;        /* events that a label may still find */
    uint32_t class_count;      /* 2, or as many as `classes` names */
    /* (class_count) as labels write them; an empty first one stands for whatever the second is not;
     * NULL: true and false */
    char (*classes)[SCHEMA_NAME_MAX];
};

struct config_feature {
    char name[SCHEMA_NAME_MAX];
    const char *formula; /* lives in the JSON tree; NULL: the field of this name itself */
};

struct config_model {
    char name[64];
    const struct model_kind *kind;
    void *options;
    struct imbalance_setting imbalance; /* of learners */
    uint32_t feature_count;             /* 0 with all_features */
    const char **feature;               /* names of features or fields */
    bool all_features;
};

struct config_rule {
    char name[64];
    const char *when;
    uint32_t outcome;
};

struct config_detector {
    char name[64];
    const struct detector_kind *kind;
    void *options;
    char watch[SCHEMA_NAME_MAX]; /* "error", "loss", "score" or any name of a formula */
    bool retrains;               /* its alarm asks for a training */
};

struct config_retraining {
    bool present;
    char model[64];
    int64_t examples;     /* newest labelled events in the training set */
    int64_t every_labels; /* 0: by alarms only */
    double penalty, validation_share;
    struct race_setting race;
};

struct config_output {
    const struct sink_kind *sink; /* NULL: the stream goes nowhere */
    void *options;
};

enum delivery { DELIVERY_AUTOMATIC, DELIVERY_EXACTLY_ONCE, DELIVERY_AT_LEAST_ONCE };

struct config_state {
    char directory[512];
    int64_t every_ms, keep;
};

struct config {
    const char *path; /* as given; "-" for standard input */
    char *text;
    size_t text_size;
    json_t *root;
    bool buildable; /* findings or not, pipeline_build can look for more: what could not be read is
                       stood in for, so that nothing is blamed for its neighbour */
    char name[128];
    char description[1024];
    int64_t seed, memory, lateness_ms, future_ms, batch;
    bool untimed;          /* events have no time: each is a second after the one before */
    int64_t idle_after_ms; /* a partition without events for this long holds no watermark back */
    char time_zone[ZONE_NAME_MAX];
    const struct zone *zone; /* of these; NULL after a finding */
    struct zones zones;      /* with those that formulas name, once they are compiled */
    char key_file[256];
    struct hash_key key;
    const json_t *kafka; /* NULL if none */
    int64_t wait_ms;     /* for brokers that are away: <0: for ever; 0: a while; not of the file */
    char group[256];
    struct config_input events, labels_input, control;
    struct config_labels labels;
    struct lists lists; /* the texts of their members live in the JSON tree */
    uint32_t entity_count;
    struct entity_setting entity[CONFIG_ENTITIES_MAX];
    uint32_t feature_count;
    struct config_feature feature[CONFIG_FEATURES_MAX];
    uint32_t model_count;
    struct config_model model[MODELS_MAX];
    const char *score; /* formula of models' names; NULL: none */
    uint32_t outcome_count;
    char outcome[OUTCOMES_MAX][32];
    double threshold[OUTCOMES_MAX]; /* NaN: none */
    uint32_t alert_outcome;         /* the first that is an alert: by default the second outcome */
    uint32_t rule_count;
    struct config_rule rule[RULES_MAX];
    uint32_t detector_count;
    struct config_detector detector[DETECTORS_MAX];
    int64_t recent_labels;
    struct config_retraining retraining;
    struct config_output output[STREAMS];
    bool decision_features;            /* decisions hold the features */
    int64_t commit_ms, commit_records; /* a transaction ends after the first of both */
    int64_t message_max;               /* bytes of an output */
    int delivery;                      /* enum delivery, as written */
    bool exactly_once;                 /* what it comes to: there is a journal */
    char journal[250];                 /* its topic */
    struct config_state state;
};

/* Reads a file.  False with findings if there is any mistake; config_close in any case. */
bool config_read(struct config *config, const char *path, struct findings *findings);

/* The same from memory; the text is copied. */
bool config_read_text(struct config *config, const char *path, const char *text, size_t size,
                      struct findings *findings);
void config_close(struct config *config);

/* The topic of a stream that goes to Kafka, else NULL. */
const char *config_topic(const struct config *config, enum stream stream);

/* Bytes of `memory` that are for pages copied aside while a snapshot is written. */
static inline int64_t config_aside(const struct config *config)
{
    return config->memory / 4;
}

/* The text that the journal and snapshots hold, to be freed: without what belongs to the machine or
 * is secret (kafka, key_file, state).  Equal texts fold equally. */
char *config_journalled(const struct config *config);

/* The journalled text `own`, but with the rules of time zones as they stand in `old` where both say
 * the same of all times that matter to a state that has come to `newest_ms`; to be freed. */
char *config_keep_zones(const char *own, const char *old, int64_t newest_ms);

/* Reads such a text, with this process's own members in place of those that are left out. */
bool config_read_journalled(struct config *config, const struct config *own, const char *text,
                            size_t size, struct findings *findings);

/* Fills the lines and columns of all findings and sorts by them. */
void config_locate_findings(const struct config *config, struct findings *findings);

/* Writes them as FILE:LINE:COLUMN: PATH: message, and under one in a formula the formula with a
 * mark below the place; config_locate_findings comes first. */
void config_write_findings(const struct config *config, const struct findings *findings,
                           FILE *file);

/* Both, on standard error. */
void config_print_findings(const struct config *config, struct findings *findings);

#endif
