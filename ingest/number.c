/* Reading decimals; see number.h.  Up to 2^53 with a power of ten up to 10^22 both parts are exact
 * doubles, so one multiplication or division rounds correctly (Clinger, "How to Read Floating Point
 * Numbers Accurately", 1990).  Money is always of that kind; the rest goes to strtod. */
#include "ingest/number.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT_MAX = 512, EXACT_POWER_MAX = 22, EXPONENT_MAX = 100000 };

/* A decimal taken apart: digits * 10^power. */
struct decimal {
    uint64_t digits;
    int power;
    int digit_count; /* without leading zeros */
    bool negative;
};

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static const char *read_digits(const char *at, const char *end, int power, struct decimal *decimal)
{
    for (; at < end && is_digit(*at); at++) {
        decimal->power += power;
        if (decimal->digit_count == 0 && *at == '0')
            continue;
        decimal->digit_count++;
        if (decimal->digit_count <= 18)
            decimal->digits = decimal->digits * 10 + (uint64_t)(*at - '0');
    }
    return at;
}

static const char *read_exponent(const char *at, const char *end, struct decimal *decimal)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return NULL;
    int exponent = 0;
    for (; at < end && is_digit(*at); at++)
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*at - '0') : exponent;
    decimal->power += negative ? -exponent : exponent;
    return at;
}

static bool read_decimal(const char *text, size_t size, struct decimal *decimal)
{
    const char *at = text, *end = text + size;
    decimal->negative = size > 0 && *at == '-';
    if (size > 0 && (*at == '-' || *at == '+'))
        at++;
    const char *whole = at;
    at = read_digits(at, end, 0, decimal);
    size_t digits = (size_t)(at - whole);
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        at = read_digits(fraction, end, -1, decimal);
        digits += (size_t)(at - fraction);
    }
    if (digits == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E'))
        at = read_exponent(at + 1, end, decimal);
    return at == end;
}

static double read_slowly(const char *text, size_t size)
{
    char copy[NUMBER_TEXT_MAX + 1];
    memcpy(copy, text, size);
    copy[size] = '\0';
    return strtod(copy, NULL);
}

bool number_parse(const char *text, size_t size, double *number)
{
    static const double power[EXACT_POWER_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    struct decimal decimal = {0};
    if (size > NUMBER_TEXT_MAX || !read_decimal(text, size, &decimal))
        return false;
    bool exact = decimal.digit_count <= 18 && decimal.digits <= 1ULL << 53;
    if (!exact || decimal.power < -EXACT_POWER_MAX || decimal.power > EXACT_POWER_MAX) {
        *number = read_slowly(text, size);
        return true;
    }
    double value = (double)decimal.digits;
    value = decimal.power < 0 ? value / power[-decimal.power] : value * power[decimal.power];
    *number = decimal.negative ? -value : value;
    return true;
}
