/* The functions of the language for people: what `weir list functions` prints.  What they do is in
 * operation.c; every example compiles (tests). */
#include "base/operation.h"
#include "base/suggest.h"
#include <string.h>

static const struct program_function functions[] = {
    {"abs", "abs(x)", "number or duration -> the same", "abs(amount - 100)", "x without its sign"},
    {"clamp", "clamp(x, low, high)", "numbers, durations or times -> the same",
     "clamp(amount, 0, 5000)", "x, but not below low and not above high"},
    {"coalesce", "coalesce(x, y, ...)", "any of one type -> that type", "coalesce(amount, 0)",
     "the first of them that is not missing"},
    {"contains", "contains(x, part)", "text, text -> boolean", "contains(email, '+')",
     "true where the part stands in x"},
    {"day", "day(time[, zone])", "time, text -> number", "day(time) == 1",
     "day of the month, 1 to 31"},
    {"day_of_year", "day_of_year(time[, zone])", "time, text -> number", "day_of_year(time) < 8",
     "day of the year, 1 to 366"},
    {"domain", "domain(x)", "text -> text", "domain(email) == 'example.com'",
     "host of an e-mail address or URL, in small letters; missing where x is neither"},
    {"exp", "exp(x)", "number -> number", "exp(-amount)", "e to the power of x"},
    {"floor", "floor(x)", "number -> number", "floor(amount / 10)",
     "the largest whole number not above x"},
    {"hour", "hour(time[, zone])", "time, text -> number", "hour(time, 'Europe/Berlin') < 6",
     "hour of the day, 0 to 23"},
    {"if", "if(condition, x, y)", "boolean, any two of one type -> that type",
     "if(amount > 100, amount, 0)", "x where the condition is true, else y"},
    {"is_missing", "is_missing(x)", "any -> boolean", "is_missing(email)",
     "true where x is missing"},
    {"is_weekend", "is_weekend(time[, zone])", "time, text -> boolean", "is_weekend(time)",
     "true on Saturdays and Sundays"},
    {"length", "length(x)", "text -> number", "length(email) > 40", "number of characters (UTF-8)"},
    {"location", "location(lat, lon)", "number, number -> location",
     "location(latitude, longitude)", "a place, for distance and speed; missing if either is"},
    {"log", "log(x)", "number -> number", "log(amount)",
     "natural logarithm; missing where x is not above 0"},
    {"log1p", "log1p(x)", "number -> number", "log1p(amount)",
     "natural logarithm of 1 + x; missing where x is not above -1"},
    {"lower", "lower(x)", "text -> text", "lower(country) == 'fr'",
     "x with small letters for A to Z; other letters stay"},
    {"matches", "matches(x, pattern)", "text, literal text -> boolean",
     "matches(email, '[0-9]{6}@')",
     "true where the regular expression (RE2) fits anywhere in x; ^ and $ are its ends"},
    {"max", "max(x, y, ...)", "numbers, durations or times -> the same", "max(amount, 1)",
     "the largest of them"},
    {"min", "min(x, y, ...)", "numbers, durations or times -> the same", "min(amount, 5000)",
     "the smallest of them"},
    {"minute", "minute(time[, zone])", "time, text -> number", "minute(time) == 0",
     "minute of the hour, 0 to 59"},
    {"month", "month(time[, zone])", "time, text -> number", "month(time) == 12", "month, 1 to 12"},
    {"pow", "pow(x, y)", "number, number -> number", "pow(amount, 0.5)", "x to the power of y"},
    {"prefix", "prefix(x, start)", "text, text -> boolean", "prefix(card, '4')",
     "true where x begins with it"},
    {"sign", "sign(x)", "number -> number", "sign(amount)", "-1, 0 or 1"},
    {"sqrt", "sqrt(x)", "number -> number", "sqrt(amount)",
     "square root; missing where x is below 0"},
    {"suffix", "suffix(x, end)", "text, text -> boolean", "suffix(domain(email), '.ru')",
     "true where x ends with it"},
    {"weekday", "weekday(time[, zone])", "time, text -> number", "weekday(time) == 4",
     "day of the week, Monday 0 to Sunday 6"},
    {"year", "year(time[, zone])", "time, text -> number", "year(time)", "year, such as 2018"},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

const struct program_function *function_find(const char *name)
{
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

const struct program_function *program_functions(uint32_t *count)
{
    *count = FUNCTIONS;
    return functions;
}

void program_suggest(const char *wanted, const char **best, size_t *distance)
{
    for (uint32_t i = 0; i < FUNCTIONS; i++)
        suggest_offer(wanted, functions[i].name, best, distance);
}
