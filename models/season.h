/* What a value usually is at this time of the season (a day, a week): additive Holt-Winters
 * smoothing (Holt, "Forecasting Seasonals and Trends by Exponentially Weighted Moving Averages",
 * 1957; Winters 1960) without trend, over buckets of event time instead of positions, so that gaps
 * and uneven steps do no harm:
 *
 *     residual = x - level - season[bucket]
 *     season[bucket] += max(seasonal_rate, 1 / visits) residual
 *     level += level_rate (x - level - season[bucket]),   the season once it is known
 *
 * A bucket's first value has no residual: it is taken for usual. */
#ifndef MODELS_SEASON_H
#define MODELS_SEASON_H

#include <math.h>
#include <stdint.h>

struct season_bucket {
    double value, visits;
};

struct season {
    int64_t period_ms;
    uint64_t bucket_count;
    double seasonal_rate, level_rate;
    double level, begun;
    struct season_bucket bucket[]; /* (bucket_count) */
};

static inline uint64_t season_size(uint64_t bucket_count)
{
    return sizeof(struct season) + bucket_count * sizeof(struct season_bucket);
}

static inline uint64_t season_bucket_at(const struct season *season, int64_t time_ms)
{
    int64_t rest = time_ms % season->period_ms;
    rest += rest < 0 ? season->period_ms : 0;
    /* Both below 2^53: a product of doubles is exact enough and cannot overflow. */
    double share = (double)rest / (double)season->period_ms;
    uint64_t bucket = (uint64_t)(share * (double)season->bucket_count);
    return bucket < season->bucket_count ? bucket : season->bucket_count - 1;
}

/* NaN while the time of the season has not been seen; x is finite. */
static inline double season_residual(const struct season *season, int64_t time_ms, double x)
{
    const struct season_bucket *bucket = &season->bucket[season_bucket_at(season, time_ms)];
    return bucket->visits > 0 ? x - season->level - bucket->value : NAN;
}

static inline void season_learn(struct season *season, int64_t time_ms, double x)
{
    struct season_bucket *bucket = &season->bucket[season_bucket_at(season, time_ms)];
    if (!(season->begun > 0))
        season->level = x;
    season->begun = 1;
    double rate = 1 / (bucket->visits + 1);
    rate = rate > season->seasonal_rate ? rate : season->seasonal_rate;
    bucket->value += rate * (x - season->level - bucket->value);
    bucket->visits += 1;
    double known = bucket->visits > 1 ? bucket->value : 0;
    season->level += season->level_rate * (x - season->level - known);
}

#endif
