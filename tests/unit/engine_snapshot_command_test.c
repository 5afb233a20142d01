/* weir snapshot: what it says and how it ends. */
#include "engine/command.h"
#include "engine/snapshot_description.h"
#include "tests/unit/engine_snapshot_world.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is described ---- */

static void regions_and_lanes_are_described(void **unused)
{
    (void)unused;
    struct snapshot_world *world = snapshot_world_open(16 * 130, 5, false);
    assert_true(snapshot_world_write(world, 42));
    static struct snapshot_description description;
    struct failure failure;
    if (snapshot_describe(&world->disk, "snapshot-00000000000000000042", &description, &failure) !=
        STATUS_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(description.pages[world->rows], 130);
    assert_in_range(description.pages[world->fixed], 1, 3);
    assert_int_equal(description.pages[world->lanes.region], 1);
    assert_int_equal(description.lane_count, 1);
    assert_int_equal(description.lane[0].partition, 3);
    assert_int_equal(description.lane[0].next, 1234);
    json_t *json = snapshot_description_json(&description, 1600000000000);
    json_t *input = json_array_get(json_object_get(json, "inputs"), 0);
    assert_string_equal(json_string_value(json_object_get(input, "name")), "transactions");
    json_t *region = json_array_get(json_object_get(json, "regions"), world->rows);
    assert_string_equal(json_string_value(json_object_get(region, "name")), "card.rows");
    assert_int_equal(json_integer_value(json_object_get(region, "rows")), 16 * 130);
    assert_int_equal(json_integer_value(json_object_get(region, "bytes")), 130 * STATE_PAGE);
    assert_int_equal(json_integer_value(json_object_get(json, "journal_at")), 4000);
    assert_true(json_is_false(json_object_get(json, "bits_equal")));
    const json_t *configuration = json_object_get(json, "configuration");
    assert_string_equal(json_string_value(json_object_get(configuration, "name")), "payments");
    json_decref(json);
    snapshot_facts_close(&description.facts);
    snapshot_world_close(world);
}

/* ---- the command ---- */

static char folder[64];

static void folder_path(char path[256], const char *name)
{
    snprintf(path, 256, "%s/%s", folder, name);
}

/* Runs `weir snapshot ...`, words up to NULL; what it printed goes to `output`. */
static int run(char *output, size_t size, const char *first, ...)
{
    char words[8][256], *arguments[8], path[256];
    int count = 0;
    va_list list;
    va_start(list, first);
    for (const char *word = first; word && count < 8; word = va_arg(list, const char *)) {
        snprintf(words[count], sizeof words[count], "%s", word);
        arguments[count] = words[count];
        count++;
    }
    va_end(list);
    folder_path(path, "output");
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    const struct command *command = command_find("snapshot");
    int code = command->run(command, count, arguments);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    ssize_t length = pread(file, output, size - 1, 0);
    output[length < 0 ? 0 : length] = '\0';
    close(file);
    return code;
}

static int make_folder(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, "/tmp/engine_snapshot_XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **unused)
{
    (void)unused;
    static const char *const names[] = {"snapshot-00000000000000000001",
                                        "snapshot-00000000000000000002", "lock", "output"};
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        folder_path(path, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

/* Snapshots 1 and 2 in the folder, through the machine's own disk. */
static void write_two(void)
{
    struct snapshot_world *world = snapshot_world_open(16 * 70, 5, false);
    struct disk memory = world->disk;
    struct failure failure;
    snapshots_close(world->snapshots);
    assert_int_equal(disk_open(&world->disk, folder, true, &failure), STATUS_OK);
    snapshot_world_snapshots(world, 2, 1 << 20, false);
    assert_true(snapshot_world_write(world, 1));
    assert_true(snapshot_world_write(world, 2));
    snapshots_close(world->snapshots);
    world->snapshots = NULL;
    disk_close(&world->disk);
    world->disk = memory;
    snapshot_world_close(world);
}

static void flip(const char *name, off_t from_end)
{
    char path[256];
    folder_path(path, name);
    int file = open(path, O_RDWR);
    uint8_t byte;
    off_t at = lseek(file, -from_end, SEEK_END);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

static void an_empty_folder_has_none(void **unused)
{
    (void)unused;
    char text[16384];
    assert_int_equal(run(text, sizeof text, "list", folder, NULL), EXIT_GOOD);
    assert_non_null(strstr(text, "no snapshots in "));
    assert_int_equal(run(text, sizeof text, "list", folder, "--json", NULL), EXIT_GOOD);
    assert_string_equal(text, "[]\n");
    assert_int_equal(run(text, sizeof text, "verify", folder, NULL), EXIT_FINDINGS);
    assert_int_equal(run(text, sizeof text, "show", folder, NULL), EXIT_FINDINGS);
    assert_int_equal(run(text, sizeof text, "list", "/nowhere/at/all", NULL), EXIT_FINDINGS);
}

static void good_ones_are_listed_and_shown(void **unused)
{
    (void)unused;
    char text[16384];
    write_two();
    assert_int_equal(run(text, sizeof text, "list", folder, NULL), EXIT_GOOD);
    const char *second = strstr(text, "snapshot-00000000000000000002  entry 2, payments, ");
    assert_non_null(second);
    assert_non_null(strstr(second, "snapshot-00000000000000000001  entry 1"));
    assert_int_equal(run(text, sizeof text, "verify", folder, NULL), EXIT_GOOD);
    assert_int_equal(run(text, sizeof text, "show", folder, NULL), EXIT_GOOD);
    assert_non_null(strstr(text, "entry          2, chain 0000000000000006"));
    assert_non_null(strstr(text, "transactions"));
    assert_non_null(strstr(text, "card.rows"));
    assert_int_equal(run(text, sizeof text, "show", folder, "1", NULL), EXIT_GOOD);
    assert_non_null(strstr(text, "entry          1, chain 0000000000000003"));
    assert_int_equal(run(text, sizeof text, "show", folder, "--config", NULL), EXIT_GOOD);
    assert_int_equal(
        strncmp(text, snapshot_world_configuration, sizeof snapshot_world_configuration - 1), 0);
}

static void damage_is_a_finding(void **unused)
{
    (void)unused;
    char text[16384];
    write_two();
    flip("snapshot-00000000000000000002", 5000);
    assert_int_equal(run(text, sizeof text, "list", folder, NULL), EXIT_GOOD);
    assert_int_equal(run(text, sizeof text, "verify", folder, NULL), EXIT_FINDINGS);
    assert_non_null(strstr(text, "snapshot-00000000000000000002: block 1 of 2 is damaged\n"));
    assert_non_null(strstr(text, "snapshot-00000000000000000001  entry 1"));
    assert_int_equal(run(text, sizeof text, "verify", folder, "1", NULL), EXIT_GOOD);
    assert_int_equal(run(text, sizeof text, "verify", folder, "2", NULL), EXIT_FINDINGS);
    assert_int_equal(run(text, sizeof text, "verify", folder, "--json", NULL), EXIT_FINDINGS);
    json_t *json = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(json), 2);
    assert_true(json_is_false(json_object_get(json_array_get(json, 0), "good")));
    assert_true(json_is_true(json_object_get(json_array_get(json, 1), "good")));
    json_decref(json);
    /* What a recovery would take. */
    assert_int_equal(run(text, sizeof text, "show", folder, NULL), EXIT_GOOD);
    assert_non_null(strstr(text, "entry          1,"));
}

static void nonsense_is_usage(void **unused)
{
    (void)unused;
    char text[16384];
    assert_int_equal(run(text, sizeof text, "lsit", folder, NULL), EXIT_USAGE);
    assert_int_equal(run(text, sizeof text, "list", NULL), EXIT_USAGE);
    assert_int_equal(run(text, sizeof text, "show", folder, "../lock", NULL), EXIT_USAGE);
    assert_int_equal(run(text, sizeof text, "show", folder, "lock", NULL), EXIT_USAGE);
    assert_int_equal(run(text, sizeof text, "show", folder, "77", NULL), EXIT_FINDINGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_and_lanes_are_described),
        cmocka_unit_test_setup_teardown(an_empty_folder_has_none, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(good_ones_are_listed_and_shown, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(damage_is_a_finding, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(nonsense_is_usage, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
