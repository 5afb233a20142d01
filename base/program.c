/* The graph of values, its run order and running it; see program.h.
 *
 * Equal values are one (hash-consing; Ershov, "On programming of arithmetic operations", 1958): a
 * new value is looked up by its fingerprint, which is made of the operation's name and the
 * fingerprints of its inputs. Inputs of commutative operations are put in the order of their
 * fingerprints first. */
#include "base/program.h"
#include "base/assert.h"
#include "base/operation.h"
#include <string.h>

void program_init(struct program *program, struct hash_key key)
{
    memset(program, 0, sizeof *program);
    program->key = key;
}

/* What a fingerprint is made of; no padding, since all of it is hashed. */
struct meaning {
    char name[SCHEMA_NAME_MAX];
    uint64_t part[PROGRAM_INPUTS_MAX];
};

static uint64_t meaning_fingerprint(const char *name, const uint64_t *part, uint32_t count)
{
    struct meaning meaning;
    memset(&meaning, 0, sizeof meaning);
    size_t size = strlen(name);
    ASSERT(size < sizeof meaning.name && count <= PROGRAM_INPUTS_MAX);
    memcpy(meaning.name, name, size);
    memcpy(meaning.part, part, count * sizeof *part);
    return hash_fingerprint(&meaning, sizeof meaning);
}

static uint32_t add_value(struct program *program, const struct program_value *value)
{
    if (program->value_count == PROGRAM_VALUES_MAX)
        return VALUE_NONE;
    program->value[program->value_count] = *value;
    return program->value_count++;
}

uint32_t program_add_external(struct program *program, enum value_type type, uint8_t level,
                              uint64_t fingerprint)
{
    ASSERT(level <= PROGRAM_SCORE_LEVEL);
    struct program_value value = {.type = type, .level = level, .fingerprint = fingerprint};
    return add_value(program, &value);
}

static bool same_value(const struct program_value *a, const struct program_value *b)
{
    return a->fingerprint == b->fingerprint && a->operation == b->operation && a->type == b->type &&
           a->constant == b->constant && a->literal.key == b->literal.key &&
           memcmp(a->input, b->input, sizeof a->input) == 0;
}

/* The value that is there already, or a new one. */
static uint32_t share_value(struct program *program, const struct program_value *value)
{
    for (uint32_t i = 0; i < program->value_count; i++) {
        const struct program_value *known = &program->value[i];
        bool computed = known->operation || known->constant;
        if (computed && same_value(known, value))
            return i;
    }
    return add_value(program, value);
}

static uint32_t add_constant(struct program *program, enum value_type type, union value literal,
                             const struct field *field, uint64_t fingerprint)
{
    struct program_value value = {
        .type = type,
        .constant = true,
        .literal = literal,
        .field = field,
        .fingerprint = fingerprint,
    };
    return share_value(program, &value);
}

static uint32_t add_number(struct program *program, enum value_type type, double number)
{
    union value literal = {.number = isfinite(number) ? number : MISSING};
    uint64_t part[] = {(uint64_t)type, literal.key};
    return add_constant(program, type, literal, NULL, meaning_fingerprint("number", part, 2));
}

uint32_t program_add_number(struct program *program, double number)
{
    return add_number(program, TYPE_NUMBER, number);
}

uint32_t program_add_boolean(struct program *program, bool truth)
{
    return add_number(program, TYPE_BOOLEAN, truth);
}

uint32_t program_add_time(struct program *program, double seconds)
{
    return add_number(program, TYPE_TIME, seconds);
}

/* The fingerprint is of the text itself: the key may change without changing what is meant. */
uint32_t program_add_text(struct program *program, const char *text)
{
    union value literal = {.key = hash_bytes(program->key, text, strlen(text))};
    uint64_t part[] = {hash_fingerprint(text, strlen(text))};
    return add_constant(program, TYPE_TEXT, literal, NULL, meaning_fingerprint("text", part, 1));
}

uint32_t program_add_choice(struct program *program, const struct field *field, uint32_t choice)
{
    ASSERT(choice < field->choice_count);
    const char *name = field->choices[choice];
    union value literal = {.number = choice};
    uint64_t part[] = {hash_fingerprint(name, strlen(name))};
    return add_constant(program, TYPE_ENUM, literal, field, meaning_fingerprint("choice", part, 1));
}

static bool comes_after(const struct program *program, uint32_t a, uint32_t b)
{
    uint64_t first = program->value[a].fingerprint, second = program->value[b].fingerprint;
    return first > second || (first == second && a > b);
}

static void order_inputs(const struct program *program, uint32_t *input)
{
    if (!comes_after(program, input[0], input[1]))
        return;
    uint32_t first = input[0];
    input[0] = input[1];
    input[1] = first;
}

/* Computes a value of constants now.  It means what its inputs mean, not only its number: an enum's
 * choice would lose its name otherwise. */
static uint32_t fold(struct program *program, const struct program_value *value)
{
    const union value *in[PROGRAM_INPUTS_MAX] = {NULL};
    for (uint32_t i = 0; i < value->input_count; i++)
        in[i] = &program->value[value->input[i]].literal;
    union value literal;
    value->operation->run(&literal, in, 1);
    if (value->type == TYPE_TEXT || value->type == TYPE_ENUM)
        return add_constant(program, value->type, literal, value->field, value->fingerprint);
    return add_number(program, value->type, literal.number);
}

/* Fills what follows from the inputs.  In another order they may have another row of the same name:
 * time + 1 and 1 + time become one. */
static void derive(const struct program *program, struct program_value *value, const char *name)
{
    struct operation_argument argument[PROGRAM_INPUTS_MAX], result;
    uint64_t part[PROGRAM_INPUTS_MAX];
    value->constant = true;
    for (uint32_t i = 0; i < value->input_count; i++) {
        const struct program_value *from = &program->value[value->input[i]];
        argument[i] = (struct operation_argument){from->type, from->field};
        part[i] = from->fingerprint;
        value->constant &= from->constant;
        value->level = from->level > value->level ? from->level : value->level;
    }
    value->operation = operation_find(name, value->input_count, argument, &result);
    ASSERT(value->operation);
    value->type = result.type;
    value->field = result.field;
    value->fingerprint = meaning_fingerprint(name, part, value->input_count);
}

uint32_t program_add(struct program *program, const struct operation *operation,
                     const uint32_t *input)
{
    struct program_value value = {.input_count = operation_inputs(operation)};
    memcpy(value.input, input, value.input_count * sizeof *input);
    if (operation->commutative)
        order_inputs(program, value.input);
    derive(program, &value, operation->name);
    return value.constant ? fold(program, &value) : share_value(program, &value);
}

/* Inputs have smaller indices than what is computed of them, so index order within a level will do.
 */
void program_finish(struct program *program)
{
    program->order_count = 0;
    for (uint32_t level = 0; level <= PROGRAM_SCORE_LEVEL; level++) {
        program->level_start[level] = program->order_count;
        for (uint32_t i = 0; i < program->value_count; i++)
            if (program->value[i].operation && program->value[i].level == level)
                program->order[program->order_count++] = i;
    }
    for (uint32_t level = PROGRAM_SCORE_LEVEL + 1; level < PROGRAM_SCORE_LEVEL + 3; level++)
        program->level_start[level] = program->order_count;
}

void program_prepare(const struct program *program, const struct batch *batch)
{
    ASSERT(program->value_count <= batch->column_count);
    for (uint32_t i = 0; i < program->value_count; i++) {
        if (!program->value[i].constant)
            continue;
        union value *column = batch_column(batch, i);
        for (uint32_t row = 0; row < BATCH_STRIDE; row++)
            column[row] = program->value[i].literal;
    }
}

void program_run(const struct program *program, uint32_t level, const struct batch *batch,
                 uint32_t from, uint32_t to)
{
    ASSERT(level <= PROGRAM_SCORE_LEVEL && from <= to && to <= BATCH_RECORDS_MAX);
    uint32_t end = program->level_start[level + 1];
    for (uint32_t i = program->level_start[level]; i < end; i++) {
        const struct program_value *value = &program->value[program->order[i]];
        const union value *in[PROGRAM_INPUTS_MAX];
        for (uint32_t k = 0; k < PROGRAM_INPUTS_MAX; k++)
            in[k] = batch_column(batch, value->input[k]) + from;
        value->operation->run(batch_column(batch, program->order[i]) + from, in, to - from);
    }
}

void program_run_scored(const struct program *program, const struct batch *batch, uint32_t from,
                        uint32_t to)
{
    program_run(program, PROGRAM_SCORE_LEVEL, batch, from, to);
}
