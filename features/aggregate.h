/* What a window can compute.  A kind is one file, x_aggregate.c, and one row of aggregate_table.c.
 *
 * A window (a *frame*: entity, span, delay, condition) is a contiguous run of an entity's slots, its recent
 * events, oldest first by event time, ties in journal order.  The frame itself keeps what most aggregates
 * need, the moments of an argument: count, sum and sum of squares in double-double arithmetic, so that
 * taking a value out again is exact to the last bit of a double; count, sum, mean, sd and rate only finish
 * them.  Other kinds keep a running value of their own: a slot that enters is added, one that leaves (at the
 * old end, or anywhere when a label corrects it) is removed, and what cannot be taken out (an extreme that
 * leaves) is read again from the slots. */
#ifndef FEATURES_AGGREGATE_H
#define FEATURES_AGGREGATE_H

#include "base/batch.h"
#include "base/program.h"
#include <stdbool.h>
#include <stdint.h>

enum { AGGREGATE_ARGUMENTS_MAX = 3 };

/* A window's slots that its condition lets pass; made by the ring. */
struct window_view;

struct slot_view {
    int64_t time_ms;
    union value argument[AGGREGATE_ARGUMENTS_MAX];
};

/* Walks oldest first: window_first starts over, window_next is false at the end. */
void window_first(struct window_view *window);
bool window_next(struct window_view *window, struct slot_view *slot);

/* What reading needs to know of the window. */
struct window_span {
    int64_t span_ms; /* 0: for ever */
    int64_t now_ms;  /* the time it is read at */
};

/* Moments of the non-missing values of the first argument. */
struct moments {
    double count, sum, squares;
};

enum moment_needs { NEEDS_COUNT = 1, NEEDS_SUM = 2, NEEDS_SQUARES = 4 };

/* Which value types an argument takes: bit 1 << enum value_type. */
struct aggregate_argument {
    uint32_t types;
    bool optional;
    bool constant; /* a number known when the configuration is read; handed over in `constants` */
};

enum aggregate_result { RESULT_NUMBER, RESULT_BOOLEAN, RESULT_ARGUMENT /* the first argument's */ };

struct aggregate_kind {
    const char *name, *signature, *summary; /* "mean", "mean(x)", "arithmetic mean of x" */
    struct aggregate_argument argument[AGGREGATE_ARGUMENTS_MAX]; /* types 0: there is none */
    enum aggregate_result result;
    bool needs_span; /* makes no sense for ever (distinct, rate) */
    bool looks_back; /* compares the event with what was before it: the event is not in the window */

    /* Kinds that finish moments: needs, and finish.  The rest is NULL for them. */
    uint32_t needs;
    double (*finish)(const struct moments *moments, int64_t span_ms);

    /* Kinds with a running value; zero bytes are an empty window.  No padding inside. */
    uint32_t value_size; /* a multiple of 8 */
    /* The slot has just entered (it is in the view) or has just left (it is not). */
    void (*add)(void *value, const struct slot_view *slot, struct window_view *window);
    void (*remove)(void *value, const struct slot_view *slot, struct window_view *window);
    /* The result for an event (its own arguments in `event`).  May repair the value from the slots. */
    union value (*read)(void *value, const struct slot_view *event, const struct window_span *span,
                        struct window_view *window);

    /* The same by its definition, from all slots of the window, oldest first: the specification, and
     * what the property tests compare with. */
    union value (*define)(const struct slot_view *slots, uint32_t count,
                          const struct slot_view *event, const struct window_span *span);
};

extern const struct aggregate_kind *const aggregate_table[]; /* NULL-terminated */
const struct aggregate_kind *aggregate_find(const char *name);

#endif
