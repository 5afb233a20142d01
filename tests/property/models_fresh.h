/* A model by itself, as the configuration would make it. */
#ifndef TESTS_PROPERTY_MODELS_FRESH_H
#define TESTS_PROPERTY_MODELS_FRESH_H

#include "models/model.h"
#include "tests/unit/base_options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* The caller frees it. */
static inline void *fresh_model(const char *name, const char *text, const struct model_shape *shape,
                                uint64_t seed)
{
    const struct model_kind *kind = model_find(name);
    assert_non_null(kind);
    void *options = options_of_json(kind->options, kind->option_size, text);
    uint64_t size = kind->state_size(options, shape);
    void *self = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(self);
    kind->init(self, options, shape, seed);
    free(options);
    return self;
}

#endif
