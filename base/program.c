/* The graph of values, its run order and running it; see program.h.
 *
 * Equal values are one (hash-consing; Ershov, "On programming of arithmetic operations", 1958): a
 * new value is looked up by its fingerprint, which is made of the operation's name and the
 * fingerprints of its inputs. Inputs of commutative operations are put in the order of their
 * fingerprints first. */
#include "base/program.h"
#include "base/assert.h"
#include "base/operation.h"
#include <stdlib.h>
#include <string.h>

void program_init(struct program *program, struct hash_key key)
{
    memset(program, 0, sizeof *program);
    program->key = key;
}

void program_close(struct program *program)
{
    for (uint32_t i = 0; i < program->resource_count; i++)
        program->resource[i].close(program->resource[i].what);
    free(program->literals);
    program->resource_count = program->literals_size = 0;
    program->literals = NULL;
}

bool program_keep(struct program *program, void *what, void (*close)(void *what))
{
    if (program->resource_count == PROGRAM_VALUES_MAX) {
        close(what);
        return false;
    }
    program->resource[program->resource_count++] = (struct program_resource){what, close};
    return true;
}

/* What a fingerprint is made of; no padding, since all of it is hashed. */
struct meaning {
    char name[SCHEMA_NAME_MAX];
    uint64_t part[PROGRAM_INPUTS_MAX + 1]; /* of the inputs, and what there is besides */
};

static uint64_t meaning_fingerprint(const char *name, const uint64_t *part, uint32_t count)
{
    struct meaning meaning;
    memset(&meaning, 0, sizeof meaning);
    size_t size = strlen(name);
    ASSERT(size < sizeof meaning.name && count <= PROGRAM_INPUTS_MAX + 1);
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
    struct program_value value = {
        .type = type, .level = level, .text_slot = SLOT_NONE, .fingerprint = fingerprint};
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
        .text_slot = SLOT_NONE,
        .literal = literal,
        .field = field,
        .fingerprint = fingerprint,
    };
    return share_value(program, &value);
}

/* 1h means what 3600 means: where both may stand they make no difference. */
static uint32_t add_number(struct program *program, enum value_type type, double number)
{
    union value literal = {.number = isfinite(number) ? number : MISSING};
    uint64_t part[] = {(uint64_t)(type == TYPE_DURATION ? TYPE_NUMBER : type), literal.key};
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

uint32_t program_add_duration(struct program *program, double seconds)
{
    return add_number(program, TYPE_DURATION, seconds);
}

/* Keeps a constant's bytes, which operations may look at. */
static uint32_t add_text(struct program *program, uint64_t key, const char *text, size_t size,
                         uint64_t fingerprint)
{
    ASSERT(size < SYNTAX_TEXT_MAX);
    uint32_t before = program->value_count;
    uint32_t value = add_constant(program, TYPE_TEXT, (union value){.key = key}, NULL, fingerprint);
    if (program->value_count == before)
        return value;
    uint32_t used = program->literals_size;
    program->literals = realloc(program->literals, used + size + 1);
    ASSERT(program->literals && used + size <= BATCH_LITERALS_MAX);
    memcpy(program->literals + used, text, size);
    program->literals_size += (uint32_t)size;
    program->value[value].literal_text = (struct span){used, (uint32_t)size};
    return value;
}

/* The fingerprint is of the text itself: the key may change without changing what is meant. */
uint32_t program_add_text(struct program *program, const char *text, size_t size)
{
    uint64_t part[] = {hash_fingerprint(text, size)};
    return add_text(program, hash_bytes(program->key, text, size), text, size,
                    meaning_fingerprint("text", part, 1));
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

/* A batch of one row, as far as an operation sees it. */
struct folding {
    union value literal;
    struct span text, in_text[PROGRAM_INPUTS_MAX];
    char bytes[(PROGRAM_INPUTS_MAX + 1) * SYNTAX_TEXT_MAX];
};

static void fold_call(const struct program *program, const struct program_value *value,
                      const union value *const *in, struct folding *folding)
{
    struct operation_call call = {
        .out = &folding->literal,
        .in = in,
        .count = 1,
        .out_text = &folding->text,
        .bytes = folding->bytes,
        .layer = PROGRAM_INPUTS_MAX * SYNTAX_TEXT_MAX,
        .key = program->key,
        .with = value->with,
    };
    for (uint32_t i = 0; i < value->input_count; i++) {
        struct span text = program->value[value->input[i]].literal_text;
        call.in_text[i] = &folding->in_text[i];
        folding->in_text[i] = (struct span){i * SYNTAX_TEXT_MAX, text.size};
        if (text.size)
            memcpy(folding->bytes + i * SYNTAX_TEXT_MAX, program->literals + text.offset,
                   text.size);
    }
    value->operation->call(&call);
}

/* Computes a value of constants now.  It means what its inputs mean, not only its number: an enum's
 * choice would lose its name otherwise. */
static uint32_t fold(struct program *program, const struct program_value *value)
{
    struct folding folding = {.literal = {0}};
    const union value *in[PROGRAM_INPUTS_MAX] = {NULL};
    for (uint32_t i = 0; i < value->input_count; i++)
        in[i] = &program->value[value->input[i]].literal;
    if (value->operation->call)
        fold_call(program, value, in, &folding);
    else
        value->operation->run(&folding.literal, in, 1);
    if (value->type == TYPE_TEXT)
        return add_text(program, folding.literal.key, folding.bytes + folding.text.offset,
                        folding.text.size, value->fingerprint);
    if (value->type == TYPE_ENUM || value->type == TYPE_LOCATION)
        return add_constant(program, value->type, folding.literal, value->field,
                            value->fingerprint);
    return add_number(program, value->type, folding.literal.number);
}

/* Fills what follows from the inputs.  In another order they may have another row of the same name:
 * time + 1 and 1 + time become one. */
static void derive(const struct program *program, struct program_value *value, const char *name,
                   uint64_t print)
{
    struct operation_argument argument[PROGRAM_INPUTS_MAX], result;
    uint64_t part[PROGRAM_INPUTS_MAX + 1];
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
    part[value->input_count] = print;
    value->fingerprint = meaning_fingerprint(name, part, value->input_count + (print != 0));
}

bool program_has_bytes(const struct program *program, uint32_t index)
{
    const struct program_value *value = &program->value[index];
    if (value->type != TYPE_TEXT)
        return false;
    return value->constant || value->text_slot != SLOT_NONE || value->passes_bytes;
}

/* Do all that it passes on have bytes?  Asked once, when it is made. */
static bool passes_bytes(const struct program *program, const struct program_value *value)
{
    bool has = value->operation->passes;
    for (uint32_t i = 0; has && i < value->input_count; i++)
        if (value->operation->passes >> i & 1)
            has = program_has_bytes(program, value->input[i]);
    return has;
}

/* Somebody reads the bytes: they get a place.  Those that pass through others come from there. */
static void want_bytes(struct program *program, uint32_t index)
{
    struct program_value *value = &program->value[index];
    if (value->text_slot != SLOT_NONE)
        return;
    ASSERT(value->constant || (value->operation && value->operation->passes));
    for (uint32_t i = 0; i < value->input_count; i++)
        if (value->operation->passes >> i & 1)
            want_bytes(program, value->input[i]);
    value->text_slot = program->text_count++;
}

static void claim_bytes(struct program *program, uint32_t index)
{
    struct program_value *value = &program->value[index];
    for (uint32_t i = 0; i < value->input_count; i++)
        if (value->operation->reads >> i & 1)
            want_bytes(program, value->input[i]);
    if (!value->operation->makes_text)
        return;
    value->text_slot = program->text_count++;
    value->layer = ++program->layer_count;
}

uint32_t program_add(struct program *program, const struct operation *operation,
                     const uint32_t *input)
{
    return program_add_with(program, operation, input, NULL, 0);
}

uint32_t program_add_with(struct program *program, const struct operation *operation,
                          const uint32_t *input, const void *with, uint64_t print)
{
    struct program_value value = {
        .input_count = operation_inputs(operation), .text_slot = SLOT_NONE, .with = with};
    memcpy(value.input, input, value.input_count * sizeof *input);
    if (operation->commutative)
        order_inputs(program, value.input);
    derive(program, &value, operation->name, print);
    if (value.constant)
        return fold(program, &value);
    value.passes_bytes = passes_bytes(program, &value);
    uint32_t before = program->value_count, result = share_value(program, &value);
    if (result == before)
        claim_bytes(program, result);
    return result;
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

static struct span *spans_of(const struct batch *batch, const struct program_value *value,
                             uint32_t from)
{
    return value->text_slot == SLOT_NONE ? NULL : batch_texts(batch, value->text_slot) + from;
}

static void prepare_text(const struct batch *batch, const struct program_value *value)
{
    struct span *span = spans_of(batch, value, 0);
    for (uint32_t row = 0; span && row < BATCH_RECORDS_MAX; row++)
        span[row] =
            (struct span){BATCH_BYTES_MAX + value->literal_text.offset, value->literal_text.size};
}

void program_prepare(const struct program *program, const struct batch *batch)
{
    ASSERT(program->value_count <= batch->column_count && program->text_count <= batch->text_count);
    for (uint32_t i = 0; i < program->value_count; i++) {
        if (!program->value[i].constant)
            continue;
        union value *column = batch_column(batch, i);
        for (uint32_t row = 0; row < BATCH_STRIDE; row++)
            column[row] = program->value[i].literal;
        prepare_text(batch, &program->value[i]);
    }
    if (program->literals_size)
        memcpy(batch->bytes + BATCH_BYTES_MAX, program->literals, program->literals_size);
}

/* For what needs more than columns. */
static void call_value(const struct program *program, const struct program_value *value,
                       const struct batch *batch, union value *out, const union value *const *in,
                       uint32_t from, uint32_t to)
{
    struct operation_call call = {
        .out = out,
        .in = in,
        .count = to - from,
        .out_text = spans_of(batch, value, from),
        .bytes = batch->bytes,
        .layer = value->layer * (uint32_t)BATCH_LAYER_BYTES,
        .key = program->key,
        .with = value->with,
    };
    for (uint32_t i = 0; i < value->input_count; i++)
        call.in_text[i] = spans_of(batch, &program->value[value->input[i]], from);
    value->operation->call(&call);
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
        union value *out = batch_column(batch, program->order[i]) + from;
        if (value->operation->run && value->text_slot == SLOT_NONE)
            value->operation->run(out, in, to - from);
        else
            call_value(program, value, batch, out, in, from, to);
    }
}

void program_run_scored(const struct program *program, const struct batch *batch, uint32_t from,
                        uint32_t to)
{
    program_run(program, PROGRAM_SCORE_LEVEL, batch, from, to);
}
