/* An entity: the kind (card, terminal, (card, merchant)) with all that its windows need, and the
 * visit of an event to one of its rows.
 *
 *     row    | head | cursor[edge_count] | moments, running values and their bases | inline slots
 * ... | block  | head | slot | slot | ...                        (a pool of equal blocks, chained)
 *     slot   | time | cell[cell_count] | tag, if any window has a condition or names the label |
 *
 * The newest slots stand inline in the row; when there are too many, all of them move to the
 * chain's newest block.  So most events touch the row alone, and a block when something in it
 * expires.
 *
 * An *edge* is a distance in time behind the entity's newest event that slots cross as time goes
 * on: the delay of a window (there it enters), delay plus span (there it leaves), and the farthest,
 * where the slot is dropped.  Windows share edges.  An edge's cursor stands at the oldest slot that
 * has not crossed.
 *
 *     newest -----> time d1           time d2        (by time)       own             last
 *        | slots ... | edge: enter A    | edge: leave A | period ends | B's oldest    | dropped
 *
 * Edges stand in this order: distances, nearest first; those of calendar periods, which a slot
 * crosses when its own period (and the delay) is over; then one for each frame whose form keeps a
 * cursor of its own (form.h); last the one that drops.  What a cursor of the second and third sort
 * stands at is held: it is not dropped, however old it is. */
#ifndef FEATURES_ENTITY_H
#define FEATURES_ENTITY_H

#include "base/history.h"
#include "base/keymap.h"
#include "base/program.h"
#include "base/state.h"
#include "base/zone.h"
#include "features/aggregate.h"
#include "features/features.h"
#include "features/plain.h"

enum {
    ENTITY_LAYOUT = 3, /* another one when bytes of rows or slots mean something else */
    PAIRS_LAYOUT = 4,  /* likewise of pairs, whose rows have links */
    ENTITIES_MAX = 32,
    ENTITY_KEYS_MAX = SYNTAX_BY_MAX + 1, /* new(x) has x beside those of `by` */
    CELLS_MAX = 64,                      /* distinct arguments of one entity's windows */
    CONDITIONS_MAX = 20,        /* distinct conditions; they share a word with the event's number */
    TAG_LABEL = CONDITIONS_MAX, /* the bit that says that the event's label is known to be 1 */
    TAG_NUMBER,                 /* the event's number stands from here on */
    FRAMES_MAX = 128,           /* of windows */
    KEPT_FRAMES_MAX = 2 * FRAMES_MAX, /* with those that keep slots for events that come late */
    EDGES_MAX = 3 * KEPT_FRAMES_MAX + 1,
    MOMENTS_MAX = 256,
    MULTISETS_MAX = 64,
    WINDOWS_MAX = 512,
    SPILL_MAX = 16, /* slots */
};

#define INDEX_NONE UINT32_MAX
#define TIME_NEVER INT64_MAX
#define TIME_HELD (INT64_MAX - 1) /* of a cursor: stands at a slot, and no time moves it */

/* A distinct argument. */
struct cell {
    uint32_t value; /* in the program */
    uint32_t level;
    bool is_key;   /* missing is 0, otherwise NaN */
    bool is_label; /* 0 until the label is known */
};

/* A condition that names the label is two, next to each other: with a label of 0 and of 1.  The bit
 * of the first is the one that counts; when the label flips the two are exchanged. */
enum condition_role { CONDITION_PLAIN, CONDITION_LABEL_0, CONDITION_LABEL_1 };

struct condition {
    uint32_t value, level;
    enum condition_role role;
};

struct moment {
    uint32_t frame;
    uint32_t cell; /* INDEX_NONE: every slot counts */
    uint32_t needs;
    uint32_t offset; /* in the row */
    uint32_t base;   /* in the row, if the frame has a base */
    uint32_t pane;   /* in the cells of panes, if the frame has any */
};

/* The values of one argument in one frame, for the kinds that ask about them; see multiset.h. */
struct multiset {
    uint32_t frame, cell;
    uint32_t offset;                              /* in the row */
    bool sketches, orders, counts, spreads;       /* what is asked: see struct aggregate_kind */
    bool asked;                                   /* somebody asks for more than an extreme */
    uint32_t pane, seen, order, frequent, sample; /* in the cells of panes; INDEX_NONE: not kept */
    uint32_t held, sample_held; /* in the row of panes; INDEX_NONE: not kept (pane_values.h) */
};

struct window {
    const struct aggregate_kind *kind;
    double parameter;
    uint32_t frame;
    bool before; /* reads before the event enters */
    uint32_t argument_count;
    uint32_t cell[AGGREGATE_ARGUMENTS_MAX];
    uint32_t moment;   /* of kinds that finish moments */
    uint32_t multiset; /* of kinds that ask values; INDEX_NONE: none */
    uint32_t offset;   /* of the moment, or of the running value of other kinds */
    uint32_t base;
    uint32_t pane;  /* in the cells of panes; INDEX_NONE: they keep nothing for it */
    uint32_t value; /* in the program: where the result goes */
    bool is_key;    /* of the result: missing is 0 */
    char *formula;  /* as it was written; owned */
};

struct form_kind;

struct frame {
    const struct form_kind *form;
    int64_t span_ms; /* of spans, otherwise 0 */
    int64_t extent;  /* what other forms are given: how many, which period, the gap */
    int64_t delay_ms;
    uint32_t condition;   /* INDEX_NONE: all slots pass */
    uint32_t level;       /* its windows are read after the formulas of the level below */
    uint32_t entry, exit; /* edges; INDEX_NONE: enters at once, never leaves */
    bool own;             /* the exit is an edge of its own, kept by the form */
    bool keeps;           /* has no windows, but slots that late events read */
    uint32_t held;        /* in the row: struct held, of such frames */
    bool has_base; /* for ever, and events may come late: what no longer has a slot is kept apart */
    uint32_t moment_first, moment_count;
    uint32_t multiset_first, multiset_count;
    uint32_t window_first, before_count, window_count; /* those that read before stand first */
    uint32_t running_count;                            /* windows with a running value */
    uint32_t panes; /* in the row of panes; INDEX_NONE: it has none */
    uint32_t cells_size, pane_size;
    bool pane_ordered; /* some running value in panes may depend on their order */
    int64_t pane_ms;
};

/* What a frame with a cursor of its own knows of the slots that pass it. */
struct held {
    uint64_t count;
    int64_t last_ms; /* of the newest; of sessions */
};

struct edge {
    int64_t distance_ms;
    uint32_t period; /* enum period: after the end of the slot's own; INDEX_NONE: after itself */
    uint32_t frame;  /* whose own it is; INDEX_NONE: crossed by time */
    bool drops;      /* the last edge: slots that cross it are forgotten */
    uint32_t enter_count, leave_count;
    uint8_t enter[KEPT_FRAMES_MAX], leave[KEPT_FRAMES_MAX];
};

struct place {
    uint32_t block; /* 0: inline; otherwise the block's row plus one */
    uint32_t slot;
};

struct cursor {
    int64_t next_ms; /* when the slot crosses; TIME_NEVER: all have crossed */
    struct place place;
};

struct entity_head {
    uint64_t key;
    int64_t newest_ms;
    uint32_t live : 1;   /* rows given back are 0 here */
    uint32_t panes : 31; /* row plus one; 0: no slot was spilled (pane.h) */
    uint32_t slot_count;
    uint32_t newest_block; /* row plus one; 0: all slots are inline */
    uint16_t inline_first,
        inline_count; /* [first, count) are in use; first > 0 only without blocks */
};

struct block_head {
    uint32_t older, newer; /* row plus one */
    uint32_t count;
    uint32_t owner; /* row of the entity, plus one: who gives way when blocks run out */
};

struct slot {
    int64_t time_ms;
    union value cell[];
};

/* What a kind of entity remembers beside its rows. */
struct entity_counters {
    uint64_t row_hand, block_hand; /* where the search for an idle one goes on */
    uint64_t sweep_hand;           /* the row whose expiry is looked at next */
    uint64_t evicted_for_rows, evicted_for_blocks, expired, erased;
    uint64_t events_dropped, events_spilled, late;
};

struct entity {
    char name[256];
    uint32_t index; /* among the entities: row of the counters */
    uint32_t counters_region;
    uint32_t key_count;
    uint32_t key_value[ENTITY_KEYS_MAX];
    uint32_t key_hashed;  /* bits: these key parts are no texts */
    uint32_t owner_count; /* of pairs: by how many parts of the key they are found (owner.h) */
    uint32_t owner_without[ENTITY_KEYS_MAX];
    uint32_t links_offset, owners_region; /* in the row; of the state */
    struct keymap owners;
    bool named;               /* all key parts are fields that a request can name */
    struct hash_key hash_key; /* for them */
    uint32_t history_key; /* which key of an example row; INDEX_NONE: no window names the label */
    uint32_t events_max;  /* kept one by one: so many of the newest, if there are as many */
    uint32_t spill_group; /* slots that are spilled at once, when one more comes than slots_max */
    uint32_t slots_max;   /* events_max + spill_group - 1 */
    int64_t lateness_ms;
    int64_t expire_ms; /* idle longer: as if never seen; 0: never */
    int64_t count_max; /* of `over last`: the largest */
    const struct zone *zone;

    uint32_t cell_count, condition_count, frame_count, moment_count, window_count, edge_count,
        multiset_count;
    uint32_t distance_count; /* edges that are distances; without `holds`: all */
    struct cell cell[CELLS_MAX];
    struct condition condition[CONDITIONS_MAX];
    struct frame frame[KEPT_FRAMES_MAX]; /* by level */
    struct moment moment[MOMENTS_MAX];
    struct multiset multiset[MULTISETS_MAX];
    struct window window[WINDOWS_MAX];
    struct edge edge[EDGES_MAX]; /* nearest first */

    bool has_slots, has_tag;
    bool holds; /* some edges are of periods or frames */
    bool skips; /* what passes no condition at its coming has no slot */
    uint32_t level_first[PROGRAM_SCORE_LEVEL + 2]; /* frames of level l: [first[l], first[l + 1]) */
    uint32_t slot_size, block_size, block_slots, inline_slots, inline_offset, row_size;
    uint64_t rows_max, blocks_max, nodes_max, fingerprint;
    uint32_t row_region, block_region;
    struct tree_plan tree; /* of its multisets */
    uint32_t scan_max;     /* values that a window may hold and have no tree (multiset.h) */
    uint64_t *images;      /* (slots_max + 1), for windows that have none; no state */
    uint32_t panes_size;   /* of a row of panes; 0: no frame has any */
    uint64_t panes_max;    /* rows; 0: there is no room for any */
    uint32_t panes_region;
    uint8_t *panes_scratch; /* a total; no state */
    struct plain plain;
    struct keymap map;
};

enum visit_kind {
    VISIT_NONE,  /* a key is missing: all windows are missing */
    VISIT_ORDER, /* the newest event of its entity, or equally new */
    VISIT_LATE,  /* entered at its right place */
    VISIT_PAST,  /* late and older than all slots: entered in panes */
    VISIT_READ,  /* too late: reads, but is not entered */
};

struct visit {
    const struct entity *entity;
    struct state *state;
    uint64_t row;
    uint8_t *bytes; /* of the row */
    int64_t time_ms;
    enum visit_kind kind;
    struct slot *slot; /* the event's own: in the ring if it is entered, otherwise scratch */
    bool in_ring;
    struct place place; /* of its slot, if it is in the ring */
    uint32_t fresh;     /* of plain entities, of which only its own slot is before the edge */
};

static inline struct entity_head *visit_head(const struct visit *visit)
{
    return (struct entity_head *)visit->bytes;
}

static inline struct cursor *visit_cursors(const struct visit *visit)
{
    return (struct cursor *)(visit->bytes + sizeof(struct entity_head));
}

static inline bool slot_passes(const struct entity *entity, const struct frame *frame,
                               const struct slot *slot)
{
    return frame->condition == INDEX_NONE ||
           (slot->cell[entity->cell_count].key >> frame->condition & 1);
}

/* The event's number stands above the condition bits of the tag. */
static inline uint64_t slot_tag(uint64_t number)
{
    return number << TAG_NUMBER;
}

static inline uint64_t tag_number(uint64_t tag)
{
    return tag >> TAG_NUMBER;
}

/* When a slot of that time crosses an edge that is crossed by time. */
static inline int64_t edge_crossing_ms(const struct entity *entity, const struct edge *edge,
                                       int64_t time_ms)
{
    if (__builtin_expect(edge->period != INDEX_NONE, 0))
        time_ms = period_end_ms(entity->zone, (enum period)edge->period, time_ms);
    return time_ms + edge->distance_ms;
}

static inline bool cell_missing(const struct cell *cell, union value value)
{
    return cell->is_key ? value.key == 0 : value.number != value.number;
}

static inline struct entity_counters *entity_counters(const struct entity *entity,
                                                      struct state *state)
{
    return state_write_row(state, entity->counters_region, entity->index);
}

/* Lays out the row and the edges, once all windows are known. */
void entity_seal(struct entity *entity);

/* Declares the regions; rows_max and blocks_max are set. */
void entity_declare(struct entity *entity, struct state_layout *layout);

/* The event's key; 0 if a part is missing. */
uint64_t entity_key(const struct entity *entity, const struct batch *batch, uint32_t row);

/* Does a request of the control topic name one by exactly these keys? */
bool entity_is_erased(const struct entity *entity, const struct batch *batch, uint32_t row);

/* Is this the key's row? */
bool entity_is(const struct entity *entity, const struct state *state, uint64_t row, uint64_t key);

/* Finds the key's row, or makes one, forgetting an idle one if there is no room. */
uint64_t entity_enter(const struct entity *entity, struct state *state, uint64_t key,
                      int64_t time_ms);

/* Forgets the row if its entity has expired: idle for longer than `expire_ms`, as seen from the
 * newest event of the pipeline. */
bool entity_expire(const struct entity *entity, struct state *state, uint64_t row,
                   int64_t newest_ms);

/* After an event: looks whether the row under the hand has expired, so that room comes back from
 * entities that nobody visits any more. */
void entity_sweep(const struct entity *entity, struct state *state, int64_t newest_ms);

/* Forgets that row's entity. */
void entity_forget(const struct entity *entity, struct state *state, uint64_t row);

/* Forgets the key's entity for good; false if there is none. */
bool entity_erase(const struct entity *entity, struct state *state, uint64_t key);

/* Asks for the lines of those who will give way to so many new entities. */
void entity_prefetch_victims(const struct entity *entity, const struct state *state,
                             uint32_t count);

/* A zeroed block of the visit's entity, or STATE_NO_ROW: even forgetting others gave none. */
uint64_t entity_take_block(const struct visit *visit);

/* Makes sure that the next entity_take_block succeeds; false if it cannot. */
bool entity_reserve_block(const struct visit *visit);

#endif
