/* The features of a pipeline, and the passes of an event over its entities. */
#ifndef FEATURES_PASS_H
#define FEATURES_PASS_H

#include "features/burst.h"
#include "features/frame.h"
#include "features/silence.h"

/* What late readings gather: the slots of one window. */
struct gather {
    uint32_t capacity;
    struct slot_view *slots;
    uint64_t *words;               /* (capacity), for the definitions */
    struct values_change *changes; /* (capacity) */
};

struct features {
    int64_t memory, lateness_ms;
    uint32_t scan_max, node_size, nodes_max; /* of multisets; nodes_max 0: by memory */
    uint32_t spill_group;                    /* 0: by events_max */
    bool planned;                            /* entities are laid out and know their room */
    const struct zone *zone;
    struct zone *utc; /* if no other was given */
    uint32_t setting_count;
    struct entity_setting *setting;
    bool *setting_used;
    uint32_t label_value; /* in the program, or VALUE_NONE */
    uint32_t level_max;   /* of all windows */
    uint32_t entity_count, key_count;
    struct entity *entity[ENTITIES_MAX];
    uint32_t counters_region;
    uint32_t silence_count;
    struct silence silence[SILENCES_MAX];
    uint32_t burst_count;
    struct burst burst[BURSTS_MAX];
    struct gather gather;
    struct slot *scratch[ENTITIES_MAX]; /* a slot for events that are not entered */
};

/* Finds the entity's row and enters the event's slot, so far as the values of level 0 are known. */
void visit_begin(const struct features *features, struct visit *visit, const struct batch *batch,
                 uint32_t row, uint64_t key);

/* Makes room for one more slot, which is the newest: of more than slots_max the oldest go. */
void visit_room(const struct visit *visit);

/* Fills in what the formulas of the level below gave, and reads and feeds the frames of this level.
 */
void visit_level(const struct features *features, const struct visit *visit, uint32_t level,
                 const struct batch *batch, uint32_t row);

/* Reads the frames of a level as they were at the time of an event that comes late. */
void late_read(const struct features *features, const struct visit *visit, uint32_t level,
               const struct batch *batch, uint32_t row);

/* Corrects the windows of one entity for the labels that become known just before a row, or with
 * it; `guess` is where the entity of the latter probably is, or STATE_NO_ROW... */
void labels_before(const struct entity *entity, struct state *state, const struct batch *batch,
                   uint32_t row, uint64_t guess, const struct history *history);

/* ... and for the one that had come before its event. */
void labels_after(const struct entity *entity, struct state *state, const struct batch *batch,
                  uint32_t row, const struct history *history);

#endif
