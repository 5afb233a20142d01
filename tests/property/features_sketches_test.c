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

/* Different ones of what is left of the images. */
static uint32_t different(const struct stream *stream, uint32_t lost_bits)
{
    static uint64_t key[VALUES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < stream->count; i++)
        key[i] = stream->image[i] >> lost_bits;
    qsort(key, stream->count, sizeof *key, image_order);
    for (uint32_t i = 0; i < stream->count; i++)
        count += i == 0 || key[i] != key[i - 1];
    return count;
}

static uint32_t prefixes(const struct stream *stream, uint32_t lost_bits)
{
    return different(stream, QUANTILE_PREFIX_BITS + lost_bits);
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
        uint64_t counted = 0, before;
        for (uint32_t b = 0; b < whole.used; b++) {
            uint32_t count = 0;
            for (uint32_t i = 0; i < stream.count; i++)
                count += stream.image[i] >= bucket_first(&whole, b) &&
                         stream.image[i] <= bucket_last(&whole, b);
            assert_int_equal(count, whole.count[b]);
            assert_int_equal(quantiles_before(&whole, b), counted);
            assert_int_equal(quantiles_at(&whole, counted, &before), b);
            assert_int_equal(before, counted);
            counted += count;
            assert_int_equal(quantiles_at(&whole, counted - 1, &before), b);
        }
        assert_int_equal(counted, stream.count);
        assert_int_equal(quantiles_count(&whole), stream.count);
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

/* The most frequent of counters and elsewhere together, of several the least. */
static void most_is_right(const struct elsewhere *elsewhere, const struct frequencies *counters)
{
    uint64_t image = 0, most = 0;
    for (uint64_t i = counters->used; i-- > 0;)
        if ((uint64_t)counters->count[i] + elsewhere->count[i] >= most) {
            most = (uint64_t)counters->count[i] + elsewhere->count[i];
            image = counters->image[i];
        }
    assert_int_equal(elsewhere->mode_count, most);
    assert_true(elsewhere->mode == image);
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
            most_is_right(&elsewhere, &counters);
        }
        for (uint32_t i = 0; i < 200 && counters.used; i++) {
            uint32_t place = (uint32_t)random_below(&stream.random, counters.used);
            elsewhere_change(&elsewhere, &counters, place, -1);
            most_is_right(&elsewhere, &counters);
            elsewhere_change(&elsewhere, &counters, place, 1);
            most_is_right(&elsewhere, &counters);
        }
        again = elsewhere;
        elsewhere_sum(&again, &counters);
        assert_memory_equal(&again, &elsewhere, sizeof again);
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

/* Registers' sums are those of the registers, and joined parts are the whole. */
static void registers_are_summed(void **unused)
{
    (void)unused;
    static struct stream stream;
    static struct hyperloglog whole, joined, part[PARTS];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        stream_draw(&stream, seed);
        memset(&whole, 0, sizeof whole);
        memset(&joined, 0, sizeof joined);
        memset(part, 0, sizeof part);
        for (uint32_t i = 0; i < stream.count; i++) {
            hyperloglog_add(&whole, stream.image[i]);
            hyperloglog_add(&part[stream.part[i]], stream.image[i]);
        }
        for (uint32_t i = 0; i < PARTS; i++)
            hyperloglog_join(&joined, &part[i]);
        assert_memory_equal(&whole, &joined, sizeof whole);
        double exact = different(&stream, 0);
        assert_true(fabs(hyperloglog_count(&whole) - exact) <= 1 + 0.14 * exact);
        uint64_t used = 0, sum = 0;
        for (uint32_t i = 0; i < HYPERLOGLOG_REGISTERS; i++) {
            used += whole.rank[i] > 0;
            sum += whole.rank[i] ? 1ULL << (HYPERLOGLOG_RANKS - whole.rank[i]) : 0;
        }
        assert_true(used == whole.used && sum == whole.sum);
    }
}

/* A quantile is what lies at its place when slots and spilled values, each taken for what its
 * bucket says, stand in one row; slots in an array, or in a tree. */
struct mixed {
    struct values values;
    struct past_values past;
    struct quantiles order;
    struct state state;
    struct tree_plan plan;
    uint32_t count;
    uint64_t row[VALUES], slot[VALUES];
};

static void mixed_open(struct mixed *mixed, struct stream *stream)
{
    static struct state_layout layout;
    struct failure failure;
    memset(mixed, 0, sizeof *mixed);
    mixed->plan = tree_plan_make(random_below(&stream->random, 2) ? 512 : 128);
    state_layout_init(&layout);
    mixed->plan.region =
        state_layout_add(&layout, "values", 0, mixed->plan.node_size, 64, VALUES, STATE_ROWS_TAKEN);
    assert_int_equal(state_open(&mixed->state, &layout, &failure), STATUS_OK);
    struct tree tree = {.plan = &mixed->plan, .state = &mixed->state};
    uint64_t share = 1 + random_below(&stream->random, 99);
    for (uint32_t i = 0; i < stream->count; i++) {
        if (i > 0 && random_below(&stream->random, 100) < share) {
            mixed->slot[mixed->values.count++] = stream->image[i];
            assert_true(tree_insert(&tree, stream->image[i]));
            continue;
        }
        past_values_add(&mixed->past, stream->image[i]);
        quantiles_add(&mixed->order, stream->image[i]);
    }
    images_sort(mixed->slot, (uint32_t)mixed->values.count);
    memcpy(mixed->row, mixed->slot, mixed->values.count * sizeof *mixed->slot);
    mixed->count = (uint32_t)mixed->values.count;
    for (uint32_t b = 0; b < mixed->order.used; b++)
        for (uint32_t i = 0; i < mixed->order.count[b]; i++)
            mixed->row[mixed->count++] = bucket_image(&mixed->order, b, i);
    qsort(mixed->row, mixed->count, sizeof *mixed->row, image_order);
    mixed->values.tree = tree;
    mixed->values.past = (struct past_view){.values = &mixed->past, .order = &mixed->order};
}

static void quantiles_are_of_both(void **unused)
{
    (void)unused;
    static struct stream stream;
    static struct mixed mixed;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        stream_draw(&stream, seed);
        mixed_open(&mixed, &stream);
        assert_int_equal(mixed.count, stream.count);
        struct values sorted = mixed.values;
        sorted.sorted = mixed.slot;
        for (uint32_t i = 0; i <= 200; i++) {
            double q = i / 200., place = (mixed.count - 1) * q;
            uint32_t lower = (uint32_t)place, upper = lower + 1 < mixed.count ? lower + 1 : lower;
            double low = image_value(mixed.row[lower], false).number;
            double high = image_value(mixed.row[upper], false).number;
            double share = place - lower, expected = low + share * (high - low);
            double got = past_quantile(&sorted, q);
            if (!(fabs(got - expected) <= 1e-9 * fmax(fabs(low), fabs(high))))
                fail_msg("seed %llu: the %.3f-quantile is %.17g, expected %.17g",
                         (unsigned long long)seed, q, got, expected);
            if (mixed.values.count == 0 || mixed.values.tree.root)
                assert_true(past_quantile(&mixed.values, q) == got);
        }
        state_close(&mixed.state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(buckets_are_prefixes),
                                       cmocka_unit_test(buckets_are_narrow),
                                       cmocka_unit_test(counters_lack_what_they_say),
                                       cmocka_unit_test(elsewhere_follows_its_counters),
                                       cmocka_unit_test(samples_count_exactly),
                                       cmocka_unit_test(registers_are_summed),
                                       cmocka_unit_test(quantiles_are_of_both)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
