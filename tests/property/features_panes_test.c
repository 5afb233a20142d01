/* Panes: an entity with many more events than it may keep reads its windows within the stated
 * error. Beside each window over time the test keeps all events; what is read must lie between what
 * the window holds and what it would hold if its ends were off by frame_error_ms. */
#include "base/random.h"
#include "features/pane.h"
#include "tests/property/features_fixture.h"
#include <math.h>

enum { EVENTS = 3000, KEPT = 40, CARDS = 2 };

struct seen {
    int64_t time_ms;
    uint64_t card, merchant;
    double amount;
};

struct crowd {
    struct fixture fixture;
    struct seen seen[EVENTS + CARDS];
    uint32_t count;
    struct random random;
};

static struct crowd crowd;

static void crowd_open(uint64_t seed, int64_t lateness_ms)
{
    static const struct entity_setting entity[] = {{.name = "card", .events_max = KEPT}};
    struct features_setting setting = {
        .memory = 1 << 28, .lateness_ms = lateness_ms, .entity_count = 1, .entity = entity};
    fixture_open(&crowd.fixture, &setting);
    crowd.count = 0;
    random_seed(&crowd.random, seed);
}

static void put(int64_t time_ms, uint64_t card, uint64_t merchant, double amount)
{
    struct fixture *fixture = &crowd.fixture;
    uint32_t row = fixture_event(fixture, crowd.count, time_ms, card, amount);
    fixture_cell(fixture, fixture->field_value[FIXTURE_MERCHANT], row)->key = merchant;
    crowd.seen[crowd.count++] = (struct seen){time_ms, card, merchant, amount};
}

static double after(int64_t time_ms, uint64_t card, uint64_t merchant, double amount,
                    uint32_t value)
{
    batch_clear(crowd.fixture.batch);
    put(time_ms, card, merchant, amount);
    fixture_run(&crowd.fixture);
    return fixture_cell(&crowd.fixture, value, 0)->number;
}

/* Positive amounts of a card in (from, to]. */
static double total(uint64_t card, int64_t from_ms, int64_t to_ms, bool bare)
{
    double sum = 0;
    for (uint32_t i = 0; i < crowd.count; i++)
        if (crowd.seen[i].card == card && crowd.seen[i].time_ms > from_ms &&
            crowd.seen[i].time_ms <= to_ms)
            sum += bare ? 1 : crowd.seen[i].amount;
    return sum;
}

static const struct entity *card_entity(void)
{
    return crowd.fixture.features->entity[0];
}

static const struct frame *frame_of_window(const struct entity *entity, uint32_t value)
{
    uint32_t i = 0;
    while (entity->window[i].value != value)
        i++;
    return &entity->frame[entity->window[i].frame];
}

static int64_t time_draw(int64_t now_ms, int64_t lateness_ms)
{
    if (lateness_ms == 0 || random_uniform(&crowd.random) > 0.1)
        return now_ms;
    return now_ms - (int64_t)random_below(&crowd.random, (uint64_t)lateness_ms);
}

static const struct {
    const char *formula;
    int64_t span_ms, delay_ms;
    bool bare;
} sums[] = {{"count() by card over 10m", 600000, 0, true},
            {"sum(amount) by card over 1h", 3600000, 0, false},
            {"sum(amount) by card over 20m delay 10m", 1200000, 600000, false},
            {"count() by card over 1h delay 1h", 3600000, 3600000, true}};

enum { SUMS = sizeof sums / sizeof sums[0] };

/* What the event has read. */
static void sums_check(uint64_t seed, uint64_t card, int64_t time_ms, bool late,
                       const uint32_t *value)
{
    for (uint32_t w = 0; w < SUMS; w++) {
        int64_t error_ms = frame_error_ms(frame_of_window(card_entity(), value[w]));
        int64_t end_ms = time_ms - sums[w].delay_ms, begin_ms = end_ms - sums[w].span_ms;
        int64_t lack_ms = sums[w].delay_ms || late ? error_ms : 0;
        double got = fixture_cell(&crowd.fixture, value[w], 0)->number;
        double least = total(card, begin_ms, end_ms - lack_ms, sums[w].bare);
        double most = total(card, begin_ms - error_ms, end_ms, sums[w].bare);
        assert_true(error_ms > 0 && error_ms <= sums[w].span_ms / 4);
        if (got < least || got > most)
            fail_msg("seed %llu, event %u, %s: got %g, between %g and %g (late %d)",
                     (unsigned long long)seed, crowd.count, sums[w].formula, got, least, most,
                     late);
    }
}

static int64_t sums_run(uint64_t seed, int64_t lateness_ms, const uint32_t *value)
{
    int64_t now_ms = 1500000000000, most_ms[CARDS] = {0};
    for (uint32_t i = 0; i < EVENTS; i++) {
        now_ms += (int64_t)random_below(&crowd.random, i % 1000 < 900 ? 5000 : 120000);
        int64_t time_ms = time_draw(now_ms, lateness_ms);
        uint64_t card = random_below(&crowd.random, 10) ? 1 : 2;
        int64_t *newest_ms = &most_ms[card - 1];
        bool late = time_ms < *newest_ms, entered = *newest_ms - time_ms <= lateness_ms;
        *newest_ms = late ? *newest_ms : time_ms;
        after(time_ms, card, 7, (double)(1 + random_below(&crowd.random, 100)), value[0]);
        if (entered)
            sums_check(seed, card, time_ms, late, value);
        else
            crowd.count--;
    }
    return now_ms;
}

/* Sums stay within what the error of the window's ends allows, with delays and late events; and a
 * card that calms down is exact again and has no panes any more. */
static void sums_stay_within_the_error(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        uint32_t value[SUMS];
        int64_t lateness_ms = 60000 * (int64_t)(seed % 3);
        crowd_open(seed, lateness_ms);
        for (uint32_t w = 0; w < SUMS; w++)
            value[w] = fixture_must_compile(&crowd.fixture, sums[w].formula);
        fixture_start(&crowd.fixture);
        int64_t now_ms = sums_run(seed, lateness_ms, value);
        struct entity_report report;
        features_report(crowd.fixture.features, &crowd.fixture.state, &report, 1);
        assert_true(report.events_spilled > 1000 && report.panes == CARDS);
        assert_int_equal(report.events_dropped, 0);
        for (uint64_t card = 1; card <= CARDS; card++)
            assert_true(after(now_ms + 10000000, card, 7, 1, value[0]) == 1);
        features_report(crowd.fixture.features, &crowd.fixture.state, &report, 1);
        assert_int_equal(report.panes, 0);
        fixture_close(&crowd.fixture);
    }
}

/* A busy card that is evicted or erased gives its panes back. */
static void panes_go_with_their_entities(void **unused)
{
    (void)unused;
    crowd_open(1, 0);
    uint32_t count = fixture_must_compile(&crowd.fixture, "count() by card over 1d");
    fixture_start(&crowd.fixture);
    struct entity_report report;
    for (uint32_t i = 0; i < 200; i++)
        after(1500000000000 + i, 1 + i % 2, 7, 1, count);
    features_report(crowd.fixture.features, &crowd.fixture.state, &report, 1);
    assert_int_equal(report.panes, 2);
    assert_true(entity_erase(card_entity(), &crowd.fixture.state, 1));
    features_report(crowd.fixture.features, &crowd.fixture.state, &report, 1);
    assert_int_equal(report.panes, 1);
    assert_true(after(1500000000200, 1, 7, 1, count) == 1);
    assert_true(after(1500000000200, 2, 7, 1, count) == 101);
    fixture_close(&crowd.fixture);
}

/* Calendar windows are exact even then. */
static void days_are_exact(void **unused)
{
    (void)unused;
    crowd_open(1, 0);
    uint32_t today = fixture_must_compile(&crowd.fixture, "sum(amount) by card over today");
    uint32_t most = fixture_must_compile(&crowd.fixture, "max(amount) by card over today");
    uint32_t streak = fixture_must_compile(&crowd.fixture, "streak(amount > 3) by card over today");
    fixture_start(&crowd.fixture);
    int64_t now_ms = 1500000000000, row = 0;
    double sum = 0, greatest = 0;
    for (uint32_t i = 0; i < EVENTS; i++) {
        int64_t before_ms = now_ms;
        now_ms += (int64_t)random_below(&crowd.random, 200000);
        double amount = (double)(1 + random_below(&crowd.random, 1000));
        if (now_ms / 86400000 != before_ms / 86400000)
            sum = greatest = 0, row = 0;
        sum += amount;
        greatest = amount > greatest ? amount : greatest;
        row = amount > 3 ? row + 1 : 0;
        assert_true(after(now_ms, 1, 7, amount, today) == sum);
        assert_true(fixture_cell(&crowd.fixture, most, 0)->number == greatest);
        assert_true(fixture_cell(&crowd.fixture, streak, 0)->number == (double)row);
    }
    fixture_close(&crowd.fixture);
}

/* Within four standard errors of HyperLogLog, between the counts of the window and of one that is
 * longer by its error. */
static uint32_t distinct_of(int64_t from_ms, int64_t to_ms)
{
    static uint64_t values[EVENTS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < crowd.count; i++) {
        bool found = crowd.seen[i].time_ms <= from_ms || crowd.seen[i].time_ms > to_ms;
        for (uint32_t j = 0; j < count && !found; j++)
            found = values[j] == crowd.seen[i].merchant;
        if (!found)
            values[count++] = crowd.seen[i].merchant;
    }
    return count;
}

static void distinct_values_are_estimated(void **unused)
{
    (void)unused;
    static const uint64_t merchants[] = {5, 60, 400, 1000000};
    for (uint32_t m = 0; m < 4; m++) {
        crowd_open(m + 1, 0);
        uint32_t value = fixture_must_compile(&crowd.fixture, "distinct(merchant) by card over 1h");
        fixture_start(&crowd.fixture);
        int64_t now_ms = 1500000000000, error_ms = 0;
        for (uint32_t i = 0; i < EVENTS; i++) {
            now_ms += (int64_t)random_below(&crowd.random, i < 2000 ? 4000 : 9000);
            uint64_t merchant = 1000 + random_below(&crowd.random, merchants[m]);
            double got = after(now_ms, 1, merchant, 1, value);
            error_ms = frame_error_ms(frame_of_window(card_entity(), value));
            if (i % 50)
                continue;
            double least = distinct_of(now_ms - 3600000, now_ms);
            double most = distinct_of(now_ms - 3600000 - error_ms, now_ms);
            if (got < least * (1 - 4 * 0.033) - 1 || got > most * (1 + 4 * 0.033) + 1)
                fail_msg("%llu merchants, event %u: got %g, between %g and %g",
                         (unsigned long long)merchants[m], i, got, least, most);
        }
        fixture_close(&crowd.fixture);
    }
}

/* A label that comes when its event has long been spilled is in the mean, corrected or not, and
 * with a delay that no slot lives to see. */
static void labels_find_their_pane(void **unused)
{
    (void)unused;
    crowd_open(1, 0);
    uint32_t mean = fixture_must_compile(&crowd.fixture, "sum(label) by card over 1h delay 10m");
    fixture_start(&crowd.fixture);
    struct fixture *fixture = &crowd.fixture;
    int64_t now_ms = 1500000000000;
    double got = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        got = after(now_ms += 1000, 1, 7, 1, mean);
        if (i < 500 || i % 4)
            continue;
        batch_clear(fixture->batch);
        for (uint32_t part = 0; part < (i % 3 == 0) + 1U; part++) {
            uint32_t row = fixture->batch->count++;
            fixture->batch->kind[row] = RECORD_LABEL;
            fixture->batch->dead[row] = false;
            fixture->batch->number[row] = i - 300;
            fixture->batch->label[row] = part == 0;
            fixture->batch->join[row] = part ? JOIN_CORRECTED : JOIN_LEARNED;
            fixture->batch->label_early[row] = MISSING;
            fixture->batch->told[row] = (struct matured){0, 0};
            for (uint32_t f = 0; f < FIXTURE_FIELDS; f++)
                fixture_cell(fixture, fixture->field_value[f], row)->key = 0;
        }
        fixture_run(fixture);
    }
    double expected = 0; /* labels of events 200 to 1399 in (t - 70m, t - 10m] */
    for (uint32_t i = 500; i < 2000; i++)
        expected += i % 4 == 0 && i % 3 && i - 300 < 1400;
    int64_t error_ms = frame_error_ms(frame_of_window(card_entity(), mean));
    assert_true(error_ms < 80000);
    if (got > expected || got < expected - (double)error_ms / 1000 / 6 - 1)
        fail_msg("got %g, expected %g", got, expected);
    fixture_close(&crowd.fixture);
}

static double run_in_batches(uint32_t size, uint64_t *hash)
{
    static const char *const formulas[] = {
        "mean(amount) by card over 1h", "distinct(merchant) by card over 1h delay 5m",
        "trend(amount) by card over 30m", "min(amount) by card over today"};
    double sum = 0;
    crowd_open(9, 60000);
    uint32_t value[4];
    for (uint32_t i = 0; i < 4; i++)
        value[i] = fixture_must_compile(&crowd.fixture, formulas[i]);
    fixture_start(&crowd.fixture);
    int64_t now_ms = 1500000000000;
    for (uint32_t i = 0; i < EVENTS; i += size) {
        batch_clear(crowd.fixture.batch);
        for (uint32_t j = i; j < i + size && j < EVENTS; j++) {
            now_ms += (int64_t)random_below(&crowd.random, 9000);
            put(time_draw(now_ms, 60000), 1, random_below(&crowd.random, 300) + 1,
                (double)random_below(&crowd.random, 100));
        }
        uint32_t rows = crowd.fixture.batch->count;
        fixture_run(&crowd.fixture);
        for (uint32_t j = 0; j < rows; j++)
            for (uint32_t w = 0; w < 4; w++) {
                double number = fixture_cell(&crowd.fixture, value[w], j)->number;
                sum = sum * 0.75 + (number == number ? number : 1);
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

/* Slots of the card. */
static uint32_t slots_of(uint64_t card)
{
    const struct entity *entity = card_entity();
    uint64_t row = keymap_find(&entity->map, &crowd.fixture.state, card);
    const struct entity_head *head = state_read(&crowd.fixture.state, entity->row_region, row);
    return head->slot_count;
}

/* In the order of their times; only the last one may be late. */
static void seen_sort(void)
{
    for (uint32_t i = crowd.count - 1; i > 0; i--) {
        struct seen later = crowd.seen[i], earlier = crowd.seen[i - 1];
        if (earlier.time_ms <= later.time_ms)
            return;
        crowd.seen[i] = earlier;
        crowd.seen[i - 1] = later;
    }
}

static double newest_sum(uint32_t count)
{
    double sum = 0;
    for (uint32_t i = crowd.count > count ? crowd.count - count : 0; i < crowd.count; i++)
        sum += crowd.seen[i].amount;
    return sum;
}

static void groups_run(uint32_t kept, uint32_t last, uint32_t count)
{
    int64_t now_ms = 1500000000000;
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < EVENTS; i++) {
        int64_t late_ms = random_below(&crowd.random, 8) ? 0 : 5 + 10 * (i % 4);
        now_ms += late_ms ? 0 : 10;
        double amount = (double)random_below(&crowd.random, 1000);
        double got = after(now_ms - late_ms, 1, 7, amount, last);
        seen_sort();
        if (late_ms == 0) {
            assert_true(got == newest_sum(kept));
            assert_true(fixture_cell(&crowd.fixture, count, 0)->number == i + 1);
        }
        uint32_t slots = slots_of(1);
        least = i + 1 >= kept && slots < least ? slots : least;
        most = slots > most ? slots : most;
    }
    assert_int_equal(least, kept);
    assert_int_equal(most, card_entity()->slots_max);
}

/* Groups are spilled, but so many events as the setting says are always there one by one, late ones
 * among them; and that bound is reached, so that nobody keeps more than must be. */
static void groups_leave_what_is_promised(void **unused)
{
    (void)unused;
    static const uint32_t kept[] = {64, 300, 1100}, groups[] = {1, 4, 16};
    for (uint32_t k = 0; k < 3; k++) {
        struct entity_setting entity = {.name = "card", .events_max = kept[k]};
        struct features_setting setting = {
            .memory = 1 << 28, .lateness_ms = 30000, .entity_count = 1, .entity = &entity};
        char formula[80];
        fixture_open(&crowd.fixture, &setting);
        crowd.count = 0;
        random_seed(&crowd.random, k + 1);
        snprintf(formula, sizeof formula, "sum(amount) by card over last %u", kept[k]);
        uint32_t last = fixture_must_compile(&crowd.fixture, formula);
        uint32_t count = fixture_must_compile(&crowd.fixture, "count() by card over 1d");
        fixture_start(&crowd.fixture);
        assert_int_equal(card_entity()->spill_group, groups[k]);
        groups_run(kept[k], last, count);
        fixture_close(&crowd.fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_stay_within_the_error),
                                       cmocka_unit_test(panes_go_with_their_entities),
                                       cmocka_unit_test(days_are_exact),
                                       cmocka_unit_test(distinct_values_are_estimated),
                                       cmocka_unit_test(labels_find_their_pane),
                                       cmocka_unit_test(groups_leave_what_is_promised),
                                       cmocka_unit_test(batches_do_not_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
