/* Which outcome a score and the rules give. */
#include "base/assert.h"
#include "decisions/decisions.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ALLOW, REVIEW, BLOCK };
enum { SCORE, FIRST, SECOND, FLAG, COLUMNS };

/* allow, review from 0.5, block from 0.9; rules: first -> review, second -> block, flag -> allow.
 */
static const struct decisions standard = {
    .outcome_count = 3,
    .outcome = {"allow", "review", "block"},
    .threshold = {NAN, 0.5, 0.9},
    .rule_count = 3,
    .rule = {{"first", FIRST, REVIEW}, {"second", SECOND, BLOCK}, {"flag", FLAG, ALLOW}},
    .score = SCORE,
};

struct row {
    double score, first, second, flag;
    uint8_t outcome;
    uint64_t rules;
};

static struct batch batch;

static int setup(void **state)
{
    (void)state;
    struct failure failure;
    if (batch_open(&batch, COLUMNS, 0, &failure) != STATUS_OK)
        return -1;
    batch.count = BATCH_RECORDS_MAX;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    batch_close(&batch);
    return 0;
}

static void check(const struct decisions *decisions, const struct row *row, uint32_t at)
{
    batch_column(&batch, SCORE)[at].number = row->score;
    batch_column(&batch, FIRST)[at].number = row->first;
    batch_column(&batch, SECOND)[at].number = row->second;
    batch_column(&batch, FLAG)[at].number = row->flag;
    batch.score[at] = -1;
    batch.outcome[at] = 99;
    batch.rules[at] = UINT64_MAX;
    decide(decisions, &batch, at);
    double kept = isnan(row->score) || decisions->score == VALUE_NONE ? 0 : row->score;
    assert_true(batch.score[at] == kept);
    assert_int_equal(batch.outcome[at], row->outcome);
    assert_int_equal(batch.rules[at], row->rules);
}

static void test_the_strongest_wins(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {0, 0, 0, 0, ALLOW, 0},          {0.4999999, 0, 0, 0, ALLOW, 0}, {0.5, 0, 0, 0, REVIEW, 0},
        {0.8999999, 0, 0, 0, REVIEW, 0}, {0.9, 0, 0, 0, BLOCK, 0},       {1, 0, 0, 0, BLOCK, 0},
        {0.1, 1, 0, 0, REVIEW, 1},       {0.1, 0, 1, 0, BLOCK, 2},       {0.1, 1, 1, 0, BLOCK, 3},
        {0.95, 1, 0, 0, BLOCK, 1}, /* a weaker rule does not lower it */
        {0.95, 0, 0, 1, BLOCK, 4}, /* nor does one for the weakest outcome; it is told all the same
                                    */
        {0.6, 0, 1, 1, BLOCK, 6},        {NAN, 0, 0, 0, ALLOW, 0},       /* no score: rules only */
        {NAN, 1, 0, 0, REVIEW, 1},       {0.1, NAN, NAN, NAN, ALLOW, 0}, /* missing rules do not
                                                                            fire */
    };
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&standard, &rows[i], i * 13 % BATCH_RECORDS_MAX);
}

static void test_without_a_score(void **state)
{
    (void)state;
    struct decisions decisions = standard;
    decisions.score = VALUE_NONE;
    check(&decisions, &(struct row){0.99, 0, 0, 0, ALLOW, 0}, 3);
    check(&decisions, &(struct row){0.99, 0, 1, 0, BLOCK, 2}, 255);
}

static void test_thresholds_may_be_left_out_or_out_of_order(void **state)
{
    (void)state;
    struct decisions decisions = standard;
    decisions.threshold[REVIEW] = NAN;
    check(&decisions, &(struct row){0.7, 0, 0, 0, ALLOW, 0}, 0);
    check(&decisions, &(struct row){0.9, 0, 0, 0, BLOCK, 0}, 0);
    decisions.threshold[REVIEW] = 0.95;
    check(&decisions, &(struct row){0.92, 0, 0, 0, BLOCK, 0}, 0);
    check(&decisions, &(struct row){0.99, 0, 0, 0, BLOCK, 0}, 0);
}

/* All 64 rules: the last has the highest bit; neighbours' rows are left alone. */
static void test_every_rule_has_its_bit(void **state)
{
    (void)state;
    struct decisions decisions = {.outcome_count = OUTCOMES_MAX, .score = SCORE, .rule_count = 64};
    for (uint32_t i = 0; i < OUTCOMES_MAX; i++)
        decisions.threshold[i] = NAN;
    for (uint32_t i = 0; i < RULES_MAX; i++)
        decisions.rule[i] = (struct rule){"", i % 2 ? FIRST : SECOND, i % OUTCOMES_MAX};
    check(&decisions, &(struct row){0, 1, 0, 0, 15, 0xAAAAAAAAAAAAAAAA}, 100);
    check(&decisions, &(struct row){0, 0, 1, 0, 14, 0x5555555555555555}, 101);
    assert_int_equal(batch.rules[100], 0xAAAAAAAAAAAAAAAA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_strongest_wins),
        cmocka_unit_test(test_without_a_score),
        cmocka_unit_test(test_thresholds_may_be_left_out_or_out_of_order),
        cmocka_unit_test(test_every_rule_has_its_bit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
