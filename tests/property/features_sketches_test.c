/* Sketches of values against what they promise: streams of several shapes, cut into parts that are
 * joined, beside all their values.  What a sketch of buckets or a sample keeps is a function of the
 * values alone, so joined parts have the bytes of the whole. */
#include "base/random.h"
#include "features/values_past.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { VALUES = 6000, PARTS = 12, SEEDS = 60, SHAPES = 7 };

struct stream {
    uint64_t seed;
    struct random random;
    uint32_t count;
    uint64_t image[VALUES];
    uint32_t part[VALUES];
};

static double gauss(struct random *random)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_uniform(random);
    return sum;
}

/* Amounts, their differences, numbers that are few, times, ranks of a few frequent ones. */
static double shape_draw(struct random *random, uint32_t shape)
{
    static const double fewest = 20000;
    switch (shape) {
    case 0:
        return rint(exp(gauss(random) + 4) * 100) / 100;
    case 1:
        return gauss(random) * 100;
    case 2:
        return (double)random_below(random, 100) - 30;
    case 3:
        return 1.5e9 + random_uniform(random) * 86400;
    case 4:
        return floor(pow(fewest, random_uniform(random)));
    case 5:
        return random_below(random, 3) ? 0 : exp(gauss(random) * 40);
    default:
        return (double)random_below(random, 3000);
    }
}

static void stream_draw(struct stream *stream, uint64_t seed)
{
    stream->seed = seed;
    random_seed(&stream->random, seed);
    stream->count = 1 + (uint32_t)random_below(&stream->random, VALUES);
    for (uint32_t i = 0; i < stream->count; i++) {
        union value value = {.number = shape_draw(&stream->random, (uint32_t)seed % SHAPES)};
        stream->image[i] = value_image(value, false);
        stream->part[i] = (uint32_t)random_below(&stream->random, PARTS);
    }
}

static int image_order(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static uint32_t prefixes(const struct stream *stream, uint32_t lost_bits)
{
    static uint64_t key[VALUES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < stream->count; i++)
        key[i] = stream->image[i] >> QUANTILE_PREFIX_BITS >> lost_bits;
    qsort(key, stream->count, sizeof *key, image_order);
    for (uint32_t i = 0; i < stream->count; i++)
        count += i == 0 || key[i] != key[i - 1];
    return count;
}

/* As few bits are lost as must be; each bucket has the values of its prefix; order is no matter. */
static void buckets_are_prefixes(void **unused)
{
    (void)unused;
    static struct stream stream;
    static struct quantiles whole, joined, part[PARTS];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        stream_draw(&stream, seed);
        memset(&whole, 0, sizeof whole);
        memset(&joined, 0, sizeof joined);
        memset(part, 0, sizeof part);
        for (uint32_t i = 0; i < stream.count; i++) {
            quantiles_add(&whole, stream.image[i]);
            quantiles_add(&part[stream.part[i]], stream.image[stream.count - 1 - i]);
        }
        for (uint32_t i = 0; i < PARTS; i++)
            quantiles_join(&joined, &part[i]);
        assert_memory_equal(&whole, &joined, sizeof whole);
        assert_int_equal(prefixes(&stream, whole.lost_bits), whole.used);
        if (whole.lost_bits > 0)
            assert_true(prefixes(&stream, whole.lost_bits - 1) > QUANTILE_BUCKETS);
        uint32_t counted = 0;
        for (uint32_t b = 0; b < whole.used; b++) {
            uint32_t count = 0;
            for (uint32_t i = 0; i < stream.count; i++)
                count += stream.image[i] >= bucket_first(&whole, b) &&
                         stream.image[i] <= bucket_last(&whole, b);
            assert_int_equal(count, whole.count[b]);
            counted += count;
        }
        assert_int_equal(counted, stream.count);
    }
}

/* What the bound of 1/32 asks for: values of one sign within a factor of 128. */
static void buckets_are_narrow(void **unused)
{
    (void)unused;
    static struct stream stream;
    static const struct {
        double factor, width;
    } promised[] = {{128, 1. / 32}, {32000, 1. / 16}, {2e9, 1. / 8}};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct quantiles whole = {0};
        random_seed(&stream.random, seed);
        double least = exp(gauss(&stream.random) * 20), sign = seed % 2 ? 1 : -1;
        for (uint32_t i = 0; i < VALUES; i++) {
            union value value = {
                .number =
                    sign * least * pow(promised[seed % 3].factor, random_uniform(&stream.random))};
            quantiles_add(&whole, value_image(value, false));
        }
        for (uint32_t b = 0; b < whole.used; b++) {
            double first = image_value(bucket_first(&whole, b), false).number;
            double last = image_value(bucket_last(&whole, b), false).number;
            assert_true(fabs(last - first) <= promised[seed % 3].width * fabs(first) * 1.0001 ||
                        fabs(last - first) <= promised[seed % 3].width * fabs(last) * 1.0001);
        }
    }
}

/* A value's true number. */
static uint64_t true_count(const uint64_t *sorted, uint32_t count, uint64_t image)
{
    uint64_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += sorted[i] == image;
    return found;
}

static void counters_check(const struct stream *stream, const struct frequencies *counters)
{
    uint64_t sum = 0;
    assert_true(counters->lacking <= stream->count / (FREQUENCIES + 1));
    for (uint64_t i = 0; i < counters->used; i++) {
        uint64_t count = true_count(stream->image, stream->count, counters->image[i]);
        assert_true(i == 0 || counters->image[i - 1] < counters->image[i]);
        assert_true(counters->count[i] <= count);
        assert_true(counters->level[i] <= counters->count[i]);
        assert_true(counters->level[i] + counters->lacking >= count);
        sum += counters->count[i];
    }
    assert_true(counters->lacking > 0 || sum == stream->count);
    for (uint32_t i = 0; i < stream->count; i += 7)
        if (frequencies_find(counters, stream->image[i]) == FREQUENCY_NONE)
            assert_true(true_count(stream->image, stream->count, stream->image[i]) <=
                        counters->lacking);
}

static void counters_lack_what_they_say(void **unused)
{
    (void)unused;
    static struct stream stream;
    static struct frequencies whole, joined, part[PARTS];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        stream_draw(&stream, seed);
        memset(&whole, 0, sizeof whole);
        memset(&joined, 0, sizeof joined);
        memset(part, 0, sizeof part);
        for (uint32_t i = 0; i < stream.count; i++) {
            frequencies_add(&whole, NULL, stream.image[i]);
            frequencies_add(&part[stream.part[i]], NULL, stream.image[i]);
        }
        for (uint32_t i = 0; i < PARTS; i++)
            frequencies_join(&joined, &part[i]);
        counters_check(&stream, &whole);
        counters_check(&stream, &joined);
    }
}

/* What is elsewhere stays with its counter, and the sums with the counts. */
static void elsewhere_follows_its_counters(void **unused)
{
    (void)unused;
    static struct stream stream;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct frequencies counters = {0};
        struct elsewhere elsewhere = {0}, again;
        stream_draw(&stream, seed);
        for (uint32_t i = 0; i < stream.count; i++) {
            uint32_t place = frequencies_add(&counters, &elsewhere, stream.image[i]);
            if (place != FREQUENCY_NONE) /* as many as its image says */
                elsewhere_change(&elsewhere, &counters, place,
                                 1 + (int32_t)(stream.image[i] >> 40 & 7));
        }
        again = elsewhere;
        elsewhere_sum(&again, &counters);
        assert_true(again.both == elsewhere.both && again.alone == elsewhere.alone);
        for (uint64_t i = 0; i < counters.used; i++)
            assert_int_equal(elsewhere.count[i], 1 + (counters.image[i] >> 40 & 7));
    }
}

static void samples_count_exactly(void **unused)
{
    (void)unused;
    static struct stream stream;
    static struct value_sample whole, joined, part[PARTS];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        stream_draw(&stream, seed);
        memset(&whole, 0, sizeof whole);
        memset(&joined, 0, sizeof joined);
        memset(part, 0, sizeof part);
        for (uint32_t i = 0; i < stream.count; i++) {
            value_sample_add(&whole, NULL, stream.image[i]);
            value_sample_add(&part[stream.part[i]], NULL, stream.image[i]);
        }
        for (uint32_t i = 0; i < PARTS; i++)
            value_sample_join(&joined, &part[i]);
        assert_memory_equal(&whole, &joined, sizeof whole);
        for (uint64_t i = 0; i < whole.used; i++)
            assert_int_equal(whole.count[i],
                             true_count(stream.image, stream.count, whole.image[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_prefixes), cmocka_unit_test(buckets_are_narrow),
        cmocka_unit_test(counters_lack_what_they_say),
        cmocka_unit_test(elsewhere_follows_its_counters), cmocka_unit_test(samples_count_exactly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
