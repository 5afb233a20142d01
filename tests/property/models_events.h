/* A stream of events and the models that are shown it, for the definition tests of detectors. */
#ifndef TESTS_PROPERTY_MODELS_EVENTS_H
#define TESTS_PROPERTY_MODELS_EVENTS_H

#include "base/random.h"
#include "models/model.h"
#include "models/placement.h"
#include "tests/property/models_fresh.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 4, EVENTS = 600 };

static const enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER};
static const char *const names[FEATURES] = {"a", "b", "c", "d"};
static const struct model_shape shape = {FEATURES, types, names, 2};

static union value stream[EVENTS][FEATURES];

/* Numbers of four units that depend on one another; one of twenty is missing, one of fifty wild. */
static inline void make_stream(uint64_t seed, bool gaps)
{
    print_message("seed %d\n", (int)seed);
    struct random random;
    random_seed(&random, seed);
    for (int i = 0; i < EVENTS; i++) {
        double common = random_uniform(&random) + random_uniform(&random);
        for (int j = 0; j < FEATURES; j++)
            stream[i][j].number = pow(10, j) * (common + random_uniform(&random)) + 3 * j;
        uint64_t place = random_below(&random, FEATURES);
        if (gaps && random_below(&random, 20) == 0)
            stream[i][place].number = MISSING;
        if (gaps && random_below(&random, 50) == 0)
            stream[i][place].number *= 30;
    }
}

static inline double learn(const char *name, void *self, const union value *feature)
{
    struct example example = {feature, 0, MISSING, 1, NULL};
    return model_find(name)->learn(self, &example);
}

/* The places that every event had when it came (EVENTS, FEATURES). */
static float places[EVENTS][FEATURES];

static inline void place_stream(const struct model_shape *of)
{
    struct placement *placement = calloc(1, placement_size(of));
    assert_non_null(placement);
    placement_init(placement, of);
    for (int i = 0; i < EVENTS; i++) {
        placement_place(placement, stream[i], places[i]);
        placement_learn(placement, stream[i]);
    }
    free(placement);
}

#endif
