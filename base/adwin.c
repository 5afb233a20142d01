/* ADWIN, adaptive windowing: keeps as long a window of the last values as has one mean, and gives
 * the alarm when it has to be cut.  Bifet and Gavalda, "Learning from Time-Changing Data with
 * Adaptive Windowing", 2007 (the second algorithm there, ADWIN2).
 *
 * The window W of n values is cut into an older W0 and a newer W1, of n0 and n1 values with means
 * u0 and u1, where
 *
 *     |u1 - u0| > sqrt(2/m * v * L) + 2/(3m) * R * L,     1/m = 1/n0 + 1/n1,     L = ln(2 ln(n) /
 * delta),
 *
 * v is the variance and R the range (maximum - minimum) of W.  The bound is Bernstein's; the paper
 * writes it for values in [0, 1], where R is at most 1.  With the window's own range it holds for
 * values of any scale, as far as the window has seen that range; so the alarm is the same after x
 * -> a + bx.
 *
 * Only splits between buckets are tried.  The buckets are an exponential histogram: row r holds at
 * most ADWIN_BUCKETS_MAX buckets of 2^r values each, and the two oldest of a full row become one of
 * the next.  So a window of n values needs some ADWIN_BUCKETS_MAX * log2(n / ADWIN_BUCKETS_MAX)
 * buckets, and its count, mean, variance and range are exact whatever has been merged or dropped.
 * When the last row is full (after 2^34 values without a change) the oldest bucket is forgotten.
 *
 * The paper drops one bucket after the other until no split is left.  Here all of W0 goes at the
 * split that exceeds its bound by the largest factor, again until no split is left: most changes
 * then give one alarm, not one for each bucket. */
#include "base/adwin.h"
#include "base/assert.h"
#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(sizeof(struct adwin) ==
                   64 + sizeof(uint32_t) * ADWIN_ROWS_MAX +
                       sizeof(struct adwin_bucket) * ADWIN_ROWS_MAX * (ADWIN_BUCKETS_MAX + 1),
               "padding would be saved");

void adwin_init(struct adwin *adwin, double delta, uint64_t clock, uint64_t minimum,
                enum adwin_direction direction)
{
    ASSERT(delta > 0 && delta < 1);
    ASSERT(clock > 0 && minimum > 0);
    memset(adwin, 0, sizeof *adwin);
    adwin->delta = delta;
    adwin->clock = clock;
    adwin->minimum = minimum;
    adwin->direction = direction;
}

static uint64_t bucket_values(uint32_t row)
{
    return UINT64_C(1) << row;
}

/* Of two buckets of the same row, by Chan, Golub and LeVeque's update (1979). */
static struct adwin_bucket bucket_merge(const struct adwin_bucket *older,
                                        const struct adwin_bucket *newer, uint32_t row)
{
    double difference = newer->sum - older->sum;
    return (struct adwin_bucket){
        .sum = older->sum + newer->sum,
        .deviation = older->deviation + newer->deviation +
                     difference * difference / (2 * (double)bucket_values(row)),
        .least = fmin(older->least, newer->least),
        .most = fmax(older->most, newer->most),
    };
}

static void row_append(struct adwin *adwin, uint32_t row, struct adwin_bucket bucket)
{
    ASSERT(adwin->bucket_count[row] <= ADWIN_BUCKETS_MAX);
    adwin->bucket[row][adwin->bucket_count[row]++] = bucket;
    if (row == adwin->row_count)
        adwin->row_count++;
}

static void row_drop(struct adwin *adwin, uint32_t row, uint32_t count)
{
    struct adwin_bucket *bucket = adwin->bucket[row];
    adwin->bucket_count[row] -= count;
    for (uint32_t i = 0; i < adwin->bucket_count[row]; i++)
        bucket[i] = bucket[i + count];
}

static void adwin_insert(struct adwin *adwin, double value)
{
    const struct adwin_bucket single = {.sum = value, .least = value, .most = value};
    row_append(adwin, 0, single);
    adwin->count++;
    for (uint32_t row = 0; adwin->bucket_count[row] > ADWIN_BUCKETS_MAX; row++) {
        if (row == ADWIN_ROWS_MAX - 1) {
            row_drop(adwin, row, 1);
            adwin->count -= bucket_values(row);
            return;
        }
        struct adwin_bucket *bucket = adwin->bucket[row];
        struct adwin_bucket merged = bucket_merge(&bucket[0], &bucket[1], row);
        row_drop(adwin, row, 2);
        row_append(adwin, row + 1, merged);
    }
}

/* What the bound needs to know of the whole window. */
struct adwin_window {
    double sum, variance, range;
    double rounding;  /* differences of means up to here may come from adding in floating point */
    double logarithm; /* L */
};

static struct adwin_window adwin_measure(const struct adwin *adwin)
{
    struct adwin_window window = {.sum = 0};
    double least = INFINITY, most = -INFINITY, deviation = 0;
    for (uint32_t row = adwin->row_count; row-- > 0;)
        for (uint32_t i = 0; i < adwin->bucket_count[row]; i++) {
            const struct adwin_bucket *bucket = &adwin->bucket[row][i];
            window.sum += bucket->sum;
            deviation += bucket->deviation;
            least = bucket->least < least ? bucket->least : least;
            most = bucket->most > most ? bucket->most : most;
        }
    double count = (double)adwin->count, mean = window.sum / count;
    for (uint32_t row = 0; row < adwin->row_count; row++) {
        double values = (double)bucket_values(row), inverse = 1 / values;
        for (uint32_t i = 0; i < adwin->bucket_count[row]; i++) {
            double difference = adwin->bucket[row][i].sum * inverse - mean;
            deviation += values * difference * difference;
        }
    }
    window.variance = deviation / count;
    window.range = most - least;
    window.rounding = 1024 * DBL_EPSILON * fmax(fabs(least), fabs(most));
    window.logarithm = log(2 * log(count) / adwin->delta);
    return window;
}

/* A split: the newer part begins with this bucket. */
struct adwin_cut {
    uint32_t row, bucket;
    uint64_t newer; /* values */
    double excess;  /* difference of the means over its bound; above 1 */
    double before, after;
};

/* Makes it the best cut if it exceeds its bound, and by a larger factor. */
static void cut_consider(struct adwin_cut *best, struct adwin_cut cut, double newer_sum,
                         double count, const struct adwin_window *window)
{
    double newer = (double)cut.newer, older = count - newer;
    cut.before = (window->sum - newer_sum) / older;
    cut.after = newer_sum / newer;
    double inverse = count / (older * newer);
    double bound = sqrt(2 * inverse * window->variance * window->logarithm) +
                   2.0 / 3 * inverse * window->range * window->logarithm + window->rounding;
    double difference = fabs(cut.after - cut.before);
    if (difference > bound * best->excess) {
        cut.excess = difference / bound;
        *best = cut;
    }
}

/* The split that exceeds its bound by the largest factor; false if none exceeds it.  From the
 * newest bucket on, as the few newest values would drown in the rounding of a difference of large
 * sums. */
static bool adwin_find_cut(const struct adwin *adwin, struct adwin_cut *best)
{
    if (adwin->count < 2 * adwin->minimum)
        return false;
    const struct adwin_window window = adwin_measure(adwin);
    struct adwin_cut cut = {.newer = 0};
    double newer_sum = 0;
    *best = (struct adwin_cut){.excess = 1};
    for (cut.row = 0; cut.row < adwin->row_count; cut.row++)
        for (cut.bucket = adwin->bucket_count[cut.row]; cut.bucket-- > 0;) {
            cut.newer += bucket_values(cut.row);
            newer_sum += adwin->bucket[cut.row][cut.bucket].sum;
            if (adwin->count - cut.newer < adwin->minimum)
                return best->newer > 0;
            if (cut.newer >= adwin->minimum)
                cut_consider(best, cut, newer_sum, (double)adwin->count, &window);
        }
    return best->newer > 0;
}

static void adwin_drop(struct adwin *adwin, const struct adwin_cut *cut)
{
    for (uint32_t row = cut->row + 1; row < adwin->row_count; row++)
        adwin->bucket_count[row] = 0;
    row_drop(adwin, cut->row, cut->bucket);
    adwin->row_count = cut->row + 1;
    adwin->count = cut->newer;
}

static bool is_wanted(const struct adwin *adwin, double before, double after)
{
    return adwin->direction == ADWIN_BOTH || (adwin->direction == ADWIN_UP) == (after > before);
}

/* The message tells of the first cut in the wanted direction: it saw the whole window. */
static bool adwin_shrink(struct adwin *adwin)
{
    bool alarm = false;
    struct adwin_cut cut = {.newer = 0};
    while (adwin_find_cut(adwin, &cut)) {
        if (!alarm && is_wanted(adwin, cut.before, cut.after)) {
            alarm = true;
            adwin->before = cut.before;
            adwin->after = cut.after;
        }
        adwin_drop(adwin, &cut);
    }
    return alarm;
}

bool adwin_update(struct adwin *adwin, double value)
{
    if (!isfinite(value))
        return false;
    adwin_insert(adwin, fmax(-ADWIN_VALUE_MAX, fmin(ADWIN_VALUE_MAX, value)));
    if (++adwin->since_check < adwin->clock)
        return false;
    adwin->since_check = 0;
    return adwin_shrink(adwin);
}
