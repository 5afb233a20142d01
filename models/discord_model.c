/* Discords: how far the newest stretch of a series is from the nearest earlier one.
 *
 * The mathematics stand in models/nearest.h.  A stretch is `length` events, of which those of the
 * latest `history` are compared; with `normalize` only its form counts, not its height and level.
 * Of a distance d the score is
 *
 *     d / (d + mean d),
 *
 * 1/2 at the distance that has been usual (the mean of all before, later of about the latest
 * `history`), nearer to 1 the stranger.  With several features each is a series of its own, and
 * the score is the highest.  A missing number stands for the one before it; keys and enumerations
 * are passed over; values are cut at 1e100 either side.  Events are taken to come at about equal
 * distances in time.
 *
 * An event costs about history x features / 2 ns; the row has 56 bytes a feature and event of the
 * history with `normalize`, 24 without. */
#include "base/assert.h"
#include "models/model.h"
#include "models/nearest.h"
#include "models/series.h"
#include <math.h>
#include <string.h>

struct discord_options {
    int64_t length, history;
    bool normalize;
};

/* The row: this; then of each feature that is a number its lane, at `lane_size` from the next. */
struct discord {
    uint64_t feature_count, lane_count, lane_size, history;
    uint64_t normalize;
    uint64_t lane_feature[MODEL_FEATURES_MAX];
};

/* Of one series.  After it come the trail of its values, the distances, and with `normalize` the
 * trails of its stretches' means and deviations. */
struct lane {
    double last;         /* for missing numbers */
    double mean, count;  /* of the distances */
    uint64_t nearest_at; /* bytes from here */
    uint64_t mean_at, deviation_at;
};

static uint64_t history_of(const struct discord_options *given)
{
    uint64_t least = (uint64_t)(given->history > given->length ? given->history : given->length);
    return nearest_whole(least);
}

static uint64_t room_of(const struct discord_options *given)
{
    return history_of(given) + (uint64_t)given->length;
}

static struct lane lane_plan(const struct discord_options *given)
{
    struct lane lane = {.nearest_at = sizeof lane + trail_size(room_of(given))};
    lane.mean_at = lane.nearest_at + nearest_size(history_of(given));
    lane.deviation_at = lane.mean_at + (given->normalize ? trail_size(history_of(given)) : 0);
    return lane;
}

static uint64_t lane_size(const struct discord_options *given)
{
    return lane_plan(given).deviation_at + (given->normalize ? trail_size(history_of(given)) : 0);
}

static uint64_t discord_state_size(const void *options, const struct model_shape *shape)
{
    const struct discord_options *given = (const struct discord_options *)options;
    return sizeof(struct discord) + series_count(shape) * lane_size(given);
}

static struct lane *lane_of(const struct discord *self, uint64_t index)
{
    uint8_t *first = (uint8_t *)(uintptr_t)(self + 1);
    return (struct lane *)(void *)(first + index * self->lane_size);
}

static struct trail *lane_trail(const struct lane *lane, uint64_t at)
{
    return (struct trail *)(void *)((uint8_t *)(uintptr_t)lane + at);
}

static struct trail *lane_values(const struct lane *lane)
{
    return lane_trail(lane, sizeof *lane);
}

static struct nearest *lane_nearest(const struct lane *lane)
{
    return (struct nearest *)(void *)((uint8_t *)(uintptr_t)lane + lane->nearest_at);
}

static void discord_init(void *memory, const void *options, const struct model_shape *shape,
                         uint64_t seed)
{
    (void)seed;
    const struct discord_options *given = (const struct discord_options *)options;
    struct discord *self = (struct discord *)memory;
    memset(self, 0, discord_state_size(options, shape));
    self->feature_count = shape->feature_count;
    self->lane_size = lane_size(given);
    self->history = history_of(given);
    self->normalize = given->normalize;
    self->lane_count = series_features(shape, self->lane_feature);
    for (uint64_t i = 0; i < self->lane_count; i++) {
        struct lane *lane = lane_of(self, i);
        *lane = lane_plan(given);
        trail_init(lane_values(lane), room_of(given));
        nearest_init(lane_nearest(lane), (uint64_t)given->length, self->history);
        for (int j = 0; given->normalize && j < 2; j++)
            trail_init(lane_trail(lane, j ? lane->deviation_at : lane->mean_at), self->history);
    }
}

/* Of the stretch that x ends; a deviation that rounding could have made is none. */
static struct normal lane_normal(const struct lane *lane, double x)
{
    const struct trail *values = lane_values(lane);
    const struct trail *means = lane_trail(lane, lane->mean_at);
    const struct trail *deviations = lane_trail(lane, lane->deviation_at);
    uint64_t length = lane_nearest(lane)->length;
    double sum = x, squares = 0;
    for (uint64_t i = 0; i + 1 < length; i++)
        sum += trail_value(values, i);
    double mean = sum / (double)length;
    for (uint64_t i = 0; i < length; i++) {
        double apart = (i ? trail_value(values, i - 1) : x) - mean;
        squares += apart * apart;
    }
    double deviation = sqrt(squares / (double)length);
    return (struct normal){mean, deviation > 1e-12 * fabs(mean) ? deviation : 0,
                           &means->value[means->at], &deviations->value[deviations->at]};
}

static double lane_score(const struct lane *lane, double distance)
{
    if (isnan(distance) || !(lane->count > 0))
        return 0;
    return distance > 0 ? distance / (distance + lane->mean) : 0;
}

static double discord_score(const void *memory, const struct example *example)
{
    const struct discord *self = (const struct discord *)memory;
    double most = 0;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        const struct lane *lane = lane_of(self, i);
        double x = series_value(example->feature[self->lane_feature[i]].number, lane->last);
        struct normal normal = {0};
        if (self->normalize)
            normal = lane_normal(lane, x);
        double distance = nearest_distance(lane_nearest(lane), lane_values(lane), x,
                                           self->normalize ? &normal : NULL);
        double score = lane_score(lane, distance);
        most = score > most ? score : most;
    }
    return most;
}

static void lane_learn_distance(struct lane *lane, double distance, uint64_t history)
{
    if (isnan(distance))
        return;
    lane->count += lane->count < (double)history ? 1 : 0;
    lane->mean += (distance - lane->mean) / lane->count;
}

static double discord_learn(void *memory, const struct example *example)
{
    struct discord *self = (struct discord *)memory;
    double most = 0;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        struct lane *lane = lane_of(self, i);
        double x = series_value(example->feature[self->lane_feature[i]].number, lane->last);
        struct normal normal = {0};
        if (self->normalize)
            normal = lane_normal(lane, x);
        double distance = nearest_learn(lane_nearest(lane), lane_values(lane), x,
                                        self->normalize ? &normal : NULL);
        double score = lane_score(lane, distance);
        most = score > most ? score : most;
        lane_learn_distance(lane, distance, self->history);
        trail_learn(lane_values(lane), x);
        if (self->normalize) {
            trail_learn(lane_trail(lane, lane->mean_at), normal.mean);
            trail_learn(lane_trail(lane, lane->deviation_at), normal.deviation);
        }
        lane->last = x;
    }
    return most;
}

static const struct option discord_options[] = {
    {.name = "length",
     .type = OPTION_INTEGER,
     .standard = "16",
     .minimum = 1,
     .maximum = 1024,
     .offset = offsetof(struct discord_options, length),
     .help = "events that make a stretch; about as long as what should be noticed"},
    {.name = "history",
     .type = OPTION_INTEGER,
     .standard = "2048",
     .minimum = 16,
     .maximum = 65536,
     .offset = offsetof(struct discord_options, history),
     .help = "events back that stretches are compared with, rounded up to eights; each costs half "
             "a nanosecond"},
    {.name = "normalize",
     .type = OPTION_BOOLEAN,
     .standard = "false",
     .offset = offsetof(struct discord_options, normalize),
     .help = "whether only the form of a stretch counts, not its level and height"},
    OPTION_END,
};

const struct model_kind discord_model = {
    .name = "discord",
    .summary = "anomalies of a time series: stretches unlike any before (matrix profile)",
    .options = discord_options,
    .option_size = sizeof(struct discord_options),
    .supervised = false,
    .cost_ns = 11000,
    .check = series_check,
    .state_size = discord_state_size,
    .init = discord_init,
    .score = discord_score,
    .learn = discord_learn,
};
