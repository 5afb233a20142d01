/* What a score and a learning step of each model cost: one JSON line a case, nanoseconds an event.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "base/random.h"
#include "models/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 24, EVENTS = 4096, ROUNDS = 50 };

struct bench_case {
    const char *name, *kind, *options;
    bool score; /* else learn */
};

static const struct bench_case cases[] = {
    {"logistic score", "logistic_regression", "{}", true},
    {"logistic learn sgd", "logistic_regression", "{\"optimizer\":\"sgd\"}", false},
    {"logistic learn adagrad", "logistic_regression", "{\"optimizer\":\"adagrad\"}", false},
    {"logistic learn newton", "logistic_regression", "{\"optimizer\":\"newton\"}", false},
    {"half-space trees 10 x 8 learn", "half_space_trees", "{\"trees\":10,\"depth\":8}", false},
    {"half-space trees 25 x 10 learn", "half_space_trees", "{}", false},
    {"half-space trees 25 x 15 learn", "half_space_trees", "{\"depth\":15}", false},
};

static union value features[EVENTS][FEATURES];

static void fill_features(void)
{
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < EVENTS; i++) {
        for (int j = 0; j < FEATURES; j++)
            features[i][j].number = random_uniform(&random) + random_uniform(&random);
    }
}

static double run_case(const struct model_kind *kind, void *self, bool score, double *sum)
{
    uint64_t best = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_monotonic_ns(&system_clock);
        for (int i = 0; i < EVENTS; i++) {
            double label = features[i][0].number > 1.5;
            struct example example = {.feature = features[i], .label = label, .weight = 1};
            *sum += score ? kind->score(self, &example) : kind->learn(self, &example);
        }
        uint64_t taken = clock_monotonic_ns(&system_clock) - start;
        best = taken < best ? taken : best;
    }
    return (double)best / EVENTS;
}

static void bench(const struct bench_case *which)
{
    const struct model_kind *kind = model_find(which->kind);
    enum value_type types[FEATURES] = {TYPE_NUMBER};
    const char *names[FEATURES];
    for (int i = 0; i < FEATURES; i++)
        names[i] = "feature";
    struct model_shape shape = {FEATURES, types, names, 2};
    void *options = calloc(1, kind->option_size);
    struct findings findings = {0};
    json_t *given = json_loads(which->options, 0, NULL);
    options_read(kind->options, given, "bench", NULL, options, &findings);
    ASSERT(findings.count == 0);
    uint64_t size = kind->state_size(options, &shape);
    void *self = aligned_alloc(64, (size + 63) / 64 * 64);
    ASSERT(self);
    kind->init(self, options, &shape, 1);
    double sum = 0, ns = run_case(kind, self, which->score, &sum);
    printf("{\"bench\":\"models\",\"case\":\"%s\",\"features\":%d,\"ns\":%.1f,\"bytes\":%llu,"
           "\"check\":%.6g}\n",
           which->name, FEATURES, ns, (unsigned long long)size, sum);
    json_decref(given);
    free(options);
    free(self);
}

int main(void)
{
    fill_features();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        bench(&cases[i]);
    return 0;
}
