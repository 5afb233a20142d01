/* What is remembered of each event until its label is known: two rings in the state, row = event
 * number modulo capacity.  `event` holds what the join decides on and changes; `example` holds what
 * the event looked like when it was scored and is written once.  Learners are fed from here when
 * labels mature, and the batch trainer's training set is copied from here.
 *
 * One writer a cell: the join (engine/join.c) alone writes event_row, except score, outcome and
 * classes, which the step fills once when it has decided. */
#ifndef BASE_HISTORY_H
#define BASE_HISTORY_H

#include "base/batch.h"
#include "base/keymap.h"
#include "base/state.h"

enum event_flag {
    EVENT_TOLD = 1,     /* the label it carried was let out (set once, by the join) */
    EVENT_SPENT = 2,    /* it was taken as negative when no label came (set once) */
    EVENT_LABELLED = 4, /* a label record came */
};

struct event_row {
    uint64_t id;     /* hash; first, for the keymap; 0: no id or not in the index */
    uint64_t number; /* plus 1; 0: never written */
    int64_t time_ms;
    double carried; /* the label inside the event; MISSING if none */
    double label;   /* the truth: the class, 0 or 1 of two; MISSING while unknown */
    double score;   /* that the decision was made with */
    uint16_t outcome;
    uint8_t last_class;   /* the newest label that was known then, plus 1; 0: none was */
    uint8_t common_class; /* the most frequent one until then, plus 1; 0: none */
    uint32_t flags;
    int64_t waits_from_ms; /* when its waits began: its time, but never ahead of the watermark */
};

struct history {
    uint64_t capacity; /* events remembered; a power of two */
    uint32_t event_region, example_region;
    bool indexed; /* labels come as records, so ids are looked up */
    struct keymap ids;
    uint32_t key_count, feature_count, score_count;
};

/* An example row: uint64_t key[key_count]; union value feature[feature_count];
 * double score[score_count] (champions first). */
static inline uint64_t history_example_size(const struct history *history)
{
    return 8ULL * (history->key_count + history->feature_count + history->score_count);
}

static inline uint64_t history_slot(const struct history *history, uint64_t number)
{
    return number & (history->capacity - 1);
}

/* The event's row if it is still remembered, else NULL. */
static inline const struct event_row *history_event(const struct history *history,
                                                    const struct state *state, uint64_t number)
{
    const struct event_row *row = (const struct event_row *)state_read(
        state, history->event_region, history_slot(history, number));
    return row->number == number + 1 ? row : NULL;
}

static inline const uint64_t *history_keys(const struct history *history, const struct state *state,
                                           uint64_t number)
{
    return (const uint64_t *)state_read(state, history->example_region,
                                        history_slot(history, number));
}

static inline const union value *history_features(const struct history *history,
                                                  const struct state *state, uint64_t number)
{
    return (const union value *)(history_keys(history, state, number) + history->key_count);
}

static inline const double *history_scores(const struct history *history, const struct state *state,
                                           uint64_t number)
{
    return (const double *)(history_features(history, state, number) + history->feature_count);
}

#endif
