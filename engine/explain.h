/* What `weir explain` tells of a configuration: for each kind of entity and each window what is
 * kept, who uses it, what it costs and how far it is exact; and whether so many entities fit. */
#ifndef ENGINE_EXPLAIN_H
#define ENGINE_EXPLAIN_H

#include "engine/pipeline.h"
#include "features/burst.h"
#include "features/explain.h"

/* Somebody whom windows and formulas serve: a feature, or a rule. */
struct explain_user {
    const char *name;
    bool is_rule;
    uint32_t value;
};

/* A part of formulas, no window, that several ask for and that is computed once. */
struct explain_shared {
    char formula[256];
    uint32_t value;
    uint32_t askers; /* formulas and windows */
};

struct explanation {
    const struct pipeline *pipeline;
    int64_t entity_memory; /* bytes of `memory` that are for entities */
    uint32_t entity_count;
    struct entity_plan entity[CONFIG_ENTITIES_MAX];
    uint32_t window_first[CONFIG_ENTITIES_MAX + 1];
    uint32_t window_count;
    struct window_plan *window; /* (window_count), those of one entity in a row */
    uint32_t burst_count;
    struct burst_plan burst[BURSTS_MAX];
    uint32_t user_count;
    struct explain_user user[CONFIG_FEATURES_MAX + RULES_MAX];
    bool *uses; /* (window_count, user_count): not by way of another window */
    uint32_t shared_count;
    struct explain_shared *shared;
};

/* Numbers of entities that somebody wants to know about. */
struct explain_question {
    bool asked;
    uint64_t entities[CONFIG_ENTITIES_MAX]; /* of each kind */
    uint64_t events;                        /* each of them keeps; 0: as fit beside its values */
};

/* Does a feature or a rule look at the value, not by way of a window? */
bool explain_uses(const struct explanation *explanation, uint32_t user, uint32_t value);

/* What an event costs in the windows of one kind of entity. */
struct cost explain_cost(const struct explanation *explanation, uint32_t entity);

/* Bytes of one kind, by the question. */
uint64_t explain_bytes(const struct explanation *explanation, uint32_t entity,
                       const struct explain_question *question);
bool explain_fits(const struct explanation *explanation, uint32_t entity,
                  const struct explain_question *question);

/* The pipeline must have been built without findings. */
void explain_make(struct explanation *explanation, const struct pipeline *pipeline);
void explain_close(struct explanation *explanation);

/* "100000", of every kind, or "card=100000,card,merchant=5000"; false: neither, or no such kind. */
bool explain_read_question(const struct explanation *explanation, const char *text,
                           struct explain_question *question);

/* Where a window ends and what it leaves out, in words: "over 7d, delay 1d". */
void explain_frame(const struct window_plan *window, struct buffer *buffer);

void explain_print(const struct explanation *explanation, const struct explain_question *question,
                   FILE *file);
json_t *explain_json(const struct explanation *explanation,
                     const struct explain_question *question);

#endif
