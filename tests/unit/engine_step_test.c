/* The fold's surroundings: what is passed over, what leaves in which words, files of scores and
 * features, and the report. */
#include "engine/command.h"
#include "engine/encode.h"
#include "engine/report.h"
#include "engine/table_file.h"
#include "tests/unit/engine_trial.h"
#include <sys/mman.h>
#include <unistd.h>

extern const struct command command_replay;

static const char config_text[] =
    "{'name': 'step', 'memory': '64MiB',"
    "'events': {'source': 'file', 'path': '-', 'fields': {"
    "  'id': {'type': 'id', 'optional': true, 'sensitive': true}, 'time': 'time',"
    "  'card': {'type': 'key', 'sensitive': true, 'optional': true},"
    "  'pin': {'type': 'number', 'sensitive': true, 'optional': true},"
    "  'born': {'type': 'time', 'sensitive': true, 'optional': true},"
    "  'sex': {'type': 'enum', 'values': ['f', 'm'], 'sensitive': true, 'optional': true},"
    "  'ill': {'type': 'boolean', 'sensitive': true, 'optional': true},"
    "  'shop': {'type': 'text', 'optional': true}, 'open': {'type': 'boolean', 'optional': true},"
    "  'seen': {'type': 'time', 'optional': true}, 'amount': 'number',"
    "  'kind': {'type': 'enum', 'values': ['web', 'pos'], 'optional': true}}},"
    "'features': {'count': 'count() by card over 1h', 'half': 'amount / 2', 'market': 'shop'},"
    "'outcomes': ['allow', 'review'],"
    "'rules': {'large': {'when': 'amount > 100', 'then': 'review'},"
    "  'larger': {'when': 'amount > 200', 'then': 'review'}}}";

static const char *encode(const struct trial *trial, uint32_t row, bool alert)
{
    static char bytes[4096];
    struct buffer buffer;
    buffer_init(&buffer, bytes, sizeof bytes - 1);
    if (alert)
        encode_alert(&trial->pipeline, &trial->batch, row, &buffer);
    else
        encode_decision(&trial->pipeline, &trial->batch, row, &buffer);
    assert_false(buffer.overflow);
    bytes[buffer.size] = '\0';
    json_error_t error;
    json_t *line = json_loads(bytes, JSON_REJECT_DUPLICATES, &error);
    if (!line)
        fail_msg("%s: %s", error.text, bytes);
    json_decref(line);
    return bytes;
}

static const char *key(const struct trial *trial, uint32_t row)
{
    static char bytes[4096];
    struct buffer buffer;
    buffer_init(&buffer, bytes, sizeof bytes - 1);
    encode_id(&trial->pipeline, &trial->batch, row, &buffer);
    bytes[buffer.size] = '\0';
    return bytes;
}

static void test_words(void **state)
{
    (void)state;
    struct trial *trial = trial_open(config_text);
    trial_add(trial, RECORD_EVENT,
              "{\"id\":\"tx-12345\",\"time\":1600000000,\"card\":\"4000123412341234\",\"pin\":7771,"
              "\"born\":\"1971-03-04\",\"sex\":\"f\",\"ill\":true,\"shop\":\"a \\\"b\\\"\","
              "\"open\":false,\"seen\":1600000001.5,\"amount\":250.5,\"kind\":\"pos\"}");
    trial_add(trial, RECORD_EVENT, "{\"time\":1600000000,\"amount\":1}");
    step(&trial->pipeline, &trial->batch);
    assert_string_equal(encode(trial, 0, false), "{\"id\":\"****2345\",\"time\":\"2020-09-13T12:26:"
                                                 "40.000Z\",\"outcome\":\"review\",\"score\":"
                                                 "0.000000,\"rules\":[\"large\",\"larger\"]}");
    assert_string_equal(
        encode(trial, 0, true),
        "{\"id\":\"****2345\",\"time\":\"2020-09-13T12:26:40.000Z\",\"outcome\":\"review\","
        "\"score\":"
        "0.000000,\"rules\":[\"large\",\"larger\"],\"event\":{\"card\":\"****1234\",\"pin\":\"****"
        "\","
        "\"born\":\"****\",\"sex\":\"****\",\"ill\":\"****\",\"shop\":\"a "
        "\\\"b\\\"\",\"open\":false,"
        "\"seen\":\"2020-09-13T12:26:41.500Z\",\"amount\":250.5,\"kind\":\"pos\"}}");
    assert_string_equal(key(trial, 0), "****2345");
    assert_string_equal(key(trial, 1), "#1");
    assert_string_equal(encode(trial, 1, true), "{\"id\":\"#1\",\"time\":\"2020-09-13T12:26:40."
                                                "000Z\",\"outcome\":\"allow\",\"score\":0.000000,"
                                                "\"event\":{\"amount\":1}}");
    trial_close(trial);
}

/* Characters are shown whole; who has no more than are shown shows none. */
static void test_masks(void **state)
{
    (void)state;
    static const char *const masks[][2] = {
        {"abcde", "****bcde"},
        {"abcd", "****"},
        {"a", "****"},
        {"x\xc3\xa9\xc3\xa8\xe2\x82\xac\xf0\x9f\x92\xa7",
         "****\xc3\xa9\xc3\xa8\xe2\x82\xac\xf0\x9f\x92\xa7"},
        {"\xc3\xa9\xc3\xa8\xe2\x82\xac\xf0\x9f\x92\xa7", "****"},
        {"4000\xe2\x82\xac"
         "34",
         "****0\xe2\x82\xac"
         "34"},
    };
    struct trial *trial = trial_open(config_text);
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        char text[128], expected[64];
        batch_clear(&trial->batch);
        snprintf(text, sizeof text, "{\"id\":\"%s\",\"time\":1,\"amount\":1}", masks[i][0]);
        trial_add(trial, RECORD_EVENT, text);
        step(&trial->pipeline, &trial->batch);
        snprintf(expected, sizeof expected, "{\"id\":\"%s\",", masks[i][1]);
        assert_string_equal(key(trial, 0), masks[i][1]);
        assert_memory_equal(encode(trial, 0, false), expected, strlen(expected));
    }
    trial_close(trial);
}

/* Outside the period: no number, no decision, nothing in any window. */
static void test_period(void **state)
{
    (void)state;
    struct trial *trial = trial_open(config_text);
    trial->pipeline.from_ms = 1000;
    trial->pipeline.to_ms = 3000;
    for (int time = 0; time < 5; time++) {
        char text[64];
        snprintf(text, sizeof text, "{\"time\":%d,\"card\":\"c\",\"amount\":300}", time);
        trial_add(trial, RECORD_EVENT, text);
    }
    step(&trial->pipeline, &trial->batch);
    const struct fold_row *fold = trial_fold(trial);
    assert_int_equal(fold->events, 2);
    assert_int_equal(fold->records, 2);
    assert_int_equal(fold->alerts, 2);
    assert_int_equal(fold->watermark_ms, 2000);
    assert_int_equal(trial->batch.kind[0], RECORD_OUTSIDE);
    assert_int_equal(trial->batch.kind[1], RECORD_EVENT);
    assert_int_equal(trial->batch.kind[3], RECORD_OUTSIDE);
    assert_true(batch_column(&trial->batch, trial->pipeline.feature_value[0])[2].number == 2);
    trial_close(trial);
}

/* A file without a place, and the path under which this process finds it. */
static int make_file(char path[64])
{
    int descriptor = memfd_create("test", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    snprintf(path, 64, "/proc/self/fd/%d", descriptor);
    return descriptor;
}

static void check_file(int descriptor, const char *expected)
{
    char text[4096];
    ssize_t size = pread(descriptor, text, sizeof text - 1, 0);
    assert_true(size >= 0);
    text[size] = '\0';
    assert_string_equal(text, expected);
    close(descriptor);
}

static void test_tables(void **state)
{
    (void)state;
    char scores_path[64], features_path[64];
    int scores_file = make_file(scores_path), features_file = make_file(features_path);
    struct trial *trial = trial_open(config_text);
    struct table_file scores, features;
    struct failure failure;
    assert_int_equal(table_file_open(&scores, &trial->pipeline, scores_path, false, &failure),
                     STATUS_OK);
    assert_int_equal(table_file_open(&features, &trial->pipeline, features_path, true, &failure),
                     STATUS_OK);
    trial_add(trial, RECORD_EVENT,
              "{\"id\":\"long-a,\\\"b\",\"time\":1,\"amount\":3,\"card\":\"c\"}");
    trial_add(trial, RECORD_EVENT, "broken");
    trial_add(trial, RECORD_EVENT, "{\"time\":1,\"amount\":0.2}");
    step(&trial->pipeline, &trial->batch);
    table_file_put(&scores, &trial->batch);
    table_file_put(&features, &trial->batch);
    assert_int_equal(table_file_close(&scores, &failure), STATUS_OK);
    assert_int_equal(table_file_close(&features, &failure), STATUS_OK);
    check_file(scores_file, "id,score\n\"****a,\"\"b\",0\n#1,0\n");
    check_file(features_file, "id,count,half,market\n\"****a,\"\"b\",1,1.5,\n"
                              "#1,,0.1,\n");
    assert_int_equal(table_file_open(&scores, &trial->pipeline, "/nowhere/at/all", false, &failure),
                     STATUS_STOP);
    assert_non_null(strstr(failure.text, "could not write /nowhere/at/all"));
    table_file_close(&scores, &failure);
    trial_close(trial);
}

/* Runs a replay with its standard output in a file; returns what it said. */
static json_t *replay_report(int count, const char **arguments)
{
    char path[64];
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), descriptor = make_file(path);
    assert_true(kept >= 0);
    assert_true(dup2(descriptor, STDOUT_FILENO) >= 0);
    int code = command_replay.run(&command_replay, count, (char **)arguments);
    fflush(stdout);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    close(kept);
    assert_int_equal(code, EXIT_GOOD);
    json_error_t error;
    json_t *report = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!report)
        fail_msg("%s", error.text);
    close(descriptor);
    return report;
}

static json_int_t integer_at(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value))
        fail_msg("%s is no whole number", name);
    return json_integer_value(value);
}

/* What scripts may rely on. */
static void test_report(void **state)
{
    (void)state;
    const char *arguments[] = {"tests/golden/first/pipeline.json",
                               "tests/golden/first/events.jsonl", "--json"};
    json_t *report = replay_report(3, arguments);
    json_int_t decided = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(report, "outcomes"), name, value) decided +=
        json_integer_value(value);
    assert_true(integer_at(report, "events") > 5);
    assert_int_equal(decided, integer_at(report, "events"));
    assert_true(integer_at(report, "dead_letters") > 0);
    assert_true(integer_at(report, "alerts") > 0);
    assert_true(json_real_value(json_object_get(report, "seconds")) > 0);
    assert_true(json_real_value(json_object_get(report, "events_per_second")) > 0);
    const char *hash = json_string_value(json_object_get(report, "state_hash"));
    assert_non_null(hash);
    assert_int_equal(strlen(hash), 16);
    assert_int_equal(strspn(hash, "0123456789abcdef"), 16);
    static const char *const members[] = {"metrics", "recent_metrics"};
    static const char *const metrics[] = {
        "auc", "average_precision", "accuracy", "precision", "recall", "f1", "log_loss"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *group = json_object_get(report, members[i]);
        assert_true(integer_at(group, "labels") >= 0 && integer_at(group, "positives") >= 0);
        for (size_t j = 0; j < sizeof metrics / sizeof *metrics; j++) {
            const json_t *metric = json_object_get(group, metrics[j]);
            assert_true(json_is_real(metric) || json_is_null(metric));
        }
    }
    const json_t *labels = json_object_get(report, "labels");
    assert_int_equal(integer_at(labels, "records"), 0);
    assert_int_equal(integer_at(labels, "matured"),
                     integer_at(json_object_get(report, "metrics"), "labels"));
    assert_true(integer_at(json_object_get(json_object_get(report, "entities"), "card"), "live") >
                0);
    assert_true(json_is_object(json_object_get(report, "models")));
    assert_true(json_is_null(json_object_get(report, "retraining")));
    assert_true(json_is_real(json_object_get(json_object_get(report, "commit_latency_ms"), "p99")));
    json_decref(report);
}

/* Nothing at all came: a report nevertheless. */
static void test_report_of_nothing(void **state)
{
    (void)state;
    const char *arguments[] = {"tests/golden/first/pipeline.json", "/dev/null", "--json"};
    json_t *report = replay_report(3, arguments);
    assert_int_equal(integer_at(report, "events"), 0);
    assert_int_equal(integer_at(report, "alerts"), 0);
    assert_true(json_is_null(json_object_get(json_object_get(report, "metrics"), "auc")));
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),  cmocka_unit_test(test_masks),
        cmocka_unit_test(test_period), cmocka_unit_test(test_tables),
        cmocka_unit_test(test_report), cmocka_unit_test(test_report_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
