/* The monitor in a state: alarms become model events, recent metrics follow, and all of it is
 * bytes. */
#include "monitor/monitor.h"
#include "tests/unit/monitor_helper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { WATCHERS = 3, RECENT = 500 };

struct room {
    struct monitor *monitor;
    struct state state;
    struct batch batch;
};

static void room_open(struct room *room)
{
    const struct detector_kind *adwin = detector_find("adwin");
    const struct detector_kind *page_hinkley = detector_find("page_hinkley");
    void *standard = options_make(adwin), *often = options_make(page_hinkley);
    option_set(page_hinkley, often, "threshold", 0.1);
    option_set(page_hinkley, often, "minimum", 1);
    option_set(page_hinkley, often, "direction", DIRECTION_BOTH);
    const struct detector_setting settings[WATCHERS] = {
        {"score_drift", adwin, standard, WATCH_VALUE, 1, "score", 77},
        {"error_drift", adwin, standard, WATCH_ERROR, 0, "", 0},
        {"loss_drift", page_hinkley, often, WATCH_LOSS, 0, "", 0},
    };
    const struct monitor_setting setting = {.detector_count = WATCHERS,
                                            .detector = settings,
                                            .alert_outcome = 1,
                                            .recent_labels = RECENT};
    room->monitor = monitor_open(&setting);
    free(standard);
    free(often);
    struct state_layout layout;
    struct failure failure;
    state_layout_init(&layout);
    monitor_declare(room->monitor, &layout);
    assert_int_equal(state_open(&room->state, &layout, &failure), STATUS_OK);
    monitor_start(room->monitor, &room->state);
    assert_int_equal(batch_open(&room->batch, 2, 0, &failure), STATUS_OK);
    room->batch.count = BATCH_RECORDS_MAX;
    room->batch.time_ms[7] = 1234567;
}

static void room_close(struct room *room)
{
    batch_close(&room->batch);
    state_close(&room->state);
    monitor_close(room->monitor);
}

static uint32_t room_event(struct room *room, double score)
{
    batch_column(&room->batch, 1)[7].number = score;
    return monitor_event(room->monitor, &room->state, &room->batch, 7);
}

static uint32_t room_label(struct room *room, double score, double label, uint32_t outcome)
{
    const struct judged judged = {score, label, 1, outcome, 0, 0};
    return monitor_label(room->monitor, &room->state, &room->batch, 7, &judged);
}

static void test_a_value_that_drifts(void **state)
{
    (void)state;
    struct room room;
    room_open(&room);
    uint32_t alarms = 0;
    for (uint32_t i = 0; i < 1000; i++)
        alarms |= room_event(&room, i % 5 == 0 ? MISSING : 0.125);
    assert_int_equal(alarms, 0);
    for (uint32_t i = 0; i < 200; i++)
        alarms |= room_event(&room, 0.5);
    assert_int_equal(alarms, 1);
    assert_int_equal(room.batch.event_count, 1);
    const struct model_event *event = &room.batch.events[0];
    assert_int_equal(event->kind, MODEL_EVENT_DRIFT);
    assert_int_equal(event->row, 7);
    assert_int_equal(event->time_ms, 1234567);
    assert_string_equal(event->model, "");
    assert_string_equal(event->detail, "score_drift: adwin on score: 0.1250 -> 0.5000");
    room_close(&room);
}

static void test_an_error_that_drifts(void **state)
{
    (void)state;
    struct room room;
    room_open(&room);
    uint32_t alarms = 0;
    for (uint32_t i = 0; i < 2000; i++)
        alarms |= room_label(&room, 0.0625, 0, 0) & 2;
    assert_int_equal(alarms, 0);
    batch_clear(&room.batch);
    for (uint32_t i = 0; i < 500; i++)
        alarms |= room_label(&room, 0.25, 1, 0) & 3;
    assert_int_equal(alarms, 2);
    double before = 0, after = 0;
    for (uint32_t i = 0; i < room.batch.event_count; i++)
        sscanf(room.batch.events[i].detail, "error_drift: adwin on error: %lf -> %lf", &before,
               &after);
    assert_true(before == 0.0625 && after > 0.4 && after <= 0.75);
    room_close(&room);
}

/* Many labels may mature before one row: each detector tells of one alarm there, all alarms are
 * bits. */
static void test_one_event_a_row_and_detector(void **state)
{
    (void)state;
    struct room room;
    room_open(&room);
    uint32_t bits = 0;
    for (uint32_t i = 0; i < 64; i++)
        bits += (room_label(&room, i / 4 % 2 ? 0.9 : 0.1, 1, 0) & 4) != 0;
    assert_true(bits > 4);
    assert_int_equal(room.batch.event_count, 1);
    for (uint32_t i = 0; i < 8; i++) {
        const struct judged judged = {i % 2 ? 0.9 : 0.1, 1, 1, 0, 0, 0};
        monitor_label(room.monitor, &room.state, &room.batch, 8, &judged);
    }
    assert_int_equal(room.batch.event_count, 2);
    assert_int_equal(room.batch.events[1].row, 8);
    room_close(&room);
}

static void test_recent_metrics_follow(void **state)
{
    (void)state;
    struct room room;
    room_open(&room);
    struct metrics all, recent;
    for (uint32_t i = 0; i < 2000; i++)
        room_label(&room, i % 2 ? 0.8 : 0.1, i % 2, i % 2);
    monitor_metrics(room.monitor, &room.state, true, &recent);
    assert_int_equal(recent.labels, RECENT);
    assert_true(recent.auc == 1 && recent.accuracy == 1 && recent.average_precision == 1);
    for (uint32_t i = 0; i < RECENT; i++)
        room_label(&room, i % 2 ? 0.1 : 0.8, i % 2, !(i % 2));
    monitor_metrics(room.monitor, &room.state, true, &recent);
    monitor_metrics(room.monitor, &room.state, false, &all);
    assert_int_equal(recent.labels, RECENT);
    assert_true(recent.auc == 0 && recent.accuracy == 0);
    assert_int_equal(all.labels, 2500);
    assert_int_equal(all.positives, 1250);
    assert_int_equal(all.alerts, 1250);
    assert_true(fabs(all.accuracy - 0.8) < 1e-12);
    /* Positives at 0.8 with a chance of 0.8, negatives at 0.1 with the same: above 0.64, tied 0.32.
     */
    assert_true(fabs(all.auc - (0.64 + 0.32 / 2)) < 1e-12);
    room_close(&room);
}

/* The recent metrics of fewer labels than the ring holds are those from the start, bit for bit. */
static void test_few_labels_are_all_recent(void **state)
{
    (void)state;
    struct room room;
    room_open(&room);
    struct random random;
    random_seed(&random, 1);
    for (uint32_t i = 0; i < RECENT; i++) {
        struct metrics all, recent;
        double score = random_uniform(&random);
        room_label(&room, score, random_bernoulli(&random, score), score > 0.7);
        if (i % 50 != 0 && i != RECENT - 1)
            continue;
        monitor_metrics(room.monitor, &room.state, false, &all);
        monitor_metrics(room.monitor, &room.state, true, &recent);
        assert_memory_equal(&all, &recent, sizeof all);
    }
    room_close(&room);
}

static void test_odd_judgements(void **state)
{
    (void)state;
    struct room room;
    room_open(&room);
    static const struct judged passed_over[] = {{0.5, NAN, 1, 0, 0, 0},
                                                {0.5, 1, 0, 0, 0, 0},
                                                {0.5, 1, -1, 0, 0, 0},
                                                {0.5, 1, NAN, 0, 0, 0},
                                                {0.5, 1, INFINITY, 0, 0, 0}};
    uint64_t hash = state_hash(&room.state);
    for (uint32_t i = 0; i < 5; i++)
        monitor_label(room.monitor, &room.state, &room.batch, 0, &passed_over[i]);
    assert_true(state_hash(&room.state) == hash);
    room_label(&room, NAN, 0, 0);
    room_label(&room, INFINITY, 1, 15);
    struct metrics metrics;
    monitor_metrics(room.monitor, &room.state, false, &metrics);
    assert_int_equal(metrics.labels, 2);
    assert_int_equal(metrics.alerts, 1);
    assert_true(metrics.auc == 1 && metrics.log_loss == 0);
    room_close(&room);
}

/* Two rooms, one of them moved to other memory half way. */
static void test_state_is_all_there_is(void **state)
{
    (void)state;
    struct room one, other;
    room_open(&one);
    room_open(&other);
    struct random random;
    random_seed(&random, 2);
    for (uint32_t i = 0; i < 4000; i++) {
        double score = random_uniform(&random), label = random_bernoulli(&random, 0.1);
        if (i == 2000)
            memcpy(other.state.bytes, one.state.bytes, one.state.size);
        room_event(&one, score);
        room_label(&one, score, label, score > 0.9);
        if (i >= 2000) {
            room_event(&other, score);
            room_label(&other, score, label, score > 0.9);
        }
        batch_clear(&one.batch);
        batch_clear(&other.batch);
    }
    assert_true(state_hash(&one.state) == state_hash(&other.state));
    assert_memory_equal(one.state.bytes, other.state.bytes, one.state.size);
    room_close(&one);
    room_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_that_drifts),
        cmocka_unit_test(test_an_error_that_drifts),
        cmocka_unit_test(test_one_event_a_row_and_detector),
        cmocka_unit_test(test_recent_metrics_follow),
        cmocka_unit_test(test_few_labels_are_all_recent),
        cmocka_unit_test(test_odd_judgements),
        cmocka_unit_test(test_state_is_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
