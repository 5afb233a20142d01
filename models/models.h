/* The pipeline's models: for each a champion whose score decides and, for learners that are
 * retrained, a challenger scored in its shadow, the model it replaced, and the race between them.
 *
 * The feature vector is the union of all models' features in the configuration's order; it is
 * gathered once into the event's example row (or the scratch) and read by all.  A feature may be
 * the score of a model that stands before: it is entered as soon as it is known, so that learners
 * get it later as it was given. */
#ifndef MODELS_MODELS_H
#define MODELS_MODELS_H

#include "base/batch.h"
#include "base/history.h"
#include "base/program.h"
#include "base/state.h"
#include "models/imbalance.h"
#include "models/model.h"

enum { MODELS_MAX = 16 };

struct model_setting {
    char name[64];
    const struct model_kind *kind;
    const void *options; /* the kind's structure, filled */
    uint32_t feature_count;
    uint32_t feature[MODEL_FEATURES_MAX]; /* indices into models_setting's features */
    uint32_t score_value;                 /* the column of its score */
    uint32_t score_feature; /* where models after it find that score, plus 1; 0: nowhere */
    struct imbalance_setting imbalance; /* of learners */
    bool retrained;                     /* `retraining` names it: has a challenger */
};

struct race_setting {
    int64_t compare_labels;  /* labels after which champion and challenger are compared */
    double margin;           /* the challenger's mean loss must be lower by this share */
    int64_t cooldown_labels; /* between two trainings */
};

struct models_setting {
    uint64_t seed;
    uint32_t feature_count;
    const uint32_t *feature_value; /* (feature_count) program values */
    const enum value_type *feature_type;
    const char *const *feature_name;
    uint32_t model_count;
    const struct model_setting *model;
    struct race_setting race;
    uint32_t class_count;       /* of the labels; 0 is taken for 2 */
    uint64_t class_fingerprint; /* of their names; 0: true and false */
};

struct models;

/* What the fold wishes from the engine; each is answered by one control record. */
enum wish_kind { WISH_NONE, WISH_TRAINING, WISH_PROMOTION, WISH_REJECTION };
struct wish {
    enum wish_kind kind;
    uint32_t model;
    uint64_t training; /* its number; a control that names another is stale and only counted */
};

enum control_kind { CONTROL_MODEL, CONTROL_PROMOTE, CONTROL_REJECT, CONTROL_FAILED };
struct control {
    enum control_kind kind;
    uint32_t model;
    uint64_t training;
    const json_t *file; /* CONTROL_MODEL: the model file */
    const char *why;    /* CONTROL_FAILED */
};

enum model_slot { SLOT_CHAMPION, SLOT_CHALLENGER, SLOT_PREVIOUS, MODEL_SLOTS };

/* How one slot has done since it came in. */
struct slot_report {
    bool present;
    uint64_t labels;
    double loss;          /* mean log loss, each label judged before it was learned; NaN: none */
    double race_loss[2];  /* of champion and of this slot over the same labels, since it came in */
    uint64_t race_labels; /* of a challenger: at most those that decided the race */
    uint64_t trainings, promotions,
        stale; /* of the model: asked for, won, controls that came late */
};

/* The setting is copied; what it points to beyond its arrays (names, options) must outlive the
 * models. */
struct models *models_open(const struct models_setting *setting);
void models_close(struct models *models);
void models_declare(struct models *models, struct state_layout *layout);
void models_start(const struct models *models,
                  struct state *state); /* fresh state: fills all rows */

/* Scores that an example row must hold: champions, then challengers (MISSING while there is none).
 */
uint32_t models_score_count(const struct models *models);

/* One event: gathers the row's features to `features`, scores it by all; detectors but the one that
 * explains learn it in the same walk.  `scores` ((models_score_count)) get all, the columns the
 * champions'. */
void models_score(const struct models *models, struct state *state, const struct batch *batch,
                  uint32_t row, union value *features, double *scores);

/* The strongest contributions to the event's score, by the first learner that can explain, or else
 * by the first detector; at most REASONS_MAX, strongest first.  Returns how many. */
uint8_t models_explain(const struct models *models, const struct state *state,
                       const union value *features, int64_t time_ms, struct reason *reasons);

/* After each event's explanation, asked for or not: a detector that explains takes the event in
 * only now, since it had to be as it was when it scored. */
void models_learn_explained(const struct models *models, struct state *state,
                            const struct batch *batch, uint32_t row, const union value *features);

/* A label has matured: champions, challengers and the replaced judge the stored example, then the
 * first two learn it. */
void models_learn(const struct models *models, struct state *state, const struct example *example);

/* Asks for a training of `model` (by a drift alarm, a schedule); false if one is under way, a race
 * runs or the last was too recent.  Adds its model event. */
bool models_want_training(const struct models *models, struct state *state, uint32_t model,
                          const char *why, struct batch *batch, uint32_t row);

/* What is wished now; stays wished until a control answers it. */
struct wish models_wish(const struct models *models, const struct state *state);

/* A control record; adds its model event.  Whatever is stale or cannot be loaded ends as
 * MODEL_EVENT_FAILED, never as a stop: every follower would stop at the same record. */
void models_control(const struct models *models, struct state *state, const struct control *control,
                    struct batch *batch, uint32_t row);

void models_report(const struct models *models, const struct state *state, uint32_t model,
                   enum model_slot slot, struct slot_report *report);

#endif
