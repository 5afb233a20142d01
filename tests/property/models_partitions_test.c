/* Detectors that part the space, against the same with nodes on the heap and exact counts. */
#include "base/hash.h"
#include "tests/property/models_events.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- online isolation forest --- */

enum { TREES = 5, WINDOW = 128, LEAF = 4 };

struct plain_node {
    int count, dimension;
    float cut, minimum[FEATURES], maximum[FEATURES];
    struct plain_node *child[2]; /* NULL: a leaf */
};

static void plain_free(struct plain_node *node)
{
    if (node)
        for (int i = 0; i < 2; i++)
            plain_free(node->child[i]);
    free(node);
}

static struct plain_node *plain_make(void)
{
    struct plain_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    return node;
}

static void plain_cover(struct plain_node *node, const float *point, bool first)
{
    for (int i = 0; i < FEATURES; i++) {
        node->minimum[i] = first ? point[i] : fminf(node->minimum[i], point[i]);
        node->maximum[i] = first ? point[i] : fmaxf(node->maximum[i], point[i]);
    }
}

static float plain_between(struct random *random, float low, float high)
{
    return (float)((double)low + random_uniform(random) * ((double)high - (double)low));
}

static void plain_split(struct plain_node *node, struct random *random)
{
    node->child[0] = plain_make();
    node->child[1] = plain_make();
    int dimension = node->dimension = (int)random_below(random, FEATURES);
    node->cut = plain_between(random, node->minimum[dimension], node->maximum[dimension]);
    for (int i = 0; i < node->count; i++) {
        float point[FEATURES];
        for (int j = 0; j < FEATURES; j++)
            point[j] = plain_between(random, node->minimum[j], node->maximum[j]);
        struct plain_node *child = node->child[point[dimension] >= node->cut];
        plain_cover(child, point, child->count == 0);
        child->count++;
    }
}

static void plain_enter(struct plain_node *node, int depth, const float *point,
                        struct random *random)
{
    plain_cover(node, point, node->count == 0);
    node->count++;
    if (node->child[0])
        plain_enter(node->child[point[node->dimension] >= node->cut], depth + 1, point, random);
    else if (node->count >= LEAF * pow(2, depth) && depth < log((double)WINDOW / LEAF) / log(4))
        plain_split(node, random);
}

static void plain_leave(struct plain_node *node, int depth, const float *point)
{
    node->count = node->count > 0 ? node->count - 1 : 0;
    if (!node->child[0])
        return;
    if (node->count >= LEAF * pow(2, depth)) {
        plain_leave(node->child[point[node->dimension] >= node->cut], depth + 1, point);
        return;
    }
    bool first = true;
    for (int i = 0; i < 2; i++) {
        struct plain_node *child = node->child[i];
        node->child[i] = NULL;
        if (child->count > 0) {
            plain_cover(node, child->minimum, first);
            plain_cover(node, child->maximum, false);
            first = false;
        }
        plain_free(child);
    }
}

static double plain_depth(const struct plain_node *node, const float *point)
{
    if (node->child[0])
        return 1 + plain_depth(node->child[point[node->dimension] >= node->cut], point);
    return node->count > LEAF ? log((double)node->count / LEAF) / log(4) : 0;
}

static int plain_size(const struct plain_node *node)
{
    return node ? 1 + plain_size(node->child[0]) + plain_size(node->child[1]) : 0;
}

static void test_isolation(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_stream(seed, true);
        place_stream(&shape);
        void *self = fresh_model("online_isolation_forest",
                                 "{\"trees\": 5, \"window\": 128, \"leaf\": 4}", &shape, 1);
        struct plain_node *tree[TREES];
        struct random random;
        random_seed(&random, 1);
        for (int i = 0; i < TREES; i++)
            tree[i] = plain_make();
        int largest = 0, shrunk = 0;
        for (int i = 0; i < EVENTS; i++) {
            double sum = 0, whole = log((double)(i < WINDOW ? i : WINDOW) / LEAF) / log(4);
            for (int j = 0; j < TREES; j++)
                sum += plain_depth(tree[j], places[i]);
            double expected = whole > 0.5 ? pow(2, -sum / TREES / whole) : 0;
            double score = learn("online_isolation_forest", self, stream[i]);
            if (!(fabs(score - expected) < 1e-9))
                fail_msg("event %d: %.17g where %.17g is right", i, score, expected);
            for (int j = 0; j < TREES; j++) {
                plain_enter(tree[j], 0, places[i], &random);
                int size = plain_size(tree[j]);
                if (i >= WINDOW)
                    plain_leave(tree[j], 0, places[i - WINDOW]);
                largest = size > largest ? size : largest;
                shrunk += plain_size(tree[j]) < size;
            }
        }
        print_message("largest tree %d nodes, shrunk %d times\n", largest, shrunk);
        assert_true(largest >= 5 && shrunk > 0);
        for (int i = 0; i < TREES; i++)
            plain_free(tree[i]);
        free(self);
    }
}

/* --- xStream, with exact counts for its sketches --- */

enum { PROJECTIONS = 6, CHAINS = 4, DEPTH = 8, PICTURE = 100 };

static const enum value_type mixed_types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_TEXT,
                                                      TYPE_ENUM};
static const struct model_shape mixed_shape = {FEATURES, mixed_types, names, 2};

/* The bins of all projections after each halving; those not halved yet are 0. */
static int bins[EVENTS][CHAINS][DEPTH][PROJECTIONS];

static uint64_t plain_mix(uint64_t value)
{
    for (int i = 0; i < 2; i++)
        value = (value ^ (value >> 32)) * 0xD6E8FEB86659FD93ULL;
    return value ^ (value >> 32);
}

static double plain_weight(uint64_t hash, uint64_t projection)
{
    uint64_t drawn = plain_mix(hash + projection * 0x9E3779B97F4A7C15ULL) >> 32;
    double share = (double)drawn / 4294967296.0;
    return share < 1.0 / 6 ? -1 : share < 1.0 / 3 ? 1 : 0;
}

static void plain_project(int event, uint64_t seed, double *projected)
{
    for (int i = 0; i < PROJECTIONS; i++) {
        projected[i] = 0;
        for (int j = 0; j < FEATURES; j++) {
            uint64_t name = seed ^ hash_fingerprint(names[j], strlen(names[j]));
            bool nominal = j >= 2;
            uint64_t hash = nominal ? plain_mix(name ^ plain_mix(stream[event][j].key + 1)) : name;
            if (j == 2 ? stream[event][j].key == 0 : isnan(stream[event][j].number) && nominal)
                continue;
            projected[i] += plain_weight(hash, (uint64_t)i) *
                            (nominal ? 1 : (double)places[event][j]) * sqrt(3.0 / 4);
        }
    }
}

/* The paper's halvings: z = (y + s) / D at first, then z = 2 z - s / D. */
static void plain_bins(int event, uint64_t seed)
{
    double projected[PROJECTIONS];
    struct random random;
    random_seed(&random, seed);
    plain_project(event, seed, projected);
    for (int chain = 0; chain < CHAINS; chain++) {
        double shift[PROJECTIONS], at[PROJECTIONS];
        bool halved[PROJECTIONS] = {false};
        int bin[PROJECTIONS] = {0};
        for (int i = 0; i < PROJECTIONS; i++)
            shift[i] = random_uniform(&random);
        for (int level = 0; level < DEPTH; level++) {
            int chosen = (int)random_below(&random, PROJECTIONS);
            at[chosen] = halved[chosen] ? 2 * at[chosen] - shift[chosen]
                                        : projected[chosen] / 3 + shift[chosen];
            halved[chosen] = true;
            bin[chosen] = (int)floor(at[chosen]);
            memcpy(bins[event][chain][level], bin, sizeof bin);
        }
    }
}

static double plain_xstream(int event)
{
    double sum = 0;
    int from = event / PICTURE * PICTURE - PICTURE;
    for (int chain = 0; chain < CHAINS; chain++) {
        double least = INFINITY;
        for (int level = 0; level < DEPTH; level++) {
            int count = 0;
            for (int i = from; i < from + PICTURE; i++)
                count += memcmp(bins[i][chain][level], bins[event][chain][level],
                                sizeof bins[i][chain][level]) == 0;
            least = fmin(least, level + 1 + log2(1 + count));
        }
        sum += least;
    }
    return 1 / (1 + pow(2, sum / CHAINS) / PICTURE);
}

static void test_xstream(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        make_stream(seed, true);
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < EVENTS; i++) {
            stream[i][2].key = random_below(&random, 4);
            stream[i][3].number = i % 7 ? (double)random_below(&random, 3) : MISSING;
        }
        place_stream(&mixed_shape);
        void *self =
            fresh_model("xstream",
                        "{\"projections\": 6, \"chains\": 4, \"depth\": 8, \"window\": 100,"
                        " \"cells\": 65536}",
                        &mixed_shape, 1);
        int differ = 0;
        for (int i = 0; i < EVENTS; i++) {
            double score = learn("xstream", self, stream[i]);
            plain_bins(i, 1);
            if (i < PICTURE)
                assert_true(score == 0);
            else
                differ += !(fabs(score - plain_xstream(i)) < 1e-9);
        }
        /* Collisions in both rows of a sketch, and float against double at a cell's border. */
        print_message("%d of %d differ\n", differ, EVENTS - PICTURE);
        assert_true(differ <= EVENTS / 100);
        free(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_xstream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
