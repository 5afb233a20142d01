/* Options by their tables: what is taken, what is refused and in which words. */
#include "base/option.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    char text[8];
    double number;
    int64_t whole, span_ms, size;
    bool flag;
    int choice;
    double untouched;
};

static const char *const colours[] = {"red", "green", "blue", NULL};

static const struct option sample_options[] = {
    {.name = "text",
     .help = "some text",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct sample, text),
     .size = sizeof((struct sample *)0)->text},
    {.name = "number",
     .help = "a number",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct sample, number),
     .standard = "0.25",
     .minimum = 0,
     .maximum = 1},
    {.name = "whole",
     .help = "a count",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct sample, whole),
     .standard = "7",
     .minimum = 1,
     .maximum = 1e18},
    {.name = "span",
     .help = "a time",
     .type = OPTION_SPAN,
     .offset = offsetof(struct sample, span_ms),
     .standard = "90m",
     .minimum = 1000,
     .maximum = 86400000},
    {.name = "size",
     .help = "bytes",
     .type = OPTION_SIZE,
     .offset = offsetof(struct sample, size),
     .standard = "64KiB",
     .minimum = 1024,
     .maximum = 1 << 30},
    {.name = "flag",
     .help = "a switch",
     .type = OPTION_BOOLEAN,
     .offset = offsetof(struct sample, flag),
     .standard = "true"},
    {.name = "colour",
     .help = "which",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct sample, choice),
     .standard = "green",
     .choices = colours},
    {.name = "untouched",
     .help = "no default",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct sample, untouched)},
    OPTION_END,
};

static const char *const sample_others[] = {"somebody", NULL};

/* Reads a JSON text (with ' for ") by the table; the findings are the caller's. */
static struct sample read_sample(const char *text, struct findings *findings)
{
    char json[1024];
    snprintf(json, sizeof json, "%s", text);
    for (char *at = json; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *object = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(object);
    struct sample sample = {.untouched = 42};
    *findings = (struct findings){0};
    options_read(sample_options, object, "here", sample_others, &sample, findings);
    json_decref(object);
    return sample;
}

static void test_defaults(void **state)
{
    (void)state;
    struct findings findings;
    struct sample sample = read_sample("{'text': 'abc', 'somebody': 1}", &findings);
    assert_int_equal(findings.count, 0);
    assert_string_equal(sample.text, "abc");
    assert_true(sample.number == 0.25);
    assert_int_equal(sample.whole, 7);
    assert_int_equal(sample.span_ms, 5400000);
    assert_int_equal(sample.size, 65536);
    assert_true(sample.flag);
    assert_int_equal(sample.choice, 1);
    assert_true(sample.untouched == 42);
    findings_close(&findings);
}

static void test_values(void **state)
{
    (void)state;
    struct findings findings;
    struct sample sample = read_sample("{'text': 'seven77', 'number': 1, 'whole': 1e6, "
                                       "'span': '1.5h', 'size': '1.5MiB', 'flag': false, "
                                       "'colour': 'blue', 'untouched': -3.5}",
                                       &findings);
    assert_int_equal(findings.count, 0);
    assert_string_equal(sample.text, "seven77");
    assert_true(sample.number == 1);
    assert_int_equal(sample.whole, 1000000);
    assert_int_equal(sample.span_ms, 5400000);
    assert_int_equal(sample.size, 3 << 19);
    assert_false(sample.flag);
    assert_int_equal(sample.choice, 2);
    assert_true(sample.untouched == -3.5);
    findings_close(&findings);
}

struct refusal {
    const char *json, *path, *message;
};

static const struct refusal refusals[] = {
    {"{}", "here.text", "missing: some text"},
    {"{'text': ''}", "here.text", "expected a text that is not empty"},
    {"{'text': 'eight888'}", "here.text", "expected at most 7 bytes, found 8"},
    {"{'text': 5}", "here.text", "expected a text, found 5"},
    {"{'text': null}", "here.text", "expected a text, found null"},
    {"{'text': 'a', 'number': '0.5'}", "here.number", "expected a number, found \"0.5\""},
    {"{'text': 'a', 'number': 1.5}", "here.number", "expected 0 to 1, found 1.5"},
    {"{'text': 'a', 'number': -0.1}", "here.number", "expected 0 to 1, found -0.1"},
    {"{'text': 'a', 'whole': 2.5}", "here.whole", "expected a whole number, found 2.5"},
    {"{'text': 'a', 'whole': 0}", "here.whole", "expected at least 1, found 0"},
    {"{'text': 'a', 'whole': true}", "here.whole", "expected a whole number, found true"},
    {"{'text': 'a', 'span': 10}", "here.span",
     "expected a duration such as \"30s\", \"10m\", \"7d\", found 10"},
    {"{'text': 'a', 'span': '10'}", "here.span",
     "expected a duration such as \"30s\", \"10m\", \"7d\", found \"10\""},
    {"{'text': 'a', 'span': '2d'}", "here.span", "expected 1s to 1d, found \"2d\""},
    {"{'text': 'a', 'span': 0}", "here.span", "expected 1s to 1d, found 0"},
    {"{'text': 'a', 'size': '64MB'}", "here.size",
     "expected a size such as \"64MiB\", \"2GiB\", found \"64MB\""},
    {"{'text': 'a', 'size': '-1KiB'}", "here.size",
     "expected a size such as \"64MiB\", \"2GiB\", found \"-1KiB\""},
    {"{'text': 'a', 'size': '2GiB'}", "here.size", "expected 1KiB to 1GiB, found \"2GiB\""},
    {"{'text': 'a', 'flag': 1}", "here.flag", "expected true or false, found 1"},
    {"{'text': 'a', 'colour': 'gren'}", "here.colour",
     "unknown colour 'gren'; did you mean 'green'?"},
    {"{'text': 'a', 'colour': 'mauve'}", "here.colour",
     "unknown colour 'mauve'; known: red, green, blue"},
    {"{'text': 'a', 'colour': {}}", "here.colour", "expected a text, found an object"},
    {"{'text': 'a', 'colour': []}", "here.colour", "expected a text, found a list"},
    {"{'text': 'a', 'nmber': 1}", "here.nmber", "unknown member 'nmber'; did you mean 'number'?"},
    {"{'text': 'a', 'sombody': 1}", "here.sombody",
     "unknown member 'sombody'; did you mean 'somebody'?"},
    {"{'text': 'a', 'zzzzz': 1}", "here.zzzzz",
     "unknown member 'zzzzz'; known: text, number, whole, span, size, flag, colour, untouched, "
     "somebody"},
    {"[1]", "here", "expected an object, found a list"},
    {"{'text': 'a', 'number': 'a very long text that nobody would want to see in whole'}",
     "here.number", "expected a number, found \"a very long text that nobody would want to...\""},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct findings findings;
        read_sample(refusals[i].json, &findings);
        if (findings.count != 1)
            fail_msg("%s: %u findings", refusals[i].json, findings.count);
        assert_string_equal(findings.list[0].path, refusals[i].path);
        assert_string_equal(findings.list[0].message, refusals[i].message);
        bool key = strstr(refusals[i].message, "unknown member") != NULL;
        assert_int_equal(findings.list[0].key_itself, key);
        findings_close(&findings);
    }
}

static void test_all_at_once(void **state)
{
    (void)state;
    struct findings findings;
    read_sample("{'number': 2, 'whole': 'x', 'colour': 1, 'other': 2}", &findings);
    assert_int_equal(findings.count, 5);
    findings_close(&findings);
}

static void test_take_passes_over_others(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:s, s:i}", "text", "a", "unknown", 1);
    struct sample sample = {0};
    struct findings findings = {0};
    options_take(sample_options, object, "", &sample, &findings);
    assert_int_equal(findings.count, 0);
    options_read(NULL, object, "", NULL, NULL, &findings);
    assert_int_equal(findings.count, 2);
    assert_string_equal(findings.list[0].path, "text");
    findings_close(&findings);
    json_decref(object);
}

static void test_many_findings(void **state)
{
    (void)state;
    struct findings findings = {0};
    for (int i = 0; i < FINDINGS_MAX + 5; i++)
        findings_add(&findings, "path", (uint32_t)i, "number %d", i);
    assert_int_equal(findings.count, FINDINGS_MAX);
    assert_int_equal(findings.dropped, 5);
    assert_int_equal(findings.list[999].column, 999);
    assert_string_equal(findings.list[999].message, "number 999");
    findings_close(&findings);
}

static void test_paths(void **state)
{
    (void)state;
    char path[FINDING_PATH_MAX], longer[FINDING_PATH_MAX], name[400];
    assert_string_equal(path_member(path, "", "a"), "a");
    assert_string_equal(path_member(path, "a", "b"), "a.b");
    assert_string_equal(path_item(longer, path, 12), "a.b[12]");
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(strlen(path_member(path, "a", name)), FINDING_PATH_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_many_findings),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_take_passes_over_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
