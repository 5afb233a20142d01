/* Time zones: what the clock on the wall shows, where days, weeks and months begin and end.  The
 * rules come from the system's tzdata (package tzdata, /usr/share/zoneinfo, or $TZDIR). */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/calendar.h"
#include "base/status.h"
#include <stdint.h>

enum { ZONE_NAME_MAX = 64 };

struct zone {
    char name[ZONE_NAME_MAX];
    uint64_t fingerprint; /* of the rules: another tzdata with other rules is another zone */
    uint32_t count;
    int64_t *from_ms;   /* (count) ascending, the first is INT64_MIN */
    int64_t *offset_ms; /* (count) local time - UTC from then on */
};

/* "UTC", "Europe/Berlin": the zone, which zone_close frees; NULL with the failure if there is none
 * of that name.  Rules reach to the year 2200; later than that the last one holds. */
struct zone *zone_open(const char *name, struct failure *failure);
void zone_close(struct zone *zone);

/* By rules that are given, see zones.h; NULL if they are none. */
struct zone *zone_make(const char *name, const int64_t *from_s, const int64_t *offset_s,
                       uint32_t count);

/* Local time - UTC at that moment. */
int64_t zone_offset_ms(const struct zone *zone, int64_t time_ms);

/* The moments [from, to) around `time_ms` in which the offset is this one: down a column of near
 * times it is looked up once. */
struct zone_interval {
    int64_t from_ms, to_ms, offset_ms;
};
struct zone_interval zone_interval(const struct zone *zone, int64_t time_ms);

/* Of the clock on the wall.  Weeks begin on Monday.  A day on which the clocks change has 23 or 25
 * hours; an hour in which they do is two, before the change and after. */
enum period { PERIOD_HOUR, PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_YEAR };

/* The period that the moment lies in is [start, end).  Both never fall as time rises. */
int64_t period_start_ms(const struct zone *zone, enum period period, int64_t time_ms);
int64_t period_end_ms(const struct zone *zone, enum period period, int64_t time_ms);

#endif
