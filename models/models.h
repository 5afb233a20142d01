/* The pipeline's models: for each a champion whose score decides, and for learners that are retrained a
 * challenger scored in its shadow, with the race between them.
 *
 * The feature vector is the union of all models' features in the configuration's order; it is written
 * once into the event's history row (or a scratch row) and read by all. */
#ifndef MODELS_MODELS_H
#define MODELS_MODELS_H

#include "base/batch.h"
#include "base/history.h"
#include "base/program.h"
#include "base/state.h"
#include "models/model.h"

enum { MODELS_MAX = 16, MODEL_FEATURES_MAX = 512 };

struct model_setting {
    char name[64];
    const struct model_kind *kind;
    const void *options; /* the kind's structure, filled */
    uint32_t feature_count;
    uint32_t feature[MODEL_FEATURES_MAX]; /* indices into models_setting.feature_value */
    uint64_t fingerprint;                 /* of kind, options, features */
    bool retrained;                       /* `retraining` names it: has a challenger */
};

struct race_setting {
    int64_t compare_labels; /* labels after which champion and challenger are compared */
    double margin;          /* the challenger's mean loss must be lower by this share */
};

struct models_setting {
    uint64_t seed;
    uint32_t feature_count;
    const uint32_t *feature_value; /* (feature_count) program values */
    const char *const *feature_name;
    uint32_t model_count;
    const struct model_setting *model;
    struct race_setting race;
};

struct models;

/* What the fold wishes from the engine; answered by control records. */
struct model_wish {
    bool training;      /* a training of `model` is wanted, number `training_number` */
    bool promotion;     /* the challenger of `model` won: journal its promotion */
    bool rejection;     /* it did not: journal its end */
    uint32_t model;
    uint64_t training_number;
};

struct models *models_open(const struct models_setting *setting);
void models_close(struct models *models);

/* The value (column) of each model's score is added to the program by the caller and told here. */
void models_set_score_value(struct models *models, uint32_t model, uint32_t value);

void models_declare(struct models *models, struct state_layout *layout);
void models_start(struct models *models, struct state *state); /* on fresh state: init all rows */

/* Scores one event by champions and challengers: reads the feature columns of the row, writes the
 * vector to `features` ((feature_count), usually in the history row), all scores to `scores`
 * ((models_score_count), champions first) and the champions' to their columns. */
uint32_t models_score_count(const struct models *models);
void models_score(struct models *models, struct state *state, const struct batch *batch,
                  uint32_t row, double *features, double *scores);

/* After its decision: detectors learn the event. */
void models_observe(struct models *models, struct state *state, const double *features);

/* A label has matured: champions and challengers are judged on the stored row, then learn it. */
void models_learn(struct models *models, struct state *state, const struct history *history,
                  struct history_row *row, double label, double weight);

/* The strongest contributions to the row's score, by the first learner that can explain; at most
 * REASONS_MAX, by absolute size.  Returns how many. */
uint8_t models_explain(struct models *models, struct state *state, const double *features,
                       struct reason *reasons);

/* Asks for a training of the retrained model, unless one is under way or the last was asked for less
 * than `cooldown_labels` labels ago.  True if it is wanted now. */
bool models_want_training(struct models *models, struct state *state, int64_t cooldown_labels);

/* Labels that the retrained model has learned. */
uint64_t models_labels(const struct models *models, const struct state *state);

/* What is wished now, if anything; stays wished until a control record answers it. */
bool models_wish(const struct models *models, const struct state *state, struct model_wish *wish);

/* Control records.  A model file enters as challenger; a promotion or rejection ends the race; a failed
 * training ends the wish.  Each adds its model event to the batch. */
enum status models_enter(struct models *models, struct state *state, const char *file, size_t size,
                         uint64_t training_number, struct batch *batch, struct failure *failure);
void models_promote(struct models *models, struct state *state, struct batch *batch);
void models_reject(struct models *models, struct state *state, struct batch *batch);
void models_training_failed(struct models *models, struct state *state, const char *why,
                            struct batch *batch);

/* Mean log loss of the retrained model's champion and of the frozen model it replaced, over the labels
 * since the last promotion: what the retraining gained.  False if there was none. */
bool models_gain(const struct models *models, const struct state *state, double *champion_loss,
                 double *replaced_loss, uint64_t *labels);

#endif
