/* A pipeline without windows and times as a prequential evaluator: its figures are those of the
 * plain loop that asks a model and then teaches it, however the records are cut into batches. */
#include "base/random.h"
#include "engine/step.h"
#include "models/numbers.h"
#include "tests/unit/base_options.h"
#include "tests/unit/engine_trial.h"
#include <math.h>

enum { ROWS = 700, CLASSES = 4 };

static const char two[] = "{'name': 'two', 'memory': '64MiB',"
                          "'events': {'source': 'file', 'path': 'x.jsonl',"
                          "  'fields': {'x1': 'number', 'day': 'number', 'card': 'key'}},"
                          "'labels': {'event_field': 'class', 'delay': 0, 'positive': 'UP',"
                          "  'remembered': 2000},"
                          "'models': {'m': {'kind': 'logistic_regression'}}}";

static const char four[] = "{'name': 'four', 'memory': '64MiB',"
                           "'events': {'source': 'file', 'path': 'x.jsonl',"
                           "  'fields': {'guess': 'number'}},"
                           "'labels': {'event_field': 'class', 'delay': '3s',"
                           "  'classes': ['north', 1, 'south', '-2'], 'remembered': 2000},"
                           "'score': 'guess'}";

static const char chain[] =
    "{'name': 'chain', 'memory': '64MiB',"
    "'events': {'source': 'file', 'path': 'x.jsonl',"
    "  'fields': {'x1': 'number', 'day': 'number', 'card': 'key'}},"
    "'labels': {'event_field': 'class', 'delay': '5s', 'positive': 'UP', 'remembered': 2000},"
    "'models': {'a': {'kind': 'logistic_regression', 'features': ['x1']},"
    "  'b': {'kind': 'logistic_regression', 'features': ['day']},"
    "  'mean': {'kind': 'average', 'features': ['b', 'a']},"
    "  'stack': {'kind': 'logistic_regression', 'features': ['a', 'x1', 'b', 'mean']},"
    "  'told': {'kind': 'platt', 'features': ['stack']}},"
    "'score': 'told'}";

struct row {
    double x1, day, score;
    uint32_t class;
};

static struct row rows[ROWS];

static void make_rows(uint64_t seed, uint32_t classes)
{
    struct random random;
    random_seed(&random, seed);
    for (int i = 0; i < ROWS; i++) {
        uint32_t held = i && random_below(&random, 3) ? rows[i - 1].class : UINT32_MAX;
        rows[i].class = held == UINT32_MAX ? (uint32_t)random_below(&random, classes) : held;
        rows[i].x1 = floor(random_uniform(&random) * 100) / 8 + rows[i].class;
        rows[i].day = floor(random_uniform(&random) * 100) / 4;
        rows[i].score = (double)random_below(&random, classes);
    }
}

/* The class as JSON may write it: quoted or not, a number in several ways. */
static void run(struct trial *trial, bool is_four, uint32_t batch)
{
    static const char *const names[2][CLASSES] = {{"\"DOWN\"", "\"UP\""},
                                                  {"\"north\"", "1.0", "\"south\"", "-2"}};
    char text[256];
    for (int i = 0; i < ROWS; i++) {
        snprintf(text, sizeof text,
                 "{\"x1\": %.3f, \"day\": %.3f, \"card\": \"c\", \"guess\": %.0f, \"class\": %s}",
                 rows[i].x1, rows[i].day, rows[i].score, names[is_four][rows[i].class]);
        trial_add(trial, RECORD_EVENT, text);
        if (trial->batch.count == batch || i == ROWS - 1) {
            step(&trial->pipeline, &trial->batch);
            for (uint32_t j = 0; j < trial->batch.count; j++)
                assert_false(trial->batch.dead[j]);
            assert_int_equal(trial->batch.time_ms[trial->batch.count - 1], i * 1000);
            batch_clear(&trial->batch);
        }
    }
}

/* What one was right about, by the plain definitions. */
struct plain {
    double truth[CLASSES], taken[CLASSES], both[CLASSES], count;
};

static void plain_add(struct plain *plain, uint32_t truth, uint32_t taken)
{
    if (taken == UINT32_MAX)
        return;
    plain->truth[truth]++;
    plain->taken[taken]++;
    plain->both[truth] += truth == taken;
    plain->count++;
}

static void plain_compare(const struct plain *plain, const struct trial *trial,
                          enum class_predictor predictor, uint32_t classes)
{
    struct class_metrics metrics;
    monitor_class_metrics(trial->pipeline.monitor, &trial->pipeline.state, predictor, &metrics);
    double right = 0, chance = 0, f1 = 0;
    for (uint32_t i = 0; i < classes; i++) {
        right += plain->both[i] / plain->count;
        chance += plain->truth[i] / plain->count * plain->taken[i] / plain->count;
        if (classes > 2 || i == 1)
            f1 += 2 * plain->both[i] / (plain->truth[i] + plain->taken[i]);
    }
    assert_int_equal(metrics.labels, plain->count);
    assert_true(fabs(metrics.accuracy - right) < 1e-12);
    assert_true(fabs(metrics.f1 - (classes > 2 ? f1 / classes : f1)) < 1e-12);
    assert_true(fabs(metrics.kappa - (right - chance) / (1 - chance)) < 1e-12);
}

/* What looks at labels alone: of the rows before, less those whose label is not known yet. */
static void plain_baselines(const struct trial *trial, uint32_t judged, uint32_t delay,
                            uint32_t classes)
{
    struct plain last = {.count = 0}, common = {.count = 0};
    for (uint32_t i = 0; i < judged; i++) {
        uint32_t counts[CLASSES] = {0}, most = UINT32_MAX;
        uint32_t known = i >= delay ? i - delay : 0;
        for (uint32_t j = 0; j < known; j++) {
            counts[rows[j].class]++;
            if (most == UINT32_MAX || counts[rows[j].class] > counts[most])
                most = rows[j].class;
        }
        plain_add(&last, rows[i].class, known ? rows[known - 1].class : UINT32_MAX);
        plain_add(&common, rows[i].class, most);
    }
    plain_compare(&last, trial, PREDICTOR_NO_CHANGE, classes);
    plain_compare(&common, trial, PREDICTOR_MAJORITY, classes);
}

/* Each row's score by the kind itself, asked and then taught. */
static void plain_scores(double *scores)
{
    static const enum value_type types[] = {TYPE_NUMBER, TYPE_NUMBER};
    static const char *const names[] = {"x1", "day"};
    const struct model_shape shape = {2, types, names, 2};
    const struct model_kind *kind = model_find("logistic_regression");
    void *options = options_of_json(kind->options, kind->option_size, "{}");
    void *self = calloc(1, kind->state_size(options, &shape));
    assert_non_null(self);
    kind->init(self, options, &shape, 1);
    for (int i = 0; i < ROWS; i++) {
        const union value feature[] = {{rows[i].x1}, {rows[i].day}};
        const struct example example = {feature, i * 1000, rows[i].class, 1, NULL};
        scores[i] = kind->learn(self, &example);
    }
    free(self);
    free(options);
}

static void test_two_classes(void **unused)
{
    (void)unused;
    static double scores[ROWS];
    uint64_t hash = 0;
    make_rows(1, 2);
    plain_scores(scores);
    static const uint32_t cuts[] = {1, 7, BATCH_RECORDS_MAX};
    for (size_t cut = 0; cut < sizeof cuts / sizeof *cuts; cut++) {
        struct trial *trial = trial_open(two);
        struct plain plain = {.count = 0};
        struct metrics metrics;
        double loss = 0;
        run(trial, false, cuts[cut]);
        for (int i = 0; i < ROWS; i++) {
            plain_add(&plain, rows[i].class, scores[i] > 0.5);
            loss += numbers_log_loss(scores[i], rows[i].class);
        }
        plain_compare(&plain, trial, PREDICTOR_SCORE, 2);
        plain_baselines(trial, ROWS, 0, 2);
        monitor_metrics(trial->pipeline.monitor, &trial->pipeline.state, false, &metrics);
        assert_int_equal(metrics.labels, ROWS);
        assert_true(fabs(metrics.log_loss - loss / ROWS) < 1e-9);
        assert_int_equal(trial_fold(trial)->matured, ROWS);
        assert_true(cut == 0 || state_hash(&trial->pipeline.state) == hash);
        hash = state_hash(&trial->pipeline.state);
        trial_close(trial);
    }
}

/* Labels three events late, in more classes than two; the score is a field's. */
static void test_four_classes(void **unused)
{
    (void)unused;
    uint64_t hash = 0;
    make_rows(2, CLASSES);
    for (uint32_t cut = 0; cut < 2; cut++) {
        struct trial *trial = trial_open(four);
        struct plain plain = {.count = 0};
        run(trial, true, cut ? 5 : 200);
        for (int i = 0; i < ROWS - 3; i++)
            plain_add(&plain, rows[i].class, (uint32_t)rows[i].score);
        plain_compare(&plain, trial, PREDICTOR_SCORE, CLASSES);
        plain_baselines(trial, ROWS - 3, 2, CLASSES);
        assert_true(cut == 0 || state_hash(&trial->pipeline.state) == hash);
        hash = state_hash(&trial->pipeline.state);
        trial_close(trial);
    }
}

/* Labels on their own name classes too; what is none of them is a dead letter. */
static void test_label_stream(void **unused)
{
    (void)unused;
    struct trial *trial = trial_open(
        "{'name': 'stream', 'memory': '64MiB', 'events': {'source': 'file', 'path': 'x',"
        "'fields': {'id': 'id', 'x': 'number'}}, 'labels': {'source': 'file', 'path': 'y',"
        "'fields': {'id': 'of', 'label': 'is'}, 'classes': ['red', 'green', '7', 'true']},"
        "'score': 'x'}");
    static const char *const labels[] = {"\"red\"", "\"green\"", "7.0", "true", "\"blue\"", "8"};
    char text[64];
    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof text, "{\"id\": %d, \"x\": %d}", i, i);
        trial_add(trial, RECORD_EVENT, text);
        snprintf(text, sizeof text, "{\"of\": %d, \"is\": %s}", i, labels[i]);
        trial_add(trial, RECORD_LABEL, text);
    }
    step(&trial->pipeline, &trial->batch);
    struct class_metrics metrics;
    monitor_class_metrics(trial->pipeline.monitor, &trial->pipeline.state, PREDICTOR_SCORE,
                          &metrics);
    assert_int_equal(metrics.labels, 4);
    assert_true(metrics.accuracy == 1);
    for (uint32_t row = 0; row < 12; row++)
        assert_int_equal(trial->batch.dead[row], row == 9 || row == 11);
    trial_close(trial);
}

static uint32_t feature_called(const struct pipeline *pipeline, const char *name)
{
    for (uint32_t i = 0; i < pipeline->model_feature_count; i++)
        if (strcmp(pipeline->model_feature_name[i], name) == 0)
            return i;
    fail_msg("there is no feature %s", name);
    return 0;
}

/* A model after others sees their scores of this very event, and learns from them as they were. */
static void test_scores_are_features(void **unused)
{
    (void)unused;
    static const char *const seen[] = {"a", "b", "mean", "stack"};
    uint64_t hash = 0;
    make_rows(3, 2);
    for (uint32_t cut = 0; cut < 2; cut++) {
        struct trial *trial = trial_open(chain);
        const struct pipeline *pipeline = &trial->pipeline;
        run(trial, false, cut ? 3 : 250);
        for (uint64_t number = 0; number < ROWS; number++) {
            const union value *feature =
                history_features(&pipeline->history, &pipeline->state, number);
            const double *score = history_scores(&pipeline->history, &pipeline->state, number);
            for (uint32_t i = 0; i < 4; i++)
                assert_memory_equal(&feature[feature_called(pipeline, seen[i])].number, &score[i],
                                    sizeof *score);
            assert_true(fabs((score[0] + score[1]) / 2 - score[2]) < 1e-15);
            assert_true(history_event(&pipeline->history, &pipeline->state, number)->score ==
                        score[4]);
        }
        assert_true(cut == 0 || state_hash(&pipeline->state) == hash);
        hash = state_hash(&pipeline->state);
        trial_close(trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_classes),
        cmocka_unit_test(test_four_classes),
        cmocka_unit_test(test_label_stream),
        cmocka_unit_test(test_scores_are_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
