/* The kinds around other models against the plain, slow computation of the same mathematics, on
 * random scores. */
#include "base/random.h"
#include "models/model.h"
#include "tests/unit/base_options.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCORES = 4, LABELS = 600 };

static const enum value_type types[SCORES] = {TYPE_NUMBER, TYPE_NUMBER, TYPE_BOOLEAN, TYPE_NUMBER};
static const char *const names[SCORES] = {"a", "b", "c", "d"};

struct sample {
    union value score[SCORES];
    double label, weight, told;
};

static struct sample samples[LABELS];

/* Scores of all sorts: ties, certainties, outside [0, 1], some missing; told by the kind. */
static void run(const char *name, const char *json, uint32_t features, uint64_t seed)
{
    const struct model_kind *kind = model_find(name);
    const struct model_shape shape = {features, types, names, 2};
    assert_non_null(kind);
    void *options = options_of_json(kind->options, kind->option_size, json);
    void *self = calloc(1, kind->state_size(options, &shape));
    assert_non_null(self);
    kind->init(self, options, &shape, 1);
    struct random random;
    random_seed(&random, seed);
    for (int i = 0; i < LABELS; i++) {
        struct sample *sample = &samples[i];
        sample->label = random_below(&random, 4) == 0;
        sample->weight = random_below(&random, 3) ? 1 : 0.5;
        for (int j = 0; j < SCORES; j++) {
            double score = random_uniform(&random) * 1.2 - 0.1 + sample->label * 0.2;
            sample->score[j].number = random_below(&random, 9) ? floor(score * 40) / 40 : MISSING;
        }
        const struct example example = {sample->score, i, sample->label, sample->weight, NULL};
        sample->told = kind->learn(self, &example);
    }
    free(self);
    free(options);
}

static double clip(double score)
{
    return score < 0 ? 0 : score > 1 ? 1 : score;
}

static void near(double told, double wanted, int at)
{
    if (!(fabs(told - wanted) < 1e-9))
        fail_msg("sample %d: told %.12g, wanted %.12g", at, told, wanted);
}

/* Without share an expert's weight is exp(-its losses) among those that were awake with it. */
static void test_best_expert(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        double weight[SCORES] = {0.25, 0.25, 0.25, 0.25};
        run("best_expert", "{\"loss\": \"squared\", \"rate\": 0.7, \"share\": 0.01}", SCORES, seed);
        for (int i = 0; i < LABELS; i++) {
            double sum = 0, awake = 0, count = 0, after[SCORES] = {0}, total = 0;
            for (int j = 0; j < SCORES; j++) {
                double score = clip(samples[i].score[j].number);
                if (isnan(samples[i].score[j].number))
                    continue;
                sum += weight[j] * score;
                awake += weight[j];
                count++;
                after[j] =
                    weight[j] * exp(-0.7 * samples[i].weight * pow(samples[i].label - score, 2));
                total += after[j];
            }
            near(samples[i].told, count > 0 ? sum / awake : 0.5, i);
            for (int j = 0; j < SCORES && count > 0; j++)
                if (!isnan(samples[i].score[j].number))
                    weight[j] = awake * (0.99 * after[j] / total + 0.01 / count);
        }
    }
}

static uint32_t bin_of(double score, uint32_t bins)
{
    double odds = log(clip(score) / (1 - clip(score)));
    double place = (fmax(-12, fmin(12, odds)) + 12) / 24 * bins;
    return place >= bins ? bins - 1 : (uint32_t)place;
}

/* The isotonic fit is max over a <= i of min over b >= i of the mean from a to b. */
static double max_min(const double *weight, const double *positives, uint32_t bins, uint32_t at)
{
    double most = -1;
    for (uint32_t a = 0; a <= at; a++) {
        double least = 2, weights = 0, sum = 0;
        for (uint32_t b = a; b < bins; b++) {
            weights += weight[b];
            sum += positives[b];
            if (b >= at)
                least = fmin(least, sum / weights);
        }
        most = fmax(most, least);
    }
    return most;
}

static void test_isotonic(void **unused)
{
    (void)unused;
    enum { BINS = 40 };
    run("isotonic", "{\"bins\": 40, \"half_life\": 10, \"prior_weight\": 0.3}", 1, 6);
    double weight[BINS] = {0}, positives[BINS] = {0}, fitted[BINS], all = 0, all_positives = 0;
    double prior[BINS], with[BINS], sums[BINS];
    for (uint32_t j = 0; j < BINS; j++)
        fitted[j] = prior[j] = 1 / (1 + exp(-((j + 0.5) / BINS * 24 - 12)));
    for (int i = 0; i < LABELS; i++) {
        const struct sample *sample = &samples[i];
        double score = sample->score[0].number;
        near(sample->told,
             !isnan(score) ? fitted[bin_of(score, BINS)]
             : all > 0     ? all_positives / all
                           : 0.5,
             i);
        all += sample->weight;
        all_positives += sample->weight * sample->label;
        if (!isnan(score)) {
            weight[bin_of(score, BINS)] += sample->weight;
            positives[bin_of(score, BINS)] += sample->weight * sample->label;
            for (uint32_t j = 0; j < BINS; j++) {
                with[j] = weight[j] + 0.3;
                sums[j] = positives[j] + 0.3 * prior[j];
            }
            for (uint32_t j = 0; j < BINS; j++)
                fitted[j] = max_min(with, sums, BINS, j);
        }
        for (uint32_t j = 0; j < BINS; j++) {
            weight[j] *= exp2(-1 / 10.0);
            positives[j] *= exp2(-1 / 10.0);
        }
        all *= exp2(-1 / 10.0);
        all_positives *= exp2(-1 / 10.0);
    }
}

static void test_conformal(void **unused)
{
    (void)unused;
    for (int negatives = 0; negatives < 2; negatives++) {
        run(negatives ? "conformal_negatives" : "conformal", "{\"window\": 50}", 1, 7);
        for (int i = 0; i < LABELS; i++) {
            double score = clip(samples[i].score[0].number), less = 0, equal = 0, count = 0;
            for (int j = i - 1; j >= 0 && count < 50; j--) {
                double other = clip(samples[j].score[0].number);
                if (isnan(other) || (negatives && samples[j].label > 0))
                    continue;
                less += other < score;
                equal += other == score;
                count++;
            }
            near(samples[i].told, isnan(score) ? 0 : (less + (equal + 1) / 2) / (count + 1), i);
        }
    }
}

/* The mode of the posterior along (x, 1), by halving alone. */
static double mode_of(double odds, double spread, double label)
{
    double low = odds - spread, high = odds + spread;
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2;
        if (middle - odds > spread * (label - 1 / (1 + exp(-middle))))
            high = middle;
        else
            low = middle;
    }
    return low;
}

/* Bayes' rule by the inverse covariance, which is a sum. */
static void test_platt(void **unused)
{
    (void)unused;
    run("platt", "{\"half_life\": 0, \"prior_variance\": 2}", 1, 8);
    double precision[3] = {0.5, 0, 0.5}, slope = 1, intercept = 0; /* aa, ab, bb */
    for (int i = 0; i < LABELS; i++) {
        const struct sample *sample = &samples[i];
        double score = clip(sample->score[0].number), x = log(score / (1 - score));
        x = isnan(score) ? 0 : fmax(-16, fmin(16, x));
        double odds = slope * x + intercept;
        near(sample->told, 1 / (1 + exp(-odds)), i);
        double det = precision[0] * precision[2] - precision[1] * precision[1];
        double along_slope = (precision[2] * x - precision[1]) / det;
        double along_intercept = (precision[0] - precision[1] * x) / det;
        double spread = sample->weight * (along_slope * x + along_intercept);
        double p = 1 / (1 + exp(-mode_of(odds, spread, sample->label)));
        double v = sample->weight * p * (1 - p), step = sample->weight * (sample->label - p);
        precision[0] += v * x * x;
        precision[1] += v * x;
        precision[2] += v;
        slope += step * along_slope;
        intercept += step * along_intercept;
    }
}

/* One certainty that was wrong does not turn all scores around. */
static void test_platt_keeps_its_head(void **unused)
{
    (void)unused;
    static const double weights[] = {1, 64, 1e6};
    const struct model_kind *kind = model_find("platt");
    const struct model_shape shape = {1, types, names, 2};
    for (int i = 0; i < 3; i++) {
        void *options = options_of_json(kind->options, kind->option_size, "{}");
        void *self = calloc(1, kind->state_size(options, &shape));
        assert_non_null(self);
        kind->init(self, options, &shape, 1);
        union value score = {.number = 1};
        const struct example example = {&score, 0, 0, weights[i], NULL};
        kind->learn(self, &example);
        double certain = kind->score(self, &example);
        score.number = 0.1;
        double unlikely = kind->score(self, &example);
        if (!(certain > 1e-8) || !(unlikely < 0.95))
            fail_msg("weight %g: 1 is told as %g, 0.1 as %g", weights[i], certain, unlikely);
        free(self);
        free(options);
    }
}

static void test_average(void **unused)
{
    (void)unused;
    static const char *const ways[] = {"mean", "odds", "max"};
    for (int way = 0; way < 3; way++) {
        char options[128];
        snprintf(options, sizeof options, "{\"combine\": \"%s\", \"weights\": \"1, 0 2 0.5\"}",
                 ways[way]);
        run("average", options, SCORES, 9);
        for (int i = 0; i < LABELS; i++) {
            static const double weight[SCORES] = {1, 0, 2, 0.5};
            double sum = 0, weights = 0, most = 0;
            for (int j = 0; j < SCORES; j++) {
                double score = clip(samples[i].score[j].number);
                if (isnan(score) || weight[j] == 0)
                    continue;
                double odds = fmax(-16, fmin(16, log(score / (1 - score))));
                sum += weight[j] * (way == 1 ? odds : score);
                weights += weight[j];
                most = fmax(most, score);
            }
            double mean = weights > 0 ? sum / weights : 0;
            double wanted = way == 1 && weights > 0 ? 1 / (1 + exp(-mean)) : mean;
            near(samples[i].told, way == 2 ? most : wanted, i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_expert), cmocka_unit_test(test_isotonic),
        cmocka_unit_test(test_conformal),   cmocka_unit_test(test_platt),
        cmocka_unit_test(test_average),     cmocka_unit_test(test_platt_keeps_its_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
