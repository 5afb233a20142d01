/* How far a number is from what it usually is at this time of the day, week or other season.
 *
 * Level and season follow the series as models/season.h says.  The scale of the residuals is their
 * mean absolute size, where one of more than four scales counts as four, so that an anomaly hardly
 * widens it (Huber's bounding, "Robust Estimation of a Location Parameter", 1964), with the mean of
 * all at first and of about the latest `scale_events` later:
 *
 *     scale += rate (min(|residual|, 4 scale) - scale),   score = z^2 / (9 + z^2), z = residual /
 * scale
 *
 * so that three scales give 1/2.  With several features the score is the highest; each has a season
 * and a scale of its own.  Missing numbers and keys are passed over; numbers are cut at 1e100. */
#include "models/model.h"
#include "models/season.h"
#include "models/series.h"
#include <math.h>
#include <string.h>

static const double BOUND = 4, HALF = 9;

struct residual_options {
    int64_t season_ms, buckets, scale_events;
    double seasonal_rate, level_rate;
};

/* The row: this; then of each feature that is a number a `spread` and its season. */
struct residual {
    uint64_t lane_count, lane_size, scale_events;
    uint64_t lane_feature[MODEL_FEATURES_MAX];
};

struct spread {
    double scale, count;
};

static uint64_t lane_size(const struct residual_options *given)
{
    return sizeof(struct spread) + season_size((uint64_t)given->buckets);
}

static uint64_t residual_state_size(const void *options, const struct model_shape *shape)
{
    const struct residual_options *given = (const struct residual_options *)options;
    return sizeof(struct residual) + series_count(shape) * lane_size(given);
}

static struct spread *lane_spread(const struct residual *self, uint64_t index)
{
    uint8_t *first = (uint8_t *)(uintptr_t)(self + 1);
    return (struct spread *)(void *)(first + index * self->lane_size);
}

static struct season *lane_season(const struct residual *self, uint64_t index)
{
    return (struct season *)(void *)(lane_spread(self, index) + 1);
}

static void residual_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    (void)seed;
    const struct residual_options *given = (const struct residual_options *)options;
    struct residual *self = (struct residual *)memory;
    memset(self, 0, residual_state_size(options, shape));
    self->lane_size = lane_size(given);
    self->scale_events = (uint64_t)given->scale_events;
    self->lane_count = series_features(shape, self->lane_feature);
    for (uint64_t i = 0; i < self->lane_count; i++) {
        struct season *season = lane_season(self, i);
        season->period_ms = given->season_ms;
        season->bucket_count = (uint64_t)given->buckets;
        season->seasonal_rate = given->seasonal_rate;
        season->level_rate = given->level_rate;
    }
}

/* A residual where there never was one is as strange as one of many scales. */
static double lane_score(const struct spread *spread, double residual)
{
    if (isnan(residual) || !(spread->count > 0) || residual == 0)
        return 0;
    double z = residual / (spread->scale > 1e-150 ? spread->scale : 1e-150);
    return fabs(z) < 1e100 ? z * z / (HALF + z * z) : 1;
}

static double residual_score(const void *memory, const struct example *example)
{
    const struct residual *self = (const struct residual *)memory;
    double most = 0;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        double x = example->feature[self->lane_feature[i]].number;
        if (isnan(x))
            continue;
        double residual =
            season_residual(lane_season(self, i), example->time_ms, series_clipped(x));
        double score = lane_score(lane_spread(self, i), residual);
        most = score > most ? score : most;
    }
    return most;
}

static void spread_learn(struct spread *spread, double residual, uint64_t events)
{
    if (isnan(residual))
        return;
    spread->count += spread->count < (double)events ? 1 : 0;
    double size = fabs(residual);
    bool bounded = spread->scale > 0 && size > BOUND * spread->scale;
    spread->scale += ((bounded ? BOUND * spread->scale : size) - spread->scale) / spread->count;
}

static double residual_learn(void *memory, const struct example *example)
{
    struct residual *self = (struct residual *)memory;
    double most = 0;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        double x = example->feature[self->lane_feature[i]].number;
        if (isnan(x))
            continue;
        x = series_clipped(x);
        struct season *season = lane_season(self, i);
        struct spread *spread = lane_spread(self, i);
        double residual = season_residual(season, example->time_ms, x);
        double score = lane_score(spread, residual);
        most = score > most ? score : most;
        spread_learn(spread, residual, self->scale_events);
        season_learn(season, example->time_ms, x);
    }
    return most;
}

static const struct option residual_options[] = {
    {.name = "season",
     .type = OPTION_SPAN,
     .standard = "1d",
     .minimum = 1000,
     .maximum = 366.0 * 86400 * 1000,
     .offset = offsetof(struct residual_options, season_ms),
     .help = "after what time the series repeats itself"},
    {.name = "buckets",
     .type = OPTION_INTEGER,
     .standard = "288",
     .minimum = 1,
     .maximum = 100000,
     .offset = offsetof(struct residual_options, buckets),
     .help = "parts of a season that are told apart; 1: no season, the level alone"},
    {.name = "seasonal_rate",
     .type = OPTION_NUMBER,
     .standard = "0.1",
     .minimum = 1e-6,
     .maximum = 1,
     .offset = offsetof(struct residual_options, seasonal_rate),
     .help = "how much of a residual a part of the season takes in, at each visit"},
    {.name = "level_rate",
     .type = OPTION_NUMBER,
     .standard = "0.02",
     .minimum = 0,
     .maximum = 1,
     .offset = offsetof(struct residual_options, level_rate),
     .help = "how much of a residual the level takes in, at each event"},
    {.name = "scale_events",
     .type = OPTION_INTEGER,
     .standard = "2000",
     .minimum = 10,
     .maximum = 1000000000,
     .offset = offsetof(struct residual_options, scale_events),
     .help = "about how many of the latest residuals make their scale"},
    OPTION_END,
};

const struct model_kind seasonal_residual_model = {
    .name = "seasonal_residual",
    .summary = "anomalies of a time series: unusual for the time of the day or week (Holt-Winters)",
    .options = residual_options,
    .option_size = sizeof(struct residual_options),
    .supervised = false,
    .cost_ns = 900,
    .check = series_check,
    .state_size = residual_state_size,
    .init = residual_init,
    .score = residual_score,
    .learn = residual_learn,
};
