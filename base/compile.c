/* From syntax to values: names resolved, types checked, literals read as what they stand beside.
 * The recursion is bounded by the syntax tree, which is (syntax.h). */
#include "base/assert.h"
#include "base/buffer.h"
#include "base/calendar.h"
#include "base/compiler.h"
#include "base/pattern.h"
#include "base/suggest.h"
#include "base/zones.h"
#include <stdio.h>
#include <string.h>

static const struct syntax_node *node_at(const struct compiler *compiler, uint32_t index)
{
    ASSERT(index < compiler->syntax->count);
    return &compiler->syntax->node[index];
}

uint32_t added(const struct compiler *compiler, const struct syntax_node *node, uint32_t value)
{
    if (value != VALUE_NONE)
        return value;
    return fail(compiler, node->column, "all formulas together have more than %d parts",
                PROGRAM_VALUES_MAX);
}

static uint32_t compile_name(const struct compiler *compiler, const struct syntax_node *node)
{
    const struct program_resolver *resolver = compiler->resolver;
    uint32_t value = VALUE_NONE;
    compiler->error->column = node->column;
    if (resolver->name)
        value = resolver->name(resolver->self, node, compiler->error);
    else
        syntax_fail(compiler->error, node->column, "unknown name '%s'", node->name);
    ASSERT(value == VALUE_NONE || value < compiler->program->value_count);
    const struct program_function *function = function_find(node->name);
    if (value == VALUE_NONE && function)
        return fail(compiler, node->column, "'%s' is a function: call it as %s", node->name,
                    function->signature);
    return value;
}

static uint32_t unknown_call(const struct compiler *compiler, const struct syntax_node *node)
{
    const char *best = NULL;
    size_t distance = 0;
    program_suggest(node->name, &best, &distance);
    if (best && strcmp(best, node->name) != 0)
        return fail(compiler, node->column, "unknown function '%s'; did you mean '%s'?", node->name,
                    best);
    return fail(compiler, node->column, "unknown function '%s'", node->name);
}

static uint32_t compile_window(const struct compiler *compiler, const struct syntax_node *node)
{
    const struct program_resolver *resolver = compiler->resolver;
    bool is_aggregate = strcmp(node->name, "min") == 0 || strcmp(node->name, "max") == 0;
    if (function_find(node->name) && !is_aggregate)
        return fail(compiler, node->column,
                    "'%s' is a function, not a window: it takes no by, over, delay, where or "
                    "before; a condition that ends with it needs parentheses",
                    node->name);
    if (!resolver->window)
        return node->has_window ? fail(compiler, node->column, "no windows can be used here")
                                : unknown_call(compiler, node);
    compiler->error->column = node->column;
    uint32_t value = resolver->window(resolver->self, compiler->syntax, node, compiler->error);
    ASSERT(value == VALUE_NONE || value < compiler->program->value_count);
    return value;
}

static uint32_t compile_time(const struct compiler *compiler, const struct syntax_node *node)
{
    int64_t time_ms;
    if (!calendar_parse(node->text, node->text_size, &time_ms))
        return fail(compiler, node->column,
                    "'%s' is no time: it stands beside one and must look like '2018-05-01' or "
                    "'2018-05-01T12:30:00Z'",
                    node->name);
    return added(compiler, node, program_add_time(compiler->program, (double)time_ms / SECOND_MS));
}

/* "approved, declined, ...", as many as there is room for. */
static void show_choices(const struct field *field, struct buffer *shown)
{
    for (uint32_t i = 0; i < field->choice_count; i++) {
        if (shown->size + strlen(field->choices[i]) + sizeof ", , ..." > shown->capacity) {
            buffer_text(shown, ", ...");
            break;
        }
        buffer_text(shown, i ? ", " : "");
        buffer_text(shown, field->choices[i]);
    }
    buffer_bytes(shown, "", 1);
}

static uint32_t unknown_choice(const struct compiler *compiler, const struct syntax_node *node,
                               const struct field *field, const char *nearest)
{
    if (nearest)
        return fail(compiler, node->column, "'%s' is none of the choices of %s; did you mean '%s'?",
                    node->name, field->name, nearest);
    char bytes[128];
    struct buffer shown;
    buffer_init(&shown, bytes, sizeof bytes);
    show_choices(field, &shown);
    return fail(compiler, node->column, "'%s' is none of the choices of %s: %s", node->name,
                field->name, bytes);
}

static uint32_t compile_choice(const struct compiler *compiler, const struct syntax_node *node,
                               const struct field *field)
{
    if (!field)
        return fail(compiler, node->column, "the choices of what stands beside '%s' are unknown",
                    node->name);
    const char *nearest = NULL;
    size_t distance = 0;
    for (uint32_t i = 0; i < field->choice_count; i++) {
        if (strlen(field->choices[i]) == node->text_size &&
            memcmp(field->choices[i], node->text, node->text_size) == 0)
            return added(compiler, node, program_add_choice(compiler->program, field, i));
        suggest_offer(node->name, field->choices[i], &nearest, &distance);
    }
    return unknown_choice(compiler, node, field, nearest);
}

uint32_t compile_text(const struct compiler *compiler, const struct syntax_node *node,
                      const struct operation_argument *beside)
{
    if (beside && beside->type == TYPE_TIME)
        return compile_time(compiler, node);
    if (beside && beside->type == TYPE_ENUM)
        return compile_choice(compiler, node, beside->field);
    return added(compiler, node, program_add_text(compiler->program, node->text, node->text_size));
}

/* What an operation is given, whatever its syntax. */
struct operands {
    const char *name, *written; /* of the operation; a > b is b < a */
    const struct syntax_node *node;
    bool swapped;
    uint32_t count;
    uint32_t argument[SYNTAX_ARGUMENTS_MAX]; /* nodes */
    uint32_t value[SYNTAX_ARGUMENTS_MAX];
    struct operation_argument type[SYNTAX_ARGUMENTS_MAX];
};

static bool set_operand(const struct compiler *compiler, struct operands *operands, uint32_t i,
                        uint32_t value)
{
    operands->value[i] = value;
    if (value == VALUE_NONE)
        return false;
    const struct program_value *known = &compiler->program->value[value];
    operands->type[i] = (struct operation_argument){known->type, known->field};
    return true;
}

/* Text literals come last, when it is known what they stand beside. */
static bool compile_operands(const struct compiler *compiler, struct operands *operands)
{
    const struct operation_argument *beside = NULL;
    for (uint32_t i = 0; i < operands->count; i++) {
        if (node_at(compiler, operands->argument[i])->kind == SYNTAX_TEXT)
            continue;
        if (!set_operand(compiler, operands, i, compile(compiler, operands->argument[i])))
            return false;
        enum value_type type = operands->type[i].type;
        if (!beside && (type == TYPE_TIME || type == TYPE_ENUM))
            beside = &operands->type[i];
    }
    for (uint32_t i = 0; i < operands->count; i++) {
        const struct syntax_node *node = node_at(compiler, operands->argument[i]);
        if (node->kind == SYNTAX_TEXT &&
            !set_operand(compiler, operands, i, compile_text(compiler, node, beside)))
            return false;
    }
    return true;
}

/* "a number or a time". */
static void show_types(uint32_t types, char *shown, size_t size)
{
    if (types >> TYPE_NUMBER & 1)
        types &= ~(1U << TYPE_BOOLEAN | 1U << TYPE_DURATION); /* goes without saying */
    shown[0] = '\0';
    for (uint32_t type = TYPE_NUMBER; type < VALUE_TYPES; type++) {
        size_t used = strlen(shown);
        if (types >> type & 1)
            snprintf(shown + used, size - used, "%s%s", used ? " or " : "",
                     value_type_name((enum value_type)type));
    }
}

/* Says which operand no row takes, or that they do not go together. */
static uint32_t fail_types(const struct compiler *compiler, const struct operands *operands)
{
    char wanted[96];
    for (uint32_t i = 0; i < operands->count; i++) {
        uint32_t types = operation_takes(operands->name, operands->count, i);
        if (types >> operands->type[i].type & 1)
            continue;
        show_types(types, wanted, sizeof wanted);
        return fail(compiler, node_at(compiler, operands->argument[i])->column,
                    "'%s' takes %s here, not %s", operands->written, wanted,
                    value_type_name(operands->type[i].type));
    }
    uint32_t last = operands->count - 1, column = operands->node->column;
    const struct operation_argument *left = &operands->type[last ? last - 1 : 0];
    const struct operation_argument *right = &operands->type[last];
    if (last == 0)
        return fail(compiler, column, "'%s' does not go with %s", operands->written,
                    value_type_name(right->type));
    if (left->type == TYPE_ENUM && right->type == TYPE_ENUM)
        return fail(compiler, column, "'%s' needs enums that have the same choices",
                    operands->written);
    return fail(compiler, column, "'%s' does not go with %s and %s", operands->written,
                value_type_name(left->type), value_type_name(right->type));
}

bool bytes_check(const struct compiler *compiler, uint32_t value, uint32_t column, const char *what)
{
    if (program_has_bytes(compiler->program, value))
        return true;
    return syntax_fail(compiler->error, column,
                       "'%s' looks at the characters of a text, and of this one only a hash is "
                       "kept: it comes out of a window",
                       what);
}

static bool operands_have_bytes(const struct compiler *compiler, const struct operands *operands,
                                const struct operation *operation)
{
    for (uint32_t i = 0; i < operands->count; i++)
        if (operation->reads >> i & 1 &&
            !bytes_check(compiler, operands->value[i],
                         node_at(compiler, operands->argument[i])->column, operands->written))
            return false;
    return true;
}

static uint32_t compile_step(const struct compiler *compiler, const struct operands *operands)
{
    struct operation_argument result;
    const struct operation *operation =
        operation_find(operands->name, operands->count, operands->type, &result);
    if (!operation)
        return fail_types(compiler, operands);
    if (!operands_have_bytes(compiler, operands, operation))
        return VALUE_NONE;
    const uint32_t *value = operands->value, swapped[] = {value[1], value[0]};
    return added(compiler, operands->node,
                 program_add(compiler->program, operation, operands->swapped ? swapped : value));
}

/* f(a, b, c) is f(f(a, b), c) where f chains. */
static uint32_t compile_operation(const struct compiler *compiler, struct operands *operands)
{
    if (!compile_operands(compiler, operands))
        return VALUE_NONE;
    if (!operation_chains(operands->name))
        return compile_step(compiler, operands);
    struct operands pair = *operands;
    pair.count = 2;
    for (uint32_t i = 1; i < operands->count; i++) {
        pair.argument[1] = operands->argument[i];
        set_operand(compiler, &pair, 1, operands->value[i]);
        if (!set_operand(compiler, &pair, 0, compile_step(compiler, &pair)))
            return VALUE_NONE;
    }
    return pair.value[0];
}

static uint32_t wrong_count(const struct compiler *compiler, const struct syntax_node *node,
                            const struct program_function *function, uint32_t wanted)
{
    return fail(compiler, node->column, "%s takes %u %s, found %u", function->signature, wanted,
                wanted == 1 ? "value" : "values", node->argument_count);
}

/* ---- functions that take more than values ---- */

static void close_zone(void *zone)
{
    zone_close(zone);
}

/* One that the program has already, or a new one. */
static const struct zone *find_zone(const struct compiler *compiler, const struct syntax_node *node)
{
    struct program *program = compiler->program;
    struct failure failure;
    if (program->zones) {
        const struct zone *found = zones_find(program->zones, node->name, &failure);
        if (!found)
            syntax_fail(compiler->error, node->column, "%.200s", failure.text);
        return found;
    }
    for (uint32_t i = 0; i < program->resource_count; i++) {
        const struct zone *known = program->resource[i].what;
        if (program->resource[i].close == close_zone && strcmp(known->name, node->name) == 0)
            return known;
    }
    struct zone *zone = zone_open(node->name, &failure);
    if (!zone)
        syntax_fail(compiler->error, node->column, "%.200s", failure.text);
    else if (program_keep(program, zone, close_zone))
        return zone;
    else
        added(compiler, node, VALUE_NONE);
    return NULL;
}

/* A zone whose clocks show what those of UTC show needs no reckoning. */
static uint32_t shift_time(const struct compiler *compiler, const struct syntax_node *node,
                           uint32_t time, const struct zone *zone)
{
    if (!zone || (zone->count == 1 && zone->offset_ms[0] == 0))
        return time;
    const struct operation_argument argument = {.type = TYPE_TIME};
    struct operation_argument result;
    const struct operation *local = operation_find("local", 1, &argument, &result);
    return added(compiler, node,
                 program_add_with(compiler->program, local, &time, zone, zone->fingerprint | 1));
}

/* hour(time) and hour(time, 'Europe/Berlin'): the hour of the time as clocks there show it. */
static uint32_t compile_local(const struct compiler *compiler, const struct syntax_node *node,
                              const struct program_function *function)
{
    struct operands operands = {
        .name = node->name, .written = node->name, .node = node, .count = 1};
    const struct zone *zone = compiler->program->zone;
    memcpy(operands.argument, node->argument, sizeof operands.argument);
    if (node->argument_count != 1 && node->argument_count != 2)
        return wrong_count(compiler, node, function, node->argument_count == 0 ? 1 : 2);
    if (node->argument_count == 2) {
        const struct syntax_node *name = node_at(compiler, node->argument[1]);
        if (name->kind != SYNTAX_TEXT)
            return fail(compiler, name->column,
                        "'%s' takes the name of a time zone here, such as 'Europe/Berlin'",
                        node->name);
        zone = find_zone(compiler, name);
        if (!zone)
            return VALUE_NONE;
    }
    const struct operation_argument time = {.type = TYPE_TIME};
    const struct syntax_node *first = node_at(compiler, node->argument[0]);
    uint32_t value = first->kind == SYNTAX_TEXT ? compile_text(compiler, first, &time)
                                                : compile(compiler, node->argument[0]);
    if (!set_operand(compiler, &operands, 0, value))
        return VALUE_NONE;
    if (operands.type[0].type == TYPE_TIME &&
        !set_operand(compiler, &operands, 0, shift_time(compiler, node, value, zone)))
        return VALUE_NONE;
    return compile_step(compiler, &operands);
}

static uint32_t compile_pattern(const struct compiler *compiler, const struct syntax_node *node,
                                const struct operands *operands, const struct syntax_node *text)
{
    struct pattern_error error;
    struct operation_argument result;
    const struct operation *operation = operation_find("matches", 1, operands->type, &result);
    if (!operation)
        return fail_types(compiler, operands);
    if (!operands_have_bytes(compiler, operands, operation))
        return VALUE_NONE;
    struct pattern *pattern = pattern_open(text->text, text->text_size, &error);
    if (!pattern) /* behind the quote */
        return fail(compiler, text->column + 1 + (uint32_t)error.column,
                    "'%s' is no regular expression: %s", text->name, error.message);
    if (!program_keep(compiler->program, pattern, pattern_close))
        return added(compiler, node, VALUE_NONE);
    return added(compiler, node,
                 program_add_with(compiler->program, operation, operands->value, pattern,
                                  hash_fingerprint(text->text, text->text_size) | 1));
}

static uint32_t compile_matches(const struct compiler *compiler, const struct syntax_node *node,
                                const struct program_function *function)
{
    struct operands operands = {
        .name = node->name, .written = node->name, .node = node, .count = 1};
    memcpy(operands.argument, node->argument, sizeof operands.argument);
    if (node->argument_count != 2)
        return wrong_count(compiler, node, function, 2);
    const struct syntax_node *text = node_at(compiler, node->argument[1]);
    if (text->kind != SYNTAX_TEXT)
        return fail(compiler, text->column, "'matches' takes a regular expression here, a text");
    return compile_operands(compiler, &operands) ? compile_pattern(compiler, node, &operands, text)
                                                 : VALUE_NONE;
}

static uint32_t compile_function(const struct compiler *compiler, const struct syntax_node *node,
                                 const struct program_function *function)
{
    uint32_t least, most;
    if (operation_is_local(node->name))
        return compile_local(compiler, node, function);
    if (strcmp(node->name, "matches") == 0)
        return compile_matches(compiler, node, function);
    bool known = operation_arity(node->name, &least, &most);
    ASSERT(known);
    if (node->argument_count == 1 && least == 2 && most > 2)
        return fail(compiler, node->column,
                    "%s takes at least 2 values; over many events it needs a window, such as "
                    "%s(x) by card over 1h",
                    function->signature, node->name);
    if (node->argument_count < least || node->argument_count > most)
        return wrong_count(compiler, node, function, node->argument_count < least ? least : most);
    struct operands operands = {
        .name = node->name, .written = node->name, .node = node, .count = node->argument_count};
    memcpy(operands.argument, node->argument, sizeof operands.argument);
    return compile_operation(compiler, &operands);
}

static uint32_t compile_operator(const struct compiler *compiler, const struct syntax_node *node)
{
    static const struct {
        const char *name, *written;
        bool swapped;
    } row[] = {
        [OPERATOR_NEGATE] = {"-", "-", false},
        [OPERATOR_NOT] = {"not", "not", false},
        [OPERATOR_ADD] = {"+", "+", false},
        [OPERATOR_SUBTRACT] = {"-", "-", false},
        [OPERATOR_MULTIPLY] = {"*", "*", false},
        [OPERATOR_DIVIDE] = {"/", "/", false},
        [OPERATOR_REMAINDER] = {"%", "%", false},
        [OPERATOR_LESS] = {"<", "<", false},
        [OPERATOR_LESS_EQUAL] = {"<=", "<=", false},
        [OPERATOR_GREATER] = {"<", ">", true},
        [OPERATOR_GREATER_EQUAL] = {"<=", ">=", true},
        [OPERATOR_EQUAL] = {"==", "==", false},
        [OPERATOR_NOT_EQUAL] = {"!=", "!=", false},
        [OPERATOR_AND] = {"and", "and", false},
        [OPERATOR_OR] = {"or", "or", false},
    };
    struct operands operands = {.name = row[node->operator].name,
                                .written = row[node->operator].written,
                                .swapped = row[node->operator].swapped,
                                .node = node,
                                .count = node->argument_count};
    memcpy(operands.argument, node->argument, sizeof operands.argument);
    return compile_operation(compiler, &operands);
}

uint32_t compile(const struct compiler *compiler, uint32_t index)
{
    const struct syntax_node *node = node_at(compiler, index);
    struct program *program = compiler->program;
    switch (node->kind) {
    case SYNTAX_NUMBER:
        return added(compiler, node, program_add_number(program, node->number));
    case SYNTAX_DURATION:
        return added(compiler, node, program_add_duration(program, node->number));
    case SYNTAX_BOOLEAN:
        return added(compiler, node, program_add_boolean(program, node->number != 0));
    case SYNTAX_TEXT:
        return compile_text(compiler, node, NULL);
    case SYNTAX_NAME:
        return compile_name(compiler, node);
    case SYNTAX_CALL:
        if (!node->has_window && function_find(node->name))
            return compile_function(compiler, node, function_find(node->name));
        return compile_window(compiler, node);
    case SYNTAX_UNARY:
    case SYNTAX_BINARY:
        return compile_operator(compiler, node);
    case SYNTAX_IN:
        return compile_in(compiler, node);
    }
    ASSERT(false);
}

uint32_t program_compile(struct program *program, const struct syntax *syntax, uint32_t node,
                         const struct program_resolver *resolver, struct syntax_error *error)
{
    const struct compiler compiler = {program, syntax, resolver, error};
    error->message[0] = '\0';
    error->column = 0;
    return compile(&compiler, node);
}
