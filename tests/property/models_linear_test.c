/* Passive-aggressive, ALMA and the factorisation machine against the same written as plainly as
 * possible; two of them as River 0.19 defines them. */
#include "base/hash.h"
#include "tests/property/models_stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { EVENTS = 2000, SEEDS = 5, NUMBERS = STREAM_NUMBERS };

/* Numbers alone, scaled by their mean and deviation. */
struct plain {
    double count[NUMBERS], mean[NUMBERS], variance[NUMBERS];
    double weight[NUMBERS], intercept, corrections;
};

static double plain_margin(const struct plain *plain, const union value *feature, double *z)
{
    double sum = plain->intercept;
    for (int i = 0; i < NUMBERS; i++) {
        double deviation = sqrt(plain->variance[i]), x = feature[i].number;
        z[i] = deviation > 0 && !isnan(x) ? (x - plain->mean[i]) / deviation : 0;
        sum += plain->weight[i] * z[i];
    }
    return sum;
}

static void plain_scale(struct plain *plain, const union value *feature)
{
    for (int i = 0; i < NUMBERS; i++) {
        double x = feature[i].number, old = plain->mean[i];
        if (isnan(x))
            continue;
        plain->count[i]++;
        plain->mean[i] += (x - old) / plain->count[i];
        double spread = (x - old) * (x - plain->mean[i]) - plain->variance[i];
        plain->variance[i] += spread / plain->count[i];
    }
}

static void plain_passive(struct plain *plain, const union value *feature, double side)
{
    double z[NUMBERS], norm = 0;
    double loss = fmax(0, 1 - side * plain_margin(plain, feature, z));
    for (int i = 0; i < NUMBERS; i++)
        norm += z[i] * z[i];
    double tau = norm > 0 ? fmin(0.7, loss / norm) : 0;
    for (int i = 0; i < NUMBERS; i++)
        plain->weight[i] += side * tau * z[i];
    plain->intercept += side * tau;
}

static void plain_alma(struct plain *plain, const union value *feature, double side)
{
    double z[NUMBERS], root = sqrt(plain->corrections + 1), norm = 0;
    if (side * plain_margin(plain, feature, z) >= (1 - 0.9) / 0.9 / root)
        return;
    for (int i = 0; i < NUMBERS; i++) {
        plain->weight[i] += sqrt(2) / root * side * z[i];
        norm += plain->weight[i] * plain->weight[i];
    }
    for (int i = 0; i < NUMBERS; i++)
        plain->weight[i] /= fmax(1, sqrt(norm));
    plain->corrections++;
}

/* The score tells the margin's sign, and its size through the link: the order must agree. */
static void compare(const char *name, const char *options,
                    void (*learn)(struct plain *, const union value *, double))
{
    const struct model_kind *kind = model_find(name);
    const struct model_shape shape = stream_shape(NUMBERS, 2);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("%s, seed %d\n", name, (int)seed);
        struct plain plain = {0};
        void *self = fresh_model(name, options, &shape, seed);
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < EVENTS; i++) {
            union value feature[STREAM_FEATURES];
            double z[NUMBERS], contributions[NUMBERS];
            struct example example = stream_draw(&random, 2, feature);
            double margin = plain_margin(&plain, feature, z);
            kind->explain(self, &example, contributions);
            for (int j = 0; j < NUMBERS; j++)
                assert_true(fabs(contributions[j] - plain.weight[j] * z[j]) < 1e-9);
            double score = kind->learn(self, &example);
            assert_true(fabs(margin) < 1e-9 || (score > 0.5) == (margin > 0));
            plain_scale(&plain, feature);
            learn(&plain, feature, example.label > 0.5 ? 1 : -1);
        }
        free(self);
    }
}

static void test_passive_aggressive(void **unused)
{
    (void)unused;
    compare("passive_aggressive",
            "{\"scaler\": \"standard\", \"aggressiveness\": 0.7, \"intercept\": \"free\"}",
            plain_passive);
}

static void test_alma(void **unused)
{
    (void)unused;
    compare("alma", "{\"scaler\": \"standard\", \"intercept\": false}", plain_alma);
}

/* After enough labels the link's probabilities are about as often right as they say. */
static void test_link(void **unused)
{
    (void)unused;
    const struct model_kind *kind = model_find("passive_aggressive");
    const struct model_shape shape = stream_shape(NUMBERS, 2);
    void *self = fresh_model("passive_aggressive", "{\"aggressiveness\": 0.001}", &shape, 1);
    struct random random;
    random_seed(&random, 21);
    double told = 0, right = 0;
    for (int i = 0; i < 20000; i++) {
        union value feature[STREAM_FEATURES];
        struct example example = stream_draw(&random, 2, feature);
        double score = kind->learn(self, &example);
        if (i < 2000)
            continue;
        told += score > 0.5 ? score : 1 - score;
        right += (score > 0.5) == (example.label > 0.5);
    }
    print_message("told %.3f, right %.3f\n", told / 18000, right / 18000);
    assert_true(fabs(told - right) < 0.05 * 18000);
    free(self);
}

/* --- logistic regression by FTRL-proximal, as McMahan and others write it ----------------------
 */

static void test_ftrl(void **unused)
{
    (void)unused;
    enum { INPUTS_ALL = NUMBERS + 1 };
    const double rate = 0.1, beta = 0.5, l1 = 0.8, l2 = 0.3;
    const struct model_kind *kind = model_find("logistic_regression");
    const struct model_shape shape = stream_shape(NUMBERS, 2);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %d\n", (int)seed);
        void *self = fresh_model("logistic_regression",
                                 "{\"optimizer\": \"ftrl\", \"scaler\": \"none\", \"l1\": 0.8, "
                                 "\"l2\": 0.3, \"beta\": 0.5, \"learning_rate\": 0.1}",
                                 &shape, seed);
        double z[INPUTS_ALL] = {0}, n[INPUTS_ALL] = {0}, zeros = 0;
        struct random random;
        random_seed(&random, seed);
        for (int i = 0; i < EVENTS; i++) {
            union value feature[STREAM_FEATURES];
            struct example example = stream_draw(&random, 2, feature);
            double odds = 0, x[INPUTS_ALL], w[INPUTS_ALL];
            for (int j = 0; j <= NUMBERS; j++) {
                double first = j < NUMBERS ? l1 : 0, second = j < NUMBERS ? l2 : 0;
                x[j] = j == NUMBERS ? 1 : isnan(feature[j].number) ? 0 : feature[j].number;
                double sign = z[j] < 0 ? -1 : 1;
                w[j] = fabs(z[j]) <= first
                           ? 0
                           : -(z[j] - sign * first) / ((beta + sqrt(n[j])) / rate + second);
                odds += w[j] * x[j];
                zeros += j < NUMBERS && w[j] == 0;
            }
            double p = 1 / (1 + exp(-odds));
            assert_true(fabs(kind->learn(self, &example) - p) < 1e-9);
            for (int j = 0; j <= NUMBERS; j++) {
                double g = (p - example.label) * x[j];
                z[j] += g - (sqrt(n[j] + g * g) - sqrt(n[j])) / rate * w[j];
                n[j] += g * g;
            }
        }
        assert_true(zeros > 0);
        free(self);
    }
}

/* --- newton forgets where the world turns, and not where it stands still ------------------------
 */

static double newton_right(const char *options, double turn)
{
    const struct model_kind *kind = model_find("logistic_regression");
    const struct model_shape shape = stream_shape(NUMBERS, 2);
    void *self = fresh_model("logistic_regression", options, &shape, 1);
    struct random random;
    random_seed(&random, 31);
    double right = 0;
    for (int i = 0; i < 20000; i++) {
        union value feature[NUMBERS];
        double side = 0;
        for (int j = 0; j < NUMBERS; j++) {
            feature[j].number = 2 * random_uniform(&random) - 1;
            side += feature[j].number * cos(j + turn * i);
        }
        double label = (side > 0) ^ (random_below(&random, 10) == 0);
        struct example example = {feature, 0, label, 1, NULL};
        right += (kind->learn(self, &example) > 0.5) == (label > 0.5);
    }
    free(self);
    return right / 20000;
}

static void test_alertness(void **unused)
{
    (void)unused;
    double still = newton_right("{\"alertness\": 0}", 0), alert_still = newton_right("{}", 0);
    double turn = newton_right("{\"alertness\": 0}", 1e-3), alert_turn = newton_right("{}", 1e-3);
    print_message("still %.4f, alert %.4f; turning %.4f, alert %.4f\n", still, alert_still, turn,
                  alert_turn);
    assert_true(fabs(still - alert_still) < 0.002);
    assert_true(alert_turn > turn + 0.1);
}

/* --- the factorisation machine, pair by pair ------------------------------------------------- */

enum { FACTORS = 3, BUCKETS = 4096, WIDTH = 8, INPUTS = WIDTH + BUCKETS };

struct machine {
    float weight[INPUTS], weight_squares[INPUTS];
    float factor[INPUTS][FACTORS], factor_squares[INPUTS][FACTORS];
    double intercept, intercept_squares;
    uint64_t seed;
};

static void machine_start(struct machine *machine, uint64_t seed)
{
    struct random random;
    memset(machine, 0, sizeof *machine);
    machine->seed = seed;
    random_seed(&random, seed);
    for (int i = 0; i < INPUTS; i++)
        for (int f = 0; f < FACTORS; f++)
            machine->factor[i][f] = (float)(0.3 * (2 * random_uniform(&random) - 1));
}

/* All inputs, most of them 0: numbers as they are, the flag, one for each name. */
static void machine_inputs(const struct machine *machine, const union value *feature, double *x)
{
    memset(x, 0, INPUTS * sizeof *x);
    for (int i = 0; i < 4; i++)
        x[i] = isnan(feature[i].number) ? 0 : feature[i].number;
    for (uint64_t i = 4; i < 6; i++) {
        if (i == 4 ? isnan(feature[i].number) : feature[i].key == 0)
            continue;
        uint64_t hash = hash_pair(feature[i].key + 1, (machine->seed + i) | 1ULL << 63);
        x[WIDTH + (((unsigned __int128)hash * BUCKETS) >> 64)] += 1;
    }
}

static double machine_odds(const struct machine *machine, const double *x)
{
    double odds = machine->intercept;
    for (int i = 0; i < INPUTS; i++)
        odds += (double)machine->weight[i] * x[i];
    for (int i = 0; i < INPUTS; i++)
        for (int j = i + 1; j < INPUTS && x[i] != 0; j++)
            for (int f = 0; f < FACTORS && x[j] != 0; f++)
                odds += (double)machine->factor[i][f] * (double)machine->factor[j][f] * x[i] * x[j];
    return odds;
}

static void machine_descend(float *parameter, float *squares, double slope)
{
    *squares += (float)(slope * slope);
    *parameter -= (float)(0.02 * slope / sqrt((double)*squares + 1e-10));
}

static void machine_learn(struct machine *machine, const double *x, double label)
{
    static struct machine before;
    before = *machine;
    double gradient = 1 / (1 + exp(-machine_odds(machine, x))) - label;
    machine->intercept_squares += gradient * gradient;
    machine->intercept -= 0.02 * gradient / sqrt(machine->intercept_squares + 1e-10);
    for (int i = 0; i < INPUTS; i++) {
        if (x[i] == 0)
            continue;
        machine_descend(&machine->weight[i], &machine->weight_squares[i], gradient * x[i]);
        for (int f = 0; f < FACTORS; f++) {
            double others = 0;
            for (int j = 0; j < INPUTS; j++)
                others += i != j ? (double)before.factor[j][f] * x[j] : 0;
            machine_descend(&machine->factor[i][f], &machine->factor_squares[i][f],
                            gradient * x[i] * others);
        }
    }
}

static void test_factorization_machine(void **unused)
{
    (void)unused;
    static struct machine machine;
    const struct model_kind *kind = model_find("factorization_machine");
    const struct model_shape shape = stream_shape(6, 2);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %d\n", (int)seed);
        void *self = fresh_model("factorization_machine",
                                 "{\"scaler\": \"none\", \"factors\": 3, \"buckets\": 4096, "
                                 "\"spread\": 0.3, \"learning_rate\": 0.02}",
                                 &shape, seed);
        machine_start(&machine, seed);
        struct random random;
        random_seed(&random, seed + 50);
        for (int i = 0; i < 300; i++) {
            union value feature[STREAM_FEATURES];
            double x[INPUTS];
            struct example example = stream_draw(&random, 2, feature);
            machine_inputs(&machine, feature, x);
            double expected = 1 / (1 + exp(-machine_odds(&machine, x)));
            double score = kind->learn(self, &example);
            if (fabs(score - expected) > 1e-3)
                fail_msg("event %d: %.9g where %.9g is right", i, score, expected);
            machine_learn(&machine, x, example.label);
        }
        free(self);
    }
}

/* Options at the ends of their ranges, one number whose label flips, now and then next to nothing:
 * whatever is learned, scores are numbers, and what is above 0 is told from what is below. */
static void test_ends_of_options(void **unused)
{
    (void)unused;
    static const struct {
        const char *kind, *options;
        bool apart;
    } ends[] = {
        {"alma", "{\"alpha\": 1, \"scaler\": \"none\"}", true},
        {"passive_aggressive", "{\"mode\": \"pa\", \"intercept\": \"free\"}", false},
        {"passive_aggressive", "{\"mode\": \"pa\", \"intercept\": \"free\", \"scaler\": \"none\"}",
         false},
        {"passive_aggressive",
         "{\"mode\": \"pa2\", \"aggressiveness\": 1e6, \"intercept\": \"free\"}", false},
        {"passive_aggressive", "{\"mode\": \"pa\", \"intercept\": \"none\", \"scaler\": \"none\"}",
         true},
    };
    static const enum value_type type = TYPE_NUMBER;
    static const char *const name = "a";
    const struct model_shape shape = {1, &type, &name, 2};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const struct model_kind *kind = model_find(ends[i].kind);
        void *options = options_of_json(kind->options, kind->option_size, ends[i].options);
        void *self = calloc(1, kind->state_size(options, &shape));
        assert_non_null(self);
        kind->init(self, options, &shape, 1);
        double score[2];
        for (int j = 0; j < 3000; j++) {
            double label = j % 2, size = j % 7 ? 0.1 + 0.001 * (j % 5) : 1e-160;
            union value value = {.number = label > 0 ? size : -size};
            if (!ends[i].apart && j % 3 == 0)
                value.number = -value.number;
            const struct example example = {&value, j, label, 1, NULL};
            score[j % 2] = kind->learn(self, &example);
            if (!(score[j % 2] >= 0 && score[j % 2] <= 1))
                fail_msg("%s %s: score %g at label %d", ends[i].kind, ends[i].options, score[j % 2],
                         j);
        }
        assert_true(!ends[i].apart || score[1] > score[0]);
        free(self);
        free(options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passive_aggressive),
        cmocka_unit_test(test_alma),
        cmocka_unit_test(test_ends_of_options),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_ftrl),
        cmocka_unit_test(test_alertness),
        cmocka_unit_test(test_factorization_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
