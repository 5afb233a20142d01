/* Batch training against a slow reference, the training set's file, and model files there and back.
 */
#include "base/random.h"
#include "models/model_file.h"
#include "models/training.h"
#include "tests/unit/base_options.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { FEATURES = 3, ROWS = 700, WIDTH = 3 + FEATURES };

static char names[FEATURES][64] = {"amount", "ratio", "card"};
static enum value_type types[FEATURES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_TEXT};
static const char *const name_list[FEATURES] = {"amount", "ratio", "card"};
static const struct model_shape shape = {FEATURES, types, name_list, 2};
static union value rows[ROWS * WIDTH];

static void assert_near(double value, double expected, double distance)
{
    if (!(fabs(value - expected) <= distance))
        fail_msg("%.17g is not within %g of %.17g", value, distance, expected);
}

static struct training_set example_set(void)
{
    struct random random;
    random_seed(&random, 1);
    for (int i = 0; i < ROWS; i++) {
        union value *row = rows + (size_t)i * WIDTH;
        double amount = 50 + 100 * random_uniform(&random), ratio = random_uniform(&random) - 0.5;
        double odds = (amount - 100) / 20 - 3 * ratio - 1;
        row[0].number = i;
        row[1].number = random_uniform(&random) < 1 / (1 + exp(-odds));
        row[2].number = 1 + (double)random_below(&random, 2);
        row[3].number = random_below(&random, 15) == 0 ? MISSING : amount;
        row[4].number = ratio;
        row[5].key = random_bits(&random);
    }
    struct training_set set = {.training = 7,
                               .feature_count = FEATURES,
                               .feature_name = names,
                               .type = types,
                               .row_count = ROWS,
                               .rows = rows};
    strcpy(set.model, "fraud");
    strcpy(set.kind, "logistic_regression");
    return set;
}

/* The same minimum by plain gradient descent, in the plainest words. */
static void slow_fit(double penalty, double *weight)
{
    double mean[2], deviation[2];
    for (int j = 0; j < 2; j++) {
        double sum = 0, squares = 0, count = 0;
        for (int i = 0; i < ROWS; i++) {
            double value = rows[i * WIDTH + 3 + j].number;
            if (isnan(value))
                continue;
            sum += value;
            squares += value * value;
            count++;
        }
        mean[j] = sum / count;
        deviation[j] = sqrt(squares / count - mean[j] * mean[j]);
    }
    for (int step = 0; step < 3000; step++) {
        double slope[3] = {penalty * weight[0], penalty * weight[1], 0};
        for (int i = 0; i < ROWS; i++) {
            const union value *row = rows + (size_t)i * WIDTH;
            double z[2];
            for (int j = 0; j < 2; j++)
                z[j] = isnan(row[3 + j].number) ? 0 : (row[3 + j].number - mean[j]) / deviation[j];
            double odds = weight[0] * z[0] + weight[1] * z[1] + weight[2];
            double error = row[2].number * (1 / (1 + exp(-odds)) - row[1].number);
            slope[0] += error * z[0];
            slope[1] += error * z[1];
            slope[2] += error;
        }
        for (int j = 0; j < 3; j++)
            weight[j] -= 0.004 * slope[j];
    }
}

static double number_at(const json_t *parameters, const char *name, size_t index)
{
    return json_number_value(json_array_get(json_object_get(parameters, name), index));
}

static void test_against_reference(void **unused)
{
    (void)unused;
    struct training_set set = example_set();
    struct training_report report;
    struct failure failure;
    struct training_setting setting = {.penalty = 5, .validation_share = 0.25};
    json_t *file = training_run(&set, &setting, &report, &failure);
    assert_non_null(file);
    double expected[3] = {0};
    slow_fit(5, expected);
    const json_t *parameters = json_object_get(file, "parameters");
    assert_near(number_at(parameters, "weights", 0), expected[0], 1e-7);
    assert_near(number_at(parameters, "weights", 1), expected[1], 1e-7);
    assert_true(number_at(parameters, "weights", 2) == 0);
    assert_near(json_number_value(json_object_get(parameters, "intercept")), expected[2], 1e-7);
    assert_int_equal(report.examples, ROWS);
    assert_true(report.loss > 0.1 && report.loss < 0.5);
    json_decref(file);
}

/* Of the rows from `from` on, by counting for each positive what ranks at least as high. */
static double slow_average_precision(const double *scores, int from)
{
    double sum = 0, positives = 0;
    for (int i = from; i < ROWS; i++) {
        const union value *row = rows + (size_t)i * WIDTH;
        if (row[1].number == 0)
            continue;
        double above = 0, right = 0;
        for (int j = from; j < ROWS; j++) {
            if (scores[j] < scores[i])
                continue;
            above += rows[j * WIDTH + 2].number;
            right += rows[j * WIDTH + 2].number * rows[j * WIDTH + 1].number;
        }
        sum += row[2].number * right / above;
        positives += row[2].number;
    }
    return sum / positives;
}

static void *fresh_model(const char *text);

/* The report's validation is that of a model that has seen the older rows only. */
static void test_validation(void **unused)
{
    (void)unused;
    enum { OLDER = 525 };
    const struct model_kind *kind = model_find("logistic_regression");
    struct training_set set = example_set(), older = set;
    struct training_setting setting = {.penalty = 1, .validation_share = 0.25}, plain = {1, 0};
    struct training_report report, unused_report;
    struct failure failure;
    json_t *file = training_run(&set, &setting, &report, &failure);
    older.row_count = OLDER;
    json_t *older_file = training_run(&older, &plain, &unused_report, &failure);
    assert_true(isnan(unused_report.validation_loss));
    void *self = fresh_model("{}");
    assert_int_equal(kind->load(self, &shape, json_object_get(older_file, "parameters"), &failure),
                     STATUS_OK);
    double scores[ROWS] = {0}, loss = 0, weight = 0;
    for (int i = OLDER; i < ROWS; i++) {
        const union value *row = rows + (size_t)i * WIDTH;
        struct example example = {row + 3, 0, MISSING, 1, NULL};
        scores[i] = kind->score(self, &example);
        loss -= row[2].number * log(row[1].number > 0.5 ? scores[i] : 1 - scores[i]);
        weight += row[2].number;
    }
    assert_near(report.validation_loss, loss / weight, 1e-9);
    assert_near(report.validation_average_precision, slow_average_precision(scores, OLDER), 1e-9);
    free(self);
    json_decref(file);
    json_decref(older_file);
}

static void test_same_bits(void **unused)
{
    (void)unused;
    struct training_set set = example_set();
    struct training_setting setting = {.penalty = 1, .validation_share = 0.2};
    struct training_report report;
    struct failure failure;
    json_t *first = training_run(&set, &setting, &report, &failure);
    json_t *second = training_run(&set, &setting, &report, &failure);
    char *one = json_dumps(first, JSON_REAL_PRECISION(17));
    char *other = json_dumps(second, JSON_REAL_PRECISION(17));
    assert_string_equal(one, other);
    free(one);
    free(other);
    json_decref(first);
    json_decref(second);
}

static void expect_refusal(const struct training_set *set, double penalty, const char *words)
{
    struct training_setting setting = {.penalty = penalty, .validation_share = 0.2};
    struct training_report report;
    struct failure failure = {STATUS_OK, ""};
    assert_null(training_run(set, &setting, &report, &failure));
    assert_non_null(strstr(failure.text, words));
}

static void test_refusals(void **unused)
{
    (void)unused;
    struct training_set set = example_set();
    set.row_count = 10;
    expect_refusal(&set, 1, "too few");
    set = example_set();
    for (int i = 0; i < ROWS; i++)
        rows[i * WIDTH + 1].number = 0;
    expect_refusal(&set, 1, "all 700 examples are negative");
    set = example_set();
    strcpy(set.kind, "half_space_trees");
    expect_refusal(&set, 1, "cannot be trained");
}

/* A feature that is the label: no minimum without a penalty, but no endless search either. */
static void test_separable(void **unused)
{
    (void)unused;
    struct training_set set = example_set();
    for (int i = 0; i < ROWS; i++)
        rows[i * WIDTH + 4].number = rows[i * WIDTH + 1].number;
    struct training_setting setting = {.penalty = 1, .validation_share = 0};
    struct training_report report;
    struct failure failure;
    json_t *file = training_run(&set, &setting, &report, &failure);
    assert_non_null(file);
    assert_true(report.loss < 0.05);
    json_decref(file);
    setting.penalty = 0;
    file = training_run(&set, &setting, &report, &failure);
    assert_true(file || strstr(failure.text, "converge"));
    json_decref(file);
}

static int set_file(const struct training_set *set)
{
    struct failure failure;
    int descriptor = memfd_create("set", 0);
    assert_true(descriptor >= 0);
    assert_int_equal(training_set_begin(descriptor, set, &failure), STATUS_OK);
    assert_int_equal(training_set_put(descriptor, set->rows, set->row_count, FEATURES, &failure),
                     STATUS_OK);
    lseek(descriptor, 0, SEEK_SET);
    return descriptor;
}

static void test_set_round_trip(void **unused)
{
    (void)unused;
    struct training_set set = example_set(), read;
    struct failure failure;
    int descriptor = set_file(&set);
    assert_int_equal(training_set_read(descriptor, &read, &failure), STATUS_OK);
    close(descriptor);
    assert_string_equal(read.model, "fraud");
    assert_string_equal(read.kind, "logistic_regression");
    assert_int_equal(read.training, 7);
    assert_int_equal(read.row_count, ROWS);
    assert_int_equal(read.feature_count, FEATURES);
    assert_memory_equal(read.type, types, sizeof types);
    assert_memory_equal(read.feature_name, names, sizeof names);
    assert_memory_equal(read.rows, rows, sizeof rows);
    training_set_close(&read);
}

static void refuse_set(int descriptor, const char *words)
{
    struct training_set read;
    struct failure failure = {STATUS_OK, ""};
    lseek(descriptor, 0, SEEK_SET);
    assert_int_equal(training_set_read(descriptor, &read, &failure), STATUS_STOP);
    if (!strstr(failure.text, words))
        fail_msg("`%s` does not say `%s`", failure.text, words);
    close(descriptor);
}

static int text_file(const char *text)
{
    int descriptor = memfd_create("text", 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    return descriptor;
}

static void test_damaged_sets(void **unused)
{
    (void)unused;
    struct training_set set = example_set();
    int descriptor = set_file(&set);
    off_t size = lseek(descriptor, 0, SEEK_END);
    assert_int_equal(ftruncate(descriptor, size - 5), 0);
    refuse_set(descriptor, "ends after 699 of 700");
    descriptor = set_file(&set);
    lseek(descriptor, 0, SEEK_END);
    assert_int_equal(write(descriptor, "x", 1), 1);
    refuse_set(descriptor, "goes on after");
    rows[4 * WIDTH + 1].number = 0.5;
    refuse_set(set_file(&set), "row 5 of the training set: the label");
    set = example_set();
    rows[9 * WIDTH + 2].number = NAN;
    refuse_set(set_file(&set), "row 10 of the training set: the weight");
    set = example_set();
    rows[0 * WIDTH + 3].number = INFINITY;
    refuse_set(set_file(&set), "a feature is infinite");
    refuse_set(text_file(""), "no JSON");
    refuse_set(text_file("{}\n"), "no training set");
    refuse_set(text_file("{\"format\":\"weir-training-set\",\"version\":9}\n"), "version");
    refuse_set(text_file("{\"format\":\"weir-training-set\",\"version\":1,\"model\":\"m\",\"kind\":"
                         "\"k\",\"training\":1,\"rows\":999999999999999999,\"features\":[{\"name\":"
                         "\"a\",\"type\":\"number\"}]}\n"),
               "ends after 0 of");
    refuse_set(text_file("{\"format\":\"weir-training-set\",\"version\":1,\"model\":\"m\",\"kind\":"
                         "\"k\",\"training\":1,\"rows\":1,\"features\":[{\"name\":\"a\"}]}\n"),
               "without a name or a known type");
}

static void *fresh_model(const char *text)
{
    const struct model_kind *kind = model_find("logistic_regression");
    void *options = options_of_json(kind->options, kind->option_size, text);
    void *self = calloc(1, kind->state_size(options, &shape));
    kind->init(self, options, &shape, 1);
    free(options);
    return self;
}

/* Learns, saves through text, loads into a fresh one: the same score to the bit, now and later. */
static void test_model_round_trip(void **unused)
{
    (void)unused;
    static const char *const optimizers[] = {"{\"optimizer\":\"sgd\",\"positive_weight\":3}",
                                             "{\"optimizer\":\"adagrad\"}",
                                             "{\"optimizer\":\"newton\"}"};
    const struct model_kind *kind = model_find("logistic_regression");
    example_set();
    for (int o = 0; o < 3; o++) {
        void *self = fresh_model(optimizers[o]), *loaded = fresh_model(optimizers[o]);
        for (int i = 0; i < ROWS; i++) {
            const union value *row = rows + (size_t)i * WIDTH;
            struct example example = {row + 3, 0, row[1].number, row[2].number, NULL};
            kind->learn(self, &example);
        }
        json_t *file = model_file_make(kind, "fraud", 1, &shape, kind->save(self, &shape));
        char *text = json_dumps(file, JSON_REAL_PRECISION(17));
        json_t *read = json_loads(text, 0, NULL);
        const json_t *parameters = NULL;
        struct failure failure;
        assert_int_equal(model_file_check(read, kind, &shape, &parameters, &failure), STATUS_OK);
        assert_int_equal(kind->load(loaded, &shape, parameters, &failure), STATUS_OK);
        for (int i = 0; i < ROWS; i++) {
            const union value *row = rows + (size_t)i * WIDTH;
            struct example example = {row + 3, 0, row[1].number, 1, NULL};
            double one = kind->learn(self, &example), other = kind->learn(loaded, &example);
            /* Adding and taking off the offset of positive_weight may cost a last bit. */
            if (o == 0)
                assert_near(one, other, 1e-12);
            else
                assert_memory_equal(&one, &other, sizeof one);
        }
        free(text);
        json_decref(read);
        json_decref(file);
        free(self);
        free(loaded);
    }
}

/* A member is changed ("parameters.weights" by a path of two names at most); the loading must
 * refuse and leave the model as it was. */
static void refuse_file(const char *outer, const char *inner, const char *value, const char *words)
{
    const struct model_kind *kind = model_find("logistic_regression");
    struct training_set set = example_set();
    struct training_setting setting = {1, 0};
    struct training_report report;
    struct failure failure = {STATUS_OK, ""};
    json_t *file = training_run(&set, &setting, &report, &failure);
    assert_non_null(file);
    json_t *object = outer ? json_object_get(file, outer) : file;
    json_object_set_new(object, inner, json_loads(value, JSON_DECODE_ANY, NULL));
    const json_t *parameters = NULL;
    void *self = fresh_model("{}"), *untouched = fresh_model("{}");
    enum status status = model_file_check(file, kind, &shape, &parameters, &failure);
    if (status == STATUS_OK)
        status = kind->load(self, &shape, parameters, &failure);
    assert_int_equal(status, STATUS_STOP);
    if (!strstr(failure.text, words))
        fail_msg("`%s` does not say `%s`", failure.text, words);
    struct example example = {rows + 3, 0, 1, 1, NULL};
    assert_true(kind->score(self, &example) == kind->score(untouched, &example));
    free(self);
    free(untouched);
    json_decref(file);
}

static void test_damaged_files(void **unused)
{
    (void)unused;
    refuse_file(NULL, "format", "\"something\"", "not a model file");
    refuse_file(NULL, "version", "2", "version 2");
    refuse_file(NULL, "kind", "\"half_space_trees\"", "of kind `half_space_trees`");
    refuse_file(NULL, "features", "[\"amount\",\"ratio\"]", "2 features");
    refuse_file(NULL, "features", "[\"amount\",\"night\",\"card\"]", "feature 2 of the model file");
    refuse_file(NULL, "features", "[\"amount\",3,\"card\"]", "feature 2 of the model file");
    refuse_file(NULL, "parameters", "[]", "no `parameters`");
    refuse_file("parameters", "weights", "[1,2]", "`weights` has 2 numbers");
    refuse_file("parameters", "weights", "[1,2,1e200]", "`weights[2]` is not a sensible number");
    refuse_file("parameters", "weights", "[1,\"2\",3]", "`weights[1]` is not a sensible number");
    refuse_file("parameters", "means", "null", "no list `means`");
    refuse_file("parameters", "variances", "[1,-1,1]", "`variances[1]` is below 0");
    refuse_file("parameters", "covariance", "[1]", "`covariance` has 1 numbers where 10");
    refuse_file("parameters", "intercept", "\"high\"", "`intercept`");
    refuse_file("parameters", "examples", "-4", "`examples`");
}

/* What was trained goes on learning online as well as it was, whatever the optimizer. */
static void test_trained_model_goes_on(void **unused)
{
    (void)unused;
    const struct model_kind *kind = model_find("logistic_regression");
    static const char *const optimizers[] = {
        "{\"optimizer\":\"sgd\"}", "{\"optimizer\":\"adagrad\"}", "{\"optimizer\":\"newton\"}"};
    struct training_set set = example_set();
    struct training_setting setting = {1, 0};
    struct training_report report;
    struct failure failure;
    json_t *file = training_run(&set, &setting, &report, &failure);
    for (int o = 0; o < 3; o++) {
        void *self = fresh_model(optimizers[o]);
        assert_int_equal(kind->load(self, &shape, json_object_get(file, "parameters"), &failure),
                         STATUS_OK);
        double loss = 0, weight = 0;
        for (int i = 0; i < ROWS; i++) {
            const union value *row = rows + (size_t)i * WIDTH;
            struct example example = {row + 3, 0, row[1].number, row[2].number, NULL};
            double score = kind->learn(self, &example);
            loss -= row[2].number * log(row[1].number > 0.5 ? score : 1 - score);
            weight += row[2].number;
        }
        print_message("%s: %.5f, trained %.5f\n", optimizers[o], loss / weight, report.loss);
        assert_near(loss / weight, report.loss, 0.01);
        free(self);
    }
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference), cmocka_unit_test(test_validation),
        cmocka_unit_test(test_same_bits),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_separable),         cmocka_unit_test(test_set_round_trip),
        cmocka_unit_test(test_damaged_sets),      cmocka_unit_test(test_model_round_trip),
        cmocka_unit_test(test_damaged_files),     cmocka_unit_test(test_trained_model_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
