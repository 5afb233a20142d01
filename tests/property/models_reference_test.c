/* The models against the same written as plainly as possible, over random streams. */
#include "base/random.h"
#include "models/model.h"
#include "tests/property/models_fresh.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FEATURES = 4, EVENTS = 3000 };

static const enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER};
static const char *const names[FEATURES] = {"a", "b", "c", "d"};
static const struct model_shape shape = {FEATURES, types, names, 2};

static void draw(struct random *random, int event, union value *feature, double *label)
{
    double drift = event > EVENTS / 2 ? 2 : 0;
    for (int i = 0; i < FEATURES; i++)
        feature[i].number = (i + 1) * (random_uniform(random) + random_uniform(random)) + drift;
    *label = random_uniform(random) < 1 / (1 + exp(4 - feature[0].number - feature[1].number));
}

/* --- logistic regression: StandardScaler | LogisticRegression(SGD), as River 0.19 defines them ---
 */

struct plain_logistic {
    double count, mean[FEATURES], variance[FEATURES], weight[FEATURES], intercept;
};

static double plain_score(const struct plain_logistic *plain, const union value *feature, double *z)
{
    double odds = plain->intercept;
    for (int i = 0; i < FEATURES; i++) {
        double deviation = sqrt(plain->variance[i]);
        z[i] = deviation > 0 ? (feature[i].number - plain->mean[i]) / deviation : 0;
        odds += plain->weight[i] * z[i];
    }
    return 1 / (1 + exp(-odds));
}

static void plain_learn(struct plain_logistic *plain, const union value *feature, double label)
{
    plain->count++;
    for (int i = 0; i < FEATURES; i++) {
        double x = feature[i].number, old = plain->mean[i];
        plain->mean[i] += (x - old) / plain->count;
        plain->variance[i] +=
            ((x - old) * (x - plain->mean[i]) - plain->variance[i]) / plain->count;
    }
    double z[FEATURES], gradient = plain_score(plain, feature, z) - label;
    plain->intercept -= 0.01 * gradient;
    for (int i = 0; i < FEATURES; i++)
        plain->weight[i] -= 0.005 * gradient * z[i];
}

static void test_logistic(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        print_message("seed %d\n", (int)seed);
        struct plain_logistic plain = {0};
        const struct model_kind *kind = model_find("logistic_regression");
        void *self = fresh_model("logistic_regression",
                                 "{\"optimizer\": \"sgd\", \"learning_rate\": 0.005, "
                                 "\"scaler\": \"standard\"}",
                                 &shape, seed);
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < EVENTS; i++) {
            union value feature[FEATURES];
            double label, z[FEATURES];
            draw(&random, i, feature, &label);
            struct example example = {feature, 0, label, 1, NULL};
            double expected = plain_score(&plain, feature, z);
            assert_true(fabs(kind->learn(self, &example) - expected) < 1e-12);
            plain_learn(&plain, feature, label);
        }
        free(self);
    }
}

/* --- newton: after n labels the weights are near the minimum of the penalised loss over them ---
 */

static void test_newton_is_near_batch(void **unused)
{
    (void)unused;
    const struct model_kind *kind = model_find("logistic_regression");
    static const char options[] =
        "{\"optimizer\": \"newton\", \"scaler\": \"none\", \"half_life\": 0}";
    void *self = fresh_model("logistic_regression", options, &shape, 1);
    static union value features[EVENTS][FEATURES];
    static double labels[EVENTS];
    struct random random;
    random_seed(&random, 8);
    for (int i = 0; i < EVENTS; i++) {
        draw(&random, 0, features[i], &labels[i]);
        struct example example = {features[i], 0, labels[i], 1, NULL};
        kind->learn(self, &example);
    }
    double weight[FEATURES + 1] = {0};
    for (int step = 0; step < 4000; step++) {
        double slope[FEATURES + 1];
        memcpy(slope, weight, sizeof slope); /* the prior has variance 1 */
        for (int i = 0; i < EVENTS; i++) {
            double odds = weight[FEATURES];
            for (int j = 0; j < FEATURES; j++)
                odds += weight[j] * features[i][j].number;
            double error = 1 / (1 + exp(-odds)) - labels[i];
            for (int j = 0; j < FEATURES; j++)
                slope[j] += error * features[i][j].number;
            slope[FEATURES] += error;
        }
        for (int j = 0; j <= FEATURES; j++)
            weight[j] -= 5e-5 * slope[j];
    }
    json_t *saved = kind->save(self, &shape);
    for (size_t j = 0; j < FEATURES; j++) {
        double reached = json_number_value(json_array_get(json_object_get(saved, "weights"), j));
        print_message("weight %.4f, batch %.4f\n", reached, weight[j]);
        assert_true(fabs(reached - weight[j]) < 0.1);
    }
    json_decref(saved);
    free(self);
}

/* --- half-space trees: the paper's, with its two masses, moved and cleared at every window's end
 * --- */

enum { TREES = 6, DEPTH = 5, WINDOW = 60, NODES = 2 << DEPTH };

struct plain_trees {
    int feature[TREES][NODES], reference[TREES][NODES], latest[TREES][NODES];
    float split[TREES][NODES];
    double minimum[FEATURES], maximum[FEATURES];
    int events;
};

static void plain_split(struct plain_trees *plain, struct random *random, int tree, int node,
                        const double *lower, const double *upper)
{
    if (node >= NODES / 2)
        return;
    double below[FEATURES], above[FEATURES];
    memcpy(below, upper, sizeof below);
    memcpy(above, lower, sizeof above);
    int feature = (int)random_below(random, FEATURES);
    below[feature] = above[feature] = (lower[feature] + upper[feature]) / 2;
    plain->feature[tree][node] = feature;
    plain->split[tree][node] = (float)below[feature];
    plain_split(plain, random, tree, 2 * node, lower, below);
    plain_split(plain, random, tree, 2 * node + 1, above, upper);
}

static void plain_start(struct plain_trees *plain, uint64_t seed)
{
    struct random random;
    memset(plain, 0, sizeof *plain);
    random_seed(&random, seed);
    for (int tree = 0; tree < TREES; tree++) {
        double lower[FEATURES], upper[FEATURES];
        for (int i = 0; i < FEATURES; i++) {
            double point = random_uniform(&random), reach = 2 * fmax(point, 1 - point);
            lower[i] = point - reach;
            upper[i] = point + reach;
        }
        plain_split(plain, &random, tree, 1, lower, upper);
    }
}

static double plain_density(struct plain_trees *plain, int tree, const float *at)
{
    double density = 0;
    bool open = true;
    for (int node = 1, level = 0; level <= DEPTH; level++) {
        if (open)
            density = plain->reference[tree][node] * pow(2, level) / WINDOW;
        open = open && plain->reference[tree][node] >= WINDOW / 10;
        plain->latest[tree][node]++;
        if (level < DEPTH)
            node = 2 * node + (at[plain->feature[tree][node]] >= plain->split[tree][node]);
    }
    return density;
}

static double plain_step(struct plain_trees *plain, const union value *feature)
{
    double sum = 0, score = 0;
    float at[FEATURES];
    for (int i = 0; i < FEATURES; i++) {
        double x = feature[i].number;
        if (plain->events < WINDOW) {
            plain->minimum[i] = plain->events ? fmin(plain->minimum[i], x) : x;
            plain->maximum[i] = plain->events ? fmax(plain->maximum[i], x) : x;
        }
        at[i] = (float)((x - plain->minimum[i]) * (1 / (plain->maximum[i] - plain->minimum[i])));
    }
    if (plain->events >= WINDOW) {
        for (int tree = 0; tree < TREES; tree++)
            sum += plain_density(plain, tree, at);
        score = plain->events >= 2 * WINDOW ? 1 / (1 + sum / TREES) : 0;
    }
    if (++plain->events % WINDOW == 0) {
        memcpy(plain->reference, plain->latest, sizeof plain->latest);
        memset(plain->latest, 0, sizeof plain->latest);
    }
    return score;
}

static void test_half_space_trees(void **unused)
{
    (void)unused;
    static struct plain_trees plain;
    const struct model_kind *kind = model_find("half_space_trees");
    for (uint64_t seed = 1; seed <= 10; seed++) {
        print_message("seed %d\n", (int)seed);
        void *self = fresh_model("half_space_trees", "{\"trees\": 6, \"depth\": 5, \"window\": 60}",
                                 &shape, seed);
        plain_start(&plain, seed);
        struct random random;
        random_seed(&random, seed + 100);
        for (int i = 0; i < EVENTS; i++) {
            union value feature[FEATURES];
            double label;
            draw(&random, i, feature, &label);
            struct example example = {feature, 0, MISSING, 1, NULL};
            double expected = plain_step(&plain, feature);
            double score = kind->learn(self, &example);
            if (fabs(score - expected) > 1e-12)
                fail_msg("event %d: %.17g where %.17g is right", i, score, expected);
        }
        free(self);
    }
}

/* A missing value is no stranger than the mean; one far outside is. */
static void test_missing_and_far(void **unused)
{
    (void)unused;
    const struct model_kind *kind = model_find("half_space_trees");
    void *self = fresh_model("half_space_trees", "{}", &shape, 1);
    struct random random;
    random_seed(&random, 1);
    union value feature[FEATURES];
    double label;
    for (int i = 0; i < 1000; i++) {
        draw(&random, 0, feature, &label);
        struct example example = {feature, 0, MISSING, 1, NULL};
        kind->learn(self, &example);
    }
    for (int i = 0; i < FEATURES; i++)
        feature[i].number = i + 1;
    struct example example = {feature, 0, MISSING, 1, NULL};
    double middle = kind->score(self, &example);
    feature[1].number = MISSING;
    double missing = kind->score(self, &example);
    feature[1].number = 1e6;
    double far = kind->score(self, &example);
    print_message("middle %.3f, missing %.3f, far %.3f\n", middle, missing, far);
    assert_true(fabs(missing - middle) < 0.05);
    assert_true(far > missing + 0.2);
    free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logistic),
        cmocka_unit_test(test_newton_is_near_batch),
        cmocka_unit_test(test_half_space_trees),
        cmocka_unit_test(test_missing_and_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
