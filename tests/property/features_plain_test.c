/* Plain entities: the loops of their own (features/plain.h) do what the general ones do, to the
 * bit, in what they read and in the state, whatever the stream: ties, late events, missing and huge
 * values, entities that give way, more events than are kept. */
#include "base/random.h"
#include "tests/property/features_fixture.h"

enum { EVENTS = 4000, SEEDS = 40, WINDOWS = 12 };

static const char *const formulas[WINDOWS] = {
    "count() by card over 10m",
    "mean(amount) by card over 10m",
    "sum(amount) by card over 1h",
    "sd(amount) by card over 1h",
    "skewness(amount) by card over 20m",
    "count(merchant) by card over 3h",
    "rate() by card over 1h",
    "mean(amount) by card over 3h before",
    "sum(amount) by card",
    "count() by card before",
    "variance(amount) by card over 5m",
    "mean(amount) by card over 1s",
};

struct outcome {
    uint64_t hash, value_hash;
};

static struct fixture fixture;

static void open_seed(uint64_t seed, uint32_t *value)
{
    const struct entity_setting entity[] = {{.name = "card",
                                             .events_max = seed % 4   ? 0
                                                           : seed % 8 ? 12
                                                                      : 200,
                                             .entities_max = seed % 3 == 0 ? 40 : 0,
                                             .expire_ms = seed % 5 == 0 ? 3600000 : 0}};
    struct features_setting setting = {.memory = 1 << 24,
                                       .lateness_ms = seed % 2 ? 0 : 60000,
                                       .entity_count = 1,
                                       .entity = entity};
    fixture_open(&fixture, &setting);
    /* Without lateness all of them are plain; with it those that count for ever are not. */
    uint32_t first = (uint32_t)(seed % 7);
    for (uint32_t w = 0; w < WINDOWS; w++) {
        bool ever = !strstr(formulas[w], "over");
        value[w] = VALUE_NONE;
        if (w >= first && !(ever && setting.lateness_ms))
            value[w] = fixture_must_compile(&fixture, formulas[w]);
    }
    fixture_start(&fixture);
}

static void put(struct random *random, uint64_t number, uint64_t seed, int64_t *now_ms)
{
    static const uint64_t steps_ms[] = {1, 2000, 60000, 4000000};
    *now_ms +=
        (int64_t)random_below(random, steps_ms[random_below(random, 32) ? number / 500 % 3 : 3]);
    int64_t behind_ms = random_below(random, 10) ? 0 : (int64_t)random_below(random, 80000);
    double amount = (double)random_below(random, 100000) / 100;
    if (random_below(random, 20) == 0)
        amount = MISSING;
    if (random_below(random, 50) == 0)
        amount *= 1e17; /* what it leaves behind is taken again */
    uint64_t card = random_below(random, 100) ? 1 + random_below(random, seed % 3 ? 5 : 60) : 0;
    uint32_t row = fixture_event(&fixture, number, *now_ms - behind_ms, card, amount);
    fixture.batch->newest_ms[row] = *now_ms;
    fixture.batch->ahead[row] = false;
    fixture_cell(&fixture, fixture.field_value[FIXTURE_MERCHANT], row)->key =
        random_below(random, 3);
}

static struct outcome run(uint64_t seed, bool plain, uint32_t size)
{
    uint32_t value[WINDOWS];
    struct random random;
    struct outcome outcome = {0};
    open_seed(seed, value);
    random_seed(&random, seed);
    assert_true(fixture.features->entity[0]->plain.is);
    fixture.features->entity[0]->plain.is = plain;
    fixture.features->entity[0]->plain.quick &= plain;
    int64_t now_ms = 1500000000000;
    for (uint64_t i = 0; i < EVENTS; i += size) {
        batch_clear(fixture.batch);
        for (uint64_t j = i; j < i + size && j < EVENTS; j++)
            put(&random, j, seed, &now_ms);
        fixture_run(&fixture);
        for (uint32_t row = 0; row < fixture.batch->count; row++)
            for (uint32_t w = 0; w < WINDOWS; w++)
                if (value[w] != VALUE_NONE)
                    outcome.value_hash =
                        (outcome.value_hash ^ fixture_cell(&fixture, value[w], row)->key) *
                            0x9E3779B97F4A7C15ULL +
                        1;
    }
    outcome.hash = state_hash(&fixture.state);
    fixture_close(&fixture);
    return outcome;
}

static void plain_is_general(void **unused)
{
    (void)unused;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct outcome general = run(seed, false, 1);
        struct outcome alone = run(seed, true, 1), together = run(seed, true, 200);
        if (alone.value_hash != general.value_hash || alone.hash != general.hash)
            fail_msg("seed %d: read %s, state %s", (int)seed,
                     alone.value_hash == general.value_hash ? "the same" : "otherwise",
                     alone.hash == general.hash ? "the same" : "otherwise");
        if (together.value_hash != general.value_hash || together.hash != general.hash)
            fail_msg("seed %d: other in a batch of 200", (int)seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain_is_general)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
