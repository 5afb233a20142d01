/* Networks against their definition: slopes by finite differences, Adam by plain loops, groups of
 * features by what must be true of them. */
#include "base/random.h"
#include "models/correlation_groups.h"
#include "models/model.h"
#include "models/network.h"
#include "tests/unit/base_options.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { INPUTS = 5, OUTPUTS = 3 };

struct lesson {
    double input[INPUTS], target[OUTPUTS], weight;
};

static struct network *open_network(const struct network_plan *plan, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    struct network *self = calloc(1, network_size(plan));
    network_init(self, plan, &random);
    /* The outputs' weights begin at 0, where no slope comes through. */
    for (uint64_t i = 0; i < self->parameters; i++)
        self->cells[i] += 0.5 * (random_uniform(&random) - 0.5);
    return self;
}

static struct lesson draw(struct random *random)
{
    struct lesson example = {.weight = 0.5 + random_uniform(random)};
    for (int i = 0; i < INPUTS; i++)
        example.input[i] = 4 * random_uniform(random) - 2;
    for (int i = 0; i < OUTPUTS; i++)
        example.target[i] = random_uniform(random);
    return example;
}

static const double *forward(const struct network *self, const struct lesson *example,
                             double *values)
{
    memcpy(values, example->input, sizeof example->input);
    return network_forward(self, values);
}

static double loss(const struct network *self, const struct lesson *example)
{
    double values[NETWORK_ROW_MAX], sum = 0;
    const double *outputs = forward(self, example, values);
    for (int i = 0; i < OUTPUTS; i++)
        sum += pow(outputs[i] - example->target[i], 2) / 2;
    return example->weight * sum;
}

static void learn(struct network *self, const struct lesson *example)
{
    double values[NETWORK_ROW_MAX], slopes[OUTPUTS];
    const double *outputs = forward(self, example, values);
    for (int i = 0; i < OUTPUTS; i++)
        slopes[i] = example->weight * (outputs[i] - example->target[i]);
    network_learn(self, values, slopes);
}

/* The loss of a batch changes with a weight as fast as the slope says.  A weight whose change moves
 * a unit over its bend is passed over. */
static void check_slopes(enum network_bend bend, uint32_t batch, uint64_t seed)
{
    const struct network_plan plan = {.layers = 3,
                                      .width = {INPUTS, 9, 4, OUTPUTS},
                                      .batch = batch,
                                      .bend = bend,
                                      .learning_rate = 0.01};
    struct network *self = open_network(&plan, seed);
    struct network *before = malloc(network_size(&plan));
    memcpy(before, self, network_size(&plan));
    struct random random;
    random_seed(&random, seed + 100);
    struct lesson examples[8];
    for (uint32_t i = 0; i < batch; i++) {
        examples[i] = draw(&random);
        learn(self, &examples[i]);
    }
    const double *slope = self->cells + 3 * self->parameters;
    uint64_t compared = 0;
    for (uint64_t i = 0; i < self->parameters; i++) {
        double difference[3], step = 1e-5, kept = before->cells[i];
        for (int side = 0; side < 3; side++) {
            before->cells[i] = kept + (side - 1) * step;
            difference[side] = 0;
            for (uint32_t j = 0; j < batch; j++)
                difference[side] += loss(before, &examples[j]) / batch;
        }
        before->cells[i] = kept;
        double right = (difference[2] - difference[1]) / step;
        double left = (difference[1] - difference[0]) / step;
        if (fabs(right - left) > 1e-3)
            continue;
        assert_true(fabs((left + right) / 2 - slope[i]) < 1e-6);
        compared++;
    }
    assert_true(compared > self->parameters * 9 / 10);
    free(self);
    free(before);
}

static void test_slopes(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        print_message("seed %d\n", (int)seed);
        check_slopes(NETWORK_LOGISTIC, 1, seed);
        check_slopes(NETWORK_RELU, 1, seed);
        check_slopes(NETWORK_LOGISTIC, 8, seed);
        check_slopes(NETWORK_RELU, 5, seed);
    }
}

static void test_adam(void **unused)
{
    (void)unused;
    const struct network_plan plan = {.layers = 2,
                                      .width = {INPUTS, 6, OUTPUTS},
                                      .batch = 3,
                                      .bend = NETWORK_LOGISTIC,
                                      .learning_rate = 0.02};
    struct network *self = open_network(&plan, 5);
    uint64_t count = self->parameters;
    double *weight = malloc(count * sizeof *weight);
    double *m = calloc(count, sizeof *m), *v = calloc(count, sizeof *v);
    memcpy(weight, self->cells, count * sizeof *weight);
    struct random random;
    random_seed(&random, 6);
    for (int t = 1; t <= 200; t++) {
        for (uint32_t i = 0; i < plan.batch; i++) {
            assert_memory_equal(weight, self->cells, count * sizeof *weight);
            struct lesson example = draw(&random);
            learn(self, &example);
        }
        const double *g = self->cells + 3 * count;
        for (uint64_t i = 0; i < count; i++) {
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
            double fall = m[i] / (1 - pow(0.9, t)) / (sqrt(v[i] / (1 - pow(0.999, t))) + 1e-8);
            assert_true(fabs(weight[i] - 0.02 * fall - self->cells[i]) < 1e-9);
        }
        memcpy(weight, self->cells, count * sizeof *weight);
    }
    free(self);
    free(weight);
    free(m);
    free(v);
}

/* A weight counts as so many examples: slopes are sums of weight times slope. */
static void test_weight(void **unused)
{
    (void)unused;
    const struct network_plan plan = {.layers = 2,
                                      .width = {INPUTS, 6, OUTPUTS},
                                      .batch = 4,
                                      .bend = NETWORK_RELU,
                                      .learning_rate = 0.02};
    struct network *heavy = open_network(&plan, 7), *often = open_network(&plan, 7);
    struct random random;
    random_seed(&random, 8);
    struct lesson one = draw(&random), other = draw(&random);
    const double heavy_weights[] = {3, 1, 1e-300, 1e-300}, often_weights[] = {1, 1, 1, 1};
    for (int i = 0; i < 4; i++) {
        struct lesson example = i == 1 ? other : one;
        example.weight = heavy_weights[i];
        learn(heavy, &example);
        example.weight = often_weights[i];
        learn(often, &example);
    }
    for (uint64_t i = 0; i < heavy->parameters; i++) {
        double difference =
            heavy->cells[3 * heavy->parameters + i] - often->cells[3 * often->parameters + i];
        assert_true(fabs(difference) < 1e-12);
    }
    free(heavy);
    free(often);
}

/* Numbers that follow one of three hidden ones are found together, whatever their sign. */
static void test_groups(void **unused)
{
    (void)unused;
    enum { COUNT = 12, HIDDEN = 3 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_message("seed %d\n", (int)seed);
        struct random random;
        random_seed(&random, seed);
        double products[COUNT * COUNT] = {0};
        for (int event = 0; event < 500; event++) {
            double hidden[HIDDEN], value[COUNT];
            for (int i = 0; i < HIDDEN; i++)
                hidden[i] = 2 * random_uniform(&random) - 1;
            for (int i = 0; i < COUNT; i++)
                value[i] =
                    (i % 2 ? 1 : -1) * hidden[i % HIDDEN] + 0.3 * (random_uniform(&random) - 0.5);
            correlation_learn(products, COUNT, value);
        }
        uint64_t order[COUNT], start[COUNT + 1];
        assert_int_equal(correlation_groups(products, COUNT, 5, order, start), HIDDEN);
        for (int i = 0; i < HIDDEN; i++) {
            assert_int_equal(start[i + 1] - start[i], COUNT / HIDDEN);
            for (uint64_t j = start[i]; j < start[i + 1]; j++)
                assert_int_equal(order[j] % HIDDEN, order[start[i]] % HIDDEN);
        }
        /* A bound below the natural size: none larger, none lost. */
        uint64_t groups = correlation_groups(products, COUNT, 2, order, start), seen = 0;
        for (uint64_t i = 0; i < groups; i++)
            assert_true(start[i + 1] > start[i] && start[i + 1] - start[i] <= 2);
        for (int i = 0; i < COUNT; i++)
            seen |= 1ULL << order[i];
        assert_int_equal(seen, (1 << COUNT) - 1);
        assert_int_equal(start[groups], COUNT);
    }
}

/* Of three classes, each a side of the plane, the score is the right one. */
static void test_classes(void **unused)
{
    (void)unused;
    static const enum value_type types[] = {TYPE_NUMBER, TYPE_NUMBER};
    static const char *const names[] = {"a", "b"};
    const struct model_shape shape = {2, types, names, 3};
    const struct model_kind *kind = model_find("perceptron");
    void *options = options_of_json(kind->options, kind->option_size, "{\"layers\": \"16\"}");
    void *self = calloc(1, kind->state_size(options, &shape));
    kind->init(self, options, &shape, 1);
    struct random random;
    random_seed(&random, 2);
    int right = 0;
    enum { EXAMPLES = 4000, JUDGED = 1000 };
    for (int i = 0; i < EXAMPLES; i++) {
        double a = random_uniform(&random), b = random_uniform(&random);
        union value feature[] = {{a}, {b}};
        double label = a + b > 1.2 ? 2 : a > b ? 1 : 0;
        struct example example = {feature, 0, label, 1, NULL};
        double score = kind->learn(self, &example);
        assert_true(score == 0 || score == 1 || score == 2);
        right += i >= EXAMPLES - JUDGED && score == label;
    }
    print_message("%d of %d right\n", right, JUDGED);
    assert_true(right > JUDGED * 93 / 100);
    free(self);
    free(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slopes),  cmocka_unit_test(test_adam),
        cmocka_unit_test(test_weight),  cmocka_unit_test(test_groups),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
