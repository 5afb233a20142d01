/* Features: formulas over fields, and true sliding windows over entities.
 *
 * At time t, `over W` covers (t - W, t], the event itself included; `delay D` shifts it to
 * (t - D - W, t - D]; `before` leaves the event out; without `over` it covers all there has been.
 * `over last N` covers the N newest that pass the condition, `over today` (this hour ... this year)
 * what lies in t's period of the clock on the wall, `session gap G` the newest run of passing
 * events with less than G between neighbours and between the last and t; form.h has the forms.
 * An event that comes late (behind its entity's newest by at most `lateness`) takes its right place
 * and sees what was before it; later than that it reads what is still held, but is not entered
 * (counted).  An event without the entity's key, or a part of it, has missing in all its windows.
 *
 *     features_open      what entities may hold
 *     features_window    while formulas are compiled: one window after the other
 *     features_declare   regions, once all formulas are in
 *     features_extract   a batch
 *
 * An entity has one row (its key, its times, a cursor a frame, running values, its first few slots
 * inline) and, when it has more, a chain of equal blocks from one pool:
 *
 *     row | key | newest | frames: cursor, next expiry | moments and values | slots ...|
 *                            |                                                 \
 *                            +-> block: older, newer | slot | slot | ... | <-> block: ...
 *
 * `memory` is divided as features.c says: kinds with a quota get that, kinds with `entities_max`
 * their rows, the rest goes in equal parts.  When rows or blocks run out, the longest idle of a few
 * entities under a moving hand is forgotten (counted); one that has been idle for longer than
 * `expire_after` is as if never seen; past `events_max` of one entity its oldest slots are spilled,
 * a few at once (counted): windows over time keep it in sums (pane.h), others lose it.
 *
 * Order of work: units of an entity's rows, each fetched through stages while those before it are
 * visited (fetch.h); entities whose windows are moments over spans have loops of their own
 * (plain.h).  If any window stands above level 1, rows go one by one through all
 * levels, since levels share rings: no row may see what a later row did. */
#ifndef FEATURES_FEATURES_H
#define FEATURES_FEATURES_H

#include "base/batch.h"
#include "base/history.h"
#include "base/program.h"
#include "base/state.h"
#include "base/zone.h"

struct features;

/* Per kind of entity, named by its key fields joined with "," ("card", "card,merchant"). */
struct entity_setting {
    char name[256];
    int64_t entities_max; /* 0: from the share of memory */
    int64_t events_max;   /* of one entity, kept for its windows */
    int64_t memory;       /* bytes for all of the kind; 0: a share of what is left */
    int64_t expire_ms;    /* idle longer, as seen from the newest event: forgotten; 0: never */
};

struct features_setting {
    int64_t memory; /* bytes for all entities together */
    int64_t lateness_ms;
    const struct zone *zone; /* of calendar windows; NULL: UTC */
    uint32_t entity_count;
    const struct entity_setting *entity;
    /* For tests, 0 otherwise: how many values a window may hold before they get a tree
     * (multiset.h), how large the tree's nodes are and how many there are. */
    uint32_t scan_max, node_size, nodes_max;
    uint32_t spill_group; /* likewise: slots that are spilled at once */
};

/* What one kind of entity holds and has lost, for metrics and reports. */
struct entity_report {
    char name[256];
    uint64_t live, entities_max, bytes_per_entity;
    uint64_t bytes_block;                    /* of block_events */
    uint64_t bytes_panes, panes, panes_most; /* of an entity with too many events; how many are */
    uint64_t blocks, blocks_max, block_events, memory; /* memory: what it may come to */
    uint64_t evicted_for_rows, evicted_for_blocks, expired, erased;
    uint64_t events_dropped; /* lost to some window before their time */
    uint64_t events_spilled; /* of which windows over time keep the sums (pane.h) */
    uint64_t late;
};

struct features *features_open(const struct features_setting *setting);
void features_close(struct features *features);

/* A number that is 0 in every event and is corrected inside the windows when the event's label
 * becomes known, as 0 or 1: what the name `label` means in a window's first argument, and in the
 * condition of one over a span or a period.  The caller adds it to the program as an external value
 * of level 0. */
void features_set_label(struct features *features, uint32_t value);

/* Compiles a call that is no function of the language: an aggregate with its clauses.  Arguments
 * and conditions are compiled with the resolver; keys must be key fields of the schema, found by
 * its `name`. Returns the value its result will be in; equal requests share one.  VALUE_NONE with
 * the error (unknown aggregate: with the nearest known name; missing `by`; wrong argument; ...) on
 * a mistake. */
uint32_t features_window(struct features *features, struct program *program,
                         const struct syntax *syntax, const struct syntax_node *node,
                         const struct program_resolver *resolver, struct syntax_error *error);

/* Entity settings that no window uses are mistakes: calls back with their index. */
void features_unused(const struct features *features, void (*unused)(void *self, uint32_t entity),
                     void *self);

void features_declare(struct features *features, struct state_layout *layout);

/* The same without a layout: what each kind gets, for who only wants to know.  `live` and counts
 * are 0. */
uint32_t features_plan(struct features *features, struct entity_report *reports,
                       uint32_t reports_max);

/* Whether a kind of entity is made of exactly the keys that a request names; the row's key columns
 * hold them. */
bool features_may_erase(const struct features *features, const struct batch *batch, uint32_t row);

/* Key columns that example rows must hold: one for each entity whose windows name the label. */
uint32_t features_key_count(const struct features *features);

/* Fills every column below PROGRAM_SCORE_LEVEL; applies told labels and label rows to the windows
 * their events are in, each at its place in the order (a row's told first, then the row; a
 * label_early after its event).  Writes the keys of each event into its example row.  Dead rows and
 * controls are passed over. `history` is NULL when labels are not configured. */
void features_extract(struct features *features, const struct program *program, struct state *state,
                      struct batch *batch, const struct history *history);

uint32_t features_report(const struct features *features, const struct state *state,
                         struct entity_report *reports, uint32_t reports_max);

#endif
