/* ADWIN against itself without cleverness: every value kept, every mean, variance and range taken
 * from the values, in long double.  Only the sizes of the buckets are the same, by their rule.  Its
 * file is included so that its window can be looked at. */
#include "base/adwin.c"

#include "tests/unit/monitor_helper.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { VALUES = 2000, SIZES_MAX = 200 };

struct naive {
    double delta;
    uint32_t clock, minimum, since_check;
    double value[VALUES];
    uint32_t from, to;                    /* the window */
    uint32_t size[SIZES_MAX], size_count; /* of the buckets, oldest first */
    double before, after;
};

/* The oldest two of a size become one when there are more than ADWIN_BUCKETS_MAX of it. */
static void naive_merge(struct naive *naive)
{
    for (uint32_t size = 1;; size *= 2) {
        uint32_t count = 0, oldest = 0;
        for (uint32_t i = naive->size_count; i-- > 0;)
            if (naive->size[i] == size) {
                count++;
                oldest = i;
            }
        if (count <= ADWIN_BUCKETS_MAX)
            return;
        naive->size[oldest] = 2 * size;
        naive->size_count--;
        for (uint32_t i = oldest + 1; i < naive->size_count; i++)
            naive->size[i] = naive->size[i + 1];
    }
}

static long double naive_mean(const struct naive *naive, uint32_t from, uint32_t to)
{
    long double sum = 0;
    for (uint32_t i = from; i < to; i++)
        sum += naive->value[i];
    return sum / (to - from);
}

/* The difference over its bound, of the split before value `at`. */
static long double naive_excess(const struct naive *naive, uint32_t at)
{
    long double mean = naive_mean(naive, naive->from, naive->to), variance = 0;
    double least = INFINITY, most = -INFINITY;
    long double count = naive->to - naive->from;
    for (uint32_t i = naive->from; i < naive->to; i++) {
        long double difference = naive->value[i] - mean;
        variance += difference * difference / count;
        least = fmin(least, naive->value[i]);
        most = fmax(most, naive->value[i]);
    }
    if (least == most)
        return 0;
    long double difference = naive_mean(naive, at, naive->to) - naive_mean(naive, naive->from, at);
    long double inverse = 1.0L / (at - naive->from) + 1.0L / (naive->to - at);
    long double logarithm = logl(2 * logl(count) / naive->delta);
    long double bound = sqrtl(2 * inverse * variance * logarithm) +
                        2 * inverse * logarithm * ((long double)most - least) / 3;
    return fabsl(difference) / bound;
}

/* Drops the older side of the best split as long as there is one. */
static bool naive_shrink(struct naive *naive)
{
    bool alarm = false;
    for (;;) {
        long double best = 1;
        uint32_t best_at = 0, best_index = 0, at = naive->from;
        for (uint32_t i = 0; i + 1 < naive->size_count; i++) {
            at += naive->size[i];
            if (at - naive->from < naive->minimum || naive->to - at < naive->minimum)
                continue;
            long double excess = naive_excess(naive, at);
            if (excess > best) {
                best = excess;
                best_at = at;
                best_index = i + 1;
            }
        }
        if (best_at == 0)
            return alarm;
        if (!alarm) {
            naive->before = (double)naive_mean(naive, naive->from, best_at);
            naive->after = (double)naive_mean(naive, best_at, naive->to);
        }
        alarm = true;
        naive->from = best_at;
        naive->size_count -= best_index;
        memmove(naive->size, naive->size + best_index, naive->size_count * sizeof *naive->size);
    }
}

static bool naive_update(struct naive *naive, double value)
{
    naive->value[naive->to++] = value;
    naive->size[naive->size_count++] = 1;
    naive_merge(naive);
    if (++naive->since_check < naive->clock)
        return false;
    naive->since_check = 0;
    return naive_shrink(naive);
}

static double relative(double found, double wanted)
{
    return fabs(found - wanted) / fmax(1, fabs(wanted));
}

/* The histogram's invariants, and that each bucket tells the truth about its values. */
static void check_window(const struct adwin *adwin, const struct naive *naive)
{
    assert_int_equal(adwin->count, naive->to - naive->from);
    uint32_t at = naive->from, index = 0;
    for (uint32_t row = adwin->row_count; row-- > 0;) {
        assert_true(adwin->bucket_count[row] <= ADWIN_BUCKETS_MAX);
        assert_true(row + 1 < adwin->row_count || adwin->bucket_count[row] > 0);
        for (uint32_t i = 0; i < adwin->bucket_count[row]; i++) {
            const struct adwin_bucket *bucket = &adwin->bucket[row][i];
            uint32_t size = 1U << row;
            assert_int_equal(size, naive->size[index++]);
            long double mean = naive_mean(naive, at, at + size), deviation = 0;
            double least = INFINITY, most = -INFINITY;
            for (uint32_t j = at; j < at + size; j++) {
                deviation += (naive->value[j] - mean) * (naive->value[j] - mean);
                least = fmin(least, naive->value[j]);
                most = fmax(most, naive->value[j]);
            }
            assert_true(relative(bucket->sum / size, (double)mean) < 1e-12);
            assert_true(relative(bucket->deviation, (double)deviation) < 1e-9);
            assert_true(bucket->least == least && bucket->most == most);
            at += size;
        }
    }
    assert_int_equal(at, naive->to);
    assert_int_equal(index, naive->size_count);
    for (uint32_t row = adwin->row_count; row < ADWIN_ROWS_MAX; row++)
        assert_int_equal(adwin->bucket_count[row], 0);
    double mean = (double)naive_mean(naive, naive->from, naive->to);
    assert_true(relative(adwin_measure(adwin).sum / (double)adwin->count, mean) < 1e-9);
}

/* A stream that changes its mean and spread at random moments. */
struct stream {
    struct random random;
    int shape;
    double level, spread;
};

static double stream_next(struct stream *stream)
{
    if (random_below(&stream->random, 400) == 0) {
        stream->level = random_uniform(&stream->random);
        stream->spread = random_uniform(&stream->random);
    }
    if (stream->shape == 0)
        return random_bernoulli(&stream->random, stream->level);
    if (stream->shape == 1)
        return 1000 * stream->level + stream->spread * random_normal(&stream->random);
    return exp(4 * stream->level + 3 * stream->spread * random_normal(&stream->random)) - 5;
}

static uint32_t run_stream(uint64_t seed)
{
    struct stream stream = {.shape = (int)(seed % 3), .level = 0.3, .spread = 0.5};
    random_seed(&stream.random, seed);
    static const uint32_t clocks[] = {1, 5, 32}, minimums[] = {1, 10, 40};
    struct naive *naive = calloc(1, sizeof *naive);
    struct adwin *adwin = malloc(sizeof *adwin);
    assert_true(naive && adwin);
    naive->delta = seed % 2 ? 0.002 : 0.1;
    naive->clock = clocks[seed / 3 % 3];
    naive->minimum = minimums[seed / 9 % 3];
    adwin_init(adwin, naive->delta, naive->clock, naive->minimum, ADWIN_BOTH);
    uint32_t alarms = 0, length = naive->clock == 1 ? 500 : VALUES;
    for (uint32_t i = 0; i < length; i++) {
        double value = stream_next(&stream);
        bool alarm = adwin_update(adwin, value);
        if (alarm != naive_update(naive, value))
            fail_msg("seed %llu: other decision at value %u", (unsigned long long)seed, i);
        if (alarm) {
            assert_true(relative(adwin->before, naive->before) < 1e-9);
            assert_true(relative(adwin->after, naive->after) < 1e-9);
        }
        if (i % 37 == 0 || alarm)
            check_window(adwin, naive);
        alarms += alarm;
    }
    free(naive);
    free(adwin);
    return alarms;
}

static void test_decides_as_the_definition(void **state)
{
    (void)state;
    uint32_t alarms = 0;
    for (uint64_t seed = 1; seed <= 54; seed++)
        alarms += run_stream(seed);
    print_message("54 streams from seed 1, %u alarms, all as by the definition\n", alarms);
    assert_true(alarms > 100);
}

/* Full rows forget their oldest bucket and keep the count right; reached by planting, not by 2^34
 * values. */
static void test_a_full_window_forgets(void **state)
{
    (void)state;
    struct adwin *adwin = calloc(1, sizeof *adwin);
    adwin_init(adwin, 0.1, 1 << 20, 1, ADWIN_BOTH);
    for (uint32_t row = 0; row < ADWIN_ROWS_MAX; row++)
        for (uint32_t i = 0; i < ADWIN_BUCKETS_MAX; i++) {
            const struct adwin_bucket bucket = {
                .sum = (double)(1ULL << row), .least = 1, .most = 1};
            row_append(adwin, row, bucket);
            adwin->count += bucket_values(row);
        }
    assert_int_equal(adwin->count, ADWIN_BUCKETS_MAX * (UINT64_C(0x100000000) - 1));
    for (uint32_t i = 0; i < 100; i++)
        assert_false(adwin_update(adwin, 1));
    uint64_t count = 0;
    for (uint32_t row = 0; row < ADWIN_ROWS_MAX; row++) {
        assert_true(adwin->bucket_count[row] <= ADWIN_BUCKETS_MAX);
        count += adwin->bucket_count[row] * bucket_values(row);
    }
    assert_int_equal(count, adwin->count);
    assert_int_equal(count, ADWIN_BUCKETS_MAX * (UINT64_C(0x100000000) - 1) + 100 - (1ULL << 31));
    assert_true(adwin_measure(adwin).sum == (double)count);
    free(adwin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decides_as_the_definition),
        cmocka_unit_test(test_a_full_window_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
