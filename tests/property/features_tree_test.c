/* The values of a window as a tree and as a sorted array, against plain counts: random values come
 * and go, all questions are asked after each change, in trees of small and large nodes, some in
 * regions that run out of rows. */
#include "base/random.h"
#include "features/values.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum { SEEDS = 3000, STEPS = 250, KEYS_MAX = 200 };

/* count[k]: how often the k-th value is there. */
struct plain {
    uint32_t keys, total;
    uint32_t count[KEYS_MAX];
};

struct world {
    uint64_t seed;
    struct random random;
    struct state state;
    struct tree_plan plan;
    struct tree tree;
    struct plain plain;
    uint32_t step;
    uint64_t image[STEPS];
};

static uint64_t image_of(uint32_t key)
{
    return value_image((union value){.number = (double)key * 1.5 - 70}, false);
}

#define EQUAL(world, what, got, expected)                                                          \
    do {                                                                                           \
        if ((got) != (expected))                                                                   \
            fail_msg("seed %llu, step %u: %s is %.17g, expected %.17g",                            \
                     (unsigned long long)(world)->seed, (world)->step, what, (double)(got),        \
                     (double)(expected));                                                          \
    } while (0)

static void world_open(struct world *world, uint64_t seed)
{
    static const uint32_t sizes[] = {128, 160, 192, 512};
    static struct state_layout layout;
    struct failure failure;
    memset(world, 0, sizeof *world);
    world->seed = seed;
    random_seed(&world->random, seed);
    world->plan = tree_plan_make(sizes[random_below(&world->random, 4)]);
    world->plan.spreads = true;
    state_layout_init(&layout);
    uint64_t rows = random_below(&world->random, 4) ? 1000 : 1 + random_below(&world->random, 20);
    world->plan.region =
        state_layout_add(&layout, "values", 0, world->plan.node_size, 64, rows, STATE_ROWS_TAKEN);
    assert_int_equal(state_open(&world->state, &layout, &failure), STATUS_OK);
    world->tree = (struct tree){.plan = &world->plan, .state = &world->state};
    static const uint32_t keys[] = {1, 3, 20, KEYS_MAX};
    world->plain.keys = keys[random_below(&world->random, 4)];
}

/* The array, sorted by values.c from the order in which the counts stand backwards. */
static struct values sorted_of(struct world *world)
{
    uint32_t count = 0;
    for (uint32_t k = world->plain.keys; k-- > 0;)
        for (uint32_t i = 0; i < world->plain.count[k]; i++)
            world->image[count++] = image_of(k);
    images_sort(world->image, count);
    return (struct values){.count = count, .sorted = world->image};
}

static double log_entropy(const struct plain *plain)
{
    double sum = 0;
    for (uint32_t k = 0; k < plain->keys; k++)
        if (plain->count[k])
            sum -= plain->count[k] * log((double)plain->count[k] / plain->total);
    return sum / plain->total;
}

static void check_order(const struct world *world, const struct values *values)
{
    uint64_t place = 0, distinct = 0;
    for (uint32_t k = 0; k < world->plain.keys; k++) {
        union value value = image_value(image_of(k), false);
        uint64_t equal,
            below = values_below_image(values, value_image(value, values->is_key), &equal);
        EQUAL(world, "below", below, place);
        EQUAL(world, "equal", equal, world->plain.count[k]);
        distinct += world->plain.count[k] > 0;
        if (world->plain.count[k]) {
            EQUAL(world, "first of a value", values_at(values, place).number, value.number);
            place += world->plain.count[k];
            EQUAL(world, "last of a value", values_at(values, place - 1).number, value.number);
        }
    }
    EQUAL(world, "distinct", values_distinct(values), distinct);
    EQUAL(world, "count", values->count, place);
}

static void check_frequencies(const struct world *world, const struct values *values)
{
    const struct plain *plain = &world->plain;
    uint32_t mode = 0, least = 1 + world->step % 5, more = 0;
    for (uint32_t k = 0; k < plain->keys; k++) {
        mode = plain->count[k] > plain->count[mode] ? k : mode;
        more += plain->count[k] > least;
    }
    EQUAL(world, "more frequent", values_more_frequent(values, least, 1000), more);
    EQUAL(world, "two more frequent", values_more_frequent(values, least, 2), more < 2 ? more : 2);
    if (plain->total == 0)
        return;
    EQUAL(world, "mode", values_mode(values).number, image_value(image_of(mode), false).number);
    double off = values_entropy(values) - log_entropy(plain);
    EQUAL(world, "entropy is right", fabs(off) < 1e-9, true);
}

static void check(struct world *world)
{
    struct values sorted = sorted_of(world);
    struct values tree = {.count = tree_count(&world->tree), .tree = world->tree};
    check_order(world, &sorted);
    check_frequencies(world, &sorted);
    check_order(world, &tree);
    check_frequencies(world, &tree);
    if (world->plain.total)
        EQUAL(world, "the tree's entropy", values_entropy(&tree), values_entropy(&sorted));
}

static bool step(struct world *world, bool grows)
{
    struct plain *plain = &world->plain;
    uint32_t key = (uint32_t)random_below(&world->random, plain->keys);
    if (random_below(&world->random, 10) < (grows ? 7 : 3)) {
        plain->total++;
        plain->count[key]++;
        if (tree_insert(&world->tree, image_of(key)))
            return true;
        plain->total--;
        plain->count[key]--;
        return false;
    }
    for (uint32_t i = 0; i < plain->keys && !plain->count[key]; i++)
        key = (key + 1) % plain->keys;
    if (!plain->count[key])
        return true;
    plain->count[key]--;
    plain->total--;
    tree_remove(&world->tree, image_of(key));
    return true;
}

static void trees_answer_as_counts_do(void **unused)
{
    (void)unused;
    static struct world world;
    const char *text = getenv("WEIR_SEED");
    uint64_t first = text ? strtoull(text, NULL, 10) : 5000, refused = 0;
    print_message("seeds from %llu\n", (unsigned long long)first);
    for (uint64_t seed = first; seed < first + (text ? 1 : SEEDS); seed++) {
        world_open(&world, seed);
        bool fits = true;
        for (world.step = 0; world.step < STEPS && fits; world.step++) {
            fits = step(&world, world.step < STEPS / 2);
            if (world.step % 4 == 0 || !fits)
                check(&world);
        }
        refused += !fits;
        tree_free(&world.tree);
        EQUAL(&world, "rows still taken", world.state.directory->region[world.plan.region].live, 0);
        state_close(&world.state);
    }
    assert_true(text || refused > 100);
}

/* Leaves that emptied are given back: a window that slides along growing values needs no more rows
 * than its values fill. */
static void sliding_windows_stay_small(void **unused)
{
    (void)unused;
    static struct world world;
    world_open(&world, 3);
    for (uint32_t i = 0; i < 20000; i++) {
        assert_true(tree_insert(&world.tree, 1000 + i));
        if (i >= 100)
            tree_remove(&world.tree, 1000 + i - 100);
    }
    uint64_t live = world.state.directory->region[world.plan.region].live;
    EQUAL(&world, "count", tree_count(&world.tree), 100);
    if (live > 6 * 100 / world.plan.leaf_max + 8)
        fail_msg("%llu rows for 100 values", (unsigned long long)live);
    state_close(&world.state);
}

/* A tree with changes against the sorted values that there are after them. */
static void changes_check(struct world *world, uint32_t keys)
{
    uint64_t sorted[STEPS], entered[STEPS], left[STEPS];
    uint32_t count = 0, gone = 0, back = 0;
    struct values_change change[STEPS];
    for (uint32_t i = 0; i < STEPS / 2; i++) {
        uint64_t image = image_of((uint32_t)random_below(&world->random, keys));
        assert_true(tree_insert(&world->tree, image));
        if (random_below(&world->random, 4) == 0)
            entered[gone++] = image;
        else
            sorted[count++] = image;
    }
    for (uint32_t i = (uint32_t)random_below(&world->random, 40); i > 0; i--)
        sorted[count++] = left[back++] = image_of((uint32_t)random_below(&world->random, keys));
    images_sort(sorted, count);
    struct values plain = {.count = count, .sorted = sorted};
    struct values changed = {.count = count, .tree = world->tree, .change = change};
    changed.change_count = changes_make(entered, gone, left, back, change);
    EQUAL(world, "distinct", values_distinct(&changed), values_distinct(&plain));
    EQUAL(world, "entropy", values_entropy(&changed), values_entropy(&plain));
    for (uint32_t i = 0; i < count; i++)
        EQUAL(world, "at", values_at(&changed, i).number, values_at(&plain, i).number);
    for (uint32_t k = 0; k < keys; k++) {
        uint64_t equal, expected, below = values_below_image(&changed, image_of(k), &equal);
        EQUAL(world, "below", below, values_below_image(&plain, image_of(k), &expected));
        EQUAL(world, "equal", equal, expected);
        EQUAL(world, "more frequent", values_more_frequent(&changed, k % 5, 1 + k % 7),
              values_more_frequent(&plain, k % 5, 1 + k % 7));
    }
    if (values_mode_find(&changed))
        EQUAL(world, "mode", values_mode(&changed).number, values_mode(&plain).number);
}

static void changes_answer_as_sorted_values_do(void **unused)
{
    (void)unused;
    static struct world world;
    for (uint64_t seed = 1; seed < 600; seed++) {
        world_open(&world, seed);
        if (world.state.directory->region[world.plan.region].row_count == 1000)
            changes_check(&world, 1 + (uint32_t)random_below(&world.random, KEYS_MAX));
        tree_free(&world.tree);
        state_close(&world.state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(trees_answer_as_counts_do),
                                       cmocka_unit_test(sliding_windows_stay_small),
                                       cmocka_unit_test(changes_answer_as_sorted_values_do)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
