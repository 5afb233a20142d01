/* Ensembles of trees and trees that change: what their memory must always look like, and that they
 * follow a concept that is turned round.  The files are included so that one can look inside. */
#include "models/extremely_fast_decision_tree_model.c"
#include "models/hoeffding_adaptive_tree_model.c"
#include "models/tree_ensemble.c"

#include "tests/unit/base_options.h"
#include <stdio.h>

enum { FEATURES = 5, LENGTH = 6000, CLASSES = 3 };

static const enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER, TYPE_ENUM,
                                                TYPE_TEXT};
static const char *const names[FEATURES] = {"a", "b", "c", "kind", "card"};
static const struct model_shape shape = {FEATURES, types, names, CLASSES};

struct count {
    uint64_t pairs, leaves;
};

static void count_branch(const struct hoeffding *arena, uint64_t index, struct count *count)
{
    const struct hoeffding_node *node = hoeffding_node(arena, index);
    if (node->leaf) {
        const struct hoeffding_leaf *leaf = hoeffding_leaf(arena, node->leaf);
        assert_int_equal(leaf->node, index);
        double sum = 0;
        for (uint64_t i = 0; i < arena->class_count; i++)
            sum += leaf->class_weight[i];
        assert_true(fabs(sum - leaf->total) <= 1e-6 * leaf->total);
        assert_true(leaf->number_count + leaf->nominal_count == arena->watched);
        for (uint64_t i = 0; i < arena->watched; i++)
            assert_true(types[leaf_features(arena, leaf)[i]] != TYPE_TEXT);
        count->leaves++;
    }
    if (node->test & NODE_LEAF)
        return;
    count->pairs++;
    count_branch(arena, node->child, count);
    count_branch(arena, node->child + 1, count);
}

static void count_tree(const struct hoeffding *arena, uint64_t root, struct count *count)
{
    count->pairs++;
    count_branch(arena, root, count);
}

/* Nothing is lost, nothing is had twice. */
static void check_count(const struct hoeffding *arena, struct count count)
{
    uint64_t free_pairs = 0, free_leaves = 0;
    for (uint64_t i = arena->free_pair; i; i = hoeffding_node(arena, 2 * i)->child)
        free_pairs++;
    for (uint64_t i = arena->free_leaf; i; i = hoeffding_leaf(arena, i)->next_free)
        free_leaves++;
    assert_int_equal(count.leaves, arena->leaves_live);
    assert_int_equal(count.leaves + free_leaves, arena->leaves_used);
    assert_int_equal(count.pairs + free_pairs, arena->pairs_used);
    assert_true(arena->leaves_used <= arena->leaf_capacity);
    assert_true(arena->pairs_used <= arena->pair_capacity);
}

struct subject {
    const struct model_kind *kind;
    void *options, *self;
};

static void subject_open(struct subject *subject, const char *kind, const char *options)
{
    subject->kind = model_find(kind);
    assert_non_null(subject->kind);
    subject->options = options_of_json(subject->kind->options, subject->kind->option_size, options);
    uint64_t size = subject->kind->state_size(subject->options, &shape);
    subject->self = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(subject->self);
    subject->kind->init(subject->self, subject->options, &shape, 1);
}

static void subject_close(struct subject *subject)
{
    free(subject->self);
    free(subject->options);
}

/* Whether it got the example right; after half of the stream every label is another one. */
static bool teach(const struct subject *subject, struct random *random, int at)
{
    union value feature[FEATURES];
    for (int i = 0; i < 3; i++)
        feature[i].number = random_uniform(random);
    feature[3].number = (double)random_below(random, 3);
    feature[4].key = random_bits(random);
    int label = (feature[0].number > 0.5) + (feature[1].number > 0.5 && feature[3].number > 0);
    label = at < LENGTH / 2 ? label : (label + 1) % CLASSES;
    if (random_below(random, 20) == 0)
        feature[random_below(random, 4)].number = MISSING;
    struct example example = {feature, 0, label, 1, NULL};
    return subject->kind->learn(subject->self, &example) == label;
}

static void check_ensemble(const void *memory)
{
    const struct ensemble *self = (const struct ensemble *)memory;
    struct count count = {0};
    for (uint64_t i = 0; i < self->member_count; i++) {
        count_tree(arena_of(self), self->member[i].root, &count);
        if (self->member[i].background)
            count_tree(arena_of(self), self->member[i].background, &count);
    }
    check_count(arena_of(self), count);
}

/* The share right of the last thousand before the turn and at the end. */
struct course {
    double before, after;
};

static struct course follow(const struct subject *subject, void (*check)(const void *))
{
    struct course course = {0};
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < LENGTH; i++) {
        bool right = teach(subject, &random, i);
        course.before += i >= LENGTH / 2 - 1000 && i < LENGTH / 2 ? right / 1000.0 : 0;
        course.after += i >= LENGTH - 1000 ? right / 1000.0 : 0;
        if (i % 50 == 0 && check)
            check(subject->self);
    }
    return course;
}

static void test_ensembles(void **unused)
{
    (void)unused;
    static const char *const kinds[] = {"adaptive_random_forest", "streaming_random_patches",
                                        "leveraging_bagging"};
    static const char *const options[] = {"{\"trees\": 7}",
                                          "{\"trees\": 7, \"memory\": \"64KiB\"}"};
    for (int i = 0; i < 6; i++) {
        struct subject subject;
        subject_open(&subject, kinds[i / 2], options[i % 2]);
        struct course course = follow(&subject, check_ensemble);
        const struct hoeffding *arena = arena_of(subject.self);
        print_message("%s %s: %.3f, turned round %.3f; %u leaves put to sleep\n", kinds[i / 2],
                      options[i % 2], course.before, course.after, (unsigned)arena->asleep);
        assert_true(course.before > 0.75 && course.after > 0.75);
        assert_int_equal(arena->asleep > 0, i % 2);
        subject_close(&subject);
    }
}

/* Poisson(lambda), from its mean and variance. */
static void test_poisson(void **unused)
{
    (void)unused;
    static const double means[] = {0.5, 1, 6, 20};
    struct ensemble *self = calloc(1, sizeof *self);
    assert_non_null(self);
    for (int i = 0; i < 4; i++) {
        double sum = 0, squares = 0;
        random_seed(&self->random, 5);
        poisson_begin(self, means[i]);
        for (int j = 0; j < 100000; j++) {
            double drawn = draw_poisson(self);
            sum += drawn / 100000;
            squares += drawn * drawn / 100000;
        }
        assert_true(fabs(sum / means[i] - 1) < 0.02);
        assert_true(fabs((squares - sum * sum) / means[i] - 1) < 0.03);
    }
    free(self);
}

static void check_adaptive(const void *memory)
{
    const struct adaptive_tree *self = (const struct adaptive_tree *)memory;
    struct count count = {0};
    uint64_t watchers = 0;
    count_tree(&self->arena, self->root, &count);
    for (uint64_t i = 1; i <= self->watchers_used; i++) {
        const struct watcher *watcher = watcher_at(self, i);
        if (!watcher->node)
            continue;
        assert_int_equal(*watched(self, watcher->node), i);
        assert_false(hoeffding_node(&self->arena, watcher->node)->test & NODE_LEAF);
        if (watcher->alternate)
            count_tree(&self->arena, watcher->alternate, &count);
        watchers++;
    }
    for (uint64_t i = self->free_watcher; i; i = watcher_at(self, i)->next_free)
        watchers++;
    assert_int_equal(watchers, self->watchers_used);
    check_count(&self->arena, count);
}

static void test_adaptive_tree(void **unused)
{
    (void)unused;
    static const char *const options[] = {
        "{\"grace_period\": 50, \"delta\": 0.01}",
        "{\"grace_period\": 20, \"delta\": 0.1, \"memory\": \"64KiB\", \"drift_window\": 50}"};
    for (int i = 0; i < 2; i++) {
        struct subject subject;
        subject_open(&subject, "hoeffding_adaptive_tree", options[i]);
        struct course course = follow(&subject, check_adaptive);
        const struct adaptive_tree *self = (const struct adaptive_tree *)subject.self;
        print_message("%s: %.3f, turned round %.3f; %u branches replaced\n", options[i],
                      course.before, course.after, (unsigned)self->replaced);
        assert_true(course.before > 0.85 && course.after > 0.8 && self->replaced > 0);
        subject_close(&subject);
    }
}

static void check_revising(const void *memory)
{
    const struct revising_tree *self = (const struct revising_tree *)memory;
    struct count count = {0};
    count_tree(&self->arena, self->root, &count);
    check_count(&self->arena, count);
}

/* Inner nodes go on observing; some splits that it made are no more. */
static void test_revising_tree(void **unused)
{
    (void)unused;
    static const char *const options[] = {
        "{\"memory\": \"256KiB\"}", "{\"grace_period\": 20, \"delta\": 0.1, \"reevaluate\": 10, "
                                    "\"memory\": \"64KiB\"}"};
    for (int i = 0; i < 2; i++) {
        struct subject subject;
        subject_open(&subject, "extremely_fast_decision_tree", options[i]);
        struct course course = follow(&subject, check_revising);
        const struct revising_tree *self = (const struct revising_tree *)subject.self;
        struct count count = {0};
        count_tree(&self->arena, self->root, &count);
        print_message("%s: %.3f; %u splits made, %u are left\n", options[i], course.before,
                      (unsigned)self->arena.splits, (unsigned)count.pairs - 1);
        assert_true(course.before > 0.85);
        assert_true(i == 0 || self->arena.splits > count.pairs - 1);
        assert_int_equal(hoeffding_node(&self->arena, self->root)->leaf > 0, 1);
        subject_close(&subject);
    }
}

/* A tree that wants far more leaves than it may have goes on answering with what it has. */
static void test_full_tree(void **unused)
{
    (void)unused;
    struct subject subject;
    subject_open(&subject, "hoeffding_tree",
                 "{\"grace_period\": 5, \"delta\": 0.9, \"tau\": 5, \"memory\": \"64KiB\"}");
    struct course course = follow(&subject, NULL);
    print_message("full: %.3f\n", course.before);
    assert_true(course.before > 0.6);
    subject_close(&subject);
}

/* Who has never been right has no say beside somebody who was; where nobody was, all are even. */
static void test_votes(void **unused)
{
    (void)unused;
    struct subject subject;
    subject_open(&subject, "adaptive_random_forest", "{\"memory\": \"64KiB\", \"trees\": 3}");
    follow(&subject, NULL);
    struct ensemble *self = (struct ensemble *)subject.self;
    union value feature[FEATURES] = {{.number = 0.5}, {.number = 0.5}, {.number = 0.5}};
    const struct example example = {feature, 0, 0, 1, NULL};
    struct hoeffding_view view;
    double alone[MODEL_CLASSES_MAX], both[MODEL_CLASSES_MAX];
    hoeffding_see(arena_of(self), &example, &view);
    for (uint64_t i = 0; i < 3; i++)
        self->member[i].seen = self->member[i].right = i == 1 ? 5 : 0;
    for (uint64_t i = 0; i < 3; i += 2)
        self->member[i].seen = 5;
    vote(self, &view, false, NULL, both);
    struct hoeffding_answer answer;
    uint64_t node = hoeffding_walk(arena_of(self), self->member[1].root, &view);
    hoeffding_answer(arena_of(self), node, &view, false, &answer);
    for (int i = 0; i < CLASSES; i++)
        assert_true(fabs(both[i] - answer.share[i]) < 1e-12);
    self->member[1].right = 0;
    vote(self, &view, false, NULL, alone);
    for (int i = 0; i < CLASSES; i++)
        assert_true(fabs(alone[i] - 1.0 / CLASSES) < 1e-12);
    subject_close(&subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ensembles),     cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_adaptive_tree), cmocka_unit_test(test_revising_tree),
        cmocka_unit_test(test_full_tree),     cmocka_unit_test(test_votes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
