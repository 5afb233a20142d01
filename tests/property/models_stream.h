/* Random streams of numbers, flags, enumerations and keys, with gaps and weights, for tests that
 * hold a model against its definition. */
#ifndef TESTS_PROPERTY_MODELS_STREAM_H
#define TESTS_PROPERTY_MODELS_STREAM_H

#include "base/random.h"
#include "models/model.h"
#include "tests/property/models_fresh.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_FEATURES = 6, STREAM_NUMBERS = 3 };

static const enum value_type stream_types[STREAM_FEATURES] = {
    TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER, TYPE_BOOLEAN, TYPE_ENUM, TYPE_TEXT};
static const char *const stream_names[STREAM_FEATURES] = {"a", "b", "c", "flag", "enum", "key"};

/* The first `features` of them. */
static inline struct model_shape stream_shape(uint32_t features, uint32_t classes)
{
    return (struct model_shape){features, stream_types, stream_names, classes};
}

/* Numbers on a grid now and then, so that there are ties; the label depends on all features. */
static inline struct example stream_draw(struct random *random, uint32_t classes,
                                         union value *feature)
{
    double told = 0;
    for (int i = 0; i < STREAM_NUMBERS; i++) {
        double drawn = 10 * (random_uniform(random) + random_uniform(random)) - 10;
        feature[i].number = random_below(random, 3) == 0 ? floor(drawn) : drawn;
        told += (i + 1) * feature[i].number / 10;
    }
    feature[3].number = random_below(random, 4) == 0;
    feature[4].number = (double)random_below(random, 5);
    feature[5].key = 1 + random_below(random, 9) * 0x9E3779B97F4A7C15ULL;
    told += feature[3].number + (feature[4].number == 2) + (double)(feature[5].key % 3) - 1;
    told += 2 * random_uniform(random) - 1;
    if (random_below(random, 25) == 0)
        feature[random_below(random, 5)].number = MISSING;
    if (random_below(random, 25) == 0)
        feature[5].key = 0;
    double label = fmin(fmax(floor(told + classes / 2.0), 0), classes - 1.0);
    return (struct example){feature, 0, label, 1, NULL};
}

#endif
