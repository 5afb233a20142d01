/* Migration of what is of no entity's row: sketches of bursts, and who is watched for silence. */
#include "features/silence.h"
#include "tests/unit/engine_migrate_setup.h"
#include <math.h>

/* Who is watched stays watched, if the span is the same. */
static void silences_go_on(void **state)
{
    (void)state;
    struct setup before = {.features = "'a': 'silence(30m) by card', 'b': 'silence(1h) by card'"};
    struct setup after = {.features = "'n': 'count() by card', 'b': 'silence(2h) by card',"
                                      "'a': 'silence(30m) by card'"};
    struct trial *old = set_up(&before, true);
    for (int i = 0; i < 5; i++)
        event(old, i, i, i % 2 ? "x" : "y", 3);
    struct migration_report report;
    struct trial *new = move(old, &after, &report);
    check_line(&report, "silence of card 1800s", MIGRATION_KEPT, "2 kept");
    check_line(&report, "silence of card 7200s", MIGRATION_ANEW, "from now on");
    event(new, 5, 1803, "z", 3);
    assert_int_equal(new->batch.event_count, 1);
    assert_string_equal(new->batch.events[0].detail, "x");
    event(new, 6, 1804, "z", 3);
    assert_int_equal(new->batch.event_count, 1);
    assert_string_equal(new->batch.events[0].detail, "y");
    event(new, 7, 9000, "z", 3);
    assert_int_equal(new->batch.event_count, 1);
    migration_report_close(&report);
    trial_close(new);
}

/* With less room those who have been silent longest are left off, and it is said, also beforehand.
 */
static void silences_find_room(void **state)
{
    (void)state;
    enum { WATCHED = 30000 };
    struct setup before = {.features = "'a': 'silence(30m) by card'"};
    struct setup after = {.features = "'a': 'silence(30m) by card', 'b': 'silence(9h) by card'"};
    struct trial *old = set_up(&before, true);
    for (int i = 0; i < WATCHED; i++) {
        char card[16];
        snprintf(card, sizeof card, "c%d", i);
        event(old, i, i / 100, card, 3);
    }
    struct migration_report report = {0};
    struct trial *plan = set_up(&after, false), *new = set_up(&after, true);
    migrate(&plan->pipeline, &old->pipeline, &report);
    check_line(&report, "silence of card 1800s", MIGRATION_KEPT, "fewer");
    migration_report_close(&report);
    struct silence_report watched;
    features_silence_report(new->pipeline.features, NULL, 0, &watched);
    uint64_t most = watched.rows_max;
    assert_true(most < WATCHED);
    move_to(new, old, &report);
    check_line(&report, "silence of card 1800s", MIGRATION_KEPT, "silent longest, found no room");
    features_silence_report(new->pipeline.features, &new->pipeline.state, 0, &watched);
    assert_int_equal(watched.live, most);
    assert_int_equal(watched.unwatched, WATCHED - most);
    /* The oldest of those who stay is told of first. */
    char card[16];
    snprintf(card, sizeof card, "c%d", (int)(WATCHED - most));
    event(new, WATCHED, (int64_t)(WATCHED - most) / 100 + 1800, "z", 3);
    assert_string_equal(new->batch.events[0].detail, card);
    migration_report_close(&report);
    trial_close(new);
    trial_close(plan);
}

/* The sketch of an unchanged burst goes on where it stood; a changed one has none. */
static void bursts_go_on(void **state)
{
    (void)state;
    struct setup before = {.features = "'a': 'burst(card, shop)', 'b': 'burst(card, amount, 1h)'"};
    struct setup after = {.features = "'b': 'burst(card, amount, 2h)', 'a': 'burst(card, shop)',"
                                      "'c': 'log1p(burst(card, shop, 60s))'"};
    struct trial *old = set_up(&before, true), *whole = set_up(&before, true);
    for (int i = 0; i < 30; i++) {
        event(old, i, 40 * i, "x", 3);
        event(whole, i, 40 * i, "x", 3);
    }
    struct migration_report report;
    struct trial *new = move(old, &after, &report);
    check_line(&report, "feature a", MIGRATION_KEPT, "");
    check_line(&report, "feature b", MIGRATION_ANEW, "changed: a burst counts from now on");
    check_line(&report, "feature c", MIGRATION_KEPT, "");
    double most = 0;
    for (int i = 30; i < 60; i++) {
        event(new, i, 1200 + i, "x", 3);
        event(whole, i, 1200 + i, "x", 3);
        assert_true(feature(new, 1) == feature(whole, 0));
        assert_true(feature(new, 0) == 0 && feature(new, 2) == log1p(feature(whole, 0)));
        most = fmax(most, feature(whole, 0));
    }
    assert_true(most > 100);
    migration_report_close(&report);
    trial_close(new);
    trial_close(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_go_on),
        cmocka_unit_test(silences_go_on),
        cmocka_unit_test(silences_find_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
