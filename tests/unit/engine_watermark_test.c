/* Event time's progress over partitions, and what waits for it. */
#include "engine/watermark.h"
#include "tests/unit/engine_trial.h"

static const char pipeline_text[] =
    "{'name': 't', 'memory': '32MiB',"
    " 'events': {'source': 'file', 'path': 'x', 'idle_after': '10s',"
    "  'fields': {'id': 'id', 'time': 'time', 'card': 'key'}},"
    " 'labels': {'event_field': 'fraud', 'delay': '10s'},"
    " 'features': {'n': 'count() by card over 1h'}}";

/* The times of events and of their arrival in seconds; arrival 0: not known. */
static uint32_t event(struct trial *trial, int32_t partition, int64_t second, int64_t arrival)
{
    char text[120];
    snprintf(text, sizeof text, "{\"id\":\"e\",\"time\":%lld,\"card\":\"c\",\"fraud\":1}",
             (long long)second);
    uint32_t row = trial_add(trial, RECORD_EVENT, text);
    trial->batch.position[row].partition = partition;
    trial->batch.arrival_ms[row] = arrival ? arrival * 1000 : INT64_MIN;
    return row;
}

static int64_t watermark_s(const struct trial *trial)
{
    return trial_fold(trial)->watermark_ms / 1000;
}

static void run(struct trial *trial)
{
    step(&trial->pipeline, &trial->batch);
    batch_clear(&trial->batch);
}

static void test_least_of_the_active(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 0, 100, 1000);
    event(trial, 5, 50, 1000);
    run(trial);
    assert_int_equal(watermark_s(trial), 100); /* it was there and never goes back */
    event(trial, 0, 200, 1001);
    run(trial);
    assert_int_equal(watermark_s(trial), 100);
    event(trial, 5, 150, 1002);
    event(trial, 0, 300, 1002);
    run(trial);
    assert_int_equal(watermark_s(trial), 150);
    event(trial, 5, 400, 1002);
    run(trial);
    assert_int_equal(watermark_s(trial), 300);
    assert_int_equal(trial_fold(trial)->newest_ms, 400 * 1000);
    trial_close(trial);
}

/* Ten seconds of silence are allowed, not one millisecond more; who comes back counts again. */
static void test_idle_partition(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 0, 100, 1000);
    event(trial, 1, 100, 1000);
    event(trial, 0, 200, 1010);
    run(trial);
    assert_int_equal(watermark_s(trial), 100);
    event(trial, 0, 201, 1011);
    run(trial);
    assert_int_equal(watermark_s(trial), 201);
    event(trial, 1, 202, 1012);
    event(trial, 0, 300, 1012);
    run(trial);
    assert_int_equal(watermark_s(trial), 202);
    struct partition_report report;
    uint32_t at = 0;
    assert_true(watermark_report(&trial->pipeline, &at, &report));
    assert_int_equal(report.partition, 0);
    assert_int_equal(report.behind_ms, 0);
    assert_true(watermark_report(&trial->pipeline, &at, &report));
    assert_int_equal(report.partition, 1);
    assert_int_equal(report.behind_ms, 98 * 1000);
    assert_false(report.idle);
    assert_false(watermark_report(&trial->pipeline, &at, &report));
    trial_close(trial);
}

/* Waits end by the watermark: the partition that lags may have events of that time to come. */
static void test_waits(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 0, 100, 1000);
    event(trial, 1, 100, 1000);
    event(trial, 0, 150, 1000);
    run(trial);
    assert_int_equal(trial_fold(trial)->told, 0);
    event(trial, 1, 110, 1000);
    run(trial);
    assert_int_equal(trial_fold(trial)->told, 2);
    trial_close(trial);
}

/* Files have no arrival and lie one behind the other: the newest event is how far it is. */
static void test_files(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 0, 100, 0);
    event(trial, 0, 200, 0);
    event(trial, 0, 150, 0);
    run(trial);
    assert_int_equal(watermark_s(trial), 200);
    assert_int_equal(trial_fold(trial)->newest_ms, 200 * 1000);
    uint32_t at = 0;
    struct partition_report report;
    assert_false(watermark_report(&trial->pipeline, &at, &report));
    trial_close(trial);
}

/* A partition's wrong clock moves it no further than what is believed of all. */
static void test_wrong_clock(void **state)
{
    (void)state;
    static const int64_t day = 86400;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 0, 100, 90 * day);
    event(trial, 1, 100 + 80 * day, 90 * day);
    run(trial);
    assert_int_equal(watermark_s(trial), 100);
    event(trial, 0, 101, 90 * day);
    run(trial);
    assert_int_equal(watermark_s(trial), 100);
    event(trial, 1, 102, 90 * day);
    run(trial);
    assert_int_equal(watermark_s(trial), 101);
    trial_close(trial);
}

/* The leader's clock may be set back; nobody is idle for that. */
static void test_clock_set_back(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 0, 100, 1000);
    event(trial, 1, 100, 1000);
    event(trial, 0, 120, 900);
    run(trial);
    assert_int_equal(watermark_s(trial), 100);
    assert_int_equal(trial_fold(trial)->arrival_ms, 1000 * 1000);
    trial_close(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_of_the_active),
        cmocka_unit_test(test_idle_partition),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_wrong_clock),
        cmocka_unit_test(test_clock_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
