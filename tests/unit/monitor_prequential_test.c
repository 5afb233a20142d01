/* The histogram's metrics against the exact ones, by sorting the very scores. */
#include "monitor/prequential.h"
#include "tests/unit/monitor_helper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct set {
    struct prequential_sums sums;
    struct prequential_bin bins[PREQUENTIAL_BINS];
    uint32_t count;
    struct prequential_row row[20000];
};

static struct set *set_make(void)
{
    struct set *set = calloc(1, sizeof *set);
    assert_non_null(set);
    return set;
}

static void set_add(struct set *set, struct prequential_row row)
{
    set->row[set->count++] = row;
    prequential_add(&set->sums, &set->bins[prequential_bin_index(row.score)], &row);
}

static int by_score_downwards(const void *one, const void *other)
{
    double first = ((const struct prequential_row *)one)->score;
    double second = ((const struct prequential_row *)other)->score;
    return (first < second) - (first > second);
}

/* Exact, ties of equal scores counted half; and what binning may add or take. */
struct exact {
    double auc, average_precision, auc_slack, precision_slack;
};

static struct exact exact_metrics(struct set *set)
{
    struct exact exact = {.auc = 0};
    double positives = 0, negatives = 0, shares = 0;
    qsort(set->row, set->count, sizeof *set->row, by_score_downwards);
    for (uint32_t i = 0, next; i < set->count; i = next) {
        double tied_positives = 0, tied_negatives = 0;
        for (next = i; next < set->count && set->row[next].score == set->row[i].score; next++)
            *(set->row[next].positive ? &tied_positives : &tied_negatives) += set->row[next].weight;
        exact.auc += tied_negatives * (positives + tied_positives / 2);
        positives += tied_positives;
        negatives += tied_negatives;
        shares += tied_positives * positives / (positives + negatives);
    }
    exact.auc /= positives * negatives;
    exact.average_precision = shares / positives;
    double above_positives = 0, above_negatives = 0;
    for (uint32_t i = PREQUENTIAL_BINS; i-- > 0;) {
        double p = set->bins[i].positives, n = set->bins[i].negatives;
        exact.auc_slack += p * n / (2 * positives * negatives);
        double least = above_positives / (above_positives + above_negatives + n + 1e-300);
        double most = (above_positives + p) / (above_positives + p + above_negatives + 1e-300);
        exact.precision_slack += p / positives * (most - least);
        above_positives += p;
        above_negatives += n;
    }
    return exact;
}

/* Scores of a model of the given skill; `spread` 0: all alike. */
static void fill(struct set *set, uint64_t seed, double share, double skill, bool weighted)
{
    struct random random;
    random_seed(&random, seed);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t positive = random_uniform(&random) < share;
        double logit = -4 + 2 * random_normal(&random) + (positive ? skill : 0);
        double score = 1 / (1 + exp(-logit));
        if (i % 500 == 0)
            score = i % 1000 == 0;
        double weight = weighted ? 0.1 + 5 * random_uniform(&random) : 1;
        set_add(set, (struct prequential_row){score, weight, positive, score > 0.3});
    }
}

static void test_ranking_is_close_to_exact(void **state)
{
    (void)state;
    static const double shares[] = {0.01, 0.3, 0.9}, skills[] = {0, 1, 6};
    for (uint32_t i = 0; i < 18; i++) {
        struct set *set = set_make();
        fill(set, i, shares[i % 3], skills[i / 3 % 3], i >= 9);
        struct metrics metrics;
        prequential_finish(&set->sums, set->bins, &metrics);
        struct exact exact = exact_metrics(set);
        double auc_error = fabs(metrics.auc - exact.auc);
        double precision_error = fabs(metrics.average_precision - exact.average_precision);
        print_message(
            "seed %u: auc %.4f off %.1e of at most %.1e, ap %.4f off %.1e of at most %.1e\n", i,
            exact.auc, auc_error, exact.auc_slack, exact.average_precision, precision_error,
            exact.precision_slack);
        assert_true(auc_error <= exact.auc_slack + 1e-12);
        assert_true(precision_error <= exact.precision_slack + 1e-12);
        assert_true(auc_error < 2e-4 && precision_error < 2e-3);
        free(set);
    }
}

/* Few distinct scores, far apart: bins are ties and nothing else, so all is exact. */
static void test_ties_are_exact(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct set *set = set_make();
        struct random random;
        random_seed(&random, seed);
        uint64_t count = 2 + random_below(&random, 60);
        for (uint64_t i = 0; i < count; i++) {
            double score = (double)random_below(&random, 11) / 10;
            uint32_t positive = i < 2 ? (uint32_t)i : (uint32_t)random_below(&random, 2);
            set_add(set, (struct prequential_row){score, 1, positive, score >= 0.5});
        }
        struct metrics metrics;
        prequential_finish(&set->sums, set->bins, &metrics);
        struct exact exact = exact_metrics(set);
        assert_true(fabs(metrics.auc - exact.auc) < 1e-12);
        assert_true(fabs(metrics.average_precision - exact.average_precision) < 1e-12);
        free(set);
    }
}

static void near(double found, double wanted)
{
    if (!(fabs(found - wanted) < 1e-12))
        fail_msg("found %.15g, wanted %.15g", found, wanted);
}

/* By hand: weights 2, 1, 1, 3, 1. */
static void test_confusion_by_hand(void **state)
{
    (void)state;
    struct set *set = set_make();
    set_add(set, (struct prequential_row){0.9, 2, 1, 1});
    set_add(set, (struct prequential_row){0.8, 1, 0, 1});
    set_add(set, (struct prequential_row){0.4, 1, 1, 0});
    set_add(set, (struct prequential_row){0.2, 3, 0, 0});
    set_add(set, (struct prequential_row){0.9, 1, 0, 1});
    struct metrics metrics;
    prequential_finish(&set->sums, set->bins, &metrics);
    assert_int_equal(metrics.labels, 5);
    assert_int_equal(metrics.positives, 2);
    assert_int_equal(metrics.alerts, 3);
    near(metrics.accuracy, 5.0 / 8);
    near(metrics.precision, 2.0 / 4);
    near(metrics.recall, 2.0 / 3);
    near(metrics.f1, 4.0 / 7);
    /* 0.8: above it 2; 0.2: 3; 0.9: tied with 2 -> 1 */
    near(metrics.auc, (1 * 2 + 3 * 3 + 1 * 1) / (3.0 * 5));
    near(metrics.average_precision, (2 * (2.0 / 3) + 1 * (3.0 / 5)) / 3);
    near(metrics.log_loss, -(2 * log(0.9) + log(0.2) + log(0.4) + 3 * log(0.8) + log(0.1)) / 8);
    free(set);
}

static void test_few_labels(void **state)
{
    (void)state;
    struct set *set = set_make();
    struct metrics metrics;
    prequential_finish(&set->sums, set->bins, &metrics);
    assert_int_equal(metrics.labels, 0);
    assert_true(isnan(metrics.auc) && isnan(metrics.average_precision) && isnan(metrics.accuracy));
    assert_true(isnan(metrics.precision) && isnan(metrics.recall) && isnan(metrics.f1));
    assert_true(isnan(metrics.log_loss));
    set_add(set, (struct prequential_row){0.25, 1, 0, 0});
    prequential_finish(&set->sums, set->bins, &metrics);
    assert_true(isnan(metrics.auc) && isnan(metrics.average_precision) && isnan(metrics.recall));
    near(metrics.accuracy, 1);
    near(metrics.log_loss, -log(0.75));
    set_add(set, (struct prequential_row){0.5, 1, 1, 0});
    prequential_finish(&set->sums, set->bins, &metrics);
    near(metrics.auc, 1);
    near(metrics.average_precision, 1);
    near(metrics.recall, 0);
    near(metrics.f1, 0);
    assert_true(isnan(metrics.precision));
    free(set);
}

static void test_bins_are_in_order_and_bounded(void **state)
{
    (void)state;
    assert_int_equal(prequential_bin_index(0), 0);
    assert_int_equal(prequential_bin_index(5e-324), 0);
    assert_int_equal(prequential_bin_index(-3), 0);
    assert_int_equal(prequential_bin_index(NAN), 0);
    assert_int_equal(prequential_bin_index(1), PREQUENTIAL_BINS - 1);
    assert_int_equal(prequential_bin_index(1 - 0x1p-53), PREQUENTIAL_BINS - 1);
    assert_int_equal(prequential_bin_index(INFINITY), PREQUENTIAL_BINS - 1);
    assert_int_equal(prequential_bin_index(0.5), PREQUENTIAL_BINS / 2);
    uint32_t last = 0;
    for (double score = 0; score <= 1; score += 1e-5) {
        uint32_t bin = prequential_bin_index(score);
        assert_in_range(bin, last, PREQUENTIAL_BINS - 1);
        last = bin;
    }
    assert_true(last > PREQUENTIAL_BINS * 4 / 5);
    assert_true(fabs(prequential_log_loss(0, 1) - 34.538776394910684) < 1e-9);
    assert_true(fabs(prequential_log_loss(1, 0) - 34.538776394910684) < 1e-9);
    assert_true(prequential_log_loss(1, 1) == 0 && prequential_log_loss(0, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranking_is_close_to_exact),
        cmocka_unit_test(test_ties_are_exact),
        cmocka_unit_test(test_confusion_by_hand),
        cmocka_unit_test(test_few_labels),
        cmocka_unit_test(test_bins_are_in_order_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
