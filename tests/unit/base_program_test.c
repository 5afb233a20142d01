/* Compiling and running formulas: types, sharing, folding, levels, every operation. */
#include "base/calendar.h"
#include "base/operation.h"
#include "base/program.h"
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char statuses[][SCHEMA_NAME_MAX] = {"approved", "declined", "reversed"};
static char colours[][SCHEMA_NAME_MAX] = {"red", "green"};
static const struct field status_field = {
    .name = "status", .type = FIELD_ENUM, .choice_count = 3, .choices = statuses};
static const struct field colour_field = {
    .name = "colour", .type = FIELD_ENUM, .choice_count = 2, .choices = colours};

static char shades[][SCHEMA_NAME_MAX] = {"red", "blue"};
static char few[][SCHEMA_NAME_MAX] = {"declined"};
static const struct field twin_field = {
    .name = "twin", .type = FIELD_ENUM, .choice_count = 2, .choices = colours};
static const struct field shade_field = {
    .name = "shade", .type = FIELD_ENUM, .choice_count = 2, .choices = shades};
static const struct field few_field = {
    .name = "few", .type = FIELD_ENUM, .choice_count = 1, .choices = few};
static const struct field start_field = {
    .name = "start", .type = FIELD_ENUM, .choice_count = 1, .choices = statuses};

/* The names the tests use, in the order of their columns. */
enum {
    A,
    B,
    C,
    FLAG,
    OTHER,
    TIME_NAME,
    THEN,
    CARD,
    SHOP,
    STATUS,
    COLOUR,
    TWIN,
    SHADE,
    FEW,
    START,
    WINDOW,
    SCORE,
    NAMES
};

static const struct known {
    const char *name;
    enum value_type type;
    uint8_t level;
    const struct field *field;
} known[NAMES] = {
    {"a", TYPE_NUMBER, 0, NULL},
    {"b", TYPE_NUMBER, 0, NULL},
    {"c", TYPE_NUMBER, 0, NULL},
    {"flag", TYPE_BOOLEAN, 0, NULL},
    {"other", TYPE_BOOLEAN, 0, NULL},
    {"time", TYPE_TIME, 0, NULL},
    {"then", TYPE_TIME, 0, NULL},
    {"card", TYPE_TEXT, 0, NULL},
    {"shop", TYPE_TEXT, 0, NULL},
    {"status", TYPE_ENUM, 0, &status_field},
    {"colour", TYPE_ENUM, 0, &colour_field},
    {"twin", TYPE_ENUM, 0, &twin_field},
    {"shade", TYPE_ENUM, 0, &shade_field},
    {"few", TYPE_ENUM, 0, &few_field},
    {"start", TYPE_ENUM, 0, &start_field},
    {"window", TYPE_NUMBER, 3, NULL},
    {"score", TYPE_NUMBER, PROGRAM_SCORE_LEVEL, NULL},
};

static const struct hash_key key = {1, 2};
static struct program program;
static struct syntax syntax;
static struct syntax_error error;
static struct batch batch;
static uint32_t windows_asked;

static uint32_t find_name(void *self, const struct syntax_node *node, struct syntax_error *failed)
{
    (void)self;
    for (uint32_t i = 0; i < NAMES; i++)
        if (strcmp(known[i].name, node->name) == 0)
            return i;
    snprintf(failed->message, sizeof failed->message, "unknown name '%s'", node->name);
    return VALUE_NONE;
}

static const struct program_resolver resolver;

/* A window that is its own argument, one level up. */
static uint32_t find_window(void *self, const struct syntax *tree, const struct syntax_node *node,
                            struct syntax_error *failed)
{
    (void)self;
    windows_asked++;
    if (node->where != SYNTAX_NONE &&
        program_compile(&program, tree, node->where, &resolver, failed) == VALUE_NONE)
        return VALUE_NONE;
    if (strcmp(node->name, "count") == 0 || strcmp(node->name, "min") == 0)
        return WINDOW;
    snprintf(failed->message, sizeof failed->message, "unknown aggregate '%s'", node->name);
    return VALUE_NONE;
}

static const struct program_resolver resolver = {find_name, find_window, NULL};

static int start(void **unused)
{
    (void)unused;
    program_close(&program);
    program_init(&program, key);
    for (uint32_t i = 0; i < NAMES; i++) {
        uint64_t print = hash_fingerprint(known[i].name, strlen(known[i].name));
        uint32_t value = program_add_external(&program, known[i].type, known[i].level, print);
        program.value[value].field = known[i].field;
    }
    windows_asked = 0;
    return 0;
}

static uint32_t compile(const char *formula)
{
    if (!syntax_parse(&syntax, formula, &error))
        return VALUE_NONE;
    return program_compile(&program, &syntax, syntax.root, &resolver, &error);
}

static uint32_t compiled(const char *formula)
{
    uint32_t value = compile(formula);
    if (value == VALUE_NONE)
        fail_msg("%s: column %u: %s", formula, error.column, error.message);
    return value;
}

static void expect_error(const char *formula, uint32_t column, const char *message)
{
    if (compile(formula) != VALUE_NONE)
        fail_msg("%s: compiled without an error", formula);
    assert_string_equal(error.message, message);
    assert_int_equal(error.column, column);
}

static const struct program_value *value_of(const char *formula)
{
    return &program.value[compiled(formula)];
}

static void expect_same(const char *first, const char *second)
{
    if (compiled(first) != compiled(second))
        fail_msg("'%s' and '%s' are two values", first, second);
}

static void expect_different(const char *first, const char *second)
{
    uint32_t a = compiled(first), b = compiled(second);
    if (a == b || program.value[a].fingerprint == program.value[b].fingerprint)
        fail_msg("'%s' and '%s' are one value", first, second);
}

static void expect_constant(const char *formula, double number)
{
    const struct program_value *value = value_of(formula);
    if (!value->constant)
        fail_msg("%s is not constant", formula);
    union value wanted = {.number = number};
    if (value->literal.key != wanted.key)
        fail_msg("%s is %.17g, not %.17g", formula, value->literal.number, number);
}

static void types(void **unused)
{
    (void)unused;
    assert_int_equal(value_of("a + 1")->type, TYPE_NUMBER);
    assert_int_equal(value_of("a + flag")->type, TYPE_NUMBER);
    assert_int_equal(value_of("a < 1")->type, TYPE_BOOLEAN);
    assert_int_equal(value_of("flag < 1")->type, TYPE_BOOLEAN);
    assert_int_equal(value_of("time - then")->type, TYPE_DURATION);
    assert_int_equal(value_of("time - '2018-05-01'")->type, TYPE_DURATION);
    assert_int_equal(value_of("time - 1h")->type, TYPE_TIME);
    assert_int_equal(value_of("1h + time")->type, TYPE_TIME);
    assert_int_equal(value_of("min(time, then)")->type, TYPE_TIME);
    assert_int_equal(value_of("max(flag, a)")->type, TYPE_NUMBER);
    assert_int_equal(value_of("max(flag, other)")->type, TYPE_BOOLEAN);
    assert_int_equal(value_of("if(flag, card, shop)")->type, TYPE_TEXT);
    assert_int_equal(value_of("if(flag, card, 'none')")->type, TYPE_TEXT);
    assert_int_equal(value_of("if(flag, status, 'declined')")->type, TYPE_ENUM);
    assert_ptr_equal(value_of("if(flag, status, 'declined')")->field, &status_field);
    assert_int_equal(value_of("coalesce(time, '2018-05-01')")->type, TYPE_TIME);
    assert_int_equal(value_of("is_missing(card)")->type, TYPE_BOOLEAN);
    assert_int_equal(value_of("is_weekend(time)")->type, TYPE_BOOLEAN);
    assert_int_equal(value_of("'declined' != status")->type, TYPE_BOOLEAN);
    assert_int_equal(value_of("card == shop")->type, TYPE_BOOLEAN);
    assert_int_equal(value_of("status == if(flag, status, 'reversed')")->type, TYPE_BOOLEAN);
}

static void equal_formulas_are_one_value(void **unused)
{
    (void)unused;
    expect_same("a + b * 2", "a+(b*2)");
    expect_same("a + b", "b + a");
    expect_same("a * b", "b * a");
    expect_same("a > b", "b < a");
    expect_same("a >= b", "b <= a");
    expect_same("flag and other", "other and flag");
    expect_same("card == 'x'", "'x' == card");
    expect_same("time + 60", "60 + time");
    expect_same("time + 60s", "1m + time");
    expect_same("time > '2018-05-01'", "'2018-05-01T00:00:00Z' < time");
    expect_same("log1p(a)", "log1p( a )");
    expect_same("max(a, b, c)", "max(max(a, b), c)");
    expect_same("a + 3600", "a + 60 * 60");
    expect_different("a - b", "b - a");
    expect_different("a < b", "a <= b");
    expect_different("card == 'x'", "card == 'y'");
    expect_different("status == 'approved'", "status == 'declined'");
    expect_different("min(a, b)", "max(a, b)");
    expect_different("a == 1", "a == true");
    uint32_t count = program.value_count;
    compiled("log1p(a) + max(a, b, c) > a - b");
    assert_int_equal(program.value_count, count + 2);
}

/* The same meaning has the same print whatever was compiled before and whatever the hash key is. */
static void fingerprints_are_of_meaning(void **unused)
{
    const char *formula = "if(status == 'declined' and card != 'x', log1p(a) / b, time - then)";
    uint64_t print = value_of(formula)->fingerprint;
    start(unused);
    program.key = (struct hash_key){3, 4};
    compiled("sqrt(b) * 17");
    assert_true(value_of(formula)->fingerprint == print);
    /* A choice is meant by its name, not by its place in the list. */
    start(unused);
    char moved[][SCHEMA_NAME_MAX] = {"declined", "approved", "reversed"};
    struct field other = status_field;
    other.choices = moved;
    program.value[STATUS].field = &other;
    assert_true(value_of(formula)->fingerprint == print);
}

/* Enums compare by index, so only equal lists may be compared, and a choice has the index of its
 * list. */
static void enums_keep_to_their_choices(void **unused)
{
    (void)unused;
    compiled("colour == twin");
    expect_error("colour == shade", 7, "'==' needs enums that have the same choices");
    expect_error("start == status", 6, "'==' needs enums that have the same choices");
    static const struct {
        const char *formula;
        double index;
    } wanted[] = {{"status == 'declined'", 1}, {"few == 'declined'", 0}};
    for (int i = 0; i < 2; i++) {
        const struct program_value *value = value_of(wanted[i].formula);
        uint32_t choice = value->input[program.value[value->input[0]].constant ? 0 : 1];
        assert_true(program.value[choice].literal.number == wanted[i].index);
    }
}

static void constants_fold(void **unused)
{
    (void)unused;
    expect_constant("1 + 2 * 3", 7);
    expect_constant("-5 % 3", 1);
    expect_constant("5 % -3", -1);
    expect_constant("1 / 0", MISSING);
    expect_constant("0 / 0", MISSING);
    expect_constant("exp(1000)", MISSING);
    expect_constant("sqrt(-1)", MISSING);
    expect_constant("log(0)", MISSING);
    expect_constant("pow(2, 10)", 1024);
    expect_constant("pow(1 / 0, 0)", MISSING);
    expect_constant("pow(1, 1 / 0)", MISSING);
    expect_constant("1 / 0 != 1", 0);
    expect_constant("not (1 / 0 < 1)", 1);
    expect_constant("is_missing(1 / 0)", 1);
    expect_constant("coalesce(1 / 0, 0 / 0, 7)", 7);
    expect_constant("'a' == 'a'", 1);
    expect_constant("'a' != 'a'", 0);
    expect_constant("min(4, 2, 3)", 2);
    expect_constant("clamp(7, 0, 5)", 5);
    expect_constant("sign(-3)", -1);
    expect_constant("true and not false", 1);
    expect_constant("if(2 > 1, 10, 20)", 10);
    expect_constant("7d", 604800);
    assert_false(value_of("a * 0")->constant);
}

static void levels(void **unused)
{
    (void)unused;
    assert_int_equal(value_of("1 + 2")->level, 0);
    assert_int_equal(value_of("a + b")->level, 0);
    assert_int_equal(value_of("a + window")->level, 3);
    assert_int_equal(value_of("count() by card / a > 2")->level, 3);
    assert_int_equal(value_of("score > 0.5 and window > 1")->level, PROGRAM_SCORE_LEVEL);
}

/* Each value comes after its inputs and in the run of its own level. */
static void run_order(void **unused)
{
    (void)unused;
    compiled("score > 0.5 and a + window * 2 > b or flag");
    compiled("log(a + b) + window");
    program_finish(&program);
    bool done[PROGRAM_VALUES_MAX] = {false};
    uint32_t operations = 0;
    for (uint32_t i = 0; i < program.value_count; i++) {
        done[i] = program.value[i].operation == NULL;
        operations += !done[i];
    }
    assert_int_equal(program.order_count, operations);
    for (uint32_t level = 0; level <= PROGRAM_SCORE_LEVEL; level++) {
        for (uint32_t i = program.level_start[level]; i < program.level_start[level + 1]; i++) {
            const struct program_value *value = &program.value[program.order[i]];
            assert_int_equal(value->level, level);
            for (uint32_t k = 0; k < value->input_count; k++)
                assert_true(done[value->input[k]]);
            done[program.order[i]] = true;
        }
    }
    assert_int_equal(program.level_start[PROGRAM_SCORE_LEVEL + 1], operations);
}

static void calls_find_their_meaning(void **unused)
{
    (void)unused;
    compiled("min(a, b)");
    assert_int_equal(windows_asked, 0);
    assert_int_equal(compiled("min(a) by card"), WINDOW);
    assert_int_equal(compiled("min(a, b) before"), WINDOW);
    assert_int_equal(compiled("count()"), WINDOW);
    assert_int_equal(windows_asked, 3);
    expect_error("1 + cuont() by card", 4, "unknown aggregate 'cuont'");
    const struct program_resolver none = {NULL, NULL, NULL};
    assert_true(syntax_parse(&syntax, "1 + lgo1p(2)", &error));
    assert_int_equal(program_compile(&program, &syntax, syntax.root, &none, &error), VALUE_NONE);
    assert_string_equal(error.message, "unknown function 'lgo1p'; did you mean 'log1p'?");
    assert_int_equal(error.column, 4);
}

static void errors(void **unused)
{
    (void)unused;
    expect_error("a + nope", 4, "unknown name 'nope'");
    expect_error("hour < 6", 0, "'hour' is a function: call it as hour(time[, zone])");
    expect_error("a + card", 4, "'+' takes a number or a time here, not a text");
    expect_error("card * 2", 0, "'*' takes a number here, not a text");
    expect_error("-card", 1, "'-' takes a number here, not a text");
    expect_error("-time", 1, "'-' takes a number here, not a time");
    expect_error("time + then", 5, "'+' does not go with a time and a time");
    expect_error("a - time", 2, "'-' does not go with a number and a time");
    expect_error("a and flag", 0, "'and' takes a boolean here, not a number");
    expect_error("time >= 'yesterday' and nope", 8,
                 "'yesterday' is no time: it stands beside one and must look like '2018-05-01' or "
                 "'2018-05-01T12:30:00Z'");
    expect_error("not a", 4, "'not' takes a boolean here, not a number");
    expect_error("card < shop", 0, "'<' takes a number or a time here, not a text");
    expect_error("card > 3", 0, "'>' takes a number or a time here, not a text");
    expect_error("time > 3", 5, "'>' does not go with a time and a number");
    expect_error("card == 3", 5, "'==' does not go with a text and a number");
    expect_error("status == card", 7, "'==' does not go with an enum and a text");
    expect_error("status == 1", 7, "'==' does not go with an enum and a number");
    expect_error("status == colour", 7, "'==' needs enums that have the same choices");
    expect_error("status == 'declnied'", 10,
                 "'declnied' is none of the choices of status; did you mean 'declined'?");
    expect_error("status == 'x'", 10,
                 "'x' is none of the choices of status: approved, declined, reversed");
    expect_error("time > 'yesterday'", 7,
                 "'yesterday' is no time: it stands beside one and must look like '2018-05-01' or "
                 "'2018-05-01T12:30:00Z'");
    expect_error("if(a, 1, 2)", 3, "'if' takes a boolean here, not a number");
    expect_error("if(flag, 1, card)", 0, "'if' does not go with a number and a text");
    expect_error("log1p()", 0, "log1p(x) takes 1 value, found 0");
    expect_error("log1p(a, b)", 0, "log1p(x) takes 1 value, found 2");
    expect_error("clamp(a, b)", 0, "clamp(x, low, high) takes 3 values, found 2");
    expect_error("min(a)", 0,
                 "min(x, y, ...) takes at least 2 values; over many events it needs a window, such "
                 "as min(x) by card over 1h");
    expect_error("hour(a)", 5, "'hour' takes a time here, not a number");
    expect_error("max(a, b, card)", 10, "'max' takes a number or a time here, not a text");
    expect_error("count() by card where a > abs(b) over 1h", 26,
                 "'abs' is a function, not a window: it takes no by, over, delay, where or before; "
                 "a condition that ends with it needs parentheses");
}

static void a_full_program_says_so(void **unused)
{
    (void)unused;
    char formula[64];
    for (int i = 0; program.value_count < PROGRAM_VALUES_MAX; i++) {
        snprintf(formula, sizeof formula, "%d", i);
        compiled(formula);
    }
    expect_error("a + b", 2, "all formulas together have more than 1024 parts");
    expect_error("a + 'x'", 4, "all formulas together have more than 1024 parts");
    compiled("a");
    assert_int_equal(program_add_external(&program, TYPE_NUMBER, 0, 1), VALUE_NONE);
}

/* Only the rows asked for and only the level asked for are computed. */
static void runs_keep_to_their_rows(void **unused)
{
    (void)unused;
    struct failure failure;
    uint32_t sum = compiled("a + 1"), scaled = compiled("window * 2"), high = compiled("score > 1");
    program_finish(&program);
    assert_int_equal(batch_open(&batch, program.value_count, 0, &failure), STATUS_OK);
    program_prepare(&program, &batch);
    for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++) {
        batch_column(&batch, A)[row].number = row;
        batch_column(&batch, WINDOW)[row].number = 10 * row;
        batch_column(&batch, SCORE)[row].number = row;
        for (uint32_t value = NAMES; value < program.value_count; value++)
            if (!program.value[value].constant)
                batch_column(&batch, value)[row].number = -7;
    }
    program_run(&program, 0, &batch, 3, 200);
    program_run_scored(&program, &batch, 5, 6);
    for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++) {
        assert_true(batch_column(&batch, sum)[row].number ==
                    (row >= 3 && row < 200 ? (double)row + 1 : -7.0));
        assert_true(batch_column(&batch, scaled)[row].number == -7);
        assert_true(batch_column(&batch, high)[row].number == (row == 5 ? 1 : -7));
    }
    program_run(&program, 3, &batch, 0, BATCH_RECORDS_MAX);
    assert_true(batch_column(&batch, scaled)[255].number == 5100);
    batch_close(&batch);
}

/* Each function for people has an operation that takes what its signature shows, and is found. */
static void functions_are_complete(void **unused)
{
    (void)unused;
    uint32_t count;
    const struct program_function *functions = program_functions(&count);
    assert_true(count >= 18);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t least, most, shown = 1;
        assert_true(operation_arity(functions[i].name, &least, &most));
        assert_int_equal(
            strncmp(functions[i].signature, functions[i].name, strlen(functions[i].name)), 0);
        for (const char *at = functions[i].signature; *at; at++)
            shown += *at == ',';
        /* What is no value but belongs to the operation: a zone, a pattern. */
        bool more =
            operation_is_local(functions[i].name) || strcmp(functions[i].name, "matches") == 0;
        assert_int_equal(operation_chains(functions[i].name) || more ? least + 1 : least, shown);
        assert_true(strlen(functions[i].types) > 0);
        assert_true(strlen(functions[i].summary) > 0);
        assert_true(i == 0 || strcmp(functions[i - 1].name, functions[i].name) < 0);
        const char *best = NULL;
        size_t distance;
        program_suggest(functions[i].name, &best, &distance);
        assert_string_equal(best, functions[i].name);
    }
}

static int stop(void **unused)
{
    (void)unused;
    program_close(&program);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(types, start),
        cmocka_unit_test_setup(equal_formulas_are_one_value, start),
        cmocka_unit_test_setup(fingerprints_are_of_meaning, start),
        cmocka_unit_test_setup(enums_keep_to_their_choices, start),
        cmocka_unit_test_setup(constants_fold, start),
        cmocka_unit_test_setup(levels, start),
        cmocka_unit_test_setup(run_order, start),
        cmocka_unit_test_setup(calls_find_their_meaning, start),
        cmocka_unit_test_setup(errors, start),
        cmocka_unit_test_setup(a_full_program_says_so, start),
        cmocka_unit_test_setup(runs_keep_to_their_rows, start),
        cmocka_unit_test_setup(functions_are_complete, start),
    };
    return cmocka_run_group_tests(tests, NULL, stop);
}
