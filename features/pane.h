/* Panes: what an entity knows of slots that had to go before their time.
 *
 * An entity keeps `events_max` slots, and some more: then the oldest few, a group, are *spilled*.
 * Each frame that is bounded by time adds them to a pane, the sums of all its spilled slots of one
 * stretch of time (Li, Maier, Tufte, Papadimos and Tucker, "No pane, no gain", 2005; theirs hold
 * all events, ours only what has no room).  A window is what its slots hold, joined with its panes.
 *
 *     now ---------------------------------------------------------> older
 *         | slots, each exact .......... | pane | pane | pane |  leaves as a whole
 *
 * A pane counts as old as its newest slot: it enters and leaves with that.  So a window holds all
 * that it should, and at its old end what is older by less than `pane_ms`; with a delay it may also
 * lack the newest such stretch.  A pane never crosses the end of a calendar period, so these
 * windows stay exact unless they are delayed.  pane_ms is a sixtieth of what must be covered: span,
 * delay and lateness together.
 *
 *     row     | head | frame: panes, total, pane[PANES_MAX] | frame ... |
 *     total   | cells |             all panes that are in now, joined, so that reading joins twice
 *     pane    | head | cells |
 *     cells   | moments | running values | sketches of values (pane_values.h) |
 *
 * Slots go oldest first, so nearly all fall into the pane that the one before them fell into: its
 * *run* says between which times nothing but its sums and the total's changes.
 *
 * Sketches of distinct values hold what has entered, not only what was spilled: a value may be in
 * both, and only their union can be counted. */
#ifndef FEATURES_PANE_H
#define FEATURES_PANE_H

#include "features/frame.h"

enum { PANES_MAX = 64 };

struct pane {
    int64_t number; /* of its stretch: floor(time / pane_ms) */
    int64_t end_ms; /* of its calendar period; 0: of other frames */
    int64_t newest_ms;
    uint64_t events; /* spilled */
};

/* Of the row. */
struct panes_head {
    int64_t change_ms; /* of its frames' the first, or earlier */
};

/* Slots of times in [from_ms, to_ms) join the pane with this index, which is in the total and, if
 * the order matters, the newest of it. */
struct pane_run {
    int64_t from_ms, to_ms;
    uint64_t index;
};

/* Of one frame. */
struct panes {
    int64_t change_ms; /* when one enters, leaves or is forgotten; TIME_NEVER */
    struct pane_run seen, spilled;
    uint64_t used;            /* bits */
    uint8_t order[PANES_MAX]; /* those in use, oldest first */
};

/* Lays out the row, when those of the entity's frames are; panes_size 0: no frame has any. */
void panes_plan(struct entity *entity);

/* By how much the frame's ends may be off when slots were spilled; 0: it is exact even then, or has
 * no panes (frame_has_panes). */
int64_t frame_error_ms(const struct frame *frame);

/* The slot is about to go, or never came in: frames keep what they may.  False if there is no row
 * for the panes. */
bool panes_spill(const struct visit *visit, const struct slot *slot);

/* The same of a group, oldest first, in two steps.  One by one for frames that keep more than sums,
 * as each slot goes... */
bool panes_spill_single(const struct visit *visit, const struct slot *slot);

/* ... then for the others all together: the group is summed up first. */
void panes_spill_sums(const struct visit *visit, const struct slot *const slot[], uint32_t count);

/* The same for frames [first, end), of an event that is older than all slots; its entity has panes
 * (panes_ready). */
void panes_enter(const struct visit *visit, uint32_t first, uint32_t end, const struct slot *slot);
bool panes_ready(const struct visit *visit);

/* Time goes on: panes enter, leave and are forgotten. */
void panes_advance(const struct visit *visit, int64_t now_ms);

/* A slot that passes has entered the frame; sketches see its values. */
void panes_see(const struct visit *visit, const struct frame *frame, const struct slot *slot);

/* The label of a spilled event becomes known: the sums of frames without condition follow. */
void panes_correct(const struct visit *visit, int64_t time_ms, double change);

/* The total as an event at that time sees it, in the entity's scratch. */
const uint8_t *panes_at(const struct visit *visit, const struct frame *frame, int64_t time_ms);

/* The same as it is now. */
const uint8_t *panes_total(const struct visit *visit, const struct frame *frame);

/* A moment's cells joined with those of a total. */
static inline const double *panes_join(const struct moment *moment, const double *cells,
                                       const uint8_t *total, double joined[])
{
    const double *others = (const double *)(total + moment->pane);
    uint32_t count = moment_size(moment->needs) / (uint32_t)sizeof(double);
    joined[MOMENT_COUNT] = others[MOMENT_COUNT] + cells[MOMENT_COUNT];
    joined[MOMENT_SUM] = 0; /* of those who only count */
    for (uint32_t i = MOMENT_SUM; i < count; i += 2) {
        joined[i] = others[i];
        joined[i + 1] = others[i + 1];
        pair_add(joined + i, cells[i], cells[i + 1]);
    }
    return joined;
}

/* What a kind reads with what its total adds to its running value. */
bool panes_read(const struct visit *visit, const struct window *window, const uint8_t *total,
                const struct slot_view *event, const struct window_span *span,
                struct window_view *view, union value *result);

struct match;

/* What an entity's panes mean to another plan of it (match.h); before its slots are moved. */
void panes_move(const struct match *match, const struct visit *new, const struct visit *old);

/* Whether what they hold for that window of the new plan does; also if nothing is spilled for it.
 */
bool panes_go_over(const struct match *match, const struct window *window);

/* Gives back the panes of a row that is to be forgotten. */
void panes_forget(const struct entity *entity, struct state *state, uint64_t row);

static inline bool frame_has_panes(const struct visit *visit, const struct frame *frame)
{
    return visit_head(visit)->panes != 0 && frame->panes != INDEX_NONE;
}

#endif
