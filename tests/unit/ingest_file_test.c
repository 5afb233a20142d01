/* Files as sources: lines, their numbers and ends, gzip, pipes. */
#include "ingest/file_source.h"
#include "ingest/source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

extern const struct source_kind file_source;

static char folder[] = "/tmp/weir_file_XXXXXX";
static void *source;
static struct failure failure;

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static enum status open_path(const char *path, enum file_format format)
{
    struct file_options options = {.format = (int)format};
    snprintf(options.path, sizeof options.path, "%s", path);
    const struct source_setting setting = {.options = &options};
    return file_source.open(&source, &setting, &failure);
}

static void open_file(const char *name)
{
    if (open_path(path_of(name), FILE_FORMAT_AUTO) != STATUS_OK)
        fail_msg("%s", failure.text);
}

static void open_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
    open_file(name);
}

static void expect_line(const char *text, int64_t line)
{
    struct record record, again;
    assert_int_equal(file_source.peek(source, 0, &record, &failure), STATUS_OK);
    assert_int_equal(file_source.peek(source, 0, &again, &failure), STATUS_OK);
    assert_ptr_equal(record.bytes, again.bytes);
    assert_int_equal(record.size, strlen(text));
    if (record.size)
        assert_memory_equal(record.bytes, text, record.size);
    assert_int_equal(record.offset, line);
    assert_true(record.timestamp_ms == INT64_MIN);
    file_source.take(source, 0);
}

static void expect_status(enum status status)
{
    struct record record;
    assert_int_equal(file_source.peek(source, 0, &record, &failure), status);
}

static void expect_end(void)
{
    expect_status(STATUS_END);
    expect_status(STATUS_END);
    file_source.close(source);
}

static void test_lines(void **state)
{
    (void)state;
    open_text("a.jsonl", "one\r\n\ntwo\nlast");
    assert_null(file_source.header(source));
    assert_int_equal(file_source.descriptor(source), -1);
    assert_int_equal(file_source.lane_count(source), 1);
    expect_line("one", 1);
    expect_line("", 2);
    expect_line("two", 3);
    expect_line("last", 4);
    expect_end();
    open_text("a.jsonl", "\xEF\xBB\xBF{}\n");
    expect_line("{}", 1);
    expect_end();
    open_text("a.jsonl", "");
    expect_end();
}

static void test_csv_header(void **state)
{
    (void)state;
    open_text("a.csv", "\xEF\xBB\xBFid,amount\r\n1,2\r\n3,4");
    assert_string_equal(file_source.header(source), "id,amount");
    assert_string_equal(file_source.header(source), "id,amount");
    expect_line("1,2", 2);
    expect_line("3,4", 3);
    expect_end();
    open_text("a.csv", "id\n1\n");
    expect_line("1", 2);
    expect_end();
    open_text("a.csv", "");
    assert_null(file_source.header(source));
    expect_end();
    write_file("a.txt", "id\n1\n", 5);
    assert_int_equal(open_path(path_of("a.txt"), FILE_FORMAT_CSV), STATUS_OK);
    assert_string_equal(file_source.header(source), "id");
    expect_line("1", 2);
    expect_end();
}

/* Lines around the limit, and far more than a block of it; those after them are untouched. */
static void test_oversized(void **state)
{
    (void)state;
    static const size_t sizes[] = {BATCH_PAYLOAD_MAX, BATCH_PAYLOAD_MAX + 1, BATCH_PAYLOAD_MAX + 2,
                                   3 << 20};
    char *text = malloc((3 << 20) + 16);
    for (int i = 0; i < 4; i++) {
        memset(text, 'x', sizes[i]);
        strcpy(text + sizes[i], "\nnext\n");
        write_file("big.jsonl", text, sizes[i] + 6);
        open_file("big.jsonl");
        struct record record;
        assert_int_equal(file_source.peek(source, 0, &record, &failure), STATUS_OK);
        size_t shown = i == 0 ? BATCH_PAYLOAD_MAX : BATCH_PAYLOAD_MAX + 1;
        assert_int_equal(record.size, shown);
        assert_memory_equal(record.bytes, text, shown);
        file_source.take(source, 0);
        expect_line("next", 2);
        expect_end();
        write_file("big.jsonl", text, sizes[i]);
        open_file("big.jsonl");
        expect_status(STATUS_OK);
        file_source.take(source, 0);
        expect_end();
    }
    free(text);
}

static size_t write_gzip(const char *name, const char *mode, int lines)
{
    gzFile file = gzopen(path_of(name), mode);
    for (int i = 0; i < lines; i++)
        gzprintf(file, "{\"line\":%d}\n", i);
    gzclose(file);
    FILE *written = fopen(path_of(name), "rb");
    fseek(written, 0, SEEK_END);
    size_t size = (size_t)ftell(written);
    fclose(written);
    return size;
}

static void expect_numbered(int64_t from, int64_t to, int64_t first)
{
    for (int64_t i = from; i < to; i++) {
        char text[32];
        snprintf(text, sizeof text, "{\"line\":%d}", (int)i);
        expect_line(text, first + i - from);
    }
}

static void test_gzip(void **state)
{
    (void)state;
    write_gzip("b.jsonl.gz", "wb", 200000);
    open_file("b.jsonl.gz");
    expect_numbered(0, 200000, 1);
    expect_end();
    /* Several members, one after the other. */
    write_gzip("b.jsonl.gz", "ab", 3);
    open_file("b.jsonl.gz");
    expect_numbered(0, 200000, 1);
    expect_numbered(0, 3, 200001);
    expect_end();
    open_text("plain.jsonl.gz", "not packed\n");
    expect_line("not packed", 1);
    expect_end();
}

static void test_damaged_gzip(void **state)
{
    (void)state;
    size_t size = write_gzip("c.jsonl.gz", "wb", 1000);
    assert_int_equal(truncate(path_of("c.jsonl.gz"), (off_t)size / 2), 0);
    open_file("c.jsonl.gz");
    struct record record;
    enum status status;
    while ((status = file_source.peek(source, 0, &record, &failure)) == STATUS_OK)
        file_source.take(source, 0);
    assert_int_equal(status, STATUS_STOP);
    assert_non_null(strstr(failure.text, "it is cut short"));
    expect_status(STATUS_STOP);
    file_source.close(source);
    write_file("d.jsonl.gz", "\x1f\x8b nonsense nonsense", 20);
    open_file("d.jsonl.gz");
    expect_status(STATUS_STOP);
    assert_non_null(strstr(failure.text, "it is damaged"));
    file_source.close(source);
}

static void test_unreadable(void **state)
{
    (void)state;
    assert_int_equal(open_path(path_of("none.jsonl"), FILE_FORMAT_AUTO), STATUS_STOP);
    assert_non_null(strstr(failure.text, "No such file or directory"));
    assert_int_equal(open_path(folder, FILE_FORMAT_AUTO), STATUS_STOP);
    assert_non_null(strstr(failure.text, "it is a folder"));
}

/* A pipe gives what is there and says RETRY, also in the middle of a line. */
static void test_standard_input(void **state)
{
    (void)state;
    int ends[2], saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[0], STDIN_FILENO);
    assert_int_equal(open_path("-", FILE_FORMAT_JSONL), STATUS_OK);
    assert_true(file_source.descriptor(source) >= 0);
    expect_status(STATUS_RETRY);
    assert_int_equal(write(ends[1], "o", 1), 1);
    expect_status(STATUS_RETRY);
    assert_int_equal(write(ends[1], "ne\ntw", 5), 5);
    expect_line("one", 1);
    expect_status(STATUS_RETRY);
    assert_int_equal(write(ends[1], "o", 1), 1);
    close(ends[1]);
    expect_line("two", 2);
    expect_end();
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(ends[0]);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[600];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_csv_header),
        cmocka_unit_test(test_oversized),      cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_damaged_gzip),   cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_standard_input),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
