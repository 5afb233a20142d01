/* Time zones whose rules have changed: a state goes on by those that it was made by, and over to
 * the new ones only where they differ for times that matter. */
#include "tests/unit/engine_migrate_report.h"

enum { START_S = 1700000000, YEAR_S = 366 * 86400 };

/* An hour ahead of UTC; two from a moment on. */
static const char pipeline_text[] =
    "{'name': 'zones', 'memory': '32MiB', 'lateness': '1m', 'time_zone': 'Europe/Berlin',"
    " 'time_zones': {'Europe/Berlin': [3600, %lld, 7200], 'Asia/Tokyo': [32400]},"
    " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
    "  'card': 'key'}},"
    " 'features': {'today': 'count() by card over today', 'week': 'count() by card over 7d',"
    "  'there': 'hour(time, \\\"Asia/Tokyo\\\")', 'early': 'count() by card over 7d where "
    "hour(time) "
    "< 6'}}";

static struct trial *open_trial(int64_t summer_s)
{
    char text[1200];
    snprintf(text, sizeof text, pipeline_text, (long long)summer_s);
    return trial_open(text);
}

static double event(struct trial *trial, int64_t second)
{
    char text[100];
    snprintf(text, sizeof text, "{\"id\":\"e\",\"time\":%lld,\"card\":\"c\"}", (long long)second);
    batch_clear(&trial->batch);
    trial_add(trial, RECORD_EVENT, text);
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[0]);
    return batch_column(&trial->batch, trial->pipeline.feature_value[0])[0].number;
}

static void test_rules_are_journalled(void **state)
{
    (void)state;
    struct findings findings = {0};
    struct trial *old = open_trial(START_S - 1000), *now = open_trial(START_S - 2000);
    char *text = config_journalled(&old->config);
    assert_non_null(strstr(text, "\"Europe/Berlin\":[3600,1699999000,7200]"));
    assert_non_null(strstr(text, "\"Asia/Tokyo\":[32400]"));
    struct config *again = calloc(1, sizeof *again);
    assert_true(config_read_journalled(again, &now->config, text, strlen(text), &findings));
    assert_true(again->zone->fingerprint == old->config.zone->fingerprint);
    assert_true(again->zone->fingerprint != now->config.zone->fingerprint);
    /* A state that was made by the old rules is taken by a pipeline that was read so. */
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    struct failure failure;
    assert_true(pipeline_build(pipeline, again, &findings));
    event(old, START_S);
    uint64_t hash = state_hash(&old->pipeline.state);
    assert_int_equal(pipeline_adopt(pipeline, &old->pipeline.state, &failure), STATUS_OK);
    assert_true(state_hash(&pipeline->state) == hash);
    assert_int_equal(pipeline_adopt(&now->pipeline, &pipeline->state, &failure), STATUS_STOP);
    pipeline_close(pipeline);
    config_close(again);
    free(again);
    free(pipeline);
    free(text);
    trial_close(old);
    trial_close(now);
}

static bool keeps(int64_t old_s, int64_t new_s, int64_t newest_s)
{
    struct trial *old = open_trial(old_s), *now = open_trial(new_s);
    char *before = config_journalled(&old->config), *own = config_journalled(&now->config);
    char *text = config_keep_zones(own, before, newest_s * 1000);
    bool kept = strcmp(text, before) == 0;
    assert_true(kept || strcmp(text, own) == 0);
    free(text);
    free(own);
    free(before);
    trial_close(old);
    trial_close(now);
    return kept;
}

static void test_what_matters(void **state)
{
    (void)state;
    assert_true(keeps(START_S, START_S, START_S));
    assert_false(keeps(START_S, START_S + 60, START_S));
    assert_false(keeps(START_S, START_S + 60, START_S + 9 * YEAR_S));
    assert_true(keeps(START_S, START_S + 60, START_S + 12 * YEAR_S));
    assert_false(keeps(START_S, START_S + 60, START_S - YEAR_S));
    assert_true(keeps(START_S, START_S + 60, START_S - 3LL * YEAR_S));
}

/* Days begin elsewhere: the events that are kept fill them again; what looks at no clock goes on.
 */
static void test_gone_over(void **state)
{
    (void)state;
    struct migration_report report;
    int64_t noon_s = START_S - START_S % 86400 + 12 * 3600, night_s = noon_s + 10 * 3600 + 1800;
    struct trial *old = open_trial(1);
    event(old, noon_s);
    assert_true(event(old, night_s) == 1); /* at half past midnight */
    struct trial *new = move_to(open_trial(night_s + YEAR_S), old, &report);
    check_line(&report, "feature today", MIGRATION_REFILLED, "changed: from the events");
    check_line(&report, "feature week", MIGRATION_KEPT, "");
    check_line(&report, "feature early", MIGRATION_ANEW, "do not hold");
    migration_report_close(&report);
    assert_true(event(new, night_s + 60) == 3); /* one day still, an hour earlier */
    trial_close(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_are_journalled),
        cmocka_unit_test(test_what_matters),
        cmocka_unit_test(test_gone_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
