/* Anomalies of a time series, each looked for in five ways and told by how rare it is.
 *
 * Each feature is a series.  Of every value x five residuals are taken:
 *
 *     level    x less the exponentially weighted mean (rate 0.02) before it
 *     season   x less what is usual at this time of the season (models/season.h)
 *     shift    mean of the values of the newest `shift`, a span, less the mean of as many before
 *     short    distance of the newest `short` values from the nearest earlier ones
 *     long     distance of the newest `long` values from the nearest earlier ones
 * (models/nearest.h)
 *
 * and of each residual its surprise s = -log10 P(as large or larger) among the earlier ones, by
 * peaks over threshold (models/tail.h); of the first three also P(as small or smaller), the higher
 * counts.  As residuals of one cause come together, squares are summed, not logarithms (Fisher's
 * sum would take them for independent), the short shape counting twice; and since the rarest of n
 * values is the rarer the larger n is, the sum is measured by log n:
 *
 *     surprise = sqrt(level^2 + season^2 + shift^2 + 2 short^2 + long^2) sqrt(3.6 / log10(n + 100))
 *
 * An anomaly is told once: within `quiet` events after the strongest, only what is stronger still
 * is reported, all else scores 0.  The score is surprise / (1 + surprise); with several series the
 * squares of all are summed.  A missing number stands for the one before it; keys and enumerations
 * are passed over; values are cut at 1e100 either side.
 *
 * Season and shift are spans of event time, all else is in events; how many events a span has is
 * told by the mean gap between them, of which one above four times the mean counts as four (1024
 * at most).  The standard settings were chosen for being good on many series at once and at several
 * sampling rates; their neighbours are within about
 * two and a half points of the Numenta benchmark.  A series takes 165 KB and 7 us an event, nearly
 * all of it for the shapes. */
#include "base/assert.h"
#include "models/model.h"
#include "models/nearest.h"
#include "models/season.h"
#include "models/series.h"
#include "models/tail.h"
#include <math.h>
#include <string.h>

enum view { LEVEL, SEASON, SHIFT, SHORT, LONG, VIEWS, TWO_SIDED = SHORT };
enum { TAILS = VIEWS + TWO_SIDED, SHIFT_EVENTS_MIN = 2, SHIFT_EVENTS_MAX = 1024 };

static const double view_weight[VIEWS] = {1, 1, 1, 2, 1};
static const double LEVEL_RATE = 0.02, SEASONAL_RATE = 0.1;

struct surprise_options {
    int64_t season_ms, buckets, shift_ms, short_length, long_length, history, remembered, quiet;
};

/* The row: this; then of each feature that is a number its lane, at `lane_size` from the next. */
struct surprise {
    uint64_t lane_count, lane_size, quiet, remembered;
    uint64_t shift_events_max;
    double shift_ms;
    int64_t last_ms;
    double step_ms, steps; /* mean gap between events, and of how many */
    uint64_t since;        /* events since the strongest surprise that is not over */
    double held;           /* how strong it was */
    double seen;
    uint64_t lane_feature[MODEL_FEATURES_MAX];
};

/* Of one series.  After it come the trail of its values, the season, and the distances. */
struct lane {
    double last, level;
    uint64_t season_at, short_at, long_at; /* bytes from here */
    struct tail tail[TAILS]; /* of every view, then of the two-sided ones' negatives */
};

static uint64_t history_of(const struct surprise_options *given)
{
    int64_t least = given->history;
    least = least > given->long_length ? least : given->long_length;
    least = least > given->short_length ? least : given->short_length;
    return nearest_whole((uint64_t)least);
}

static uint64_t room_of(const struct surprise_options *given)
{
    int64_t longest = given->long_length;
    longest = longest > given->short_length ? longest : given->short_length;
    return history_of(given) + (uint64_t)longest;
}

static void lane_plan(struct lane *lane, const struct surprise_options *given)
{
    lane->season_at = sizeof *lane + trail_size(room_of(given));
    lane->short_at = lane->season_at + season_size((uint64_t)given->buckets);
    lane->long_at = lane->short_at + nearest_size(history_of(given));
}

static uint64_t lane_size(const struct surprise_options *given)
{
    return sizeof(struct lane) + trail_size(room_of(given)) +
           season_size((uint64_t)given->buckets) + 2 * nearest_size(history_of(given));
}

static uint64_t surprise_state_size(const void *options, const struct model_shape *shape)
{
    const struct surprise_options *given = (const struct surprise_options *)options;
    return sizeof(struct surprise) + series_count(shape) * lane_size(given);
}

static inline struct lane *lane_of(const struct surprise *self, uint64_t index)
{
    uint8_t *first = (uint8_t *)(uintptr_t)(self + 1);
    return (struct lane *)(void *)(first + index * self->lane_size);
}

static inline void *lane_part(const struct lane *lane, uint64_t at)
{
    return (uint8_t *)(uintptr_t)lane + at;
}

static inline struct trail *lane_trail(const struct lane *lane)
{
    return (struct trail *)lane_part(lane, sizeof *lane);
}

static void lane_init(struct lane *lane, const struct surprise_options *given)
{
    lane_plan(lane, given);
    trail_init(lane_trail(lane), room_of(given));
    struct season *season = (struct season *)lane_part(lane, lane->season_at);
    season->period_ms = given->season_ms;
    season->bucket_count = (uint64_t)given->buckets;
    season->seasonal_rate = SEASONAL_RATE;
    season->level_rate = LEVEL_RATE;
    nearest_init((struct nearest *)lane_part(lane, lane->short_at), (uint64_t)given->short_length,
                 history_of(given));
    nearest_init((struct nearest *)lane_part(lane, lane->long_at), (uint64_t)given->long_length,
                 history_of(given));
    for (int i = 0; i < TAILS; i++)
        tail_init(&lane->tail[i], (uint64_t)given->remembered);
}

static void surprise_init(void *memory, const void *options, const struct model_shape *shape,
                          uint64_t seed)
{
    (void)seed;
    const struct surprise_options *given = (const struct surprise_options *)options;
    struct surprise *self = (struct surprise *)memory;
    memset(self, 0, surprise_state_size(options, shape));
    self->lane_size = lane_size(given);
    self->quiet = (uint64_t)given->quiet;
    self->shift_ms = (double)given->shift_ms;
    uint64_t half = history_of(given) / 2;
    self->shift_events_max = half < SHIFT_EVENTS_MAX ? half : SHIFT_EVENTS_MAX;
    self->remembered = (uint64_t)given->remembered;
    self->lane_count = series_features(shape, self->lane_feature);
    for (uint64_t i = 0; i < self->lane_count; i++)
        lane_init(lane_of(self, i), given);
}

/* How many events a shift's half has. */
static uint64_t shift_events(const struct surprise *self)
{
    double events = self->step_ms > 0 ? rint(self->shift_ms / self->step_ms) : SHIFT_EVENTS_MAX;
    uint64_t most = self->shift_events_max;
    if (events < SHIFT_EVENTS_MIN)
        return SHIFT_EVENTS_MIN;
    return events < (double)most ? (uint64_t)events : most;
}

/* A gap that goes back in time is none. */
static void step_learn(struct surprise *self, int64_t time_ms)
{
    double gap = (double)time_ms - (double)self->last_ms;
    if (self->seen > 0 && gap >= 0) {
        double bounded = self->step_ms > 0 && gap > 4 * self->step_ms ? 4 * self->step_ms : gap;
        self->steps += self->steps < (double)self->remembered ? 1 : 0;
        self->step_ms += (bounded - self->step_ms) / self->steps;
    }
    self->last_ms = time_ms;
}

/* Mean of the newest `shift` values, x among them, less the mean of as many before. */
static double lane_shift(const struct lane *lane, double x, uint64_t shift)
{
    const struct trail *trail = lane_trail(lane);
    if (trail->seen + 1 < 2 * shift)
        return NAN;
    double newer = x + trail_sum(trail, 0, shift - 1);
    double older = trail_sum(trail, shift - 1, shift);
    return (newer - older) / (double)shift;
}

/* All but the distances, which learning and scoring find each in its way. */
static void lane_residuals(const struct lane *lane, const struct example *example, double x,
                           uint64_t shift, double *residual)
{
    const struct season *season = (const struct season *)lane_part(lane, lane->season_at);
    residual[LEVEL] = lane_trail(lane)->seen ? x - lane->level : (double)NAN;
    residual[SEASON] = season_residual(season, example->time_ms, x);
    residual[SHIFT] = lane_shift(lane, x, shift);
}

/* The weighted sum of squares. */
static double lane_surprise(const struct lane *lane, const double *residual)
{
    double sum = 0;
    for (int i = 0; i < VIEWS; i++) {
        double surprise = tail_surprise(&lane->tail[i], residual[i]);
        if (i < TWO_SIDED) {
            double other = tail_surprise(&lane->tail[VIEWS + i], -residual[i]);
            surprise = other > surprise ? other : surprise;
        }
        sum += view_weight[i] * surprise * surprise;
    }
    return sum;
}

static double whole_surprise(const struct surprise *self, double sum)
{
    double most = (double)self->remembered;
    double population = (self->seen < most ? self->seen : most) + 100;
    return sqrt(sum * 3.6 / log10(population));
}

/* What is still held of an anomaly when the next event comes. */
static double still_held(const struct surprise *self)
{
    return self->since + 1 > self->quiet ? 0 : self->held;
}

static double reported(double surprise, double held)
{
    return surprise > held ? surprise / (1 + surprise) : 0;
}

static double surprise_score(const void *memory, const struct example *example)
{
    const struct surprise *self = (const struct surprise *)memory;
    uint64_t shift = shift_events(self);
    double sum = 0;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        const struct lane *lane = lane_of(self, i);
        double x = series_value(example->feature[self->lane_feature[i]].number, lane->last);
        const struct trail *trail = lane_trail(lane);
        double residual[VIEWS];
        lane_residuals(lane, example, x, shift, residual);
        const struct nearest *nearest = (const struct nearest *)lane_part(lane, lane->short_at);
        residual[SHORT] = nearest_distance(nearest, trail, x, NULL);
        nearest = (const struct nearest *)lane_part(lane, lane->long_at);
        residual[LONG] = nearest_distance(nearest, trail, x, NULL);
        sum += lane_surprise(lane, residual);
    }
    return reported(whole_surprise(self, sum), still_held(self));
}

static void lane_learn(struct lane *lane, int64_t time_ms, double x, const double *residual)
{
    for (int i = 0; i < VIEWS; i++) {
        tail_learn(&lane->tail[i], residual[i]);
        if (i < TWO_SIDED)
            tail_learn(&lane->tail[VIEWS + i], -residual[i]);
    }
    struct trail *trail = lane_trail(lane);
    if (trail->seen == 0)
        lane->level = x;
    lane->level += LEVEL_RATE * (x - lane->level);
    season_learn((struct season *)lane_part(lane, lane->season_at), time_ms, x);
    trail_learn(trail, x);
    lane->last = x;
}

static double surprise_learn(void *memory, const struct example *example)
{
    struct surprise *self = (struct surprise *)memory;
    uint64_t shift = shift_events(self);
    double sum = 0;
    for (uint64_t i = 0; i < self->lane_count; i++) {
        struct lane *lane = lane_of(self, i);
        double x = series_value(example->feature[self->lane_feature[i]].number, lane->last);
        const struct trail *trail = lane_trail(lane);
        double residual[VIEWS];
        lane_residuals(lane, example, x, shift, residual);
        struct nearest *nearest = (struct nearest *)lane_part(lane, lane->short_at);
        residual[SHORT] = nearest_learn(nearest, trail, x, NULL);
        nearest = (struct nearest *)lane_part(lane, lane->long_at);
        residual[LONG] = nearest_learn(nearest, trail, x, NULL);
        sum += lane_surprise(lane, residual);
        lane_learn(lane, example->time_ms, x, residual);
    }
    double surprise = whole_surprise(self, sum), held = still_held(self);
    step_learn(self, example->time_ms);
    self->seen += 1;
    self->since = surprise >= held ? 0 : self->since + 1;
    self->held = surprise >= held ? surprise : held;
    return reported(surprise, held);
}

static const struct option surprise_options[] = {
    {.name = "season",
     .type = OPTION_SPAN,
     .standard = "1d",
     .minimum = 1000,
     .maximum = 366.0 * 86400 * 1000,
     .offset = offsetof(struct surprise_options, season_ms),
     .help = "after what time the series repeats itself"},
    {.name = "buckets",
     .type = OPTION_INTEGER,
     .standard = "288",
     .minimum = 1,
     .maximum = 100000,
     .offset = offsetof(struct surprise_options, buckets),
     .help = "parts of a season that are told apart; 1: no season"},
    {.name = "shift",
     .type = OPTION_SPAN,
     .standard = "8h",
     .minimum = 1000,
     .maximum = 366.0 * 86400 * 1000,
     .offset = offsetof(struct surprise_options, shift_ms),
     .help = "time whose mean is compared with that of as many events before"},
    {.name = "short",
     .type = OPTION_INTEGER,
     .standard = "3",
     .minimum = 1,
     .maximum = 1024,
     .offset = offsetof(struct surprise_options, short_length),
     .help = "events of a short shape that is looked for in the past"},
    {.name = "long",
     .type = OPTION_INTEGER,
     .standard = "32",
     .minimum = 1,
     .maximum = 1024,
     .offset = offsetof(struct surprise_options, long_length),
     .help = "events of a long shape that is looked for in the past"},
    {.name = "history",
     .type = OPTION_INTEGER,
     .standard = "4096",
     .minimum = 16,
     .maximum = 65536,
     .offset = offsetof(struct surprise_options, history),
     .help = "events back that shapes are looked for, rounded up to eights; each costs 32 bytes "
             "and a nanosecond"},
    {.name = "remembered",
     .type = OPTION_INTEGER,
     .standard = "16384",
     .minimum = 100,
     .maximum = 65536,
     .offset = offsetof(struct surprise_options, remembered),
     .help = "events that rarity is measured by"},
    {.name = "quiet",
     .type = OPTION_INTEGER,
     .standard = "100",
     .minimum = 0,
     .maximum = 1000000,
     .offset = offsetof(struct surprise_options, quiet),
     .help = "events after an anomaly in which only a stronger one is told; 0: tell all"},
    OPTION_END,
};

const struct model_kind series_surprise_model = {
    .name = "series_surprise",
    .summary = "anomalies of a time series: rarity of level, season, shift and shape, told once",
    .options = surprise_options,
    .option_size = sizeof(struct surprise_options),
    .supervised = false,
    .cost_ns = 78000,
    .check = series_check,
    .state_size = surprise_state_size,
    .init = surprise_init,
    .score = surprise_score,
    .learn = surprise_learn,
};
