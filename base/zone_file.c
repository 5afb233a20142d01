/* Reading a zone's rules from a TZif file (RFC 8536, "The Time Zone Information Format", 2019): the
 * transitions that have been decided, as 64-bit seconds, and behind them a line that gives the rule
 * for all later years, "CET-1CEST,M3.5.0,M10.5.0/3". */
#include "base/assert.h"
#include "base/calendar.h"
#include "base/hash.h"
#include "base/zone.h"
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_MAX = 1 << 18,
    HEADER_SIZE = 44,
    YEAR_LAST = 2200,
    RULE_SIZE_MAX = 256,
    INTERVALS_MORE = 2 * (YEAR_LAST - 1800) + 1,
};

/* What is left to read; `failed` once something was not there. */
struct reader {
    const uint8_t *at, *end;
    bool failed;
};

static const uint8_t *take(struct reader *reader, size_t size)
{
    if (reader->failed || (size_t)(reader->end - reader->at) < size) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += size;
    return bytes;
}

static int64_t big_endian(const uint8_t *bytes, int size)
{
    uint64_t value = bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

/* Counts in the order of the header. */
enum { UTC_MARKS, STANDARD_MARKS, LEAPS, TRANSITIONS, TYPES, CHARACTERS, COUNTS };

static bool read_header(struct reader *reader, uint32_t count[COUNTS])
{
    const uint8_t *bytes = take(reader, HEADER_SIZE);
    if (!bytes || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2')
        return false;
    for (int i = 0; i < COUNTS; i++)
        count[i] = (uint32_t)big_endian(bytes + 20 + 4 * (ptrdiff_t)i, 4);
    for (int i = 0; i < COUNTS; i++)
        if (count[i] > FILE_MAX)
            return false;
    return true;
}

static size_t block_size(const uint32_t count[COUNTS], size_t time_size)
{
    return count[TRANSITIONS] * (time_size + 1) + (size_t)count[TYPES] * 6 + count[CHARACTERS] +
           count[LEAPS] * (time_size + 4) + count[STANDARD_MARKS] + count[UTC_MARKS];
}

static void add_interval(struct zone *zone, int64_t from_ms, int64_t offset_ms)
{
    if (zone->count && zone->offset_ms[zone->count - 1] == offset_ms)
        return;
    zone->from_ms[zone->count] = from_ms;
    zone->offset_ms[zone->count++] = offset_ms;
}

static bool read_transitions(struct reader *reader, struct zone *zone)
{
    uint32_t count[COUNTS];
    if (!read_header(reader, count) || !take(reader, block_size(count, 4)) ||
        !read_header(reader, count) || count[TYPES] == 0)
        return false;
    const uint8_t *times = take(reader, block_size(count, 8));
    if (!times)
        return false;
    const uint8_t *types = times + (size_t)count[TRANSITIONS] * 8;
    const uint8_t *offsets = types + count[TRANSITIONS];
    zone->from_ms = calloc(count[TRANSITIONS] + INTERVALS_MORE, sizeof *zone->from_ms);
    zone->offset_ms = calloc(count[TRANSITIONS] + INTERVALS_MORE, sizeof *zone->offset_ms);
    ASSERT(zone->from_ms && zone->offset_ms);
    add_interval(zone, INT64_MIN, big_endian(offsets, 4) * SECOND_MS);
    for (uint32_t i = 0; i < count[TRANSITIONS]; i++) {
        int64_t from = big_endian(times + (size_t)i * 8, 8);
        if (types[i] >= count[TYPES] || from < -(INT64_MAX / SECOND_MS) ||
            from > INT64_MAX / SECOND_MS)
            return false;
        add_interval(zone, from * SECOND_MS,
                     big_endian(offsets + (size_t)types[i] * 6, 4) * SECOND_MS);
    }
    return true;
}

/* ---- the rule for later years: POSIX.1, "TZ" ---- */

/* A day of each year and the local time at which the clocks change. */
struct change {
    char form;             /* 'M': month.week.day; 'J': 1 to 365, no leap day; 'N': 0 to 365 */
    int month, week, day;  /* week 5: the last; day 0: Sunday */
    int64_t clock_seconds; /* may be negative or past midnight */
};

struct rule {
    const char *at;
    bool failed;
};

static int rule_number(struct rule *rule)
{
    int value = 0, digits = 0;
    for (; isdigit((unsigned char)*rule->at) && digits < 4; digits++)
        value = value * 10 + (*rule->at++ - '0');
    rule->failed = rule->failed || digits == 0;
    return value;
}

static bool rule_has(struct rule *rule, char character)
{
    if (*rule->at != character)
        return false;
    rule->at++;
    return true;
}

/* [+-]hours[:minutes[:seconds]] */
static int64_t rule_clock(struct rule *rule)
{
    bool negative = rule_has(rule, '-');
    if (!negative)
        rule_has(rule, '+');
    int64_t seconds = rule_number(rule) * 3600LL;
    if (rule_has(rule, ':'))
        seconds += rule_number(rule) * 60LL;
    if (rule_has(rule, ':'))
        seconds += rule_number(rule);
    return negative ? -seconds : seconds;
}

static void rule_name(struct rule *rule)
{
    if (rule_has(rule, '<')) {
        while (*rule->at && *rule->at != '>')
            rule->at++;
        rule->failed = rule->failed || !rule_has(rule, '>');
        return;
    }
    while (isalpha((unsigned char)*rule->at))
        rule->at++;
}

static struct change rule_change(struct rule *rule)
{
    struct change change = {.form = 'N', .clock_seconds = 7200};
    rule->failed = rule->failed || !rule_has(rule, ',');
    if (rule_has(rule, 'M')) {
        change.form = 'M';
        change.month = rule_number(rule);
        rule->failed = rule->failed || !rule_has(rule, '.');
        change.week = rule_number(rule);
        rule->failed = rule->failed || !rule_has(rule, '.');
    } else if (rule_has(rule, 'J')) {
        change.form = 'J';
    }
    change.day = rule_number(rule);
    if (rule_has(rule, '/'))
        change.clock_seconds = rule_clock(rule);
    rule->failed = rule->failed || change.month > 12 || change.week > 5 ||
                   (change.form == 'M' && (change.month < 1 || change.week < 1 || change.day > 6));
    return change;
}

/* The local midnight of the day. */
static int64_t change_day_ms(const struct change *change, int64_t year)
{
    int64_t first_ms = civil_ms((struct civil){year, 1, 1});
    if (change->form == 'N')
        return first_ms + change->day * (int64_t)DAY_MS;
    if (change->form == 'J') {
        int64_t march_ms = civil_ms((struct civil){year, 3, 1});
        bool is_leap = march_ms - first_ms == 60LL * DAY_MS;
        return first_ms + (change->day - 1 + (is_leap && change->day >= 60)) * (int64_t)DAY_MS;
    }
    int64_t start_ms = civil_ms((struct civil){year, change->month, 1});
    int64_t end_ms = civil_ms((struct civil){year, change->month + 1, 1});
    int weekday = (calendar_weekday(start_ms) + 1) % 7; /* Sunday is 0 */
    int64_t day_ms = start_ms + ((change->day - weekday + 7) % 7) * (int64_t)DAY_MS;
    for (int week = 1; week < change->week && day_ms + 7LL * DAY_MS < end_ms; week++)
        day_ms += 7LL * DAY_MS;
    return day_ms;
}

static void add_change(struct zone *zone, const struct change *change, int64_t year,
                       int64_t before_ms, int64_t after_ms)
{
    int64_t from_ms = change_day_ms(change, year) + change->clock_seconds * SECOND_MS - before_ms;
    if (from_ms > zone->from_ms[zone->count - 1])
        add_interval(zone, from_ms, after_ms);
}

static void add_years(struct zone *zone, const struct change *to_summer,
                      const struct change *to_winter, int64_t winter_ms, int64_t summer_ms)
{
    int64_t last_ms = zone->from_ms[zone->count - 1];
    int64_t year = last_ms < 0 ? 1970 : civil_of(last_ms).year;
    for (; year <= YEAR_LAST; year++) {
        bool north = change_day_ms(to_summer, year) < change_day_ms(to_winter, year);
        if (north)
            add_change(zone, to_summer, year, winter_ms, summer_ms);
        add_change(zone, to_winter, year, summer_ms, winter_ms);
        if (!north)
            add_change(zone, to_summer, year, winter_ms, summer_ms);
    }
}

/* An empty rule adds nothing: the last transition holds for ever. */
static bool read_rule(struct reader *reader, struct zone *zone)
{
    char text[RULE_SIZE_MAX] = "";
    size_t size = (size_t)(reader->end - reader->at);
    if (size < 2 || size > sizeof text || reader->at[0] != '\n' || reader->end[-1] != '\n')
        return false;
    memcpy(text, reader->at + 1, size - 2);
    struct rule rule = {.at = text};
    if (!text[0])
        return true;
    rule_name(&rule);
    int64_t winter_ms = -rule_clock(&rule) * SECOND_MS, summer_ms = winter_ms + HOUR_MS;
    if (rule.failed || !*rule.at) {
        return !rule.failed;
    }
    rule_name(&rule);
    if (*rule.at && *rule.at != ',')
        summer_ms = -rule_clock(&rule) * SECOND_MS;
    struct change to_summer = rule_change(&rule), to_winter = rule_change(&rule);
    if (rule.failed || *rule.at)
        return false;
    add_years(zone, &to_summer, &to_winter, winter_ms, summer_ms);
    return true;
}

/* ---- files ---- */

/* No way out of the folder, and nothing that is no name. */
static bool name_is_plain(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size >= ZONE_NAME_MAX || name[0] == '/' || strstr(name, ".."))
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("/_+-", name[i]))
            return false;
    return true;
}

static size_t read_file(const char *name, uint8_t *bytes, struct failure *failure)
{
    char path[512];
    const char *folder = getenv("TZDIR");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        failure_set(failure, STATUS_STOP,
                    "there is no time zone '%s' (%s: %s): names are such as 'Europe/Berlin'; they "
                    "come with the package tzdata",
                    name, path, strerror(errno));
        return 0;
    }
    size_t size = fread(bytes, 1, FILE_MAX, file);
    fclose(file);
    if (size == 0)
        failure_set(failure, STATUS_STOP, "could not read time zone '%s': %s is no file of rules",
                    name, path);
    return size;
}

static void fingerprint_take(struct zone *zone)
{
    uint64_t parts[] = {hash_fingerprint(zone->from_ms, zone->count * sizeof *zone->from_ms),
                        hash_fingerprint(zone->offset_ms, zone->count * sizeof *zone->offset_ms)};
    zone->fingerprint = hash_fingerprint(parts, sizeof parts);
}

static bool zone_load(struct zone *zone, uint8_t *bytes, struct failure *failure)
{
    size_t size = read_file(zone->name, bytes, failure);
    struct reader reader = {.at = bytes, .end = bytes + size};
    if (size == 0)
        return false;
    if (!read_transitions(&reader, zone) || !read_rule(&reader, zone)) {
        failure_set(failure, STATUS_STOP, "could not read time zone '%s': its file is damaged",
                    zone->name);
        return false;
    }
    return true;
}

/* UTC needs no files. */
static void zone_utc(struct zone *zone)
{
    zone->from_ms = calloc(1, sizeof *zone->from_ms);
    zone->offset_ms = calloc(1, sizeof *zone->offset_ms);
    ASSERT(zone->from_ms && zone->offset_ms);
    add_interval(zone, INT64_MIN, 0);
}

struct zone *zone_open(const char *name, struct failure *failure)
{
    if (!name_is_plain(name)) {
        failure_set(failure, STATUS_STOP,
                    "'%.64s' is no time zone: names are such as 'UTC' or 'Europe/Berlin'", name);
        return NULL;
    }
    struct zone *zone = calloc(1, sizeof *zone);
    uint8_t *bytes = malloc(FILE_MAX);
    ASSERT(zone && bytes);
    memcpy(zone->name, name, strlen(name) + 1);
    bool loaded = true;
    if (strcmp(name, "UTC") == 0)
        zone_utc(zone);
    else
        loaded = zone_load(zone, bytes, failure);
    free(bytes);
    if (loaded) {
        fingerprint_take(zone);
        return zone;
    }
    zone_close(zone);
    return NULL;
}

struct zone *zone_make(const char *name, const int64_t *from_s, const int64_t *offset_s,
                       uint32_t count)
{
    if (!name_is_plain(name) || count == 0)
        return NULL;
    struct zone *zone = calloc(1, sizeof *zone);
    ASSERT(zone);
    memcpy(zone->name, name, strlen(name) + 1);
    zone->from_ms = calloc(count, sizeof *zone->from_ms);
    zone->offset_ms = calloc(count, sizeof *zone->offset_ms);
    ASSERT(zone->from_ms && zone->offset_ms);
    add_interval(zone, INT64_MIN, offset_s[0] * SECOND_MS);
    for (uint32_t i = 1; i < count; i++) {
        if (from_s[i] * SECOND_MS <= zone->from_ms[zone->count - 1]) {
            zone_close(zone);
            return NULL;
        }
        add_interval(zone, from_s[i] * SECOND_MS, offset_s[i] * SECOND_MS);
    }
    fingerprint_take(zone);
    return zone;
}

void zone_close(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->from_ms);
    free(zone->offset_ms);
    free(zone);
}
