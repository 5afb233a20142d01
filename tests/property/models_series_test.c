/* The detectors for time series against the same written as plainly as possible, and the fits of
 * the generalised Pareto distribution against a search over all its parameters. */
#include "base/random.h"
#include "models/model.h"
#include "models/nearest.h"
#include "models/pareto.h"
#include "models/tail.h"
#include "tests/property/models_series_plain.h"
#include "tests/unit/base_options.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STEP_MS = 300000 };

static const enum value_type types[1] = {TYPE_NUMBER};
static const char *const names[1] = {"value"};
static const struct model_shape shape = {1, types, names, 2};

struct subject {
    const struct model_kind *kind;
    void *self;
};

static struct subject subject_open(const char *name, const char *text)
{
    const struct model_kind *kind = model_find(name);
    void *options = options_of_json(kind->options, kind->option_size, text);
    struct subject subject = {kind, calloc(1, kind->state_size(options, &shape))};
    assert_non_null(subject.self);
    kind->init(subject.self, options, &shape, 1);
    free(options);
    return subject;
}

static double subject_learn(const struct subject *subject, int step, double x)
{
    union value feature = {.number = x};
    struct example example = {&feature, (int64_t)step * STEP_MS, MISSING, 1, NULL};
    double before = subject->kind->score(subject->self, &example);
    double score = subject->kind->learn(subject->self, &example);
    assert_memory_equal(&before, &score, sizeof score);
    return score;
}

static void near_to(double found, double wanted, double tolerance, int step)
{
    if (isnan(wanted) && isnan(found))
        return;
    if (!(fabs(found - wanted) <= tolerance * (1 + fabs(wanted)))) {
        print_error("step %d: %.17g where %.17g is right\n", step, found, wanted);
        fail();
    }
}

/* A day of 48 steps, noise, a few shifts of the level and outliers: all that the views look for. */
static void draw(double *x, int count, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    double level = 0;
    for (int i = 0; i < count; i++) {
        if (random_below(&random, 400) == 0)
            level += 10 * (random_uniform(&random) - 0.5);
        x[i] = level + 3 * sin(i * 0.1308996938995747) - log(1 - random_uniform(&random));
        if (random_below(&random, 150) == 0)
            x[i] += 20 * random_uniform(&random);
    }
}

static double pareto_draw(struct random *random, double form, double scale)
{
    double uniform = 1 - random_uniform(random);
    return fabs(form) < 1e-9 ? -scale * log(uniform) : scale * (pow(uniform, -form) - 1) / form;
}

/* The mean logarithm of the density. */
static double likelihood(const double *excess, int count, double form, double scale)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        double inner = 1 + form * excess[i] / scale;
        if (inner <= 0)
            return -INFINITY;
        sum -= fabs(form) < 1e-9 ? excess[i] / scale : (1 + 1 / form) * log(inner);
    }
    return sum / count - log(scale);
}

static void test_pareto_tail(void **unused)
{
    (void)unused;
    struct pareto half = {0.5, 2}, none = {0, 3}, ending = {-0.5, 1};
    near_to(exp(pareto_log_tail(&half, 3)), pow(1.75, -2), 1e-14, 0);
    near_to(exp(pareto_log_tail(&none, 6)), exp(-2), 1e-14, 0);
    near_to(exp(pareto_log_tail(&ending, 1)), 0.25, 1e-14, 0);
    assert_true(isinf(pareto_log_tail(&ending, 2)));
}

static void test_pareto_likelihood(void **unused)
{
    (void)unused;
    enum { COUNT = 80 };
    static double excess[COUNT];
    for (int round = 0; round < 40; round++) {
        struct random random;
        random_seed(&random, (uint64_t)round);
        double form = -0.3 + 1.3 * random_uniform(&random), scale = exp(random_uniform(&random));
        for (int i = 0; i < COUNT; i++)
            excess[i] = pareto_draw(&random, form, scale);
        struct pareto fit = pareto_from_likelihood(excess, COUNT);
        double reached = likelihood(excess, COUNT, fit.shape, fit.scale), best = -INFINITY;
        for (int i = 0; i <= 120; i++) {
            for (int j = 0; j <= 120; j++)
                best = fmax(best, likelihood(excess, COUNT, -0.5 + 0.02 * i,
                                             scale * exp(-1.5 + 0.025 * j)));
        }
        if (!(reached >= best - 1e-7)) {
            print_error("seed %d: %.9g, a search finds %.9g\n", round, reached, best);
            fail();
        }
    }
}

/* Many values give back what they were drawn from, by both fits. */
static void test_pareto_recovers(void **unused)
{
    (void)unused;
    enum { COUNT = 20000 };
    static double excess[COUNT];
    static const double forms[] = {0, 0.1, 0.3, 0.45};
    for (int i = 0; i < 4; i++) {
        struct random random;
        random_seed(&random, 5);
        for (int j = 0; j < COUNT; j++)
            excess[j] = pareto_draw(&random, forms[i], 2);
        struct pareto fit = pareto_from_likelihood(excess, COUNT);
        qsort(excess, COUNT, sizeof excess[0], plain_falling);
        struct pareto moments = pareto_from_moments(excess, COUNT, 0);
        print_message("shape %.2f: likelihood %.3f, %.3f; moments %.3f, %.3f\n", forms[i],
                      fit.shape, fit.scale, moments.shape, moments.scale);
        near_to(fit.shape, forms[i], 0.03, i);
        near_to(fit.scale, 2, 0.03, i);
        near_to(moments.shape, forms[i], 0.04, i);
        near_to(moments.scale, 2, 0.04, i);
    }
}

static void test_tail(void **unused)
{
    (void)unused;
    static struct plain_tail plain;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct tail *tail = calloc(1, sizeof *tail);
        assert_non_null(tail);
        tail_init(tail, 65536);
        plain.count = 0;
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < 3000; i++) {
            double x = pareto_draw(&random, 0.2 * (double)seed - 0.2, 1);
            x = seed == 3 ? floor(3 * x) : x;
            near_to(tail_surprise(tail, x), plain_tail_surprise(&plain, x), 1e-9, i);
            near_to(tail_surprise(tail, 2 * x), plain_tail_surprise(&plain, 2 * x), 1e-9, i);
            tail_learn(tail, x);
            plain_tail_learn(&plain, x);
        }
        free(tail);
    }
}

/* After `remembered` smaller ones a large value is forgotten: it would be rare again. */
static void test_tail_forgets(void **unused)
{
    (void)unused;
    struct tail *tail = calloc(1, sizeof *tail);
    assert_non_null(tail);
    tail_init(tail, 500);
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 1000; i++)
        tail_learn(tail, 100 * random_uniform(&random));
    assert_true(tail_surprise(tail, 50) < 1);
    for (int i = 0; i < 1500; i++)
        tail_learn(tail, random_uniform(&random));
    assert_true(tail->value[0] <= 1);
    assert_true(tail_surprise(tail, 50) > 4);
    free(tail);
}

static void test_nearest(void **unused)
{
    (void)unused;
    enum { COUNT = 700, HISTORY = 120 };
    static double x[COUNT];
    for (int length = 1; length <= 17; length += 4) {
        draw(x, COUNT, (uint64_t)length);
        struct nearest *nearest = calloc(1, nearest_size(HISTORY));
        struct trail *trail = calloc(1, trail_size((uint64_t)(HISTORY + length)));
        assert_true(nearest && trail);
        trail_init(trail, (uint64_t)(HISTORY + length));
        nearest_init(nearest, (uint64_t)length, HISTORY);
        for (int i = 0; i < COUNT; i++) {
            double found = nearest_distance(nearest, trail, x[i], NULL);
            double learned = nearest_learn(nearest, trail, x[i], NULL);
            assert_memory_equal(&found, &learned, sizeof found);
            near_to(found, plain_nearest(x, i, length, HISTORY, false), 1e-7, i);
            trail_learn(trail, x[i]);
        }
        free(nearest);
        free(trail);
    }
}

/* What rounding leaves after an absurd value has passed is gone within a round of the lags. */
static void test_nearest_recovers(void **unused)
{
    (void)unused;
    enum { COUNT = 600, HISTORY = 96, LENGTH = 5 };
    static double x[COUNT];
    draw(x, COUNT, 8);
    x[200] = 1e15;
    struct nearest *nearest = calloc(1, nearest_size(HISTORY));
    struct trail *trail = calloc(1, trail_size(HISTORY + LENGTH));
    assert_true(nearest && trail);
    trail_init(trail, HISTORY + LENGTH);
    nearest_init(nearest, LENGTH, HISTORY);
    for (int i = 0; i < COUNT; i++) {
        double found = nearest_learn(nearest, trail, x[i], NULL);
        if (i < 200 || i > 200 + HISTORY + LENGTH + HISTORY)
            near_to(found, plain_nearest(x, i, LENGTH, HISTORY, false), 1e-7, i);
        trail_learn(trail, x[i]);
    }
    free(nearest);
    free(trail);
}

/* The kind: distance over itself and the mean of those before. */
static void compare_discord(const char *options, int length, int history, bool normalize)
{
    enum { COUNT = 600 };
    static double x[COUNT];
    draw(x, COUNT, 21);
    struct subject subject = subject_open("discord", options);
    double mean = 0, count = 0;
    for (int i = 0; i < COUNT; i++) {
        double distance = plain_nearest(x, i, length, history, normalize);
        double wanted = isnan(distance) || count == 0 ? 0 : distance / (distance + mean);
        near_to(subject_learn(&subject, i, x[i]), wanted, 1e-6, i);
        if (isnan(distance))
            continue;
        count = fmin(count + 1, history);
        mean += (distance - mean) / count;
    }
    free(subject.self);
}

static void test_discord(void **unused)
{
    (void)unused;
    compare_discord("{\"length\": 6, \"history\": 96}", 6, 96, false);
    compare_discord("{\"length\": 12, \"history\": 80, \"normalize\": true}", 12, 80, true);
}

static void test_seasonal_residual(void **unused)
{
    (void)unused;
    enum { COUNT = 3000 };
    static double x[COUNT];
    static struct plain_season season;
    draw(x, COUNT, 31);
    memset(&season, 0, sizeof season);
    struct subject subject = subject_open(
        "seasonal_residual",
        "{\"season\": \"4h\", \"buckets\": 48, \"seasonal_rate\": 0.05, \"scale_events\": 300}");
    double scale = 0, count = 0;
    for (int i = 0; i < COUNT; i++) {
        double residual = plain_season_step(&season, i % 48, x[i], 0.05, 0.02);
        double z = residual / scale;
        near_to(subject_learn(&subject, i, x[i]),
                isnan(residual) || count == 0 ? 0 : z * z / (9 + z * z), 1e-9, i);
        if (isnan(residual))
            continue;
        count = fmin(count + 1, 300);
        double bounded = count > 1 ? fmin(fabs(residual), 4 * scale) : fabs(residual);
        scale += (bounded - scale) / count;
    }
    free(subject.self);
}

/* Of exponential numbers the tail is known: P(X > x) = exp(-x). */
static void test_extremes_quantiles(void **unused)
{
    (void)unused;
    struct subject subject = subject_open(
        "extremes", "{\"calibration\": 10000, \"two_sided\": false, \"risk\": 0, \"peaks\": 1000}");
    struct random random;
    random_seed(&random, 77);
    for (int i = 0; i < 50000; i++)
        subject_learn(&subject, i, pareto_draw(&random, 0, 1));
    for (int x = 1; x <= 12; x++) {
        union value feature = {.number = x};
        struct example example = {&feature, 0, MISSING, 1, NULL};
        double probability = 1 - subject.kind->score(subject.self, &example);
        print_message("x %d: %.3g, exactly %.3g\n", x, probability, exp(-x));
        assert_true(fabs(log(probability) + x) < 0.08 * x + 0.1);
    }
    free(subject.self);
}

/* Two-sided: low numbers are as extreme as high ones.  Alarms are not learned: the hundredth one is
 * as rare as the first.  With drift the level does not matter. */
static void test_extremes_sides(void **unused)
{
    (void)unused;
    struct subject subject = subject_open("extremes", "{\"calibration\": 500, \"drift\": 20}");
    struct random random;
    random_seed(&random, 78);
    double first = 0, last = 0, most = 0;
    for (int i = 0; i < 20000; i++) {
        double x = i * 0.01 + random_uniform(&random) + random_uniform(&random);
        bool odd = i > 2000 && i % 100 == 0;
        double score = subject_learn(&subject, i, odd ? x - 5 : x);
        if (odd) {
            first = first > 0 ? first : score;
            last = score;
        } else if (i > 2000) {
            most += score > 0.999;
        }
    }
    print_message("alarms %.6f to %.6f, others above .999: %.0f\n", first, last, most);
    assert_true(first > 0.9999 && last > 0.9999);
    assert_true(most < 60);
    free(subject.self);
}

/* Everything at once: five views, each by its definition, every tail by sorting.  Of `slot`, the
 * time in steps, some are left out. */
struct plain_surprise {
    struct plain_season season;
    struct plain_tail tail[8];
    double level, held, gap;
    int since;
};

static double plain_shift(const struct plain_surprise *plain, const double *x, int i)
{
    int events = (int)fmax(2, fmin(40, i > 1 ? rint(10 / plain->gap) : 40));
    double sum = 0;
    for (int j = 0; j < events && i + 1 >= 2 * events; j++)
        sum += (x[i - j] - x[i - j - events]) / events;
    return i + 1 >= 2 * events ? sum : NAN;
}

static double plain_surprise_step(struct plain_surprise *plain, const double *x, const int *slot,
                                  int i)
{
    double residual[5] = {i ? x[i] - plain->level : NAN,
                          plain_season_step(&plain->season, slot[i] % 48, x[i], 0.1, 0.02),
                          plain_shift(plain, x, i), plain_nearest(x, i, 3, 80, false),
                          plain_nearest(x, i, 9, 80, false)};
    double sum = 0;
    for (int j = 0; j < 5; j++) {
        double surprise = plain_tail_surprise(&plain->tail[j], residual[j]);
        plain_tail_learn(&plain->tail[j], residual[j]);
        if (j < 3) {
            surprise = fmax(surprise, plain_tail_surprise(&plain->tail[5 + j], -residual[j]));
            plain_tail_learn(&plain->tail[5 + j], -residual[j]);
        }
        sum += (j == 3 ? 2 : 1) * surprise * surprise;
    }
    plain->level = i ? plain->level + 0.02 * (x[i] - plain->level) : x[i];
    if (i) {
        double gap = slot[i] - slot[i - 1];
        plain->gap += ((i > 1 ? fmin(gap, 4 * plain->gap) : gap) - plain->gap) / i;
    }
    return sqrt(sum * 3.6 / log10(i + 100));
}

static void test_series_surprise(void **unused)
{
    (void)unused;
    enum { COUNT = 2500, QUIET = 30 };
    static double x[COUNT];
    static int slot[COUNT];
    static struct plain_surprise plain;
    draw(x, COUNT, 41);
    for (int i = 1; i < COUNT; i++)
        slot[i] = slot[i - 1] + (i % 5 == 0 ? 2 : 1) + (i % 100 == 0 ? 30 : 0);
    memset(&plain, 0, sizeof plain);
    struct subject subject = subject_open(
        "series_surprise", "{\"season\": \"4h\", \"buckets\": 48, \"shift\": \"50m\", \"long\": 9, "
                           "\"history\": 80, \"quiet\": 30}");
    int told = 0;
    for (int i = 0; i < COUNT; i++) {
        double surprise = plain_surprise_step(&plain, x, slot, i);
        if (++plain.since > QUIET)
            plain.held = 0;
        double wanted = surprise > plain.held ? surprise / (1 + surprise) : 0;
        near_to(subject_learn(&subject, slot[i], x[i]), wanted, 1e-6, i);
        told += wanted > 0.85;
        if (surprise >= plain.held) {
            plain.held = surprise;
            plain.since = 0;
        }
    }
    print_message("%d of %d told above .85\n", told, COUNT);
    assert_true(told > 5 && told < COUNT / 20);
    free(subject.self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pareto_tail),       cmocka_unit_test(test_pareto_likelihood),
        cmocka_unit_test(test_pareto_recovers),   cmocka_unit_test(test_tail),
        cmocka_unit_test(test_tail_forgets),      cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_nearest_recovers),  cmocka_unit_test(test_discord),
        cmocka_unit_test(test_seasonal_residual), cmocka_unit_test(test_extremes_quantiles),
        cmocka_unit_test(test_extremes_sides),    cmocka_unit_test(test_series_surprise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
