/* What a model is: a learner (from labels) or a detector (from the events alone).  A kind is one file,
 * x_model.c, and one row of model_table.c.
 *
 * Its memory is one row of a state region: flat, sized from its options, options included, so that
 * saving, cloning and comparing are byte copies.  Scoring reads, learning writes through state_write. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "base/option.h"
#include "base/state.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a model's memory is. */
struct model_memory {
    struct state *state;
    uint32_t region;
};

struct model_kind {
    const char *name, *summary;
    const struct option *options;
    size_t option_size;
    bool supervised; /* learns from labels; otherwise from every event after its score */

    /* Bytes for so many features; options are the structure that the table fills. */
    uint64_t (*state_size)(const void *options, uint32_t feature_count);
    void (*init)(struct model_memory memory, const void *options, uint32_t feature_count,
                 uint64_t seed);

    /* In [0, 1] and finite, whatever the features are: a probability for learners, the higher the
     * stranger for detectors.  Missing features are NaN; each kind's header says what it does. */
    double (*score)(struct model_memory memory, const double *features);

    /* Label in {0, 1}, weight > 0.  Detectors: both are ignored. */
    void (*learn)(struct model_memory memory, const double *features, double label, double weight);

    /* What each feature added to the score, in the kind's own unit; NULL: it cannot say. */
    void (*explain)(struct model_memory memory, const double *features, double *contributions);

    /* To and from the model file; NULL: it cannot be trained in a batch. */
    json_t *(*save)(struct model_memory memory);
    enum status (*load)(struct model_memory memory, const json_t *file, struct failure *failure);
};

extern const struct model_kind *const model_table[]; /* NULL-terminated */
const struct model_kind *model_find(const char *name);

#endif
