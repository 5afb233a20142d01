/* Every operation against a scalar definition written apart from it, on values that are awkward:
 * zeros of both signs, infinities, NaNs of any payload, denormals, and missing keys; in any cut of
 * rows. */
#include "base/calendar.h"
#include "base/operation.h"
#include "base/program.h"
#include "base/random.h"
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 20180401, ROUNDS = 40, X = 0, Y, Z, P, Q, T, U, K, L, COLUMNS };

/* x y z numbers, p q booleans, t u times, k l keys. */
static const char letters[] = "xyzpqtukl";
static const enum value_type type_of[COLUMNS] = {TYPE_NUMBER,  TYPE_NUMBER,  TYPE_NUMBER,
                                                 TYPE_BOOLEAN, TYPE_BOOLEAN, TYPE_TIME,
                                                 TYPE_TIME,    TYPE_TEXT,    TYPE_TEXT};

static struct random chance;
static struct program program;
static struct syntax syntax;
static struct batch batch;

static uint32_t find_name(void *self, const struct syntax_node *node, struct syntax_error *error)
{
    (void)self, (void)error;
    const char *letter = strchr(letters, node->name[0]);
    assert_non_null(letter);
    return (uint32_t)(letter - letters);
}

static const struct program_resolver resolver = {find_name, NULL, NULL};

static double any_nan(void)
{
    uint64_t bits = 0x7FF0000000000000ULL | (random_bits(&chance) & 0x800FFFFFFFFFFFFFULL) | 1;
    double nan;
    memcpy(&nan, &bits, sizeof nan);
    return nan;
}

static double any_number(void)
{
    static const double awkward[] = {0.0,      -0.0,      1,       -1,       2,      -2,
                                     7,        3,         DBL_MAX, -DBL_MAX, 0.5,    -0.5,
                                     DBL_MIN,  -DBL_MIN,  -3,      24,       4e-320, 0x1p52 + 0.5,
                                     INFINITY, -INFINITY, 1e15,    3600};
    switch (random_below(&chance, 4)) {
    case 0:
        return awkward[random_below(&chance, sizeof awkward / sizeof *awkward)];
    case 1:
        return random_below(&chance, 3) ? any_nan() : MISSING;
    case 2:
        return (double)(int64_t)random_below(&chance, 41) - 20;
    default:
        return (random_uniform(&chance) - 0.5) * pow(10, (double)random_below(&chance, 30) - 10);
    }
}

static double any_time(void)
{
    static const double edges[] = {-62135596800.0, -62135596800.5, 253402300799.999,
                                   253402300800.0, -0.001,         0,
                                   86399.9999999,  -86400,         1e300};
    uint64_t kind = random_below(&chance, 6);
    if (kind == 0)
        return edges[random_below(&chance, sizeof edges / sizeof *edges)];
    if (kind == 1)
        return MISSING;
    double second = floor((random_uniform(&chance) - 0.3) * 3e9);
    return kind == 2 ? nextafter(floor(second / 3600) * 3600, -INFINITY) : second + 0.25;
}

static union value any_value(enum value_type type)
{
    union value value;
    if (type == TYPE_TEXT)
        value.key = random_below(&chance, 4);
    else if (type == TYPE_BOOLEAN)
        value.number = random_below(&chance, 4) ? (double)random_below(&chance, 2) : MISSING;
    else
        value.number = type == TYPE_TIME ? any_time() : any_number();
    return value;
}

/* The definitions: what goes in is in[letter], what comes out may still be any NaN or infinite. */
typedef double define(const union value *in);

static bool is_true(double x)
{
    return x == x && x != 0;
}

static bool none_missing(const union value *in, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (isnan(in[i].number))
            return false;
    return true;
}

#define DEFINE(name, expression)                                                                   \
    static double name(const union value *in)                                                      \
    {                                                                                              \
        return (expression);                                                                       \
    }

#define x (in[X].number)
#define y (in[Y].number)
#define z (in[Z].number)
#define p (in[P].number)
#define q (in[Q].number)
#define t (in[T].number)
#define u (in[U].number)
#define k (in[K].key)
#define l (in[L].key)
DEFINE(define_add, x + y)
DEFINE(define_subtract, x - y)
DEFINE(define_multiply, x *y)
DEFINE(define_divide, y == 0 ? MISSING : x / y)
DEFINE(define_negate, -x)
DEFINE(define_apart, t - u)
DEFINE(define_later, t + y)
DEFINE(define_less, none_missing(in, 2) && x < y)
DEFINE(define_less_equal, none_missing(in, 2) && x <= y)
DEFINE(define_greater, none_missing(in, 2) && x > y)
DEFINE(define_greater_equal, none_missing(in, 2) && x >= y)
DEFINE(define_equal, none_missing(in, 2) && x == y)
DEFINE(define_not_equal, none_missing(in, 2) && x != y)
DEFINE(define_key_equal, k != 0 && l != 0 && k == l)
DEFINE(define_key_not_equal, k != 0 && l != 0 && k != l)
DEFINE(define_and, is_true(p) && is_true(q))
DEFINE(define_or, is_true(p) || is_true(q))
DEFINE(define_not, !is_true(p))
DEFINE(define_abs, x < 0 ? -x : x == 0 ? 0 : x)
DEFINE(define_sign, isnan(x) ? MISSING : x > 0 ? 1 : x < 0 ? -1 : 0)
DEFINE(define_floor, floor(x))
DEFINE(define_sqrt, x < 0 ? MISSING : sqrt(x))
DEFINE(define_exp, exp(x))
DEFINE(define_log, x <= 0 ? MISSING : log(x))
DEFINE(define_log1p, x <= -1 ? MISSING : log1p(x))
DEFINE(define_pow, none_missing(in, 2) ? pow(x, y) : MISSING)
DEFINE(define_min, none_missing(in, 2) ? (y <= x ? y : x) : MISSING)
DEFINE(define_max, none_missing(in, 2) ? (y >= x ? y : x) : MISSING)
DEFINE(define_if, is_true(p) ? x : y)
DEFINE(define_coalesce, isnan(x) ? y : x)
DEFINE(define_is_missing, isnan(x))
DEFINE(define_key_is_missing, k == 0)

static double define_remainder(const union value *in)
{
    if (!none_missing(in, 2) || y == 0 || isinf(x))
        return MISSING;
    double rest = fmod(x, y);
    return (rest < 0 && y > 0) || (rest > 0 && y < 0) ? rest + y : rest;
}

static double define_clamp(const union value *in)
{
    if (!none_missing(in, 3))
        return MISSING;
    double raised = x > y ? x : y;
    return raised < z ? raised : z;
}

static bool in_calendar(double time)
{
    return time >= -62135596800.0 && time < 253402300800.0;
}

static int64_t milliseconds(double time)
{
    return (int64_t)floor(time) * SECOND_MS;
}

static double hour_of(int64_t time_ms)
{
    return (double)(floor_divide(time_ms, HOUR_MS) - 24 * floor_divide(time_ms, DAY_MS));
}

DEFINE(define_hour, in_calendar(t) ? hour_of(milliseconds(t)) : MISSING)
DEFINE(define_weekday, in_calendar(t) ? calendar_weekday(milliseconds(t)) : MISSING)
DEFINE(define_day, in_calendar(t) ? civil_of(milliseconds(t)).day : MISSING)
DEFINE(define_is_weekend, in_calendar(t) ? calendar_weekday(milliseconds(t)) > 4 : MISSING)
DEFINE(define_if_key, (double)(is_true(p) ? k : l))
DEFINE(define_coalesce_key, (double)(k ? k : l))
#undef x
#undef y
#undef z
#undef p
#undef q
#undef t
#undef u
#undef k
#undef l

static const struct definition {
    const char *formula;
    define *of;
    bool keys; /* the result is one, small enough for a double */
} definitions[] = {
    {"x + y", define_add, false},
    {"x - y", define_subtract, false},
    {"x * y", define_multiply, false},
    {"x / y", define_divide, false},
    {"x % y", define_remainder, false},
    {"-x", define_negate, false},
    {"t - u", define_apart, false},
    {"t + y", define_later, false},
    {"y + t", define_later, false},
    {"x < y", define_less, false},
    {"x <= y", define_less_equal, false},
    {"x > y", define_greater, false},
    {"x >= y", define_greater_equal, false},
    {"x == y", define_equal, false},
    {"x != y", define_not_equal, false},
    {"k == l", define_key_equal, false},
    {"k != l", define_key_not_equal, false},
    {"p and q", define_and, false},
    {"p or q", define_or, false},
    {"not p", define_not, false},
    {"abs(x)", define_abs, false},
    {"sign(x)", define_sign, false},
    {"floor(x)", define_floor, false},
    {"sqrt(x)", define_sqrt, false},
    {"exp(x)", define_exp, false},
    {"log(x)", define_log, false},
    {"log1p(x)", define_log1p, false},
    {"pow(x, y)", define_pow, false},
    {"min(x, y)", define_min, false},
    {"max(x, y)", define_max, false},
    {"clamp(x, y, z)", define_clamp, false},
    {"if(p, x, y)", define_if, false},
    {"coalesce(x, y)", define_coalesce, false},
    {"is_missing(x)", define_is_missing, false},
    {"is_missing(k)", define_key_is_missing, false},
    {"hour(t)", define_hour, false},
    {"weekday(t)", define_weekday, false},
    {"day(t)", define_day, false},
    {"is_weekend(t)", define_is_weekend, false},
    {"if(p, k, l)", define_if_key, true},
    {"coalesce(k, l)", define_coalesce_key, true},
};

enum { DEFINITIONS = sizeof definitions / sizeof *definitions };

static uint32_t value_of[DEFINITIONS];

static void compile_all(void)
{
    struct syntax_error error;
    struct failure failure;
    program_init(&program, (struct hash_key){1, 2});
    for (uint32_t i = 0; i < COLUMNS; i++)
        program_add_external(&program, type_of[i], 0, i + 1);
    for (uint32_t i = 0; i < DEFINITIONS; i++) {
        assert_true(syntax_parse(&syntax, definitions[i].formula, &error));
        value_of[i] = program_compile(&program, &syntax, syntax.root, &resolver, &error);
        assert_int_not_equal(value_of[i], VALUE_NONE);
    }
    program_finish(&program);
    assert_int_equal(batch_open(&batch, program.value_count, 0, &failure), STATUS_OK);
    program_prepare(&program, &batch);
}

static void fill(void)
{
    for (uint32_t i = 0; i < COLUMNS; i++)
        for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++)
            batch_column(&batch, i)[row] = any_value(type_of[i]);
}

/* All rows in pieces of random length: vectors must not care where they begin. */
static void run_in_pieces(void)
{
    for (uint32_t from = 0, to; from < BATCH_RECORDS_MAX; from = to) {
        to = from + (uint32_t)random_below(&chance, random_below(&chance, 2) ? 5 : 90);
        to = to > BATCH_RECORDS_MAX ? BATCH_RECORDS_MAX : to;
        program_run(&program, 0, &batch, from, to);
    }
}

/* To the bit, but for the sign of a zero, which no formula can tell. */
static bool agrees(const struct definition *definition, union value found, double wanted)
{
    if (definition->keys)
        return found.key == (uint64_t)wanted;
    union value stored = {.number = isfinite(wanted) ? wanted : MISSING};
    return found.key == stored.key || (found.number == 0 && wanted == 0);
}

static void compare(uint32_t i)
{
    for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++) {
        union value in[COLUMNS];
        for (uint32_t column = 0; column < COLUMNS; column++)
            in[column] = batch_column(&batch, column)[row];
        union value found = batch_column(&batch, value_of[i])[row];
        double wanted = definitions[i].of(in);
        if (!agrees(&definitions[i], found, wanted))
            fail_msg("seed %d: %s is %.17g, not %.17g (x %.17g y %.17g z %.17g p %g q %g t %.17g)",
                     SEED, definitions[i].formula, found.number, wanted, in[X].number, in[Y].number,
                     in[Z].number, in[P].number, in[Q].number, in[T].number);
    }
}

static void operations_keep_to_their_definitions(void **unused)
{
    (void)unused;
    random_seed(&chance, SEED);
    compile_all();
    for (int round = 0; round < ROUNDS; round++) {
        fill();
        run_in_pieces();
        for (uint32_t i = 0; i < DEFINITIONS; i++)
            compare(i);
    }
    batch_close(&batch);
}

/* Folded by the compiler or computed in a column: the same bits. */
static void folding_changes_nothing(void **unused)
{
    (void)unused;
    random_seed(&chance, SEED + 1);
    compile_all();
    for (int round = 0; round < 10; round++) {
        fill();
        run_in_pieces();
        for (uint32_t i = 0; i < DEFINITIONS; i++) {
            const struct program_value *value = &program.value[value_of[i]];
            static struct program folded;
            program_init(&folded, (struct hash_key){1, 2});
            uint32_t input[PROGRAM_INPUTS_MAX];
            bool usable = true;
            for (uint32_t n = 0; n < value->input_count; n++) {
                union value cell = batch_column(&batch, value->input[n])[round];
                enum value_type type = program.value[value->input[n]].type;
                usable &= type == TYPE_NUMBER || type == TYPE_TIME || type == TYPE_BOOLEAN;
                usable &= type == TYPE_TEXT || !isinf(cell.number);
                input[n] = type == TYPE_TIME ? program_add_time(&folded, cell.number)
                           : type == TYPE_BOOLEAN
                               ? program_add_boolean(&folded, is_true(cell.number))
                               : program_add_number(&folded, cell.number);
                usable &= type != TYPE_BOOLEAN || !isnan(cell.number);
            }
            if (!usable)
                continue;
            uint32_t result = program_add(&folded, value->operation, input);
            union value column = batch_column(&batch, value_of[i])[round];
            assert_true(folded.value[result].constant);
            if (folded.value[result].literal.key != column.key && column.number != 0)
                fail_msg("seed %d: %s folds to %.17g, runs to %.17g", SEED + 1,
                         definitions[i].formula, folded.value[result].literal.number,
                         column.number);
        }
    }
    batch_close(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_keep_to_their_definitions),
        cmocka_unit_test(folding_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
