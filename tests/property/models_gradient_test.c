/* Trees grown from slopes against the formulas: the examples are kept, and what a cut would do to
 * the loss is taken from each of them. */
#include "base/random.h"
#include "models/gradient_tree.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FEATURES = 3, GRACE = 40, CHOICES = 4 };

static const double SIGNIFICANCE = 0.1, L2 = 0.7, KEEP = 0.99;

struct seen {
    union value feature[FEATURES];
    double weight, g, h;
};

struct choice {
    uint32_t feature, missing;
    double place, change, chance;
};

static const struct gradient_rules rules = {.feature_count = FEATURES,
                                            .leaves = 4,
                                            .grace = GRACE,
                                            .keep = KEEP,
                                            .l2 = L2,
                                            .significance = SIGNIFICANCE,
                                            .features = 1,
                                            .subsample = 1};

static void draw(struct random *random, union value *feature)
{
    feature[0].number = random_uniform(random);
    feature[1].number = random_below(random, 6) == 0 ? MISSING : random_uniform(random) * 100;
    feature[2].number = (double)random_below(random, CHOICES);
}

/* Which side of the cut: 0 or 1. */
static uint32_t side(const struct gradient_bins *bins, const struct choice *choice, double value)
{
    if (value != value)
        return choice->missing;
    bool first = bins[choice->feature].sort == GRADIENT_CHOICE ? value == choice->place
                                                               : value <= choice->place;
    return first ? 0 : 1;
}

static void judge(const struct gradient_bins *bins, const struct seen *seen, struct choice *choice)
{
    double g[2] = {0}, h[2] = {0}, count[2] = {0}, sum = 0, squares = 0;
    for (int i = 0; i < GRACE; i++) {
        uint32_t at = side(bins, choice, seen[i].feature[choice->feature].number);
        g[at] += seen[i].weight * seen[i].g;
        h[at] += seen[i].weight * seen[i].h;
        count[at] += seen[i].weight;
    }
    choice->change = 0;
    if (!(count[0] > 1) || !(count[1] > 1))
        return;
    for (int i = 0; i < GRACE; i++) {
        uint32_t at = side(bins, choice, seen[i].feature[choice->feature].number);
        double step = -g[at] / (h[at] + L2);
        double change = seen[i].g * step + seen[i].h * step * step / 2;
        sum += seen[i].weight * change;
        squares += seen[i].weight * change * change;
    }
    double all = count[0] + count[1], mean = sum / all;
    double deviation = sqrt(squares / all - mean * mean);
    choice->change = sum;
    choice->chance = erfc(-mean / deviation * sqrt(all) / sqrt(2)) / 2;
}

/* The best of all cuts; returns how many there are, those of missing numbers not counted twice. */
static int best_cut(const struct gradient_bins *bins, const struct seen *seen, struct choice *best)
{
    int looked = 0;
    *best = (struct choice){.change = 0, .chance = 1};
    for (uint32_t feature = 0; feature < FEATURES; feature++) {
        bool choices = bins[feature].sort == GRADIENT_CHOICE;
        uint64_t cuts = choices ? GRADIENT_BINS : bins[feature].edge_count;
        looked += (int)cuts;
        for (uint64_t i = 0; i < cuts; i++) {
            for (uint32_t missing = 2; missing-- > 0;) {
                struct choice choice = {.feature = feature, .missing = missing};
                choice.place = choices ? (double)i : bins[feature].edge[i];
                judge(bins, seen, &choice);
                if (choice.change < best->change - 1e-4)
                    *best = choice;
            }
        }
    }
    return looked;
}

/* One leaf through one grace; returns whether it was cut, and checks that it should be. */
static bool run(uint64_t seed)
{
    struct random random;
    random_seed(&random, seed);
    static struct seen ring[GRADIENT_RING];
    struct gradient_bins bins[FEATURES] = {
        {.sort = GRADIENT_NUMBER}, {.sort = GRADIENT_NUMBER}, {.sort = GRADIENT_CHOICE}};
    double column[FEATURES][GRADIENT_RING];
    for (int i = 0; i < GRADIENT_RING; i++) {
        draw(&random, ring[i].feature);
        for (int j = 0; j < FEATURES; j++)
            column[j][i] = ring[i].feature[j].number;
    }
    for (int j = 0; j < FEATURES; j++)
        gradient_bins_renew(&bins[j], column[j], GRADIENT_RING, 1);
    struct gradient_tree *tree = calloc(1, gradient_tree_size(rules.leaves, FEATURES));
    gradient_tree_init(tree, seed);
    double strength = 6 * random_uniform(&random), value = 0, curvature = 0;
    uint64_t matters = random_below(&random, FEATURES);
    struct seen seen[GRACE];
    for (int i = 0; i < GRACE; i++) {
        struct seen *one = &seen[i];
        draw(&random, one->feature);
        double x = one->feature[matters].number / (matters == 0 ? 1 : matters == 1 ? 100 : 4);
        x = x == x ? x : 1;
        double p = 1 / (1 + exp(-strength * (x - 0.5))), odds = random_uniform(&random) - 0.5;
        struct example example = {one->feature, 0, 0, 1, NULL};
        struct gradient_lesson lesson = {.feature = one->feature,
                                         .label = random_uniform(&random) < p,
                                         .weight = 0.5 + random_uniform(&random),
                                         .odds = odds,
                                         .example = &example};
        for (int j = 0; j < FEATURES; j++)
            lesson.bin[j] = (uint8_t)gradient_bin(&bins[j], one->feature[j]);
        assert_true(fabs(gradient_tree_value(tree, one->feature) - value) < 1e-12);
        double given = 1 / (1 + exp(-odds - value));
        one->g = given - lesson.label;
        one->h = given * (1 - given);
        one->weight = lesson.weight;
        gradient_tree_learn(tree, &rules, bins, &lesson);
        curvature = KEEP * curvature + one->weight * one->h;
        value -= one->weight * one->g / (curvature + L2);
    }
    struct choice best;
    int looked = best_cut(bins, seen, &best);
    bool cut = tree->node_count > 1, clear = best.chance * looked < SIGNIFICANCE;
    bool close = fabs(best.chance * looked / SIGNIFICANCE - 1) < 1e-3;
    assert_true(cut == clear || close);
    if (cut && clear) {
        struct choice made = {tree->node[0].feature, tree->node[0].missing, tree->node[0].place, 0,
                              1};
        judge(bins, seen, &made);
        assert_true(fabs(made.change - best.change) < 1e-3);
    }
    free(tree);
    return cut;
}

static void test_cuts(void **unused)
{
    (void)unused;
    int cuts = 0;
    enum { RUNS = 300 };
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        cuts += run(seed);
    print_message("%d of %d leaves were cut\n", cuts, RUNS);
    assert_true(cuts > RUNS / 10 && cuts < RUNS * 9 / 10);
}

/* Bins hold equal shares of distinct values, and one value never lies in two. */
static void test_bins(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        print_message("seed %d\n", (int)seed);
        struct random random;
        random_seed(&random, seed);
        double values[GRADIENT_RING];
        bool coarse = seed % 2;
        for (int i = 0; i < GRADIENT_RING; i++)
            values[i] = coarse ? (double)random_below(&random, 5) : random_uniform(&random);
        struct gradient_bins bins = {.sort = GRADIENT_NUMBER};
        gradient_bins_renew(&bins, values, GRADIENT_RING, 1);
        int count[GRADIENT_BINS + 1] = {0};
        for (int i = 0; i < GRADIENT_RING; i++)
            count[gradient_bin(&bins, (union value){.number = values[i]})]++;
        assert_int_equal(bins.edge_count, coarse ? 4 : GRADIENT_BINS - 1);
        for (uint64_t i = 0; i <= bins.edge_count && !coarse; i++)
            assert_int_equal(count[i], GRADIENT_RING / GRADIENT_BINS);
        for (uint64_t i = 1; i < bins.edge_count; i++)
            assert_true(bins.edge[i] > bins.edge[i - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins),
        cmocka_unit_test(test_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
