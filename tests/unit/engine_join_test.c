/* The join: which event a label is about, whatever order they come in, and whose wait ends when. */
#include "tests/unit/engine_trial.h"
#include <math.h>

#define FIELDS                                                                                     \
    "'name': 'join', 'memory': '64MiB', 'events': {'source': 'file', 'path': '-', 'fields': "      \
    "{'id': {'type': 'id', 'optional': true}, 'time': 'time', 'amount': 'number'}}"

#define STREAM "'source': 'file', 'path': '-', 'fields': {'id': 'id', 'label': 'fraud'}"

/* The smallest history there is: a ring of 1024, of which the last 768 are still found. */
enum { RING = 1024, FOUND = RING - BATCH_RECORDS_MAX, EARLY = RING / 16 };

static const char records_text[] = "{" FIELDS ", 'labels': {" STREAM ", 'remembered': 10}}";
static const char carried_text[] =
    "{" FIELDS ", 'labels': {'event_field': 'fraud', 'delay': '10s', 'remembered': 10}}";
static const char both_text[] = "{" FIELDS ", 'labels': {" STREAM
                                ", 'event_field': 'fraud', 'delay': '10s', 'remembered': 10}}";
static const char negative_text[] =
    "{" FIELDS ", 'labels': {" STREAM ", 'negative_after': '10s', 'remembered': 10}}";
static const char impatient_text[] =
    "{" FIELDS ", 'labels': {'event_field': 'fraud', 'delay': '20s', 'negative_after': '10s'}}";

static uint32_t event(struct trial *trial, const char *id, int time_s)
{
    char text[160];
    snprintf(text, sizeof text, "{\"id\":\"%s\",\"time\":%d,\"amount\":1}", id, time_s);
    return trial_add(trial, RECORD_EVENT, text);
}

static uint32_t carrier(struct trial *trial, const char *id, int time_s, int label)
{
    char text[160];
    snprintf(text, sizeof text, "{\"id\":\"%s\",\"time\":%d,\"amount\":1,\"fraud\":%d}", id, time_s,
             label);
    return trial_add(trial, RECORD_EVENT, text);
}

static uint32_t label(struct trial *trial, const char *id, int truth)
{
    char text[160];
    snprintf(text, sizeof text, "{\"id\":\"%s\",\"fraud\":%d}", id, truth);
    return trial_add(trial, RECORD_LABEL, text);
}

/* Folds what was added; the batch stays to be looked at until the next record. */
static struct batch *fold(struct trial *trial)
{
    step(&trial->pipeline, &trial->batch);
    return &trial->batch;
}

static void again(struct trial *trial)
{
    batch_clear(&trial->batch);
}

/* Events of no interest, one a second, in whole batches; the last may be short. */
static void pass_events(struct trial *trial, int first_s, int count)
{
    again(trial);
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "pass-%d", first_s + i);
        event(trial, id, first_s + i);
        if (trial->batch.count < BATCH_RECORDS_MAX && i + 1 < count)
            continue;
        fold(trial);
        again(trial);
    }
}

static const struct event_row *row_of(const struct trial *trial, uint64_t number)
{
    return history_event(&trial->pipeline.history, &trial->pipeline.state, number);
}

struct counts {
    uint64_t labels, learned, corrected, repeated, refused, matured;
};

static void check_counts(const struct trial *trial, struct counts expected)
{
    const struct fold_row *row = trial_fold(trial);
    assert_int_equal(row->labels, expected.labels);
    assert_int_equal(row->labels_learned, expected.learned);
    assert_int_equal(row->labels_corrected, expected.corrected);
    assert_int_equal(row->labels_repeated, expected.repeated);
    assert_int_equal(row->labels_refused, expected.refused);
    assert_int_equal(row->matured, expected.matured);
}

static void check_label(const struct batch *batch, uint32_t row, enum join join, uint64_t number,
                        double before)
{
    assert_int_equal(batch->join[row], join);
    assert_int_equal(batch->number[row], number);
    assert_true(isnan(before) ? isnan(batch->label_before[row])
                              : batch->label_before[row] == before);
}

static uint64_t metric_labels(const struct trial *trial)
{
    struct metrics metrics;
    monitor_metrics(trial->pipeline.monitor, &trial->pipeline.state, false, &metrics);
    return metrics.labels;
}

static void test_after_repeated_corrected(void **state)
{
    (void)state;
    struct trial *trial = trial_open(records_text);
    event(trial, "a", 100);
    event(trial, "b", 101);
    uint32_t late = label(trial, "a", 1);
    uint32_t same = label(trial, "a", 1);
    uint32_t other = label(trial, "a", 0);
    uint32_t back = label(trial, "a", 1);
    const struct batch *batch = fold(trial);
    assert_int_equal(batch->number[0], 0);
    assert_int_equal(batch->number[1], 1);
    check_label(batch, late, JOIN_LEARNED, 0, NAN);
    check_label(batch, same, JOIN_REPEATED, 0, 1);
    check_label(batch, other, JOIN_CORRECTED, 0, 1);
    check_label(batch, back, JOIN_CORRECTED, 0, 0);
    check_counts(trial, (struct counts){4, 1, 2, 1, 0, 3});
    assert_int_equal(metric_labels(trial), 1); /* a correction is no second label */
    assert_true(row_of(trial, 0)->label == 1);
    assert_true(isnan(row_of(trial, 1)->label));
    assert_int_equal(trial_fold(trial)->records, 6);
    assert_int_equal(trial_fold(trial)->events, 2);
    trial_close(trial);
}

static void test_early(void **state)
{
    (void)state;
    struct trial *trial = trial_open(records_text);
    uint32_t early = label(trial, "a", 1);
    uint32_t unknown = label(trial, "nobody", 0);
    const struct batch *batch = fold(trial);
    check_label(batch, early, JOIN_WAITING, NUMBER_NONE, NAN);
    check_label(batch, unknown, JOIN_WAITING, NUMBER_NONE, NAN);
    check_counts(trial, (struct counts){2, 0, 0, 0, 0, 0});
    again(trial);
    uint32_t row = event(trial, "a", 100);
    uint32_t next = event(trial, "a", 101);
    fold(trial);
    assert_true(batch->label_early[row] == 1);
    assert_true(isnan(batch->label_early[next])); /* used up by the first */
    assert_true(row_of(trial, 0)->label == 1);
    assert_int_equal(row_of(trial, 0)->flags, EVENT_LABELLED);
    check_counts(trial, (struct counts){2, 1, 0, 0, 0, 1});
    assert_int_equal(metric_labels(trial), 1);
    trial_close(trial);
}

/* Every label is in one count, or waits: also one that was said twice before its event came. */
static void test_early_twice(void **state)
{
    (void)state;
    struct trial *trial = trial_open(records_text);
    label(trial, "a", 1);
    label(trial, "a", 1);
    label(trial, "a", 0);
    uint32_t row = event(trial, "a", 100);
    const struct batch *batch = fold(trial);
    assert_true(batch->label_early[row] == 0);
    check_counts(trial, (struct counts){3, 1, 1, 1, 0, 1});
    trial_close(trial);
}

/* The ring of early labels is full: the oldest one gives way and is refused. */
static void test_early_bound(void **state)
{
    (void)state;
    struct trial *trial = trial_open(records_text);
    for (int i = 0; i < EARLY + 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "e%d", i);
        label(trial, id, 1);
    }
    fold(trial);
    check_counts(trial, (struct counts){EARLY + 3, 0, 0, 0, 3, 0});
    again(trial);
    uint32_t gone = event(trial, "e2", 100);
    uint32_t kept = event(trial, "e3", 100);
    uint32_t newest = event(trial, "e66", 100);
    const struct batch *batch = fold(trial);
    assert_true(isnan(batch->label_early[gone]));
    assert_true(batch->label_early[kept] == 1);
    assert_true(batch->label_early[newest] == 1);
    check_counts(trial, (struct counts){EARLY + 3, 2, 0, 0, 3, 2});
    trial_close(trial);
}

static void test_forgotten(void **state)
{
    (void)state;
    struct trial *trial = trial_open(records_text);
    event(trial, "a", 1);
    event(trial, "b", 2);
    fold(trial);
    pass_events(trial, 3, FOUND - 2);
    uint32_t found = label(trial, "a", 1);
    const struct batch *batch = fold(trial);
    check_label(batch, found, JOIN_LEARNED, 0, NAN);
    again(trial);
    pass_events(trial, 5000, 1);
    uint32_t forgotten = label(trial, "a", 0);
    uint32_t remembered = label(trial, "b", 0);
    fold(trial);
    check_label(batch, forgotten, JOIN_REFUSED, NUMBER_NONE, NAN);
    check_label(batch, remembered, JOIN_LEARNED, 1, NAN);
    /* When its row is taken by another its id is unknown like any other that never came. */
    pass_events(trial, 6000, BATCH_RECORDS_MAX);
    assert_null(row_of(trial, 0));
    uint32_t unknown = label(trial, "a", 0);
    fold(trial);
    check_label(batch, unknown, JOIN_WAITING, NUMBER_NONE, NAN);
    check_counts(trial, (struct counts){4, 2, 0, 0, 1, 2});
    trial_close(trial);
}

static void test_id_comes_again(void **state)
{
    (void)state;
    struct trial *trial = trial_open(records_text);
    event(trial, "a", 100);
    uint32_t first = label(trial, "a", 1);
    event(trial, "a", 101);
    uint32_t second = label(trial, "a", 1);
    const struct batch *batch = fold(trial);
    check_label(batch, first, JOIN_LEARNED, 0, NAN);
    check_label(batch, second, JOIN_LEARNED, 1, NAN);
    assert_int_equal(row_of(trial, 0)->id, 0);
    /* The first one's row is taken by another: the second must stay in the index. */
    pass_events(trial, 200, RING - 1);
    assert_null(row_of(trial, 0));
    assert_int_not_equal(
        keymap_find(&trial->pipeline.history.ids, &trial->pipeline.state, row_of(trial, 1)->id),
        STATE_NO_ROW);
    trial_close(trial);
}

static void test_refused(void **state)
{
    (void)state;
    struct trial *trial = trial_open(records_text);
    trial_add(trial, RECORD_EVENT, "{\"time\":100,\"amount\":1}");
    trial_add(trial, RECORD_EVENT, "{\"time\":\"never\"}");
    trial_add(trial, RECORD_LABEL, "{\"id\":\"a\"}");
    trial_add(trial, RECORD_LABEL, "{\"fraud\":1}");
    trial_add(trial, RECORD_LABEL, "{\"id\":\"a\",\"fraud\":2}");
    const struct batch *batch = fold(trial);
    assert_false(batch->dead[0]);
    for (uint32_t row = 1; row < 5; row++) {
        assert_true(batch->dead[row]);
        assert_int_equal(batch->number[row], NUMBER_NONE);
    }
    assert_int_equal(trial_fold(trial)->dead_letters, 4);
    assert_int_equal(trial_fold(trial)->records, 1);
    check_counts(trial, (struct counts){0});
    trial_close(trial);
}

static void test_carried(void **state)
{
    (void)state;
    struct trial *trial = trial_open(carried_text);
    carrier(trial, "a", 100, 1);
    event(trial, "b", 101);
    uint32_t before = event(trial, "c", 109);
    uint32_t at = event(trial, "d", 110);
    uint32_t both = carrier(trial, "e", 130, 0);
    const struct batch *batch = fold(trial);
    assert_int_equal(batch->told[before].to, 0);
    assert_int_equal(batch->told[at].from, 0);
    assert_int_equal(batch->told[at].to, 1);
    assert_int_equal(batch->told[both].to, 4); /* not its own */
    assert_int_equal(row_of(trial, 0)->flags, EVENT_TOLD);
    assert_true(row_of(trial, 0)->label == 1);
    assert_int_equal(row_of(trial, 1)->flags, 0); /* it carried none */
    assert_true(isnan(row_of(trial, 4)->label));
    assert_int_equal(trial_fold(trial)->matured, 1);
    assert_int_equal(metric_labels(trial), 1);
    trial_close(trial);
}

/* A label record is the newer word: what the event carried is not let out after it. */
static void test_carried_and_records(void **state)
{
    (void)state;
    struct trial *trial = trial_open(both_text);
    carrier(trial, "a", 100, 0);
    uint32_t record = label(trial, "a", 1);
    label(trial, "b", 0);
    carrier(trial, "b", 101, 1);
    carrier(trial, "c", 102, 1);
    event(trial, "d", 120);
    uint32_t corrected = label(trial, "c", 0);
    const struct batch *batch = fold(trial);
    check_label(batch, record, JOIN_LEARNED, 0, NAN);
    check_label(batch, corrected, JOIN_CORRECTED, 2, 1);
    assert_true(row_of(trial, 0)->label == 1);
    assert_true(row_of(trial, 1)->label == 0);
    assert_int_equal(row_of(trial, 0)->flags, EVENT_LABELLED);
    assert_int_equal(row_of(trial, 1)->flags, EVENT_LABELLED);
    assert_int_equal(row_of(trial, 2)->flags, EVENT_TOLD | EVENT_LABELLED);
    check_counts(trial, (struct counts){3, 2, 1, 0, 0, 4});
    assert_int_equal(metric_labels(trial), 3);
    trial_close(trial);
}

static void test_negative_after(void **state)
{
    (void)state;
    struct trial *trial = trial_open(negative_text);
    event(trial, "a", 100);
    event(trial, "b", 101);
    event(trial, "c", 102);
    label(trial, "b", 1);
    uint32_t row = event(trial, "d", 111);
    uint32_t same = label(trial, "a", 0);
    uint32_t later = label(trial, "a", 1);
    const struct batch *batch = fold(trial);
    assert_int_equal(batch->spent[row].from, 0);
    assert_int_equal(batch->spent[row].to, 2);
    check_label(batch, same, JOIN_REPEATED, 0, 0);
    check_label(batch, later, JOIN_CORRECTED, 0, 0);
    assert_int_equal(row_of(trial, 0)->flags, EVENT_SPENT | EVENT_LABELLED);
    assert_int_equal(row_of(trial, 1)->flags, EVENT_LABELLED);
    assert_int_equal(row_of(trial, 2)->flags, 0);
    check_counts(trial, (struct counts){3, 1, 1, 1, 0, 3});
    assert_int_equal(metric_labels(trial), 2);
    trial_close(trial);
}

/* Taken as negative before it was told: told the same it is no news, told otherwise it is a
 * correction; either way it is one label for the metrics. */
static void test_negative_before_told(void **state)
{
    (void)state;
    struct trial *trial = trial_open(impatient_text);
    carrier(trial, "a", 100, 0);
    carrier(trial, "b", 101, 1);
    event(trial, "c", 112);
    event(trial, "d", 123);
    fold(trial);
    assert_int_equal(row_of(trial, 0)->flags, EVENT_SPENT);
    assert_int_equal(row_of(trial, 1)->flags, EVENT_SPENT | EVENT_TOLD);
    assert_true(row_of(trial, 1)->label == 1);
    assert_int_equal(row_of(trial, 2)->flags, EVENT_SPENT);
    assert_int_equal(trial_fold(trial)->matured, 4); /* a, b, b corrected, c */
    assert_int_equal(metric_labels(trial), 3);
    trial_close(trial);
}

/* A jump in time ends many waits; at most MATURED_MAX before one row, the rest before the next. */
static void test_matured_bound(void **state)
{
    (void)state;
    struct trial *trial = trial_open(carried_text);
    for (int i = 0; i < 150; i++)
        carrier(trial, "x", 100, i % 2);
    uint32_t first = event(trial, "y", 1000);
    uint32_t second = event(trial, "y", 1000);
    uint32_t third = event(trial, "y", 1000);
    const struct batch *batch = fold(trial);
    assert_int_equal(batch->told[first].from, 0);
    assert_int_equal(batch->told[first].to, MATURED_MAX);
    assert_int_equal(batch->told[second].from, MATURED_MAX);
    assert_int_equal(batch->told[second].to, 2 * MATURED_MAX);
    assert_int_equal(batch->told[third].to, 150);
    assert_int_equal(trial_fold(trial)->matured, 150);
    trial_close(trial);
}

/* Whoever comes out of order waits behind those before; the watermark never goes back. */
static void test_out_of_order(void **state)
{
    (void)state;
    struct trial *trial = trial_open(carried_text);
    carrier(trial, "a", 105, 1);
    carrier(trial, "b", 95, 1);
    uint32_t late = carrier(trial, "c", 50, 1);
    uint32_t row = event(trial, "d", 114);
    uint32_t back = event(trial, "e", 60);
    uint32_t end = event(trial, "f", 115);
    event(trial, "g", 20);
    const struct batch *batch = fold(trial);
    assert_int_equal(batch->told[late].to, 0);
    assert_int_equal(batch->told[row].to, 0);
    assert_int_equal(batch->told[back].to, 0);
    assert_int_equal(batch->told[end].to, 3);
    assert_int_equal(trial_fold(trial)->watermark_ms, 115000);
    trial_close(trial);
}

/* One wrong clock neither ends the others' waits nor holds them up; two that agree are believed. */
static void test_one_future_event(void **state)
{
    (void)state;
    static const int years = 30 * 365 * 86400;
    struct trial *trial = trial_open(carried_text);
    carrier(trial, "a", 100, 1);
    uint32_t wrong = carrier(trial, "wrong", 101 + years, 1);
    carrier(trial, "b", 102, 0);
    uint32_t at = event(trial, "c", 112);
    const struct batch *batch = fold(trial);
    assert_int_equal(batch->told[at].to, 3);
    assert_true(batch->ahead[wrong]);
    assert_false(batch->ahead[at]);
    assert_int_equal(trial_fold(trial)->watermark_ms, 112 * 1000);
    batch_clear(&trial->batch);
    event(trial, "d", 113 + years);
    event(trial, "e", 113);
    event(trial, "f", 114 + years);
    fold(trial);
    assert_int_equal(trial_fold(trial)->watermark_ms, 113 * 1000);
    batch_clear(&trial->batch);
    uint32_t confirms = event(trial, "g", 115 + years);
    fold(trial);
    assert_false(trial->batch.ahead[confirms]);
    assert_true(trial_fold(trial)->watermark_ms == (114 + years) * 1000LL);
    assert_int_equal(trial_fold(trial)->ahead, 3);
    trial_close(trial);
}

/* Where events are further apart than `future` each one confirms the last: but for the first, none
 * is lost. */
static void test_rare_events(void **state)
{
    (void)state;
    static const int day = 86400;
    struct trial *trial = trial_open(carried_text);
    for (int i = 0; i < 6; i++)
        event(trial, "x", 100 + 3 * i * day);
    const struct batch *batch = fold(trial);
    for (uint32_t row = 0; row < 6; row++)
        assert_int_equal(batch->ahead[row], row == 1);
    assert_int_equal(trial_fold(trial)->watermark_ms, (100 + 12 * day) * 1000LL);
    trial_close(trial);
}

/* After a pause the first event is believed if it comes when it says that it happened. */
static void test_fresh_after_a_pause(void **state)
{
    (void)state;
    static const int day = 86400;
    struct trial *trial = trial_open(carried_text);
    event(trial, "a", 100);
    uint32_t fresh = event(trial, "b", 100 + 3 * day), old = event(trial, "c", 100 + 6 * day);
    trial->batch.arrival_ms[fresh] = (101 + 3 * day) * 1000LL;
    trial->batch.arrival_ms[old] = (100 + 60 * day) * 1000LL;
    event(trial, "d", 101);
    const struct batch *batch = fold(trial);
    assert_false(batch->ahead[fresh]);
    assert_false(batch->ahead[old]); /* the two agree */
    trial_close(trial);
}

/* Where the arrival is known nobody is believed who is a day ahead of it, however many agree. */
static void test_ahead_of_arrival(void **state)
{
    (void)state;
    static const int day = 86400;
    struct trial *trial = trial_open(carried_text);
    uint32_t believed = event(trial, "a", 100);
    uint32_t first = event(trial, "b", 100 + 3 * day), second = event(trial, "c", 101 + 3 * day);
    uint32_t later = event(trial, "d", 100 + day);
    for (uint32_t row = 0; row < trial->batch.count; row++)
        trial->batch.arrival_ms[row] = 100 * 1000;
    const struct batch *batch = fold(trial);
    assert_false(batch->ahead[believed]);
    assert_true(batch->ahead[first] && batch->ahead[second]);
    assert_false(batch->ahead[later]);
    assert_int_equal(trial_fold(trial)->ahead, 2);
    assert_int_equal(trial_fold(trial)->watermark_ms, (100 + day) * 1000LL);
    trial_close(trial);
}

/* An event that is forgotten before its wait has ended has lost it. */
static void test_wait_is_lost(void **state)
{
    (void)state;
    struct trial *trial = trial_open(carried_text);
    carrier(trial, "a", 100, 1);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < BATCH_RECORDS_MAX - (i == 0); j++)
            carrier(trial, "x", 100, 1);
        fold(trial);
        again(trial);
    }
    uint32_t row = event(trial, "y", 1000);
    const struct batch *batch = fold(trial);
    assert_int_equal(batch->told[row].from, RING - FOUND);
    assert_int_equal(batch->told[row].to, RING - FOUND + MATURED_MAX);
    assert_int_equal(trial_fold(trial)->matured, MATURED_MAX);
    trial_close(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_repeated_corrected),
        cmocka_unit_test(test_early),
        cmocka_unit_test(test_early_twice),
        cmocka_unit_test(test_early_bound),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_id_comes_again),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_carried),
        cmocka_unit_test(test_carried_and_records),
        cmocka_unit_test(test_negative_after),
        cmocka_unit_test(test_negative_before_told),
        cmocka_unit_test(test_matured_bound),
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_one_future_event),
        cmocka_unit_test(test_rare_events),
        cmocka_unit_test(test_fresh_after_a_pause),
        cmocka_unit_test(test_ahead_of_arrival),
        cmocka_unit_test(test_wait_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
