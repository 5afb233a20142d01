/* Reasons of a detector that works alone: given as it was when it scored, learned right after. */
#include "base/random.h"
#include "models/models.h"
#include "tests/unit/base_options.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FEATURES = 3, SCORE = 3, COLUMNS = 4, EVENTS = 1000, FAR = 1 };

static const uint32_t feature_value[FEATURES] = {0, 1, 2};
static const enum value_type feature_type[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER};
static const char *const feature_name[FEATURES] = {"a", "b", "c"};
static const struct model_shape shape = {FEATURES, feature_type, feature_name, 2};

struct alone {
    struct model_setting model;
    struct models *models;
    struct state state;
    struct batch batch;
};

static void alone_open(struct alone *alone, const char *kind, const char *options)
{
    struct failure failure;
    struct state_layout layout;
    memset(alone, 0, sizeof *alone);
    alone->model = (struct model_setting){.name = "odd",
                                          .kind = model_find(kind),
                                          .feature_count = FEATURES,
                                          .feature = {0, 1, 2},
                                          .score_value = SCORE};
    assert_non_null(alone->model.kind);
    alone->model.options =
        options_of_json(alone->model.kind->options, alone->model.kind->option_size, options);
    const struct models_setting setting = {.seed = 1,
                                           .feature_count = FEATURES,
                                           .feature_value = feature_value,
                                           .feature_type = feature_type,
                                           .feature_name = feature_name,
                                           .model_count = 1,
                                           .model = &alone->model,
                                           .class_count = 2};
    alone->models = models_open(&setting);
    state_layout_init(&layout);
    models_declare(alone->models, &layout);
    assert_int_equal(state_open(&alone->state, &layout, &failure), STATUS_OK);
    models_start(alone->models, &alone->state);
    assert_int_equal(batch_open(&alone->batch, COLUMNS, 0, &failure), STATUS_OK);
    alone->batch.count = 1;
}

static void alone_close(struct alone *alone)
{
    models_close(alone->models);
    state_close(&alone->state);
    batch_close(&alone->batch);
    free((void *)(uintptr_t)alone->model.options);
}

static void draw(struct alone *alone, struct random *random)
{
    for (uint32_t i = 0; i < FEATURES; i++)
        batch_column(&alone->batch, i)[0].number = random_uniform(random) + random_uniform(random);
}

/* The model's row: the second region, after the races. */
static const void *row_of(const struct alone *alone)
{
    return state_read(&alone->state, 1, 0);
}

static void explain_alone(const char *kind, const char *options)
{
    struct alone alone;
    struct random random;
    union value features[FEATURES];
    double score;
    random_seed(&random, 5);
    alone_open(&alone, kind, options);
    uint64_t size = alone.model.kind->state_size(alone.model.options, &shape);
    uint8_t *plain = aligned_alloc(64, (size + 63) / 64 * 64);
    memcpy(plain, row_of(&alone), size);
    for (int i = 0; i <= EVENTS; i++) {
        draw(&alone, &random);
        if (i == EVENTS)
            batch_column(&alone.batch, FAR)[0].number = 9;
        models_score(alone.models, &alone.state, &alone.batch, 0, features, &score);
        struct reason reasons[REASONS_MAX];
        uint8_t count = models_explain(alone.models, &alone.state, features, 0, reasons);
        if (i == EVENTS) {
            assert_true(count > 0);
            assert_int_equal(reasons[0].feature, FAR);
            assert_true(reasons[0].contribution > 0);
        }
        models_learn_explained(alone.models, &alone.state, &alone.batch, 0, features);
        const struct example example = {features, 0, MISSING, 1, NULL};
        double told = alone.model.kind->learn(plain, &example);
        assert_memory_equal(&told, &score, sizeof score);
        assert_true(i % 100 || memcmp(plain, row_of(&alone), size) == 0);
    }
    free(plain);
    alone_close(&alone);
}

static void test_detectors_give_reasons(void **unused)
{
    (void)unused;
    explain_alone("gaussian", "{}");
    explain_alone("mahalanobis", "{}");
    explain_alone("quantile", "{}");
    explain_alone("random_cut_forest", "{\"trees\": 9, \"window\": 128}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_detectors_give_reasons)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
