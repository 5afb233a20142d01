/* What every kind of model promises (models/model.h), asked of each row of the table. */
#include "base/random.h"
#include "models/imbalance.h"
#include "models/model.h"
#include "tests/unit/base_options.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FEATURES = 5, CANARY = 256 };

/* Counts allocations; the sanitizer brings an allocator of its own, there nothing is counted. */
static uint64_t allocations;
#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
void *__libc_calloc(size_t count, size_t size);
void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}
#endif

static const enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_BOOLEAN, TYPE_TEXT,
                                                TYPE_ENUM};
static const char *const names[FEATURES] = {"amount", "count", "night", "card", "channel"};
static const struct model_shape shape = {FEATURES, types, names, 2};

/* A variant of a kind: options as the configuration would give them. */
struct variant {
    const char *kind, *options;
};

/* Judged on a time series instead of examples that stand for themselves. */
static bool is_of_series(const char *kind)
{
    static const char *const kinds[] = {"discord", "extremes", "seasonal_residual",
                                        "series_surprise"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

static const struct variant variants[] = {
    {"logistic_regression", "{\"optimizer\": \"sgd\", \"learning_rate\": 0.05}"},
    {"logistic_regression", "{\"optimizer\": \"adagrad\", \"learning_rate\": 0.1, \"l2\": 1e-4}"},
    {"logistic_regression", "{\"optimizer\": \"newton\", \"half_life\": 500}"},
    {"logistic_regression",
     "{\"optimizer\": \"sgd\", \"scaler\": \"none\", \"learning_rate\": 1e-4, "
     "\"intercept_rate\": 0.1, \"positive_weight\": 3}"},
    {"logistic_regression", "{\"optimizer\": \"ftrl\", \"learning_rate\": 0.5, \"l1\": 0.1, "
                            "\"keys\": \"hash\", \"buckets\": 512, \"beta\": 0.1}"},
    {"logistic_regression", "{\"optimizer\": \"adagrad\", \"keys\": \"hash\", \"buckets\": 512, "
                            "\"scaler\": \"robust\", \"learning_rate\": 0.1}"},
    {"logistic_regression", "{\"optimizer\": \"newton\", \"keys\": \"target\", "
                            "\"scaler\": \"quantile\", \"buckets\": 512}"},
    {"alma", "{}"},
    {"alma", "{\"keys\": \"hash\", \"buckets\": 4096, \"alpha\": 0.5}"},
    {"passive_aggressive", "{\"aggressiveness\": 0.1}"},
    {"passive_aggressive", "{\"mode\": \"pa2\", \"keys\": \"hash\", \"scaler\": \"robust\", "
                           "\"aggressiveness\": 0.1}"},
    {"passive_aggressive", "{\"mode\": \"pa\", \"scaler\": \"quantile\", \"keys\": \"refuse\"}"},
    {"factorization_machine", "{\"buckets\": 4096}"},
    {"factorization_machine",
     "{\"scaler\": \"minmax\", \"keys\": \"target\", \"l2\": 1e-4, \"learning_rate\": 0.05}"},
    {"naive_bayes", "{}"},
    {"naive_bayes", "{\"half_life\": 10, \"laplace\": 0.5, \"buckets\": 64}"},
    {"nearest_neighbours", "{}"},
    {"nearest_neighbours", "{\"window\": 77, \"neighbours\": 7, \"distance\": \"euclidean\", "
                           "\"vote\": \"uniform\", \"scaler\": \"standard\"}"},
    {"average", "{}"},
    {"average", "{\"combine\": \"odds\", \"weights\": \"2 1 0 0 0\"}"},
    {"average", "{\"combine\": \"max\", \"weights\": \"1 1 0 0 0\"}"},
    {"best_expert", "{}"},
    {"best_expert", "{\"loss\": \"absolute\", \"rate\": 0.5, \"share\": 0}"},
    {"conformal", "{}"},
    {"conformal", "{\"window\": 37}"},
    {"conformal_negatives", "{\"window\": 50}"},
    {"isotonic", "{}"},
    {"isotonic", "{\"bins\": 200, \"half_life\": 20}"},
    {"platt", "{}"},
    {"platt", "{\"half_life\": 200}"},
    {"half_space_trees", "{}"},
    {"half_space_trees", "{\"trees\": 7, \"depth\": 5, \"window\": 40}"},
    {"hoeffding_tree", "{\"memory\": \"128KiB\"}"},
    {"hoeffding_tree", "{\"grace_period\": 20, \"delta\": 0.1, \"memory\": \"64KiB\", "
                       "\"split_criterion\": \"gini\", \"leaf_prediction\": \"majority\"}"},
    {"hoeffding_tree", "{\"grace_period\": 50, \"split_criterion\": \"hellinger\", "
                       "\"leaf_prediction\": \"naive_bayes\", \"preprune\": true, "
                       "\"memory\": \"128KiB\"}"},
    {"hoeffding_adaptive_tree", "{\"memory\": \"128KiB\"}"},
    {"hoeffding_adaptive_tree", "{\"memory\": \"64KiB\", \"grace_period\": 20, \"delta\": 0.1, "
                                "\"drift_delta\": 0.2, \"drift_window\": 20, "
                                "\"bootstrap\": true}"},
    {"extremely_fast_decision_tree", "{\"memory\": \"64KiB\", \"grace_period\": 20, "
                                     "\"reevaluate\": 5, \"delta\": 0.1}"},
    {"adaptive_random_forest", "{\"memory\": \"256KiB\", \"trees\": 5, \"subspace\": 0}"},
    {"adaptive_random_forest", "{\"memory\": \"64KiB\", \"trees\": 6, \"warning_delta\": 0.5, "
                               "\"drift_delta\": 0.4, \"vote_half_life\": 0}"},
    {"leveraging_bagging", "{\"memory\": \"64KiB\", \"trees\": 5, \"drift_delta\": 0.4}"},
    {"streaming_random_patches", "{\"memory\": \"64KiB\", \"trees\": 8, \"subspace\": 3, "
                                 "\"warning_delta\": 0.5, \"drift_delta\": 0.3}"},
    {"gradient_boosting", "{\"trees\": 5, \"leaves\": 8}"},
    {"gradient_boosting", "{\"trees\": 3, \"leaves\": 5, \"feature_share\": 1, \"subsample\": 1, "
                          "\"significance\": 0.01, \"learning_rate\": 0.5}"},
    {"mondrian_forest", "{\"memory\": \"128KiB\"}"},
    {"mondrian_forest", "{\"trees\": 7, \"memory\": \"32KiB\", \"cuts\": \"always\", "
                        "\"scaler\": \"range\", \"step\": 0.5}"},
    {"mondrian_forest", "{\"trees\": 20, \"memory\": \"128KiB\", \"cuts\": \"outside\", "
                        "\"scaler\": \"none\", \"aggregation\": false}"},
    {"perceptron", "{\"layers\": \"16,8\", \"batch\": 1}"},
    {"perceptron", "{\"layers\": \"20\", \"batch\": 7, \"learning_rate\": 0.01}"},
    {"autoencoder", "{\"grace\": 100}"},
    {"autoencoder", "{\"grace\": 0, \"hidden\": 0.2, \"learning_rate\": 0.001}"},
    {"autoencoder_ensemble", "{\"grace\": 100}"},
    {"autoencoder_ensemble", "{\"grace\": 300, \"size\": 6, \"horizon\": 1000}"},
    {"gaussian", "{}"},
    {"gaussian", "{\"half_life\": 0, \"combine\": \"sum\"}"},
    {"loda", "{}"},
    {"loda", "{\"half_life\": 20}"},
    {"loda", "{\"half_life\": 0, \"projections\": 31}"},
    {"mahalanobis", "{}"},
    {"mahalanobis", "{\"half_life\": 500, \"robust\": false, \"renewal\": 1}"},
    {"online_isolation_forest", "{}"},
    {"online_isolation_forest", "{\"window\": 200, \"leaf\": 4, \"trees\": 50}"},
    {"quantile", "{}"},
    {"quantile", "{\"window\": 50, \"combine\": \"sum\"}"},
    {"random_cut_forest", "{\"trees\": 9, \"window\": 128}"},
    {"random_cut_forest", "{\"sample\": \"latest\", \"window\": 50, \"trees\": 21}"},
    {"random_cut_forest", "{\"horizon\": 0, \"window\": 50, \"trees\": 14}"},
    {"xstream", "{}"},
    {"xstream", "{\"projections\": 9, \"chains\": 40, \"window\": 100, \"cells\": 200}"},
    {"midas", "{\"buckets\": 40}"},
    {"midas", "{\"variant\": \"plain\", \"rows\": 1, \"buckets\": 50}"},
    {"midas", "{\"variant\": \"relational\", \"rows\": 3, \"factor\": 0.9}"},
    {"discord", "{\"length\": 3, \"history\": 400}"},
    {"discord", "{\"length\": 4, \"history\": 301, \"normalize\": true}"},
    {"extremes", "{\"calibration\": 400, \"level\": 0.9, \"peaks\": 30}"},
    {"extremes", "{\"drift\": 10, \"two_sided\": false, \"risk\": 0}"},
    {"seasonal_residual", "{\"season\": \"2h\", \"buckets\": 24}"},
    {"seasonal_residual", "{\"season\": \"1w\", \"seasonal_rate\": 0.5}"},
    {"series_surprise", "{\"season\": \"2h\", \"buckets\": 24, \"quiet\": 0}"},
    {"series_surprise",
     "{\"season\": \"2h\", \"shift\": \"30m\", \"short\": 1, \"long\": 5, \"history\": 40, "
     "\"remembered\": 150, \"quiet\": 5}"},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

/* Kinds around models take scores in [0, 1] for features. */
static bool takes_scores(const struct model_kind *kind)
{
    static const char *const kinds[] = {
        "average", "best_expert", "conformal", "conformal_negatives", "isotonic", "platt"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kind->name, kinds[i]) == 0)
            return true;
    return false;
}

struct subject {
    const struct model_kind *kind;
    bool series;
    int64_t taught;
    void *options;
    uint64_t size;
    uint8_t *room, *self; /* canary, self, canary */
};

static void subject_open(struct subject *subject, const struct variant *variant, uint64_t seed)
{
    subject->kind = model_find(variant->kind);
    subject->series = is_of_series(variant->kind);
    subject->taught = 0;
    assert_non_null(subject->kind);
    subject->options =
        options_of_json(subject->kind->options, subject->kind->option_size, variant->options);
    subject->size = subject->kind->state_size(subject->options, &shape);
    subject->room = aligned_alloc(64, (subject->size + 2 * CANARY + 63) / 64 * 64);
    memset(subject->room, 0xA5, subject->size + 2 * CANARY);
    subject->self = subject->room + CANARY;
    subject->kind->init(subject->self, subject->options, &shape, seed);
}

static void subject_close(struct subject *subject)
{
    for (int i = 0; i < CANARY; i++) {
        assert_int_equal(subject->room[i], 0xA5);
        assert_int_equal(subject->self[subject->size + (uint64_t)i], 0xA5);
    }
    free(subject->room);
    free(subject->options);
}

/* Two numbers tell the label, the rest is noise; positives are rare and lie far out. */
static void draw(const struct subject *subject, struct random *random, union value *feature,
                 double *label)
{
    *label = random_uniform(random) < 0.1;
    double shift = *label > 0 ? 3 : 0;
    for (int i = 0; i < FEATURES; i++)
        feature[i].number = random_uniform(random) + random_uniform(random);
    feature[0].number = 100 + 40 * (feature[0].number + shift);
    feature[1].number -= shift;
    feature[2].number = feature[2].number > 1;
    feature[3].key = random_bits(random);
    feature[4].number = (double)random_below(random, 4);
    if (takes_scores(subject->kind)) {
        feature[0].number /= 400;
        feature[1].number = 1 / (1 + exp(feature[1].number));
        feature[2].number = feature[4].number = 0.5;
    }
    if (random_below(random, 20) == 0)
        feature[random_below(random, 3)].number = MISSING;
}

/* A wave of 24 steps in one number with some noise; now and then a value far off it. */
static void draw_series(struct random *random, int64_t step, union value *feature, double *label)
{
    *label = random_uniform(random) < 0.02;
    double angle = (double)(step % 24) * 0.2617993877991494;
    memset(feature, 0, FEATURES * sizeof feature[0]);
    feature[0].number = 100 + 10 * sin(angle) + 0.5 * random_uniform(random);
    if (*label > 0)
        feature[0].number += 30 + 10 * random_uniform(random);
    else if (random_below(random, 50) == 0)
        feature[1].number = MISSING;
}

static double teach_labelled(struct subject *subject, struct random *random, double *label)
{
    union value feature[FEATURES];
    int64_t step = subject->taught++;
    if (subject->series)
        draw_series(random, step, feature, label);
    else
        draw(subject, random, feature, label);
    struct example example = {feature, subject->series ? step * 300000 : 0,
                              subject->kind->supervised ? *label : MISSING, 1, NULL};
    return subject->kind->learn(subject->self, &example);
}

static double teach(struct subject *subject, struct random *random)
{
    double label;
    return teach_labelled(subject, random, &label);
}

/* Members that stand beside a kind's options in the configuration. */
static bool is_taken(const char *name)
{
    bool taken = strcmp(name, "kind") == 0 || strcmp(name, "features") == 0;
    for (const struct option *option = imbalance_options; option->name; option++)
        taken = taken || strcmp(name, option->name) == 0;
    return taken;
}

static void test_table(void **unused)
{
    (void)unused;
    for (int i = 0; model_table[i]; i++) {
        const struct model_kind *kind = model_table[i];
        assert_ptr_equal(model_find(kind->name), kind);
        assert_true(kind->summary && kind->state_size && kind->init && kind->score && kind->learn);
        assert_true((kind->save == NULL) == (kind->load == NULL));
        bool tried = false;
        for (const struct option *option = kind->options; option && option->name; option++)
            assert_false(is_taken(option->name));
        for (int j = 0; j < VARIANTS; j++)
            tried = tried || strcmp(variants[j].kind, kind->name) == 0;
        assert_true(tried);
    }
    assert_null(model_find("no such model"));
}

static void test_extremes(void **unused)
{
    (void)unused;
    static const double extremes[] = {0,      -0.0,      NAN,        INFINITY, -INFINITY,
                                      1e308,  -1e308,    5e-324,     1e100,    -1e150,
                                      1e-300, 123456789, 1700000000, -1,       1};
    enum { EXTREMES = sizeof extremes / sizeof extremes[0] };
    for (int v = 0; v < VARIANTS; v++) {
        struct subject subject;
        struct random random;
        random_seed(&random, 3);
        subject_open(&subject, &variants[v], 1);
        for (int i = 0; i < 4000; i++) {
            union value feature[FEATURES];
            for (int j = 0; j < FEATURES; j++)
                feature[j].number = extremes[random_below(&random, EXTREMES)];
            struct example example = {feature, 0, (double)random_below(&random, 2), 1, NULL};
            double before = subject.kind->score(subject.self, &example);
            double score = subject.kind->learn(subject.self, &example);
            assert_true(isfinite(before) && before >= 0 && before <= 1);
            assert_true(isfinite(score) && score >= 0 && score <= 1);
        }
        for (uint64_t i = 0; subject.kind->save && i < 1; i++) {
            json_t *saved = subject.kind->save(subject.self, &shape);
            assert_non_null(saved);
            json_decref(saved);
        }
        subject_close(&subject);
    }
}

static void test_learn_returns_score(void **unused)
{
    (void)unused;
    for (int v = 0; v < VARIANTS; v++) {
        struct subject subject;
        struct random random;
        random_seed(&random, 4);
        subject_open(&subject, &variants[v], 2);
        for (int i = 0; i < 2000; i++) {
            union value feature[FEATURES];
            double label;
            draw(&subject, &random, feature, &label);
            struct example example = {feature, 0, label, 1, NULL};
            double score = subject.kind->score(subject.self, &example);
            double learned = subject.kind->learn(subject.self, &example);
            assert_memory_equal(&score, &learned, sizeof score);
        }
        subject_close(&subject);
    }
}

static void test_same_seed_same_bytes(void **unused)
{
    (void)unused;
    for (int v = 0; v < VARIANTS; v++) {
        struct subject first, second;
        struct random random[2];
        random_seed(&random[0], 5);
        random_seed(&random[1], 5);
        subject_open(&first, &variants[v], 7);
        subject_open(&second, &variants[v], 7);
        for (int i = 0; i < 1500; i++) {
            teach(&first, &random[0]);
            teach(&second, &random[1]);
        }
        assert_memory_equal(first.self, second.self, first.size);
        subject_close(&first);
        subject_close(&second);
    }
}

/* Its memory is all there is: a copy goes on as the original would. */
static void test_resume(void **unused)
{
    (void)unused;
    for (int v = 0; v < VARIANTS; v++) {
        struct subject whole, resumed;
        struct random random;
        random_seed(&random, 6);
        subject_open(&whole, &variants[v], 8);
        subject_open(&resumed, &variants[v], 99);
        for (int i = 0; i < 777; i++)
            teach(&whole, &random);
        memcpy(resumed.self, whole.self, whole.size);
        resumed.taught = whole.taught;
        struct random again = random;
        for (int i = 0; i < 777; i++) {
            double one = teach(&whole, &random), other = teach(&resumed, &again);
            assert_memory_equal(&one, &other, sizeof one);
        }
        assert_memory_equal(whole.self, resumed.self, whole.size);
        subject_close(&whole);
        subject_close(&resumed);
    }
}

/* Area under the ROC curve by counting pairs. */
static double area(const double *scores, const double *labels, int count)
{
    double won = 0, pairs = 0;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            if (labels[i] < 0.5 || labels[j] > 0.5)
                continue;
            pairs++;
            won += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
        }
    }
    return won / pairs;
}

/* Kinds that look at something else than the toy stream have a test of their own. */
static bool suits(const struct subject *subject)
{
    struct failure failure;
    return !subject->kind->check ||
           subject->kind->check(subject->options, &shape, &failure) == STATUS_OK;
}

static void test_learns(void **unused)
{
    (void)unused;
    enum { LEARNED = 3000, JUDGED = 1000 };
    static double scores[JUDGED], labels[JUDGED];
    for (int v = 0; v < VARIANTS; v++) {
        /* One outlier has the form of every other, whatever its height: nothing new after the
         * first, for a detector that looks at forms alone. */
        if (strcmp(variants[v].kind, "discord") == 0 && strstr(variants[v].options, "normalize"))
            continue;
        struct subject subject;
        struct random random;
        random_seed(&random, 9);
        subject_open(&subject, &variants[v], 10);
        for (int i = 0; i < LEARNED; i++)
            teach(&subject, &random);
        for (int i = 0; i < JUDGED; i++) {
            union value feature[FEATURES];
            if (subject.series) {
                scores[i] = teach_labelled(&subject, &random, &labels[i]);
                continue;
            }
            draw(&subject, &random, feature, &labels[i]);
            struct example example = {feature, 0, MISSING, 1, NULL};
            scores[i] = subject.kind->score(subject.self, &example);
        }
        double reached = area(scores, labels, JUDGED);
        print_message("%s %s: area %.4f\n", variants[v].kind, variants[v].options, reached);
        assert_true(!suits(&subject) || reached > (subject.kind->supervised ? 0.95 : 0.9));
        subject_close(&subject);
    }
}

static void test_allocates_nothing(void **unused)
{
    (void)unused;
    for (int v = 0; v < VARIANTS; v++) {
        struct subject subject;
        struct random random;
        random_seed(&random, 11);
        subject_open(&subject, &variants[v], 12);
        uint64_t before = allocations;
        for (int i = 0; i < 1000; i++)
            teach(&subject, &random);
        assert_int_equal(allocations, before);
        subject_close(&subject);
    }
}

/* Told of in one learning step: a byte of the model, or not. */
static uint8_t *told;

static void note_told(void *self, uint64_t offset, uint64_t size)
{
    (void)self;
    assert_true(size > 0);
    memset(told + offset, 1, size);
}

/* A scattered kind changes nothing that it has not told of: the snapshot would miss it. */
static void test_scattered_tells(void **unused)
{
    (void)unused;
    for (int v = 0; v < VARIANTS; v++) {
        struct subject subject;
        struct random random;
        random_seed(&random, 14);
        subject_open(&subject, &variants[v], 15);
        struct state_watcher watcher = {note_told, NULL};
        struct state state = {.bytes = subject.self, .size = subject.size, .watcher = &watcher};
        uint8_t *before = malloc(subject.size);
        told = malloc(subject.size);
        assert_true(before && told);
        for (int i = 0; subject.kind->scattered && i < 2000; i++) {
            union value feature[FEATURES];
            double label;
            draw(&subject, &random, feature, &label);
            struct example example = {feature, 0, label, 1, &state};
            memcpy(before, subject.self, subject.size);
            memset(told, 0, subject.size);
            subject.kind->learn(subject.self, &example);
            uint64_t untold = 0;
            for (uint64_t j = 0; j < subject.size; j++)
                untold += !told[j] && before[j] != subject.self[j];
            assert_int_equal(untold, 0);
        }
        free(before);
        free(told);
        subject_close(&subject);
    }
}

/* Whether how far a first label moves it is told by more than its weight. */
static bool leaps(const struct variant *variant)
{
    static const char *const signs[] = {"none", "\"pa\"", "factorization", "neighbours"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strstr(variant->options, signs[i]) || strstr(variant->kind, signs[i]))
            return true;
    }
    return false;
}

/* Adagrad's and Adam's first steps are as long whatever the slope is (their tests of definition
 * have weights too). */
static bool has_free_scale(const struct variant *variant)
{
    return strstr(variant->options, "adagrad") || strcmp(variant->kind, "perceptron") == 0;
}

/* Leaves that answer with the shares of weights: one example alone is a certainty, whatever it
 * weighs. */
static bool answers_shares(const struct variant *variant)
{
    static const char *const kinds[] = {"hoeffding_tree",         "hoeffding_adaptive_tree",
                                        "leveraging_bagging",     "extremely_fast_decision_tree",
                                        "adaptive_random_forest", "streaming_random_patches"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(variant->kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

/* Weight 2 moves a fresh learner about twice as far; exactly so only for sgd. */
static void test_weight(void **unused)
{
    (void)unused;
    for (int v = 0; v < VARIANTS; v++) {
        struct subject once, twice;
        subject_open(&once, &variants[v], 13);
        subject_open(&twice, &variants[v], 13);
        bool counts = strcmp(variants[v].kind, "conformal_negatives") == 0; /* or does not */
        if (once.kind->supervised && !has_free_scale(&variants[v]) && !counts &&
            !answers_shares(&variants[v])) {
            union value feature[FEATURES] = {{100}, {1}, {1}, {.key = 5}, {2}};
            if (takes_scores(once.kind))
                feature[0].number = feature[1].number = 0.4;
            struct example example = {feature, 0, 1, 0.01, NULL};
            double start = once.kind->score(once.self, &example);
            once.kind->learn(once.self, &example);
            example.weight = 0.02;
            twice.kind->learn(twice.self, &example);
            double one = once.kind->score(once.self, &example) - start;
            double two = twice.kind->score(twice.self, &example) - start;
            print_message("%s: %.3g, %.3g\n", variants[v].options, one, two);
            assert_true(one > 0);
            assert_true(leaps(&variants[v]) || (two > 1.8 * one && two < 2.2 * one));
        }
        subject_close(&once);
        subject_close(&twice);
    }
}

/* Of two examples that contradict each other the heavier one wins. */
static void test_heavier_wins(void **unused)
{
    (void)unused;
    for (int v = 0; v < VARIANTS; v++) {
        for (int heavier = 0; heavier < 2; heavier++) {
            struct subject subject;
            subject_open(&subject, &variants[v], 16);
            union value feature[FEATURES] = {{100}, {1}, {1}, {.key = 5}, {2}};
            struct example example = {feature, 0, 0, 1, NULL};
            bool asked = answers_shares(&variants[v]);
            for (int i = 0; asked && i < 40; i++) {
                example.label = i % 2;
                example.weight = i % 2 == heavier ? 3 : 1;
                subject.kind->learn(subject.self, &example);
            }
            if (asked)
                assert_int_equal(subject.kind->score(subject.self, &example) > 0.5, heavier);
            subject_close(&subject);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_learn_returns_score),
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_allocates_nothing),
        cmocka_unit_test(test_scattered_tells),
        cmocka_unit_test(test_weight),
        cmocka_unit_test(test_heavier_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
