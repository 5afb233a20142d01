/* A model's books: which row of its region sits in which slot, how each slot has done, what is
 * wished. Pure accounting over one flat row of the state; the models' own memory is elsewhere. */
#ifndef MODELS_RACE_H
#define MODELS_RACE_H

#include "models/models.h"

struct slot_row {
    uint64_t row; /* in the model's region; each slot has its own, present or not */
    uint64_t present;
    uint64_t labels;
    double loss_sum;
    uint64_t race_labels;
    double champion_sum, own_sum; /* log loss over the race's labels */
};

struct race_row {
    struct slot_row slot[MODEL_SLOTS];
    uint64_t wish;                 /* enum wish_kind */
    uint64_t training;             /* number of the last one asked for; they count from 1 */
    uint64_t labels, asked_labels; /* learned ever; when the last training was asked for */
    uint64_t challengers, promotions, rejections, failures, stale;
};

void race_init(struct race_row *race);

/* Books a label for a slot: `own` is its loss, `champion` the champion's over the same label. */
void race_judge(struct race_row *race, enum model_slot slot, double own, double champion);

/* Ends the race if enough labels are in: sets the wish. */
void race_compare(struct race_row *race, const struct race_setting *setting);

/* Asks for a training, or says no: one is under way, a race runs, the last is too recent. */
bool race_ask(struct race_row *race, const struct race_setting *setting);

/* Whether the control answers what this race waits for. */
bool race_expects(const struct race_row *race, enum control_kind kind, uint64_t training);

/* The challenger is in its row; its books and those of the race are fresh. */
void race_enter(struct race_row *race);

/* The challenger decides from now on, the champion becomes the previous: only indices move. */
void race_promote(struct race_row *race);

/* The challenger leaves. */
void race_reject(struct race_row *race);

/* No model came of the training. */
void race_fail(struct race_row *race);

void race_report(const struct race_row *race, enum model_slot slot, struct slot_report *report);

#endif
