/* ADWIN as its user sees it: silent on streams that do not change, quick on those that do, the same
 * on every scale. */
#include "tests/unit/monitor_helper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct detector_kind *kind(void)
{
    return detector_find("adwin");
}

static void *adwin_make(double delta, int64_t clock, int direction)
{
    void *options = options_make(kind());
    option_set(kind(), options, "delta", delta);
    option_set(kind(), options, "clock", (double)clock);
    option_set(kind(), options, "direction", direction);
    return detector_make(kind(), options);
}

static uint32_t count_alarms(void *self, struct random *random, double share, uint32_t values)
{
    uint32_t alarms = 0;
    for (uint32_t i = 0; i < values; i++)
        alarms += kind()->update(self, random_bernoulli(random, share));
    return alarms;
}

/* The theorem: an unchanged stream is cut with a chance of at most delta at each look. */
static void test_false_alarms_stay_below_delta(void **state)
{
    (void)state;
    enum { VALUES = 200000, CLOCK = 32 };
    static const double shares[] = {0.001, 0.02, 0.5, 0.97};
    static const double deltas[] = {0.002, 0.05, 0.3};
    for (uint32_t i = 0; i < 4; i++)
        for (uint32_t j = 0; j < 3; j++) {
            struct random random;
            random_seed(&random, 100 * i + j);
            void *self = adwin_make(deltas[j], CLOCK, DIRECTION_BOTH);
            uint32_t alarms = count_alarms(self, &random, shares[i], VALUES);
            free(self);
            print_message("share %.3f delta %.3f: %u false alarms in %d looks\n", shares[i],
                          deltas[j], alarms, VALUES / CLOCK);
            assert_true(alarms <= deltas[j] * VALUES / CLOCK);
            /* The bound is far from tight: nearly none with the usual delta. */
            assert_true(j > 0 || alarms <= 1);
        }
}

/* How many values of the new mean suffice that the difference is twice its bound: the theorem then
 * promises the cut.  Twice as many, as splits lie only between buckets. */
static uint64_t promised_delay(double old_count, double before, double after, double delta)
{
    for (double count = 30; count < 1e7; count += 10) {
        double total = old_count + count, mean = (old_count * before + count * after) / total;
        double inverse = total / (old_count * count), logarithm = log(2 * log(total) / delta);
        double bound =
            sqrt(2 * inverse * mean * (1 - mean) * logarithm) + 2.0 / 3 * inverse * logarithm;
        if (fabs(after - before) > 2 * bound)
            return (uint64_t)(2 * count) + 32;
    }
    return UINT64_MAX;
}

static void test_abrupt_changes_are_found_in_time(void **state)
{
    (void)state;
    static const double changes[][2] = {{0.02, 0.06}, {0.1, 0.3}, {0.5, 0.2}, {0.01, 0.9}};
    for (uint32_t i = 0; i < 4; i++) {
        double before = changes[i][0], after = changes[i][1];
        uint64_t promised = promised_delay(10000, before, after, 0.002), slowest = 0;
        uint32_t alarms = 0;
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct random random;
            random_seed(&random, seed);
            void *self = adwin_make(0.002, 32, DIRECTION_BOTH);
            assert_int_equal(count_alarms(self, &random, before, 10000), 0);
            uint64_t delay = 1;
            while (!kind()->update(self, random_bernoulli(&random, after)) && delay < 100000)
                delay++;
            double mean_before, mean_after;
            kind()->change(self, &mean_before, &mean_after);
            assert_true(fabs(mean_before - before) < 0.02);
            assert_true((mean_after > mean_before) == (after > before));
            alarms += 1 + count_alarms(self, &random, after, 20000);
            slowest = delay > slowest ? delay : slowest;
            free(self);
        }
        print_message("%.2f -> %.2f: slowest of 20 found after %llu values (promised %llu), "
                      "%.2f alarms a change\n",
                      before, after, (unsigned long long)slowest, (unsigned long long)promised,
                      alarms / 20.0);
        assert_true(slowest <= promised);
        assert_true(alarms <= 30);
    }
}

/* 0.2 to 0.5 over 4000 values: found before it has ended, and followed. */
static void test_a_gradual_change_is_found(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7);
    void *self = adwin_make(0.002, 32, DIRECTION_UP);
    assert_int_equal(count_alarms(self, &random, 0.2, 10000), 0);
    uint32_t first = 0, alarms = 0;
    for (uint32_t i = 0; i < 4000; i++)
        if (kind()->update(self, random_bernoulli(&random, 0.2 + 0.3 * i / 4000))) {
            first = first ? first : i;
            alarms++;
        }
    print_message("slope found after %u of 4000 values, %u alarms\n", first, alarms);
    assert_in_range(first, 100, 2500);
    assert_in_range(alarms, 1, 8);
    double before, after;
    kind()->change(self, &before, &after);
    assert_true(after > before);
    free(self);
}

static void test_direction_chooses_the_alarms(void **state)
{
    (void)state;
    for (int direction = DIRECTION_BOTH; direction <= DIRECTION_DOWN; direction++) {
        struct random random;
        random_seed(&random, 3);
        void *self = adwin_make(0.002, 32, direction);
        count_alarms(self, &random, 0.1, 5000);
        uint32_t rises = count_alarms(self, &random, 0.5, 5000);
        uint32_t falls = count_alarms(self, &random, 0.1, 5000);
        /* A fall that gives no alarm is followed nonetheless: else this rise would not be seen. */
        uint32_t again = count_alarms(self, &random, 0.2, 5000);
        assert_int_equal(rises > 0, direction != DIRECTION_DOWN);
        assert_int_equal(falls > 0, direction != DIRECTION_UP);
        assert_int_equal(again > 0, direction != DIRECTION_DOWN);
        free(self);
    }
}

/* Scaling by powers of two is exact, so the alarms are the very same. */
static void test_scale_does_not_matter(void **state)
{
    (void)state;
    static const double scales[] = {0x1p-40, -0x1p10, 0x1p60};
    for (uint32_t i = 0; i < 3; i++) {
        struct random random;
        random_seed(&random, 11);
        void *plain = adwin_make(0.01, 8, DIRECTION_BOTH);
        void *scaled = adwin_make(0.01, 8, DIRECTION_BOTH);
        uint32_t alarms = 0;
        for (uint32_t j = 0; j < 20000; j++) {
            double value = random_normal(&random) + (j / 4000 % 2 ? 1 : 0);
            bool alarm = kind()->update(plain, value);
            assert_int_equal(kind()->update(scaled, value * scales[i]), alarm);
            alarms += alarm;
        }
        assert_in_range(alarms, 4, 8);
        free(plain);
        free(scaled);
    }
}

/* Sums of 0.1 round differently for buckets of different sizes; that is no change. */
static void test_constants_never_alarm(void **state)
{
    (void)state;
    static const double constants[] = {0, 0.1, -1e9 / 3, 1e100, 1e-300};
    for (uint32_t i = 0; i < 5; i++) {
        void *self = adwin_make(0.5, 1, DIRECTION_BOTH);
        double next = nextafter(constants[i], INFINITY);
        for (uint32_t j = 0; j < 20000; j++)
            assert_false(kind()->update(self, j < 10000 || i == 0 ? constants[i] : next));
        free(self);
    }
}

static void test_minimum_holds_on_both_sides(void **state)
{
    (void)state;
    void *options = options_make(kind());
    option_set(kind(), options, "clock", 1);
    option_set(kind(), options, "minimum", 200);
    void *self = detector_make(kind(), options);
    uint32_t values = 0;
    bool alarm = false;
    while (!alarm && values < 600)
        alarm = kind()->update(self, values++ < 100 ? 0 : 1);
    assert_in_range(values, 400, 500);
    assert_true(alarm);
    free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_false_alarms_stay_below_delta),
        cmocka_unit_test(test_abrupt_changes_are_found_in_time),
        cmocka_unit_test(test_a_gradual_change_is_found),
        cmocka_unit_test(test_direction_chooses_the_alarms),
        cmocka_unit_test(test_scale_does_not_matter),
        cmocka_unit_test(test_constants_never_alarm),
        cmocka_unit_test(test_minimum_holds_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
