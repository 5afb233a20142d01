/* Features: formulas over fields, and true sliding windows over entities.
 *
 *     features_init      what entities may hold
 *     features_compile   one formula after the other, into the pipeline's program
 *     features_declare   regions for the entities, once all formulas are in
 *     features_extract   a batch: formulas by level down the columns, windows along the events
 *
 * At time t, `over W` covers (t - W, t], the event itself included; `delay D` shifts it to
 * (t - D - W, t - D]; without `over` it covers all there has been.  Memory is bounded by `entities`:
 * when they are full the longest idle of a few is forgotten (counted). */
#ifndef FEATURES_FEATURES_H
#define FEATURES_FEATURES_H

#include "base/batch.h"
#include "base/history.h"
#include "base/program.h"
#include "base/state.h"

struct features;

/* Per kind of entity, named by its key fields joined with "," ("card", "card,merchant"). */
struct entity_setting {
    char name[256];
    int64_t entities_max; /* 0: from the share of memory */
    int64_t events_max;   /* of one entity, kept for its windows; older ones are dropped, counted */
};

struct features_setting {
    int64_t memory; /* bytes for all entities together */
    int64_t lateness_ms;
    uint32_t entity_count;
    const struct entity_setting *entity;
};

/* Counters of one kind of entity, for metrics and reports. */
struct entity_report {
    char name[256];
    uint64_t live, entities_max, bytes_per_entity, evicted, events_dropped, late;
};

/* A window that formulas asked for, as the resolver of `program_compile` hands it over: arguments and
 * conditions are values of the program, keys are key columns.  Returns the value that its result will
 * be in; equal requests share one.  VALUE_NONE with the error on a mistake. */
uint32_t features_window(struct features *features, struct program *program,
                         const struct syntax *syntax, const struct syntax_node *node,
                         const struct program_resolver *resolver, struct syntax_error *error);

struct features *features_open(const struct features_setting *setting);
void features_close(struct features *features);

/* The value of the name `label` inside a window: 0 until known, corrected in the window when it is.
 * Must be told before windows are compiled.  VALUE_NONE: labels are not configured. */
void features_set_label(struct features *features, uint32_t value);

void features_declare(struct features *features, struct program *program,
                      struct state_layout *layout);

/* The number of key columns that history rows must hold (one for each entity whose windows name the
 * label), known after features_declare. */
uint32_t features_key_count(const struct features *features);

/* Fills every column below PROGRAM_SCORE_LEVEL and writes the events' keys into their history rows;
 * applies batch->told and label rows to the windows their events are in, each at its own place in the
 * order.  `history` may be NULL when no window names the label. */
void features_extract(struct features *features, const struct program *program, struct state *state,
                      struct batch *batch, const struct history *history);

uint32_t features_report(const struct features *features, const struct state *state,
                         struct entity_report *reports, uint32_t reports_max);

#endif
