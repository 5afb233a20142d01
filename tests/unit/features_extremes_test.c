/* Extremes of windows that only ask for them: beside all values of the window, while slots are
 * walked and while a tree is asked that was made because walking had become dearer. */
#include "base/random.h"
#include "tests/property/features_fixture.h"

enum { SPAN = 60, PHASE = 200, PHASES = 4, EVENTS = PHASE * PHASES };

static const int64_t t0_ms = 1500000000000;

static double amount_draw(struct random *random, uint32_t i)
{
    double noise = (double)random_below(random, 3);
    switch (i / PHASE) {
    case 0: /* the greatest leaves with each event, */
        return -(double)(i / 2);
    case 1: /* then the least */
        return (double)(i / 2);
    case 2:
        return (double)(i % 7) + noise;
    default:
        return -(double)(i * 3) + noise;
    }
}

static void extreme_check(const double *amounts, uint32_t i, bool greatest, double got)
{
    double expected = amounts[i];
    for (uint32_t j = i < SPAN ? 0 : i - SPAN + 1; j < i; j++)
        if (greatest ? amounts[j] > expected : amounts[j] < expected)
            expected = amounts[j];
    if (got != expected)
        fail_msg("event %u: the %s is %g, expected %g", i, greatest ? "greatest" : "least", got,
                 expected);
}

static void extremes_of_trees_and_walks(void **unused)
{
    (void)unused;
    static double amounts[EVENTS];
    struct fixture fixture;
    struct random random;
    struct features_setting setting = {.memory = 1 << 24, .scan_max = 1};
    fixture_open(&fixture, &setting);
    uint32_t least = fixture_must_compile(&fixture, "min(amount) by card over 60s");
    uint32_t greatest = fixture_must_compile(&fixture, "max(amount) by card over 60s");
    fixture_start(&fixture);
    random_seed(&random, 1);
    const struct state_region *nodes =
        &fixture.state.directory->region[fixture.features->entity[0]->tree.region];
    uint32_t in_tree[PHASES] = {0};
    for (uint32_t i = 0; i < EVENTS; i++) {
        amounts[i] = amount_draw(&random, i);
        batch_clear(fixture.batch);
        fixture_event(&fixture, i, t0_ms + i * 1000, 1, amounts[i]);
        fixture_run(&fixture);
        extreme_check(amounts, i, false, fixture_cell(&fixture, least, 0)->number);
        extreme_check(amounts, i, true, fixture_cell(&fixture, greatest, 0)->number);
        in_tree[i / PHASE] += nodes->live > 0;
    }
    assert_true(in_tree[0] > 0 && in_tree[0] < PHASE && in_tree[1] > 0);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(extremes_of_trees_and_walks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
