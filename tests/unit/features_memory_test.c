/* How memory is divided among kinds of entities: quotas, rows that are asked for, equal parts. */
#include "tests/property/features_fixture.h"

enum { KINDS = 3, MIB = 1 << 20 };

static const char *const formulas[KINDS] = {
    "mean(amount) by card over 7d",
    "count() by merchant over 1h",
    "count() by (card, merchant) over 1d",
};

/* By card, merchant, and both. */
static void plan(const struct entity_setting *entity, uint32_t count, int64_t memory,
                 struct entity_report *report)
{
    static struct fixture fixture;
    struct entity_report after[KINDS];
    const struct features_setting setting = {
        .memory = memory, .lateness_ms = 60000, .entity_count = count, .entity = entity};
    fixture_open(&fixture, &setting);
    for (int i = 0; i < KINDS; i++)
        fixture_must_compile(&fixture, formulas[i]);
    assert_int_equal(features_plan(fixture.features, report, KINDS), KINDS);
    fixture_start(&fixture);
    assert_int_equal(features_report(fixture.features, &fixture.state, after, KINDS), KINDS);
    for (int i = 0; i < KINDS; i++) {
        assert_string_equal(report[i].name, after[i].name);
        assert_int_equal(report[i].memory, after[i].memory);
        assert_int_equal(report[i].entities_max, after[i].entities_max);
        assert_int_equal(report[i].blocks_max, after[i].blocks_max);
    }
    fixture_close(&fixture);
}

static uint64_t sum(const struct entity_report *report)
{
    return report[0].memory + report[1].memory + report[2].memory;
}

/* Nearly all of it, and not a byte more. */
static void is_near(uint64_t memory, int64_t wanted)
{
    assert_in_range(memory, (uint64_t)wanted - 1024, (uint64_t)wanted);
}

static void equal_parts(void **state)
{
    (void)state;
    struct entity_report report[KINDS];
    plan(NULL, 0, 30 * MIB, report);
    for (int i = 0; i < KINDS; i++)
        is_near(report[i].memory, 10 * MIB);
}

static void a_quota_comes_first(void **state)
{
    (void)state;
    static const struct entity_setting entity[] = {{.name = "card", .memory = 20 * MIB}};
    struct entity_report report[KINDS];
    plan(entity, 1, 30 * MIB, report);
    is_near(report[0].memory, 20 * MIB);
    is_near(report[1].memory, 5 * MIB);
    is_near(report[2].memory, 5 * MIB);
    assert_in_range(sum(report), 0, 30 * MIB);
}

/* Of a quota the rows come first, the rest is for blocks. */
static void a_quota_with_rows(void **state)
{
    (void)state;
    static const struct entity_setting entity[] = {
        {.name = "card", .memory = 20 * MIB, .entities_max = 1000},
        {.name = "card,merchant", .memory = 1 * MIB, .entities_max = 100000000}};
    struct entity_report report[KINDS];
    plan(entity, 2, 30 * MIB, report);
    assert_int_equal(report[0].entities_max, 1000);
    is_near(report[0].memory, 20 * MIB);
    assert_in_range(report[2].entities_max, 1000, 1 * MIB / report[2].bytes_per_entity);
    is_near(report[1].memory, 9 * MIB);
    assert_in_range(sum(report), 0, 30 * MIB + 16 * 1024);
}

/* Whoever is left with nothing has the least that works. */
static void nothing_is_left(void **state)
{
    (void)state;
    static const struct entity_setting entity[] = {{.name = "card", .memory = 30 * MIB}};
    struct entity_report report[KINDS];
    plan(entity, 1, 30 * MIB, report);
    assert_int_equal(report[1].entities_max, 16);
    assert_int_equal(report[2].entities_max, 16);
}

/* So are the trees of windows that ask about values. */
static void trees_are_counted(void **state)
{
    (void)state;
    static struct fixture fixture;
    struct entity_report report;
    const struct features_setting setting = {.memory = 30 * MIB};
    fixture_open(&fixture, &setting);
    fixture_must_compile(&fixture, "median(amount) by card over 7d");
    assert_int_equal(features_plan(fixture.features, &report, 1), 1);
    assert_in_range(report.memory, 30 * MIB - 2048, 30 * MIB);
    fixture_start(&fixture);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_parts),       cmocka_unit_test(a_quota_comes_first),
        cmocka_unit_test(a_quota_with_rows), cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(trees_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
