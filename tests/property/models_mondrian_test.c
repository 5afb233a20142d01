/* Mondrian forests against the paper's own words, with pointers and without cleverness: every node
 * keeps the labels that passed through it, and a forecast is the sum over all prunings of the tree,
 * each written down, with its prior and the product of what its leaves forecast. */
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

enum { FEATURES = 3, EVENTS = 22, CLASSES_MAX = 3, PRUNINGS_MAX = 200000, NODES_MAX = 2 * EVENTS };

static const enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER};
static const char *const names[FEATURES] = {"a", "b", "c"};

struct plain_node {
    double born, split, low[FEATURES], high[FEATURES];
    struct plain_node *child[2];
    int feature, label[EVENTS], labels;
    float place;
    double weight[EVENTS];
};

struct plain {
    struct plain_node node[NODES_MAX], *root;
    struct random random;
    int used, classes;
    double step;
    bool inside;
};

struct pruning {
    double weight, forecast[CLASSES_MAX];
};

/* From the labels before the one at `until`. */
static double forecast(const struct plain *plain, const struct plain_node *node, int until,
                       int class)
{
    double counted = 0, all = 0;
    for (int i = 0; i < until; i++) {
        all += node->weight[i];
        counted += node->label[i] == class ? node->weight[i] : 0;
    }
    return (counted + 0.5) / (all + 0.5 * plain->classes);
}

static double likelihood(const struct plain *plain, const struct plain_node *node)
{
    double product = 1;
    for (int i = 0; i < node->labels; i++)
        product *= pow(forecast(plain, node, i, node->label[i]), plain->step * node->weight[i]);
    return product;
}

static struct pruning stop(const struct plain *plain, const struct plain_node *node)
{
    struct pruning pruning = {likelihood(plain, node) * (node->child[0] ? 0.5 : 1), {0}};
    for (int i = 0; i < plain->classes; i++)
        pruning.forecast[i] = forecast(plain, node, node->labels, i);
    return pruning;
}

/* All prunings of what is below the node; the forecast is that of the leaf where x is.  Returns
 * their number, or 0 if there are too many. */
static int prunings(const struct plain *plain, const struct plain_node *node, const double *x,
                    struct pruning **list)
{
    *list = malloc(sizeof **list);
    (*list)[0] = stop(plain, node);
    if (!node->child[0])
        return 1;
    struct pruning *below[2];
    int count[2];
    for (int i = 0; i < 2; i++)
        count[i] = prunings(plain, node->child[i], x, &below[i]);
    int all = count[0] && count[1] && count[0] * count[1] < PRUNINGS_MAX ? count[0] * count[1] : -1;
    *list = realloc(*list, (size_t)(1 + (all > 0 ? all : 0)) * sizeof **list);
    int side = x[node->feature] > (double)node->place;
    for (int i = 0; i < all; i++) {
        const struct pruning *pair[2] = {&below[0][i / count[1]], &below[1][i % count[1]]};
        (*list)[1 + i] = *pair[side];
        (*list)[1 + i].weight = 0.5 * pair[0]->weight * pair[1]->weight;
    }
    free(below[0]);
    free(below[1]);
    return 1 + all;
}

/* False if there are too many prunings to write down. */
static bool plain_score(const struct plain *plain, const double *x, double *sums)
{
    struct pruning *list;
    int count = prunings(plain, plain->root, x, &list);
    double all = 0;
    memset(sums, 0, CLASSES_MAX * sizeof *sums);
    for (int i = 0; i < count; i++) {
        all += list[i].weight;
        for (int j = 0; j < plain->classes; j++)
            sums[j] += list[i].weight * list[i].forecast[j];
    }
    for (int j = 0; j < plain->classes; j++)
        sums[j] /= all;
    free(list);
    return count > 0;
}

static struct plain_node *plain_leaf(struct plain *plain, const double *x, double born)
{
    struct plain_node *node = &plain->node[plain->used++];
    *node = (struct plain_node){.born = born, .split = INFINITY};
    memcpy(node->low, x, sizeof node->low);
    memcpy(node->high, x, sizeof node->high);
    return node;
}

static void stretch(struct plain_node *node, const double *x)
{
    for (int i = 0; i < FEATURES; i++) {
        node->low[i] = fmin(node->low[i], x[i]);
        node->high[i] = fmax(node->high[i], x[i]);
    }
}

static bool has_seen(const struct plain_node *node, int label, bool other)
{
    for (int i = 0; i < node->labels; i++) {
        if ((node->label[i] == label) != other)
            return true;
    }
    return false;
}

/* Where feature i may be cut: between box and x, or in their hull. */
static void gap(const struct plain_node *node, const double *x, int i, bool hull, double *from,
                double *to)
{
    double low = node->low[i], high = node->high[i];
    *from = hull ? fmin(low, x[i]) : x[i] > high ? high : fmin(x[i], low);
    *to = hull ? fmax(high, x[i]) : x[i] < low ? low : fmax(x[i], high);
    if (!hull && x[i] >= low && x[i] <= high)
        *from = *to = 0;
}

/* The cut that x brings above the node; true if it made one. */
static bool plain_cut(struct plain *plain, struct plain_node **link, const double *x, int label)
{
    struct plain_node *node = *link;
    bool hull = plain->inside && !node->child[0] && !has_seen(node, label, false);
    double reach[FEATURES], from, to, sum = 0;
    for (int i = 0; i < FEATURES; i++) {
        gap(node, x, i, hull, &from, &to);
        reach[i] = to - from;
        sum += reach[i];
    }
    if (!(sum > 0) || !has_seen(node, label, true))
        return false;
    double time = node->born - log(1 - random_uniform(&plain->random)) / sum;
    if (time >= node->split)
        return false;
    double chance = random_uniform(&plain->random) * sum;
    int chosen = 0;
    while (chosen + 1 < FEATURES && chance >= reach[chosen])
        chance -= reach[chosen++];
    gap(node, x, chosen, hull, &from, &to);
    float place = (float)(from + random_uniform(&plain->random) * (to - from));
    struct plain_node *above = &plain->node[plain->used++], *leaf = plain_leaf(plain, x, time);
    *above = *node;
    *link = above;
    stretch(above, x);
    above->split = node->born = time;
    above->feature = chosen;
    above->place = place;
    bool right = x[chosen] > (double)place;
    above->child[right] = leaf;
    above->child[!right] = node;
    if (right)
        node->high[chosen] = fmin(node->high[chosen], (double)place);
    else
        node->low[chosen] = fmax(node->low[chosen], (double)place);
    return true;
}

static void note(struct plain_node *node, int label, double weight)
{
    node->weight[node->labels] = weight;
    node->label[node->labels++] = label;
}

static void plain_learn(struct plain *plain, const double *x, int label, double weight)
{
    struct plain_node **link = &plain->root;
    if (!*link)
        *link = plain_leaf(plain, x, 0);
    for (bool new = false;;) {
        new = !new &&plain_cut(plain, link, x, label);
        struct plain_node *node = *link;
        stretch(node, x);
        note(node, label, weight);
        if (!node->child[0])
            return;
        link = &node->child[x[node->feature] > (double)node->place];
        if (new) {
            note(*link, label, weight);
            return;
        }
    }
}

static void compare(const struct plain *plain, const double *x, double score)
{
    double sums[CLASSES_MAX];
    if (!plain_score(plain, x, sums))
        return;
    if (plain->classes == 2) {
        assert_true(fabs(score - sums[1]) < 1e-9);
        return;
    }
    for (int i = 0; i < plain->classes; i++)
        assert_true(sums[(int)score] >= sums[i] - 1e-9);
}

struct trial {
    const char *options;
    double step;
    bool inside;
    uint32_t classes;
};

static void run(const struct trial *trial, uint64_t seed)
{
    const struct model_shape shape = {FEATURES, types, names, trial->classes};
    const struct model_kind *kind = model_find("mondrian_forest");
    void *options = options_of_json(kind->options, kind->option_size, trial->options);
    void *self = calloc(1, kind->state_size(options, &shape));
    kind->init(self, options, &shape, seed);
    static struct plain plain;
    plain = (struct plain){.classes = (int)trial->classes, .step = trial->step};
    plain.inside = trial->inside;
    struct random seeds, random;
    random_seed(&seeds, seed);
    random_seed(&plain.random, random_bits(&seeds));
    random_seed(&random, seed + 1000);
    double origin[FEATURES];
    for (int event = 0; event < EVENTS; event++) {
        union value feature[FEATURES];
        double x[FEATURES];
        for (int i = 0; i < FEATURES; i++) {
            feature[i].number = (double)random_below(&random, 64) / 16;
            origin[i] = event ? origin[i] : feature[i].number;
            x[i] = feature[i].number - origin[i];
        }
        bool noise = random_below(&random, 5) == 0;
        uint64_t label = noise ? random_below(&random, trial->classes) : feature[0].number > 2;
        double weight = 1 + (double)random_below(&random, 2) / 2;
        struct example example = {feature, 0, (double)label, weight, NULL};
        double score = kind->learn(self, &example);
        if (event)
            compare(&plain, x, score);
        plain_learn(&plain, x, (int)label, weight);
    }
    print_message("seed %d: %d nodes\n", (int)seed, plain.used);
    free(options);
    free(self);
}

static void test_prunings(void **unused)
{
    (void)unused;
    static const struct trial trials[] = {
        {"{\"trees\": 1, \"scaler\": \"none\", \"memory\": \"64KiB\"}", 1, true, 2},
        {"{\"trees\": 1, \"scaler\": \"none\", \"memory\": \"64KiB\", \"cuts\": \"outside\"}", 1,
         false, 2},
        {"{\"trees\": 1, \"scaler\": \"none\", \"memory\": \"64KiB\", \"step\": 0.6}", 0.6, true,
         3},
    };
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        for (uint64_t seed = 1; seed <= 30; seed++)
            run(&trials[i], seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prunings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
