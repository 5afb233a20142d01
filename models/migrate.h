/* From one configuration's models to another's: a model of the same name, kind, options and
 * features goes on with all its slots and its race; any other begins anew. */
#ifndef MODELS_MIGRATE_H
#define MODELS_MIGRATE_H

#include "models/models.h"

/* One of the two configurations; the program tells what features are computed from. */
struct models_side {
    const struct models *models;
    const struct program *program;
    bool rehashed; /* identifiers are hashed with another key than on the other side */
};

enum model_fate {
    MODEL_KEPT,
    MODEL_NEW,
    MODEL_OTHER_KIND,
    MODEL_OTHER_OPTIONS,
    MODEL_OTHER_FEATURES,
    MODEL_OTHER_CLASSES,
    MODEL_OTHER_KEYS,   /* it reads identifiers, and they are hashed with another key */
    MODEL_OTHER_SCORES, /* a model whose score it sees begins anew */
    MODEL_OTHER_ORDER,  /* the same features, in another order */
};

/* What becomes of a model of `to`; `source`: its index in `from`, UINT32_MAX if it is new. */
enum model_fate models_fate(const struct models_side *to, const struct models_side *from,
                            uint32_t model, uint32_t *source);

/* Fills a kept model of a fresh state.  A model that is no longer retrained loses its challenger,
 * the one that it replaced and what it wished. */
void models_move(const struct models *to, struct state *to_state, uint32_t model,
                 const struct models *from, const struct state *from_state, uint32_t source);

/* Which of an example row's scores is a slot's; UINT32_MAX: none. */
uint32_t models_score_index(const struct models *models, uint32_t model, enum model_slot slot);

#endif
