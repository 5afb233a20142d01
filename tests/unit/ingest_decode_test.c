/* Every type of field with what it takes and what it refuses, by CSV, where every value is a text,
 * and by JSON, where it has a type of its own. */
#include "tests/unit/ingest_rows.h"

static struct rows rows;

/* A record with only the one field, whose source is "value"; others' fields are absent. */
static struct field *one_field(enum field_type type)
{
    memset(&rows, 0, sizeof rows);
    struct field *field = rows_field(&rows.schema, "value", "value", type);
    rows_open(&rows, "json", NULL);
    return field;
}

static double number_of(const char *json)
{
    rows_accept(&rows, json);
    return rows_number(&rows, 0);
}

static void test_numbers(void **state)
{
    (void)state;
    struct field *field = one_field(FIELD_NUMBER);
    assert_true(number_of("{\"value\":12.5}") == 12.5);
    assert_true(number_of("{\"value\":-7}") == -7);
    assert_true(number_of("{\"value\":\"12.5\"}") == 12.5);
    assert_true(number_of("{\"value\":18446744073709551615}") == 18446744073709551615.0);
    assert_false(signbit(number_of("{\"value\":-0.0}")));
    assert_false(signbit(number_of("{\"value\":\"-0\"}")));
    assert_true(isnan(number_of("{\"value\":null}")));
    assert_true(isnan(number_of("{\"value\":\"\"}")));
    assert_true(isnan(number_of("{}")));
    rows_refuse(&rows, "{\"value\":true}", "value: expected a number, found true");
    rows_refuse(&rows, "{\"value\":\"nan\"}", "value: expected a number, found the text 'nan'");
    rows_refuse(&rows, "{\"value\":\"1e999\"}", "value: expected a number, found inf");
    rows_refuse(&rows, "{\"value\":[1]}", "value: expected a number, found a list");
    rows_refuse(&rows, "{\"value\":{}}", "value: expected a number, found an object");
    field->minimum = 0;
    field->maximum = 10;
    assert_true(number_of("{\"value\":10}") == 10);
    rows_refuse(&rows, "{\"value\":10.5}", "value: expected a number from 0 to 10, found 10.5");
    field->maximum = INFINITY;
    rows_refuse(&rows, "{\"value\":-1}", "value: expected a number of at least 0, found -1");
    field->minimum = -INFINITY;
    field->maximum = 10;
    rows_refuse(&rows, "{\"value\":11}", "value: expected a number of at most 10, found 11");
    field->maximum = INFINITY;
    rows_refuse(&rows, "{\"value\":\"x\"}", "value: expected a number, found the text 'x'");
    field->minimum = 0;
    field->maximum = 10;
    field->sensitive = true;
    rows_refuse(&rows, "{\"value\":10.5}",
                "value: expected a number from 0 to 10, found another number");
    rows_refuse(&rows, "{\"value\":\"secret\"}",
                "value: expected a number from 0 to 10, found another text");
    rows_close(&rows);
}

static void test_times(void **state)
{
    (void)state;
    struct field *field = one_field(FIELD_TIME);
    field->role = ROLE_TIME;
    assert_true(number_of("{\"value\":\"2018-04-01T00:00:31.250Z\"}") == 1522540831.25);
    assert_int_equal(rows.batch.time_ms[0], 1522540831250);
    assert_true(number_of("{\"value\":\"2018-04-01T02:00:31.250+02:00\"}") == 1522540831.25);
    assert_true(number_of("{\"value\":1522540831.123}") == 1522540831.123);
    assert_int_equal(rows.batch.time_ms[0], 1522540831123);
    assert_true(number_of("{\"value\":\"1522540831\"}") == 1522540831);
    field->unit = TIME_MILLISECONDS;
    assert_true(number_of("{\"value\":1522540831123}") == 1522540831.123);
    assert_int_equal(rows.batch.time_ms[0], 1522540831123);
    field->unit = TIME_MICROSECONDS;
    assert_true(number_of("{\"value\":1522540831123456}") == 1522540831.123456);
    assert_int_equal(rows.batch.time_ms[0], 1522540831123);
    field->unit = TIME_SECONDS;
    assert_true(number_of("{\"value\":0}") == 0);
    assert_true(number_of("{\"value\":\"2262-12-31T23:59:59Z\"}") == 9246182399.0);
    rows_refuse(
        &rows, "{\"value\":1522540831123}",
        "value: expected a time from 1970 to 2262, ISO 8601 or seconds, found 1522540831123");
    rows_refuse(&rows, "{\"value\":-1}",
                "value: expected a time from 1970 to 2262, ISO 8601 or seconds, found -1");
    rows_refuse(&rows, "{\"value\":\"2263-01-01\"}",
                "value: expected a time from 1970 to 2262, ISO 8601 or seconds, found the text "
                "'2263-01-01'");
    rows_refuse(&rows, "{\"value\":\"2018-02-31\"}",
                "value: expected a time from 1970 to 2262, ISO 8601 or seconds, found the text "
                "'2018-02-31'");
    rows_refuse(&rows, "{}",
                "value: expected a time from 1970 to 2262, ISO 8601 or seconds, found nothing");
    field->has_fallback = true;
    field->fallback = 5;
    assert_true(number_of("{}") == 5);
    assert_int_equal(rows.batch.time_ms[0], 5000);
    rows_close(&rows);
}

static void test_booleans(void **state)
{
    (void)state;
    struct field *field = one_field(FIELD_BOOLEAN);
    static const char *const yes[] = {"true", "1", "\"true\"", "\"1\"", "\"True\"", "1.0"};
    static const char *const no[] = {"false", "0", "\"false\"", "\"0\"", "\"FALSE\"", "-0.0"};
    for (int i = 0; i < 6; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"value\":%s}", yes[i]);
        assert_true(number_of(text) == 1);
        snprintf(text, sizeof text, "{\"value\":%s}", no[i]);
        assert_true(number_of(text) == 0);
    }
    rows_refuse(&rows, "{\"value\":2}", "value: expected true or false, found 2");
    rows_refuse(&rows, "{\"value\":\"yes\"}",
                "value: expected true or false, found the text 'yes'");
    field->has_fallback = true;
    field->fallback = 1;
    assert_true(number_of("{}") == 1);
    rows_close(&rows);
}

static void test_choices(void **state)
{
    (void)state;
    static char choices[3][SCHEMA_NAME_MAX] = {"pos", "web", "5411"};
    struct field *field = one_field(FIELD_ENUM);
    field->choices = choices;
    field->choice_count = 3;
    assert_true(number_of("{\"value\":\"pos\"}") == 0);
    assert_true(number_of("{\"value\":\"web\"}") == 1);
    assert_true(number_of("{\"value\":5411}") == 2);
    assert_true(isnan(number_of("{\"value\":null}")));
    rows_refuse(&rows, "{\"value\":\"WEB\"}",
                "value: expected one of pos, web, 5411, found the text 'WEB'");
    rows_refuse(&rows, "{\"value\":true}", "value: expected one of pos, web, 5411, found true");
    rows_close(&rows);
}

static void test_places(void **state)
{
    (void)state;
    one_field(FIELD_LATITUDE);
    assert_true(number_of("{\"value\":-90}") == -90);
    rows_refuse(&rows, "{\"value\":90.01}",
                "value: expected a latitude from -90 to 90, found 90.01");
    rows_close(&rows);
    one_field(FIELD_LONGITUDE);
    assert_true(number_of("{\"value\":180}") == 180);
    rows_refuse(&rows, "{\"value\":-181}",
                "value: expected a longitude from -180 to 180, found -181");
    rows_close(&rows);
}

static void test_keys(void **state)
{
    (void)state;
    struct field *field = one_field(FIELD_KEY);
    rows_accept(&rows, "{\"value\":\"c1\"}");
    rows_assert_key(&rows, 0, "c1");
    rows_accept(&rows, "{\"value\":\"a\\\"b\\u00e9\"}");
    rows_assert_key(&rows, 0, "a\"b\xC3\xA9");
    rows_accept(&rows, "{\"value\":9007199254740993}");
    rows_assert_key(&rows, 0, "9007199254740993");
    rows_accept(&rows, "{\"value\":18446744073709551615}");
    rows_assert_key(&rows, 0, "18446744073709551615");
    rows_accept(&rows, "{\"value\":-9223372036854775808}");
    rows_assert_key(&rows, 0, "-9223372036854775808");
    rows_accept(&rows, "{\"value\":\"\"}");
    assert_true(rows_key(&rows, 0) == 0 && batch_texts(&rows.batch, 0)[0].size == 0);
    rows_refuse(&rows, "{\"value\":1.5}", "value: expected a text or a whole number, found 1.5");
    rows_refuse(&rows, "{\"value\":false}",
                "value: expected a text or a whole number, found false");
    rows_refuse(&rows, "{\"value\":\"a\\u0000b\"}",
                "value: expected a text or a whole number, found a text with a zero byte");
    snprintf(field->fallback_text, sizeof field->fallback_text, "none");
    field->has_fallback = true;
    rows_accept(&rows, "{}");
    rows_assert_key(&rows, 0, "none");
    field->has_fallback = false;
    field->required = true;
    rows_refuse(&rows, "{\"value\":null}",
                "value: expected a text or a whole number, found nothing");
    rows_close(&rows);
}

static void test_long_texts(void **state)
{
    (void)state;
    one_field(FIELD_KEY);
    static char text[SCHEMA_TEXT_MAX + 32];
    for (int extra = 0; extra < 2; extra++) {
        size_t size = (size_t)(SCHEMA_TEXT_MAX + extra);
        int at = snprintf(text, sizeof text, "{\"value\":\"");
        memset(text + at, 'x', size);
        strcpy(text + (size_t)at + size, "\"}");
        rows_decode(&rows, text);
        assert_int_equal(rows.batch.dead[0], extra);
    }
    rows_assert_reason(
        &rows, "value: expected a text or a whole number, found a text of more than 4096 bytes");
    rows_close(&rows);
}

/* What is shown of a value is at most 40 bytes, cut between characters, without control characters.
 */
static void test_shown_values(void **state)
{
    (void)state;
    one_field(FIELD_NUMBER);
    rows_refuse(&rows, "{\"value\":\"a\\nb\"}", "value: expected a number, found the text 'a?b'");
    rows_refuse(&rows, "{\"value\":\"0123456789012345678901234567890123456789x\"}",
                "value: expected a number, found the text "
                "'0123456789012345678901234567890123456789...'");
    rows_refuse(&rows, "{\"value\":\"012345678901234567890123456789012345678\xC3\xA9\"}",
                "value: expected a number, found the text "
                "'012345678901234567890123456789012345678...'");
    rows_close(&rows);
}

static void test_labels(void **state)
{
    (void)state;
    struct field *field = one_field(FIELD_NUMBER);
    field->role = ROLE_LABEL;
    static const char *const yes[] = {"1", "true", "\"1\"", "\"true\""};
    for (int i = 0; i < 4; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"value\":%s}", yes[i]);
        rows_accept(&rows, text);
        assert_true(rows.batch.label[0] == 1);
    }
    rows_accept(&rows, "{}");
    assert_true(isnan(rows.batch.label[0]));
    field->slot = SLOT_NONE;
    rows_accept(&rows, "{\"value\":false}");
    assert_true(rows.batch.label[0] == 0);
    rows_close(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_times),
        cmocka_unit_test(test_booleans),   cmocka_unit_test(test_choices),
        cmocka_unit_test(test_places),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_long_texts), cmocka_unit_test(test_shown_values),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
