/* The posterior of newton against Bayes' rule written plainly, with the covariance itself; and what
 * becomes of a learner whose feature was silent for long. */
#include "base/random.h"
#include "models/model.h"
#include "models/posterior.h"
#include "tests/unit/base_options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WEIGHTS = 6, WIDTH = 8, STEPS = 400, SEEDS = 50 };

struct plain {
    double covariance[WEIGHTS][WEIGHTS], weight[WEIGHTS];
};

/* P <- P - P z z' P c / (1 + c z'Pz), then growth, then no variance above its prior. */
static void plain_learn(struct plain *plain, const double *prior, double growth, const double *z,
                        double curvature, double step)
{
    double along[WEIGHTS] = {0}, spread = 0;
    for (int i = 0; i < WEIGHTS; i++)
        for (int j = 0; j < WEIGHTS; j++)
            along[i] += plain->covariance[i][j] * z[j];
    for (int i = 0; i < WEIGHTS; i++)
        spread += z[i] * along[i];
    for (int i = 0; i < WEIGHTS; i++) {
        plain->weight[i] += along[i] * step;
        for (int j = 0; j < WEIGHTS; j++)
            plain->covariance[i][j] =
                growth * (plain->covariance[i][j] -
                          along[i] * along[j] * curvature / (1 + curvature * spread));
    }
    for (int i = 0; i < WEIGHTS; i++) {
        double variance = plain->covariance[i][i];
        double shrunk = variance > prior[i] ? sqrt(prior[i] / variance) : 1;
        for (int j = 0; j < WEIGHTS; j++) {
            plain->covariance[i][j] *= shrunk;
            plain->covariance[j][i] *= shrunk;
        }
    }
}

/* Weight i is measured in units 1 / ratio as large. */
static void plain_rescale(struct plain *plain, const double *prior, int i, double ratio)
{
    double old = plain->covariance[i][i], told = 1 / old - 1 / prior[i];
    double now = 1 / ((told > 0 ? told : 0) / (ratio * ratio) + 1 / prior[i]);
    plain->weight[i] *= ratio <= 1 ? ratio : now / (old * ratio);
    for (int j = 0; j < WEIGHTS; j++) {
        plain->covariance[i][j] *= sqrt(now / old);
        plain->covariance[j][i] *= sqrt(now / old);
    }
}

static void follow(uint64_t seed)
{
    double root[WEIGHTS * WIDTH], variance[WIDTH], prior[WIDTH], weight[WIDTH] = {0};
    struct plain plain = {0};
    struct random random;
    random_seed(&random, seed);
    for (int i = 0; i < WEIGHTS; i++)
        prior[i] = plain.covariance[i][i] = 0.5 + random_uniform(&random);
    struct posterior posterior = {root,    variance, prior,
                                  WEIGHTS, WIDTH,    1 + 0.02 * (double)(seed % 3)};
    posterior_spread(&posterior, 10);
    for (int step = 0; step < STEPS; step++) {
        double z[WIDTH] = {0}, f[WIDTH], scale[WIDTH], ratio[WIDTH];
        for (int i = 0; i < WEIGHTS; i++) {
            z[i] = random_uniform(&random) - 0.5;
            ratio[i] = random_below(&random, 10) > 0 ? 1 : 0.5 + random_uniform(&random);
            plain_rescale(&plain, prior, i, ratio[i]);
        }
        posterior_rescale(&posterior, ratio, weight, scale);
        z[1] = step % 2 ? z[0] : z[1];
        double curvature = random_uniform(&random) / 4, move = random_uniform(&random) - 0.5;
        double spread = posterior_look(&posterior, scale, z, f);
        posterior_learn(&posterior, scale, f, spread, curvature, move, weight);
        plain_learn(&plain, prior, posterior.growth, z, curvature, move);
        for (int i = 0; i < WEIGHTS; i++) {
            assert_true(fabs(weight[i] - plain.weight[i]) < 1e-8 * (1 + fabs(weight[i])));
            assert_true(fabs(variance[i] - plain.covariance[i][i]) < 1e-8);
            assert_true(variance[i] <= prior[i] * (1 + 1e-12));
        }
    }
}

static void test_bayes(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        follow(seed);
}

/* A covariance comes in as its root; what is none is not believed. */
static void test_loaded(void **unused)
{
    (void)unused;
    double root[2 * WIDTH] = {0}, variance[WIDTH], prior[WIDTH] = {9, 9};
    const struct posterior posterior = {root, variance, prior, 2, WIDTH, 1};
    json_t *good = json_pack("[f, f, f]", 4.0, 2.0, 5.0),
           *bad = json_pack("[f, f, f]", 1.0, 2.0, 1.0);
    assert_true(posterior_load(&posterior, good));
    assert_true(root[0] == 2 && root[1] == 0 && root[WIDTH] == 1 && root[WIDTH + 1] == 2);
    assert_true(variance[0] == 4 && variance[1] == 5);
    assert_false(posterior_load(&posterior, bad));
    assert_true(root[0] == 2 && root[WIDTH + 1] == 2);
    json_decref(good);
    json_decref(bad);
}

/* Two features that say nothing for LONG labels and then begin: one is noise, the other tells.  The
 * learner must not be thrown by their first values, which are hundreds of deviations out. */
static void test_feature_begins_late(void **unused)
{
    (void)unused;
    enum { LONG = 60000, AFTER = 3000, FEATURES = 3 };
    static const char *const forgetting[] = {"{\"half_life\": 0}", "{\"half_life\": 20000}"};
    const enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER};
    const char *const names[FEATURES] = {"a", "b", "c"};
    const struct model_shape shape = {FEATURES, types, names, 2};
    const struct model_kind *kind = model_find("logistic_regression");
    for (size_t v = 0; v < sizeof forgetting / sizeof *forgetting; v++) {
        void *options = options_of_json(kind->options, kind->option_size, forgetting[v]);
        void *self = aligned_alloc(64, (kind->state_size(options, &shape) + 63) / 64 * 64);
        struct random random;
        random_seed(&random, 1);
        kind->init(self, options, &shape, 1);
        double loss = 0;
        for (int i = 0; i < LONG + AFTER; i++) {
            double x = random_uniform(&random), label = random_uniform(&random) < 0.1 + 0.2 * x;
            bool begun = i >= LONG && random_below(&random, 50) == 0;
            double noise = begun ? 1 + random_uniform(&random) : 0;
            double tells = i >= LONG && label > 0 && random_below(&random, 2) ? 3 : 0;
            union value feature[FEATURES] = {{x}, {noise}, {tells}};
            struct example example = {feature, 0, label, 1, NULL};
            double score = kind->learn(self, &example), given = label > 0 ? score : 1 - score;
            loss -= i >= LONG ? log(fmax(given, 1e-15)) / AFTER : 0;
        }
        print_message("%s: loss %.4f\n", forgetting[v], loss);
        assert_true(loss < 0.40);
        free(self);
        free(options);
    }
}

/* The mode against plain halving, however sure the odds were and however much the label weighs. */
static void test_mode(void **unused)
{
    (void)unused;
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 20000; i++) {
        double odds = 40 * random_uniform(&random) - 20, label = i % 2;
        double spread = exp(30 * random_uniform(&random) - 15);
        double low = odds - spread, high = odds + spread;
        for (int j = 0; j < 200; j++) {
            double middle = low + (high - low) / 2;
            if (middle - odds > spread * (label - numbers_logistic(middle)))
                high = middle;
            else
                low = middle;
        }
        double told = posterior_mode(odds, spread, label);
        if (!(fabs(told - low) <= 1e-9 * (1 + fabs(low) + fabs(odds))))
            fail_msg("odds %.17g, spread %.17g: mode %.12g where %.12g is right", odds, spread,
                     told, low);
    }
}

static double intercept_of(const struct model_kind *kind, const void *self,
                           const struct model_shape *shape, double *weight)
{
    json_t *parameters = kind->save(self, shape);
    double intercept = json_number_value(json_object_get(parameters, "intercept"));
    *weight = json_number_value(json_array_get(json_object_get(parameters, "weights"), 0));
    json_decref(parameters);
    return intercept;
}

/* An example farther out than is believed moves the middle of its feature, and the intercept
 * follows by the weight, as far as is believed and no farther, on either side.  Its label is one
 * that the model is sure of, so that nothing else moves the intercept. */
static void check_far(double side)
{
    enum { BEFORE = 40 };
    const enum value_type types[] = {TYPE_NUMBER};
    const char *const names[] = {"a"};
    const struct model_shape shape = {1, types, names, 2};
    const struct model_kind *kind = model_find("logistic_regression");
    void *options = options_of_json(kind->options, kind->option_size, "{}");
    void *self = aligned_alloc(64, (kind->state_size(options, &shape) + 63) / 64 * 64);
    kind->init(self, options, &shape, 1);
    double before, after;
    for (int i = 0; i <= BEFORE; i++) {
        union value feature = {i == BEFORE ? 9 * side : i % 2 ? side : -side};
        struct example example = {&feature, 0, i == BEFORE ? 1 : i % 2, 1, NULL};
        double from = intercept_of(kind, self, &shape, &before);
        kind->learn(self, &example);
        double moved = intercept_of(kind, self, &shape, &after) - from;
        if (i == BEFORE && !(fabs(moved - fabs(before) / sqrt(BEFORE + 1)) < 1e-3))
            fail_msg("side %g, weight %g: the intercept moved by %g", side, before, moved);
    }
    assert_true(before * side > 1);
    free(self);
    free(options);
}

static void test_far_out(void **unused)
{
    (void)unused;
    check_far(1);
    check_far(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bayes),
        cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_feature_begins_late),
        cmocka_unit_test(test_mode),
        cmocka_unit_test(test_far_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
