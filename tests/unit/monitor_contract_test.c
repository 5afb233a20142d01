/* What every row of the detector table promises, whatever it is. */
#include "tests/unit/monitor_helper.h"
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { VALUES = 6000 };

/* Values with changes, repeats and rare large ones. */
static double value_at(struct random *random, uint32_t index)
{
    double level = index / 1500 % 2 ? 0.8 : 0.1;
    uint64_t draw = random_below(random, 100);
    if (draw == 0)
        return 50 * random_normal(random);
    return draw < 50 ? random_bernoulli(random, level) : level + random_normal(random) / 5;
}

/* Memory that is not zero to begin with: what init leaves alone would show. */
static void *make_over(const struct detector_kind *kind, const void *options, int canary)
{
    uint64_t size = kind->state_size(options);
    void *self = malloc(size);
    assert_non_null(self);
    memset(self, canary, size);
    kind->init(self, options);
    return self;
}

static void feed(const struct detector_kind *kind, void *self, uint32_t from, uint32_t to)
{
    struct random random;
    random_seed(&random, 42);
    for (uint32_t i = 0; i < to; i++) {
        double value = value_at(&random, i);
        if (i >= from)
            kind->update(self, value);
    }
}

static void check_same_bytes(const struct detector_kind *kind, const void *options)
{
    void *one = make_over(kind, options, 0xA5), *other = make_over(kind, options, 0x5A);
    uint64_t size = kind->state_size(options);
    assert_memory_equal(one, other, size);
    for (uint32_t i = 0; i < VALUES; i += 500) {
        feed(kind, one, i, i + 500);
        feed(kind, other, i, i + 500);
        assert_memory_equal(one, other, size);
    }
    free(one);
    free(other);
}

/* A copy at any moment goes on as the original does; nothing lies outside the bytes. */
static void check_resumes(const struct detector_kind *kind, const void *options)
{
    uint64_t size = kind->state_size(options);
    void *whole = make_over(kind, options, 0);
    feed(kind, whole, 0, VALUES);
    for (uint32_t cut = 1; cut < VALUES; cut += 1237) {
        void *first = make_over(kind, options, 1), *second = malloc(size);
        assert_non_null(second);
        feed(kind, first, 0, cut);
        memcpy(second, first, size);
        memset(first, 0xEE, size);
        free(first);
        feed(kind, second, cut, VALUES);
        assert_memory_equal(second, whole, size);
        free(second);
    }
    free(whole);
}

/* What is not finite changes no byte. */
static void check_ignores(const struct detector_kind *kind, const void *options)
{
    uint64_t size = kind->state_size(options);
    void *self = make_over(kind, options, 0), *before = malloc(size);
    assert_non_null(before);
    feed(kind, self, 0, 777);
    memcpy(before, self, size);
    static const double odd[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (uint32_t i = 0; i < 400; i++)
        assert_false(kind->update(self, odd[i % 4]));
    assert_memory_equal(self, before, size);
    free(self);
    free(before);
}

static void check_extremes(const struct detector_kind *kind, const void *options)
{
    static const double extremes[] = {DBL_MAX, -DBL_MAX, DBL_MIN, 5e-324, 0, -0.0,
                                      1e100,   -1e100,   1,       1e-300, -1};
    void *self = make_over(kind, options, 0);
    struct random random;
    random_seed(&random, 9);
    for (uint32_t i = 0; i < 20000; i++) {
        uint64_t range = 1 + i / 2000; /* first one value only, then more kinds */
        kind->update(self, extremes[random_below(&random, range)]);
        double before, after;
        kind->change(self, &before, &after);
        assert_true(isfinite(before) && isfinite(after));
    }
    free(self);
}

/* From the one end of all numbers to the other: nothing overflows on the way. */
static void check_huge_change(const struct detector_kind *kind, const void *options)
{
    void *self = make_over(kind, options, 0);
    for (uint32_t i = 0; i < 1000; i++)
        assert_false(kind->update(self, -DBL_MAX));
    bool alarm = false;
    for (uint32_t i = 0; i < 1000 && !alarm; i++)
        alarm = kind->update(self, DBL_MAX);
    assert_true(alarm);
    double before, after;
    kind->change(self, &before, &after);
    assert_true(fabs(before / -DETECTOR_VALUE_MAX - 1) < 0.1);
    assert_true(after > before && after <= 1.01 * DETECTOR_VALUE_MAX);
    free(self);
}

static void check_finds_a_change(const struct detector_kind *kind, const void *options)
{
    void *self = make_over(kind, options, 0);
    struct random random;
    random_seed(&random, 4);
    for (uint32_t i = 0; i < 3000; i++)
        assert_false(kind->update(self, random_normal(&random) / 10));
    bool alarm = false;
    for (uint32_t i = 0; i < 3000 && !alarm; i++)
        alarm = kind->update(self, 1 + random_normal(&random) / 10);
    assert_true(alarm);
    double before, after;
    kind->change(self, &before, &after);
    assert_true(fabs(before) < 0.1 && fabs(after - 1) < 0.1);
    free(self);
}

static void check_all(void (*check)(const struct detector_kind *kind, const void *options))
{
    for (const struct detector_kind *const *kind = detector_table; *kind; kind++) {
        print_message("%s\n", (*kind)->name);
        void *options = options_make(*kind);
        check(*kind, options);
        free(options);
    }
}

static void test_same_input_same_bytes(void **state)
{
    (void)state;
    check_all(check_same_bytes);
}

static void test_resumes_from_a_copy(void **state)
{
    (void)state;
    check_all(check_resumes);
}

static void test_ignores_what_is_not_finite(void **state)
{
    (void)state;
    check_all(check_ignores);
}

static void test_bears_extremes(void **state)
{
    (void)state;
    check_all(check_extremes);
    check_all(check_huge_change);
}

static void test_finds_a_change_with_default_options(void **state)
{
    (void)state;
    check_all(check_finds_a_change);
}

static void test_rows_are_complete(void **state)
{
    (void)state;
    assert_null(detector_find("no_such_detector"));
    assert_non_null(detector_find("adwin"));
    assert_non_null(detector_find("page_hinkley"));
    for (const struct detector_kind *const *kind = detector_table; *kind; kind++) {
        assert_ptr_equal(detector_find((*kind)->name), *kind);
        assert_true(strlen((*kind)->summary) > 10);
        void *options = options_make(*kind);
        assert_int_equal((*kind)->state_size(options) % 8, 0);
        assert_true((*kind)->state_size(options) <= 1 << 16);
        free(options);
        for (const struct option *option = (*kind)->options; option->name; option++) {
            assert_true(strlen(option->help) > 10);
            assert_non_null(option->standard);
            assert_true(option->offset < (*kind)->option_size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_input_same_bytes),
        cmocka_unit_test(test_resumes_from_a_copy),
        cmocka_unit_test(test_ignores_what_is_not_finite),
        cmocka_unit_test(test_bears_extremes),
        cmocka_unit_test(test_finds_a_change_with_default_options),
        cmocka_unit_test(test_rows_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
