/* The detectors against their definitions, written as plainly as possible, over random streams. */
#include "tests/property/models_events.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct model_shape narrow = {1, types, names, 2};

/* Shares of the newest `count` values of a weighted mean: the newest a, the one before (1 - a) of
 * what was its share, and so on, a = max(1 / n, least). */
static void weigh(double *weight, int count, double half_life)
{
    double least = half_life > 0 ? 1 - pow(0.5, 1 / half_life) : 0;
    for (int n = 1; n <= count; n++) {
        double share = fmax(1.0 / n, least);
        for (int i = 0; i < n - 1; i++)
            weight[i] *= 1 - share;
        weight[n - 1] = share;
    }
}

/* --- gaussian: means and variances in two passes over all values --- */

static double plain_gaussian(int event, double half_life, bool greatest)
{
    double sum = 0, most = 0, told = 0, weight[EVENTS], value[EVENTS];
    for (int j = 0; j < FEATURES; j++) {
        int count = 0;
        for (int i = 0; i < event; i++)
            if (!isnan(stream[i][j].number))
                value[count++] = stream[i][j].number;
        double mean = 0, variance = 0, at = stream[event][j].number;
        if (isnan(at))
            continue;
        told++;
        if (count < 2)
            continue;
        weigh(weight, count, half_life);
        for (int i = 0; i < count; i++)
            mean += weight[i] * value[i];
        for (int i = 0; i < count; i++)
            variance += weight[i] * (value[i] - mean) * (value[i] - mean);
        double z = fabs(at - mean) / sqrt(variance);
        double surprise = z < 25 ? -log(erfc(z / sqrt(2))) : z * z / 2 + log(z * sqrt(M_PI / 2));
        sum += surprise;
        most = fmax(most, surprise);
    }
    if (told < 1)
        return 0;
    double d = greatest ? fmax(most - log(told), 0) : sum / told;
    return d / (1 + d);
}

static void test_gaussian(void **unused)
{
    (void)unused;
    static const char *const options[2] = {"{\"half_life\": 0, \"combine\": \"sum\"}",
                                           "{\"half_life\": 40, \"combine\": \"max\"}"};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        make_stream(seed, true);
        void *self = fresh_model("gaussian", options[seed % 2], &shape, 1);
        for (int i = 0; i < EVENTS; i++) {
            double expected = plain_gaussian(i, seed % 2 ? 40 : 0, seed % 2);
            double score = learn("gaussian", self, stream[i]);
            if (!(fabs(score - expected) < 1e-7))
                fail_msg("event %d: %.17g where %.17g is right", i, score, expected);
        }
        free(self);
    }
}

/* --- quantile: by sorting the window anew --- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double plain_quantile(int event, int window, bool greatest)
{
    double sum = 0, most = 0, told = 0, value[EVENTS];
    for (int j = 0; j < FEATURES; j++) {
        int count = 0;
        for (int i = event - 1; i >= 0 && count < window; i--)
            if (!isnan(stream[i][j].number))
                value[count++] = stream[i][j].number;
        double at = stream[event][j].number;
        if (isnan(at))
            continue;
        told++;
        if (count < 2)
            continue;
        qsort(value, (size_t)count, sizeof *value, compare);
        double spread = (value[3 * (count - 1) / 4] - value[(count - 1) / 4]) / 1.349;
        spread = spread > 0 ? spread : (value[count - 1] - value[0]) / 6;
        spread = spread > 0 ? spread : fmax(fabs(value[(count - 1) / 2]), 1);
        double z = (at - value[(count - 1) / 2]) / spread;
        sum += log(1 + z * z);
        most = fmax(most, log(1 + z * z));
    }
    double d = told < 1 ? 0 : greatest ? most : sum / told;
    return d / (1 + d);
}

static void test_quantile(void **unused)
{
    (void)unused;
    static const char *const options[2] = {"{\"window\": 37, \"combine\": \"sum\"}",
                                           "{\"window\": 100, \"combine\": \"max\"}"};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        make_stream(seed, true);
        for (int i = 0; i < EVENTS; i++) /* many equal ones */
            stream[i][1].number = floor(stream[i][1].number / 4);
        void *self = fresh_model("quantile", options[seed % 2], &shape, 1);
        for (int i = 0; i < EVENTS; i++) {
            double expected = plain_quantile(i, seed % 2 ? 100 : 37, seed % 2);
            double score = learn("quantile", self, stream[i]);
            if (!(fabs(score - expected) < 1e-12))
                fail_msg("event %d: %.17g where %.17g is right", i, score, expected);
        }
        free(self);
    }
}

/* --- placement, and what stands on it --- */

static void test_placement(void **unused)
{
    (void)unused;
    make_stream(9, false);
    struct placement *placement = calloc(1, placement_size(&shape));
    assert_non_null(placement);
    placement_init(placement, &shape);
    double mean[FEATURES] = {0}, deviation[FEATURES] = {0};
    for (int i = 0; i < EVENTS; i++) {
        float place[FEATURES];
        bool renews = placement->events + 1 == placement->renewal;
        placement_learn(placement, stream[i]);
        for (int j = 0; renews && j < FEATURES; j++) {
            double sum = 0, squares = 0;
            for (int k = 0; k <= i; k++)
                sum += stream[k][j].number;
            mean[j] = sum / (i + 1);
            for (int k = 0; k <= i; k++)
                squares += pow(stream[k][j].number - mean[j], 2);
            deviation[j] = i > 0 ? sqrt(squares / (i + 1)) : fmax(fabs(mean[j]), 1);
        }
        placement_place(placement, stream[i], place);
        for (int j = 0; j < FEATURES; j++) {
            double expected = (stream[i][j].number - mean[j]) / deviation[j];
            assert_true(fabs((double)place[j] - expected) < 1e-5 * (1 + fabs(expected)));
        }
    }
    assert_true(placement->renewal > EVENTS && placement->renewal < 2 * EVENTS);
    free(placement);
}

/* A wild value moves the unit of a settled feature by no more than one eight deviations out. */
static void test_placement_is_robust(void **unused)
{
    (void)unused;
    make_stream(10, false);
    struct placement *placement = calloc(1, placement_size(&shape));
    assert_non_null(placement);
    placement_init(placement, &shape);
    for (int i = 0; i < EVENTS; i++)
        placement_learn(placement, stream[i]);
    double before = sqrt(placement->column[0].square_sum / EVENTS);
    union value wild[FEATURES] = {{1e100}, {MISSING}, {INFINITY}, {0}};
    placement_learn(placement, wild);
    double after = sqrt(placement->column[0].square_sum / (EVENTS + 1));
    print_message("deviation %.4f, after a wild value %.4f\n", before, after);
    assert_true(after > before && after < 1.1 * before);
    assert_true(placement->column[1].count == EVENTS && placement->column[2].count == EVENTS);
    free(placement);
}

/* matrix (FEATURES, FEATURES) x = vector by Gauss and Jordan, with pivots; vector becomes x. */
static void plain_solve(double matrix[FEATURES][FEATURES], double *vector)
{
    for (int i = 0; i < FEATURES; i++) {
        int pivot = i;
        for (int j = i; j < FEATURES; j++)
            pivot = fabs(matrix[j][i]) > fabs(matrix[pivot][i]) ? j : pivot;
        for (int j = 0; j < FEATURES; j++) {
            double swapped = matrix[i][j];
            matrix[i][j] = matrix[pivot][j];
            matrix[pivot][j] = swapped;
        }
        double swapped = vector[i];
        vector[i] = vector[pivot];
        vector[pivot] = swapped;
        for (int j = 0; j < FEATURES; j++) {
            double factor = j == i ? 0 : matrix[j][i] / matrix[i][i];
            for (int k = 0; k < FEATURES; k++)
                matrix[j][k] -= factor * matrix[i][k];
            vector[j] -= factor * vector[i];
        }
    }
    for (int i = 0; i < FEATURES; i++)
        vector[i] /= matrix[i][i];
}

static double plain_mahalanobis(int event, double half_life, double shrinkage)
{
    double weight[EVENTS], mean[FEATURES] = {0}, matrix[FEATURES][FEATURES] = {{0}};
    double deviation[FEATURES], solved[FEATURES], square = 0;
    weigh(weight, event, half_life);
    for (int i = 0; i < event; i++)
        for (int j = 0; j < FEATURES; j++)
            mean[j] += weight[i] * (double)places[i][j];
    for (int i = 0; i < event; i++)
        for (int j = 0; j < FEATURES; j++)
            for (int k = 0; k < FEATURES; k++)
                matrix[j][k] += (j == k ? 1 : 1 - shrinkage) * weight[i] *
                                ((double)places[i][j] - mean[j]) * ((double)places[i][k] - mean[k]);
    for (int j = 0; j < FEATURES; j++)
        deviation[j] = solved[j] = (double)places[event][j] - mean[j];
    plain_solve(matrix, solved);
    for (int j = 0; j < FEATURES; j++)
        square += deviation[j] * solved[j];
    return square / (square + FEATURES);
}

static void test_mahalanobis(void **unused)
{
    (void)unused;
    static const char *const options[2] = {
        "{\"half_life\": 0, \"renewal\": 1, \"robust\": false, \"shrinkage\": 0.05}",
        "{\"half_life\": 50, \"renewal\": 1, \"robust\": false, \"shrinkage\": 0.05}"};
    const struct model_kind *kind = model_find("mahalanobis");
    for (uint64_t seed = 1; seed <= 4; seed++) {
        make_stream(seed, true);
        place_stream(&shape);
        void *self = fresh_model("mahalanobis", options[seed % 2], &shape, 1);
        for (int i = 0; i < EVENTS; i++) {
            struct example example = {stream[i], 0, MISSING, 1, NULL};
            double shares[FEATURES], sum = 0;
            kind->explain(self, &example, shares);
            double score = learn("mahalanobis", self, stream[i]);
            for (int j = 0; j < FEATURES; j++)
                sum += shares[j];
            assert_true(fabs(sum - score) < 1e-9);
            double expected = i < 20 ? score : plain_mahalanobis(i, seed % 2 ? 50 : 0, 0.05);
            if (!(fabs(score - expected) < 1e-6))
                fail_msg("event %d: %.17g where %.17g is right", i, score, expected);
        }
        free(self);
    }
}

/* --- loda: with one feature every projection is its place or the negative of it --- */

static bool same_bin(float a, float b)
{
    int of_a, of_b;
    double one = frexp(fabs((double)a) + 1, &of_a), other = frexp(fabs((double)b) + 1, &of_b);
    return of_a == of_b && floor(one * 16) == floor(other * 16) && (a < 0) == (b < 0);
}

static double plain_loda(int event, double half_life)
{
    double count = 0, total = 0;
    int exponent;
    for (int i = 0; i < event; i++) {
        double weight = half_life > 0 ? pow(0.5, (event - i) / half_life) : 1;
        count += same_bin(places[i][0], places[event][0]) ? weight : 0;
        total += weight;
    }
    frexp(fabs((double)places[event][0]) + 1, &exponent);
    double density = (count + 0.01) / total / ldexp(0.125, exponent - 1);
    return total > 0 ? 1 / (1 + 2 * sqrt(M_PI) * density) : 0;
}

static void test_loda(void **unused)
{
    (void)unused;
    static const char *const options[2] = {"{\"half_life\": 0}", "{\"half_life\": 10}"};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        make_stream(seed, false);
        place_stream(&narrow);
        void *self = fresh_model("loda", options[seed % 2], &narrow, 1);
        int judged = 0, wrong = 0;
        for (int i = 0; i < EVENTS; i++) {
            double score = learn("loda", self, stream[i]);
            double expected = plain_loda(i, seed % 2 ? 10 : 0);
            /* The first event's place is 0, whose side of the middle nothing tells. */
            if (fabsf(places[i][0]) < 0.125F)
                continue;
            judged++;
            wrong += !(fabs(score - expected) < 1e-5);
        }
        /* A weight that is 1 but for its last bit puts a place at an edge into the bin beside. */
        print_message("%d of %d differ\n", wrong, judged);
        assert_true(judged > EVENTS / 2 && wrong <= judged / 50);
        free(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaussian),    cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_placement),   cmocka_unit_test(test_placement_is_robust),
        cmocka_unit_test(test_mahalanobis), cmocka_unit_test(test_loda),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
