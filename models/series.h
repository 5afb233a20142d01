/* What detectors of time series share: which features are series, and what a missing or absurd
 * number stands for. */
#ifndef MODELS_SERIES_H
#define MODELS_SERIES_H

#include "models/model.h"
#include <math.h>

/* Squares of differences, summed over thousands, stay finite. */
static const double SERIES_LIMIT = 1e100;

/* Every feature but keys and enumerations is a series.  `feature` (MODEL_FEATURES_MAX) gets which
 * they are. */
static inline uint64_t series_features(const struct model_shape *shape, uint64_t *feature)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < shape->feature_count; i++) {
        if (shape->type[i] != TYPE_TEXT && shape->type[i] != TYPE_ENUM)
            feature[count++] = i;
    }
    return count;
}

static inline uint64_t series_count(const struct model_shape *shape)
{
    uint64_t feature[MODEL_FEATURES_MAX];
    return series_features(shape, feature);
}

static inline double series_clipped(double x)
{
    return x > SERIES_LIMIT ? SERIES_LIMIT : x < -SERIES_LIMIT ? -SERIES_LIMIT : x;
}

/* A missing number stands for `last`, the one before it. */
static inline double series_value(double x, double last)
{
    return isnan(x) ? last : series_clipped(x);
}

static inline enum status series_check(const void *options, const struct model_shape *shape,
                                       struct failure *failure)
{
    (void)options;
    if (series_count(shape) > 0)
        return STATUS_OK;
    return failure_set(failure, STATUS_STOP,
                       "a detector for time series needs at least one feature that is a number");
}

#endif
