/* The Hoeffding trees' arena against the same mathematics without cleverness: a tree of allocated
 * nodes whose leaves keep all their examples, everything computed from these, in double.  On small
 * random streams both must make the same splits and give the same answers.  Where the plain tree
 * meets a decision that rounding could turn (merits or shares closer than CLOSE) the comparison
 * ends there; how often is bounded. */
#include "base/random.h"
#include "models/hoeffding.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    FEATURES = 6,
    NOMINAL = 4,
    KEY = 5,
    CLASSES_MAX = 3,
    LENGTH = 5000,
    STREAMS = 30,
    VALUES = 4
};
static const double CLOSE = 2e-5;

static const enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER,
                                                TYPE_NUMBER, TYPE_ENUM,   TYPE_TEXT};
static const char *const names[FEATURES] = {"a", "b", "c", "d", "kind", "card"};

struct row {
    double value[FEATURES], weight;
    uint32_t label;
};

struct plain_node {
    bool leaf, equal, missing_right;
    uint32_t feature, count;
    double split;
    struct plain_node *child[2];
    struct row *row; /* (LENGTH) */
    double begun[CLASSES_MAX], weight[CLASSES_MAX], total, tried_at, majority_right, naive_right;
};

struct plain_tree {
    uint32_t classes;
    struct hoeffding_options options;
    struct plain_node *root;
    bool close;
    uint64_t splits;
};

static struct plain_node *plain_leaf(const struct plain_tree *tree, const double *begun)
{
    struct plain_node *node = calloc(1, sizeof *node);
    assert_non_null(node);
    node->row = calloc(LENGTH, sizeof *node->row);
    assert_non_null(node->row);
    node->leaf = true;
    for (uint32_t i = 0; begun && i < tree->classes; i++) {
        node->weight[i] = begun[i];
        node->total += begun[i];
    }
    node->tried_at = node->total;
    return node;
}

static void plain_close(struct plain_node *node)
{
    for (int i = 0; !node->leaf && i < 2; i++)
        plain_close(node->child[i]);
    free(node->row);
    free(node);
}

/* Weight, mean, variance, least and most of a feature in a class; weight 0: none. */
struct moments {
    double weight, mean, variance, least, most;
};

static struct moments moments_of(const struct plain_node *node, uint32_t feature, uint32_t label)
{
    struct moments found = {.least = INFINITY, .most = -INFINITY};
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        double value = node->row[i].value[feature];
        if (node->row[i].label != label || isnan(value))
            continue;
        found.weight += node->row[i].weight;
        sum += node->row[i].weight * value;
        found.least = fmin(found.least, value);
        found.most = fmax(found.most, value);
    }
    found.mean = found.weight > 0 ? sum / found.weight : 0;
    for (uint32_t i = 0; i < node->count; i++) {
        double apart = node->row[i].value[feature] - found.mean;
        if (node->row[i].label == label && !isnan(apart))
            squares += node->row[i].weight * apart * apart;
    }
    found.variance = found.weight > 1 ? squares / (found.weight - 1) : 0;
    return found;
}

static double count_of(const struct plain_node *node, uint32_t label, double value)
{
    double count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        double here = node->row[i].value[NOMINAL];
        bool counts = value < 0 ? !isnan(here) : here == value;
        count += node->row[i].label == label && counts ? node->row[i].weight : 0;
    }
    return count;
}

static double entropy(const double *weight, uint32_t classes)
{
    double total = 0, sum = 0;
    for (uint32_t i = 0; i < classes; i++)
        total += weight[i];
    for (uint32_t i = 0; i < classes; i++)
        sum -= weight[i] > 0 ? weight[i] / total * log2(weight[i] / total) : 0;
    return sum;
}

static double gini(const double *weight, uint32_t classes)
{
    double total = 0, sum = 1;
    for (uint32_t i = 0; i < classes; i++)
        total += weight[i];
    for (uint32_t i = 0; total > 0 && i < classes; i++)
        sum -= weight[i] / total * (weight[i] / total);
    return sum;
}

static double hellinger(const double *below, const double *above, uint32_t classes)
{
    double farthest = 0, all = 0, low = 0;
    for (uint32_t i = 0; i < classes; i++) {
        all += below[i] + above[i];
        low += below[i];
    }
    for (uint32_t i = 0; i < classes; i++) {
        double own = below[i] + above[i], others = all - own;
        if (own <= 0 || others <= 0)
            continue;
        double left = sqrt(below[i] / own) - sqrt(fmax(0, low - below[i]) / others);
        double right = sqrt(above[i] / own) - sqrt(fmax(0, all - low - above[i]) / others);
        farthest = fmax(farthest, sqrt(left * left + right * right));
    }
    return farthest;
}

static double merit_of(const struct plain_tree *tree, const struct plain_node *node,
                       const double *below, const double *above)
{
    double all[CLASSES_MAX], low = 0, high = 0, observed = node->total;
    for (uint32_t i = 0; i < tree->classes; i++) {
        all[i] = below[i] + above[i];
        low += below[i];
        high += above[i];
        observed -= node->begun[i];
    }
    double fraction = tree->options.min_branch_fraction, known = (low + high) / observed;
    if (low <= fraction * (low + high) || high <= fraction * (low + high))
        return -INFINITY;
    if (tree->options.criterion == CRITERION_HELLINGER)
        return known * hellinger(below, above, tree->classes);
    double (*impurity)(const double *, uint32_t) =
        tree->options.criterion == CRITERION_GINI ? gini : entropy;
    return known * (impurity(all, tree->classes) -
                    (low * impurity(below, tree->classes) + high * impurity(above, tree->classes)) /
                        (low + high));
}

struct plain_split {
    double merit, split, below[CLASSES_MAX], above[CLASSES_MAX];
    uint32_t feature;
};

static void offer(const struct plain_tree *tree, const struct plain_node *node,
                  struct plain_split *best, uint32_t feature, double split, const double *below,
                  const double *above)
{
    double merit = merit_of(tree, node, below, above);
    if (merit <= best->merit)
        return;
    best->merit = merit;
    best->split = split;
    best->feature = feature;
    memcpy(best->below, below, sizeof best->below);
    memcpy(best->above, above, sizeof best->above);
}

static struct plain_split best_of_number(const struct plain_tree *tree,
                                         const struct plain_node *node, uint32_t feature)
{
    struct plain_split best = {.merit = -INFINITY};
    struct moments moments[CLASSES_MAX];
    double least = INFINITY, most = -INFINITY;
    for (uint32_t c = 0; c < tree->classes; c++) {
        moments[c] = moments_of(node, feature, c);
        least = fmin(least, moments[c].least);
        most = fmax(most, moments[c].most);
    }
    for (int64_t i = 1; i <= tree->options.candidates; i++) {
        double below[CLASSES_MAX] = {0}, above[CLASSES_MAX] = {0};
        double at = least + (most - least) * (double)i / (double)(tree->options.candidates + 1);
        for (uint32_t c = 0; c < tree->classes; c++) {
            const struct moments *m = &moments[c];
            double share = at >= m->most ? 1
                           : at < m->least || m->variance <= 0
                               ? 0
                               : 0.5 * erfc((m->mean - at) / sqrt(2 * m->variance));
            below[c] = share * m->weight;
            below[c] = share < 1e-6 ? 0 : share > 1 - 1e-6 ? m->weight : below[c];
            above[c] = m->weight - below[c];
        }
        offer(tree, node, &best, feature, at, below, above);
    }
    return best;
}

static struct plain_split best_of_nominal(const struct plain_tree *tree,
                                          const struct plain_node *node)
{
    struct plain_split best = {.merit = -INFINITY};
    for (int value = 0; value < VALUES; value++) {
        double below[CLASSES_MAX] = {0}, above[CLASSES_MAX] = {0};
        for (uint32_t c = 0; c < tree->classes; c++) {
            above[c] = count_of(node, c, value);
            below[c] = count_of(node, c, -1) - above[c];
        }
        offer(tree, node, &best, NOMINAL, value, below, above);
    }
    return best;
}

static void plain_divide(struct plain_tree *tree, struct plain_node *node,
                         const struct plain_split *split)
{
    double low = 0, high = 0;
    node->leaf = false;
    node->feature = split->feature;
    node->split = split->split;
    node->equal = split->feature == NOMINAL;
    node->child[0] = plain_leaf(tree, split->below);
    node->child[1] = plain_leaf(tree, split->above);
    for (uint32_t i = 0; i < tree->classes; i++) {
        low += node->child[0]->begun[i] = split->below[i];
        high += node->child[1]->begun[i] = split->above[i];
    }
    tree->close = tree->close || fabs(low - high) < 1e-4 * (low + high);
    node->missing_right = high > low;
    tree->splits++;
}

static void plain_try(struct plain_tree *tree, struct plain_node *node)
{
    double second = -INFINITY, seen = 0, range = 1;
    struct plain_split best = {.merit = -INFINITY};
    for (uint32_t i = 0; i < tree->classes; i++) {
        seen += node->weight[i] > 0;
        if (node->weight[i] >= node->total)
            return;
    }
    for (uint32_t feature = 0; feature < KEY; feature++) {
        struct plain_split here =
            feature == NOMINAL ? best_of_nominal(tree, node) : best_of_number(tree, node, feature);
        second = fmax(second, fmin(here.merit, best.merit));
        best = here.merit > best.merit ? here : best;
    }
    if (tree->options.criterion == CRITERION_INFORMATION)
        range = log2(fmax(2, seen));
    if (tree->options.criterion == CRITERION_HELLINGER)
        range = sqrt(2);
    double bound = sqrt(range * range * log(1 / tree->options.delta) / (2 * node->total));
    second = tree->options.preprune ? fmax(0, second) : second;
    tree->close = tree->close || fabs(best.merit - second - bound) < CLOSE ||
                  fabs(bound - tree->options.tau) < CLOSE || fabs(best.merit - second) < CLOSE;
    if (best.merit == -INFINITY || (tree->options.preprune && best.merit <= 0))
        return;
    if (best.merit - second > bound || bound < tree->options.tau)
        plain_divide(tree, node, &best);
}

static uint32_t largest(const double *share, uint32_t classes)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < classes; i++)
        best = share[i] > share[best] ? i : best;
    return best;
}

static void plain_bayes(const struct plain_tree *tree, const struct plain_node *node,
                        const struct row *row, double *share)
{
    double sum = 0, most = -INFINITY;
    for (uint32_t c = 0; c < tree->classes; c++) {
        share[c] = log(node->weight[c]);
        for (uint32_t feature = 0; feature < NOMINAL; feature++) {
            struct moments m = moments_of(node, feature, c);
            double apart = row->value[feature] - m.mean;
            if (m.variance > 1e-30 && !isnan(apart))
                share[c] -= 0.5 * (apart * apart / m.variance + log(2 * M_PI * m.variance));
        }
        double seen = 0;
        for (int value = 0; value < VALUES; value++) {
            double any = 0;
            for (uint32_t k = 0; k < tree->classes; k++)
                any += count_of(node, k, value);
            seen += any > 0;
        }
        if (seen > 0 && !isnan(row->value[NOMINAL]))
            share[c] +=
                log((count_of(node, c, row->value[NOMINAL]) + 1) / (count_of(node, c, -1) + seen));
        most = fmax(most, share[c]);
    }
    for (uint32_t c = 0; c < tree->classes; c++)
        sum += share[c] = exp(share[c] - most);
    for (uint32_t c = 0; c < tree->classes; c++)
        share[c] /= sum;
}

static struct plain_node *plain_walk(struct plain_node *node, const struct row *row)
{
    while (!node->leaf) {
        double value = row->value[node->feature];
        bool right = node->equal ? value == node->split : value > node->split;
        node = node->child[isnan(value) ? node->missing_right : right];
    }
    return node;
}

/* Whether the largest two are close. */
static bool is_close(const double *share, uint32_t classes)
{
    uint32_t best = largest(share, classes);
    for (uint32_t i = 0; i < classes; i++) {
        if (i != best && share[best] - share[i] < 1e-3)
            return true;
    }
    return false;
}

static void plain_learn(struct plain_tree *tree, const struct row *row, double *share)
{
    struct plain_node *node = plain_walk(tree->root, row);
    double naive[CLASSES_MAX], major[CLASSES_MAX];
    for (uint32_t c = 0; c < tree->classes; c++)
        share[c] = 1.0 / tree->classes;
    if (node->total > 0) {
        for (uint32_t c = 0; c < tree->classes; c++)
            major[c] = node->weight[c] / node->total;
        plain_bayes(tree, node, row, naive);
        memcpy(share, node->naive_right >= node->majority_right ? naive : major,
               sizeof *share * tree->classes);
        if (tree->options.prediction != PREDICTION_ADAPTIVE)
            memcpy(share, tree->options.prediction == PREDICTION_MAJORITY ? major : naive,
                   sizeof *share * tree->classes);
        node->majority_right += largest(major, tree->classes) == row->label ? row->weight : 0;
        node->naive_right += largest(naive, tree->classes) == row->label ? row->weight : 0;
        tree->close = tree->close || (is_close(naive, tree->classes) && node->count > 0);
    }
    node->row[node->count++] = *row;
    node->weight[row->label] += row->weight;
    node->total += row->weight;
    if (node->total - node->tried_at >= tree->options.grace_period) {
        node->tried_at = node->total;
        plain_try(tree, node);
    }
}

static void draw(struct random *random, uint32_t classes, struct row *row)
{
    for (uint32_t i = 0; i < NOMINAL; i++)
        row->value[i] = (double)(float)random_uniform(random);
    row->value[NOMINAL] = (double)random_below(random, VALUES);
    double sum = row->value[0] * 2 + (row->value[1] > 0.4) + (row->value[NOMINAL] == 2);
    row->label = (uint32_t)(sum / 4 * classes);
    if (random_below(random, 10) == 0)
        row->label = (uint32_t)random_below(random, classes);
    row->value[2] += 0.3 * row->label;
    row->weight = 1 + (double)random_below(random, 3);
    if (random_below(random, 8) == 0)
        row->value[random_below(random, KEY)] = MISSING;
}

struct both {
    struct plain_tree plain;
    struct hoeffding *arena;
    uint64_t root, compared;
};

static void learn_both(struct both *both, const struct row *row)
{
    union value feature[FEATURES];
    for (uint32_t i = 0; i < FEATURES; i++)
        feature[i].number = row->value[i];
    feature[KEY].key = 77;
    struct example example = {feature, 0, row->label, row->weight, NULL};
    struct hoeffding_view view;
    struct hoeffding_answer answer;
    hoeffding_see_first(both->arena, &example, &view);
    uint64_t node = hoeffding_walk(both->arena, both->root, &view);
    hoeffding_answer(both->arena, node, &view, true, &answer);
    hoeffding_learn(both->arena, node, &view, row->weight, &answer);
    double share[CLASSES_MAX];
    plain_learn(&both->plain, row, share);
    if (both->plain.close)
        return;
    both->compared++;
    for (uint32_t c = 0; c < both->plain.classes; c++)
        assert_true(fabs(share[c] - answer.share[c]) < 1e-3);
    assert_int_equal(both->arena->splits, both->plain.splits);
}

/* The same tests at the same places, down to all leaves. */
static void compare_nodes(const struct both *both, uint64_t index, const struct plain_node *plain)
{
    const struct hoeffding_node *node = hoeffding_node(both->arena, index);
    assert_int_equal((node->test & NODE_LEAF) != 0, plain->leaf);
    if (plain->leaf)
        return;
    assert_int_equal(node->test & NODE_FEATURE, plain->feature);
    assert_int_equal((node->test & NODE_EQUAL) != 0, plain->equal);
    assert_int_equal((node->test & NODE_MISSING_RIGHT) != 0, plain->missing_right);
    double origin = plain->equal ? 0 : both->arena->origin[plain->feature];
    assert_true(fabs((double)node->split + origin - plain->split) < 1e-5);
    compare_nodes(both, node->child, plain->child[0]);
    compare_nodes(both, node->child + 1, plain->child[1]);
}

static void test_same_as_plain(void **unused)
{
    (void)unused;
    uint64_t compared = 0, splits = 0;
    for (uint64_t seed = 1; seed <= STREAMS; seed++) {
        struct both both = {.plain = {.classes = 2 + seed % 2}};
        struct hoeffding_options *options = &both.plain.options;
        *options = (struct hoeffding_options){.memory = 1 << 20,
                                              .candidates = seed % 3 ? 10 : 16,
                                              .max_depth = 100,
                                              .grace_period = 60.5 + 20 * (double)(seed % 4),
                                              .delta = seed % 5 ? 0.01 : 1e-4,
                                              .tau = 0.05,
                                              .min_branch_fraction = 0.01,
                                              .max_share_to_split = 1,
                                              .criterion = (int)(seed / 2 % 3),
                                              .prediction = seed % 4 ? 2 : (int)(seed / 4 % 2),
                                              .preprune = seed % 7 == 0};
        struct model_shape shape = {FEATURES, types, names, both.plain.classes};
        both.arena = aligned_alloc(64, hoeffding_size(options, &shape, 0, 2) / 64 * 64 + 64);
        assert_non_null(both.arena);
        hoeffding_init(both.arena, options, &shape, 0, 2, SUBSPACE_ALL, seed);
        struct hoeffding_view nobody;
        nobody.state = NULL;
        both.root = hoeffding_plant(both.arena, &nobody);
        both.plain.root = plain_leaf(&both.plain, NULL);
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < LENGTH / 2 && !both.plain.close; i++) {
            struct row row;
            draw(&random, both.plain.classes, &row);
            learn_both(&both, &row);
        }
        if (!both.plain.close)
            compare_nodes(&both, both.root, both.plain.root);
        compared += both.compared;
        splits += both.plain.splits;
        plain_close(both.plain.root);
        free(both.arena);
    }
    print_message("%llu answers and %llu splits were the same\n", (unsigned long long)compared,
                  (unsigned long long)splits);
    assert_true(compared > 500 * STREAMS && splits > 3 * STREAMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
