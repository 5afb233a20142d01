/* What was planned for each kind of entity and each window, to read: for `weir explain`, which says
 * what a configuration costs and what it promises.  Ask when all formulas are in. */
#ifndef FEATURES_EXPLAIN_H
#define FEATURES_EXPLAIN_H

#include "features/cost.h"
#include "features/features.h"

struct entity_plan {
    const char *name;
    uint32_t index;
    uint32_t window_count, frame_count;
    /* Of one entity, its newest events inside; index_bytes is its share of the hash index. */
    uint32_t row_bytes, head_bytes, cursor_bytes, value_bytes, inline_bytes, index_bytes;
    uint32_t inline_events;
    uint32_t event_bytes, cell_count;   /* of one event: its time, its distinct arguments, a tag */
    uint32_t block_bytes, block_events; /* older events; 0: none are kept */
    uint32_t node_bytes, node_events; /* of the trees of windows that are kept in order; 0: none */
    uint32_t tree_count;              /* such windows, but those of one argument share one */
    uint32_t tree_from;               /* events that a window holds before it has a tree */
    uint32_t panes_bytes;             /* of an entity with more events than it keeps; 0: none */
    uint64_t panes_max;               /* entities that `memory` has panes for */
    uint64_t rows_max, blocks_max, nodes_max; /* what `memory` has room for */
    uint64_t events_max, slots_max; /* kept one by one: so many of the newest, and at most */
    int64_t kept_ms;   /* how long an event is kept; other windows may hold it longer */
    bool keeps_longer; /* there are such windows */
    int64_t expire_ms;
};

enum window_keeping {
    KEEPING_SUMS,  /* sums that every aggregate of the same argument finishes */
    KEEPING_VALUE, /* a running value of its own */
    KEEPING_ORDER, /* the values in order, shared by all that ask about them */
};

/* What it sees of an entity that has more events than it keeps. */
enum window_past {
    PAST_LOST,     /* the newest alone: those that are kept */
    PAST_PANES,    /* all, but its ends may be off by error_ms */
    PAST_SKETCHES, /* likewise, and what spilled events say is estimated */
};

/* What estimates it. */
enum window_sketch {
    SKETCH_NONE,
    SKETCH_DISTINCT, /* hyperloglog.h */
    SKETCH_BUCKETS,  /* quantiles.h */
    SKETCH_COUNTERS, /* frequencies.h */
    SKETCH_SAMPLE,   /* those and value_sample.h */
    SKETCHES,
};

struct sketch_plan {
    const char *name, *summary; /* "3.3 %", "counters" */
    const char *error;          /* a sentence: what holds */
};

extern const struct sketch_plan sketch_plans[SKETCHES];

struct window_plan {
    const char *formula; /* as it was written first */
    const struct aggregate_kind *kind;
    uint32_t value; /* in the program: the result */
    uint32_t entity;
    uint32_t argument_count, argument[AGGREGATE_ARGUMENTS_MAX]; /* in the program */
    uint32_t condition, condition_1; /* VALUE_NONE: none; of a label of 0 (or none), and of 1 */
    const char *form;                /* "span", "count", ... */
    int64_t span_ms, extent, delay_ms;
    bool before;
    uint32_t frame, frame_windows; /* of the entity's, and how many windows it serves */
    enum window_keeping keeping;
    uint32_t keeping_windows; /* how many windows finish the same sums, or ask the same values */
    uint32_t row_bytes;       /* of the entity's row, together with them */
    bool ordered;             /* its values are in a tree when they are many */
    bool exact;               /* however many events there are */
    uint64_t exact_events;    /* otherwise: while the entity keeps no more */
    enum window_past past;    /* and when it has more */
    enum window_sketch sketch;
    int64_t error_ms;
    struct cost cost;
};

/* Bytes for all entities together. */
int64_t features_memory(const struct features *features);

/* A burst, which is of no entity; see burst.h. */
struct burst_plan {
    const char *formula;
    uint32_t value;       /* in the program: the result */
    uint32_t argument[2]; /* likewise */
    int64_t tick_ms;
    uint64_t bytes;
    uint32_t rows, buckets; /* of each of its three sketches */
};
uint32_t features_burst_count(const struct features *features);
void features_burst_plan(const struct features *features, uint32_t index, struct burst_plan *plan);

/* How many kinds of entities there are (features_entity_count, migrate.h), and the plan of one. */
void features_entity_plan(struct features *features, uint32_t index, struct entity_plan *plan);

/* Window `at` of it, in the order of its work. */
void features_window_plan(struct features *features, uint32_t index, uint32_t at,
                          struct window_plan *plan);

/* Bytes for so many entities of the kind that keep so many events each. */
uint64_t entity_plan_bytes(const struct entity_plan *plan, uint64_t entities, uint64_t events);

/* Is there room for them? */
bool entity_plan_fits(const struct entity_plan *plan, uint64_t entities, uint64_t events);

#endif
