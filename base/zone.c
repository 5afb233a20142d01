/* Offsets and periods; see zone.h. */
#include "base/zone.h"
#include "base/assert.h"
#include "base/calendar.h"
#include <stdbool.h>

enum { WEEK_DAYS = 7 };

/* Which interval the moment lies in. */
static uint32_t interval_of(const struct zone *zone, int64_t time_ms)
{
    uint32_t low = 0, high = zone->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->from_ms[middle] <= time_ms)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct zone_interval zone_interval(const struct zone *zone, int64_t time_ms)
{
    uint32_t i = interval_of(zone, time_ms);
    return (struct zone_interval){
        .from_ms = zone->from_ms[i],
        .to_ms = i + 1 < zone->count ? zone->from_ms[i + 1] : INT64_MAX,
        .offset_ms = zone->offset_ms[i],
    };
}

int64_t zone_offset_ms(const struct zone *zone, int64_t time_ms)
{
    return zone->offset_ms[interval_of(zone, time_ms)];
}

/* The first moment at which the clock on the wall shows this or, where it leaps over it, more. */
static int64_t moment_of_local(const struct zone *zone, int64_t local_ms)
{
    uint32_t i = interval_of(zone, local_ms - DAY_MS);
    for (; i + 1 < zone->count; i++)
        if (local_ms - zone->offset_ms[i] < zone->from_ms[i + 1])
            break;
    int64_t moment_ms = local_ms - zone->offset_ms[i];
    return moment_ms < zone->from_ms[i] ? zone->from_ms[i] : moment_ms;
}

static struct civil period_first(enum period period, int64_t local_ms)
{
    struct civil civil = civil_of(local_ms);
    if (period == PERIOD_YEAR)
        civil.month = 1;
    if (period == PERIOD_YEAR || period == PERIOD_MONTH)
        civil.day = 1;
    return civil;
}

static int64_t local_start_ms(enum period period, int64_t local_ms)
{
    int64_t days = floor_divide(local_ms, DAY_MS);
    if (period == PERIOD_DAY)
        return days * DAY_MS;
    if (period == PERIOD_WEEK) /* 1970-01-01 was a Thursday */
        return (floor_divide(days + 3, WEEK_DAYS) * WEEK_DAYS - 3) * DAY_MS;
    return civil_ms(period_first(period, local_ms));
}

static int64_t local_end_ms(enum period period, int64_t start_ms)
{
    if (period == PERIOD_DAY || period == PERIOD_WEEK)
        return start_ms + (period == PERIOD_DAY ? 1 : WEEK_DAYS) * (int64_t)DAY_MS;
    struct civil civil = civil_of(start_ms);
    if (period == PERIOD_YEAR)
        civil.year++;
    else
        civil.month++;
    return civil_ms(civil);
}

static int64_t hour_start_ms(const struct zone_interval *interval, int64_t time_ms)
{
    int64_t local_ms = floor_divide(time_ms + interval->offset_ms, HOUR_MS) * HOUR_MS;
    return local_ms - interval->offset_ms;
}

/* Clocks that are put back over midnight show the end of a day twice, with minutes of the next one
 * in between.  That day has begun then and goes on: a moment lies in the last period that has. */
static int64_t last_begun_ms(const struct zone *zone, enum period period, int64_t time_ms,
                             int64_t *end_ms)
{
    int64_t start_ms = local_start_ms(period, time_ms + zone_offset_ms(zone, time_ms));
    for (;;) {
        int64_t next_ms = local_end_ms(period, start_ms);
        *end_ms = moment_of_local(zone, next_ms);
        if (*end_ms > time_ms)
            return start_ms;
        start_ms = next_ms;
    }
}

int64_t period_start_ms(const struct zone *zone, enum period period, int64_t time_ms)
{
    int64_t end_ms;
    if (period != PERIOD_HOUR)
        return moment_of_local(zone, last_begun_ms(zone, period, time_ms, &end_ms));
    struct zone_interval interval = zone_interval(zone, time_ms);
    int64_t start_ms = hour_start_ms(&interval, time_ms);
    return start_ms < interval.from_ms ? interval.from_ms : start_ms;
}

int64_t period_end_ms(const struct zone *zone, enum period period, int64_t time_ms)
{
    int64_t end_ms;
    if (period != PERIOD_HOUR) {
        last_begun_ms(zone, period, time_ms, &end_ms);
        return end_ms;
    }
    struct zone_interval interval = zone_interval(zone, time_ms);
    end_ms = hour_start_ms(&interval, time_ms) + HOUR_MS;
    return end_ms > interval.to_ms ? interval.to_ms : end_ms;
}
