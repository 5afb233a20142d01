/* From one configuration's entities to another's.  What is unchanged goes on exactly as it was; a
 * window that is new is filled from the events that its entity keeps, as far as they hold what it
 * looks at.
 *
 * Entities are the same if their key fields are (and the hash key, which the caller compares).
 * Everything in them is found again by fingerprints: arguments, conditions, frames, running values.
 */
#ifndef FEATURES_MIGRATE_H
#define FEATURES_MIGRATE_H

#include "features/features.h"

/* One of the two configurations. */
struct features_side {
    const struct features *features;
    const struct program *program;
    struct state *state; /* NULL: only fates are asked for */
    bool rehashed;       /* in both: identifiers are hashed with another key, nothing is found */
};

/* The better come first. */
enum window_fate {
    WINDOW_KEPT,       /* as it was, to the bit */
    WINDOW_TAKEN,      /* new, but another window kept the same running values */
    WINDOW_FILLED,     /* new, and the events kept reach back as far as it does */
    WINDOW_PART,       /* new, and they reach back `reach_ms`; 0: as far as other windows do */
    WINDOW_UNHELD,     /* begins anew: they do not hold what it looks at */
    WINDOW_EVENTLESS,  /* begins anew: the entity kept no events */
    WINDOW_UNCOUNTED,  /* a burst that nobody has counted yet */
    WINDOW_ENTITYLESS, /* begins anew: so does its entity */
    WINDOW_REHASHED,   /* begins anew: likewise, because of the hash key */
};

/* Of all windows that a value is computed from, directly or not: the worst. */
struct features_fate {
    bool has_window;
    enum window_fate fate;
    int64_t reach_ms; /* of WINDOW_PART: of the shortest */
    bool loses_panes; /* what was spilled past events_max is not taken over for some of them */
};

struct features_fate features_fate(const struct features_side *to, const struct features_side *from,
                                   uint32_t value);

/* An entity's index on the other side, or UINT32_MAX. */
uint32_t features_find_entity(const struct features *features, const char *name);

/* Bursts that were there before take their sketches with them. */
void features_move_bursts(const struct features_side *to, const struct features_side *from);

struct entity_moved {
    uint64_t kept, left_out; /* left out: those idle longest, for want of room */
};

/* Likewise who is watched for a silence of the same span, by the same keys; says whether silence
 * `index` of `to` is.  With `to` not mapped nobody is moved, and left_out is by how many there is
 * less room. */
bool features_move_silence(const struct features_side *to, uint32_t index,
                           const struct features_side *from, struct entity_moved *moved);

/* How many kinds of entities there are, and the name of one. */
uint32_t features_entity_count(const struct features *features);
const char *features_entity_name(const struct features *features, uint32_t index);

/* Which key of an example row is the entity's; UINT32_MAX: none. */
uint32_t features_entity_key(const struct features *features, uint32_t index);

/* Fills entity `index` of `to`, which is fresh, from entity `source` of `from`. */
void features_move_entity(const struct features_side *to, uint32_t index,
                          const struct features_side *from, uint32_t source,
                          struct entity_moved *moved);

#endif
