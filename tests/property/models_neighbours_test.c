/* Naive Bayes and the nearest neighbours against the same written as plainly as possible: all
 * examples kept, everything computed from them anew each time. */
#include "models/scaler.h"
#include "tests/property/models_stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { EVENTS = 600, CLASSES = 3, SEEDS = 4 };

struct kept {
    union value feature[STREAM_FEATURES];
    double label, weight, z[4];
};
static struct kept kept[EVENTS];

static bool same_name(int feature, union value a, union value b)
{
    return feature == 5 ? a.key == b.key
                        : a.number == b.number || (isnan(a.number) && isnan(b.number));
}

static bool is_missing(int feature, union value value)
{
    return feature == 5 ? value.key == 0 : isnan(value.number);
}

/* --- naive Bayes ------------------------------------------------------------------------------ */

static double plain_normal(int count, int feature, double class, double x, double newest)
{
    double weight = 0, mean = 0, squares = 0;
    for (int i = 0; i < count; i++) {
        if (kept[i].label == class && !isnan(kept[i].feature[feature].number)) {
            weight += kept[i].weight;
            mean += kept[i].weight * kept[i].feature[feature].number;
        }
    }
    mean /= weight;
    for (int i = 0; i < count; i++) {
        double distance = kept[i].feature[feature].number - mean;
        if (kept[i].label == class && !isnan(distance))
            squares += kept[i].weight * distance * distance;
    }
    double variance = squares / (weight - newest);
    if (!(weight > newest * 1.0000001) || !(variance > 1e-12))
        return log(1e-9);
    double density = exp(-(x - mean) * (x - mean) / 2 / variance) / sqrt(2 * acos(-1) * variance);
    return log(fmax(1e-9, density));
}

static double plain_name(int count, int feature, double class, union value value, double now)
{
    double equal = 0, all = 0, values = 0;
    for (int i = 0; i < count; i++) {
        if (is_missing(feature, kept[i].feature[feature]))
            continue;
        bool first = true;
        for (int j = 0; j < i; j++)
            first =
                first && !same_name(feature, kept[i].feature[feature], kept[j].feature[feature]);
        values += first;
        if (kept[i].label == class) {
            all += kept[i].weight;
            equal += same_name(feature, kept[i].feature[feature], value) ? kept[i].weight : 0;
        }
    }
    return log((equal + now) / (all + now * (values + 1)));
}

/* In the last label's own variance the newest weight is that of the last label of the class that
 * had the number. */
static double newest_weight(int count, int feature, double class)
{
    for (int i = count; i-- > 0;)
        if (kept[i].label == class && !isnan(kept[i].feature[feature].number))
            return kept[i].weight;
    return 1;
}

static double plain_odds(int count, const union value *feature, double class, double now)
{
    double sum = now;
    for (int i = 0; i < count; i++)
        sum += kept[i].label == class ? kept[i].weight : 0;
    sum = log(sum);
    for (int j = 0; j < STREAM_FEATURES; j++) {
        if (is_missing(j, feature[j]))
            continue;
        sum += j < STREAM_NUMBERS ? plain_normal(count, j, class, feature[j].number,
                                                 newest_weight(count, j, class))
                                  : plain_name(count, j, class, feature[j], now);
    }
    return sum;
}

/* Every label weighs `each`. */
static void bayes(const char *options, double half_life, uint32_t classes, uint64_t seed,
                  double each)
{
    const struct model_kind *kind = model_find("naive_bayes");
    const struct model_shape shape = stream_shape(STREAM_FEATURES, classes);
    void *self = fresh_model("naive_bayes", options, &shape, seed);
    struct random random;
    random_seed(&random, seed);
    for (int i = 0; i < EVENTS; i++) {
        struct example example = stream_draw(&random, classes, kept[i].feature);
        double now = half_life > 0 ? exp2(i / half_life) : 1, odds[CLASSES];
        kept[i].label = example.label;
        kept[i].weight = each * now;
        example.weight = each;
        int best = 0;
        for (int c = 0; c < (int)classes; c++) {
            odds[c] = plain_odds(i, kept[i].feature, c, now);
            best = odds[c] > odds[best] ? c : best;
        }
        double score = kind->learn(self, &example);
        double expected = classes == 2 ? 1 / (1 + exp(odds[0] - odds[1])) : best;
        bool close = fabs(score - expected) < 1e-6 ||
                     (classes > 2 && fabs(odds[(int)score] - odds[best]) < 1e-6);
        if (!close)
            fail_msg("event %d: %.9g where %.9g is right", i, score, expected);
    }
    free(self);
}

static void test_naive_bayes(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %d\n", (int)seed);
        bayes("{\"buckets\": 65536}", 0, 2, seed, 1);
        bayes("{\"buckets\": 65536}", 0, CLASSES, seed, 1);
        /* As labels of rare classes weigh, or those of common ones. */
        bayes("{\"buckets\": 65536}", 0, 2, seed, 0.02);
        bayes("{\"buckets\": 65536}", 0, 2, seed, 40);
        /* Three hundred halvings: weights are brought to scale on the way. */
        bayes("{\"buckets\": 65536, \"half_life\": 2}", 2, 2, seed, 1);
    }
}

/* --- nearest neighbours ------------------------------------------------------------------------
 */

struct candidate {
    double distance;
    int age, index;
};

static int nearer(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->age - y->age;
}

static double plain_distance(const struct kept *a, const struct kept *b, bool manhattan)
{
    float sum = 0;
    for (int j = 0; j < 4; j++) {
        float difference = (float)b->z[j] - (float)a->z[j];
        sum += manhattan ? fabsf(difference) : difference * difference;
    }
    for (int j = 4; j < 6; j++)
        sum += !same_name(j, a->feature[j], b->feature[j]);
    return (double)sum;
}

static double plain_vote(int count, int window, int k, bool manhattan, uint32_t classes)
{
    static struct candidate candidate[EVENTS];
    double votes[CLASSES] = {0}, all = 0;
    int oldest = count > window ? count - window : 0, found = count - oldest;
    for (int i = oldest; i < count; i++)
        candidate[i - oldest] =
            (struct candidate){plain_distance(&kept[count], &kept[i], manhattan), count - i, i};
    qsort(candidate, (size_t)found, sizeof *candidate, nearer);
    found = found < k ? found : k;
    for (int i = 0; i < found; i++) {
        double distance = candidate[i].distance;
        double vote = 1 / fmax(manhattan ? distance : sqrt(distance), 1e-9);
        votes[(int)kept[candidate[i].index].label] += vote;
        all += vote;
    }
    if (classes == 2)
        return ((all > 0 ? votes[1] / all : 0.5) * found + 0.5) / (found + 1);
    return votes[1] > votes[0] ? votes[2] > votes[1] ? 2 : 1 : votes[2] > votes[0] ? 2 : 0;
}

static void neighbours(const char *options, int window, int k, bool manhattan, uint32_t classes,
                       uint64_t seed)
{
    const struct model_kind *kind = model_find("nearest_neighbours");
    const struct model_shape shape = stream_shape(STREAM_FEATURES, classes);
    void *self = fresh_model("nearest_neighbours", options, &shape, seed);
    const struct model_shape numbers = stream_shape(4, 2);
    struct scaler *scaler = calloc(1, scaler_size(SCALER_STANDARD, 4));
    scaler_init(scaler, SCALER_STANDARD, &numbers);
    struct random random;
    random_seed(&random, seed);
    for (int i = 0; i < EVENTS; i++) {
        double z[STREAM_FEATURES + NUMBERS_LANES];
        struct example example = stream_draw(&random, classes, kept[i].feature);
        kept[i].label = example.label;
        scaler_apply(scaler, example.feature, z);
        memcpy(kept[i].z, z, sizeof kept[i].z);
        double expected = plain_vote(i, window, k, manhattan, classes);
        double score = kind->learn(self, &example);
        if (fabs(score - expected) > 1e-9)
            fail_msg("event %d: %.9g where %.9g is right", i, score, expected);
        scaler_learn(scaler, example.feature, 1);
        scaler_apply(scaler, example.feature, z);
        memcpy(kept[i].z, z, sizeof kept[i].z);
    }
    free(scaler);
    free(self);
}

static void test_nearest_neighbours(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %d\n", (int)seed);
        neighbours("{\"scaler\": \"standard\", \"window\": 77, \"neighbours\": 6}", 77, 6, true, 2,
                   seed);
        neighbours("{\"scaler\": \"standard\", \"window\": 160, \"neighbours\": 3, "
                   "\"distance\": \"euclidean\"}",
                   160, 3, false, 2, seed);
        neighbours("{\"scaler\": \"standard\", \"window\": 1000, \"neighbours\": 9}", 1000, 9, true,
                   CLASSES, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_naive_bayes),
        cmocka_unit_test(test_nearest_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
