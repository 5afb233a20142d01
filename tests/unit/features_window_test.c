/* Windows one by one: what each kind says, mistakes in formulas, settings, memory, counters. */
#include "tests/property/features_fixture.h"
#include <math.h>

static const int64_t T0 = 1500000000; /* seconds */

static const struct entity_setting sixteen_cards[] = {
    {.name = "card", .entities_max = 16, .events_max = 100}};
static const struct entity_setting two_entities[] = {
    {.name = "card", .entities_max = 16, .events_max = 3}, {.name = " merchant ,card"}};

static const struct zone *zone; /* NULL: UTC */

static void open_plain(struct fixture *fixture, int64_t lateness_ms)
{
    struct features_setting setting = {
        .memory = 16 << 20, .lateness_ms = lateness_ms, .zone = zone};
    fixture_open(fixture, &setting);
}

/* One event alone in its batch; returns the value's result. */
static double after_event(struct fixture *fixture, uint32_t value, int64_t second, uint64_t card,
                          double amount)
{
    static uint64_t number;
    batch_clear(fixture->batch);
    fixture_event(fixture, number++ % FIXTURE_HISTORY, (T0 + second) * 1000, card, amount);
    fixture_run(fixture);
    return fixture_cell(fixture, value, 0)->number;
}

struct step {
    int64_t second;
    double amount, expected;
};

static void follow(const char *formula, const struct step *steps, uint32_t count)
{
    struct fixture fixture;
    open_plain(&fixture, 100000);
    uint32_t value = fixture_must_compile(&fixture, formula);
    fixture_start(&fixture);
    for (uint32_t i = 0; i < count; i++) {
        double got = after_event(&fixture, value, steps[i].second, 77, steps[i].amount);
        if (isnan(steps[i].expected) ? !isnan(got) : got != steps[i].expected)
            fail_msg("%s, event %u: %.17g, expected %.17g", formula, i, got, steps[i].expected);
    }
    fixture_close(&fixture);
}

#define FOLLOW(formula, ...)                                                                       \
    do {                                                                                           \
        const struct step steps[] = {__VA_ARGS__};                                                 \
        follow(formula, steps, sizeof steps / sizeof *steps);                                      \
    } while (0)

/* (t - 10 s, t]: the event of 0 s is out at 10 s; the one of 5 s comes late and sees 0 s and
 * itself. */
static void kinds_say_what_they_should(void **unused)
{
    (void)unused;
    FOLLOW("count() by card over 10s", {0, 1, 1}, {9, 1, 2}, {10, 1, 2}, {10, 1, 3}, {5, 1, 2},
           {11, 1, 5});
    FOLLOW("count(amount) by card over 10s", {0, MISSING, 0}, {1, 2, 1}, {2, MISSING, 1});
    FOLLOW("sum(amount) by card over 10s before", {0, 2, 0}, {5, 3, 2}, {14, 4, 3}, {15, 0, 4});
    FOLLOW("mean(amount) by card over 10s", {0, MISSING, MISSING}, {1, 4, 4}, {2, 8, 6});
    FOLLOW("min(amount) by card over 10s", {0, 1, 1}, {5, 3, 1}, {9, 2, 1}, {10, 4, 2}, {19, 9, 4});
    FOLLOW("max(amount) by card over 10s", {0, 9, 9}, {5, 3, 9}, {10, 2, 3}, {11, 4, 4});
    FOLLOW("sd(amount) by card over 10s", {0, 2, MISSING}, {1, 4, sqrt(2)}, {10, 4, 0});
    FOLLOW("distinct(amount) by card over 10s", {0, 7, 1}, {1, 7, 1}, {2, 8, 2}, {10, 9, 3},
           {12, 9, 1});
    FOLLOW("variance(amount) by card over 10s", {0, 2, MISSING}, {1, 4, 2}, {10, 4, 0});
    FOLLOW("share(amount > 2) by card over 10s", {0, 2, 0}, {1, 4, 0.5}, {10, 4, 1});
    FOLLOW("floor(1000 * skewness(amount) by card over 10s)", {0, 1, MISSING}, {1, 1, MISSING},
           {2, 4, 1732}, {10, 4, -1733});
    FOLLOW("z(amount) by card over 10s", {0, 1, MISSING}, {1, 3, MISSING}, {2, 4, 2 / sqrt(2)});
    FOLLOW("trend(amount) by card over 10s", {0, 1, MISSING}, {2, 5, 2}, {10, 5, 0});
    FOLLOW("correlation(amount, amount * -2) by card over 10s", {0, 1, MISSING}, {2, 5, -1},
           {10, 5, MISSING});
    FOLLOW("ewma(amount, 10s) by card", {0, 1, 1}, {10, 4, 3}, {40, MISSING, 3});
    FOLLOW("ewsum(amount, 10s) by card", {0, 8, 8}, {10, 0, 4}, {20, 1, 3});
    FOLLOW("ewsd(amount, 10s) by card", {0, 1, 0}, {10, 4, sqrt(2)});
    FOLLOW("since(amount > 5) by card", {0, 9, MISSING}, {3, 1, 3}, {10, 9, 10}, {11, 1, 1});
    FOLLOW("streak(amount > 5) by card over 10s", {0, 9, 1}, {3, 9, 2}, {10, 9, 2}, {11, 1, 0},
           {12, 6, 1});
    FOLLOW("range(amount) by card over 10s", {0, 9, 0}, {3, 4, 5}, {10, 5, 1});
    FOLLOW("median(amount) by card over 10s", {0, 9, 9}, {3, 4, 6.5}, {4, 5, 5}, {10, 6, 5});
    FOLLOW("quantile(amount, 0.25) by card over 10s", {0, 1, 1}, {3, 3, 1.5}, {4, 5, 2});
    FOLLOW("mode(amount) by card over 10s", {0, 9, 9}, {3, 4, 4}, {4, 9, 9}, {10, 1, 1});
    FOLLOW("entropy(amount) by card over 10s", {0, 9, 0}, {3, 4, log(2)}, {10, 4, 0});
    FOLLOW("rank(amount) by card over 10s", {0, 9, MISSING}, {3, 4, 0}, {4, 9, 0.75});
    FOLLOW("heavy(amount, 1) by card over 10s", {0, 9, 1}, {3, 4, 1}, {4, 4, 1}, {5, 9, 1},
           {6, 9, 1}, {7, 4, 1}, {8, 3, 0});
    FOLLOW("new(amount) by card", {0, 9, 1}, {3, 4, 1}, {4, 9, 0}, {900000, 4, 0});
    FOLLOW("new(floor(amount / 10)) by card over 10s", {0, 9, 1}, {3, 4, 0}, {4, 90, 1},
           {14, 99, 1}, {15, MISSING, MISSING});
    FOLLOW("previous(amount, 1) by card", {0, 1, MISSING}, {5, 2, 1});
    FOLLOW("previous(amount, 2) by card", {0, 1, MISSING}, {5, 2, MISSING}, {6, 3, 1}, {5, 4, 1},
           {7, 5, 4}, {8, 5, 3});
    FOLLOW("previous(amount, 3) by card where amount > 1", {0, 2, MISSING}, {5, 3, MISSING},
           {6, 4, MISSING}, {7, 1, 2}, {8, 5, 2}, {9, 5, 3});
    FOLLOW("rate() by card over 10s", {0, 1, 0.1}, {1, 1, 0.2});
    FOLLOW("rate(amount) by card over 10s", {0, 5, 0.5}, {1, 5, 1});
    FOLLOW("age() by card", {0, 1, MISSING}, {3, 1, 3}, {10, 1, 7}, {5, 1, 2}, {11, 1, 1});
    FOLLOW("first(amount) by card over 10s", {0, 1, 1}, {5, 2, 1}, {10, 3, 2});
    FOLLOW("last(amount) by card over 10s", {0, 1, 1}, {5, 2, 2}, {3, 9, 9});
    FOLLOW("previous(amount) by card", {0, 1, MISSING}, {5, 2, 1}, {6, MISSING, 2},
           {7, 3, MISSING});
    /* A degree along a meridian is 111.19 km; one place is unknown. */
    FOLLOW("floor(distance(amount, amount * 0) by card)", {0, 1, MISSING}, {5, 2, 111}, {3, 4, 333},
           {6, MISSING, MISSING}, {7, 3, MISSING}, {8, 3, 0});
    FOLLOW("floor(speed(amount, amount * 0) by card)", {0, 1, MISSING}, {3600, 2, 101},
           {3601, 2.01, 0}, {3602, 3.01, 6071});
    FOLLOW("count() by card delay 5s", {0, 1, 0}, {4, 1, 0}, {5, 1, 1}, {9, 1, 2});
    FOLLOW("count() by card over 10s where amount > 5", {0, 1, 0}, {1, 6, 1}, {2, 1, 1});
}

static void the_last_so_many(void **unused)
{
    (void)unused;
    /* Late at 1: behind the other of its time; late at 0: too old for a full window. */
    FOLLOW("sum(amount) by card over last 2", {0, 1, 1}, {1, 2, 3}, {2, 4, 6}, {1, 8, 10},
           {3, 16, 20}, {0, 32, 33}, {4, 64, 80});
    FOLLOW("first(amount) by card over last 2 before", {0, 1, MISSING}, {1, 2, 1}, {2, 3, 1},
           {3, 4, 2});
    FOLLOW("count() by card over last 2 where amount > 5", {0, 6, 1}, {1, 1, 1}, {9000, 7, 2},
           {9001, 1, 2}, {90000, 8, 2});
    FOLLOW("max(amount) by card over last 1 delay 5s", {0, 9, MISSING}, {4, 1, MISSING}, {5, 2, 9},
           {9, 3, 1}, {30, 4, 3});
}

/* Sessions of 0 and 9, and of 19 and 28; what comes late at 14 makes them one. */
static void sessions_end_and_join(void **unused)
{
    (void)unused;
    FOLLOW("count() by card session gap 10s", {0, 1, 1}, {9, 1, 2}, {19, 1, 1}, {28, 1, 2},
           {14, 1, 3}, {29, 1, 6}, {39, 1, 1});
    FOLLOW("first(amount) by card session gap 10s", {0, 1, 1}, {9, 2, 1}, {19, 3, 3}, {28, 4, 3},
           {14, 5, 1}, {29, 6, 1});
    FOLLOW("count() by card session gap 10s before", {0, 1, 0}, {9, 1, 1}, {19, 1, 0}, {19, 1, 1});
    FOLLOW("count() by card session gap 10s where amount > 5", {0, 6, 1}, {9, 1, 1}, {10, 1, 0},
           {18, 7, 1}, {27, 8, 2});
    FOLLOW("count() by card session gap 10s delay 10s", {0, 1, 0}, {9, 1, 0}, {10, 1, 1},
           {19, 1, 2}, {20, 1, 3}, {60, 1, 0});
}

/* On 29 October 2017 the clocks of Berlin go back: that day is from 22:00 UTC to 23:00 UTC the next
 * day.  On 25 March 2018 they go forward. */
static void periods_follow_the_clock(void **unused)
{
    (void)unused;
    static const int64_t autumn = 1509228000 - T0, spring = 1521932400 - T0;
    static const int64_t hour = 3600, november = 1509490800 - T0, year = 1514761200 - T0;
    struct failure failure;
    struct zone *berlin = zone_open("Europe/Berlin", &failure);
    assert_non_null(berlin);
    zone = berlin;
    FOLLOW("count() by card over today", {autumn - 1, 1, 1}, {autumn, 1, 1},
           {autumn + 24 * hour, 1, 2}, {autumn + 25 * hour - 1, 1, 3}, {autumn + 25 * hour, 1, 1});
    FOLLOW("count() by card over today", {spring - 1, 1, 1}, {spring, 1, 1},
           {spring + 23 * hour - 1, 1, 2}, {spring + 23 * hour, 1, 1});
    FOLLOW("count() by card over this month", {november - 1, 1, 1}, {november, 1, 1},
           {november + 29 * 24 * hour, 1, 2}, {november + 30 * 24 * hour, 1, 1});
    FOLLOW("count() by card over this year before", {year - 1, 1, 0}, {year, 1, 0},
           {year + 364 * 24 * hour, 1, 1}, {year + 365 * 24 * hour, 1, 0});
    /* Late: it reads yesterday as it was, and counts in none of today's. */
    FOLLOW("count() by card over this day", {november - 20, 1, 1}, {november + 1, 1, 1},
           {november - 10, 1, 2}, {november + 2, 1, 2});
    FOLLOW("count() by card over today delay 1d", {november - 24 * hour, 1, 0},
           {november - 1, 1, 0}, {november, 1, 1}, {november + 24 * hour - 1, 1, 2});
    zone = NULL;
    zone_close(berlin);
}

static void levels_stand_on_each_other(void **unused)
{
    (void)unused;
    struct fixture fixture;
    open_plain(&fixture, 0);
    fixture_name(&fixture, "n", "count() by card over 10s");
    uint32_t value = fixture_must_compile(&fixture, "max(n * 2) by card over 100s before");
    fixture_start(&fixture);
    assert_true(isnan(after_event(&fixture, value, 0, 7, 1)));
    assert_true(after_event(&fixture, value, 1, 7, 1) == 2);
    assert_true(after_event(&fixture, value, 50, 7, 1) == 4);
    assert_true(after_event(&fixture, value, 149, 7, 1) == 2);
    fixture_close(&fixture);
}

/* A pair of doubles holds two magnitudes, not three: what 1e300 and 1e150 have swallowed must be
 * there again when they have left. */
static void sums_forget_what_left(void **unused)
{
    (void)unused;
    FOLLOW("sum(amount) by card over 10s", {0, 1e300, 1e300}, {2, 1e150, 1e300}, {5, 0.1, 1e300},
           {11, 0.2, 1e150}, {12, 0, 0.1 + 0.2}, {30, 0, 0});
    FOLLOW("sum(amount) by card over 10s", {0, 1e308, 1e308}, {5, 1e308, MISSING},
           {6, 0.5, MISSING}, {10, 0, 1e308}, {15, 0, 0.5});
    FOLLOW("sd(amount) by card over 10s", {0, 1e200, MISSING}, {5, 1000000001, MISSING},
           {6, 1000000003, MISSING}, {12, MISSING, sqrt(2)});
}

/* A sum that overflowed is missing while what did it is there, whatever else leaves, and back when
 * it has left. */
static void sums_recover(void **unused)
{
    (void)unused;
    FOLLOW("sum(amount) by card over 10s", {0, 2, 2}, {1, 1.7e308, 1.7e308}, {2, 1.7e308, NAN},
           {5, 3, NAN}, {10, 4, NAN}, {11, 5, 1.7e308}, {12, 6, 18}, {15, 7, 22});
    FOLLOW("variance(amount) by card over 10s", {0, 2, NAN}, {1, 1e200, NAN}, {5, 3, NAN},
           {10, 5, NAN}, {11, 7, 4}, {15, 9, 4});
    FOLLOW("trend(amount) by card over 10s", {0, 2, NAN}, {1, 1.7e308, NAN}, {2, 1.7e308, NAN},
           {10, 5, NAN}, {11, 7, NAN}, {12, 9, 2});
}

static void mistakes_are_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *formula, *words;
        uint32_t column;
    } cases[] = {
        {"1 + men(amount) by card over 1h", "did you mean 'mean'?", 4},
        {"zzzzzz(amount) by card", "no function or aggregate 'zzzzzz'", 0},
        {"mean(amount) over 1h", "needs an entity", 0},
        {"mean() by card", "its form is mean(x)", 0},
        {"mean(amount, amount) by card", "has 2 arguments", 0},
        {"sum(merchant) by card over 1h", "sum does not take a text", 4},
        {"sum(country) by card over 1h", "does not take an enum", 4},
        {"distinct(merchant) by card", "needs a span", 0},
        {"rate() by card", "needs a span", 0},
        {"count() by amount over 1h", "'amount' is none", 11},
        {"count() by nobody over 1h", "no field or feature 'nobody'", 11},
        {"count() by (card, card) over 1h", "twice", 18},
        {"count() by card over 5000d", "over is longer than 10 years", 0},
        {"count() by card delay 5000d", "delay is longer than 10 years", 0},
        {"count() by card where amount", "where needs a condition", 22},
        {"count() by card where label > 0", "needs a window of time", 28},
        {"count() by card over last 5 where label > 0", "needs a window of time", 40},
        {"count() by card session gap 5m where not (label > 0)", "needs a window of time", 37},
        {"count() by card over 1h where label", "where needs a condition", 30},
        {"rate() by card over last 5", "needs a span of a fixed length", 0},
        {"rate() by card over today", "needs a span of a fixed length", 0},
        {"count() by card session gap 5000d", "gap is longer than 10 years", 0},
        {"mean(label * 2) by card over 1h", "label can stand only by itself", 11},
        {"mean(label) by card", "needs a span", 5},
        {"mean(score) by card over 1h", "cannot look at scores", 5},
        {"quantile(amount) by card over 1h", "its form is quantile(x, q)", 0},
        {"quantile(amount, 1.5) by card over 1h", "must be a constant from 0 to 1", 17},
        {"quantile(amount, amount) by card over 1h", "must be a constant from 0 to 1", 17},
        {"quantile(amount, 0.1, 0.2) by card over 1h", "has 3 arguments", 0},
        {"heavy(amount, 2.5) by card over 1h", "a whole number from 1 to 1000", 14},
        {"heavy(amount, 0) by card over 1h", "a whole number from 1 to 1000", 14},
        {"ewma(amount, -1) by card", "a constant duration from 1ms", 13},
        {"ewma(amount, 1h) by card over 1d", "its half_life alone says how far", 0},
        {"silence(30m) by card over 1d", "its span alone says how far", 0},
        {"silence() by card", "its form is silence(span)", 0},
        {"silence(30) by card", "must be a constant duration", 8},
        {"previous(amount, 3) by card over 1h", "takes no `over`", 0},
        {"share(amount) by card over 1h", "share does not take a number", 6},
        {"median(amount) by card", "needs a span", 0},
        {"new(label) by card", "new cannot look at label", 4},
        {"since(label == 1) by card", "since cannot look at label", 12},
        {"new(card) by card", "'card' stands twice", 13},
        {"new(count() by card over 1h) by card", "cannot name an entity", 4},
    };
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture fixture;
        struct syntax_error error;
        open_plain(&fixture, 0);
        if (fixture_compile(&fixture, cases[i].formula, &error) != VALUE_NONE)
            fail_msg("%s was taken", cases[i].formula);
        if (!strstr(error.message, cases[i].words) || error.column != cases[i].column)
            fail_msg("%s: column %u: %s", cases[i].formula, error.column, error.message);
        fixture_close(&fixture);
    }
}

static void equal_windows_are_one(void **unused)
{
    (void)unused;
    struct fixture fixture;
    open_plain(&fixture, 0);
    uint32_t first = fixture_must_compile(&fixture, "count() by (card, merchant) over 1h");
    assert_int_equal(fixture_must_compile(&fixture, "count() by (merchant, card) over 60m"), first);
    assert_int_not_equal(fixture_must_compile(&fixture, "count() by card over 1h"), first);
    uint32_t tenth = fixture_must_compile(&fixture, "quantile(amount, 0.1) by card over 1h");
    assert_int_equal(fixture_must_compile(&fixture, "quantile(amount, 1 / 10) by card over 60m"),
                     tenth);
    assert_int_not_equal(fixture_must_compile(&fixture, "quantile(amount, 0.2) by card over 1h"),
                         tenth);
    assert_int_equal(fixture_must_compile(&fixture, "previous(amount, 1) by card"),
                     fixture_must_compile(&fixture, "previous(amount) by card"));
    assert_int_equal(fixture.features->entity_count, 2);
    fixture_must_compile(&fixture, "new(merchant) by card");
    assert_int_equal(fixture.features->entity_count, 2);
    assert_int_not_equal(
        fixture_must_compile(&fixture, "count() by (card, merchant) over 1h before"), first);
    fixture_close(&fixture);
}

static void note_unused(void *self, uint32_t entity)
{
    *(uint32_t *)self |= 1u << entity;
}

static void unused_settings_are_told(void **unused)
{
    (void)unused;
    struct fixture fixture;
    struct features_setting setting = {
        .memory = 1 << 20, .entity_count = 2, .entity = two_entities};
    fixture_open(&fixture, &setting);
    fixture_must_compile(&fixture, "count() by (merchant, card) over 1h");
    uint32_t told = 0;
    features_unused(fixture.features, note_unused, &told);
    assert_int_equal(told, 1);
    fixture_close(&fixture);
}

/* 16 rows, 3 events each: the 17th card drives out an idle one, the 4th event drives the 1st into a
 * pane. */
static void memory_is_bounded_and_losses_counted(void **unused)
{
    (void)unused;
    struct fixture fixture;
    struct features_setting setting = {
        .memory = 1 << 20, .lateness_ms = 1000, .entity_count = 1, .entity = two_entities};
    struct entity_report report;
    fixture_open(&fixture, &setting);
    uint32_t value = fixture_must_compile(&fixture, "count() by card over 1h");
    fixture_start(&fixture);
    for (uint64_t card = 1; card <= 40; card++)
        after_event(&fixture, value, (int64_t)card, card, 1);
    assert_int_equal(features_report(fixture.features, &fixture.state, &report, 1), 1);
    assert_string_equal(report.name, "card");
    assert_int_equal(report.live, 16);
    assert_int_equal(report.entities_max, 16);
    assert_int_equal(report.evicted_for_rows, 24);
    for (int i = 0; i < 5; i++)
        assert_true(after_event(&fixture, value, 50, 40, 1) == i + 2);
    after_event(&fixture, value, 40, 40, 1);
    features_report(fixture.features, &fixture.state, &report, 1);
    assert_int_equal(report.events_spilled, 3);
    assert_int_equal(report.events_dropped, 0);
    assert_int_equal(report.late, 1);
    fixture_close(&fixture);
}

/* Trees of values belong to the row: what is forgotten gives them back, and so do windows that have
 * emptied. */
static void trees_go_with_their_entities(void **unused)
{
    (void)unused;
    struct fixture fixture;
    struct features_setting setting = {
        .memory = 1 << 22, .entity_count = 1, .entity = sixteen_cards, .scan_max = 4};
    fixture_open(&fixture, &setting);
    uint32_t value = fixture_must_compile(&fixture, "distinct(amount) by card over 1h");
    fixture_start(&fixture);
    const struct state_region *nodes =
        &fixture.state.directory->region[fixture.features->entity[0]->tree.region];
    for (uint64_t card = 1; card <= 60; card++)
        for (int i = 1; i <= 10; i++)
            assert_true(after_event(&fixture, value, (int64_t)card, card, i % 7) ==
                        (i < 7 ? i : 7));
    assert_int_equal(nodes->live, 16);
    for (uint64_t card = 45; card <= 60; card++)
        assert_true(after_event(&fixture, value, 10000, card, 1) == 1);
    assert_int_equal(nodes->live, 0);
    fixture_close(&fixture);
}

static void a_missing_key_has_no_windows(void **unused)
{
    (void)unused;
    struct fixture fixture;
    open_plain(&fixture, 0);
    uint32_t value = fixture_must_compile(&fixture, "count() by card over 1h");
    fixture_start(&fixture);
    assert_true(isnan(after_event(&fixture, value, 0, 0, 1)));
    assert_true(after_event(&fixture, value, 0, 9, 1) == 1);
    fixture_close(&fixture);
}

/* The label is 0 in the event's own window and the truth later, whichever way it came. */
static void labels_correct_windows(void **unused)
{
    (void)unused;
    struct fixture fixture;
    open_plain(&fixture, 0);
    uint32_t value = fixture_must_compile(&fixture, "sum(label) by card over 100s");
    fixture_start(&fixture);
    assert_int_equal(features_key_count(fixture.features), 1);
    struct batch *batch = fixture.batch;
    for (uint64_t i = 0; i < 4; i++)
        fixture_event(&fixture, i, (T0 + (int64_t)i) * 1000, 5, 1);
    batch->label_early[0] = 1;
    struct event_row *told = state_write_row(&fixture.state, fixture.history.event_region, 1);
    told->carried = 1;
    told->flags = EVENT_TOLD;
    batch->told[2] = (struct matured){1, 2};
    uint32_t row = batch->count++;
    batch->kind[row] = RECORD_LABEL;
    batch->number[row] = 0;
    batch->join[row] = JOIN_CORRECTED;
    batch->label[row] = 0;
    batch->label_before[row] = 1;
    batch->told[row] = (struct matured){0, 0};
    fixture_event(&fixture, 4, (T0 + 4) * 1000, 5, 1);
    fixture_event(&fixture, 5, (T0 + 101) * 1000, 5, 1);
    fixture_run(&fixture);
    static const double expected[] = {0, 1, 2, 2, NAN, 1, 0};
    for (uint32_t i = 0; i < 7; i++) {
        double got = fixture_cell(&fixture, value, i)->number;
        if (isnan(expected[i]) ? !isnan(got) : got != expected[i])
            fail_msg("row %u: %g, expected %g", i, got, expected[i]);
    }
    fixture_close(&fixture);
}

/* In one batch with its event: what is fetched ahead goes by whose the example's row was before. */
static void a_label_right_behind_its_event(void **unused)
{
    (void)unused;
    struct fixture fixture;
    open_plain(&fixture, 0);
    uint32_t value = fixture_must_compile(&fixture, "sum(label) by card over 100s");
    fixture_start(&fixture);
    struct batch *batch = fixture.batch;
    fixture_event(&fixture, 0, T0 * 1000, 7, 1);
    fixture_run(&fixture);
    batch_clear(batch);
    fixture_event(&fixture, FIXTURE_HISTORY, (T0 + 1) * 1000, 5, 1);
    uint32_t row = batch->count++;
    batch->kind[row] = RECORD_LABEL;
    batch->dead[row] = false;
    batch->number[row] = FIXTURE_HISTORY;
    batch->join[row] = JOIN_LEARNED;
    batch->label[row] = 1;
    batch->told[row] = (struct matured){0, 0};
    fixture_event(&fixture, FIXTURE_HISTORY + 1, (T0 + 2) * 1000, 5, 1);
    fixture_run(&fixture);
    assert_true(fixture_cell(&fixture, value, 2)->number == 1);
    fixture_close(&fixture);
}

/* The label decides which half of the condition counts, there and back. */
static void labels_in_conditions(void **unused)
{
    (void)unused;
    struct fixture fixture;
    open_plain(&fixture, 0);
    uint32_t frauds = fixture_must_compile(
        &fixture, "sum(amount) by card over 100s where label == 1 and amount > 1");
    uint32_t honest =
        fixture_must_compile(&fixture, "count() by card over 100s where not (label == 1)");
    fixture_start(&fixture);
    assert_int_equal(features_key_count(fixture.features), 1);
    static const double labels[] = {1, 0, 1};
    for (uint64_t i = 0; i < 4; i++) {
        fixture_event(&fixture, i, (T0 + (int64_t)i) * 1000, 5, i == 0 ? 1 : 10 * (double)i);
        if (i == 3)
            break;
        uint32_t row = fixture.batch->count++;
        fixture.batch->kind[row] = RECORD_LABEL;
        fixture.batch->number[row] = i == 2 ? 1 : i;
        fixture.batch->join[row] = JOIN_CORRECTED;
        fixture.batch->label[row] = labels[i];
        fixture.batch->told[row] = (struct matured){0, 0};
    }
    fixture_event(&fixture, 4, (T0 + 101) * 1000, 5, 100);
    fixture_run(&fixture);
    static const double sums[] = {0, 0, 0, 10, 0}, counts[] = {1, 1, 2, 2, 3};
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(fixture_cell(&fixture, frauds, 2 * i)->number == sums[i]);
        assert_true(fixture_cell(&fixture, honest, 2 * i)->number == counts[i]);
    }
    assert_true(fixture_cell(&fixture, frauds, 7)->number == 0);
    assert_true(fixture_cell(&fixture, honest, 7)->number == 3);
    fixture_close(&fixture);
}

static void the_last_so_many_need_room(void **unused)
{
    (void)unused;
    struct fixture fixture;
    struct syntax_error error;
    struct features_setting setting = {
        .memory = 1 << 20, .entity_count = 1, .entity = two_entities};
    fixture_open(&fixture, &setting);
    assert_int_not_equal(fixture_compile(&fixture, "count() by card over last 3", &error),
                         VALUE_NONE);
    assert_int_equal(fixture_compile(&fixture, "count() by card over last 4", &error), VALUE_NONE);
    assert_non_null(strstr(error.message, "its events_max is 3"));
    fixture_close(&fixture);
}

/* Of two events at one time the second is the last, whatever is learned of the first. */
static void corrections_keep_the_order(void **unused)
{
    (void)unused;
    struct fixture fixture;
    open_plain(&fixture, 0);
    uint32_t value = fixture_must_compile(&fixture, "last(label) by card over 100s before");
    fixture_start(&fixture);
    fixture_event(&fixture, 0, T0 * 1000, 5, 1);
    fixture_event(&fixture, 1, T0 * 1000, 5, 1);
    uint32_t row = fixture.batch->count++;
    fixture.batch->kind[row] = RECORD_LABEL;
    fixture.batch->number[row] = 0;
    fixture.batch->join[row] = JOIN_LEARNED;
    fixture.batch->label[row] = 1;
    fixture_event(&fixture, 2, (T0 + 1) * 1000, 5, 1);
    fixture_run(&fixture);
    assert_true(fixture_cell(&fixture, value, 3)->number == 0);
    fixture_close(&fixture);
}

/* What late events read is the definition: it must say what the windows say in order. */
static void definitions_agree(void **unused)
{
    (void)unused;
    struct slot_view slots[5] = {{.time_ms = 1000, .argument = {{.number = 3}}},
                                 {.time_ms = 2000, .argument = {{.number = 5}}},
                                 {.time_ms = 2000, .missing = 1},
                                 {.time_ms = 3000, .argument = {{.number = 3}}},
                                 {.time_ms = 4000, .argument = {{.number = 4}}}};
    static const struct {
        const char *name;
        double all, none;
    } cases[] = {{"min", 3, NAN},      {"max", 5, NAN},  {"first", 3, NAN}, {"last", 4, NAN},
                 {"previous", 4, NAN}, {"age", 2, NAN},  {"since", 2, NAN}, {"streak", 0, 0},
                 {"ewma", 3.75, NAN},  {"ewsum", 15, 0}, {"silence", 0, 0}};
    struct window_span span = {.span_ms = 10000, .now_ms = 6000, .parameter = 1e9};
    uint64_t scratch[5];
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct aggregate_kind *kind = aggregate_find(cases[i].name);
        union value result;
        assert_true(kind->define(slots, 5, &slots[4], &span, scratch, &result));
        if (fabs(result.number - cases[i].all) > 1e-6)
            fail_msg("%s: %g", kind->name, result.number);
        bool found = kind->define(slots, 0, &slots[4], &span, scratch, &result);
        assert_int_equal(found, !isnan(cases[i].none));
    }
    for (uint32_t i = 0; aggregate_table[i]; i++) {
        const struct aggregate_kind *kind = aggregate_table[i];
        assert_true(kind->name && kind->signature && kind->summary);
        assert_int_equal((kind->finish != NULL) + (kind->ask != NULL) + (kind->define != NULL), 1);
        assert_true((kind->define != NULL) == (kind->read != NULL && kind->add != NULL));
        assert_true(!kind->define || kind->for_ever || kind->remove);
        assert_true(!kind->ask || kind->needs_span);
        assert_true(kind->value_size % 8 == 0 && kind->value_size <= AGGREGATE_VALUE_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_say_what_they_should),
        cmocka_unit_test(the_last_so_many),
        cmocka_unit_test(sessions_end_and_join),
        cmocka_unit_test(periods_follow_the_clock),
        cmocka_unit_test(labels_in_conditions),
        cmocka_unit_test(the_last_so_many_need_room),
        cmocka_unit_test(levels_stand_on_each_other),
        cmocka_unit_test(sums_forget_what_left),
        cmocka_unit_test(sums_recover),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(equal_windows_are_one),
        cmocka_unit_test(unused_settings_are_told),
        cmocka_unit_test(memory_is_bounded_and_losses_counted),
        cmocka_unit_test(trees_go_with_their_entities),
        cmocka_unit_test(a_missing_key_has_no_windows),
        cmocka_unit_test(labels_correct_windows),
        cmocka_unit_test(a_label_right_behind_its_event),
        cmocka_unit_test(corrections_keep_the_order),
        cmocka_unit_test(definitions_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
