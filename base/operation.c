/* The loops of the language's operations and their table; see operation.h.  A loop runs down
 * columns without a branch, so that the compiler makes vectors of it where the arithmetic allows.
 * All results but keys are finite or MISSING. */
#include "base/operation.h"
#include "base/calendar.h"
#include "base/hash.h"
#include "base/text_operation.h"
#include "base/zone.h"
#include <float.h>
#include <math.h>
#include <string.h>

static inline double stored(double x)
{
    return fabs(x) <= DBL_MAX ? x : MISSING;
}

static inline bool is_nan(double x)
{
    return x != x;
}

/* Missing is no truth. */
static inline bool truth(double x)
{
    return fabs(x) > 0;
}

static inline double remainder_of(double x, double y)
{
    double rest = fmod(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

/* C's pow(NaN, 0) and pow(1, NaN) are 1; here what is missing stays so. */
static inline double power_of(double x, double y)
{
    return is_nan(x) || is_nan(y) ? MISSING : pow(x, y);
}

static inline double lesser_of(double x, double y)
{
    double lesser = x < y ? x : y;
    return is_nan(x) ? x : lesser;
}

static inline double greater_of(double x, double y)
{
    double greater = x > y ? x : y;
    return is_nan(x) ? x : greater;
}

static inline double clamp_of(double x, double low, double high)
{
    return lesser_of(greater_of(x, low), high);
}

static inline double sign_of(double x)
{
    double sign = (double)(x > 0) - (double)(x < 0);
    return is_nan(x) ? x : sign;
}

/* Seconds of the years 1 to 9999, the calendar's; other moments have no hour. */
static inline double moment_of(double time)
{
    return time >= -62135596800.0 && time < 253402300800.0 ? floor(time) : MISSING;
}

/* Whole seconds divide so that the quotient's floor is exact: it is never nearer than 1 / unit to
 * the next whole number. */
static inline double modulo(double whole, double unit)
{
    return whole - unit * floor(whole / unit);
}

static inline double hour_of(double time)
{
    return modulo(floor(moment_of(time) / 3600), 24);
}

static inline double weekday_of(double time)
{
    return modulo(floor(moment_of(time) / 86400) + 3, 7); /* 1970-01-01 was a Thursday */
}

static inline double weekend_of(double time)
{
    double day = weekday_of(time);
    return is_nan(day) ? day : (double)(day >= 5);
}

static inline double minute_of(double time)
{
    return modulo(floor(moment_of(time) / 60), 60);
}

enum part { PART_YEAR, PART_MONTH, PART_DAY, PART_DAY_OF_YEAR };

static double date_part(double time, enum part part)
{
    double moment = moment_of(time);
    if (is_nan(moment))
        return moment;
    struct civil civil = civil_of((int64_t)moment * SECOND_MS);
    if (part == PART_YEAR)
        return (double)civil.year;
    if (part != PART_DAY_OF_YEAR)
        return part == PART_MONTH ? civil.month : civil.day;
    int64_t first_ms = civil_ms((struct civil){civil.year, 1, 1});
    return floor((moment - (double)first_ms / SECOND_MS) / 86400) + 1;
}

/* Loops of one, two and three arguments over an expression of x, y, z. */
#define LOOP_1(name, expression)                                                                   \
    static void name(union value *restrict out, const union value *const *in, uint32_t count)      \
    {                                                                                              \
        const union value *restrict a = in[0];                                                     \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            double x = a[i].number;                                                                \
            out[i].number = (expression);                                                          \
        }                                                                                          \
    }

#define LOOP_2(name, expression)                                                                   \
    static void name(union value *restrict out, const union value *const *in, uint32_t count)      \
    {                                                                                              \
        const union value *restrict a = in[0], *restrict b = in[1];                                \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            double x = a[i].number, y = b[i].number;                                               \
            out[i].number = (expression);                                                          \
        }                                                                                          \
    }

#define LOOP_3(name, expression)                                                                   \
    static void name(union value *restrict out, const union value *const *in, uint32_t count)      \
    {                                                                                              \
        const union value *restrict a = in[0], *restrict b = in[1], *restrict c = in[2];           \
        for (uint32_t i = 0; i < count; i++) {                                                     \
            double x = a[i].number, y = b[i].number, z = c[i].number;                              \
            out[i].number = (expression);                                                          \
        }                                                                                          \
    }

LOOP_2(run_add, stored(x + y))
LOOP_2(run_subtract, stored(x - y))
LOOP_2(run_multiply, stored(x *y))
LOOP_2(run_divide, stored(x / y))
LOOP_2(run_remainder, stored(remainder_of(x, y)))
LOOP_1(run_negate, stored(-x))
LOOP_2(run_less, x < y ? 1 : 0)
LOOP_2(run_less_equal, x <= y ? 1 : 0)
LOOP_2(run_equal, x == y ? 1 : 0)
LOOP_2(run_not_equal, ((x < y) || (x > y)) ? 1 : 0)
LOOP_2(run_and, truth(x) && truth(y) ? 1 : 0)
LOOP_2(run_or, truth(x) || truth(y) ? 1 : 0)
LOOP_1(run_not, truth(x) ? 0 : 1)
LOOP_1(run_abs, stored(fabs(x)))
LOOP_1(run_sign, stored(sign_of(x)))
LOOP_1(run_floor, stored(floor(x)))
LOOP_1(run_sqrt, stored(sqrt(x)))
LOOP_1(run_exp, stored(exp(x)))
LOOP_1(run_log, stored(log(x)))
LOOP_1(run_log1p, stored(log1p(x)))
LOOP_2(run_pow, stored(power_of(x, y)))
LOOP_2(run_min, stored(lesser_of(x, y)))
LOOP_2(run_max, stored(greater_of(x, y)))
LOOP_3(run_clamp, stored(clamp_of(x, y, z)))
LOOP_1(run_hour, stored(hour_of(x)))
LOOP_1(run_weekday, stored(weekday_of(x)))
LOOP_1(run_is_weekend, stored(weekend_of(x)))
LOOP_1(run_minute, stored(minute_of(x)))
LOOP_1(run_day, date_part(x, PART_DAY))
LOOP_1(run_month, date_part(x, PART_MONTH))
LOOP_1(run_year, date_part(x, PART_YEAR))
LOOP_1(run_day_of_year, date_part(x, PART_DAY_OF_YEAR))
LOOP_3(run_if, stored(truth(x) ? y : z))
LOOP_2(run_coalesce, stored(is_nan(x) ? y : x))
LOOP_1(run_is_missing, is_nan(x) ? 1 : 0)

static void run_equal_key(union value *restrict out, const union value *const *in, uint32_t count)
{
    const union value *restrict a = in[0], *restrict b = in[1];
    for (uint32_t i = 0; i < count; i++)
        out[i].number = a[i].key == b[i].key && a[i].key != 0 ? 1 : 0;
}

static void run_not_equal_key(union value *restrict out, const union value *const *in,
                              uint32_t count)
{
    const union value *restrict a = in[0], *restrict b = in[1];
    for (uint32_t i = 0; i < count; i++)
        out[i].number = a[i].key != b[i].key && a[i].key != 0 && b[i].key != 0 ? 1 : 0;
}

static void run_if_key(union value *restrict out, const union value *const *in, uint32_t count)
{
    const union value *restrict a = in[0], *restrict b = in[1], *restrict c = in[2];
    for (uint32_t i = 0; i < count; i++)
        out[i].key = truth(a[i].number) ? b[i].key : c[i].key;
}

static void run_coalesce_key(union value *restrict out, const union value *const *in,
                             uint32_t count)
{
    const union value *restrict a = in[0], *restrict b = in[1];
    for (uint32_t i = 0; i < count; i++)
        out[i].key = a[i].key != 0 ? a[i].key : b[i].key;
}

static void run_is_missing_key(union value *restrict out, const union value *const *in,
                               uint32_t count)
{
    const union value *restrict a = in[0];
    for (uint32_t i = 0; i < count; i++)
        out[i].number = a[i].key == 0 ? 1 : 0;
}

/* Nothing is computed of it but whether it is the same. */
static void run_location(union value *restrict out, const union value *const *in, uint32_t count)
{
    const union value *restrict a = in[0], *restrict b = in[1];
    for (uint32_t i = 0; i < count; i++) {
        bool missing = is_nan(a[i].number) || is_nan(b[i].number);
        uint64_t key = hash_pair(number_word(a[i].number) | 1, number_word(b[i].number) | 1);
        out[i].key = missing ? 0 : key;
    }
}

enum {
    BOOLEAN = 1 << TYPE_BOOLEAN,
    DURATION = 1 << TYPE_DURATION,
    PLAIN = 1 << TYPE_NUMBER | BOOLEAN,
    NUMBER = PLAIN | DURATION,
    TIME = 1 << TYPE_TIME,
    TEXT = 1 << TYPE_TEXT,
    AMOUNT = NUMBER | TIME,         /* what can be ordered */
    CELL = AMOUNT | 1 << TYPE_ENUM, /* what is a number in the column */
    LOCATION = 1 << TYPE_LOCATION,
    FIRST = 1,
    FIRST_TWO = 3,
    LAST_TWO = 6,
    ALL_THREE = 7, /* bits of arguments */
};

static const struct operation operations[] = {
    {"+", {DURATION, DURATION}, .result = GIVES_DURATION, .commutative = true, .run = run_add},
    {"+", {NUMBER, NUMBER}, .result = GIVES_NUMBER, .commutative = true, .run = run_add},
    {"+", {TIME, NUMBER}, .result = GIVES_TIME, .commutative = true, .run = run_add},
    {"+", {NUMBER, TIME}, .result = GIVES_TIME, .commutative = true, .run = run_add},
    {"-", {DURATION, DURATION}, .result = GIVES_DURATION, .run = run_subtract},
    {"-", {NUMBER, NUMBER}, .result = GIVES_NUMBER, .run = run_subtract},
    {"-", {TIME, TIME}, .result = GIVES_DURATION, .run = run_subtract},
    {"-", {TIME, NUMBER}, .result = GIVES_TIME, .run = run_subtract},
    {"-", {DURATION}, .result = GIVES_DURATION, .run = run_negate},
    {"-", {NUMBER}, .result = GIVES_NUMBER, .run = run_negate},
    {"*", {DURATION, PLAIN}, .result = GIVES_DURATION, .commutative = true, .run = run_multiply},
    {"*", {PLAIN, DURATION}, .result = GIVES_DURATION, .commutative = true, .run = run_multiply},
    {"*", {NUMBER, NUMBER}, .result = GIVES_NUMBER, .commutative = true, .run = run_multiply},
    {"/", {DURATION, PLAIN}, .result = GIVES_DURATION, .run = run_divide},
    {"/", {NUMBER, NUMBER}, .result = GIVES_NUMBER, .run = run_divide},
    {"%", {DURATION, DURATION}, .result = GIVES_DURATION, .run = run_remainder},
    {"%", {NUMBER, NUMBER}, .result = GIVES_NUMBER, .run = run_remainder},
    {"<", {AMOUNT, AMOUNT}, FIRST_TWO, GIVES_BOOLEAN, .run = run_less},
    {"<=", {AMOUNT, AMOUNT}, FIRST_TWO, GIVES_BOOLEAN, .run = run_less_equal},
    {"==", {CELL, CELL}, FIRST_TWO, GIVES_BOOLEAN, .commutative = true, .run = run_equal},
    {"==", {TEXT, TEXT}, 0, GIVES_BOOLEAN, .commutative = true, .run = run_equal_key},
    {"!=", {CELL, CELL}, FIRST_TWO, GIVES_BOOLEAN, .commutative = true, .run = run_not_equal},
    {"!=", {TEXT, TEXT}, 0, GIVES_BOOLEAN, .commutative = true, .run = run_not_equal_key},
    {"==", {LOCATION, LOCATION}, 0, GIVES_BOOLEAN, .commutative = true, .run = run_equal_key},
    {"!=", {LOCATION, LOCATION}, 0, GIVES_BOOLEAN, .commutative = true, .run = run_not_equal_key},
    {"in", {CELL}, .result = GIVES_BOOLEAN, .call = call_in_numbers},
    {"in", {TEXT}, .result = GIVES_BOOLEAN, .call = call_in_keys},
    {"in network", {TEXT}, .result = GIVES_BOOLEAN, .reads = FIRST, .call = call_in_networks},
    {"not in", {CELL}, .result = GIVES_BOOLEAN, .call = call_not_in_numbers},
    {"not in", {TEXT}, .result = GIVES_BOOLEAN, .call = call_not_in_keys},
    {"not in network",
     {TEXT},
     .result = GIVES_BOOLEAN,
     .reads = FIRST,
     .call = call_not_in_networks},
    {"and", {BOOLEAN, BOOLEAN}, 0, GIVES_BOOLEAN, .commutative = true, .run = run_and},
    {"or", {BOOLEAN, BOOLEAN}, 0, GIVES_BOOLEAN, .commutative = true, .run = run_or},
    {"not", {BOOLEAN}, .result = GIVES_BOOLEAN, .run = run_not},
    {"abs", {DURATION}, .result = GIVES_DURATION, .run = run_abs},
    {"abs", {NUMBER}, .result = GIVES_NUMBER, .run = run_abs},
    {"sign", {NUMBER}, .result = GIVES_NUMBER, .run = run_sign},
    {"floor", {NUMBER}, .result = GIVES_NUMBER, .run = run_floor},
    {"sqrt", {NUMBER}, .result = GIVES_NUMBER, .run = run_sqrt},
    {"exp", {NUMBER}, .result = GIVES_NUMBER, .run = run_exp},
    {"log", {NUMBER}, .result = GIVES_NUMBER, .run = run_log},
    {"log1p", {NUMBER}, .result = GIVES_NUMBER, .run = run_log1p},
    {"pow", {NUMBER, NUMBER}, .result = GIVES_NUMBER, .run = run_pow},
    {"min", {AMOUNT, AMOUNT}, FIRST_TWO, GIVES_ALIKE, .chains = true, .run = run_min},
    {"max", {AMOUNT, AMOUNT}, FIRST_TWO, GIVES_ALIKE, .chains = true, .run = run_max},
    {"clamp", {AMOUNT, AMOUNT, AMOUNT}, ALL_THREE, GIVES_ALIKE, .run = run_clamp},
    {"local", {TIME}, .result = GIVES_TIME, .call = call_local},
    {"minute", {TIME}, .result = GIVES_NUMBER, .local = true, .run = run_minute},
    {"hour", {TIME}, .result = GIVES_NUMBER, .local = true, .run = run_hour},
    {"weekday", {TIME}, .result = GIVES_NUMBER, .local = true, .run = run_weekday},
    {"day", {TIME}, .result = GIVES_NUMBER, .local = true, .run = run_day},
    {"day_of_year", {TIME}, .result = GIVES_NUMBER, .local = true, .run = run_day_of_year},
    {"month", {TIME}, .result = GIVES_NUMBER, .local = true, .run = run_month},
    {"year", {TIME}, .result = GIVES_NUMBER, .local = true, .run = run_year},
    {"is_weekend", {TIME}, .result = GIVES_BOOLEAN, .local = true, .run = run_is_weekend},
    {"lower", {TEXT}, .result = GIVES_TEXT, .reads = FIRST, .makes_text = true, .call = call_lower},
    {"domain",
     {TEXT},
     .result = GIVES_TEXT,
     .reads = FIRST,
     .makes_text = true,
     .call = call_domain},
    {"prefix", {TEXT, TEXT}, .result = GIVES_BOOLEAN, .reads = FIRST_TWO, .call = call_prefix},
    {"suffix", {TEXT, TEXT}, .result = GIVES_BOOLEAN, .reads = FIRST_TWO, .call = call_suffix},
    {"contains", {TEXT, TEXT}, .result = GIVES_BOOLEAN, .reads = FIRST_TWO, .call = call_contains},
    {"matches", {TEXT}, .result = GIVES_BOOLEAN, .reads = FIRST, .call = call_matches},
    {"length", {TEXT}, .result = GIVES_NUMBER, .reads = FIRST, .call = call_length},
    {"location", {PLAIN, PLAIN}, .result = GIVES_LOCATION, .run = run_location},
    {"if", {BOOLEAN, CELL, CELL}, LAST_TWO, GIVES_ALIKE, .run = run_if},
    {"if",
     {BOOLEAN, TEXT, TEXT},
     LAST_TWO,
     GIVES_ALIKE,
     .passes = LAST_TWO,
     .run = run_if_key,
     .call = call_if_text},
    {"coalesce", {CELL, CELL}, FIRST_TWO, GIVES_ALIKE, .chains = true, .run = run_coalesce},
    {"coalesce",
     {TEXT, TEXT},
     FIRST_TWO,
     GIVES_ALIKE,
     .chains = true,
     .passes = FIRST_TWO,
     .run = run_coalesce_key,
     .call = call_coalesce_text},
    {"is_missing", {CELL}, .result = GIVES_BOOLEAN, .run = run_is_missing},
    {"is_missing", {TEXT | LOCATION}, .result = GIVES_BOOLEAN, .run = run_is_missing_key},
};

enum { OPERATIONS = sizeof operations / sizeof *operations };

uint32_t operation_inputs(const struct operation *operation)
{
    uint32_t count = 0;
    while (count < PROGRAM_INPUTS_MAX && operation->takes[count])
        count++;
    return count;
}

static bool same_choices(const struct field *a, const struct field *b)
{
    if (a == b)
        return a != NULL;
    if (!a || !b || a->choice_count != b->choice_count)
        return false;
    for (uint32_t i = 0; i < a->choice_count; i++)
        if (strcmp(a->choices[i], b->choices[i]) != 0)
            return false;
    return true;
}

/* Makes one type of two; false if there is none. */
static bool unite(struct operation_argument *a, const struct operation_argument *b)
{
    if (a->type == TYPE_ENUM && b->type == TYPE_ENUM)
        return same_choices(a->field, b->field);
    bool numbers = (NUMBER >> a->type & 1) && (NUMBER >> b->type & 1);
    if (numbers && a->type != b->type)
        a->type = TYPE_NUMBER;
    return numbers || a->type == b->type;
}

/* Do the types fit the row?  Fills the one type of those that must be alike. */
static bool fits(const struct operation *operation, uint32_t count,
                 const struct operation_argument *argument, struct operation_argument *alike)
{
    if (operation_inputs(operation) != count)
        return false;
    bool first = true;
    for (uint32_t i = 0; i < count; i++) {
        if (!(operation->takes[i] >> argument[i].type & 1))
            return false;
        if (!(operation->alike >> i & 1))
            continue;
        if (first)
            *alike = argument[i];
        else if (!unite(alike, &argument[i]))
            return false;
        first = false;
    }
    return true;
}

const struct operation *operation_find(const char *name, uint32_t count,
                                       const struct operation_argument *argument,
                                       struct operation_argument *result)
{
    static const enum value_type given[] = {
        [GIVES_NUMBER] = TYPE_NUMBER, [GIVES_BOOLEAN] = TYPE_BOOLEAN,
        [GIVES_TIME] = TYPE_TIME,     [GIVES_DURATION] = TYPE_DURATION,
        [GIVES_TEXT] = TYPE_TEXT,     [GIVES_LOCATION] = TYPE_LOCATION};
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        const struct operation *operation = &operations[i];
        if (strcmp(operation->name, name) != 0 || !fits(operation, count, argument, result))
            continue;
        if (operation->result != GIVES_ALIKE)
            *result = (struct operation_argument){.type = given[operation->result]};
        return operation;
    }
    return NULL;
}

uint32_t operation_takes(const char *name, uint32_t count, uint32_t argument)
{
    uint32_t types = 0;
    for (uint32_t i = 0; i < OPERATIONS; i++)
        if (strcmp(operations[i].name, name) == 0 && operation_inputs(&operations[i]) == count)
            types |= operations[i].takes[argument];
    return types;
}

bool operation_arity(const char *name, uint32_t *least, uint32_t *most)
{
    *least = UINT32_MAX;
    *most = 0;
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        if (strcmp(operations[i].name, name) != 0)
            continue;
        uint32_t count = operation_inputs(&operations[i]);
        uint32_t highest = operations[i].chains ? SYNTAX_ARGUMENTS_MAX : count;
        *least = count < *least ? count : *least;
        *most = highest > *most ? highest : *most;
    }
    return *most > 0;
}

bool operation_is_local(const char *name)
{
    for (uint32_t i = 0; i < OPERATIONS; i++)
        if (strcmp(operations[i].name, name) == 0)
            return operations[i].local;
    return false;
}

bool operation_chains(const char *name)
{
    for (uint32_t i = 0; i < OPERATIONS; i++)
        if (strcmp(operations[i].name, name) == 0)
            return operations[i].chains;
    return false;
}

const char *value_type_name(enum value_type type)
{
    static const char *const name[VALUE_TYPES] = {
        [TYPE_NUMBER] = "a number",     [TYPE_BOOLEAN] = "a boolean",
        [TYPE_TIME] = "a time",         [TYPE_TEXT] = "a text",
        [TYPE_ENUM] = "an enum",        [TYPE_DURATION] = "a duration",
        [TYPE_LOCATION] = "a location",
    };
    return name[type];
}
