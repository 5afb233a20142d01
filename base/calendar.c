/* Civil dates after Hinnant, "chrono-compatible low-level date algorithms"; see calendar.h. */
#include "base/calendar.h"
#include "base/digits.h"
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

/* Hinnant, "chrono-compatible low-level date algorithms" (2013): years begin in March, so that the
 * leap day is the last, and 400 years are an era of 146,097 days. */
enum { ERA_DAYS = 146097, ERA_YEARS = 400, EPOCH_SHIFT_DAYS = 719468 };

struct civil civil_of(int64_t local_ms)
{
    int64_t days = floor_divide(local_ms, DAY_MS) + EPOCH_SHIFT_DAYS;
    int64_t era = floor_divide(days, ERA_DAYS), of_era = days - era * ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March */
    struct civil civil = {.day = (int)(of_year - (153 * month + 2) / 5 + 1),
                          .month = (int)(month < 10 ? month + 3 : month - 9)};
    civil.year = year + era * ERA_YEARS + (civil.month <= 2);
    return civil;
}

int64_t civil_ms(struct civil civil)
{
    bool next_year = civil.month > 12;
    int month = next_year ? civil.month - 12 : civil.month;
    int64_t year = civil.year + next_year - (month <= 2);
    int64_t era = floor_divide(year, ERA_YEARS), of_era = year - era * ERA_YEARS;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + civil.day - 1;
    int64_t days = era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return (days - EPOCH_SHIFT_DAYS) * DAY_MS;
}

static bool read_date(struct reading *text, int64_t *days)
{
    int year, month, day;
    if (!read_digits(text, 4, &year) || !read_character(text, '-') ||
        !read_digits(text, 2, &month) || !read_character(text, '-') || !read_digits(text, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = civil_ms((struct civil){year, month, day}) / DAY_MS;
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

void calendar_format(struct buffer *buffer, int64_t time_ms)
{
    char text[] = "0000-00-00T00:00:00.000Z";
    int64_t days = floor_divide(time_ms, DAY_MS);
    int rest = (int)(time_ms - days * DAY_MS);
    struct civil civil = civil_of(time_ms);
    uint32_t year = (uint32_t)civil.year, milliseconds = (uint32_t)(rest % SECOND_MS);
    digits_pair(text, year / 100 % 100);
    digits_pair(text + 2, year % 100);
    digits_pair(text + 5, (uint32_t)civil.month);
    digits_pair(text + 8, (uint32_t)civil.day);
    digits_pair(text + 11, (uint32_t)(rest / HOUR_MS));
    digits_pair(text + 14, (uint32_t)(rest / MINUTE_MS % 60));
    digits_pair(text + 17, (uint32_t)(rest / SECOND_MS % 60));
    digits_pair(text + 20, milliseconds / 10);
    text[22] = (char)('0' + milliseconds % 10);
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
    return civil_of(time_ms).day;
}
