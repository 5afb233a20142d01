/* The pipeline's models from outside: scoring into a batch, learning, and the race between champion
 * and challenger through promotion, rejection, failure and controls that come too late. */
#include "base/random.h"
#include "models/model_file.h"
#include "models/models.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Columns: three features, two scores. */
enum { FEATURES = 3, FRAUD = 0, ODD = 1, COLUMNS = 5, COMPARE = 200, COOLDOWN = 300 };

static const uint32_t feature_value[FEATURES] = {2, 0, 1};
static const enum value_type feature_type[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER};
static const char *const feature_name[FEATURES] = {"a", "b", "c"};

struct bench {
    struct models *models;
    struct state state;
    struct batch batch;
    struct random random;
    void *learner_options, *detector_options;
};

/* The learner sees features c and a (in this order), the detector all. */
static struct models *open_models(struct bench *bench)
{
    const struct model_kind *learner = model_find("logistic_regression");
    const struct model_kind *detector = model_find("half_space_trees");
    bench->learner_options = calloc(1, learner->option_size);
    bench->detector_options = calloc(1, detector->option_size);
    options_default(learner->options, bench->learner_options);
    options_default(detector->options, bench->detector_options);
    struct model_setting model[2] = {
        {.name = "fraud",
         .kind = learner,
         .options = bench->learner_options,
         .feature_count = 2,
         .feature = {2, 0},
         .score_value = 3,
         .retrained = true},
        {.name = "odd",
         .kind = detector,
         .options = bench->detector_options,
         .feature_count = 3,
         .feature = {0, 1, 2},
         .score_value = 4},
    };
    struct models_setting setting = {.seed = 1,
                                     .feature_count = FEATURES,
                                     .feature_value = feature_value,
                                     .feature_type = feature_type,
                                     .feature_name = feature_name,
                                     .model_count = 2,
                                     .model = model,
                                     .race = {COMPARE, 0.05, COOLDOWN}};
    return models_open(&setting);
}

static void bench_open(struct bench *bench)
{
    struct failure failure;
    struct state_layout layout;
    memset(bench, 0, sizeof *bench);
    random_seed(&bench->random, 2);
    bench->models = open_models(bench);
    state_layout_init(&layout);
    models_declare(bench->models, &layout);
    assert_int_equal(state_open(&bench->state, &layout, &failure), STATUS_OK);
    models_start(bench->models, &bench->state);
    assert_int_equal(batch_open(&bench->batch, COLUMNS, 0, &failure), STATUS_OK);
    bench->batch.count = 1;
}

static void bench_close(struct bench *bench)
{
    models_close(bench->models);
    state_close(&bench->state);
    batch_close(&bench->batch);
    free(bench->learner_options);
    free(bench->detector_options);
}

static void draw(struct bench *bench, double *label)
{
    *label = random_uniform(&bench->random) < 0.3;
    for (uint32_t i = 0; i < FEATURES; i++)
        batch_column(&bench->batch, i)[0].number = random_uniform(&bench->random);
    batch_column(&bench->batch, 2)[0].number += *label; /* feature a */
}

static void score_one(struct bench *bench, double *label, union value *features, double *scores)
{
    draw(bench, label);
    models_score(bench->models, &bench->state, &bench->batch, 0, features, scores);
}

static void learn(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++) {
        double label, scores[3];
        union value features[FEATURES];
        score_one(bench, &label, features, scores);
        struct example example = {features, 0, label, 1, NULL};
        models_learn(bench->models, &bench->state, &example);
    }
}

/* A model file with the given weights of c and a over features as they are. */
static json_t *model_file(double c, double a, double intercept, uint64_t training)
{
    static const enum value_type types[2] = {TYPE_NUMBER, TYPE_NUMBER};
    static const char *const names[2] = {"c", "a"};
    struct model_shape shape = {2, types, names, 2};
    json_t *parameters = json_pack("{s:i, s:f, s:[f,f], s:[f,f], s:[f,f], s:[f,f]}", "examples",
                                   1000000, "intercept", intercept, "weights", c, a, "means", 0.5,
                                   0.5, "variances", 1.0, 1.0, "counts", 1e6, 1e6);
    assert_non_null(parameters);
    return model_file_make(model_find("logistic_regression"), "fraud", training, &shape,
                           parameters);
}

static const struct model_event *last_event(const struct bench *bench)
{
    assert_true(bench->batch.event_count > 0);
    return &bench->batch.events[bench->batch.event_count - 1];
}

static void answer(struct bench *bench, enum control_kind kind, uint64_t training, json_t *file)
{
    struct control control = {kind, FRAUD, training, file, "the trainer gave up"};
    batch_clear(&bench->batch);
    models_control(bench->models, &bench->state, &control, &bench->batch, 0);
    assert_int_equal(bench->batch.event_count, 1);
    json_decref(file);
}

static void expect_wish(const struct bench *bench, enum wish_kind kind, uint64_t training)
{
    struct wish wish = models_wish(bench->models, &bench->state);
    assert_int_equal(wish.kind, kind);
    if (kind != WISH_NONE) {
        assert_int_equal(wish.model, FRAUD);
        assert_int_equal(wish.training, training);
    }
}

static bool want(struct bench *bench)
{
    return models_want_training(bench->models, &bench->state, FRAUD, "drift of the error",
                                &bench->batch, 0);
}

static struct slot_report report_of(const struct bench *bench, enum model_slot slot)
{
    struct slot_report report;
    models_report(bench->models, &bench->state, FRAUD, slot, &report);
    return report;
}

static void expect_text(const struct bench *bench, enum model_event_kind kind, const char *words)
{
    const struct model_event *event = last_event(bench);
    assert_int_equal(event->kind, kind);
    assert_string_equal(event->model, "fraud");
    if (!strstr(event->detail, words))
        fail_msg("`%s` does not say `%s`", event->detail, words);
}

static void test_scores(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench);
    assert_int_equal(models_score_count(bench.models), 3);
    learn(&bench, 600);
    double label, scores[3];
    union value features[FEATURES];
    score_one(&bench, &label, features, scores);
    /* Gathered in the order of the model features, not of the columns. */
    for (uint32_t i = 0; i < FEATURES; i++)
        assert_true(features[i].number == batch_column(&bench.batch, feature_value[i])[0].number);
    assert_true(batch_column(&bench.batch, 3)[0].number == scores[FRAUD]);
    assert_true(batch_column(&bench.batch, 4)[0].number == scores[ODD]);
    assert_true(scores[2] != scores[2]);
    assert_true(scores[FRAUD] > 0 && scores[FRAUD] < 1 && scores[ODD] > 0 && scores[ODD] < 1);
    struct reason reasons[REASONS_MAX];
    features[0].number = 1.9;
    assert_int_equal(models_explain(bench.models, &bench.state, features, 0, reasons), 2);
    assert_int_equal(reasons[0].feature, 0);
    assert_true(reasons[0].contribution > 1);
    assert_true(fabs(reasons[0].contribution) >= fabs(reasons[1].contribution));
    assert_int_equal(reasons[1].feature, 2);
    bench_close(&bench);
}

/* A far better model wins, decides from then on, and the old one is judged on. */
static void test_promotion(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench);
    expect_wish(&bench, WISH_NONE, 0);
    assert_true(want(&bench));
    expect_text(&bench, MODEL_EVENT_TRAINING, "training 1: drift of the error");
    assert_false(want(&bench));
    expect_wish(&bench, WISH_TRAINING, 1);
    answer(&bench, CONTROL_MODEL, 1, model_file(0, 12, -7, 1));
    expect_text(&bench, MODEL_EVENT_CHALLENGER, "training 1");
    expect_wish(&bench, WISH_NONE, 0);
    double label, scores[3];
    union value features[FEATURES];
    score_one(&bench, &label, features, scores);
    assert_true(!isnan(scores[2]));
    learn(&bench, COMPARE - 1);
    expect_wish(&bench, WISH_NONE, 0);
    learn(&bench, 1);
    expect_wish(&bench, WISH_PROMOTION, 1);
    struct slot_report before = report_of(&bench, SLOT_CHALLENGER);
    assert_int_equal(before.race_labels, COMPARE);
    assert_true(before.race_loss[1] < before.race_loss[0]);
    learn(&bench, 10);
    assert_int_equal(report_of(&bench, SLOT_CHALLENGER).race_labels, COMPARE);
    /* The scores of champion and challenger change places, to the bit. */
    score_one(&bench, &label, features, scores);
    double challenger = scores[2];
    struct batch *batch = &bench.batch;
    answer(&bench, CONTROL_PROMOTE, 1, NULL);
    char words[64];
    snprintf(words, sizeof words, "log loss %.4f against %.4f over %d labels", before.race_loss[1],
             before.race_loss[0], COMPARE);
    expect_text(&bench, MODEL_EVENT_PROMOTED, words);
    models_score(bench.models, &bench.state, batch, 0, features, scores);
    assert_true(scores[FRAUD] == challenger);
    assert_true(scores[2] != scores[2]);
    expect_wish(&bench, WISH_NONE, 0);
    learn(&bench, 50);
    struct slot_report previous = report_of(&bench, SLOT_PREVIOUS);
    assert_true(previous.present);
    assert_int_equal(previous.race_labels, 50);
    assert_true(previous.race_loss[0] < previous.race_loss[1]);
    assert_int_equal(previous.promotions, 1);
    assert_int_equal(report_of(&bench, SLOT_CHAMPION).labels, 50);
    bench_close(&bench);
}

/* After a promotion the next challenger gets a row of its own again, twice round. */
static void test_races_in_a_row(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench);
    for (uint64_t training = 1; training <= 4; training++) {
        assert_true(want(&bench));
        double label, before[3], after[3];
        union value features[FEATURES];
        score_one(&bench, &label, features, before);
        double strength = (double)training;
        answer(&bench, CONTROL_MODEL, training, model_file(0, strength, -2 * strength, training));
        models_score(bench.models, &bench.state, &bench.batch, 0, features, after);
        assert_true(after[FRAUD] == before[FRAUD]);
        double odds = strength * (features[0].number - 0.5) - 2 * strength;
        assert_true(fabs(after[2] - 1 / (1 + exp(-odds))) < 1e-12);
        answer(&bench, CONTROL_PROMOTE, training, NULL);
        learn(&bench, COOLDOWN);
    }
    assert_int_equal(report_of(&bench, SLOT_CHAMPION).promotions, 4);
    bench_close(&bench);
}

static void test_rejection_and_cooldown(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench);
    learn(&bench, 500);
    assert_true(want(&bench));
    answer(&bench, CONTROL_MODEL, 1, model_file(0, -5, 0, 1));
    assert_false(want(&bench)); /* a race runs */
    double label, scores[3];
    union value features[FEATURES];
    learn(&bench, COMPARE);
    expect_wish(&bench, WISH_REJECTION, 1);
    score_one(&bench, &label, features, scores);
    double champion = scores[FRAUD];
    answer(&bench, CONTROL_REJECT, 1, NULL);
    expect_text(&bench, MODEL_EVENT_REJECTED, "over 200 labels");
    models_score(bench.models, &bench.state, &bench.batch, 0, features, scores);
    assert_true(scores[FRAUD] == champion);
    assert_false(report_of(&bench, SLOT_CHALLENGER).present);
    assert_false(report_of(&bench, SLOT_PREVIOUS).present);
    assert_false(want(&bench)); /* too recent */
    learn(&bench, COOLDOWN - COMPARE - 1);
    assert_false(want(&bench));
    learn(&bench, 1);
    assert_true(want(&bench));
    expect_wish(&bench, WISH_TRAINING, 2);
    bench_close(&bench);
}

/* One of equal skill does not win by luck alone: the margin. */
static void test_equal_is_rejected(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench);
    learn(&bench, 300);
    const struct model_kind *kind = model_find("logistic_regression");
    static const enum value_type types[2] = {TYPE_NUMBER, TYPE_NUMBER};
    static const char *const names[2] = {"c", "a"};
    struct model_shape shape = {2, types, names, 2};
    uint32_t region = 1; /* the first model's */
    json_t *parameters = kind->save(state_read(&bench.state, region, 0), &shape);
    assert_true(want(&bench));
    answer(&bench, CONTROL_MODEL, 1, model_file_make(kind, "fraud", 1, &shape, parameters));
    expect_text(&bench, MODEL_EVENT_CHALLENGER, "training 1");
    learn(&bench, COMPARE);
    expect_wish(&bench, WISH_REJECTION, 1);
    struct slot_report report = report_of(&bench, SLOT_CHALLENGER);
    assert_true(report.race_loss[0] == report.race_loss[1]);
    bench_close(&bench);
}

static void test_failures_and_stale(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_open(&bench);
    learn(&bench, 20);
    uint64_t hash = state_hash(&bench.state);
    answer(&bench, CONTROL_PROMOTE, 0, NULL);
    expect_text(&bench, MODEL_EVENT_FAILED, "promotion came late");
    answer(&bench, CONTROL_MODEL, 1, model_file(1, 1, 1, 1));
    expect_text(&bench, MODEL_EVENT_FAILED, "model came late");
    assert_int_equal(report_of(&bench, SLOT_CHAMPION).stale, 2);
    assert_true(state_hash(&bench.state) != hash); /* counted */
    assert_true(want(&bench));
    answer(&bench, CONTROL_FAILED, 1, NULL);
    expect_text(&bench, MODEL_EVENT_FAILED, "training 1: the trainer gave up");
    expect_wish(&bench, WISH_NONE, 0);
    learn(&bench, COOLDOWN);
    assert_true(want(&bench));
    answer(&bench, CONTROL_MODEL, 1, model_file(1, 1, 1, 1)); /* of the training before */
    expect_text(&bench, MODEL_EVENT_FAILED, "came late");
    expect_wish(&bench, WISH_TRAINING, 2);
    answer(&bench, CONTROL_MODEL, 2, json_pack("{s:s}", "format", "poem"));
    expect_text(&bench, MODEL_EVENT_FAILED, "not a model file");
    expect_wish(&bench, WISH_NONE, 0);
    assert_false(report_of(&bench, SLOT_CHALLENGER).present);
    learn(&bench, COOLDOWN);
    assert_true(want(&bench));
    answer(&bench, CONTROL_MODEL, 3, NULL);
    expect_text(&bench, MODEL_EVENT_FAILED, "no model file");
    struct control lost = {CONTROL_REJECT, 77, 1, NULL, NULL};
    models_control(bench.models, &bench.state, &lost, &bench.batch, 0);
    assert_non_null(strstr(last_event(&bench)->detail, "model 77"));
    assert_false(models_want_training(bench.models, &bench.state, ODD, "x", &bench.batch, 0));
    bench_close(&bench);
}

/* The same records, one through a copy of the state half way: the same bytes. */
static void test_resume(void **unused)
{
    (void)unused;
    struct bench whole, resumed;
    bench_open(&whole);
    bench_open(&resumed);
    learn(&whole, 400);
    want(&whole);
    answer(&whole, CONTROL_MODEL, 1, model_file(0, 12, -7, 1));
    learn(&whole, 100);
    memcpy(resumed.state.bytes, whole.state.bytes, whole.state.size);
    resumed.random = whole.random;
    learn(&whole, 150);
    learn(&resumed, 150);
    answer(&whole, CONTROL_PROMOTE, 1, NULL);
    answer(&resumed, CONTROL_PROMOTE, 1, NULL);
    learn(&whole, 150);
    learn(&resumed, 150);
    assert_int_equal(state_hash(&whole.state), state_hash(&resumed.state));
    assert_memory_equal(whole.state.bytes, resumed.state.bytes, whole.state.size);
    bench_close(&whole);
    bench_close(&resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_promotion),
        cmocka_unit_test(test_races_in_a_row),
        cmocka_unit_test(test_rejection_and_cooldown),
        cmocka_unit_test(test_equal_is_rejected),
        cmocka_unit_test(test_failures_and_stale),
        cmocka_unit_test(test_resume),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
