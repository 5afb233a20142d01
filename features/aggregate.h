/* What a window can compute.  A kind is one file, x_aggregate.c, and one row of aggregate_table.c.
 *
 * A window is a contiguous run of an entity's slots (its recent events, oldest first, by event time; ties
 * in journal order).  An aggregate keeps a flat running value; a slot that enters is added, one that
 * leaves is removed, and what cannot be taken out exactly is read again from the slots. */
#ifndef FEATURES_AGGREGATE_H
#define FEATURES_AGGREGATE_H

#include "base/batch.h"
#include "base/program.h"
#include <stdbool.h>
#include <stdint.h>

enum { AGGREGATE_ARGUMENTS_MAX = 2 };

/* Walks a window's slots that its condition lets pass, oldest first.  (features/ring.h fills it.) */
struct window_view;

/* One slot as the aggregate sees it. */
struct slot_view {
    int64_t time_ms;
    union value argument[AGGREGATE_ARGUMENTS_MAX];
};

/* Sets `slot` to the next one; false at the end.  window_first starts over. */
void window_first(struct window_view *window);
bool window_next(struct window_view *window, struct slot_view *slot);
int64_t window_span_ms(const struct window_view *window); /* 0: for ever */
int64_t window_now_ms(const struct window_view *window);  /* the time it is read at */

struct aggregate_kind {
    const char *name, *signature, *summary; /* "mean", "mean(x)", "arithmetic mean of x" */
    uint32_t argument_min, argument_max;
    enum value_type argument_type; /* TYPE_NUMBER also takes booleans and times */
    bool argument_any;             /* distinct, first, last, previous: keys as well */
    bool needs_span;               /* makes no sense for ever (distinct, rate) */
    bool looks_back;               /* compares with what was before: the event itself is not in it */
    bool result_is_argument;       /* the result has the argument's type (first, last, previous) */

    uint32_t value_size; /* bytes of the running value; zero bytes are an empty window */

    /* The slot has just entered (it is in the window's view) or has just left (it is not). */
    void (*add)(void *value, const struct slot_view *slot, struct window_view *window);
    void (*remove)(void *value, const struct slot_view *slot, struct window_view *window);

    /* The result at window_now_ms.  May repair the running value from the slots. */
    union value (*read)(void *value, struct window_view *window);

    /* The same by its definition, from all slots in the window, oldest first: what tests compare with. */
    union value (*define)(const struct slot_view *slots, uint32_t count, int64_t span_ms,
                          int64_t now_ms);
};

extern const struct aggregate_kind *const aggregate_table[]; /* NULL-terminated */
const struct aggregate_kind *aggregate_find(const char *name);

#endif
