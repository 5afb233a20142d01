/* Civil dates after Hinnant, "chrono-compatible low-level date algorithms"; see calendar.h. */
#include "base/calendar.h"
#include <math.h>
#include <string.h>

/* A cursor over text that is being read. */
struct reading {
    const char *at, *end;
};

static bool read_digits(struct reading *text, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, text->at++) {
        if (text->at == text->end || *text->at < '0' || *text->at > '9')
            return false;
        *value = *value * 10 + (*text->at - '0');
    }
    return true;
}

static bool read_character(struct reading *text, char character)
{
    if (text->at == text->end || *text->at != character)
        return false;
    text->at++;
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to a civil date. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static bool read_date(struct reading *text, int64_t *days)
{
    int year, month, day;
    if (!read_digits(text, 4, &year) || !read_character(text, '-') ||
        !read_digits(text, 2, &month) || !read_character(text, '-') || !read_digits(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* Digits after the second's point; those beyond the millisecond are read and dropped. */
static bool read_fraction(struct reading *text, int64_t *time_ms)
{
    int64_t unit = 100;
    const char *start = text->at;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++, unit /= 10)
        *time_ms += (*text->at - '0') * unit;
    return text->at > start;
}

static bool read_clock(struct reading *text, int64_t *time_ms)
{
    int hour, minute, second = 0;
    if (!read_digits(text, 2, &hour) || !read_character(text, ':') ||
        !read_digits(text, 2, &minute))
        return false;
    bool seconds = read_character(text, ':');
    if (seconds && !read_digits(text, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *time_ms += (int64_t)hour * HOUR_MS + (int64_t)minute * MINUTE_MS + (int64_t)second * SECOND_MS;
    return !(seconds && read_character(text, '.')) || read_fraction(text, time_ms);
}

static bool read_zone(struct reading *text, int64_t *time_ms)
{
    if (text->at == text->end || read_character(text, 'Z'))
        return true;
    bool ahead = *text->at == '+';
    if (!ahead && *text->at != '-')
        return false;
    text->at++;
    int hour, minute = 0;
    if (!read_digits(text, 2, &hour))
        return false;
    bool colon = read_character(text, ':');
    if ((colon || text->at < text->end) && !read_digits(text, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    int64_t shift = (int64_t)hour * HOUR_MS + (int64_t)minute * MINUTE_MS;
    *time_ms += ahead ? -shift : shift;
    return true;
}

bool calendar_parse(const char *bytes, size_t size, int64_t *time_ms)
{
    struct reading text = {bytes, bytes + size};
    int64_t days;
    if (!read_date(&text, &days))
        return false;
    *time_ms = days * DAY_MS;
    if (text.at == text.end)
        return true;
    if (!read_character(&text, 'T') && !read_character(&text, ' '))
        return false;
    return read_clock(&text, time_ms) && read_zone(&text, time_ms) && text.at == text.end;
}

struct unit {
    const char *name;
    int64_t ms;
};

static const struct unit units[] = {
    {"w", 7LL * DAY_MS}, {"d", DAY_MS},    {"h", HOUR_MS},
    {"m", MINUTE_MS},    {"s", SECOND_MS}, {"ms", 1},
};

bool duration_parse(const char *bytes, size_t size, int64_t *span_ms)
{
    const char *at = bytes, *end = bytes + size;
    double value = 0, unit_value = 1;
    bool point = false, digits = false;
    for (; at < end && ((*at >= '0' && *at <= '9') || (*at == '.' && !point)); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        digits = true;
        if (point)
            unit_value /= 10;
        value = point ? value + unit_value * (*at - '0') : value * 10 + (*at - '0');
    }
    for (size_t i = 0; digits && i < sizeof units / sizeof *units; i++) {
        size_t length = strlen(units[i].name);
        if (length != (size_t)(end - at) || memcmp(at, units[i].name, length) != 0)
            continue;
        double ms = value * (double)units[i].ms;
        if (!(ms >= 1 && ms <= 1e15))
            return false;
        *span_ms = llround(ms);
        return true;
    }
    return false;
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* `width` digits at `at`, the number cut to them. */
static void put_digits(char *at, int value, int width)
{
    for (int i = width - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
}

void calendar_format(struct buffer *buffer, int64_t time_ms)
{
    char text[] = "0000-00-00T00:00:00.000Z";
    int64_t days = floor_divide(time_ms, DAY_MS);
    int rest = (int)(time_ms - days * DAY_MS);
    int year, month, day;
    civil_from_days(days, &year, &month, &day);
    put_digits(text, year, 4);
    put_digits(text + 5, month, 2);
    put_digits(text + 8, day, 2);
    put_digits(text + 11, rest / HOUR_MS, 2);
    put_digits(text + 14, rest / MINUTE_MS % 60, 2);
    put_digits(text + 17, rest / SECOND_MS % 60, 2);
    put_digits(text + 20, rest % SECOND_MS, 3);
    buffer_bytes(buffer, text, sizeof text - 1);
}

void duration_format(struct buffer *buffer, int64_t span_ms)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].ms == 7LL * DAY_MS || span_ms % units[i].ms != 0)
            continue;
        buffer_integer(buffer, span_ms / units[i].ms);
        buffer_text(buffer, units[i].name);
        return;
    }
}

int calendar_hour(int64_t time_ms)
{
    int64_t days = floor_divide(time_ms, DAY_MS);
    return (int)((time_ms - days * DAY_MS) / HOUR_MS);
}

int calendar_weekday(int64_t time_ms)
{
    int64_t days = floor_divide(time_ms, DAY_MS) + 3; /* 1970-01-01 was a Thursday */
    return (int)(days - floor_divide(days, 7) * 7);
}

int calendar_day(int64_t time_ms)
{
    int year, month, day;
    civil_from_days(floor_divide(time_ms, DAY_MS), &year, &month, &day);
    return day;
}
