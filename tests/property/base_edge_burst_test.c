/* The sketches of base/edge_burst.c against their definition: all buckets swept at the end of every
 * tick, as the papers have it, and counts of pairs kept one by one where no two share a bucket. */
#include "base/edge_burst.h"
#include "base/random.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 300, EDGES = 400, KEYS = 6 };

/* One bucket by its definition. */
struct plain_bucket {
    double current, total, statistic;
};

struct definition {
    const struct edge_burst *burst; /* for its hashes alone */
    struct edge_burst_setting setting;
    double tick; /* t */
    int64_t index;
    struct plain_bucket *bucket;
    uint64_t count;
};

static void tick_ends(struct definition *is)
{
    for (uint64_t i = 0; i < is->count; i++) {
        struct plain_bucket *bucket = &is->bucket[i];
        if (is->setting.variant == EDGE_BURST_FILTERED) {
            if (bucket->statistic < is->setting.threshold)
                bucket->total += bucket->current;
            else if (is->tick > 1)
                bucket->total += bucket->total / (is->tick - 1);
        }
        bucket->current *= is->setting.variant == EDGE_BURST_PLAIN ? 0 : is->setting.factor;
    }
    is->tick++;
}

static double chi_squared(const struct definition *is, double a, double s)
{
    double t = is->tick, x;
    if (t <= 1 || (s <= 0 && is->setting.expected <= 0))
        return 0;
    if (is->setting.expected > 0) {
        double m = s / (t - 1);
        x = (a - m) * (a - m) / fmax(m, is->setting.expected);
        return is->setting.rises && a <= m ? 0 : x;
    }
    if (is->setting.variant == EDGE_BURST_FILTERED) {
        x = (a + s - a * t) * (a + s - a * t) / (s * (t - 1));
        return is->setting.rises && a + s - a * t >= 0 ? 0 : x;
    }
    x = (a - s / t) * (a - s / t) * t * t / (s * (t - 1));
    return is->setting.rises && a <= s / t ? 0 : x;
}

static double definition_count(struct definition *is, const struct graph_edge *edge)
{
    uint64_t places[EDGE_BURST_PLACES_MAX];
    uint32_t count = edge_burst_places(is->burst, edge, places);
    int64_t index = (int64_t)floor((double)edge->time_ms / (double)is->setting.tick_ms);
    if (is->tick == 0) {
        is->tick = 1;
        is->index = index;
    }
    for (; is->index < index; is->index++)
        tick_ends(is);
    double greatest = 0;
    for (uint32_t i = 0; i < count; i += is->setting.rows) {
        double a = INFINITY, s = INFINITY;
        for (uint32_t row = i; row < i + is->setting.rows; row++) {
            struct plain_bucket *bucket = &is->bucket[places[row]];
            bucket->current += edge->weight;
            if (is->setting.variant != EDGE_BURST_FILTERED)
                bucket->total += edge->weight;
            a = fmin(a, bucket->current);
            s = fmin(s, bucket->total);
        }
        double x = chi_squared(is, a, s);
        for (uint32_t row = i; row < i + is->setting.rows; row++)
            is->bucket[places[row]].statistic = s > 0 ? x : 0;
        greatest = fmax(greatest, x);
    }
    return greatest;
}

static struct edge_burst_setting draw_setting(struct random *random)
{
    struct edge_burst_setting setting = {
        .variant = (enum edge_burst_variant)random_below(random, 3),
        .rows = 1 + (uint32_t)random_below(random, 4),
        .buckets = 1 + (uint32_t)random_below(random, 30),
        .tick_ms = 1 + (int64_t)random_below(random, 50),
        .factor = random_uniform(random) * 0.95,
        .threshold = 0.5 + 20 * random_uniform(random),
        .rises = random_below(random, 2),
    };
    if (setting.variant == EDGE_BURST_FILTERED && random_below(random, 2))
        setting.expected = 0.2 + random_uniform(random);
    return setting;
}

/* Steps of time are mostly short, some over many ticks. */
static struct graph_edge draw_edge(struct random *random, int64_t *now_ms)
{
    bool far = random_below(random, 40) == 0;
    *now_ms += (int64_t)random_below(random, far ? 3000 : 20);
    return (struct graph_edge){
        .source = 1 + random_below(random, KEYS) * 77,
        .destination = 1 + random_below(random, KEYS) * 99,
        .time_ms = *now_ms,
        .weight = random_below(random, 5) ? 1 : 1 + (double)random_below(random, 3)};
}

static struct edge_burst *burst_make(const struct edge_burst_setting *setting, uint64_t seed)
{
    struct edge_burst *burst = malloc(edge_burst_size(setting));
    assert_non_null(burst);
    edge_burst_init(burst, setting, seed);
    return burst;
}

static bool is_near(double one, double other)
{
    return fabs(one - other) <= 1e-7 * (1 + fabs(one) + fabs(other));
}

static void check_definition(uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    struct definition is = {.setting = draw_setting(&random)};
    struct edge_burst *burst = burst_make(&is.setting, seed);
    is.burst = burst;
    is.count = 3ULL * is.setting.rows * is.setting.buckets;
    is.bucket = calloc(is.count, sizeof *is.bucket);
    assert_non_null(is.bucket);
    int64_t now_ms = (int64_t)random_below(&random, 100) - 50;
    for (int i = 0; i < EDGES; i++) {
        struct graph_edge edge = draw_edge(&random, &now_ms);
        double looked = edge_burst_look(burst, &edge);
        double counted = edge_burst_count(burst, &edge, NULL);
        double defined = definition_count(&is, &edge);
        if (looked != counted || !is_near(counted, defined))
            fail_msg("seed %llu, edge %d: looked %.17g, counted %.17g, defined %.17g",
                     (unsigned long long)seed, i, looked, counted, defined);
    }
    free(is.bucket);
    free(burst);
}

static void test_definition(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        check_definition(seed);
}

/* With room for each pair alone the sketch is exact: MIDAS of counts in a plain table. */
static void test_exact_counts(void **unused)
{
    (void)unused;
    struct edge_burst_setting setting = {.rows = 4, .buckets = 4096, .tick_ms = 10, .threshold = 1};
    struct edge_burst *burst = burst_make(&setting, 5);
    struct random random;
    random_seed(&random, 6);
    double now[KEYS][KEYS] = {{0}}, all[KEYS][KEYS] = {{0}};
    for (int64_t i = 0; i < 5000; i++) {
        uint64_t u = random_below(&random, KEYS), v = random_below(&random, u + 1);
        struct graph_edge edge = {u * 1234567 + 1, v * 7654321 + 1, i / 7, 1};
        if (i % 70 == 0)
            memset(now, 0, sizeof now);
        double a = ++now[u][v], s = ++all[u][v], t = (double)(i / 70 + 1);
        double x = t > 1 ? pow(a - s / t, 2) * t * t / (s * (t - 1)) : 0;
        assert_true(is_near(edge_burst_count(burst, &edge, NULL), x));
    }
    free(burst);
}

struct arrival {
    struct graph_edge edge;
    double at;
};

static int arrival_order(const void *left, const void *right)
{
    const struct arrival *a = left, *b = right;
    return (a->at > b->at) - (a->at < b->at);
}

/* Edges that come late leave the sketch as it would be if they had not, as long as none is
 * filtered out. */
static void check_late(uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    struct edge_burst_setting setting = draw_setting(&random);
    setting.threshold = 1e300;
    struct edge_burst *right = burst_make(&setting, seed), *late = burst_make(&setting, seed);
    static struct arrival arrivals[EDGES];
    int64_t now_ms = 0;
    for (int i = 0; i < EDGES; i++) {
        arrivals[i].edge = draw_edge(&random, &now_ms);
        double wait = i > 0 && i < EDGES - 1 ? (double)random_below(&random, 200) : 0;
        arrivals[i].at = i == EDGES - 1 ? INFINITY : (double)now_ms + wait;
        edge_burst_count(right, &arrivals[i].edge, NULL);
    }
    qsort(arrivals, EDGES, sizeof *arrivals, arrival_order);
    for (int i = 0; i < EDGES; i++)
        edge_burst_count(late, &arrivals[i].edge, NULL);
    for (int i = 0; i < EDGES; i++) {
        struct graph_edge edge = arrivals[i].edge;
        edge.time_ms = now_ms;
        double one = edge_burst_look(right, &edge), other = edge_burst_look(late, &edge);
        if (!is_near(one, other))
            fail_msg("seed %llu: %.17g in order, %.17g late", (unsigned long long)seed, one, other);
    }
    free(right);
    free(late);
}

static void test_late(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        check_late(seed);
}

/* A burst that lasts does not become usual to the filtered sketch, as it does to the other. */
static void test_filtered_remembers(void **unused)
{
    (void)unused;
    double last[2];
    for (int i = 0; i < 2; i++) {
        struct edge_burst_setting setting = {.variant =
                                                 i ? EDGE_BURST_FILTERED : EDGE_BURST_RELATIONAL,
                                             .rows = 2,
                                             .buckets = 512,
                                             .tick_ms = 1000,
                                             .factor = 0.5,
                                             .threshold = 1000};
        struct edge_burst *burst = burst_make(&setting, 3);
        for (int64_t tick = 0; tick < 400; tick++)
            for (int n = 0; n < (tick < 100 ? 2 : 100); n++) {
                struct graph_edge edge = {11, 22, tick * 1000, 1};
                last[i] = edge_burst_count(burst, &edge, NULL);
            }
        free(burst);
    }
    print_message("after a burst of 300 ticks: relational %.0f, filtered %.0f\n", last[0], last[1]);
    assert_true(last[1] > 10 * last[0]);
}

static void test_missing(void **unused)
{
    (void)unused;
    struct edge_burst_setting setting = {
        .variant = EDGE_BURST_FILTERED, .rows = 2, .buckets = 64, .tick_ms = 10, .threshold = 1};
    struct edge_burst *burst = burst_make(&setting, 1), *fresh = burst_make(&setting, 1);
    struct graph_edge halves[] = {{0, 5, 70, 1}, {5, 0, 80, 1}, {0, 0, 90, 1}};
    for (int i = 0; i < 3; i++)
        assert_true(edge_burst_count(burst, &halves[i], NULL) == 0);
    assert_memory_equal(burst, fresh, edge_burst_size(&setting));
    assert_int_equal(edge_burst_number(NAN), 0);
    assert_true(edge_burst_number(0) && edge_burst_number(0.0) == edge_burst_number(-0.0));
    assert_true(edge_burst_number(1) != edge_burst_number(2));
    free(burst);
    free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition), cmocka_unit_test(test_exact_counts),
        cmocka_unit_test(test_late),       cmocka_unit_test(test_filtered_remembers),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
