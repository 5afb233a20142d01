/* What a model is: a learner (from labels) or a detector (from the events alone).  A kind is one
 * file, x_model.c, and one row of model_table.c.
 *
 * Its memory is one row of a state region: flat, sized from its options, options included, so that
 * saving, cloning and comparing are byte copies.  Scoring reads it; learning gets it writable. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "base/batch.h"
#include "base/option.h"
#include "base/program.h"
#include "base/state.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { MODEL_FEATURES_MAX = 512, MODEL_CLASSES_MAX = 64 };

/* What the features are, for sizing and for models that treat keys differently from numbers. */
struct model_shape {
    uint32_t feature_count;
    const enum value_type *type;     /* (feature_count) */
    const char *const *feature_name; /* (feature_count), for model files and messages */
    uint32_t class_count;            /* of the label: 2, or up to MODEL_CLASSES_MAX */
};

struct example {
    const union value *feature; /* (feature_count); missing numbers are NaN, missing keys 0 */
    int64_t time_ms;            /* the event's own, as far as it is believed */
    double label;               /* 0 to class_count - 1, whole; MISSING for detectors */
    double weight;              /* > 0 */
    const struct state *state;  /* whom scattered kinds tell what they change; NULL: nobody */
};

/* Before a scattered kind changes size > 0 bytes of its memory. */
static inline void example_touch(const struct example *example, const void *at, uint64_t size)
{
    if (example->state)
        state_touch(example->state, at, size);
}

struct model_kind {
    const char *name, *summary;
    const struct option *options;
    size_t option_size;
    bool supervised; /* learns from labels; otherwise from every event */
    bool takes_keys; /* identifiers may be features, as hashes, where `check` lets them */
    bool multiclass; /* a learner that takes labels of more than two classes */
    /* Large, and changed in few places by one example: its learn calls example_touch before each
     * change.  Of all other kinds the whole memory is taken for changed. */
    bool scattered;
    /* About what learning an event of ten numbers costs with the standard options, as
     * tests/bench/models_bench.c measured it: for people who choose. */
    uint32_t cost_ns;

    /* Whether the kind can do something sensible with this shape; NULL: with any.  For the reader
     * of the configuration: the failure is a sentence for people.  A shape that is used
     * nevertheless works. */
    enum status (*check)(const void *options, const struct model_shape *shape,
                         struct failure *failure);

    /* Bytes for this shape; options are the structure that the table fills. */
    uint64_t (*state_size)(const void *options, const struct model_shape *shape);
    void (*init)(void *self, const void *options, const struct model_shape *shape, uint64_t seed);

    /* In [0, 1] and finite, whatever the features are: a probability for learners, the higher the
     * stranger for detectors.  Each kind's header says what it does with missing features.  With
     * more than two classes: the one that is taken for the most likely, 0 to class_count - 1. */
    double (*score)(const void *self, const struct example *example);

    /* Learns, and returns the score that it had before: detectors are only ever called by this. */
    double (*learn)(void *self, const struct example *example);

    /* What each feature added to the score, in the kind's own unit; NULL: it cannot say. */
    void (*explain)(const void *self, const struct example *example, double *contributions);

    /* To and from the "parameters" member of the model file (models/model_file.h); NULL: it cannot
     * be trained in a batch.  load checks everything and leaves self untouched on failure. */
    json_t *(*save)(const void *self, const struct model_shape *shape);
    enum status (*load)(void *self, const struct model_shape *shape, const json_t *parameters,
                        struct failure *failure);
};

extern const struct model_kind *const model_table[]; /* NULL-terminated */
const struct model_kind *model_find(const char *name);

#endif
