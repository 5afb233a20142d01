/* What the detectors' tests share: options by name, detectors in memory of their own, random
 * values. */
#ifndef TESTS_UNIT_MONITOR_HELPER_H
#define TESTS_UNIT_MONITOR_HELPER_H

#include "base/assert.h"
#include "base/random.h"
#include "monitor/detector.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sets one option by its name, whatever its type. */
static inline void option_set(const struct detector_kind *kind, void *options, const char *name,
                              double value)
{
    const struct option *option = kind->options;
    while (option->name && strcmp(option->name, name) != 0)
        option++;
    ASSERT(option->name != NULL);
    void *place = (char *)options + option->offset;
    if (option->type == OPTION_NUMBER)
        *(double *)place = value;
    else if (option->type == OPTION_CHOICE)
        *(int *)place = (int)value;
    else
        *(int64_t *)place = (int64_t)value;
}

/* The default options on the heap, where the sanitizers watch their ends. */
static inline void *options_make(const struct detector_kind *kind)
{
    void *options = calloc(1, kind->option_size);
    ASSERT(options != NULL);
    options_default(kind->options, options);
    return options;
}

/* A detector with these options, which are freed. */
static inline void *detector_make(const struct detector_kind *kind, void *options)
{
    void *self = malloc(kind->state_size(options));
    ASSERT(self != NULL);
    kind->init(self, options);
    free(options);
    return self;
}

static inline double random_bernoulli(struct random *random, double share)
{
    return random_uniform(random) < share ? 1 : 0;
}

/* Standard normal, by Box and Muller. */
static inline double random_normal(struct random *random)
{
    double radius = sqrt(-2 * log(1 - random_uniform(random)));
    return radius * cos(6.283185307179586 * random_uniform(random));
}

#endif
