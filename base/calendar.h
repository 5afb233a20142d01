/* Times and durations as people write them.  Times are milliseconds since 1970 UTC. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include "base/buffer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60000, HOUR_MS = 3600000, DAY_MS = 86400000 };

/* "2018-04-01", "2018-04-01 00:00:31", "2018-04-01T00:00:31.250Z", "...+02:00": with no zone, UTC.
 * False if it is none of these or names no real moment (a 31 February). Years 1 to 9999. */
bool calendar_parse(const char *text, size_t size, int64_t *time_ms);

/* "30s", "10m", "1h", "7d", "2w", "250ms": a positive number, whole or decimal, with its unit. */
bool duration_parse(const char *text, size_t size, int64_t *span_ms);

/* "2018-04-01T00:00:31.250Z". */
void calendar_format(struct buffer *buffer, int64_t time_ms);

/* "7d", "90m", "250ms": the largest unit that divides it. */
void duration_format(struct buffer *buffer, int64_t span_ms);

/* Monday is 0, Sunday 6, UTC. */
int calendar_weekday(int64_t time_ms);

/* Years, months 1 to 12, days 1 to 31 of a local time (UTC + offset), right before 1970 too. */
struct civil {
    int64_t year;
    int month, day;
};
struct civil civil_of(int64_t local_ms);
int64_t civil_ms(struct civil civil); /* its midnight; a month of 13 is January of the next year */

/* Rounds towards minus infinity. */
static inline int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

#endif
