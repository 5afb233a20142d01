/* The machine's directory: made, locked, written, renamed over, listed; and how it fails. */
#include "base/disk.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], place[96];
static struct disk disk;
static struct failure failure;

static void expect_ok(enum status status)
{
    if (status != STATUS_OK)
        fail_msg("%s", failure.text);
}

static int open_one(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, "/tmp/weir_disk_XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(place, sizeof place, "%s/a/b", folder);
    umask(0);
    expect_ok(disk_open(&disk, place, true, &failure));
    return 0;
}

static int close_one(void **unused)
{
    (void)unused;
    disk_close(&disk);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", place, name);
    return path;
}

static void put(const char *name, const char *text)
{
    int handle;
    expect_ok(disk.kind->create(disk.self, name, &handle, &failure));
    expect_ok(disk.kind->write(disk.self, handle, text, strlen(text), &failure));
    expect_ok(disk.kind->sync(disk.self, handle, &failure));
    disk.kind->close(disk.self, handle);
}

static void expect(const char *name, const char *text)
{
    char bytes[64];
    int handle;
    uint64_t size;
    expect_ok(disk.kind->open(disk.self, name, &handle, &size, &failure));
    assert_int_equal(size, strlen(text));
    expect_ok(disk.kind->read(disk.self, handle, 0, bytes, size, &failure));
    assert_memory_equal(bytes, text, size);
    disk.kind->close(disk.self, handle);
}

static void expect_failure(enum status status, enum status wanted, const char *words)
{
    assert_int_equal(status, wanted);
    assert_int_equal(failure.status, wanted);
    if (!strstr(failure.text, words))
        fail_msg("\"%s\" is not in: %s", words, failure.text);
}

static unsigned mode_of(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return about.st_mode & 07777;
}

static void it_is_ours_alone(void **unused)
{
    (void)unused;
    put("x", "secret");
    assert_int_equal(mode_of(place), 0700);
    assert_int_equal(mode_of(path_of("..")), 0700);
    assert_int_equal(mode_of(path_of("x")), 0600);
    assert_int_equal(mode_of(path_of("lock")), 0600);
}

static void a_second_one_is_refused(void **unused)
{
    (void)unused;
    struct disk second;
    expect_failure(disk_open(&second, place, true, &failure), STATUS_STOP, place);
    char holder[64];
    snprintf(holder, sizeof holder, "another process (%d) uses it", (int)getpid());
    assert_non_null(strstr(failure.text, holder));
    assert_null(second.self);
    pid_t child = fork();
    if (child == 0)
        _exit(disk_open(&second, place, true, &failure) == STATUS_STOP ? 7 : 0);
    int ended;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 7);
    disk_close(&disk);
    expect_ok(disk_open(&second, place, true, &failure));
    disk_close(&second);
}

static void a_reader_takes_and_makes_nothing(void **unused)
{
    (void)unused;
    struct disk reader;
    put("x", "here");
    expect_ok(disk_open(&reader, place, false, &failure));
    struct disk writer = disk;
    disk = reader;
    expect("x", "here");
    disk = writer;
    disk_close(&reader);
    expect_failure(disk_open(&reader, path_of("none"), false, &failure), STATUS_STOP,
                   path_of("none"));
    assert_int_equal(access(path_of("none"), F_OK), -1);
}

static void a_link_to_the_directory_is_followed(void **unused)
{
    (void)unused;
    put("x", "here");
    disk_close(&disk);
    char link[96];
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink(place, link), 0);
    expect_ok(disk_open(&disk, link, true, &failure));
    expect("x", "here");
}

static void bytes_come_back(void **unused)
{
    (void)unused;
    static uint8_t bytes[300000], back[300000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    int handle;
    uint64_t size;
    expect_ok(disk.kind->create(disk.self, "x", &handle, &failure));
    expect_ok(disk.kind->write(disk.self, handle, bytes, 1, &failure));
    expect_ok(disk.kind->write(disk.self, handle, bytes + 1, 0, &failure));
    expect_ok(disk.kind->write(disk.self, handle, bytes + 1, sizeof bytes - 1, &failure));
    disk.kind->close(disk.self, handle);
    expect_ok(disk.kind->open(disk.self, "x", &handle, &size, &failure));
    assert_int_equal(size, sizeof bytes);
    expect_ok(disk.kind->read(disk.self, handle, 4097, back, sizeof back - 4097, &failure));
    assert_memory_equal(back, bytes + 4097, sizeof back - 4097);
    expect_ok(disk.kind->read(disk.self, handle, size, back, 0, &failure));
    disk.kind->close(disk.self, handle);
}

/* Past the cache and through it, in any order, it is one file. */
static void whole_units_and_others(void **unused)
{
    (void)unused;
    enum { PIECES = 12 };
    static const size_t sizes[PIECES] = {DISK_UNIT,
                                         3 * DISK_UNIT,
                                         100,
                                         2 * DISK_UNIT,
                                         DISK_UNIT - 100,
                                         DISK_UNIT,
                                         0,
                                         64 * DISK_UNIT,
                                         DISK_UNIT,
                                         1,
                                         DISK_UNIT,
                                         5};
    static _Alignas(DISK_UNIT) uint8_t bytes[80 * DISK_UNIT], back[80 * DISK_UNIT];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    int handle;
    size_t at = 0;
    expect_ok(disk.kind->create(disk.self, "x", &handle, &failure));
    for (size_t i = 0; i < PIECES; i++) {
        expect_ok(disk.kind->write(disk.self, handle, bytes + at, sizes[i], &failure));
        at += sizes[i];
        expect_ok(disk.kind->read(disk.self, handle, 1, back, at - 1, &failure));
        assert_memory_equal(back, bytes + 1, at - 1);
    }
    expect_ok(disk.kind->sync(disk.self, handle, &failure));
    disk.kind->close(disk.self, handle);
    uint64_t size;
    expect_ok(disk.kind->open(disk.self, "x", &handle, &size, &failure));
    assert_int_equal(size, at);
    expect_ok(disk.kind->read(disk.self, handle, 0, back, at, &failure));
    assert_memory_equal(back, bytes, at);
    disk.kind->close(disk.self, handle);
}

static void beyond_the_end_is_a_failure(void **unused)
{
    (void)unused;
    put("x", "four");
    char bytes[8];
    int handle;
    uint64_t size;
    expect_ok(disk.kind->open(disk.self, "x", &handle, &size, &failure));
    expect_failure(disk.kind->read(disk.self, handle, 2, bytes, 3, &failure), STATUS_STOP,
                   path_of("x"));
    assert_non_null(strstr(failure.text, "ends at byte 4, 1 bytes early"));
    assert_int_equal(disk.kind->read(disk.self, handle, 100, bytes, 1, &failure), STATUS_STOP);
    disk.kind->close(disk.self, handle);
}

static void create_empties(void **unused)
{
    (void)unused;
    put("x", "a long text");
    put("x", "short");
    expect("x", "short");
}

/* Whoever has the old one open goes on reading it. */
static void rename_goes_over(void **unused)
{
    (void)unused;
    put("x", "old");
    put("y", "new");
    int handle;
    uint64_t size;
    char bytes[3];
    expect_ok(disk.kind->open(disk.self, "x", &handle, &size, &failure));
    expect_ok(disk.kind->rename(disk.self, "y", "x", &failure));
    expect_ok(disk.kind->sync_names(disk.self, &failure));
    expect("x", "new");
    expect_ok(disk.kind->read(disk.self, handle, 0, bytes, 3, &failure));
    assert_memory_equal(bytes, "old", 3);
    disk.kind->close(disk.self, handle);
    expect_failure(disk.kind->rename(disk.self, "y", "x", &failure), STATUS_STOP, path_of("x"));
}

struct names {
    uint32_t count;
    char name[8][DISK_NAME_MAX];
};

static void each_name(void *context, const char *name)
{
    struct names *names = context;
    assert_true(names->count < 8);
    snprintf(names->name[names->count++], DISK_NAME_MAX, "%s", name);
}

static bool has(const struct names *names, const char *name)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

static void names_are_listed(void **unused)
{
    (void)unused;
    char longest[DISK_NAME_MAX], alien[DISK_NAME_MAX + 1];
    memset(longest, 'n', sizeof longest);
    longest[DISK_NAME_MAX - 1] = '\0';
    memset(alien, 'n', sizeof alien);
    alien[DISK_NAME_MAX] = '\0';
    put("x", "");
    put("y", "");
    put(longest, "");
    assert_int_equal(mkdir(path_of(alien), 0700), 0);
    expect_ok(disk.kind->remove(disk.self, "y", &failure));
    for (int twice = 0; twice < 2; twice++) {
        struct names names = {0};
        expect_ok(disk.kind->list(disk.self, each_name, &names, &failure));
        assert_int_equal(names.count, 2);
        assert_true(has(&names, "x") && has(&names, longest));
    }
}

static void what_is_no_file_is_refused(void **unused)
{
    (void)unused;
    int handle;
    uint64_t size;
    const struct disk_kind *kind = disk.kind;
    expect_failure(kind->open(disk.self, "x", &handle, &size, &failure), STATUS_STOP, path_of("x"));
    assert_int_equal(mkdir(path_of("x"), 0700), 0);
    expect_failure(kind->open(disk.self, "x", &handle, &size, &failure), STATUS_STOP, path_of("x"));
    expect_failure(kind->create(disk.self, "x", &handle, &failure), STATUS_STOP, path_of("x"));
    /* Neither waits for somebody at the other end. */
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    expect_failure(kind->open(disk.self, "pipe", &handle, &size, &failure), STATUS_STOP,
                   "not a plain file");
    expect_failure(kind->create(disk.self, "pipe", &handle, &failure), STATUS_STOP,
                   "not a plain file");
    assert_int_equal(symlink("/etc/passwd", path_of("link")), 0);
    expect_failure(kind->open(disk.self, "link", &handle, &size, &failure), STATUS_STOP, "links");
    expect_failure(kind->remove(disk.self, "none", &failure), STATUS_STOP, path_of("none"));
}

static void a_full_disk_may_be_emptied(void **unused)
{
    (void)unused;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full < 0)
        skip();
    expect_failure(disk.kind->write(disk.self, full, "x", 1, &failure), STATUS_RETRY, "/dev/full");
    assert_non_null(strstr(failure.text, "free some space"));
    close(full);
}

static void too_many_files_may_pass(void **unused)
{
    (void)unused;
    put("x", "here");
    struct rlimit before, none = {3, 3};
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int handle;
    uint64_t size;
    enum status status = disk.kind->open(disk.self, "x", &handle, &size, &failure);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect_failure(status, STATUS_RETRY, path_of("x"));
}

/* The system takes a part first, then refuses: that is no success. */
static void write_beyond(rlim_t limit, const void *bytes, size_t size)
{
    struct rlimit before, small = {limit, limit};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    int handle;
    expect_ok(disk.kind->create(disk.self, "x", &handle, &failure));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum status status = disk.kind->write(disk.self, handle, bytes, size, &failure);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    expect_failure(status, STATUS_STOP, path_of("x"));
    disk.kind->close(disk.self, handle);
}

static void a_write_is_whole_or_a_failure(void **unused)
{
    (void)unused;
    static const _Alignas(DISK_UNIT) char bytes[4 * DISK_UNIT];
    write_beyond(1000, bytes, 3000);
    write_beyond(2 * DISK_UNIT, bytes, sizeof bytes);
}

static void a_missing_right_is_final(void **unused)
{
    (void)unused;
    struct disk other;
    char inner[128];
    snprintf(inner, sizeof inner, "%s/c", place);
    /* The superuser has every right, so be somebody else for a moment. */
    bool root = geteuid() == 0;
    disk_close(&disk);
    assert_int_equal(chmod(place, 0555), 0);
    assert_int_equal(chmod(path_of(".."), 0755), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_true(!root || seteuid(65534) == 0);
    enum status status = disk_open(&other, inner, true, &failure);
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(chmod(place, 0700), 0);
    expect_failure(status, STATUS_STOP, "give the user that runs weir the right");
}

static void impossible_paths(void **unused)
{
    (void)unused;
    struct disk other;
    static char path[8192];
    expect_failure(disk_open(&other, "", true, &failure), STATUS_STOP, "empty");
    memset(path, 'x', sizeof path - 1);
    expect_failure(disk_open(&other, path, true, &failure), STATUS_STOP, "too long");
    put("file", "");
    snprintf(path, sizeof path, "%s/under", path_of("file"));
    expect_failure(disk_open(&other, path, true, &failure), STATUS_STOP, path);
}

static bool aborts(const char *name)
{
    pid_t child = fork();
    if (child == 0) {
        int handle;
        signal(SIGABRT, SIG_DFL);
        close(2);
        disk.kind->create(disk.self, name, &handle, &failure);
        _exit(0);
    }
    int ended;
    assert_int_equal(waitpid(child, &ended, 0), child);
    return WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT;
}

/* Our own fault, not the world's: a name must never lead out of the directory. */
static void names_lead_nowhere_else(void **unused)
{
    (void)unused;
    char too_long[DISK_NAME_MAX + 1];
    memset(too_long, 'n', DISK_NAME_MAX);
    too_long[DISK_NAME_MAX] = '\0';
    const char *const names[] = {"", ".", "..", "lock", "a/b", "/etc", "../x", too_long};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(aborts(names[i]));
    assert_false(aborts("n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_ours_alone),
        TEST(a_second_one_is_refused),
        TEST(a_reader_takes_and_makes_nothing),
        TEST(a_link_to_the_directory_is_followed),
        TEST(bytes_come_back),
        TEST(whole_units_and_others),
        TEST(beyond_the_end_is_a_failure),
        TEST(create_empties),
        TEST(rename_goes_over),
        TEST(names_are_listed),
        TEST(what_is_no_file_is_refused),
        TEST(a_full_disk_may_be_emptied),
        TEST(too_many_files_may_pass),
        TEST(a_write_is_whole_or_a_failure),
        TEST(a_missing_right_is_final),
        TEST(impossible_paths),
        TEST(names_lead_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
