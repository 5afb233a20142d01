/* Order and frequencies of an entity with many more events than it may keep: what is read stays
 * within the errors that `weir explain` states, beside all events.  Windows of a day are sharp at
 * their ends, so the sketch's own error is all there is; of spans, events that are at their ends by
 * less than frame_error_ms may be in or not. */
#include "base/random.h"
#include "features/pane.h"
#include "tests/property/features_fixture.h"
#include <math.h>

enum { EVENTS = 4000, CARDS = 2, WINDOWS = 18, SEEDS = 6 };

struct seen {
    int64_t time_ms;
    uint64_t card, merchant;
    double amount;
};

enum asked { QUANTILE, RANK, MODE, HEAVY, ENTROPY };

static const struct {
    const char *formula;
    enum asked asked;
    double parameter;
    int64_t span_ms, delay_ms; /* span 0: today */
    bool merchant;
} windows[WINDOWS] = {
    {"median(amount) by card over today", QUANTILE, 0.5, 0, 0, false},
    {"quantile(amount, 0.95) by card over today", QUANTILE, 0.95, 0, 0, false},
    {"quantile(amount, 0) by card over today", QUANTILE, 0, 0, 0, false},
    {"quantile(amount, 1) by card over today", QUANTILE, 1, 0, 0, false},
    {"rank(amount) by card over today", RANK, 0, 0, 0, false},
    {"mode(merchant) by card over today", MODE, 0, 0, 0, true},
    {"heavy(merchant, 5) by card over today", HEAVY, 5, 0, 0, true},
    {"entropy(merchant) by card over today", ENTROPY, 0, 0, 0, true},
    {"median(amount) by card over 2h", QUANTILE, 0.5, 7200000, 0, false},
    {"quantile(amount, 0.9) by card over 2h delay 10m", QUANTILE, 0.9, 7200000, 600000, false},
    {"rank(amount) by card over 2h", RANK, 0, 7200000, 0, false},
    {"rank(amount) by card over 2h delay 2h", RANK, 0, 7200000, 7200000, false},
    {"mode(merchant) by card over 2h", MODE, 0, 7200000, 0, true},
    {"mode(merchant) by card over 2h delay 10m", MODE, 0, 7200000, 600000, true},
    {"heavy(merchant, 3) by card over 2h", HEAVY, 3, 7200000, 0, true},
    {"heavy(amount, 10) by card over 1h", HEAVY, 10, 3600000, 0, false},
    {"entropy(merchant) by card over 2h", ENTROPY, 0, 7200000, 0, true},
    {"mode(amount) by card over 1h", MODE, 0, 3600000, 0, false},
};

struct crowd {
    struct fixture fixture;
    struct seen seen[EVENTS];
    uint32_t count, shape;
    struct random random;
    uint32_t value[WINDOWS];
};

static struct crowd crowd;

static void crowd_open(uint64_t seed, int64_t lateness_ms, int64_t kept)
{
    const struct entity_setting entity[] = {{.name = "card", .events_max = kept}};
    struct features_setting setting = {
        .memory = 1 << 28, .lateness_ms = lateness_ms, .entity_count = 1, .entity = entity};
    fixture_open(&crowd.fixture, &setting);
    crowd.count = 0;
    crowd.shape = (uint32_t)seed % 3;
    random_seed(&crowd.random, seed);
    for (uint32_t w = 0; w < WINDOWS; w++)
        crowd.value[w] = fixture_must_compile(&crowd.fixture, windows[w].formula);
    fixture_start(&crowd.fixture);
}

/* Few values, many that are evenly frequent, many of which some are frequent. */
static uint64_t merchant_draw(void)
{
    static const uint64_t counts[] = {60, 2000, 5000};
    double most = (double)counts[crowd.shape];
    return 1000 + (uint64_t)(crowd.shape == 2 ? pow(most, random_uniform(&crowd.random))
                                              : random_uniform(&crowd.random) * most);
}

/* Within a factor of 32,000, of one sign or both; or whole numbers, few. */
static double amount_draw(void)
{
    double amount = exp(random_uniform(&crowd.random) * 10) / 4;
    if (crowd.shape == 0)
        return floor(random_uniform(&crowd.random) * 100) - 20;
    return crowd.shape == 1 && random_below(&crowd.random, 3) == 0 ? -amount : amount;
}

static void put(int64_t time_ms, uint64_t card)
{
    struct fixture *fixture = &crowd.fixture;
    struct seen seen = {time_ms, card, merchant_draw(), amount_draw()};
    uint32_t row = fixture_event(fixture, crowd.count, time_ms, card, seen.amount);
    fixture_cell(fixture, fixture->field_value[FIXTURE_MERCHANT], row)->key = seen.merchant;
    crowd.seen[crowd.count++] = seen;
}

static const struct frame *frame_of_value(uint32_t value)
{
    const struct entity *entity = crowd.fixture.features->entity[0];
    uint32_t i = 0;
    while (entity->window[i].value != value)
        i++;
    return &entity->frame[entity->window[i].frame];
}

/* ---- what may be in the window ---- */

struct inside {
    uint32_t sure, all, past; /* numbers in it for sure, perhaps; spilled at most */
    double value[EVENTS];     /* all: the sure ones first */
};

static void inside_find(struct inside *inside, uint32_t w, bool late)
{
    const struct seen *event = &crowd.seen[crowd.count - 1];
    int64_t error_ms = frame_error_ms(frame_of_value(crowd.value[w]));
    int64_t end_ms = event->time_ms - windows[w].delay_ms, day_ms = 86400000;
    int64_t begin_ms =
        windows[w].span_ms ? end_ms - windows[w].span_ms : end_ms / day_ms * day_ms - 1;
    int64_t lack_ms = windows[w].delay_ms || late ? frame_of_value(crowd.value[w])->pane_ms : 0;
    bool own = windows[w].asked != RANK;
    *inside = (struct inside){0};
    for (int sure = 1; sure >= 0; sure--) {
        for (uint32_t i = 0; i + !own < crowd.count; i++) {
            const struct seen *seen = &crowd.seen[i];
            bool in = seen->card == event->card && seen->time_ms > begin_ms - error_ms &&
                      seen->time_ms <= end_ms;
            bool is_sure = seen->time_ms > begin_ms &&
                           (seen->time_ms <= end_ms - lack_ms || i + 1 == crowd.count);
            if (in && is_sure == sure)
                inside->value[inside->all++] =
                    windows[w].merchant ? (double)seen->merchant : seen->amount;
        }
        if (sure)
            inside->sure = inside->all;
    }
}

static uint32_t count_of(const struct inside *inside, uint32_t count, double value)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        found += inside->value[i] == value;
    return found;
}

/* ---- what may be read ---- */

static int number_order(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* How wide a bucket is, as a part of its values; of whole numbers so few, not at all. */
static double width_of_bucket(void)
{
    static const double width[] = {0, 1. / 8, 1. / 16};
    return width[crowd.shape];
}

static bool quantile_fits(const struct inside *inside, double q, double got)
{
    static double sorted[EVENTS];
    memcpy(sorted, inside->value, inside->all * sizeof *sorted);
    qsort(sorted, inside->all, sizeof *sorted, number_order);
    if (inside->sure == 0)
        return true;
    double unsure = inside->all - inside->sure;
    double place = q * (inside->sure - 1), last = ceil(q * (inside->all - 1)) + unsure;
    double low = sorted[(uint32_t)place];
    double high = sorted[last < inside->all ? (uint32_t)last : inside->all - 1];
    return got >= low - fabs(low) * width_of_bucket() - 1e-9 &&
           got <= high + fabs(high) * width_of_bucket() + 1e-9;
}

static bool rank_fits(const struct inside *inside, double own, double got)
{
    double width = fabs(own) * width_of_bucket(), low = 0, high = 0;
    for (uint32_t i = 0; i < inside->all; i++) {
        double value = inside->value[i];
        double below = value < own - width ? 1 : value == own && width == 0 ? 0.5 : 0;
        double perhaps = value <= own + width && (width > 0 || value < own) ? 1
                         : value == own                                     ? 0.5
                                                                            : 0;
        low += i < inside->sure ? below : 0;
        high += perhaps;
    }
    if (inside->sure == 0)
        return true;
    double unsure = inside->all - inside->sure;
    return got >= low / (inside->sure + unsure) - 1e-9 && got <= high / inside->sure + 1e-9;
}

static double lacking(const struct inside *inside)
{
    return crowd.shape == 0 ? 0 : (double)inside->all / (FREQUENCIES + 1);
}

static bool mode_fits(const struct inside *inside, double got)
{
    double most = 0, count = count_of(inside, inside->all, got);
    for (uint32_t i = 0; i < inside->sure; i++) {
        double other = count_of(inside, inside->sure, inside->value[i]);
        most = other > most ? other : most;
    }
    return inside->sure == 0 || count >= most - lacking(inside);
}

/* How many different ones are more frequent by `more`: for sure, or perhaps. */
static uint32_t more_frequent(const struct inside *inside, bool sure, double more)
{
    uint32_t count = sure ? inside->sure : inside->all, found = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool first = true;
        for (uint32_t j = 0; j < i && first; j++)
            first = inside->value[j] != inside->value[i];
        found += first && count_of(inside, count, inside->value[i]) > more;
    }
    return found;
}

static bool heavy_fits(const struct inside *inside, double own, double k, double got)
{
    double error = lacking(inside);
    double most = count_of(inside, inside->all, own), least = count_of(inside, inside->sure, own);
    if (got)
        return more_frequent(inside, true, most + error) < k;
    return least <= error || more_frequent(inside, false, least - error) >= k;
}

static double entropy_of(const struct inside *inside, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += log(count_of(inside, count, inside->value[i]));
    return count ? log(count) - sum / count : 0;
}

/* Exact of few; otherwise as near as is usual. */
static bool entropy_fits(const struct inside *inside, double got)
{
    double a = entropy_of(inside, inside->sure), b = entropy_of(inside, inside->all);
    double error = crowd.shape == 0 ? 1e-3 : 0.25;
    if (inside->all - inside->sure > inside->all / 50)
        error += 0.1;
    return inside->sure == 0 || (got >= fmin(a, b) - error && got <= fmax(a, b) + error);
}

static bool fits(const struct inside *inside, uint32_t w, union value got)
{
    const struct seen *event = &crowd.seen[crowd.count - 1];
    double own = windows[w].merchant ? (double)event->merchant : event->amount;
    switch (windows[w].asked) {
    case QUANTILE:
        return quantile_fits(inside, windows[w].parameter, got.number);
    case RANK:
        return rank_fits(inside, own, got.number);
    case MODE:
        return mode_fits(inside, windows[w].merchant ? (double)got.key : got.number);
    case HEAVY:
        return heavy_fits(inside, own, windows[w].parameter, got.number);
    default:
        return entropy_fits(inside, got.number);
    }
}

static void windows_check(uint64_t seed, bool late)
{
    static struct inside inside;
    for (uint32_t w = 0; w < WINDOWS; w++) {
        union value got = *fixture_cell(&crowd.fixture, crowd.value[w], 0);
        inside_find(&inside, w, late);
        if (inside.all > 0 && !fits(&inside, w, got))
            fail_msg("seed %llu, event %u, %s: got %.10g (%llu) of %u to %u values (late %d)",
                     (unsigned long long)seed, crowd.count, windows[w].formula, got.number,
                     (unsigned long long)got.key, inside.sure, inside.all, late);
    }
}

/* ---- streams ---- */

static int64_t time_draw(int64_t now_ms, int64_t lateness_ms)
{
    if (lateness_ms == 0 || random_uniform(&crowd.random) > 0.1)
        return now_ms;
    return now_ms - (int64_t)random_below(&crowd.random, (uint64_t)lateness_ms);
}

static void answers_stay_within_the_error(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        int64_t lateness_ms = seed > 3 ? 60000 * (int64_t)(seed % 4) : 0;
        int64_t now_ms = 1500000000000, newest_ms[CARDS] = {0};
        crowd_open(seed, lateness_ms, seed % 2 ? 60 : 300);
        while (crowd.count < EVENTS) {
            now_ms +=
                (int64_t)random_below(&crowd.random, crowd.count % 2000 < 1900 ? 9000 : 90000);
            int64_t time_ms = time_draw(now_ms, lateness_ms);
            uint64_t card = random_below(&crowd.random, 20) ? 1 : 2;
            if (newest_ms[card - 1] - time_ms > lateness_ms)
                continue;
            bool late = time_ms < newest_ms[card - 1];
            newest_ms[card - 1] = late ? newest_ms[card - 1] : time_ms;
            batch_clear(crowd.fixture.batch);
            put(time_ms, card);
            fixture_run(&crowd.fixture);
            if (crowd.count % 163 == 0 || (late && crowd.count % 37 == 0))
                windows_check(seed, late);
        }
        struct entity_report report;
        features_report(crowd.fixture.features, &crowd.fixture.state, &report, 1);
        assert_true(report.events_spilled > 1000);
        fixture_close(&crowd.fixture);
    }
}

/* ---- labels ---- */

static void label_put(uint64_t number, double label, enum join join)
{
    struct batch *batch = crowd.fixture.batch;
    uint32_t row = batch->count++;
    batch->kind[row] = RECORD_LABEL;
    batch->dead[row] = false;
    batch->number[row] = number;
    batch->label[row] = label;
    batch->join[row] = (uint8_t)join;
    batch->label_early[row] = MISSING;
    batch->told[row] = (struct matured){0, 0};
    for (uint32_t f = 0; f < FIXTURE_FIELDS; f++)
        fixture_cell(&crowd.fixture, crowd.fixture.field_value[f], row)->key = 0;
}

/* Labels that are counted themselves are corrected where they went. */
static void labels_are_exchanged(void **unused)
{
    (void)unused;
    static const struct entity_setting entity[] = {{.name = "card", .events_max = 50}};
    struct features_setting setting = {.memory = 1 << 28, .entity_count = 1, .entity = entity};
    struct fixture *fixture = &crowd.fixture;
    fixture_open(fixture, &setting);
    uint32_t sum = fixture_must_compile(fixture, "sum(label) by card over today");
    uint32_t mode = fixture_must_compile(fixture, "mode(label) by card over today");
    uint32_t upper = fixture_must_compile(fixture, "quantile(label, 0.6) by card over today");
    fixture_start(fixture);
    for (uint32_t i = 0; i < 900; i++) {
        batch_clear(fixture->batch);
        fixture_event(fixture, i, 1500000000000 + i, 1, 1);
        fixture_run(fixture);
        double ones = i > 300 ? i - 300 : 0, count = i + 1;
        assert_true(fixture_cell(fixture, sum, 0)->number == ones);
        assert_true(fixture_cell(fixture, mode, 0)->number == (2 * ones > count));
        double place = 0.6 * (count - 1), zeros = count - ones;
        double expected = place < zeros - 1 ? 0 : place >= zeros ? 1 : place - (zeros - 1);
        assert_true(fabs(fixture_cell(fixture, upper, 0)->number - expected) < 1e-9);
        if (i < 300)
            continue;
        batch_clear(fixture->batch);
        label_put(i - 300, 1, JOIN_LEARNED);
        fixture_run(fixture);
    }
    fixture_close(fixture);
}

/* ---- batches, interruptions ---- */

static double run_in_batches(uint32_t size, uint64_t *hash)
{
    double sum = 0;
    crowd_open(11, 60000, 60);
    int64_t now_ms = 1500000000000;
    while (crowd.count < EVENTS) {
        batch_clear(crowd.fixture.batch);
        for (uint32_t j = 0; j < size && crowd.count < EVENTS; j++) {
            now_ms += (int64_t)random_below(&crowd.random, 9000);
            put(time_draw(now_ms, 60000), 1);
        }
        uint32_t rows = crowd.fixture.batch->count;
        fixture_run(&crowd.fixture);
        for (uint32_t j = 0; j < rows; j++)
            for (uint32_t w = 0; w < WINDOWS; w++) {
                double number = fixture_cell(&crowd.fixture, crowd.value[w], j)->number;
                sum = sum * 0.75 + (number == number && fabs(number) > 1e-30 ? number : 1);
            }
    }
    *hash = state_hash(&crowd.fixture.state);
    fixture_close(&crowd.fixture);
    return sum;
}

static void batches_do_not_matter(void **unused)
{
    (void)unused;
    uint64_t one, seven, many;
    double sum = run_in_batches(1, &one);
    assert_true(run_in_batches(7, &seven) == sum && seven == one);
    assert_true(run_in_batches(256, &many) == sum && many == one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(answers_stay_within_the_error),
                                       cmocka_unit_test(labels_are_exchanged),
                                       cmocka_unit_test(batches_do_not_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
