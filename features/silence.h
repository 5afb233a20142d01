/* Who should have spoken and did not.  A window silence(30m) by device is 1 at the event that ends
 * a silence; that somebody is silent must be told while nobody speaks.  So each distinct span and
 * kind of entity that such windows name (without `where` and `delay`) is watched:
 *
 *     index | key -> row
 *     rows  | key | last | older, newer | text |        oldest <-> ... <-> newest by `last`
 *
 * An entity that speaks goes to the newest end.  When the watermark has passed the oldest one's
 * last event by the span it is told as silent and leaves.  So an event costs a few lines, however
 * many there are, and a silence is told at the first row that shows it: an event, or a tick where
 * none comes (engine/tick.h).  An event that comes late is put back by at most 64 others: its
 * silence may be told later, never earlier.
 *
 * A silence is told once, with the last event's time; who speaks again is watched again.  An event
 * that shows by its own time that its entity was silent tells of it, if nothing else has.  Time is
 * the watermark: it moves with the events of all entities, and by ticks while nobody speaks.
 *
 * The text is the identifier as people know it, masked if a field of it is sensitive, and leaves
 * with the row; an erasure takes it at once.  When rows run out the oldest goes (counted).
 *
 * This runs row by row beside the decisions, not down the columns: each alert has its place in the
 * order of outputs. */
#ifndef FEATURES_SILENCE_H
#define FEATURES_SILENCE_H

#include "base/batch.h"
#include "base/keymap.h"
#include "base/program.h"
#include "base/state.h"

enum {
    SILENCES_MAX = 16, /* that are watched: each is a look-up an event */
    SILENCE_KEYS_MAX = SYNTAX_BY_MAX,
    SILENCE_TEXT_MAX = 56,
    SILENCE_TOLD_MAX = BATCH_SILENCES_MAX, /* before one row; the rest before the next ones */
};

struct silence {
    int64_t span_ms;
    uint32_t entity; /* of the features */
    uint32_t key_count;
    const struct field *key[SILENCE_KEYS_MAX]; /* for the texts */
    uint32_t rows_region, head_region;
    uint64_t rows_max, fingerprint;
    struct keymap map;
};

struct silence_row {
    uint64_t key;
    int64_t last_ms;
    uint64_t older, newer;       /* rows + 1; 0: none */
    char text[SILENCE_TEXT_MAX]; /* ends with 0 */
};

struct silence_head {
    uint64_t oldest, newest; /* rows + 1 */
    uint64_t told;
    uint64_t unwatched; /* left for want of rows */
};

/* What is watched, for reports and explanations. */
struct silence_report {
    const char *entity;
    int64_t span_ms;
    uint64_t live, rows_max, bytes; /* bytes: of all of it */
    uint64_t told, unwatched;
};

struct features;

/* A window of that span, by that entity; false if there are too many. */
bool silence_add(struct features *features, const struct program *program, uint32_t entity,
                 int64_t span_ms);

/* Bytes of the state; after silences_divide, which takes a part of so many bytes. */
uint64_t silences_divide(struct features *features, uint64_t memory);
void silences_declare(struct features *features, struct state_layout *layout);

/* One row in its turn, before it is decided: tells who has been silent, notes who speaks, forgets
 * who is erased. */
void features_watch(const struct features *features, struct state *state, struct batch *batch,
                    uint32_t row);

/* Fills `to`, which is fresh, with who is watched in `from` for the same; those who have been
 * silent longest are left out if there is less room. */
struct entity_moved;
void silence_move(const struct silence *to, struct state *to_state, const struct silence *from,
                  const struct state *from_state, struct entity_moved *moved);

/* The watermark at which somebody is silent next; INT64_MAX: nobody is watched. */
int64_t features_silence_due(const struct features *features, const struct state *state);

/* How many are watched, and one of them; `state` may be NULL: then of the plan alone. */
uint32_t features_silence_count(const struct features *features);
void features_silence_report(const struct features *features, const struct state *state,
                             uint32_t index, struct silence_report *report);

#endif
