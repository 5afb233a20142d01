/* What a hostile configuration or record must not do: hang the reading, reach what a batch before
 * left behind, break an assertion. */
#include "tests/unit/engine_trial.h"
#include <math.h>

enum { DOUBLINGS = 60 };

/* Every feature names the one before it twice: whoever walks formulas as trees never comes back. */
static void doubled(char *text, size_t size, const char *first, const char *twice, const char *last)
{
    size_t used = (size_t)snprintf(
        text, size,
        "{'name': 't', 'memory': '32MiB', 'labels': {'event_field': 'fraud', 'delay': '7d'},"
        " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
        "  'card': 'key', 'email': 'text', 'amount': 'number'}},"
        " 'features': {'f0': '%s'",
        first);
    for (int i = 1; i <= DOUBLINGS; i++) {
        used += (size_t)snprintf(text + used, size - used, ", 'f%d': '", i);
        used += (size_t)snprintf(text + used, size - used, twice, i - 1, i - 1);
        used += (size_t)snprintf(text + used, size - used, "'");
    }
    snprintf(text + used, size - used, ", 'last': '%s'}}", last);
}

static void test_shared_parts(void **state)
{
    (void)state;
    char text[8192];
    doubled(text, sizeof text, "amount", "f%d * 0.5 + f%d * 0.25", "mean(f60) by card over 1h");
    trial_close(trial_open(text));
    doubled(text, sizeof text, "email", "if(amount > 1, f%d, f%d)", "length(f60)");
    trial_close(trial_open(text));
}

static const char formula_keys[] =
    "{'name': 't', 'memory': '32MiB',"
    " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
    "  'card': 'key', 'shop': 'key', 'email': 'text', 'amount': 'number'}},"
    " 'control': {'source': 'file', 'path': 'y'},"
    " 'features': {'first': 'new(lower(email)) by card', 'sum': 'new(amount) by card',"
    "  'other': 'new(coalesce(lower(email), shop)) by card'}}";

/* A request names key fields, and an entity by a formula is none that it could name: neither what
 * the formula was in the batch before, nor what it makes of nothing. */
static void test_formula_is_no_name(void **state)
{
    (void)state;
    struct trial *trial = trial_open(formula_keys);
    for (int i = 0; i < 2; i++) {
        uint32_t event = trial_add(trial, RECORD_EVENT,
                                   "{\"id\":\"e\",\"time\":100,\"card\":\"c\",\"shop\":\"s\","
                                   "\"email\":\"A@b\",\"amount\":1}");
        step(&trial->pipeline, &trial->batch);
        assert_false(trial->batch.dead[event]);
        batch_clear(&trial->batch);
        uint32_t request =
            trial_add(trial, RECORD_REQUEST, "{\"erase\": {\"card\": \"c\", \"shop\": \"s\"}}");
        step(&trial->pipeline, &trial->batch);
        assert_false(trial->batch.erased[request]);
        assert_true(trial->batch.dead[request]);
        batch_clear(&trial->batch);
    }
    trial_close(trial);
}

/* Two entities whose names agree in their first 255 bytes must not become one. */
static void test_long_names(void **state)
{
    (void)state;
    char text[4096], key[6][64];
    for (int i = 0; i < 6; i++) {
        memset(key[i], 'a' + i, 63);
        key[i][63] = '\0';
    }
    size_t used = (size_t)snprintf(text, sizeof text,
                                   "{\"name\": \"t\", \"events\": {\"source\": \"file\", \"path\": "
                                   "\"x\", \"fields\": {\"id\": \"id\", \"time\": \"time\"");
    for (int i = 0; i < 6; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ", \"%s\": \"key\"", key[i]);
    used += (size_t)snprintf(text + used, sizeof text - used, "}}, \"features\": {");
    for (int i = 0; i < 2; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "%s\"f%d\": \"new(%s) by (%s, %s, %s, %s)\"", i ? ", " : "", i,
                                 key[4 + i], key[0], key[1], key[2], key[3]);
    snprintf(text + used, sizeof text - used, "}}");
    struct findings findings = {0};
    struct trial *trial = calloc(1, sizeof *trial);
    assert_non_null(trial);
    assert_true(config_read_text(&trial->config, "test", text, strlen(text), &findings));
    assert_false(pipeline_build(&trial->pipeline, &trial->config, &findings));
    assert_int_equal(findings.count, 2);
    findings_close(&findings);
    pipeline_close(&trial->pipeline);
    config_close(&trial->config);
    free(trial);
}

/* After a silence the first event is believed by its arrival, and is the newest that there is. */
static void test_expired_in_silence(void **state)
{
    (void)state;
    struct trial *trial = trial_open(
        "{'name': 't', 'memory': '32MiB', 'future': '1h',"
        " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
        "  'card': 'key', 'amount': 'number'}},"
        " 'entities': {'card': {'expire_after': '2h'}},"
        " 'features': {'n': 'count() by card'}}");
    static const int64_t hours[] = {0, 1, 5, 6};
    static const double wanted[] = {1, 2, 1, 2};
    for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
        char text[96];
        batch_clear(&trial->batch);
        snprintf(text, sizeof text, "{\"id\":\"e\",\"time\":%lld,\"card\":\"c\",\"amount\":1}",
                 (long long)(1600000000 + hours[i] * 3600));
        uint32_t event = trial_add(trial, RECORD_EVENT, text);
        trial->batch.arrival_ms[event] = (1600000000 + hours[i] * 3600) * 1000;
        step(&trial->pipeline, &trial->batch);
        assert_false(trial->batch.dead[event]);
        assert_true(batch_column(&trial->batch, trial->pipeline.feature_value[0])[event].number ==
                    wanted[i]);
    }
    trial_close(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_parts),
        cmocka_unit_test(test_formula_is_no_name),
        cmocka_unit_test(test_expired_in_silence),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
