/* Lists and the time zone of a configuration: what files become, what the journal holds of them,
 * and that a replay of it decides as before when the file has changed. */
#include "engine/config.h"
#include "engine/pipeline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char list_path[] = "/tmp/weir_list_XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int file = mkstemp(list_path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(list_path);
}

static void write_list(const char *text)
{
    FILE *file = fopen(list_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char shape[] =
    "{\"name\": \"x\", \"time_zone\": \"Europe/Berlin\", \"events\": {\"source\": \"simulator\", "
    "\"fields\": {\"id\": \"id\", \"time\": \"time\", \"card\": \"key\", \"amount\": \"number\"}},"
    "\"lists\": {\"l\": {\"type\": \"%s\", \"file\": \"%s\"}}, "
    "\"features\": {\"f\": \"%s in l\", \"h\": \"hour(time)\"}}";

static struct config *read_list(const char *type, const char *name)
{
    char text[1024];
    struct findings findings = {0};
    struct config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    snprintf(text, sizeof text, shape, type, list_path, name);
    if (!config_read_text(config, "test.json", text, strlen(text), &findings)) {
        config_print_findings(config, &findings);
        fail_msg("%u findings", findings.count);
    }
    findings_close(&findings);
    return config;
}

static void config_free(struct config *config)
{
    config_close(config);
    free(config);
}

static void expect_members(const struct list *list, const char *const *texts)
{
    uint32_t count = 0;
    for (; texts[count]; count++) {
        assert_in_range(count, 0, list->count - 1);
        assert_int_equal(list->member[count].size, strlen(texts[count]));
        assert_memory_equal(list->member[count].text, texts[count], strlen(texts[count]));
    }
    assert_int_equal(list->count, count);
}

static void test_lines(void **state)
{
    (void)state;
    static const char *const wanted[] = {"a", "b c", "x#y", "d", "\xc3\xa9", "last", NULL};
    write_list("\xEF\xBB\xBF"
               "a\n\n# none\n  b c  \t# why\r\nx#y\r\n d\r\n\xc3\xa9\n#\n \n"
               "last");
    struct config *config = read_list("text", "card");
    expect_members(&config->lists.list[0], wanted);
    assert_string_equal(config->zone->name, "Europe/Berlin");
    config_free(config);
    write_list("1\n-2.5e3 # low\n0.1\n");
    config = read_list("number", "amount");
    assert_int_equal(config->lists.list[0].count, 3);
    assert_true(config->lists.list[0].member[1].number == -2500);
    assert_true(config->lists.list[0].member[2].number == 0.1);
    config_free(config);
    write_list("");
    config = read_list("network", "card");
    assert_int_equal(config->lists.list[0].count, 0);
    config_free(config);
}

/* A zero byte is a mistake, not a blank: such files are something else than they seem. */
static void test_zero_bytes(void **state)
{
    (void)state;
    char text[1024];
    struct findings findings = {0};
    struct config config;
    FILE *file = fopen(list_path, "w");
    assert_non_null(file);
    fwrite("abc\0\n\0def\n", 1, 10, file);
    fclose(file);
    snprintf(text, sizeof text, shape, "text", list_path, "card");
    assert_false(config_read_text(&config, "test.json", text, strlen(text), &findings));
    assert_int_equal(findings.count, 2);
    findings_close(&findings);
    config_close(&config);
}

/* What the journal could not hold is said when the configuration is read. */
static void test_too_much(void **state)
{
    (void)state;
    char text[2048], line[4096];
    struct findings findings = {0};
    struct config config;
    FILE *file = fopen(list_path, "w");
    assert_non_null(file);
    memset(line, '\x01', sizeof line); /* six bytes each, as JSON */
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 1000; i++)
        fwrite(line, 1, sizeof line, file);
    fclose(file);
    snprintf(
        text, sizeof text,
        "{\"name\": \"x\", \"events\": {\"source\": \"simulator\", \"fields\": {\"id\": \"id\", "
        "\"time\": \"time\", \"card\": \"key\"}}, \"lists\": {\"a\": {\"type\": \"text\", "
        "\"file\": \"%s\"}, \"b\": {\"type\": \"text\", \"file\": \"%s\"}}}",
        list_path, list_path);
    assert_false(config_read_text(&config, "test.json", text, strlen(text), &findings));
    assert_int_equal(findings.count, 1);
    findings_close(&findings);
    config_close(&config);
}

static uint64_t print_of(struct config *config, uint32_t feature)
{
    struct findings findings = {0};
    static struct pipeline pipeline;
    if (!pipeline_build(&pipeline, config, &findings)) {
        config_print_findings(config, &findings);
        fail_msg("%u findings", findings.count);
    }
    uint64_t print = pipeline.program.value[pipeline.feature_value[feature]].fingerprint;
    pipeline_close(&pipeline);
    findings_close(&findings);
    return print;
}

/* The journal's text is enough: neither the file nor what it says now matter to it. */
static void test_journalled(void **state)
{
    (void)state;
    static const char *const wanted[] = {"old", "older", NULL};
    static const char *const types[] = {"text", "number", "network"};
    static const char *const lines[] = {"old\nolder\n", "0.1\n-7\n", "10.0.0.0/8\n::1\n"};
    static const char *const others[] = {"new\n", "0.2\n", "11.0.0.0/8\n"};
    for (int i = 0; i < 3; i++) {
        struct findings findings = {0};
        const char *name = i == 1 ? "amount" : "card";
        write_list(lines[i]);
        struct config *old = read_list(types[i], name);
        char *text = config_journalled(old);
        assert_null(strstr(text, list_path));
        write_list(others[i]);
        struct config *new = read_list(types[i], name), *again = calloc(1, sizeof *again);
        assert_non_null(again);
        assert_true(config_read_journalled(again, new, text, strlen(text), &findings));
        if (i == 0)
            expect_members(&again->lists.list[0], wanted);
        uint64_t print = print_of(old, 0);
        assert_true(print_of(again, 0) == print);
        assert_true(print_of(new, 0) != print); /* another list is another meaning */
        assert_true(print_of(again, 1) == print_of(new, 1));
        char *twice = config_journalled(again);
        assert_string_equal(twice, text);
        free(twice);
        free(text);
        config_free(again);
        config_free(new);
        config_free(old);
    }
}

/* The order of a list's values is not a part of what it means, the hash key neither. */
static void test_order(void **state)
{
    (void)state;
    write_list("a\nb\n");
    struct config *first = read_list("text", "card");
    write_list("b\n# c\na\n");
    struct config *second = read_list("text", "card");
    second->key.low++;
    assert_true(print_of(first, 0) == print_of(second, 0));
    config_free(first);
    config_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),    cmocka_unit_test(test_zero_bytes),
        cmocka_unit_test(test_too_much), cmocka_unit_test(test_journalled),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
