/* The simulated world: reproducible, in order, with each kind of fraud where it belongs. */
#include "base/calendar.h"
#include "base/hash.h"
#include "ingest/chance.h"
#include "ingest/simulator.h"
#include "tests/unit/ingest_rows.h"
#include <math.h>
#include <stdlib.h>

enum { COUNT = 400000 };

/* What a run amounts to. */
struct tally {
    uint64_t fingerprint;
    int64_t events, first_ms, last_ms;
    int64_t of[2][SCENARIO_TESTING + 1]; /* by half and scenario */
    double amount[2];                    /* of genuine payments, by half */
    int64_t in_order, late;
};

static struct simulator_setting setting_of(uint64_t seed, int64_t count)
{
    struct simulator_setting setting;
    simulator_standard(&setting);
    setting.seed = seed;
    setting.count = count;
    return setting;
}

static struct tally run(const struct simulator_setting *setting)
{
    struct tally tally = {.last_ms = INT64_MIN, .first_ms = INT64_MAX};
    struct simulator *simulator;
    struct failure failure;
    assert_int_equal(simulator_open(&simulator, setting, &failure), STATUS_OK);
    struct transaction transaction;
    while (simulator_next(simulator, &transaction)) {
        char bytes[TRANSACTION_TEXT_MAX];
        struct buffer text;
        buffer_init(&text, bytes, sizeof bytes);
        transaction_write(&text, &transaction, true);
        assert_false(text.overflow);
        int half = 2 * tally.events >= setting->count;
        tally.fingerprint = tally.fingerprint * 31 + hash_fingerprint(text.bytes, text.size);
        tally.in_order += transaction.time_ms > tally.last_ms;
        tally.late += transaction.known_ms >= transaction.time_ms;
        tally.last_ms = transaction.time_ms;
        if (tally.events++ == 0)
            tally.first_ms = transaction.time_ms;
        tally.of[half][transaction.scenario]++;
        if (transaction.scenario == SCENARIO_NONE)
            tally.amount[half] += transaction.amount_cents / 100.0;
    }
    simulator_close(simulator);
    return tally;
}

static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    struct simulator_setting setting = setting_of(5, 20000), other = setting_of(6, 20000);
    struct tally first = run(&setting), second = run(&setting), third = run(&other);
    assert_true(first.fingerprint == second.fingerprint);
    assert_true(first.fingerprint != third.fingerprint);
    /* No libm, no clock, no addresses: these very bytes on every machine. */
    assert_true(first.fingerprint == 0x47a8b4f16859948cULL);
}

static void test_frauds(void **state)
{
    (void)state;
    struct simulator_setting setting = setting_of(1, COUNT);
    struct tally tally = run(&setting);
    assert_int_equal(tally.events, COUNT);
    assert_int_equal(tally.in_order, COUNT);
    assert_int_equal(tally.late, COUNT);
    double days = (double)(tally.last_ms - tally.first_ms) / DAY_MS;
    assert_true(days > 36 && days < 44);
    for (int half = 0; half < 2; half++) {
        int64_t frauds = COUNT / 2 - tally.of[half][SCENARIO_NONE];
        assert_true(frauds > COUNT / 2 / 200 && frauds < COUNT / 2 / 80);
        assert_true(tally.of[half][SCENARIO_TERMINAL] > 300);
    }
    assert_true(tally.of[0][SCENARIO_AMOUNT] > 50 && tally.of[1][SCENARIO_AMOUNT] == 0);
    assert_true(tally.of[0][SCENARIO_CARD] > 300 && tally.of[1][SCENARIO_CARD] == 0);
    assert_true(tally.of[0][SCENARIO_TESTING] == 0 && tally.of[1][SCENARIO_TESTING] > 500);
    double before = tally.amount[0] / (double)tally.of[0][SCENARIO_NONE];
    double after = tally.amount[1] / (double)tally.of[1][SCENARIO_NONE];
    assert_true(before > 45 && before < 60);
    assert_true(after / before > 1.1 && after / before < 1.16);
}

/* Cards are tried at night, online, in small amounts, in quick repetition from one new device. */
static void test_tried_cards(void **state)
{
    (void)state;
    struct simulator_setting setting = setting_of(2, 100000);
    setting.drift_at = 0;
    struct simulator *simulator;
    struct failure failure;
    assert_int_equal(simulator_open(&simulator, &setting, &failure), STATUS_OK);
    struct transaction transaction;
    int64_t last_ms[5000] = {0}, repeats = 0, total = 0;
    while (simulator_next(simulator, &transaction)) {
        if (transaction.scenario != SCENARIO_TESTING)
            continue;
        assert_true(transaction.time_ms % DAY_MS < 6 * HOUR_MS);
        assert_int_equal(transaction.channel, CHANNEL_WEB);
        assert_true(transaction.amount_cents <= 1200 && transaction.device != 0);
        repeats += transaction.time_ms - last_ms[transaction.customer] < 10 * MINUTE_MS;
        last_ms[transaction.customer] = transaction.time_ms;
        total++;
    }
    simulator_close(simulator);
    assert_true(total > 300 && repeats > total * 8 / 10);
}

static void test_no_drift(void **state)
{
    (void)state;
    struct simulator_setting setting = setting_of(3, 30000);
    setting.drift_at = 1;
    struct tally tally = run(&setting);
    assert_true(tally.of[1][SCENARIO_TESTING] == 0 && tally.of[1][SCENARIO_CARD] > 0);
}

/* Worlds at the edges: one of everything, many terminals, very busy ones. */
static void test_worlds(void **state)
{
    (void)state;
    static const struct {
        int64_t customers, terminals;
        double activity;
    } worlds[] = {{1, 1, 2}, {3, 100000, 1}, {2000, 5, 50}, {10, 10, 100000}};
    for (int i = 0; i < 4; i++) {
        struct simulator_setting setting = setting_of(4, 2000);
        setting.customers = worlds[i].customers;
        setting.terminals = worlds[i].terminals;
        setting.activity = worlds[i].activity;
        struct tally tally = run(&setting);
        assert_int_equal(tally.in_order, 2000);
    }
}

static void test_refused_settings(void **state)
{
    (void)state;
    struct simulator_setting setting = setting_of(1, 1);
    struct simulator *simulator;
    struct failure failure;
    setting.customers = 0;
    assert_int_equal(simulator_open(&simulator, &setting, &failure), STATUS_STOP);
    assert_null(simulator);
    setting = setting_of(1, -1);
    assert_int_equal(simulator_open(&simulator, &setting, &failure), STATUS_STOP);
}

/* The written record decodes to what was simulated. */
static void test_written(void **state)
{
    (void)state;
    struct transaction transaction = {
        .number = 42,
        .time_ms = 1709210096789, /* 2024-02-29T12:34:56.789Z */
        .customer = 7,
        .terminal = 12,
        .merchant = 34,
        .amount_cents = 1205,
        .country = 2,
        .mcc = 5411,
        .ip = 0x0A0200FF,
        .device = 0x123456789ABCDEF0,
        .latitude = -1.5,
        .longitude = 100.25,
        .channel = CHANNEL_WEB,
        .scenario = SCENARIO_CARD,
        .declined = true,
    };
    char bytes[TRANSACTION_TEXT_MAX];
    struct buffer text;
    buffer_init(&text, bytes, sizeof bytes);
    transaction_write(&text, &transaction, true);
    buffer_bytes(&text, "", 1);
    assert_string_equal(
        bytes,
        "{\"id\":\"t0000000042\",\"time\":\"2024-02-29T12:34:56.789Z\",\"card\":"
        "\"4000000000000077\","
        "\"merchant\":\"m000034\",\"terminal\":\"p0000012\",\"mcc\":\"5411\",\"channel\":\"web\","
        "\"amount\":12.05,\"currency\":\"GBP\",\"country\":\"GB\",\"lat\":-1.5000,\"lon\":100.2500,"
        "\"device\":\"d123456789abc\",\"ip\":\"10.2.0.255\",\"status\":\"declined\",\"fraud\":"
        "true}");
    buffer_clear(&text);
    transaction_write_label(&text, 42, false, 1709210096789);
    buffer_bytes(&text, "", 1);
    assert_string_equal(bytes, "{\"id\":\"t0000000042\",\"fraud\":false,"
                               "\"time\":\"2024-02-29T12:34:56.789Z\"}");
}

static void test_chance(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1);
    double sum = 0, squares = 0, gaps = 0, gap_squares = 0;
    enum { DRAWS = 1000000 };
    for (int i = 0; i < DRAWS; i++) {
        double normal = chance_normal(&random), gap = chance_exponential(&random);
        sum += normal;
        squares += normal * normal;
        gaps += gap;
        gap_squares += gap * gap;
    }
    assert_true(fabs(sum / DRAWS) < 0.005 && fabs(squares / DRAWS - 1) < 0.01);
    assert_true(fabs(gaps / DRAWS - 1) < 0.005 && fabs(gap_squares / DRAWS - 2) < 0.02);
    for (double x = -5; x <= 5; x += 0.25)
        assert_true(fabs(chance_power(x) / exp(x) - 1) < 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_frauds),
        cmocka_unit_test(test_tried_cards),
        cmocka_unit_test(test_no_drift),
        cmocka_unit_test(test_worlds),
        cmocka_unit_test(test_refused_settings),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
