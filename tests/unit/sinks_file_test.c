/* Lines in files: appended, flushed when an entry settles, shared by streams, torn ends mended; and
 * the table. */
#include "sinks/sink.h"
#include "tests/unit/base_options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    char folder[64], path[96];
};

static int make_folder(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    snprintf(scene->folder, sizeof scene->folder, "/tmp/weir-file-sink-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    snprintf(scene->path, sizeof scene->path, "%s/out.jsonl", scene->folder);
    *state = scene;
    return 0;
}

static int remove_folder(void **state)
{
    struct scene *scene = *state;
    unlink(scene->path);
    rmdir(scene->folder);
    free(scene);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_file(const char *path, const char *expected)
{
    char text[1024];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

static void *options_make(const char *json)
{
    const struct sink_kind *kind = sink_find("file");
    return options_of_json(kind->options, kind->option_size, json);
}

static void *options_of(const struct scene *scene, const char *more)
{
    char json[256];
    snprintf(json, sizeof json, "{\"path\": \"%s\"%s}", scene->path, more);
    return options_make(json);
}

static enum status put(void *sink, enum stream stream, const char *text)
{
    struct failure failure;
    struct output output = {
        .stream = stream, .key = "k", .key_size = 1, .bytes = text, .size = (uint32_t)strlen(text)};
    return sink_find("file")->put(sink, &output, &failure);
}

static void *open_sink(void *decisions, void *alerts)
{
    struct failure failure;
    void *sink = NULL;
    struct sink_setting setting = {
        .options = {[STREAM_DECISIONS] = decisions, [STREAM_ALERTS] = alerts}};
    assert_int_equal(sink_find("file")->open(&sink, &setting, &failure), STATUS_OK);
    return sink;
}

static void test_lines_are_there_when_settled(void **state)
{
    const struct scene *scene = *state;
    const struct sink_kind *kind = sink_find("file");
    struct failure failure;
    void *options = options_of(scene, "");
    void *sink = open_sink(options, NULL);
    uint64_t settled = 99;
    assert_int_equal(put(sink, STREAM_DECISIONS, "{\"id\":1}"), STATUS_OK);
    assert_int_equal(kind->settled(sink, &settled, &failure), STATUS_OK);
    assert_int_equal(settled, 0);
    assert_int_equal(put(sink, STREAM_DECISIONS, "{\"id\":2}"), STATUS_OK);
    assert_int_equal(kind->settle(sink, 1, &failure), STATUS_OK);
    expect_file(scene->path, "{\"id\":1}\n{\"id\":2}\n");
    assert_int_equal(kind->settled(sink, &settled, &failure), STATUS_OK);
    assert_int_equal(settled, 1);
    kind->close(sink);
    free(options);
}

static void test_appends_unless_told_to_truncate(void **state)
{
    const struct scene *scene = *state;
    const struct sink_kind *kind = sink_find("file");
    write_file(scene->path, "old\n");
    void *options = options_of(scene, ", \"sync\": true");
    void *sink = open_sink(options, NULL);
    put(sink, STREAM_DECISIONS, "new");
    kind->close(sink);
    free(options);
    expect_file(scene->path, "old\nnew\n");

    options = options_of(scene, ", \"truncate\": true");
    sink = open_sink(options, NULL);
    put(sink, STREAM_DECISIONS, "only");
    kind->close(sink);
    free(options);
    expect_file(scene->path, "only\n");
}

static void test_torn_line_does_not_spoil_the_next(void **state)
{
    const struct scene *scene = *state;
    write_file(scene->path, "whole\n{\"id\":\"tor");
    void *options = options_of(scene, "");
    void *sink = open_sink(options, NULL);
    put(sink, STREAM_DECISIONS, "next");
    sink_find("file")->close(sink);
    free(options);
    expect_file(scene->path, "whole\n{\"id\":\"tor\nnext\n");
}

static void test_two_streams_share_a_file(void **state)
{
    const struct scene *scene = *state;
    void *first = options_of(scene, ""), *second = options_of(scene, "");
    void *sink = open_sink(first, second);
    put(sink, STREAM_DECISIONS, "1");
    put(sink, STREAM_ALERTS, "2");
    put(sink, STREAM_DECISIONS, "3");
    sink_find("file")->close(sink);
    free(first);
    free(second);
    expect_file(scene->path, "1\n2\n3\n");
}

static void test_what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    struct failure failure;
    void *sink = NULL, *options = options_make("{\"path\": \"/nowhere/at/all\"}");
    struct sink_setting setting = {.options = {[STREAM_ALERTS] = options}};
    assert_int_equal(sink_find("file")->open(&sink, &setting, &failure), STATUS_STOP);
    assert_string_equal(failure.text,
                        "output alerts: could not open /nowhere/at/all: No such file or directory");
    free(options);
}

/* /dev/full takes nothing: a settle that fails is told, and the entry is not safe. */
static void test_full_disk_stops(void **state)
{
    (void)state;
    const struct sink_kind *kind = sink_find("file");
    struct failure failure;
    uint64_t settled = 99;
    void *options = options_make("{\"path\": \"/dev/full\"}");
    void *sink = open_sink(options, NULL);
    assert_int_equal(put(sink, STREAM_DECISIONS, "lost"), STATUS_OK);
    assert_int_equal(kind->settle(sink, 1, &failure), STATUS_STOP);
    assert_non_null(strstr(failure.text, "/dev/full"));
    kind->settled(sink, &settled, &failure);
    assert_int_equal(settled, 0);
    kind->close(sink);
    free(options);
}

static void test_none_discards_and_settles(void **state)
{
    (void)state;
    const struct sink_kind *kind = sink_find("none");
    struct failure failure;
    struct sink_setting setting = {0};
    struct output output = {.bytes = "x", .size = 1};
    uint64_t settled = 0;
    void *sink = NULL;
    assert_int_equal(kind->open(&sink, &setting, &failure), STATUS_OK);
    assert_int_equal(kind->put(sink, &output, &failure), STATUS_OK);
    assert_int_equal(kind->settle(sink, 7, &failure), STATUS_OK);
    assert_int_equal(kind->settled(sink, &settled, &failure), STATUS_OK);
    assert_int_equal(settled, 7);
    kind->close(sink);
}

/* Every row has what the header promises. */
static void test_table_is_complete(void **state)
{
    (void)state;
    for (const struct sink_kind *const *row = sink_table; *row; row++) {
        const struct sink_kind *kind = *row;
        assert_ptr_equal(sink_find(kind->name), kind);
        assert_true(kind->summary && kind->options && kind->open && kind->put && kind->settle);
        assert_true(kind->settled && kind->descriptor && kind->close);
        for (const struct option *option = kind->options; option->name; option++)
            assert_true(option->help && option->offset < kind->option_size);
    }
    assert_null(sink_find("pigeon"));
    assert_string_equal(stream_name(STREAM_DEAD_LETTERS), "dead_letters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_are_there_when_settled, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_appends_unless_told_to_truncate, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_torn_line_does_not_spoil_the_next, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_two_streams_share_a_file, make_folder, remove_folder),
        cmocka_unit_test(test_what_cannot_be_opened_is_named),
        cmocka_unit_test(test_full_disk_stops),
        cmocka_unit_test(test_none_discards_and_settles),
        cmocka_unit_test(test_table_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
