/* What `weir lint --against` reads: the newest good snapshot of a directory, compared with another
 * configuration. */
#include "engine/migrate_against.h"
#include "engine/snapshot.h"
#include "tests/unit/engine_trial.h"
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD                                                                                       \
    "'memory': '16MiB', 'events': {'source': 'file', 'path': '-', 'fields': {'id': 'id', 'time': " \
    "'time', 'card': 'key', 'amount': 'number'}}, "

static const char old_text[] = "{'name': 'shop', 'description': 'before', " HEAD
                               "'features': {'n': 'count() by card over 1h', 'last': 'age() by "
                               "card'}}";
static const char new_text[] = "{'name': 'shop', 'description': 'after', " HEAD
                               "'features': {'n': 'count() by card over 1h', 'm': 'sum(amount) by "
                               "card over 1h', 'k': 'count() by card over 1d'}}";
static const char other_text[] =
    "{'name': 'other', " HEAD "'features': {'n': 'count() by card over 1h'}}";

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/weir-against-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about, (void)type, (void)walk;
    return remove(path);
}

static int remove_directory(void **state)
{
    (void)state;
    return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* A snapshot of a fresh state of this configuration. */
static void write_snapshot(const char *text, const char *path, uint64_t sequence)
{
    uint64_t now_ns = 0;
    struct clock clock = {trial_wall_ms, trial_monotonic_ns, &now_ns};
    struct trial *trial = trial_open(text);
    struct failure failure;
    struct snapshots *snapshots;
    struct snapshots_setting setting = {.clock = &clock, .keep = 2, .aside_size = 1 << 20};
    assert_int_equal(disk_open(&setting.disk, path, true, &failure), STATUS_OK);
    assert_int_equal(snapshots_open(&snapshots, &setting, &failure), STATUS_OK);
    struct snapshot_facts facts = {.sequence = sequence, .chain = 5}, written = {0};
    snprintf(facts.pipeline, sizeof facts.pipeline, "%s", trial->config.name);
    facts.configuration = config_journalled(&trial->config);
    facts.configuration_size = strlen(facts.configuration);
    state_set_journal(&trial->pipeline.state, sequence, 5);
    snapshots_begin(snapshots, &trial->pipeline.state, &facts);
    snapshots_commit(snapshots, 7);
    while (snapshots_turn(snapshots, &written) != STATUS_OK) {
        assert_true(snapshots_busy(snapshots));
        snapshots_step(snapshots, 1000);
    }
    snapshot_facts_close(&written);
    free(facts.configuration);
    snapshots_close(snapshots);
    disk_close(&setting.disk);
    trial_close(trial);
}

static const struct migration_line *line_of(const struct migration_report *report, const char *part)
{
    for (uint32_t i = 0; i < report->count; i++)
        if (strcmp(report->lines[i].part, part) == 0)
            return &report->lines[i];
    fail_msg("nothing is said of %s", part);
    return NULL;
}

static void check_report(const char *place)
{
    struct trial *trial = trial_new(new_text);
    struct migration_report report = {0};
    struct failure failure = {0};
    char snapshot[DISK_NAME_MAX];
    assert_int_equal(migrate_against(&trial->pipeline, place, snapshot, &report, &failure),
                     STATUS_OK);
    assert_string_equal(snapshot, "snapshot-00000000000000000009");
    assert_int_equal(line_of(&report, "feature n")->outcome, MIGRATION_KEPT);
    assert_int_equal(line_of(&report, "feature m")->outcome, MIGRATION_ANEW);
    assert_int_equal(line_of(&report, "feature k")->outcome, MIGRATION_REFILLED);
    assert_non_null(strstr(line_of(&report, "feature k")->why, "reach back 2h"));
    assert_int_equal(line_of(&report, "feature last")->outcome, MIGRATION_GONE);
    migration_report_close(&report);
    trial_close(trial);
}

static void the_newest_snapshot_is_compared(void **state)
{
    (void)state;
    char folder[128];
    write_snapshot(old_text, directory, 8);
    write_snapshot(old_text, directory, 9);
    check_report(directory);
    /* The configuration names the directory in which each pipeline has its folder. */
    snprintf(folder, sizeof folder, "%s/states", directory);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(folder, sizeof folder, "%s/states/shop", directory);
    write_snapshot(old_text, folder, 9);
    snprintf(folder, sizeof folder, "%s/states", directory);
    check_report(folder);
}

static void what_cannot_be_compared_is_said(void **state)
{
    (void)state;
    struct trial *trial = trial_new(other_text);
    struct migration_report report = {0};
    struct failure failure = {0};
    char snapshot[DISK_NAME_MAX];
    assert_int_equal(migrate_against(&trial->pipeline, directory, snapshot, &report, &failure),
                     STATUS_STOP);
    assert_non_null(strstr(failure.text, "no snapshot"));
    write_snapshot(old_text, directory, 8);
    assert_int_equal(migrate_against(&trial->pipeline, directory, snapshot, &report, &failure),
                     STATUS_STOP);
    assert_non_null(strstr(failure.text, "of pipeline 'shop', not 'other'"));
    assert_int_equal(report.count, 0);
    trial_close(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_snapshot_is_compared, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(what_cannot_be_compared_is_said, make_directory,
                                        remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
