/* What people read on the terminal, letter by letter. */
#include "sinks/sink.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char alert[] =
    "{\"id\":\"tx-1\",\"time\":\"2018-04-01T12:03:44.250Z\",\"outcome\":\"block\",\"score\":0."
    "971234,"
    "\"rules\":[\"too_fast\",\"night\"],\"reasons\":[{\"feature\":\"amount_ratio\","
    "\"contribution\":2.1},"
    "{\"feature\":\"idle\",\"contribution\":-0.34}],\"event\":{\"id\":\"tx-1\",\"card\":\"****"
    "1234\","
    "\"amount\":259.9,\"currency\":\"EUR\",\"country\":null,\"online\":true,\"clicks\":3}}";

/* What the sink prints for one output, standard output being led into a file meanwhile. */
static void print_output(const char *colour, const char *bytes, char *text, size_t capacity)
{
    const struct sink_kind *kind = sink_find("console");
    struct failure failure;
    struct findings findings = {0};
    json_t *object = json_pack("{s:s}", "colour", colour);
    void *sink = NULL, *options = calloc(1, kind->option_size);
    options_read(kind->options, object, "sink", NULL, options, &findings);
    assert_int_equal(findings.count, 0);
    struct sink_setting setting = {.options = {[STREAM_ALERTS] = options}};
    struct output output = {STREAM_ALERTS, "k", bytes, 1, (uint32_t)strlen(bytes)};
    FILE *file = tmpfile();
    fflush(stdout);
    int standard_output = dup(STDOUT_FILENO);
    assert_true(file && standard_output >= 0);
    dup2(fileno(file), STDOUT_FILENO);
    enum status opened = kind->open(&sink, &setting, &failure);
    enum status done = kind->put(sink, &output, &failure);
    enum status settled = kind->settle(sink, 1, &failure);
    dup2(standard_output, STDOUT_FILENO);
    close(standard_output);
    assert_true(opened == STATUS_OK && done == STATUS_OK && settled == STATUS_OK);
    rewind(file);
    size_t size = fread(text, 1, capacity - 1, file);
    text[size] = '\0';
    fclose(file);
    kind->close(sink);
    free(options);
    json_decref(object);
}

static void expect(const char *colour, const char *bytes, const char *expected)
{
    char text[8192];
    print_output(colour, bytes, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_alert(void **state)
{
    (void)state;
    expect("auto", alert,
           "12:03:44  BLOCK   0.97  card ****1234  259.90 EUR  online yes  clicks 3"
           "  rules: too_fast, night; amount_ratio +2.1, idle -0.3\n");
}

static void test_alert_in_colour(void **state)
{
    (void)state;
    expect(
        "always",
        "{\"time\":\"2018-04-01T12:03:44.250Z\",\"outcome\":\"review\",\"score\":0.5,\"event\":{}}",
        "12:03:44  \033[33mREVIEW\033[0m  0.50\n");
}

static void test_alert_without_parts(void **state)
{
    (void)state;
    expect("never", "{\"outcome\":\"block\"}", "--:--:--  BLOCK \n");
    expect("never",
           "{\"outcome\":\"block\",\"time\":\"T\",\"score\":null,\"rules\":[],"
           "\"reasons\":[{\"feature\":\"idle\",\"contribution\":1}]}",
           "--:--:--  BLOCK   idle +1.0\n");
    expect("never", "{\"outcome\":\"block\",\"event\":{\"amount\":5,\"card\":\"a\"}}",
           "--:--:--  BLOCK   5.00  card a\n");
}

static void test_model_event(void **state)
{
    (void)state;
    expect("never",
           "{\"event\":\"drift\",\"time\":\"2018-04-01T00:00:01.000Z\",\"model\":\"fraud\","
           "\"detail\":\"adwin on error: 0.021 -> 0.054\"}",
           "00:00:01  drift  fraud  adwin on error: 0.021 -> 0.054\n");
    expect("never",
           "{\"silence\":\"device\",\"entity\":\"****1234\",\"time\":\"2018-04-01T00:30:01.000Z\","
           "\"last\":\"2018-04-01T00:00:01.000Z\",\"for_s\":1800.000}",
           "00:30:01  SILENT  device ****1234  since 2018-04-01T00:00:01.000Z\n");
    expect("never", "{\"event\":\"drift\",\"model\":\"\"}", "--:--:--  drift\n");
}

static void test_anything_else_as_it_is(void **state)
{
    (void)state;
    expect("always", "{\"topic\":\"transactions\",\"offset\":7}",
           "{\"topic\":\"transactions\",\"offset\":7}\n");
    expect("always", "not json", "not json\n");
    expect("always", "[1]", "[1]\n");
}

/* A merchant's name must not move the cursor of whoever watches. */
static void test_control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    expect("never",
           "{\"outcome\":\"b\\u001b[2J\",\"event\":{\"a\\u0007b\":\"x\\u001b[31m\\ny\"},"
           "\"rules\":[\"r\\r\"]}",
           "--:--:--  B?[2J   a?b x?[31m?y  rules: r?\n");
}

static void test_endless_texts_are_cut(void **state)
{
    (void)state;
    char json[7000], text[8192];
    char *at = json + snprintf(json, sizeof json, "{\"outcome\":\"block\",\"event\":{\"card\":\"");
    memset(at, 'x', 6000);
    memcpy(at + 6000, "\"}}", 4);
    print_output("never", json, text, sizeof text);
    assert_true(strlen(text) <= 4097);
    assert_non_null(strstr(text, "BLOCK   card xxx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alert),
        cmocka_unit_test(test_alert_in_colour),
        cmocka_unit_test(test_alert_without_parts),
        cmocka_unit_test(test_model_event),
        cmocka_unit_test(test_anything_else_as_it_is),
        cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(test_endless_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
