/* Times and durations: against the C library's calendar over five centuries, and malformed ones. */
#include "base/calendar.h"
#include "base/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { SEED = 1970 };

static const int64_t first_second = -100LL * 366 * 86400, last_second = 400LL * 365 * 86400;

static void check_second(int64_t second, int millisecond)
{
    struct tm tm;
    time_t time = (time_t)second;
    gmtime_r(&time, &tm);
    char wanted[128], found[64];
    snprintf(wanted, sizeof wanted, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, millisecond);
    int64_t time_ms = second * SECOND_MS + millisecond, back;
    struct buffer buffer;
    buffer_init(&buffer, found, sizeof found - 1);
    calendar_format(&buffer, time_ms);
    found[buffer.size] = '\0';
    assert_string_equal(found, wanted);
    assert_true(calendar_parse(found, buffer.size, &back));
    assert_int_equal(back, time_ms);
    assert_int_equal(timegm(&tm), second);
    assert_int_equal(calendar_weekday(time_ms), (tm.tm_wday + 6) % 7);
    assert_int_equal(civil_of(time_ms).day, tm.tm_mday);
}

static void agrees_with_the_library(void **unused)
{
    (void)unused;
    struct random chance;
    random_seed(&chance, SEED);
    /* Every day at its first and last second, then anywhere. */
    for (int64_t day = first_second / 86400; day < last_second / 86400; day++) {
        check_second(day * 86400, 0);
        check_second(day * 86400 + 86399, 999);
    }
    for (int i = 0; i < 100000; i++) {
        int64_t span = (int64_t)random_below(&chance, (uint64_t)(last_second - first_second));
        check_second(first_second + span, (int)random_below(&chance, 1000));
    }
}

static void expect_time(const char *text, int64_t wanted)
{
    int64_t time_ms;
    if (!calendar_parse(text, strlen(text), &time_ms))
        fail_msg("'%s' is refused", text);
    assert_int_equal(time_ms, wanted);
}

static void forms(void **unused)
{
    (void)unused;
    expect_time("1970-01-01", 0);
    expect_time("1970-01-01 00:00", 0);
    expect_time("1970-01-01T00:00:31", 31000);
    expect_time("1970-01-01 00:00:31.25", 31250);
    expect_time("1970-01-01T00:00:31.250987654321Z", 31250);
    expect_time("1970-01-01T02:00:00+02:00", 0);
    expect_time("1970-01-01T02:00:00+0200", 0);
    expect_time("1969-12-31T19:00:00-05", 0);
    expect_time("1970-01-01T05:30:00+05:30", 0);
    expect_time("2016-12-31T23:59:60Z", 1483228800000);
    expect_time("0001-01-01", -62135596800000);
    expect_time("9999-12-31T23:59:59.999Z", 253402300799999);
    expect_time("2000-02-29", 951782400000);
}

static void malformed_times_are_refused(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "",
        "2018",
        "2018-04",
        "2018-04-0",
        "2018-4-01",
        "2018/04/01",
        "2018-04-31",
        "2018-02-29",
        "1900-02-29",
        "0000-01-01",
        "2018-13-01",
        "2018-00-01",
        "2018-01-00",
        "-2018-01-01",
        "2018-04-01T",
        "2018-04-01T1",
        "2018-04-01T10",
        "2018-04-01T10:",
        "2018-04-01T24:00",
        "2018-04-01T10:60",
        "2018-04-01T10:00:61",
        "2018-04-01T10:00:00.",
        "2018-04-01T10:00:00.Z",
        "2018-04-01T10:00:00X",
        "2018-04-01T10:00:00ZZ",
        "2018-04-01T10:00:00+",
        "2018-04-01T10:00:00+2",
        "2018-04-01T10:00:00+02:",
        "2018-04-01T10:00:00+02:0",
        "2018-04-01T10:00:00+24:00",
        "2018-04-01T10:00:00+02:60",
        "2018-04-01T10:00:00+02:00 ",
        "2018-04-01Z",
        "2018-04-01t10:00:00",
        " 2018-04-01",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t time_ms;
        if (calendar_parse(texts[i], strlen(texts[i]), &time_ms))
            fail_msg("'%s' is taken for %lld", texts[i], (long long)time_ms);
    }
}

/* The size counts, not a terminator. */
static void reads_no_further(void **unused)
{
    (void)unused;
    int64_t value;
    assert_true(calendar_parse("2018-04-01T10:00", 10, &value));
    assert_int_equal(value, 1522540800000);
    assert_true(duration_parse("10ms", 3, &value));
    assert_int_equal(value, 600000);
}

static void expect_duration(const char *text, int64_t wanted)
{
    int64_t span_ms;
    if (!duration_parse(text, strlen(text), &span_ms))
        fail_msg("'%s' is refused", text);
    assert_int_equal(span_ms, wanted);
}

static void durations(void **unused)
{
    (void)unused;
    expect_duration("30s", 30000);
    expect_duration("10m", 600000);
    expect_duration("1h", 3600000);
    expect_duration("7d", 604800000);
    expect_duration("2w", 1209600000);
    expect_duration("250ms", 250);
    expect_duration("1.5h", 5400000);
    expect_duration("0.1s", 100);
    expect_duration("0.3s", 300);
    expect_duration("0.001s", 1);
    expect_duration("1.001s", 1001);
    static const char *const wrong[] = {"",      "s",    "5",   ".s",           "0s",    "-5s",
                                        "5 s",   "5min", "5ss", "5S",           "1..5s", "1e3s",
                                        "0.1ms", "5h ",  "1e",  "999999999999w"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t span_ms;
        if (duration_parse(wrong[i], strlen(wrong[i]), &span_ms))
            fail_msg("'%s' is taken for %lld", wrong[i], (long long)span_ms);
    }
}

static void durations_come_back(void **unused)
{
    (void)unused;
    struct random chance;
    random_seed(&chance, SEED + 1);
    static const int64_t units[] = {1, SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS};
    for (int i = 0; i < 20000; i++) {
        int64_t span_ms = (int64_t)(1 + random_below(&chance, 5000)) * units[i % 5], back;
        char text[64];
        struct buffer buffer;
        buffer_init(&buffer, text, sizeof text);
        duration_format(&buffer, span_ms);
        assert_true(duration_parse(text, buffer.size, &back));
        assert_int_equal(back, span_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_library),
        cmocka_unit_test(forms),
        cmocka_unit_test(malformed_times_are_refused),
        cmocka_unit_test(reads_no_further),
        cmocka_unit_test(durations),
        cmocka_unit_test(durations_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
