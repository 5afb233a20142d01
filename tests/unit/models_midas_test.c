/* MIDAS as a model: what it looks at, how it scores, that it finds a burst and resumes in the
 * middle of one.  The sketches have a property test of their own. */
#include "base/edge_burst.h"
#include "base/random.h"
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

extern const struct model_kind midas_model;

static const enum value_type types[3] = {TYPE_TEXT, TYPE_TEXT, TYPE_TEXT};
static const enum value_type mixed[2] = {TYPE_TEXT, TYPE_NUMBER};
static const char *const names[3] = {"source", "destination", "third"};
static const struct model_shape shape = {2, types, names, 2};

struct midas_under_test {
    void *options, *self;
    uint64_t size;
};

static struct midas_under_test model_open(const char *options)
{
    struct midas_under_test model;
    model.options = options_of_json(midas_model.options, midas_model.option_size, options);
    model.size = midas_model.state_size(model.options, &shape);
    model.self = aligned_alloc(64, (model.size + 63) / 64 * 64);
    assert_non_null(model.self);
    midas_model.init(model.self, model.options, &shape, 1);
    return model;
}

static void model_close(struct midas_under_test *model)
{
    free(model->options);
    free(model->self);
}

static double learn(const struct midas_under_test *model, uint64_t source, uint64_t destination,
                    int64_t time_ms)
{
    union value feature[2] = {{.key = source}, {.key = destination}};
    struct example example = {feature, time_ms, MISSING, 1, NULL};
    return midas_model.learn(model->self, &example);
}

static void test_check(void **unused)
{
    (void)unused;
    struct failure failure;
    struct midas_under_test model = model_open("{}");
    assert_int_equal(midas_model.check(model.options, &shape, &failure), STATUS_OK);
    const struct model_shape wrong[] = {
        {1, types, names, 2}, {3, types, names, 2}, {2, mixed, names, 2}};
    for (int i = 0; i < 3; i++)
        assert_int_equal(midas_model.check(model.options, &wrong[i], &failure), STATUS_STOP);
    model_close(&model);
}

/* Noise between a hundred nodes, and one pair that comes a hundred times in minutes 30 and 31. */
static double burst_area(const struct midas_under_test *model)
{
    struct random random;
    random_seed(&random, 7);
    double noise[20000], burst[400], won = 0;
    int noises = 0, bursts = 0;
    for (int64_t minute = 0; minute < 40; minute++) {
        for (int i = 0; i < 400; i++) {
            bool planted = minute / 2 == 15 && i % 4 == 0;
            uint64_t source = planted ? 777 : 1000 + random_below(&random, 100);
            uint64_t destination = planted ? 1007 : 1000 + random_below(&random, 100);
            double score = learn(model, source * 0x9E3779B97F4A7C15ULL,
                                 destination * 0xD6E8FEB86659FD93ULL, minute * 60000 + i * 100);
            assert_true(score >= 0 && score < 1);
            if (planted)
                burst[bursts++] = score;
            else
                noise[noises++] = score;
        }
    }
    for (int i = 0; i < bursts; i++)
        for (int j = 0; j < noises; j++)
            won += burst[i] > noise[j] ? 1 : burst[i] == noise[j] ? 0.5 : 0;
    return won / bursts / noises;
}

static void test_finds_a_burst(void **unused)
{
    (void)unused;
    static const char *const options[] = {"{\"variant\": \"plain\"}",
                                          "{\"variant\": \"relational\"}",
                                          "{\"variant\": \"filtered\", \"threshold\": 100}"};
    for (int i = 0; i < 3; i++) {
        struct midas_under_test model = model_open(options[i]);
        double area = burst_area(&model);
        print_message("%s: area %.4f\n", options[i], area);
        assert_true(area > 0.95);
        model_close(&model);
    }
}

/* x / (x + threshold), of the sketches that the options ask for. */
static void test_score(void **unused)
{
    (void)unused;
    struct midas_under_test model = model_open(
        "{\"variant\": \"relational\", \"rows\": 3, \"buckets\": 100, \"tick\": \"10s\", "
        "\"factor\": 0.25, \"threshold\": 40}");
    struct edge_burst_setting setting = {EDGE_BURST_RELATIONAL, 3, 100, 10000, 0.25, 40, false, 0};
    struct edge_burst *burst = malloc(edge_burst_size(&setting));
    assert_non_null(burst);
    edge_burst_init(burst, &setting, 1);
    for (int64_t i = 0; i < 1000; i++) {
        struct graph_edge edge = {1 + (uint64_t)i % 5, 1 + (uint64_t)i % 3, i * 300, 1};
        double x = edge_burst_count(burst, &edge, NULL);
        double score = learn(&model, edge.source, edge.destination, edge.time_ms);
        assert_true(score == x / (x + 40));
    }
    free(burst);
    model_close(&model);
}

static void test_resumes(void **unused)
{
    (void)unused;
    struct random random;
    random_seed(&random, 8);
    struct midas_under_test whole = model_open("{}"), resumed = model_open("{}");
    for (int64_t i = 0; i < 20000; i++) {
        uint64_t source = 1 + random_below(&random, 50), destination = 1 + random_below(&random, 9);
        int64_t time_ms = i * 997 - (int64_t)random_below(&random, 300000);
        if (i % 1999 == 0)
            memcpy(resumed.self, whole.self, whole.size);
        double one = learn(&whole, source, destination, time_ms);
        double other = learn(&resumed, source, destination, time_ms);
        assert_memory_equal(&one, &other, sizeof one);
    }
    assert_memory_equal(whole.self, resumed.self, whole.size);
    model_close(&whole);
    model_close(&resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_finds_a_burst),
        cmocka_unit_test(test_score),
        cmocka_unit_test(test_resumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
