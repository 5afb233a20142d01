/* Scalers, samples and encodings against what they stand for, computed from all values.
 */
#include "models/encoding.h"
#include "tests/property/models_stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { EVENTS = 5000, SEEDS = 5 };
static const enum scaler_kind kinds[] = {SCALER_BOUNDED, SCALER_STANDARD, SCALER_NONE,
                                         SCALER_ROBUST,  SCALER_MINMAX,   SCALER_QUANTILE};

/* Even, normal-like, long-tailed, and mostly one value. */
static double draw_value(struct random *random, int form)
{
    double u = random_uniform(random), sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_uniform(random);
    return form == 0 ? u : form == 1 ? sum : form == 2 ? -log(1 - u) * 1e6 : (double)(u > 0.9);
}

/* The share that is told is the share there is, within four deviations of so small a sample's. */
static void test_samples(void **unused)
{
    (void)unused;
    static double values[EVENTS];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (int form = 0; form < 3; form++) {
            struct sample sample = {0};
            struct random random;
            random_seed(&random, seed);
            sample_init(&sample, seed);
            for (int i = 0; i < EVENTS; i++) {
                values[i] = draw_value(&random, form);
                sample_add(&sample, values[i], 1);
                for (uint64_t j = 1; j < sample.count; j++)
                    assert_true(sample.value[j - 1] <= sample.value[j]);
            }
            for (int share = 5; share <= 95; share += 5) {
                double right = share / 100.0, at = sample_quantile(&sample, right);
                int below = 0;
                for (int i = 0; i < EVENTS; i++)
                    below += values[i] < at;
                double off = fabs((double)below / EVENTS - right);
                if (off > 4 * sqrt(right * (1 - right) / SAMPLE_SIZE))
                    fail_msg("seed %d, form %d: %d of 100 at %.4f", (int)seed, form, share, off);
                assert_true(fabs(sample_share(&sample, at) - right) < 1e-9);
            }
        }
    }
}

/* Every value has the same chance to be there at the end; of ten times the weight ten times it, but
 * for the first, which all entered. */
static void test_sample_is_fair(void **unused)
{
    (void)unused;
    double early = 0, heavy = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sample sample = {0};
        sample_init(&sample, seed);
        for (int i = 0; i < 5000; i++)
            sample_add(&sample, i % 2 ? i : -i, i % 2 ? 10 : 1);
        for (uint64_t i = 0; i < SAMPLE_SIZE; i++) {
            early += fabs(sample.value[i]) < 2500;
            heavy += sample.value[i] > 0;
        }
    }
    print_message("early %.3f, heavy %.3f\n", early / 40 / SAMPLE_SIZE, heavy / 40 / SAMPLE_SIZE);
    assert_true(fabs(early / 40 / SAMPLE_SIZE - 0.5) < 0.03);
    assert_true(fabs(heavy / 40 / SAMPLE_SIZE - 10 / 11.0) < 0.04);
}

/* While there is room for all values they are exact, ties and all. */
static void test_few(void **unused)
{
    (void)unused;
    struct sample sample = {0};
    sample_init(&sample, 1);
    assert_true(sample_quantile(&sample, 0.5) == 0 && sample_share(&sample, 3) == 0.5);
    const double values[] = {5, 1, 3, 3, 9};
    for (int i = 0; i < 5; i++)
        sample_add(&sample, values[i], 1);
    assert_true(sample_quantile(&sample, 0.5) == 3 && sample_quantile(&sample, 0.75) == 5);
    assert_true(sample_share(&sample, 3) == 0.375 && sample_share(&sample, 5) == 0.75);
    assert_true(sample_share(&sample, 0) == 0 && sample_share(&sample, 10) == 1);
    assert_true(sample_share(&sample, 7) == 0.875);
}

struct kept {
    double value[EVENTS], weight[EVENTS];
    int count;
};
static struct kept kept[STREAM_NUMBERS];

static double moment(const struct kept *of, double *variance)
{
    double weight = 0, mean = 0, sum = 0;
    for (int i = 0; i < of->count; i++) {
        weight += of->weight[i];
        mean += of->weight[i] * of->value[i];
    }
    mean /= weight;
    for (int i = 0; i < of->count; i++)
        sum += of->weight[i] * (of->value[i] - mean) * (of->value[i] - mean);
    *variance = sum / weight;
    return mean;
}

static double expected(const struct kept *of, enum scaler_kind kind, double x)
{
    double variance, mean = moment(of, &variance), weight = 0, least = 1e300, most = -1e300;
    for (int i = 0; i < of->count; i++) {
        weight += of->weight[i];
        least = fmin(least, of->value[i]);
        most = fmax(most, of->value[i]);
    }
    double z = (x - mean) / sqrt(variance);
    if (kind == SCALER_MINMAX)
        return 2 * (x - least) / (most - least) - 1;
    if (kind == SCALER_BOUNDED)
        return fmax(-sqrt(weight), fmin(sqrt(weight), z));
    return kind == SCALER_NONE ? x : z;
}

/* Weighted moments and ranges, from all values each time; gaps count for nothing. */
static void test_scalers(void **unused)
{
    (void)unused;
    const struct model_shape shape = stream_shape(STREAM_NUMBERS, 2);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        if (kinds[k] == SCALER_ROBUST || kinds[k] == SCALER_QUANTILE)
            continue;
        struct scaler *scaler = malloc(scaler_size(kinds[k], STREAM_NUMBERS));
        scaler_init(scaler, kinds[k], &shape);
        memset(kept, 0, sizeof kept);
        struct random random;
        random_seed(&random, 5);
        for (int i = 0; i < 900; i++) {
            union value feature[STREAM_FEATURES];
            double z[STREAM_NUMBERS + NUMBERS_LANES], weight = 0.1 + 3 * random_uniform(&random);
            stream_draw(&random, 2, feature);
            scaler_apply(scaler, feature, z);
            for (int j = 0; j < STREAM_NUMBERS; j++) {
                double x = feature[j].number;
                double right = isnan(x) ? 0 : expected(&kept[j], kinds[k], x);
                assert_true(i < 3 || fabs(z[j] - right) < 1e-9 * (1 + fabs(right)));
                if (isnan(x))
                    continue;
                kept[j].value[kept[j].count] = x;
                kept[j].weight[kept[j].count++] = weight;
            }
            scaler_learn(scaler, feature, weight);
        }
        free(scaler);
    }
}

/* By rank: even over its range whatever the values' form.  Robust: a wild value moves nothing. */
static void test_ranks(void **unused)
{
    (void)unused;
    static const enum value_type types[4] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER, TYPE_BOOLEAN};
    const struct model_shape shape = {4, types, stream_names, 2};
    struct scaler *quantile = malloc(scaler_size(SCALER_QUANTILE, 4));
    struct scaler *robust = malloc(scaler_size(SCALER_ROBUST, 4));
    scaler_init(quantile, SCALER_QUANTILE, &shape);
    scaler_init(robust, SCALER_ROBUST, &shape);
    struct random random;
    random_seed(&random, 6);
    double sum[4] = {0}, squares[4] = {0}, z[4 + NUMBERS_LANES];
    for (int i = 0; i < EVENTS; i++) {
        union value feature[4];
        for (int j = 0; j < 4; j++)
            feature[j].number = draw_value(&random, j);
        scaler_apply(quantile, feature, z);
        for (int j = 0; j < 4 && i >= 1000; j++) {
            sum[j] += z[j];
            squares[j] += z[j] * z[j];
            assert_true(fabs(z[j]) <= 1.7321);
        }
        scaler_learn(quantile, feature, 1);
        feature[1].number = random_below(&random, 20) ? feature[1].number : 1e90;
        scaler_learn(robust, feature, 1);
    }
    for (int j = 0; j < 3; j++) {
        assert_true(fabs(sum[j] / (EVENTS - 1000)) < 0.1);
        assert_true(fabs(squares[j] / (EVENTS - 1000) - 1) < 0.1);
    }
    const union value middle[4] = {{0.5}, {0}, {0.6931e6}, {1}};
    const union value upper[4] = {{0.75}, {0.6745}, {1.3863e6}, {NAN}};
    scaler_apply(robust, middle, z);
    print_message("%.4f %.4f %.4f %.4f\n", z[0], z[1], z[2], z[3]);
    assert_true(fabs(z[0]) < 0.15 && fabs(z[1]) < 0.2 && fabs(z[2]) < 0.15 && z[3] == 1);
    scaler_apply(robust, upper, z);
    assert_true(fabs(z[0] - 0.5) < 0.15 && fabs(z[1] - 0.5) < 0.2 && z[3] == 0);
    free(quantile);
    free(robust);
}

/* --- target encoding: each value's labels, before the one that is scored -----------------------
 */

static double plain_target(const union value *past, const double *labels, int count, int feature,
                           union value value)
{
    double positives = 0, total = 0, all_positives = 0;
    for (int i = 0; i < count; i++) {
        union value here = past[i * STREAM_FEATURES + feature];
        bool same = feature == 5 ? here.key == value.key : here.number == value.number;
        all_positives += labels[i];
        total += same;
        positives += same ? labels[i] : 0;
    }
    double share = (all_positives + 0.5) / (count + 1);
    return log((positives + 7 * share) / (total - positives + 7 * (1 - share)));
}

static void test_targets(void **unused)
{
    (void)unused;
    static union value past[1500][STREAM_FEATURES];
    static double labels[1500];
    const struct model_shape shape = stream_shape(STREAM_FEATURES, 2);
    const struct encoding_options options = {SCALER_NONE, KEYS_TARGET, 4096, 7};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct encoding *encoding = malloc(encoding_size(&options, &shape));
        encoding_init(encoding, &options, &shape, seed);
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < 1500; i++) {
            struct encoded encoded, renewed;
            struct example example = stream_draw(&random, 2, past[i]);
            encoding_read(encoding, &example, &encoded);
            encoding_renew(encoding, &example, &renewed);
            assert_memory_equal(encoded.dense, renewed.dense, sizeof(double) * STREAM_FEATURES);
            assert_int_equal(encoded.hashed, 0);
            for (int j = 4; j < 6; j++) {
                bool missing = j == 5 ? past[i][j].key == 0 : isnan(past[i][j].number);
                double right = missing ? 0 : plain_target(past[0], labels, i, j, past[i][j]);
                assert_true(fabs(encoded.dense[j] - right) < 1e-9);
            }
            labels[i] = example.label;
            encoding_label(encoding, &example);
        }
        free(encoding);
    }
}

/* Keys alone decide: both encodings find out, refusing them leaves nothing.  In ALMA's unit ball
 * little is left for each of three hundred hashed values. */
static void test_keys_tell(void **unused)
{
    (void)unused;
    static const char *const names[] = {"alma", "passive_aggressive", "factorization_machine"};
    static const char *const keys[] = {"{\"keys\": \"refuse\"}", "{\"keys\": \"hash\"}",
                                       "{\"keys\": \"target\"}"};
    const struct model_shape shape = stream_shape(STREAM_FEATURES, 2);
    for (int which = 0; which < 9; which++) {
        const struct model_kind *kind = model_find(names[which / 3]);
        void *self = fresh_model(names[which / 3], keys[which % 3], &shape, 1);
        struct random random;
        random_seed(&random, 8);
        double right = 0;
        for (int i = 0; i < 6000; i++) {
            union value feature[STREAM_FEATURES];
            stream_draw(&random, 2, feature);
            feature[5].key = 1 + random_below(&random, 300) * 0x9E3779B97F4A7C15ULL;
            double label = (double)(feature[5].key >> 5 & 1);
            struct example example = {feature, 0, label, 1, NULL};
            double score = kind->learn(self, &example);
            right += i >= 3000 && (score > 0.5) == (label > 0.5);
        }
        print_message("%s %s: %.3f\n", names[which / 3], keys[which % 3], right / 3000);
        double enough = which == 1 ? 0.65 : 0.9;
        assert_true(which % 3 == 0 ? right < 0.6 * 3000 : right > enough * 3000);
        free(self);
    }
}

/* Each key comes once and labels are by chance: whoever saw a label before it was learned would be
 * taught that the key's mean tells it, and be sure of the one key that is known well. */
static void test_own_label_is_not_seen(void **unused)
{
    (void)unused;
    static const char *const names[] = {"alma", "passive_aggressive", "factorization_machine",
                                        "logistic_regression"};
    static const enum value_type type = TYPE_TEXT;
    const struct model_shape shape = {1, &type, stream_names, 2};
    for (int which = 0; which < 4; which++) {
        const struct model_kind *kind = model_find(names[which]);
        void *self = fresh_model(names[which],
                                 "{\"keys\": \"target\", \"smoothing\": 1, "
                                 "\"scaler\": \"none\"}",
                                 &shape, 1);
        struct random random;
        random_seed(&random, 12);
        union value known = {.key = 77};
        for (int i = 0; i < 3000; i++) {
            union value key = {.key = random_bits(&random) | 1};
            double label = (double)random_below(&random, 2);
            struct example chance = {&key, 0, label, 1, NULL}, sure = {&known, 0, 1, 1, NULL};
            kind->learn(self, i < 20 ? &sure : &chance);
        }
        struct example example = {&known, 0, MISSING, 1, NULL};
        double told = kind->score(self, &example);
        print_message("%s: %.3f\n", names[which], told);
        assert_true(told < 0.9);
        free(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),   cmocka_unit_test(test_sample_is_fair),
        cmocka_unit_test(test_few),       cmocka_unit_test(test_scalers),
        cmocka_unit_test(test_ranks),     cmocka_unit_test(test_targets),
        cmocka_unit_test(test_keys_tell), cmocka_unit_test(test_own_label_is_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
