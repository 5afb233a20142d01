/* Plain entities: all of their windows are moments (count, sum, mean, sd, ...) over spans or for
 * ever, without delay, condition or label, which most are.  What a visit needs of the plan is then
 * little: it is copied together here, and an event that comes in order goes through loops of its
 * own.  They do to the state, to the bit, what the general ones do (visit.c, frame.c); whatever
 * happens seldom is left to those.
 *
 * Edges stand nearest first.  Those no farther than the time since the entity's last event are
 * *fresh*: all slots have crossed them, so their moments begin anew with the event, and nobody
 * walks the slots to take them out one by one.
 *
 *     last event        t                   distance of edge 0, 1 | 2, 3
 *         |-- silence --|                             fresh       | slot by slot */
#ifndef FEATURES_PLAIN_H
#define FEATURES_PLAIN_H

#include "features/aggregate.h"

enum { PLAIN_MAX = 64 /* edges, moments, windows */ };

struct plain_edge {
    int64_t distance_ms;
    uint32_t first, end; /* of the moments that slots leave here */
    bool drops;
};

struct plain_moment {
    uint32_t offset; /* in the row */
    uint32_t cell;   /* in the slot; INDEX_NONE: every slot counts */
    uint32_t needs;
    bool is_key;    /* of the cell */
    uint32_t index; /* of the moment */
};

struct plain_window {
    uint32_t offset; /* of the moment, in the row */
    uint32_t column; /* of the results: where it begins among all columns */
    enum aggregate_finish finish;
    uint32_t index; /* of the window */
};

struct plain_cell {
    uint32_t value;
    bool is_key;
};

struct plain {
    bool is;    /* the entity is plain */
    bool quick; /* and never expires: plain_visit may take its events */
    uint32_t edge_count, moment_count, cell_count;
    uint32_t before_count; /* windows that read before the event stand first, then by finish: */
    uint32_t count_end, sum_end, mean_end, window_count;
    struct plain_cell cell[PLAIN_MAX];
    struct plain_edge edge[PLAIN_MAX];
    struct plain_moment moment[PLAIN_MAX]; /* by edge; last those that nothing leaves */
    struct plain_window window[PLAIN_MAX];
};

struct entity;
struct state;
struct visit;

/* When the entity is laid out. */
void plain_make(struct entity *entity);

/* The whole visit of an event of a quick entity whose row is believed to be `at`.  False, and
 * nothing has changed, if it is not, or the event does not come in order: then it is visited as any
 * other. */
bool plain_visit(const struct entity *entity, struct state *state, const struct batch *batch,
                 uint32_t row, uint64_t key, uint64_t at);

/* The same in two steps.  The event, which is the newest, gets its slot... */
void plain_begin(struct visit *visit);

/* ... which is filled; it reads and feeds all windows. */
void plain_pass(const struct visit *visit, const struct batch *batch, uint32_t row);

#endif
