/* What a window can compute.  A kind is one file, x_aggregate.c, and one row of aggregate_table.c.
 *
 * A window (a *frame*: entity, span, delay, condition) is a contiguous run of an entity's slots,
 * its recent events, oldest first by event time, ties in journal order.  The frame itself keeps
 * what most aggregates need, the moments of an argument: count, sum and sum of squares in
 * double-double arithmetic, so that taking a value out again is exact to the last bit of a double;
 * count, sum, mean, sd and their like only finish them.  Other kinds keep a running value of their
 * own: a slot that enters is added, one that leaves (at the old end, or anywhere when a label
 * corrects it) is removed, and what cannot be taken out (an extreme that leaves) is read again from
 * the slots.  Kinds that are about how the values of the window lie to each other (median,
 * distinct) keep nothing: they ask the window's values, which all windows of a frame share.
 */
#ifndef FEATURES_AGGREGATE_H
#define FEATURES_AGGREGATE_H

#include "base/batch.h"
#include "base/program.h"
#include "features/values.h"
#include <stdbool.h>
#include <stdint.h>

enum { AGGREGATE_ARGUMENTS_MAX = 3, AGGREGATE_VALUE_MAX = 96 };

/* A window's slots that its condition lets pass.  A window without span has none to show: its slots
 * are not kept, so kinds that are allowed without span must do without. */
struct window_view;

struct slot_view {
    int64_t time_ms;
    union value argument[AGGREGATE_ARGUMENTS_MAX];
    uint32_t missing; /* bit i: argument i is missing */
};

/* Walks oldest first: window_first starts over, window_next is false at the end. */
void window_first(struct window_view *view);
bool window_next(struct window_view *view, struct slot_view *slot);

/* The constant that the call was given. */
double window_parameter(const struct window_view *view);

/* The least or the greatest value, quicker than by walking; false if there is none, or if it has to
 * be walked for.  Only of kinds that say `extremes`. */
bool window_extreme(const struct window_view *view, bool greatest, union value *extreme);

/* What reading needs to know of the window and of the event that reads. */
struct window_span {
    int64_t span_ms;   /* 0: for ever, or of no fixed length (over last 50, today, a session) */
    int64_t now_ms;    /* the event's time */
    double parameter;  /* the constant that the call was given */
    double own;        /* the event's own first argument, where that is a number */
    bool has_argument; /* the call has arguments: (x), not () */
};

/* Moments of the non-missing values of the first argument; without argument, the number of events.
 */
struct moments {
    double count;
    double sum, sum_rest;         /* the sum is sum + sum_rest */
    double squares, squares_rest; /* likewise */
    double cubes, cubes_rest;
};

enum moment_needs { NEEDS_COUNT = 1, NEEDS_SUM = 2, NEEDS_SQUARES = 4, NEEDS_CUBES = 8 };

enum argument_role {
    ARGUMENT_VALUE,     /* each slot holds it */
    ARGUMENT_CONDITION, /* joins `where`: since(c) is about the events where c */
    ARGUMENT_KEY,       /* joins `by`: new(x) by card is about (card, x) */
};

/* Which value types an argument takes: bit 1 << enum value_type; 0: there is no such argument. */
struct aggregate_argument {
    uint32_t types;
    bool optional;
    enum argument_role role;
};

enum parameter_type { PARAMETER_NONE, PARAMETER_NUMBER, PARAMETER_WHOLE, PARAMETER_SPAN };

/* A constant behind the arguments: 0.9 of quantile(x, 0.9).  Spans are seconds. */
struct aggregate_parameter {
    const char *name;
    enum parameter_type type;
    double least, most;
    bool optional;
    double standard; /* when it is left out */
};

enum {
    TAKES_CONDITION = 1 << TYPE_BOOLEAN,
    TAKES_NUMBER = 1 << TYPE_NUMBER | 1 << TYPE_BOOLEAN | 1 << TYPE_DURATION,
    TAKES_ORDERED = TAKES_NUMBER | 1 << TYPE_TIME,
    TAKES_ANY = TAKES_ORDERED | 1 << TYPE_TEXT | 1 << TYPE_ENUM,
};

/* What `finish` works out, of kinds that are read most: whoever knows need not call. */
enum aggregate_finish { FINISH_OTHER, FINISH_COUNT, FINISH_SUM, FINISH_MEAN };

enum aggregate_result { RESULT_NUMBER, RESULT_BOOLEAN, RESULT_ARGUMENT /* the first argument's */ };

struct aggregate_kind {
    const char *name, *signature, *summary; /* "mean", "mean(x)", "arithmetic mean of x" */
    struct aggregate_argument argument[AGGREGATE_ARGUMENTS_MAX];
    struct aggregate_parameter parameter;
    enum aggregate_result result;
    bool takes_location; /* instead of its two numbers */
    bool needs_span;     /* makes no sense for ever (distinct, rate) */
    bool needs_duration; /* nor over anything but a span of fixed length (rate) */
    bool for_ever; /* makes no sense with a span: old events fade, or the last one alone counts */
    bool
        looks_back; /* compares the event with what was before it: the event is not in the window */
    bool ordered; /* the running value depends on the slots' order.  So it is only ever added to at
                   * the new end and removed from at the old one; when a slot enters or leaves
                   * elsewhere, or a label corrects one, it is made anew: of what no longer has a
                   * slot, then of all slots added again. */

    /* What it becomes when its parameter is not the standard: over the last that many events. */
    const struct aggregate_kind *over_last;

    /* Kinds that finish moments: needs (of the argument if there is one; `needs_bare` without it),
     * and finish, whose NaN means missing.  The rest is NULL for them. */
    uint32_t needs, needs_bare;
    double (*finish)(const struct moments *moments, const struct window_span *span);
    enum aggregate_finish finish_is;

    /* Kinds that ask the window's values (of the first argument; missing ones are none).  They are
     * defined by the same question to a sorted array; the rest is NULL for them. */
    bool (*ask)(const struct values *values, const struct slot_view *event,
                const struct window_span *span, union value *result);

    bool orders;   /* it asks for places of the order: values_quantile, values_rank */
    bool counts;   /* it asks how frequent values are: values_mode and its like, values_entropy */
    bool spreads;  /* it asks values_entropy */
    bool sketches; /* it asks values_distinct */
    bool ranges;   /* it asks no more than values_range */
    bool modes;    /* it asks values_mode */

    /* Kinds with a running value; zero bytes are an empty window.  No padding inside. */
    uint32_t value_size; /* a multiple of 8, at most AGGREGATE_VALUE_MAX */
    bool extremes;       /* asks for window_extreme, and repairs its value when it is read */
    /* The slot has just entered (it is in the view; a late one may stand anywhere) or has just
     * left; kinds that are for ever need no remove. */
    void (*add)(void *value, const struct slot_view *slot, struct window_view *window);
    void (*remove)(void *value, const struct slot_view *slot, struct window_view *window);
    /* The values of two neighbouring runs of slots become that of both: `value` of the older one.
     * NULL: slots that had to go before their time are lost to it (pane.h). */
    void (*join)(void *value, const void *newer);
    /* Takes slots out of a copy that can read none again; false: what is left cannot be told.  Of
     * kinds that order does not matter to; NULL: it never can. */
    bool (*undo)(void *value, const struct slot_view *slots, uint32_t count);
    /* A late slot has entered: so many in the view are newer, those of its own time not among
     * them.  Of ordered kinds; NULL: the value is made anew. */
    void (*insert)(void *value, const struct slot_view *slot, uint32_t newer,
                   struct window_view *window);
    /* The result for an event; false: missing.  May repair the value from the slots. */
    bool (*read)(void *value, const struct slot_view *event, const struct window_span *span,
                 struct window_view *window, union value *result);

    /* The same by its definition, from all slots of the window, oldest first: what events that come
     * late read, and what the property tests compare with.  scratch: (count) words. */
    bool (*define)(const struct slot_view *slots, uint32_t count, const struct slot_view *event,
                   const struct window_span *span, uint64_t *scratch, union value *result);
    /* Do none older than this one change what is defined?  NULL: they may. */
    bool (*settles)(const struct slot_view *slot);
    bool oldest; /* is it about the oldest slot alone? */
};

extern const struct aggregate_kind *const aggregate_table[]; /* NULL-terminated */
const struct aggregate_kind *aggregate_find(const char *name);

static inline bool slot_misses(const struct slot_view *slot, uint32_t argument)
{
    return slot->missing >> argument & 1;
}

#endif
