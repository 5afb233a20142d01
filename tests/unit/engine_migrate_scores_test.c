/* Migration of models that stand around models, of what they learn with, and of labels' classes. */
#include "engine/step.h"
#include "tests/unit/engine_migrate_report.h"

enum { TEXT = 2048 };

#define EVENTS                                                                                     \
    "{'name': 'moved', 'memory': '64MiB', 'events': {'source': 'file', 'path': '-',"               \
    "'fields': {'amount': 'number'}}, 'features': {'half': 'amount / 2'}, "

static struct trial *move(struct trial *old, const char *text, struct migration_report *report)
{
    return move_to(trial_open(text), old, report);
}

static void event(struct trial *trial, int amount, bool fraud)
{
    char text[100];
    snprintf(text, sizeof text, "{\"amount\": %d, \"fraud\": %d}", amount % 17 + 5 * fraud, fraud);
    batch_clear(&trial->batch);
    trial_add(trial, RECORD_EVENT, text);
    step(&trial->pipeline, &trial->batch);
    assert_false(trial->batch.dead[0]);
}

/* Who sees the scores of a model that begins anew, begins anew; who stands beside does not. */
static void scores_of_another_are_another_feature(void **unused)
{
    (void)unused;
    static const char format[] =
        EVENTS "'labels': {'event_field': 'fraud', 'delay': '2s', 'remembered': 10},"
               "'models': {'a': {'kind': 'logistic_regression'%s},"
               "'b': {'kind': 'platt', 'features': ['a']},"
               "'c': {'kind': 'average', 'features': ['b', 'half']},"
               "'d': {'kind': 'logistic_regression'}}, 'score': 'c'}";
    char before[TEXT], after[TEXT];
    snprintf(before, sizeof before, format, "");
    snprintf(after, sizeof after, format, ", 'l2': 0.5");
    struct migration_report report;
    struct trial *trial = move(trial_open(before), after, &report);
    check_line(&report, "model a", MIGRATION_ANEW, "options");
    check_line(&report, "model b", MIGRATION_ANEW, "whose score it sees");
    check_line(&report, "model c", MIGRATION_ANEW, "whose score it sees");
    check_line(&report, "model d", MIGRATION_KEPT, "");
    check_line(&report, "labels", MIGRATION_KEPT, "2 of 3 model features are missing");
    migration_report_close(&report);
    trial_close(trial);
}

/* So does who sees those of a model that identifiers, hashed with another key, begin anew: here the
 * key follows from the name. */
static void scores_of_other_keys_are_another_feature(void **unused)
{
    (void)unused;
    static const char format[] =
        "{'name': '%s', 'memory': '64MiB', 'events': {'source': 'file', 'path': '-', 'fields': "
        "{'amount': 'number', 'card': {'type': 'key', 'optional': true}}},"
        "'labels': {'event_field': 'fraud', 'delay': '2s', 'remembered': 10},"
        "'models': {'a': {'kind': 'naive_bayes', 'features': ['card', 'amount']},"
        "'b': {'kind': 'platt', 'features': ['a']},"
        "'d': {'kind': 'logistic_regression', 'features': ['amount']}}, 'score': 'b'}";
    char before[TEXT], after[TEXT];
    snprintf(before, sizeof before, format, "one");
    snprintf(after, sizeof after, format, "other");
    struct migration_report report;
    struct trial *old = trial_open(before);
    for (int i = 0; i < 20; i++)
        event(old, i, i % 5 == 0);
    struct trial *trial = move(old, after, &report);
    check_line(&report, "model a", MIGRATION_ANEW, "hashed");
    check_line(&report, "model b", MIGRATION_ANEW, "whose score it sees");
    check_line(&report, "model d", MIGRATION_KEPT, "");
    migration_report_close(&report);
    trial_close(trial);
}

/* How a learner is taught is part of what it is, and its counts go over with it. */
static void imbalance_goes_over(void **unused)
{
    (void)unused;
    static const char format[] =
        EVENTS "'labels': {'event_field': 'fraud', 'delay': '2s', 'remembered': %d},"
               "'models': {'m': {'kind': 'logistic_regression', 'imbalance': '%s',"
               "'feature_dropout': 0.3}}}";
    char before[TEXT], after[TEXT], other[TEXT];
    snprintf(before, sizeof before, format, 10, "undersampling");
    snprintf(after, sizeof after, format, 2000, "undersampling");
    snprintf(other, sizeof other, format, 2000, "weights");
    struct migration_report report;
    struct trial *old = trial_open(before), *same = trial_open(before);
    for (int i = 0; i < 60; i++) {
        event(old, i, i % 5 == 0);
        event(same, i, i % 5 == 0);
    }
    struct trial *new = move(old, after, &report);
    check_line(&report, "model m", MIGRATION_KEPT, "");
    migration_report_close(&report);
    for (int i = 60; i < 120; i++) {
        event(new, i, i % 5 == 0);
        event(same, i, i % 5 == 0);
        assert_true(new->batch.score[0] == same->batch.score[0]);
    }
    trial_close(same);
    new = move(new, other, &report);
    check_line(&report, "model m", MIGRATION_ANEW, "options");
    migration_report_close(&report);
    trial_close(new);
}

/* A label is the place of its class in the list. */
static void other_classes_are_other_labels(void **unused)
{
    (void)unused;
    static const char format[] =
        EVENTS "'labels': {'event_field': 'fraud', 'delay': '2s', 'classes': [%s]},"
               "'models': {'m': {'kind': 'logistic_regression'},"
               "'o': {'kind': 'half_space_trees'}}, 'score': 'm'}";
    char before[TEXT], after[TEXT];
    snprintf(before, sizeof before, format, "0, 1");
    snprintf(after, sizeof after, format, "1, 0");
    struct migration_report report;
    struct trial *old = trial_open(before);
    for (int i = 0; i < 20; i++)
        event(old, i, i % 5 == 0);
    struct trial *trial = move(old, after, &report);
    check_line(&report, "model m", MIGRATION_ANEW, "classes");
    check_line(&report, "model o", MIGRATION_KEPT, "");
    check_line(&report, "labels", MIGRATION_ANEW, "classes");
    migration_report_close(&report);
    event(trial, 3, false);
    trial_close(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_of_another_are_another_feature),
        cmocka_unit_test(scores_of_other_keys_are_another_feature),
        cmocka_unit_test(imbalance_goes_over),
        cmocka_unit_test(other_classes_are_other_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
