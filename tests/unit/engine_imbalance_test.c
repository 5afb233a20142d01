/* Learning from rare positives: how often, with what weight, and what it makes of the score. */
#include "engine/step.h"
#include "models/imbalance.h"
#include "tests/unit/engine_trial.h"
#include <math.h>

enum { LABELS = 40000 };

/* What is learned comes to the weight that was asked for; the correction takes it back exactly. */
static void test_counts(void **unused)
{
    (void)unused;
    static const double weights[] = {0, 1, 7.5, 0.4};
    for (int method = IMBALANCE_WEIGHTS; method <= IMBALANCE_OVERSAMPLING; method++) {
        for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
            const struct imbalance_setting setting = {method, weights[w], 0};
            struct imbalance_row row;
            struct random random;
            double learned[2] = {0}, came[2] = {0};
            imbalance_init(&row, 5);
            random_seed(&random, 6);
            for (int i = 0; i < LABELS; i++) {
                int label = random_uniform(&random) < 0.05;
                double weight = 2;
                uint32_t times = imbalance_take(&row, &setting, label, &weight);
                came[label] += 2;
                learned[label] += times * weight;
                assert_true(method != IMBALANCE_UNDERSAMPLING || times <= 1);
                assert_true(method != IMBALANCE_OVERSAMPLING || times >= 1);
                assert_true(method != IMBALANCE_WEIGHTS || times == 1);
            }
            double reached = learned[1] / learned[0] / (came[1] / came[0]);
            double wanted = weights[w] > 0 ? weights[w] : came[0] / came[1];
            assert_true(fabs(log(reached / wanted)) < 0.08);
            double p = 0.3, odds = p / (1 - p) / reached;
            assert_true(fabs(imbalance_correct(&row, p) - odds / (1 + odds)) < 1e-9);
            assert_true(imbalance_correct(&row, 0) == 0 && imbalance_correct(&row, 1) == 1);
        }
    }
}

static void test_drop(void **unused)
{
    (void)unused;
    static const enum value_type types[] = {TYPE_NUMBER, TYPE_TEXT, TYPE_ENUM};
    const struct model_shape shape = {3, types, NULL, 2};
    const struct imbalance_setting setting = {.dropout = 0.25};
    struct imbalance_row row;
    int dropped[3] = {0};
    imbalance_init(&row, 7);
    for (int i = 0; i < LABELS; i++) {
        const union value feature[3] = {{.number = 1}, {.key = 77}, {.number = 3}};
        union value left[3];
        imbalance_drop(&row, &setting, &shape, feature, left);
        dropped[0] += isnan(left[0].number);
        dropped[1] += left[1].key == 0;
        dropped[2] += isnan(left[2].number);
        assert_true(isnan(left[0].number) || left[0].number == 1);
        assert_true(left[1].key == 0 || left[1].key == 77);
    }
    for (int i = 0; i < 3; i++)
        assert_true(abs(dropped[i] - LABELS / 4) < LABELS / 100);
}

/* Folds a stream with one positive in twenty through a pipeline; returns its state's hash. */
static uint64_t fold(const char *options, uint32_t cut, double *log_loss, double *mean)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{'name': 'x', 'memory': '64MiB', 'events': {'source': 'file', 'path': 'x.jsonl',"
             "'fields': {'a': 'number', 'b': {'type': 'number', 'optional': true}}},"
             "'labels': {'event_field': 'y', 'delay': 0, 'remembered': 2000}, 'models': {'m': {"
             "'kind': 'logistic_regression', 'prior': 0.05%s}}}",
             options);
    struct trial *trial = trial_open(text);
    struct random random;
    struct metrics metrics;
    random_seed(&random, 8);
    *mean = 0;
    for (int i = 0; i < 6000; i++) {
        int label = random_uniform(&random) < 0.05;
        double a = random_uniform(&random) + label * 0.4, b = random_uniform(&random) + label * 0.4;
        if (i > 5000)
            snprintf(text, sizeof text, "{\"a\": %.4f, \"y\": %d}", a, label);
        else
            snprintf(text, sizeof text, "{\"a\": %.4f, \"b\": %.4f, \"y\": %d}", a, b, label);
        trial_add(trial, RECORD_EVENT, text);
        if (trial->batch.count < cut && i != 5999)
            continue;
        step(&trial->pipeline, &trial->batch);
        for (uint32_t j = 0; j < trial->batch.count; j++)
            *mean += trial->batch.score[j] / 6000;
        batch_clear(&trial->batch);
    }
    monitor_metrics(trial->pipeline.monitor, &trial->pipeline.state, false, &metrics);
    *log_loss = metrics.log_loss;
    uint64_t hash = state_hash(&trial->pipeline.state);
    trial_close(trial);
    return hash;
}

/* Whatever it learns from, its scores are probabilities of the classes as they come. */
static void test_scores_stay_true(void **unused)
{
    (void)unused;
    static const char *const options[] = {
        "", ", 'imbalance': 'weights'", ", 'imbalance': 'undersampling', 'imbalance_weight': 5",
        ", 'imbalance': 'oversampling'", ", 'feature_dropout': 0.2"};
    double plain_loss = 0;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        double loss, mean, loss_again, mean_again;
        uint64_t hash = fold(options[i], 256, &loss, &mean);
        assert_true(fold(options[i], 11, &loss_again, &mean_again) == hash);
        plain_loss = i ? plain_loss : loss;
        print_message("%s: log loss %.4f, mean score %.4f\n", options[i], loss, mean);
        assert_true(fabs(mean - 0.05) < 0.02); /* uncorrected it would be far above */
        assert_true(loss < plain_loss + 0.02);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_scores_stay_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
