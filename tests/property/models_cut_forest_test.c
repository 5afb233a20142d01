/* Trees of random cuts against their definition: boxes and masses by looking at all points, the
 * displacement by its formula from these and by many insertions, the cuts' distribution. */
#include "base/random.h"
#include "models/cut_tree.h"
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

enum { DIMENSIONS = 5, POINTS = 24, CHUNKS = 2, FACES = CHUNKS * CUT_LANES };

static const struct example nobody = {.state = NULL};

/* A tree and the points that it should hold. */
struct world {
    struct cut_geometry geometry;
    struct cut_tree *tree;
    bool held[POINTS];
    cut_faces point[POINTS][CHUNKS];
};

static void world_open(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    cut_geometry_set(&world->geometry, POINTS, DIMENSIONS);
    world->tree = aligned_alloc(64, world->geometry.tree_bytes);
    assert_non_null(world->tree);
    memset(world->tree, 0, world->geometry.tree_bytes);
    cut_tree_init(world->tree, &world->geometry, seed);
}

static const struct cut_node *node_at(const struct world *world, uint32_t node)
{
    return cut_tree_node(world->tree, &world->geometry, node);
}

static float expected(const struct world *world, const cut_faces *point, struct cut_path *path)
{
    cut_descend(world->tree, &world->geometry, point, 1, path);
    return cut_displacement(world->tree, &world->geometry, point, CHUNKS, path, NULL);
}

static void put(struct world *world, int slot, const cut_faces *point)
{
    struct cut_path path;
    expected(world, point, &path);
    memcpy(world->point[slot], point, sizeof world->point[slot]);
    world->held[slot] = true;
    cut_tree_insert(world->tree, &world->geometry, point, &path, (uint64_t)slot, &nobody);
}

static void take(struct world *world, int slot)
{
    cut_tree_remove(world->tree, &world->geometry, (uint64_t)slot, &nobody);
    world->held[slot] = false;
}

/* Every third point lies on a coarse grid, so that many are equal. */
static void draw_point(struct random *random, cut_faces *point)
{
    int16_t faces[FACES] = {0};
    bool coarse = random_below(random, 3) == 0;
    for (int i = 0; i < DIMENSIONS; i++) {
        int at = coarse ? (int)random_below(random, 2) * 100
                        : (int)random_below(random, 400U * (uint64_t)(i + 1)) - 200 * (i + 1);
        faces[DIMENSIONS + i] = (int16_t)at;
        faces[i] = (int16_t)-at;
    }
    memcpy(point, faces, sizeof faces);
}

static int coordinate(const cut_faces *point, int dimension)
{
    return ((const int16_t *)point)[DIMENSIONS + dimension];
}

static int minimum(const struct cut_node *node, int dimension)
{
    return -((const int16_t *)node->box)[dimension];
}

static int maximum(const struct cut_node *node, int dimension)
{
    return coordinate(node->box, dimension);
}

static int after_cut(const struct cut_node *node, const cut_faces *point)
{
    return ((const int16_t *)point)[node->face] > node->cut;
}

/* Compares the subtree with the points whose leaves are in it; returns its nodes. */
static int check_node(const struct world *world, uint32_t number, const bool *inside)
{
    const struct cut_node *node = node_at(world, number);
    bool part[2][POINTS] = {{false}, {false}};
    int low[DIMENSIONS], high[DIMENSIONS], sides = 0, mass = 0;
    for (int i = 0; i < POINTS; i++) {
        for (int j = 0; inside[i] && j < DIMENSIONS; j++) {
            int at = coordinate(world->point[i], j);
            low[j] = mass == 0 || at < low[j] ? at : low[j];
            high[j] = mass == 0 || at > high[j] ? at : high[j];
        }
        mass += inside[i];
        part[after_cut(node, world->point[i])][i] = inside[i];
    }
    assert_true(mass > 0);
    assert_int_equal(node->mass, mass);
    for (int j = 0; j < DIMENSIONS; j++) {
        assert_int_equal(minimum(node, j), low[j]);
        assert_int_equal(maximum(node, j), high[j]);
        sides += high[j] - low[j];
    }
    assert_int_equal(node->perimeter, sides);
    if (cut_is_leaf(node)) {
        assert_int_equal(sides, 0);
        for (uint64_t i = 0; i < POINTS; i++)
            if (inside[i])
                assert_int_equal(cut_tree_leaf_of(world->tree, &world->geometry)[i], number);
        return 1;
    }
    assert_int_equal(node_at(world, node->child[0])->parent, number);
    assert_int_equal(node_at(world, node->child[1])->parent, number);
    return 1 + check_node(world, node->child[0], part[0]) +
           check_node(world, node->child[1], part[1]);
}

static void check(const struct world *world)
{
    int held = 0, nodes = 0;
    for (int i = 0; i < POINTS; i++)
        held += world->held[i];
    if (held > 0) {
        assert_int_equal(node_at(world, (uint32_t)world->tree->root)->parent, CUT_NONE);
        nodes = check_node(world, (uint32_t)world->tree->root, world->held);
    } else {
        assert_int_equal(world->tree->root, CUT_NONE);
    }
    for (uint64_t free = world->tree->free; free != CUT_NONE; nodes++)
        free = node_at(world, (uint32_t)free)->parent;
    assert_int_equal(nodes, 2 * POINTS - 1);
}

static void test_tree_holds_its_points(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_message("seed %d\n", (int)seed);
        struct world world;
        struct random random;
        random_seed(&random, seed);
        world_open(&world, seed);
        check(&world);
        for (int i = 0; i < 400; i++) {
            int slot = (int)random_below(&random, POINTS);
            cut_faces point[CHUNKS];
            draw_point(&random, point);
            if (world.held[slot])
                take(&world, slot);
            else
                put(&world, slot, point);
            check(&world);
        }
        free(world.tree);
    }
}

/* The most points displaced per point removed, over the boxes that hold the leaf `number`, were
 * `more` points more in it. */
static double displaced(const struct world *world, uint32_t number, double own, double more)
{
    double most = own;
    for (uint32_t parent; (parent = node_at(world, number)->parent) != CUT_NONE; number = parent) {
        double mass = node_at(world, number)->mass;
        double other = (double)node_at(world, parent)->mass - mass;
        most = fmax(most, other / (mass + more));
    }
    return most;
}

/* By the definition: separation above each node on the way, or an end in an equal leaf. */
static double plain_expectation(const struct world *world, const cut_faces *point)
{
    double reach = 1, sum = 0;
    uint32_t number = (uint32_t)world->tree->root;
    for (;;) {
        const struct cut_node *node = node_at(world, number);
        double old = 0, extended = 0;
        for (int i = 0; i < DIMENSIONS; i++) {
            old += maximum(node, i) - minimum(node, i);
            extended += fmax(maximum(node, i), coordinate(point, i)) -
                        fmin(minimum(node, i), coordinate(point, i));
        }
        double separated = extended > 0 ? reach * (extended - old) / extended : 0;
        sum += separated * displaced(world, number, node->mass, 1);
        reach -= separated;
        if (cut_is_leaf(node))
            return sum + reach * displaced(world, number, 0, 1);
        number = node->child[after_cut(node, point)];
    }
}

static void fill(struct world *world, struct random *random, int count)
{
    for (int i = 0; i < count; i++) {
        cut_faces point[CHUNKS];
        draw_point(random, point);
        put(world, i, point);
    }
}

static void test_displacement(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        print_message("seed %d\n", (int)seed);
        struct world world;
        struct random random;
        random_seed(&random, seed);
        world_open(&world, seed);
        fill(&world, &random, POINTS - 1);
        for (int i = 0; i < 100; i++) {
            struct cut_path path;
            cut_faces point[CHUNKS];
            draw_point(&random, point);
            double plain = plain_expectation(&world, point);
            double found = (double)expected(&world, point, &path);
            if (!(fabs(found - plain) < 1e-4 * (1 + plain)))
                fail_msg("point %d: %.9g where %.9g is right", i, found, plain);
        }
        free(world.tree);
    }
}

/* What is expected is the mean of what insertions do. */
static void test_displacement_is_the_mean(void **unused)
{
    (void)unused;
    enum { TRIALS = 20000 };
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world world;
        struct random random;
        random_seed(&random, seed);
        world_open(&world, seed);
        fill(&world, &random, POINTS - 1);
        cut_faces point[CHUNKS];
        draw_point(&random, point);
        struct cut_path path;
        double sum = 0, squares = 0, mean = (double)expected(&world, point, &path);
        uint8_t *before = malloc(world.geometry.tree_bytes);
        assert_non_null(before);
        memcpy(before, world.tree, world.geometry.tree_bytes);
        for (int i = 0; i < TRIALS; i++) {
            random_seed(&world.tree->random, seed * TRIALS + (uint64_t)i);
            put(&world, POINTS - 1, point);
            uint32_t leaf = cut_tree_leaf_of(world.tree, &world.geometry)[POINTS - 1];
            double one = displaced(&world, leaf, 0, 0);
            sum += one;
            squares += one * one;
            memcpy(world.tree, before, world.geometry.tree_bytes);
        }
        double found = sum / TRIALS;
        double error = sqrt(fmax(squares / TRIALS - found * found, 0) / TRIALS);
        print_message("seed %d: %.4f where %.4f is expected, standard error %.4f\n", (int)seed,
                      found, mean, error);
        assert_true(fabs(found - mean) < 4 * error + 1e-4);
        free(before);
        free(world.tree);
    }
}

/* The root's cut takes a dimension as often as its side of the box is long, also when points that
 * made the box larger have come and gone. */
static void test_first_cut(void **unused)
{
    (void)unused;
    enum { TRIALS = 6000 };
    double counts[DIMENSIONS] = {0}, square = 0, sides = 0;
    for (uint64_t seed = 1; seed <= TRIALS; seed++) {
        struct world world;
        struct random random;
        random_seed(&random, 77);
        world_open(&world, seed);
        fill(&world, &random, POINTS);
        for (int slot = 0; slot < POINTS / 2; slot++)
            take(&world, slot);
        const struct cut_node *root = node_at(&world, (uint32_t)world.tree->root);
        counts[root->face - DIMENSIONS]++;
        if (seed == TRIALS) {
            for (int i = 0; i < DIMENSIONS; i++) {
                double side = maximum(root, i) - minimum(root, i);
                double mean = TRIALS * side / root->perimeter;
                print_message("dimension %d: %.0f cuts where %.1f are expected\n", i, counts[i],
                              mean);
                square += (counts[i] - mean) * (counts[i] - mean) / mean;
                sides += side;
            }
        }
        free(world.tree);
    }
    print_message("chi-squared %.2f\n", square);
    assert_true(sides > 0 && square < 18.47); /* four degrees of freedom, one in a thousand */
}

/* --- the model --- */

enum { FEATURES = 3 };

static const enum value_type types[FEATURES] = {TYPE_TEXT, TYPE_NUMBER, TYPE_NUMBER};
static const char *const names[FEATURES] = {"card", "a", "b"};
static const struct model_shape shape = {FEATURES, types, names, 2};

static double show(void *self, double a, double b)
{
    union value feature[FEATURES] = {{.key = 7}, {a}, {b}};
    struct example example = {feature, 0, MISSING, 1, NULL};
    return model_find("random_cut_forest")->learn(self, &example);
}

static void test_shares_sum_up(void **unused)
{
    (void)unused;
    const struct model_kind *kind = model_find("random_cut_forest");
    void *self = fresh_model("random_cut_forest", "{\"trees\": 30, \"window\": 128}", &shape, 1);
    struct random random;
    random_seed(&random, 5);
    for (int i = 0; i < 1000; i++)
        show(self, random_uniform(&random), random_uniform(&random));
    for (int i = 0; i < 200; i++) {
        union value feature[FEATURES] = {{.key = 7}, {0.5}, {0.5}};
        feature[1 + i % 2].number = i < 100 ? 3 + i : random_uniform(&random);
        struct example example = {feature, 0, MISSING, 1, NULL};
        double shares[FEATURES], score = kind->score(self, &example);
        kind->explain(self, &example, shares);
        assert_true(fabs(shares[1] + shares[2] - score) < 1e-5);
        assert_true(shares[0] == 0 && shares[1] >= 0 && shares[2] >= 0);
        if (i < 100)
            assert_true(shares[1 + i % 2] > 0.9 * score);
    }
    free(self);
}

/* A change of level is normal to the latest events after a window, to a long reservoir not yet. */
static void test_what_samples_remember(void **unused)
{
    (void)unused;
    static const char *const options[2] = {
        "{\"sample\": \"latest\", \"window\": 64}",
        "{\"sample\": \"reservoir\", \"window\": 64, \"horizon\": 0}"};
    double old[2], new[2];
    for (int i = 0; i < 2; i++) {
        void *self = fresh_model("random_cut_forest", options[i], &shape, 1);
        struct random random;
        random_seed(&random, 6);
        for (int j = 0; j < 2000; j++)
            show(self, random_uniform(&random), random_uniform(&random));
        for (int j = 0; j < 65; j++)
            show(self, 10 + random_uniform(&random), random_uniform(&random));
        new[i] = show(self, 10.5, 0.5);
        old[i] = show(self, 0.5, 0.5);
        print_message("%s: old %.3f, new %.3f\n", options[i], old[i], new[i]);
        free(self);
    }
    assert_true(old[0] > 0.9 && new[0] < 0.6);
    assert_true(old[1] < 0.6 && new[1] > 0.6);
}

/* Values that are each normal, in an order that never was. */
static void test_shingle(void **unused)
{
    (void)unused;
    void *self = fresh_model("random_cut_forest",
                             "{\"shingle\": 4, \"sample\": \"latest\", \"window\": 64}", &shape, 1);
    struct random random;
    random_seed(&random, 7);
    double usual = 0, strange;
    for (int i = 0; i < 500; i++)
        usual = show(self, i % 2 + 0.01 * random_uniform(&random), 0);
    strange = show(self, 1, 0);
    print_message("usual %.3f, strange %.3f\n", usual, strange);
    assert_true(strange > usual + 0.2);
    free(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_holds_its_points),
        cmocka_unit_test(test_displacement),
        cmocka_unit_test(test_displacement_is_the_mean),
        cmocka_unit_test(test_first_cut),
        cmocka_unit_test(test_shares_sum_up),
        cmocka_unit_test(test_what_samples_remember),
        cmocka_unit_test(test_shingle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
