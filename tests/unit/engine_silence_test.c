/* Who has not spoken: told once, at the right moment, by everything that the stream shows. */
#include "base/random.h"
#include "engine/encode.h"
#include "features/silence.h"
#include "tests/unit/engine_trial.h"

enum { SPAN_S = 1800, DEVICES = 40, EVENTS = 4000, START_S = 1700000000 };

static const char config[] =
    "{'name': 'silent', 'memory': '32MiB', 'lateness': '10m', 'events': {'source': 'file', 'path': "
    "'-', 'fields': {'id': 'id', 'time': 'time', 'device': {'type': 'key', 'sensitive': %s}, "
    "'site': 'key'}}, 'control': {'source': 'file', 'path': '-'}, "
    "'features': {'back': 'silence(30m) by device%s'}}";

static struct trial *open_trial(bool sensitive, const char *more)
{
    char text[2000];
    snprintf(text, sizeof text, config, sensitive ? "true" : "false", more);
    return trial_open(text);
}

/* Folds one event alone; returns how many silences it told of. */
static uint32_t event(struct trial *trial, int device, int64_t time_s)
{
    char text[200];
    snprintf(text, sizeof text,
             "{\"id\":\"e%lld\",\"time\":%lld,\"device\":\"device-%d\",\"site\":\"s\"}",
             (long long)trial->offset, (long long)(START_S + time_s), device);
    batch_clear(&trial->batch);
    trial_add(trial, RECORD_EVENT, text);
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[0]);
    return trial->batch.event_count;
}

static double back(const struct trial *trial)
{
    return batch_column(&trial->batch, trial->pipeline.feature_value[0])[0].number;
}

static void check_told(const struct trial *trial, uint32_t at, const char *who, int64_t last_s)
{
    const struct model_event *told = &trial->batch.events[at];
    assert_int_equal(told->kind, MODEL_EVENT_SILENCE);
    assert_string_equal(told->model, "device");
    assert_string_equal(told->detail, who);
    assert_int_equal(told->last_ms, (START_S + last_s) * 1000);
    assert_int_equal(told->time_ms, (START_S + last_s + SPAN_S) * 1000);
}

static void test_told_once(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial(true, "");
    assert_int_equal(event(trial, 1, 0), 0);
    assert_int_equal(event(trial, 2, 0), 0);
    assert_int_equal(event(trial, 1, 600), 0);
    assert_int_equal(event(trial, 2, 1799), 0);
    assert_int_equal(event(trial, 2, 2399), 0);
    assert_int_equal(event(trial, 2, 2400), 1);
    check_told(trial, 0, "****ce-1", 600);
    assert_int_equal(event(trial, 2, 4000), 0);
    assert_int_equal(event(trial, 1, 4001), 0);
    assert_true(back(trial) == 1);
    /* Its own event, too, shows that it was silent; and so does the other's end. */
    assert_int_equal(event(trial, 1, 9000), 2);
    assert_true(back(trial) == 1);
    check_told(trial, 0, "****ce-2", 4000);
    check_told(trial, 1, "****ce-1", 4001);
    struct silence_report report;
    features_silence_report(trial->pipeline.features, &trial->pipeline.state, 0, &report);
    assert_true(report.told == 3 && report.live == 1 && report.unwatched == 0);
    trial_close(trial);
}

static void test_text(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial(false, "");
    char text[400];
    struct buffer buffer;
    event(trial, 7, 0);
    assert_int_equal(event(trial, 8, SPAN_S), 1);
    check_told(trial, 0, "device-7", 0);
    buffer_init(&buffer, text, sizeof text - 1);
    encode_silence(&trial->batch.events[0], &buffer);
    text[buffer.size] = 0;
    assert_string_equal(text,
                        "{\"silence\":\"device\",\"entity\":\"device-7\",\"time\":\"2023-11-14T"
                        "22:43:20.000Z\",\"last\":\"2023-11-14T22:13:20.000Z\",\"for_s\":"
                        "1800.000}");
    trial_close(trial);
}

/* One event of the device, then one of another that shows its silence: what it is called. */
static void check_called(const char *device, const char *called)
{
    struct trial *trial = open_trial(false, "");
    char text[400];
    snprintf(text, sizeof text, "{\"id\":\"e\",\"time\":%d,\"device\":\"%s\",\"site\":\"s\"}",
             START_S, device);
    trial_add(trial, RECORD_EVENT, text);
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[0]);
    assert_int_equal(event(trial, 8, SPAN_S), 1);
    check_told(trial, 0, called, 0);
    trial_close(trial);
}

/* A long name is cut between characters, however many bytes they have; one that just fits is not,
 * whatever stands behind it. */
static void test_long_name(void **unused)
{
    (void)unused;
    static const char fits[] = "1234567890123456789012345678901234567890123456789012345";
    static const char longer[] = "1234567890123456789012345678901234567890123456789012345678";
    static const char frogs[] = "🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸";
    static const char whole_frogs[] = "🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸🐸";
    assert_int_equal(sizeof fits, SILENCE_TEXT_MAX);
    check_called(fits, fits);
    check_called(longer, fits);
    check_called(frogs, whole_frogs);
}

/* A late event from before a silence that was told does not begin another one. */
static void test_late(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial(true, "");
    event(trial, 1, 100);
    event(trial, 2, 1000);
    assert_int_equal(event(trial, 2, 2000), 1);
    assert_int_equal(event(trial, 1, 50), 0);
    assert_int_equal(event(trial, 2, 2100), 0);
    assert_int_equal(event(trial, 1, 1500), 0);
    assert_int_equal(event(trial, 2, 3299), 0);
    assert_int_equal(event(trial, 2, 3300), 1);
    check_told(trial, 0, "****ce-1", 1500);
    trial_close(trial);
}

static void erase(struct trial *trial, int device)
{
    char text[100];
    snprintf(text, sizeof text, "{\"erase\":{\"device\":\"device-%d\"}}", device);
    batch_clear(&trial->batch);
    trial_add(trial, RECORD_REQUEST, text);
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[0]);
}

static void test_erased(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial(false, "");
    event(trial, 1, 0);
    event(trial, 3, 0);
    erase(trial, 1);
    const struct state *state = &trial->pipeline.state;
    for (uint64_t i = 0; i + 8 < state->size; i++)
        if (memcmp(state->bytes + i, "device-1", 8) == 0)
            fail_msg("its name is still in the state");
    assert_int_equal(event(trial, 2, SPAN_S + 1), 1);
    check_told(trial, 0, "device-3", 0);
    trial_close(trial);
}

/* With a condition or a delay it is a value alone. */
static void test_not_watched(void **unused)
{
    (void)unused;
    struct trial *trial = open_trial(true, " where length(site) > 3");
    assert_int_equal(features_silence_count(trial->pipeline.features), 0);
    trial_close(trial);
}

/* As many spans as there may be, each told of by itself. */
static void test_many_spans(void **unused)
{
    (void)unused;
    char more[800];
    size_t used = 0;
    for (int i = 1; i < SILENCES_MAX; i++)
        used += (size_t)snprintf(more + used, sizeof more - used,
                                 "', 's%d': 'silence(%dm) by device", i, 30 + i);
    struct trial *trial = open_trial(false, more);
    assert_int_equal(features_silence_count(trial->pipeline.features), SILENCES_MAX);
    event(trial, 1, 0);
    event(trial, 2, 0);
    assert_int_equal(event(trial, 1, 7200), 2 * SILENCES_MAX);
    for (uint32_t i = 0; i < SILENCES_MAX; i++) {
        struct silence_report report;
        features_silence_report(trial->pipeline.features, &trial->pipeline.state, i, &report);
        assert_int_equal(report.told, 2);
        assert_int_equal(report.live, 1);
    }
    trial_close(trial);
}

/* Against a table of last times: each silence once, not before its time. */
static void check_random(uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    struct trial *trial = open_trial(true, "");
    int64_t last[DEVICES], now_s = 0;
    uint64_t due = 0, told = 0;
    for (int i = 0; i < DEVICES; i++)
        last[i] = -1;
    for (int i = 0; i < EVENTS; i++) {
        int device = (int)(random_uniform(&random) * random_uniform(&random) * DEVICES);
        now_s += (int64_t)random_below(&random, random_below(&random, 30) ? 200 : 3000);
        double gap = last[device] >= 0 && now_s - last[device] >= SPAN_S;
        uint32_t count = event(trial, device, now_s);
        assert_true(back(trial) == gap);
        due += gap > 0;
        told += count;
        for (uint32_t j = 0; j < count; j++)
            assert_true(trial->batch.events[j].time_ms <= (START_S + now_s) * 1000);
        /* Nobody waits whose time has come, but for want of room before one event. */
        uint64_t waiting = 0;
        last[device] = now_s;
        for (int j = 0; j < DEVICES; j++)
            waiting += last[j] >= 0 && now_s - last[j] < SPAN_S;
        struct silence_report report;
        features_silence_report(trial->pipeline.features, &trial->pipeline.state, 0, &report);
        assert_true(report.live == waiting || count >= SILENCE_TOLD_MAX - 1);
    }
    for (int i = 0; i < DEVICES; i++)
        due += last[i] >= 0;
    now_s += 2 * SPAN_S;
    for (int i = 0; i < DEVICES; i++)
        told += event(trial, DEVICES, now_s);
    if (told != due)
        fail_msg("seed %llu: %llu told, %llu silences", (unsigned long long)seed,
                 (unsigned long long)told, (unsigned long long)due);
    trial_close(trial);
}

static void test_random(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 8; seed++)
        check_random(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_once),  cmocka_unit_test(test_text),
        cmocka_unit_test(test_long_name),  cmocka_unit_test(test_late),
        cmocka_unit_test(test_erased),     cmocka_unit_test(test_not_watched),
        cmocka_unit_test(test_many_spans), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
