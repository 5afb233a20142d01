/* Texts written: numbers read back, decimals rounded, JSON strings always well formed. */
#include "base/buffer.h"
#include "base/random.h"
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 99 };

static char bytes[512];
static struct buffer buffer;

static const char *written(void)
{
    bytes[buffer.size] = '\0';
    return bytes;
}

static void start(void)
{
    buffer_init(&buffer, bytes, sizeof bytes - 1);
}

static const char *number(double value)
{
    start();
    buffer_number(&buffer, value);
    return written();
}

static const char *decimal(double value, int decimals)
{
    start();
    buffer_decimal(&buffer, value, decimals);
    return written();
}

static void numbers(void **unused)
{
    (void)unused;
    assert_string_equal(number(0), "0");
    assert_string_equal(number(-7), "-7");
    assert_string_equal(number(0.1), "0.1");
    assert_string_equal(number(1.0 / 3), "0.3333333333333333");
    assert_string_equal(number(123456789.125), "123456789.125");
    assert_string_equal(number(NAN), "null");
    assert_string_equal(number(-INFINITY), "null");
}

static void numbers_read_back(void **unused)
{
    (void)unused;
    struct random chance;
    random_seed(&chance, SEED);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = random_bits(&chance);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (i % 2)
            value = (double)(int64_t)random_below(&chance, 2000000) / 100;
        if (!isfinite(value))
            continue;
        if (strtod(number(value), NULL) != value)
            fail_msg("seed %d: %a is written as %s", SEED, value, bytes);
    }
}

static void integers(void **unused)
{
    (void)unused;
    static const int64_t values[] = {0, 1, -1, 10, 99, 1234567890123, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        start();
        buffer_integer(&buffer, values[i]);
        assert_int_equal(strtoll(written(), NULL, 10), values[i]);
    }
}

static void decimals(void **unused)
{
    (void)unused;
    assert_string_equal(decimal(1.005, 0), "1");
    assert_string_equal(decimal(0.5, 2), "0.50");
    assert_string_equal(decimal(-0.004, 2), "0.00");
    assert_string_equal(decimal(-0.0, 1), "0.0");
    assert_string_equal(decimal(-12.345678, 4), "-12.3457");
    assert_string_equal(decimal(0.0000000005, 9), "0.000000001");
    assert_string_equal(decimal(-999999999.5, 9), "-999999999.500000000");
    assert_string_equal(decimal(999999999.9, 0), "1000000000");
    assert_string_equal(decimal(123456789012.5, 1), "123456789012.5");
    assert_string_equal(decimal(NAN, 3), "null");
    assert_string_equal(decimal(INFINITY, 3), "null");
}

/* Never further from the value than half of the last digit (and the rounding of the scaling). */
static void decimals_are_near(void **unused)
{
    (void)unused;
    struct random chance;
    random_seed(&chance, SEED + 1);
    for (int i = 0; i < 100000; i++) {
        int places = (int)random_below(&chance, 10);
        double value = (random_uniform(&chance) - 0.5) * pow(10, (double)random_below(&chance, 12));
        double back = strtod(decimal(value, places), NULL);
        double bound = 0.5 * pow(10, -places) + fabs(value) * 4e-16;
        if (!(fabs(back - value) <= bound * (1 + 1e-9)))
            fail_msg("seed %d: %.17g with %d decimals is %s", SEED + 1, value, places, bytes);
        const char *point = strchr(bytes, '.');
        assert_int_equal(point ? (int)strlen(point + 1) : 0, places);
    }
}

static const char *json(const char *text, size_t size)
{
    start();
    buffer_json(&buffer, text, size);
    return written();
}

static void json_escapes(void **unused)
{
    (void)unused;
    assert_string_equal(json("", 0), "\"\"");
    assert_string_equal(json("plain", 5), "\"plain\"");
    assert_string_equal(json("a\"b\\c", 5), "\"a\\\"b\\\\c\"");
    assert_string_equal(json("\n\t\r\b\x1f", 5), "\"\\n\\t\\r\\u0008\\u001f\"");
    assert_string_equal(json("\0x", 2), "\"\\u0000x\"");
    assert_string_equal(json("\x7f", 1), "\"\x7f\"");
    assert_string_equal(json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9),
                        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

static void wrong_bytes_are_replaced(void **unused)
{
    (void)unused;
    assert_string_equal(json("\xff", 1), "\"\\ufffd\"");
    assert_string_equal(json("\x80z", 2), "\"\\ufffdz\"");
    assert_string_equal(json("\xc3", 1), "\"\\ufffd\"");            /* cut */
    assert_string_equal(json("\xc3z", 2), "\"\\ufffdz\"");          /* broken off */
    assert_string_equal(json("\xc0\xaf", 2), "\"\\ufffd\\ufffd\""); /* overlong */
    assert_string_equal(json("\xe0\x80\x80", 3), "\"\\ufffd\\ufffd\\ufffd\"");
    assert_string_equal(json("\xed\xa0\x80", 3), "\"\\ufffd\\ufffd\\ufffd\""); /* surrogate */
    assert_string_equal(json("\xf4\x90\x80\x80", 4), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

/* Whatever the bytes are, a JSON parser takes the result. */
static void any_bytes_are_well_formed(void **unused)
{
    (void)unused;
    struct random chance;
    random_seed(&chance, SEED + 2);
    for (int i = 0; i < 50000; i++) {
        char text[12];
        static const unsigned char likely[] = {0xC3, 0xE0, 0xED, 0xF0, 0xF4, 0x80, 0xBF, 0xA0, '"'};
        size_t size = random_below(&chance, sizeof text + 1);
        for (size_t k = 0; k < size; k++)
            text[k] = random_below(&chance, 2) ? (char)random_bits(&chance)
                                               : (char)likely[random_below(&chance, sizeof likely)];
        char *exact = malloc(size ? size : 1); /* so that reading beyond is seen */
        assert_non_null(exact);
        memcpy(exact, text, size);
        json(exact, size);
        free(exact);
        json_error_t error;
        json_t *value = json_loadb(bytes, buffer.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        if (!value)
            fail_msg("seed %d: %s: %s", SEED + 2, bytes, error.text);
        json_decref(value);
    }
}

static void what_does_not_fit_is_cut(void **unused)
{
    (void)unused;
    char small[5] = "....#";
    struct buffer tight;
    buffer_init(&tight, small, 4);
    buffer_text(&tight, "abc");
    assert_false(tight.overflow);
    buffer_integer(&tight, 4711);
    assert_true(tight.overflow);
    assert_memory_equal(small, "abc4#", 5);
    buffer_text(&tight, "more");
    assert_memory_equal(small, "abc4#", 5);
    buffer_clear(&tight);
    assert_false(tight.overflow);
    buffer_format(&tight, "%s-%d", "long", 12345);
    assert_true(tight.overflow);
    assert_memory_equal(small, "long#", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(integers),
        cmocka_unit_test(decimals),
        cmocka_unit_test(decimals_are_near),
        cmocka_unit_test(json_escapes),
        cmocka_unit_test(wrong_bytes_are_replaced),
        cmocka_unit_test(any_bytes_are_well_formed),
        cmocka_unit_test(what_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
