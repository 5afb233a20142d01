/* Page-Hinkley against its definition, each moment computed anew from all values since the last
 * alarm. */
#include "tests/unit/monitor_helper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { VALUES = 1200 };

struct setting {
    double delta, threshold, alpha;
    uint32_t minimum;
    int direction;
};

static const struct detector_kind *kind(void)
{
    return detector_find("page_hinkley");
}

static void *test_make(const struct setting *setting)
{
    void *options = options_make(kind());
    option_set(kind(), options, "delta", setting->delta);
    option_set(kind(), options, "threshold", setting->threshold);
    option_set(kind(), options, "alpha", setting->alpha);
    option_set(kind(), options, "minimum", setting->minimum);
    option_set(kind(), options, "direction", setting->direction);
    return detector_make(kind(), options);
}

/* The largest sum over a stretch of values that ends with the last one, each weighted by alpha to
 * the power of its age; *from is where the stretch begins, `count` and 0 if no sum is above 0. With
 * alpha 1 that is how far m has climbed above its minimum. */
static double define_climbed(const double *values, uint32_t count, double sign,
                             const struct setting *setting, uint32_t *from)
{
    static long double deviation[VALUES];
    long double mean_sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        mean_sum += values[i];
        deviation[i] = sign * (values[i] - mean_sum / (i + 1)) - setting->delta;
    }
    long double sum = 0, weight = 1, best = 0;
    *from = count;
    for (uint32_t i = count; i-- > 0; weight *= setting->alpha) {
        sum += weight * deviation[i];
        if (sum > best) {
            best = sum;
            *from = i;
        }
    }
    return (double)best;
}

/* The same by m and its minimum, without forgetting. */
static double define_by_minimum(const double *values, uint32_t count, double sign,
                                const struct setting *setting)
{
    long double m = 0, mean_sum = 0, lowest = INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        mean_sum += values[i];
        m += sign * (values[i] - mean_sum / (i + 1)) - setting->delta;
        lowest = fminl(lowest, m);
    }
    return (double)(m - lowest);
}

static double mean_of(const double *values, uint32_t from, uint32_t to)
{
    long double sum = 0;
    for (uint32_t i = from; i < to; i++)
        sum += values[i];
    return (double)(sum / (to - from));
}

/* True on alarm, with the means on either side of the change. */
static bool define_alarm(const double *values, uint32_t count, const struct setting *setting,
                         double *before, double *after)
{
    if (count < setting->minimum)
        return false;
    for (int direction = DIRECTION_UP; direction <= DIRECTION_DOWN; direction++) {
        uint32_t at = 0;
        double sign = direction == DIRECTION_UP ? 1 : -1;
        bool wanted = setting->direction == DIRECTION_BOTH || setting->direction == direction;
        double climbed = define_climbed(values, count, sign, setting, &at);
        if (setting->alpha == 1)
            assert_true(fabs(climbed - define_by_minimum(values, count, sign, setting)) < 1e-9);
        if (!wanted || climbed <= setting->threshold)
            continue;
        *before = mean_of(values, 0, at);
        *after = mean_of(values, at, count);
        return true;
    }
    return false;
}

static uint32_t run(const struct setting *setting, uint64_t seed)
{
    static double values[VALUES];
    struct random random;
    random_seed(&random, seed);
    void *self = test_make(setting);
    uint32_t alarms = 0, start = 0;
    for (uint32_t i = 0; i < VALUES; i++) {
        values[i] = random_normal(&random) + 2 * (double)(i / 300 % 2);
        double before = 0, after = 0, found_before, found_after;
        bool wanted = define_alarm(values + start, i + 1 - start, setting, &before, &after);
        if (kind()->update(self, values[i]) != wanted)
            fail_msg("seed %llu: other decision at %u", (unsigned long long)seed, i);
        if (!wanted)
            continue;
        kind()->change(self, &found_before, &found_after);
        assert_true(fabs(found_before - before) < 1e-9 && fabs(found_after - after) < 1e-9);
        start = i + 1;
        alarms++;
    }
    free(self);
    return alarms;
}

static void test_decides_as_the_definition(void **state)
{
    (void)state;
    static const struct setting settings[] = {
        {0.1, 30, 1, 30, DIRECTION_BOTH}, {0.1, 30, 0.99, 30, DIRECTION_UP},
        {0, 10, 1, 1, DIRECTION_DOWN},    {0.5, 5, 0.9, 100, DIRECTION_BOTH},
        {0.005, 0, 1, 3, DIRECTION_BOTH},
    };
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t alarms = run(&settings[i], i) + run(&settings[i], 100 + i);
        print_message("setting %u: %u alarms as by the definition\n", i, alarms);
        assert_true(alarms > 0);
    }
}

/* The means of the message are those before and after the step, and the delay is what the sum
 * needs. */
static void test_a_step_is_found(void **state)
{
    (void)state;
    const struct setting setting = {0.05, 20, 1, 30, DIRECTION_UP};
    void *self = test_make(&setting);
    for (uint32_t i = 0; i < 1000; i++)
        assert_false(kind()->update(self, 0.25));
    uint32_t delay = 1;
    while (!kind()->update(self, 1.25))
        delay++;
    /* Each value adds about 1 - delta, less what the mean has followed. */
    assert_in_range(delay, 21, 23);
    double before, after;
    kind()->change(self, &before, &after);
    assert_true(fabs(before - 0.25) < 1e-9 && fabs(after - 1.25) < 1e-9);
    free(self);
}

static void test_silent_without_a_change(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5);
    void *self = detector_make(kind(), options_make(kind()));
    for (uint32_t i = 0; i < 200000; i++)
        assert_false(kind()->update(self, random_bernoulli(&random, 0.02)));
    free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decides_as_the_definition),
        cmocka_unit_test(test_a_step_is_found),
        cmocka_unit_test(test_silent_without_a_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
