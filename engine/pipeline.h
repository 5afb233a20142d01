/* A configuration made to work: formulas compiled, windows planned, models made, one state mapped.
 */
#ifndef ENGINE_PIPELINE_H
#define ENGINE_PIPELINE_H

#include "engine/config.h"
#include "engine/journal.h"

#define WATERMARK_NONE (INT64_MIN / 2)

/* What the fold itself remembers between records, one row of the state. */
struct fold_row {
    /* the join's */
    uint64_t records;     /* events and labels folded so far */
    uint64_t events;      /* the next event's number */
    uint64_t told, spent; /* waits that have ended: all numbers before these */
    int64_t newest_ms;    /* newest event time so far that is believed */
    int64_t suspect_ms;   /* an event far ahead of it; a second one confirms it */
    int64_t watermark_ms; /* what waits for event time waits for this; see watermark.c */
    int64_t arrival_ms;   /* newest arrival stamp; WATERMARK_NONE: none was known */
    uint64_t partitions;  /* one past the highest partition of the events seen */
    uint64_t holder;      /* the partition that the watermark waits for */
    uint64_t ahead;       /* events from further in the future than is believed */
    uint64_t dead_letters;
    uint64_t labels, labels_learned, labels_corrected, labels_repeated, labels_refused;
    uint64_t early_kept; /* early labels ever kept: the ring's next row */
    /* the step's */
    uint64_t alerts, matured, requests, erased;
    uint64_t outcomes[OUTCOMES_MAX];
    uint64_t ticks;    /* of all leaders */
    int64_t silent_ms; /* that no event has come, as far as ticks say */
};

struct early_label {
    uint64_t id; /* first, for the keymap; 0: empty */
    double label;
};

struct pipeline {
    struct config *config;
    struct program program;
    struct features *features;
    struct models *models;
    struct monitor *monitor;
    struct decisions decisions;
    struct history history;
    bool has_labels;
    uint32_t label_value; /* a column of zeros: what `label` is before it is known */
    struct state state;
    struct journal_lanes lanes;
    uint32_t partitions_region;
    uint32_t fold_region;
    uint32_t early_region, early_max;
    struct keymap early;                 /* ids of labels whose event has not come yet */
    int64_t from_ms, to_ms;              /* events outside [from, to) are passed over */
    uint32_t retrained;                  /* model index, or UINT32_MAX */
    struct model_setting *model_setting; /* (config->model_count) */
    /* the model features, in order */
    uint32_t model_feature_count;
    uint32_t model_feature_value[MODEL_FEATURES_MAX];
    enum value_type model_feature_type[MODEL_FEATURES_MAX];
    const char *model_feature_name[MODEL_FEATURES_MAX];
    /* every named value that --features prints: configured features in order */
    uint32_t feature_value[CONFIG_FEATURES_MAX];
    bool feature_masked[CONFIG_FEATURES_MAX]; /* in decisions: computed from a sensitive field */
    void *event_decoder, *label_decoder;
    /* where features and scores go when no example is kept */
    union value scratch_feature[MODEL_FEATURES_MAX];
    double scratch_score[2 * MODELS_MAX];
};

static inline const struct fold_row *pipeline_fold(const struct pipeline *pipeline)
{
    return (const struct fold_row *)state_read(&pipeline->state, pipeline->fold_region, 0);
}

/* Compiles and declares.  False with findings on mistakes in formulas.  No memory is mapped yet. */
bool pipeline_build(struct pipeline *pipeline, struct config *config, struct findings *findings);

/* Maps the state and makes it fresh; opens the decoders (`header`: of a CSV, or NULL). */
enum status pipeline_start(struct pipeline *pipeline, const char *header, struct failure *failure);

/* The same, but the state is one that was loaded and has this pipeline's layout; it is the
 * pipeline's from then on.  STOP: it has another layout (`state` stays the caller's). */
enum status pipeline_adopt(struct pipeline *pipeline, struct state *state, struct failure *failure);
void pipeline_close(struct pipeline *pipeline);

/* A batch that fits the pipeline's columns. */
enum status pipeline_batch(const struct pipeline *pipeline, struct batch *batch,
                           struct failure *failure);

/* Which event each label is about, whose wait ends (engine/join.c); part of the fold. */
void join(struct pipeline *pipeline, struct batch *batch);

/* The fold (engine/step.c). */
void step(struct pipeline *pipeline, struct batch *batch);

#endif
