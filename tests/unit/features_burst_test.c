/* burst(x, y) in formulas: what it takes, what it gives, and which events count. */
#include "base/edge_burst.h"
#include "base/random.h"
#include "tests/property/features_fixture.h"

enum { EVENTS = 3000, MINUTE = 60000 };

static const struct features_setting setting = {.memory = 64 << 20, .lateness_ms = 5 * MINUTE};

static struct burst *only_burst(const struct fixture *fixture)
{
    assert_int_equal(fixture->features->burst_count, 1);
    return &fixture->features->burst[0];
}

static const struct burst_row *row_of(const struct fixture *fixture)
{
    return state_read(&fixture->state, only_burst(fixture)->region, 0);
}

static void check_refused(struct fixture *fixture, const char *formula, const char *message)
{
    struct syntax_error error;
    if (fixture_compile(fixture, formula, &error) != VALUE_NONE || !strstr(error.message, message))
        fail_msg("%s: %s", formula, error.message);
}

static void test_forms(void **unused)
{
    (void)unused;
    struct fixture fixture;
    fixture_open(&fixture, &setting);
    uint32_t one = fixture_must_compile(&fixture, "burst(card, merchant)");
    assert_int_equal(fixture_must_compile(&fixture, "burst(card, merchant, 1m)"), one);
    assert_int_equal(fixture_must_compile(&fixture, "burst(card, merchant, 60s)"), one);
    assert_int_not_equal(fixture_must_compile(&fixture, "burst(merchant, card)"), one);
    assert_int_not_equal(fixture_must_compile(&fixture, "burst(card, merchant, 2m)"), one);
    assert_int_equal(fixture.features->burst_count, 3);
    fixture_must_compile(&fixture, "burst(country, amount * 2)");
    fixture_must_compile(&fixture, "max(burst(card, merchant)) by card over 1h > 5");
    check_refused(&fixture, "burst(card)", "burst has 1 argument");
    check_refused(&fixture, "burst(card, merchant, 1m, 2)", "burst has 4 arguments");
    check_refused(&fixture, "burst(card, merchant) by card", "takes no `by`");
    check_refused(&fixture, "burst(card, merchant) over 1h", "takes no `by`");
    check_refused(&fixture, "burst(card, merchant, 60)", "must be a duration");
    check_refused(&fixture, "burst(card, merchant, 400d)", "must be a duration");
    check_refused(&fixture, "burst(card, merchant, age() by card)", "must be a duration");
    check_refused(&fixture, "burst(card, count() by card)", "not at windows");
    check_refused(&fixture, "burst(card, score)", "not at windows or scores");
    check_refused(&fixture, "burst(card, label + 1)", "cannot look at the label");
    check_refused(&fixture, "burst(card, nobody)", "no field or feature 'nobody'");
    check_refused(&fixture, "bursts(card, merchant)", "did you mean 'burst'?");
    fixture_close(&fixture);
}

/* Events of a few cards at a few merchants, some of them late. */
static uint32_t event_put(struct fixture *fixture, uint64_t number, struct random *random)
{
    int64_t time_ms = (int64_t)number * 3000 - (int64_t)(random_below(random, 4) ? 0 : 100000);
    uint32_t row = fixture_event(fixture, number, time_ms + 1000 * MINUTE,
                                 random_below(random, 9) * 0x9E3779B97F4A7C15ULL,
                                 (double)random_below(random, 3));
    fixture_cell(fixture, fixture->field_value[FIXTURE_MERCHANT], row)->key =
        random_below(random, 50) ? 1 + random_below(random, 5) * 0xD6E8FEB86659FD93ULL : 0;
    fixture->batch->ahead[row] = random_below(random, 100) == 0;
    return row;
}

/* By the sketch itself, event by event, whatever batches they come in. */
static void check_values(uint64_t batch_most)
{
    struct fixture fixture;
    fixture_open(&fixture, &setting);
    uint32_t value = fixture_must_compile(&fixture, "burst(card, merchant, 2m)");
    uint32_t more = fixture_must_compile(&fixture, "burst(card, merchant, 2m) + 1");
    fixture_start(&fixture);
    const struct burst *burst = only_burst(&fixture);
    struct edge_burst *sketch = calloc(1, edge_burst_size(&burst->setting));
    edge_burst_init(sketch, &burst->setting, burst->fingerprint);
    struct random random, batches;
    random_seed(&random, 3);
    random_seed(&batches, batch_most);
    uint64_t late = 0, ahead = 0, counted = 0, above = 0;
    for (uint64_t number = 0; number < EVENTS;) {
        batch_clear(fixture.batch);
        uint64_t count = 1 + random_below(&batches, batch_most);
        for (uint64_t i = 0; i < count && number < EVENTS; i++)
            event_put(&fixture, number++, &random);
        fixture_run(&fixture);
        for (uint32_t row = 0; row < fixture.batch->count; row++) {
            uint64_t card = fixture_cell(&fixture, fixture.field_value[FIXTURE_CARD], row)->key;
            uint64_t shop = fixture_cell(&fixture, fixture.field_value[FIXTURE_MERCHANT], row)->key;
            struct graph_edge edge = {card, shop, fixture.batch->time_ms[row], 1};
            bool too_late = sketch->begin_ms - edge.time_ms > 5 * MINUTE;
            bool out = fixture.batch->ahead[row] || too_late;
            double found = fixture_cell(&fixture, value, row)->number;
            assert_true(isnan(found) == (card == 0 || shop == 0));
            if (isnan(found))
                continue;
            ahead += fixture.batch->ahead[row];
            late += too_late;
            counted += !out;
            edge.time_ms = out ? sketch->begin_ms : edge.time_ms;
            double wanted =
                out ? edge_burst_look(sketch, &edge) : edge_burst_count(sketch, &edge, NULL);
            assert_true(found == wanted);
            assert_true(fixture_cell(&fixture, more, row)->number == wanted + 1);
            above += wanted > 0;
        }
    }
    const struct burst_row *row = row_of(&fixture);
    assert_true(row->ahead == ahead && row->late == late && row->counted == counted);
    assert_true(ahead > 0 && above > 100);
    assert_memory_equal(&row->sketch, sketch, edge_burst_size(&burst->setting));
    free(sketch);
    fixture_close(&fixture);
}

static void test_values(void **unused)
{
    (void)unused;
    check_values(1);
    check_values(7);
    check_values(256);
}

/* One that is later than lateness is judged, and changes nothing but a counter. */
static void test_too_late(void **unused)
{
    (void)unused;
    struct fixture fixture;
    fixture_open(&fixture, &setting);
    uint32_t value = fixture_must_compile(&fixture, "burst(card, amount)");
    fixture_start(&fixture);
    for (uint64_t i = 0; i < 40; i++) {
        batch_clear(fixture.batch);
        fixture_event(&fixture, i, (int64_t)i * MINUTE, 5, 7);
        fixture_run(&fixture);
    }
    uint64_t size = edge_burst_size(&only_burst(&fixture)->setting);
    uint8_t *before = malloc(size);
    memcpy(before, &row_of(&fixture)->sketch, size);
    batch_clear(fixture.batch);
    fixture_event(&fixture, 40, 33 * MINUTE, 5, 7);
    fixture_event(&fixture, 41, 20 * MINUTE, 5, MISSING);
    fixture_run(&fixture);
    assert_int_equal(row_of(&fixture)->late, 1);
    assert_int_equal(row_of(&fixture)->counted, 40);
    assert_memory_equal(before, &row_of(&fixture)->sketch, size);
    assert_true(!isnan(fixture_cell(&fixture, value, 0)->number));
    assert_true(isnan(fixture_cell(&fixture, value, 1)->number));
    free(before);
    fixture_close(&fixture);
}

/* As much as ever is 0, many more is not, and labels and dead rows have none. */
static void test_meaning(void **unused)
{
    (void)unused;
    struct fixture fixture;
    fixture_open(&fixture, &setting);
    uint32_t value = fixture_must_compile(&fixture, "burst(card, amount)");
    fixture_start(&fixture);
    double last = 0;
    for (uint64_t i = 0; i < 400; i++) {
        batch_clear(fixture.batch);
        fixture_event(&fixture, i, i < 300 ? (int64_t)i * 10000 : 300 * 10000 + (int64_t)i, 5, 7);
        fixture_event(&fixture, i, (int64_t)i * 10000, 5, 7);
        fixture.batch->dead[1] = i % 2;
        fixture.batch->kind[1] = RECORD_LABEL;
        fixture_run(&fixture);
        last = fixture_cell(&fixture, value, 0)->number;
        assert_true(isnan(fixture_cell(&fixture, value, 1)->number));
        assert_true(i < 12 || i >= 300 || last < 2);
    }
    assert_true(last > 300);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
