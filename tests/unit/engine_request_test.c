/* Requests of the control topic: what is forgotten, what is refused, what is said of it. */
#include "base/random.h"
#include "engine/encode.h"
#include "tests/unit/engine_trial.h"
#include <math.h>

static const char pipeline_text[] =
    "{'name': 't', 'memory': '32MiB',"
    " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
    "  'card': {'type': 'key', 'sensitive': true}, 'shop': 'key', 'amount': 'number'}},"
    " 'control': {'source': 'file', 'path': 'y'},"
    " 'features': {'n': 'count() by card over 1h', 'pair': 'count() by (card, shop) over 1h'}}";

static uint32_t event(struct trial *trial, int64_t second, const char *card)
{
    char text[160];
    snprintf(text, sizeof text,
             "{\"id\":\"e\",\"time\":%lld,\"card\":\"%s\",\"shop\":\"s\",\"amount\":1}",
             (long long)second, card);
    return trial_add(trial, RECORD_EVENT, text);
}

static double feature(const struct trial *trial, uint32_t index, uint32_t row)
{
    return batch_column(&trial->batch, trial->pipeline.feature_value[index])[row].number;
}

/* It forgets at its place in the order: the event before it is the last of the old entity. */
static void test_erased_in_its_turn(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    uint32_t first = event(trial, 100, "4929");
    uint32_t second = event(trial, 101, "4929");
    uint32_t other = event(trial, 101, "1111");
    uint32_t request = trial_add(trial, RECORD_REQUEST, "{\"erase\": {\"card\": \"4929\"}}");
    uint32_t third = event(trial, 102, "4929");
    uint32_t unhurt = event(trial, 102, "1111");
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[request]);
    assert_true(trial->batch.erased[request]);
    assert_true(feature(trial, 0, first) == 1 && feature(trial, 0, second) == 2);
    assert_true(feature(trial, 0, third) == 1);
    assert_true(feature(trial, 0, other) == 1 && feature(trial, 0, unhurt) == 2);
    /* who has the card in a compound key is another entity */
    assert_true(feature(trial, 1, third) == 3);
    assert_int_equal(trial_fold(trial)->requests, 1);
    assert_int_equal(trial_fold(trial)->erased, 1);
    trial_close(trial);
}

static void test_compound_and_numbers(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 100, "4929");
    uint32_t pair =
        trial_add(trial, RECORD_REQUEST, "{\"erase\": {\"shop\": \"s\", \"card\": 4929}}");
    uint32_t none =
        trial_add(trial, RECORD_REQUEST, "{\"erase\": {\"card\": 4929, \"shop\": \"s\"}}");
    uint32_t row = event(trial, 101, "4929");
    step(&trial->pipeline, &trial->batch);
    assert_true(trial->batch.erased[pair]);
    assert_false(trial->batch.erased[none] || trial->batch.dead[none]);
    assert_true(feature(trial, 0, row) == 2 && feature(trial, 1, row) == 1);
    assert_int_equal(trial_fold(trial)->requests, 2);
    assert_int_equal(trial_fold(trial)->erased, 1);
    trial_close(trial);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"forget\": {\"card\": \"4929\"}}",
        "{\"erase\": {\"card\": \"4929\"}, \"control\": \"promote\"}",
        "{\"control\": \"promote\", \"model\": \"fraud\", \"training\": 1}",
        "{\"erase\": \"4929\"}",
        "{\"erase\": {}}",
        "{\"erase\": {\"card\": \"4929\", \"card\": \"4929\"}}",
        "{\"erase\": {\"4929\": \"card\"}}",
        "{\"erase\": {\"amount\": 4929}}",
        "{\"erase\": {\"card\": null}}",
        "{\"erase\": {\"card\": \"\"}}",
        "{\"erase\": {\"card\": 49.29}}",
        "{\"erase\": {\"card\": [\"4929\"]}}",
        "{\"erase\": {\"card\": \"49\\u000029\"}}",
        "{\"erase\": {\"shop\": \"4929\"}}",
        "{\"erase\": {\"id\": \"4929\", \"card\": \"4929\", \"shop\": \"4929\"}}",
    };
    enum { COUNT = sizeof texts / sizeof *texts };
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 100, "4929");
    for (int i = 0; i < COUNT; i++)
        trial_add(trial, RECORD_REQUEST, texts[i]);
    uint32_t row = event(trial, 101, "4929");
    step(&trial->pipeline, &trial->batch);
    for (uint32_t i = 1; i <= COUNT; i++) {
        if (!trial->batch.dead[i])
            fail_msg("taken: %s", texts[i - 1]);
        char bytes[1024];
        struct buffer buffer;
        buffer_init(&buffer, bytes, sizeof bytes);
        encode_dead_letter(&trial->pipeline, "control", &trial->batch, i, &buffer);
        bytes[buffer.size] = '\0';
        if (strstr(bytes, "4929"))
            fail_msg("an identifier leaves: %s", bytes);
    }
    assert_true(feature(trial, 0, row) == 2);
    assert_int_equal(trial_fold(trial)->dead_letters, COUNT);
    assert_int_equal(trial_fold(trial)->requests, 0);
    trial_close(trial);
}

/* What is said of it names the kind of entity, not the entity. */
static void test_answer(void **state)
{
    (void)state;
    struct trial *trial = trial_open(pipeline_text);
    event(trial, 100, "4929");
    trial_add(trial, RECORD_REQUEST, "{\"erase\": {\"card\": \"4929\"}}");
    trial_add(trial, RECORD_REQUEST, "{\"erase\": {\"shop\": \"s\", \"card\": \"9\"}}");
    step(&trial->pipeline, &trial->batch);
    const struct batch *batch = &trial->batch;
    assert_int_equal(batch->event_count, 2);
    assert_int_equal(batch->events[0].kind, MODEL_EVENT_ERASED);
    assert_int_equal(batch->events[0].row, 1);
    assert_int_equal(batch->events[0].time_ms, 100000);
    assert_string_equal(batch->events[0].detail, "card: an entity was forgotten");
    assert_string_equal(batch->events[1].detail, "card,shop: no such entity is remembered");
    trial_close(trial);
}

/* Whatever bytes come: taken or refused, and the events go on. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char good[] = "{\"erase\": {\"shop\": \"s\\u00e9\", \"card\": 4929}}";
    static const char letters[] = "{}[]\":,\\u0eE-+.1 \n\xff\xc3"
                                  "cards";
    struct trial *trial = trial_open(pipeline_text);
    struct random random;
    random_seed(&random, 20180401);
    uint64_t refused = 0;
    for (int i = 0; i < 20000; i++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        size_t size =
            random_below(&random, 4) ? sizeof good - 1 : random_below(&random, sizeof good);
        for (uint64_t changes = random_below(&random, 4); changes > 0; changes--)
            text[random_below(&random, sizeof good - 1)] =
                letters[random_below(&random, sizeof letters - 1)];
        batch_clear(&trial->batch);
        const struct position position = {.input = 2, .offset = i};
        assert_true(batch_add(&trial->batch, RECORD_REQUEST, position, text, size));
        uint32_t row = event(trial, 1000, "1");
        step(&trial->pipeline, &trial->batch);
        refused += trial->batch.dead[0];
        assert_false(trial->batch.dead[row]);
        assert_int_equal(trial->batch.event_count, !trial->batch.dead[0]);
    }
    assert_int_equal(trial_fold(trial)->dead_letters, refused);
    assert_int_equal(trial_fold(trial)->requests, 20000 - refused);
    assert_in_range(refused, 5000, 19000);
    trial_close(trial);
}

/* A label of an event whose entity was forgotten finds nothing to correct. */
static void test_label_after_erasure(void **state)
{
    (void)state;
    struct trial *trial = trial_open(
        "{'name': 't', 'memory': '32MiB',"
        " 'events': {'source': 'file', 'path': 'x', 'fields': {'id': 'id', 'time': 'time',"
        "  'card': 'key'}},"
        " 'labels': {'source': 'file', 'path': 'l', 'fields': {'id': 'id', 'label': 'fraud'}},"
        " 'features': {'bad': 'sum(label) by card over 1h'}}");
    for (int erase = 0; erase < 2; erase++) {
        char text[100];
        batch_clear(&trial->batch);
        snprintf(text, sizeof text, "{\"id\":\"a%d\",\"time\":%d,\"card\":\"4929\"}", erase,
                 1000000 + erase * 100000);
        trial_add(trial, RECORD_EVENT, text);
        if (erase)
            trial_add(trial, RECORD_REQUEST, "{\"erase\": {\"card\": \"4929\"}}");
        snprintf(text, sizeof text, "{\"id\":\"a%d\",\"fraud\":1}", erase);
        trial_add(trial, RECORD_LABEL, text);
        snprintf(text, sizeof text, "{\"id\":\"b%d\",\"time\":%d,\"card\":\"4929\"}", erase,
                 1000001 + erase * 100000);
        uint32_t row = trial_add(trial, RECORD_EVENT, text);
        step(&trial->pipeline, &trial->batch);
        assert_true(feature(trial, 0, row) == !erase);
    }
    trial_close(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_erased_in_its_turn),
        cmocka_unit_test(test_compound_and_numbers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_label_after_erasure),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
