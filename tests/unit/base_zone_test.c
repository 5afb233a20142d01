/* Time zones against the C library's own over many moments, and the periods' edges. */
#include "base/calendar.h"
#include "base/random.h"
#include "base/zone.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct failure failure;

static struct zone *open_zone(const char *name)
{
    struct zone *zone = zone_open(name, &failure);
    if (!zone)
        fail_msg("%s: %s", name, failure.text);
    return zone;
}

static int64_t at(const char *text)
{
    int64_t time_ms;
    if (!calendar_parse(text, strlen(text), &time_ms))
        fail_msg("no time: %s", text);
    return time_ms;
}

static const char *const zones[] = {
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Asia/Tehran",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Pacific/Apia",
    "UTC",
    "Etc/GMT+5",
    "Europe/Dublin",
    "Antarctica/Troll",
    "America/Argentina/Salta",
    "Asia/Tokyo",
};

enum { ZONES = sizeof zones / sizeof *zones };

/* To 2150: past what the files say year by year. */
static void test_offsets_are_the_systems(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 11);
    for (int i = 0; i < ZONES; i++) {
        struct zone *zone = open_zone(zones[i]);
        setenv("TZ", zones[i], 1);
        tzset();
        for (int j = 0; j < 20000; j++) {
            time_t seconds = -1000000000 + (time_t)random_below(&random, 6680000000);
            struct tm local;
            localtime_r(&seconds, &local);
            if (zone_offset_ms(zone, seconds * SECOND_MS) != local.tm_gmtoff * SECOND_MS)
                fail_msg("%s at %lld: %lld, the system says %ld", zones[i], (long long)seconds,
                         (long long)zone_offset_ms(zone, seconds * SECOND_MS) / SECOND_MS,
                         local.tm_gmtoff);
        }
        zone_close(zone);
    }
    setenv("TZ", "UTC", 1);
    tzset();
}

/* Every moment lies in its period, the periods follow one another, and they begin where the clock
 * on the wall says. */
static void check_moment(const struct zone *zone, enum period period, int64_t time_ms)
{
    int64_t start_ms = period_start_ms(zone, period, time_ms);
    int64_t end_ms = period_end_ms(zone, period, time_ms);
    assert_true(start_ms <= time_ms && time_ms < end_ms);
    assert_int_equal(period_start_ms(zone, period, start_ms), start_ms);
    assert_int_equal(period_end_ms(zone, period, end_ms - 1), end_ms);
    assert_int_equal(period_start_ms(zone, period, end_ms), end_ms);
    if (period == PERIOD_HOUR)
        return;
    struct civil civil = civil_of(time_ms + zone_offset_ms(zone, time_ms));
    struct civil first = civil_of(start_ms + zone_offset_ms(zone, start_ms));
    assert_int_equal(first.year, period == PERIOD_WEEK ? first.year : civil.year);
    if (period == PERIOD_MONTH || period == PERIOD_DAY)
        assert_int_equal(first.month, civil.month);
    if (period == PERIOD_DAY)
        assert_int_equal(first.day, civil.day);
    else if (period != PERIOD_WEEK)
        assert_int_equal(first.day, 1);
    else
        assert_int_equal(calendar_weekday(start_ms + zone_offset_ms(zone, start_ms)), 0);
}

static void test_periods(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 12);
    for (int i = 0; i < ZONES; i++) {
        struct zone *zone = open_zone(zones[i]);
        for (int j = 0; j < 4000; j++) {
            int64_t time_ms = (int64_t)random_below(&random, 4000000000) * SECOND_MS;
            check_moment(zone, (enum period)random_below(&random, 5), time_ms);
        }
        zone_close(zone);
    }
}

static void test_days_of_change(void **state)
{
    (void)state;
    struct zone *zone = open_zone("Europe/Berlin");
    int64_t spring_ms = at("2024-03-31T12:00:00+02:00"),
            autumn_ms = at("2024-10-27T12:00:00+01:00");
    assert_int_equal(period_start_ms(zone, PERIOD_DAY, spring_ms), at("2024-03-31T00:00:00+01:00"));
    assert_int_equal(period_end_ms(zone, PERIOD_DAY, spring_ms), at("2024-04-01T00:00:00+02:00"));
    assert_int_equal(period_end_ms(zone, PERIOD_DAY, autumn_ms) -
                         period_start_ms(zone, PERIOD_DAY, autumn_ms),
                     25 * HOUR_MS);
    assert_int_equal(period_start_ms(zone, PERIOD_WEEK, spring_ms),
                     at("2024-03-25T00:00:00+01:00"));
    assert_int_equal(period_end_ms(zone, PERIOD_MONTH, at("2024-12-31T23:30:00+01:00")),
                     at("2025-01-01T00:00:00+01:00"));
    assert_int_equal(period_start_ms(zone, PERIOD_YEAR, at("2024-12-31T23:30:00Z")),
                     at("2025-01-01T00:00:00+01:00"));
    zone_close(zone);
}

/* In Sao Paulo the clocks once leapt at midnight: the day begins with its second hour. */
static void test_day_without_midnight(void **state)
{
    (void)state;
    struct zone *zone = open_zone("America/Sao_Paulo");
    int64_t noon_ms = at("2018-11-04T12:00:00-02:00");
    assert_int_equal(period_start_ms(zone, PERIOD_DAY, noon_ms), at("2018-11-04T03:00:00Z"));
    zone_close(zone);
}

/* Until 2011 Newfoundland put its clocks back at a minute past midnight; Casey, by three hours. */
static void test_back_over_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t change_ms;
    } changes[] = {{"America/St_Johns", 562127460000}, {"Antarctica/Casey", 1267714800000}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct zone *zone = zone_open(changes[i].name, &failure);
        int64_t start_ms = INT64_MIN, end_ms = INT64_MIN, change_ms = changes[i].change_ms;
        assert_non_null(zone);
        assert_true(zone_offset_ms(zone, change_ms) < zone_offset_ms(zone, change_ms - 1));
        for (int period = PERIOD_HOUR; period <= PERIOD_YEAR; period++, start_ms = end_ms = 0)
            for (int64_t at_ms = change_ms - DAY_MS; at_ms < change_ms + DAY_MS; at_ms += 30000) {
                int64_t start = period_start_ms(zone, (enum period)period, at_ms);
                int64_t end = period_end_ms(zone, (enum period)period, at_ms);
                assert_true(start <= at_ms && at_ms < end);
                assert_true(start >= start_ms && end >= end_ms);
                start_ms = start;
                end_ms = end;
            }
        zone_close(zone);
    }
}

static void test_no_zone(void **state)
{
    (void)state;
    static const char *const names[] = {"",    "Mars/Olympus", "../etc/passwd", "/etc/passwd",
                                        "a b", "Europe"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        failure.text[0] = 0;
        assert_null(zone_open(names[i], &failure));
        assert_int_equal(failure.status, STATUS_STOP);
        assert_non_null(strstr(failure.text, "time zone"));
    }
}

/* Any cut and any flipped byte of a file is refused or read, but does no harm. */
static void test_damaged_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/weir-zones-XXXXXX", path[64];
    uint8_t bytes[8192], damaged[8192];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/Damaged", folder);
    setenv("TZDIR", folder, 1);
    struct random random;
    random_seed(&random, 13);
    for (int i = 0; i < 1500; i++) {
        memcpy(damaged, bytes, size);
        size_t cut = i % 2 ? size : (size_t)random_below(&random, size);
        for (int j = 0; i % 2 && j < 3; j++)
            damaged[random_below(&random, size)] = (uint8_t)random_below(&random, 256);
        file = fopen(path, "wb");
        assert_int_equal(fwrite(damaged, 1, cut, file), cut);
        fclose(file);
        struct zone *zone = zone_open("Damaged", &failure);
        assert_true(i % 2 || !zone);
        zone_close(zone);
    }
    unsetenv("TZDIR");
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_the_systems), cmocka_unit_test(test_periods),
        cmocka_unit_test(test_days_of_change),          cmocka_unit_test(test_day_without_midnight),
        cmocka_unit_test(test_back_over_midnight),      cmocka_unit_test(test_no_zone),
        cmocka_unit_test(test_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
