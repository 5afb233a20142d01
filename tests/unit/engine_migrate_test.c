/* Migration case by case: what is said, what is kept, and what happens for want of room. */
#include "engine/migrate.h"
#include "monitor/watcher.h"
#include "tests/unit/engine_migrate_setup.h"
#include <math.h>

static void features_say_what_they_are_filled_from(void **state)
{
    (void)state;
    struct setup before = {.features =
                               "'a': 'count() by card over 2h', 'b': 'mean(amount) by card',"
                               "'c': 'count() by shop', 'd': 'max(amount) by card over 1h',"
                               "'gone': 'sum(amount) by card over 1h', 'e': 'log1p(amount)'"};
    struct setup after = {
        .features =
            "'b': 'mean(amount) by card * 2', 'full': 'sum(amount) by card over 90m',"
            "'part': 'count() by card over 7d', 'ever': 'sd(amount) by card',"
            "'taken': 'sum(amount) by card', 'earlier': 'max(amount) by card over 1h before',"
            "'unheld': 'count() by card over 1h where amount > 5', 'e': 'sqrt(amount)',"
            "'a': 'count() by card over 1h where amount > 5', 'c': 'mean(amount) by shop',"
            "'pair': 'count() by (card, shop)', 'd': 'max(amount) by card over 1h'"};
    struct trial *old = set_up(&before, true), *built = set_up(&after, false);
    struct migration_report report, plan = {0};
    event(old, 1, 0, "x", 3);
    migrate(&built->pipeline, &old->pipeline, &plan);
    struct trial *new = move(old, &after, &report);
    check_line(&report, "feature b", MIGRATION_KEPT, "");
    check_line(&report, "feature d", MIGRATION_KEPT, "");
    check_line(&report, "feature full", MIGRATION_REFILLED, "new: from the events");
    check_line(&report, "feature part", MIGRATION_REFILLED, "reach back 2h");
    check_line(&report, "feature ever", MIGRATION_REFILLED, "reach back 2h");
    check_line(&report, "feature taken", MIGRATION_REFILLED, "kept the same");
    check_line(&report, "feature earlier", MIGRATION_REFILLED, "kept the same");
    check_line(&report, "feature unheld", MIGRATION_ANEW, "new: the events");
    check_line(&report, "feature a", MIGRATION_ANEW, "changed: the events");
    check_line(&report, "feature c", MIGRATION_ANEW, "keeps no events");
    check_line(&report, "feature pair", MIGRATION_ANEW, "entity is new");
    check_line(&report, "feature gone", MIGRATION_GONE, "");
    check_line(&report, "entity card", MIGRATION_KEPT, "1 kept");
    check_line(&report, "entity card,shop", MIGRATION_ANEW, "new");
    /* What is only planned is said alike, but for counts; e has no window and no line. */
    assert_int_equal(plan.count, report.count);
    for (uint32_t i = 0; i < plan.count; i++) {
        assert_string_equal(plan.lines[i].part, report.lines[i].part);
        assert_int_equal(plan.lines[i].outcome, report.lines[i].outcome);
        assert_string_not_equal(plan.lines[i].part, "feature e");
    }
    migration_report_close(&plan);
    migration_report_close(&report);
    trial_close(built);
    trial_close(new);
}

/* Events that passed no condition were not kept, so a window without one cannot be whole. */
static void conditions_kept_some(void **state)
{
    (void)state;
    const struct setup before = {.features = "'n': 'count() by card over 1d where amount > 5'"};
    const struct setup after = {.features = "'n': 'count() by card over 1d', "
                                            "'m': 'count() by card over 1h where amount > 5'"};
    struct migration_report report;
    struct trial *old = set_up(&before, true);
    event(old, 1, 0, "c", 1);
    event(old, 2, 1, "c", 9);
    struct trial *new = move(old, &after, &report);
    check_line(&report, "feature n", MIGRATION_ANEW,
               "changed: the events that its entity keeps do not hold what it looks at");
    check_line(&report, "feature m", MIGRATION_REFILLED,
               "new: from the events that its entity keeps");
    migration_report_close(&report);
    trial_close(new);
}

static void a_key_field_is_gone(void **state)
{
    (void)state;
    struct setup before = {.features = "'a': 'count() by card', 'b': 'count() by shop'"};
    struct setup after = {.features = "'a': 'count() by card'"};
    struct migration_report report;
    struct trial *new = move(set_up(&before, true), &after, &report);
    check_line(&report, "entity shop", MIGRATION_GONE, "no window");
    check_line(&report, "feature b", MIGRATION_GONE, "");
    migration_report_close(&report);
    trial_close(new);
}

/* Sums that no slot could give go on; squares that begin later are not mixed with them. */
static void sums_without_span_go_on(void **state)
{
    (void)state;
    struct setup before = {.features = "'mean': 'mean(amount) by card'"};
    struct setup after = {.features = "'sd': 'sd(amount) by card', 'mean': 'mean(amount) by card'"};
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    for (int i = 0; i < 10; i++)
        event(trial, i, i, "x", 1000 + i);
    trial = move(trial, &after, &report);
    check_line(&report, "feature mean", MIGRATION_KEPT, "");
    check_line(&report, "feature sd", MIGRATION_ANEW, "new: ");
    event(trial, 10, 10, "x", 4);
    assert_true(feature(trial, 1) == (10 * 1000 + 45 + 4) / 11.0);
    assert_true(isnan(feature(trial, 0)));
    event(trial, 11, 11, "x", 6);
    assert_true(fabs(feature(trial, 0) - sqrt(2)) < 1e-12);
    migration_report_close(&report);
    trial_close(trial);
}

static void the_longest_idle_are_left_out(void **state)
{
    (void)state;
    struct setup before = {.features = "'n': 'count() by card over 1d'"};
    struct setup after = {.features = "'n': 'count() by card over 1d'",
                          .entities = "'card': {'entities_max': 20}"};
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    /* The first half comes again, so the second half is idle. */
    for (int i = 0; i < 60; i++) {
        char card[16];
        snprintf(card, sizeof card, "c%d", i % 40);
        event(trial, i, i, card, 1);
    }
    trial = move(trial, &after, &report);
    check_line(&report, "entity card", MIGRATION_KEPT, "20 kept; 20, idle longest");
    struct entity_report entities[1];
    features_report(trial->pipeline.features, &trial->pipeline.state, entities, 1);
    assert_int_equal(entities[0].evicted_for_rows, 20);
    event(trial, 60, 60, "c19", 1);
    assert_true(feature(trial, 0) == 3);
    event(trial, 61, 61, "c0", 1);
    assert_true(feature(trial, 0) == 3);
    event(trial, 62, 62, "c20", 1);
    assert_true(feature(trial, 0) == 1);
    migration_report_close(&report);
    trial_close(trial);
}

static void the_oldest_events_go_into_panes(void **state)
{
    (void)state;
    struct setup before = {.features = "'n': 'count() by card over 1d', 'm': 'sum(amount) by card "
                                       "over 10s', 'all': 'count() by card'"};
    struct setup after = before;
    after.entities = "'card': {'events_max': 5}";
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    for (int i = 0; i < 40; i++)
        event(trial, i, i * 4, "x", i);
    trial = move(trial, &after, &report);
    struct entity_report entities[1];
    features_report(trial->pipeline.features, &trial->pipeline.state, entities, 1);
    assert_int_equal(entities[0].events_spilled, 35);
    assert_int_equal(entities[0].events_dropped, 0);
    event(trial, 40, 160, "x", 40);
    assert_true(feature(trial, 0) == 41 && feature(trial, 1) == 40 + 39 + 38);
    assert_true(feature(trial, 2) == 41);
    migration_report_close(&report);
    trial_close(trial);
}

/* Windows that both plans have keep what was spilled; a new one begins with the slots. */
static void panes_go_over(void **state)
{
    (void)state;
    struct setup before = {.features = "'n': 'count() by card over 1d', 'least': 'min(amount) by "
                                       "card over 1d', 'kinds': 'distinct(amount) by card over "
                                       "1d', 'middle': 'median(amount) by card over 1d', 'mode': "
                                       "'mode(amount < 70) by card over 1d'",
                           .entities = "'card': {'events_max': 5}"};
    struct setup after = before;
    after.features = "'kinds': 'distinct(amount) by card over 1d', 'n': 'count() by card over 1d', "
                     "'least': 'min(amount) by card over 1d', 'sum': 'sum(amount) by card over "
                     "1d', 'mode': 'mode(amount < 70) by card over 1d', "
                     "'middle': 'median(amount) by card over 1d'";
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    for (int i = 0; i < 40; i++)
        event(trial, i, i * 4, "x", 100 - i);
    assert_true(feature(trial, 0) == 40 && feature(trial, 1) == 61);
    assert_true(feature(trial, 2) >= 38 && feature(trial, 2) <= 42);
    event(trial, 40, 160, "x", 3);
    for (int i = 41; i < 50; i++)
        event(trial, i, i * 4, "x", 100 - i);
    trial = move(trial, &after, &report);
    event(trial, 50, 200, "x", 50);
    assert_true(feature(trial, 0) >= 48 && feature(trial, 0) <= 54);
    assert_true(feature(trial, 1) == 51 && feature(trial, 2) == 3);
    assert_true(feature(trial, 3) == 50 + 51 + 52 + 53 + 54 + 55);
    assert_true(feature(trial, 4) == 0); /* of those that are kept it is 1 */
    assert_true(feature(trial, 5) == 75);
    check_line(&report, "feature n", MIGRATION_KEPT, "");
    check_line(&report, "feature least", MIGRATION_KEPT, "");
    check_line(&report, "feature kinds", MIGRATION_KEPT, "");
    check_line(&report, "feature sum", MIGRATION_REFILLED, "keeps; not what was spilled");
    migration_report_close(&report);
    trial_close(trial);
}

/* Where time is cut otherwise what was spilled is gone, and it is said. */
static void panes_of_another_length(void **state)
{
    (void)state;
    struct setup before = {.features = "'n': 'count() by card over 1d', 'all': 'count() by card'",
                           .entities = "'card': {'events_max': 5}"};
    struct setup after = before;
    after.lateness = "'12h'";
    struct migration_report report, plan = {0};
    struct trial *trial = set_up(&before, true), *built = set_up(&after, false);
    for (int i = 0; i < 40; i++)
        event(trial, i, i * 4, "x", i);
    migrate(&built->pipeline, &trial->pipeline, &plan);
    check_line(&plan, "feature n", MIGRATION_KEPT, "but not what was spilled");
    trial = move(trial, &after, &report);
    check_line(&report, "feature n", MIGRATION_KEPT, "but not what was spilled");
    check_line(&report, "feature all", MIGRATION_KEPT, "");
    event(trial, 40, 160, "x", 40);
    assert_true(feature(trial, 0) == 6 && feature(trial, 1) == 41);
    migration_report_close(&plan);
    migration_report_close(&report);
    trial_close(built);
    trial_close(trial);
}

/* With another key a card is another number: nothing must be found by accident. */
static void another_key_finds_nothing(void **state)
{
    (void)state;
    const char *more = "'models': {'fraud': {'kind': 'logistic_regression', 'features': ['n']}}, ";
    struct setup before = {
        .features = "'n': 'count() by card over 1d'", .remembered = 10, .more = more};
    struct setup after = before;
    after.name = "other";
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    event(trial, 1, 0, "x", 1);
    event(trial, 2, 1, "x", 1);
    label(trial, 1, 1);
    label(trial, 7, 1); /* waits */
    trial = move(trial, &after, &report);
    check_line(&report, "entity card", MIGRATION_ANEW, "key");
    check_line(&report, "feature n", MIGRATION_ANEW, "key");
    check_line(&report, "labels", MIGRATION_KEPT, "find no earlier event");
    check_line(&report, "model fraud", MIGRATION_KEPT, "");
    assert_int_equal(trial_fold(trial)->labels_refused, 1);
    assert_int_equal(trial_fold(trial)->matured, 1);
    label(trial, 2, 1);
    assert_int_equal(trial_fold(trial)->labels_learned, 1);
    event(trial, 3, 2, "x", 1);
    assert_true(feature(trial, 0) == 1);
    migration_report_close(&report);
    trial_close(trial);
}

/* A cell holds the number of a choice: with other choices it would mean another one. */
static void other_choices_are_another_field(void **state)
{
    (void)state;
    struct setup before = {.features = "'n': 'distinct(channel) by card over 1d', 'm': 'count() by "
                                       "card over 1d'"};
    struct setup after = before;
    after.choices = ", 'phone'";
    struct migration_report report;
    struct trial *trial = move(set_up(&before, true), &after, &report);
    check_line(&report, "feature n", MIGRATION_ANEW, "changed: the events");
    check_line(&report, "feature m", MIGRATION_KEPT, "");
    migration_report_close(&report);
    trial_close(trial);
}

/* Waits begin at the oldest event that is there: the join believes that all others are. */
static void waits_begin_with_what_is_there(void **state)
{
    (void)state;
    struct setup none = {.features = "'n': 'count() by card over 1d'"};
    struct setup small = none, large = none;
    small.remembered = 10;
    large.remembered = 3000;
    large.waits = ", 'event_field': 'fraud', 'delay': '10s', 'negative_after': '10s'";
    large.more = "'retraining': {'model': 'm', 'examples': 100}, 'models': {'m': {'kind': "
                 "'logistic_regression'}}, ";
    struct migration_report report;
    struct trial *trial = set_up(&none, true);
    for (int i = 0; i < 300; i++)
        event(trial, i, i, "x", 1);
    trial = move(trial, &small, &report);
    check_line(&report, "labels", MIGRATION_ANEW, "new");
    migration_report_close(&report);
    for (int i = 300; i < 2500; i++)
        event(trial, i, i, "x", 1);
    label(trial, 2400, 1);
    trial = move(trial, &large, &report);
    check_line(&report, "labels", MIGRATION_KEPT, "1 of 1 model features are missing");
    migration_report_close(&report);
    for (int i = 2500; i < 2700; i++)
        event(trial, i, i, "x", 1);
    label(trial, 2399, 1);
    assert_int_equal(trial_fold(trial)->labels_learned + trial_fold(trial)->labels_corrected, 2);
    trial_close(trial);
}

static void early_labels_that_find_no_room_are_refused(void **state)
{
    (void)state;
    struct setup large = {.features = "'n': 'count() by card'", .remembered = 3000};
    struct setup small = large;
    small.remembered = 10;
    struct migration_report report;
    struct trial *trial = set_up(&large, true);
    for (int i = 0; i < 100; i++)
        label(trial, 1000 + i, 1);
    trial = move(trial, &small, &report);
    check_line(&report, "labels", MIGRATION_KEPT, "the newest 10 events");
    assert_int_equal(trial_fold(trial)->labels_refused, 100 - 64);
    event(trial, 1000, 0, "x", 1);
    assert_int_equal(trial_fold(trial)->labels_learned, 0);
    event(trial, 1099, 0, "x", 1);
    assert_int_equal(trial_fold(trial)->labels_learned, 1);
    migration_report_close(&report);
    trial_close(trial);
}

/* An event that comes late after the change sees the sums without what came after it. */
static void what_is_kept_serves_late_events(void **state)
{
    (void)state;
    struct setup before = {.features = "'all': 'sum(amount) by card', 'n': 'count() by card over "
                                       "20s'"};
    struct setup after = before;
    after.lateness = "'1m'";
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    for (int i = 0; i < 10; i++)
        event(trial, i, i * 10, "x", 1);
    trial = move(trial, &after, &report);
    event(trial, 10, 85, "x", 1);
    assert_true(feature(trial, 0) == 10);
    event(trial, 11, 91, "x", 1);
    assert_true(feature(trial, 0) == 12);
    migration_report_close(&report);
    trial_close(trial);
}

/* Slots that no window reaches any more still count where there is no span: for the window that is
 * new, and for events that come late. */
static void slots_that_leave_still_count(void **state)
{
    (void)state;
    struct setup before = {.lateness = "'1m'",
                           .features = "'n': 'mean(amount) by card over 2h', 'all': 'sum(amount) "
                                       "by card'"};
    struct setup after = {.lateness = "'1m'",
                          .features = "'all': 'sum(amount) by card', 'new': 'sd(amount) by card', "
                                      "'count': 'count() by card'"};
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    for (int i = 0; i < 30; i++)
        event(trial, i, i * 100, "x", i);
    trial = move(trial, &after, &report);
    event(trial, 30, 2890, "x", 100);
    assert_true(feature(trial, 0) == 28 * 29 / 2 + 100 && feature(trial, 2) == 30);
    event(trial, 31, 2901, "x", 0);
    assert_true(feature(trial, 0) == 29 * 30 / 2 + 100 && feature(trial, 2) == 32);
    assert_true(feature(trial, 1) > 0);
    migration_report_close(&report);
    trial_close(trial);
}

static void outcomes_go_by_their_names(void **state)
{
    (void)state;
    struct setup before = {.features = "'n': 'count() by card'",
                           .more = "'outcomes': ['allow', 'block'], 'rules': {'large': {'when': "
                                   "'amount > 5', 'then': 'block'}}, "};
    struct setup after = before;
    after.more = "'outcomes': ['allow', 'look', 'block'], ";
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    event(trial, 0, 0, "x", 10);
    event(trial, 1, 1, "x", 10);
    event(trial, 2, 2, "x", 1);
    trial = move(trial, &after, &report);
    const uint64_t *outcomes = trial_fold(trial)->outcomes;
    assert_true(outcomes[0] == 1 && outcomes[1] == 0 && outcomes[2] == 2);
    assert_int_equal(trial_fold(trial)->alerts, 2);
    migration_report_close(&report);
    trial_close(trial);
}

static void recent_metrics_are_the_newest_that_fit(void **state)
{
    (void)state;
    struct setup before = {
        .features = "'n': 'count() by card'", .remembered = 1000, .more = "'recent_labels': 250, "};
    struct setup larger = before, smaller = before;
    larger.more = "'recent_labels': 1000, ";
    smaller.more = "'recent_labels': 100, ";
    struct migration_report report;
    struct metrics metrics;
    struct trial *trial = set_up(&before, true);
    for (int i = 0; i < 400; i++) {
        event(trial, i, i, "x", 1);
        label(trial, i, i >= 320);
    }
    trial = move(trial, &larger, &report);
    migration_report_close(&report);
    monitor_metrics(trial->pipeline.monitor, &trial->pipeline.state, true, &metrics);
    assert_int_equal(metrics.labels, 250);
    assert_int_equal(metrics.positives, 80);
    trial = move(trial, &smaller, &report);
    migration_report_close(&report);
    monitor_metrics(trial->pipeline.monitor, &trial->pipeline.state, true, &metrics);
    assert_int_equal(metrics.labels, 100);
    assert_int_equal(metrics.positives, 80);
    monitor_metrics(trial->pipeline.monitor, &trial->pipeline.state, false, &metrics);
    assert_int_equal(metrics.labels, 400);
    trial_close(trial);
}

#define MODELS(kind, options, features, drift)                                                     \
    "'models': {'m': {'kind': '" kind "'" options ", 'features': [" features "]}, 'other': "       \
    "{'kind': 'half_space_trees', 'features': ['n']}}, 'score': 'm', 'drift': {'d': {'kind': "     \
    "'adwin', 'watch': 'error'" drift "}}, "

static void check_model(const char *more, enum migration outcome, const char *why,
                        enum migration detector)
{
    struct setup before = {.features = "'n': 'count() by card', 'k': 'count() by shop'",
                           .remembered = 10,
                           .more = MODELS("logistic_regression", "", "'n', 'k'", "")};
    struct setup after = before;
    after.more = more;
    struct migration_report report;
    struct trial *trial = move(set_up(&before, true), &after, &report);
    check_line(&report, "model m", outcome, why);
    check_line(&report, "model other", MIGRATION_KEPT, "");
    check_line(&report, "detector d", detector,
               detector == MIGRATION_KEPT ? "" : "its options have changed");
    migration_report_close(&report);
    trial_close(trial);
}

static void models_say_what_has_changed(void **state)
{
    (void)state;
    check_model(MODELS("logistic_regression", "", "'n', 'k'", ""), MIGRATION_KEPT, "",
                MIGRATION_KEPT);
    check_model(MODELS("half_space_trees", "", "'n', 'k'", ""), MIGRATION_ANEW, "kind",
                MIGRATION_KEPT);
    check_model(MODELS("logistic_regression", ", 'l2': 0.5", "'n', 'k'", ""), MIGRATION_ANEW,
                "options", MIGRATION_KEPT);
    check_model(MODELS("logistic_regression", "", "'k', 'n'", ""), MIGRATION_ANEW, "order",
                MIGRATION_KEPT);
    check_model(MODELS("logistic_regression", "", "'n', 'amount'", ", 'clock': 3"), MIGRATION_ANEW,
                "features", MIGRATION_ANEW);
}

/* A feature's formula is what a model learned, not its name. */
static void a_models_feature_is_its_formula(void **state)
{
    (void)state;
    struct setup before = {.features = "'n': 'count() by card'",
                           .remembered = 10,
                           .more = "'models': {'m': {'kind': 'logistic_regression'}}, "};
    struct setup after = before;
    after.features = "'n': 'count() by card * 2'";
    struct migration_report report;
    struct trial *trial = move(set_up(&before, true), &after, &report);
    check_line(&report, "model m", MIGRATION_ANEW, "features");
    check_line(&report, "feature n", MIGRATION_KEPT, "");
    migration_report_close(&report);
    trial_close(trial);
}

/* A wish of a model that is not retrained any more would be answered by nobody. */
static void who_is_not_retrained_wishes_nothing(void **state)
{
    (void)state;
    struct setup before = {
        .features = "'n': 'count() by card'",
        .remembered = 100,
        .more = "'models': {'m': {'kind': 'logistic_regression'}}, 'retraining': {'model': 'm', "
                "'examples': 100, 'every_labels': 100}, "};
    struct setup after = before;
    after.more = "'models': {'m': {'kind': 'logistic_regression'}}, ";
    struct migration_report report;
    struct trial *trial = set_up(&before, true);
    for (int i = 0; i < 100; i++) {
        event(trial, i, i, "x", 1);
        label(trial, i, i % 2);
    }
    assert_int_equal(models_wish(trial->pipeline.models, &trial->pipeline.state).kind,
                     WISH_TRAINING);
    struct slot_report was, is;
    models_report(trial->pipeline.models, &trial->pipeline.state, 0, SLOT_CHAMPION, &was);
    trial = move(trial, &after, &report);
    check_line(&report, "model m", MIGRATION_KEPT, "");
    assert_int_equal(models_wish(trial->pipeline.models, &trial->pipeline.state).kind, WISH_NONE);
    models_report(trial->pipeline.models, &trial->pipeline.state, 0, SLOT_CHAMPION, &is);
    assert_int_equal(is.labels, was.labels);
    assert_true(is.loss == was.loss);
    migration_report_close(&report);
    trial_close(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_say_what_they_are_filled_from),
        cmocka_unit_test(conditions_kept_some),
        cmocka_unit_test(a_key_field_is_gone),
        cmocka_unit_test(sums_without_span_go_on),
        cmocka_unit_test(the_longest_idle_are_left_out),
        cmocka_unit_test(the_oldest_events_go_into_panes),
        cmocka_unit_test(panes_go_over),
        cmocka_unit_test(panes_of_another_length),
        cmocka_unit_test(another_key_finds_nothing),
        cmocka_unit_test(other_choices_are_another_field),
        cmocka_unit_test(waits_begin_with_what_is_there),
        cmocka_unit_test(early_labels_that_find_no_room_are_refused),
        cmocka_unit_test(what_is_kept_serves_late_events),
        cmocka_unit_test(slots_that_leave_still_count),
        cmocka_unit_test(outcomes_go_by_their_names),
        cmocka_unit_test(recent_metrics_are_the_newest_that_fit),
        cmocka_unit_test(models_say_what_has_changed),
        cmocka_unit_test(a_models_feature_is_its_formula),
        cmocka_unit_test(who_is_not_retrained_wishes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
