/* The arguments of a call: which values slots hold, which condition or key they are, and the
 * constant behind them; see call.h. */
#include "base/operation.h"
#include "features/call.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

bool call_mistake(const struct call *call, uint32_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    call->error->column = column;
    vsnprintf(call->error->message, sizeof call->error->message, format, arguments);
    va_end(arguments);
    return false;
}

/* Inputs have smaller indices than what is computed of them, so one walk upwards sees all; a walk
 * down the formula would come by what is shared as often as there are ways to it. */
bool value_uses(const struct program *program, uint32_t value, uint32_t label)
{
    bool uses[PROGRAM_VALUES_MAX] = {false};
    uses[label] = true;
    for (uint32_t i = label + 1; i <= value; i++)
        for (uint32_t k = 0; k < program->value[i].input_count; k++)
            uses[i] |= uses[program->value[i].input[k]];
    return uses[value];
}

bool level_check(struct call *call, uint32_t value, uint32_t column)
{
    uint32_t level = call->program->value[value].level;
    if (level >= PROGRAM_SCORE_LEVEL)
        return call_mistake(call, column,
                            "a window cannot look at scores: they come after all windows");
    if (level + 1 >= PROGRAM_SCORE_LEVEL)
        return call_mistake(call, column, "windows over windows go %d deep at most",
                            PROGRAM_SCORE_LEVEL - 1);
    if (level > call->level)
        call->level = level;
    return true;
}

static bool label_check(struct call *call, uint32_t index, uint32_t value, uint32_t column)
{
    uint32_t label = call->features->label_value;
    if (label == VALUE_NONE || !value_uses(call->program, value, label))
        return true;
    if (index != 0 || value != label)
        return call_mistake(call, column,
                            "label can stand only by itself, as the first argument of a window");
    if (call->node->window == WINDOW_EVER)
        return call_mistake(
            call, column,
            "a window over label needs a span: add `over`, since labels correct only "
            "events that are kept");
    call->names_label = true;
    return true;
}

/* A condition of its own joins `where`, a key joins `by`; all others are held in slots. */
static bool argument_place(struct call *call, enum argument_role role, uint32_t value,
                           uint32_t column)
{
    if (role == ARGUMENT_VALUE) {
        call->argument[call->argument_count++] = value;
        return label_check(call, call->argument_count - 1, value, column);
    }
    uint32_t label = call->features->label_value;
    if (label != VALUE_NONE && value_uses(call->program, value, label))
        return call_mistake(call, column, "%s cannot look at label: it is not known yet",
                            call->node->name);
    if (role == ARGUMENT_CONDITION) {
        call->condition = value;
        return true;
    }
    if (call->program->value[value].level > 0 || call->program->value[value].constant)
        return call_mistake(
            call, column,
            "%s takes a field or a formula of fields: a window's result cannot name an "
            "entity",
            call->node->name);
    call->key_apart = call->key[call->key_count++] = value;
    return true;
}

static bool argument_put(struct call *call, uint32_t index, uint32_t value, uint32_t column)
{
    const struct aggregate_argument *argument = &call->kind->argument[index];
    enum value_type type = call->program->value[value].type;
    if (index == AGGREGATE_ARGUMENTS_MAX || !(argument->types >> type & 1))
        return call_mistake(call, column, "%s does not take %s: its form is %s", call->node->name,
                            value_type_name(type), call->kind->signature);
    return level_check(call, value, column) && argument_place(call, argument->role, value, column);
}

/* A location is the two numbers that it is made of, so it counts as two. */
static bool argument_compile(struct call *call, uint32_t index)
{
    const struct syntax_node *node = call->node;
    uint32_t column = call->syntax->node[node->argument[index]].column;
    uint32_t value = program_compile(call->program, call->syntax, node->argument[index],
                                     call->resolver, call->error);
    if (value == VALUE_NONE)
        return false;
    const struct program_value *known = &call->program->value[value];
    if (!call->kind->takes_location)
        return argument_put(call, index, value, column);
    if (known->type != TYPE_LOCATION || known->constant)
        return argument_put(call, call->argument_count, value, column);
    return argument_put(call, call->argument_count, known->input[0], column) &&
           argument_put(call, call->argument_count, known->input[1], column);
}

static bool parameter_mistake(const struct call *call, uint32_t column)
{
    const struct aggregate_parameter *parameter = &call->kind->parameter;
    if (parameter->type == PARAMETER_SPAN)
        return call_mistake(call, column,
                            "%s of %s must be a constant duration from 1ms to 10 years, such as 1h",
                            parameter->name, call->kind->signature);
    return call_mistake(call, column, "%s of %s must be a constant%s from %g to %g",
                        parameter->name, call->kind->signature,
                        parameter->type == PARAMETER_WHOLE ? ", a whole number" : "",
                        parameter->least, parameter->most);
}

/* The constant behind the arguments. */
static bool parameter_compile(struct call *call, uint32_t index)
{
    const struct aggregate_parameter *parameter = &call->kind->parameter;
    const struct syntax_node *node = call->node;
    if (index >= node->argument_count) {
        call->parameter = parameter->standard;
        return true;
    }
    uint32_t column = call->syntax->node[node->argument[index]].column;
    uint32_t value = program_compile(call->program, call->syntax, node->argument[index],
                                     call->resolver, call->error);
    if (value == VALUE_NONE)
        return false;
    const struct program_value *known = &call->program->value[value];
    double number = known->literal.number;
    if (!known->constant ||
        known->type != (parameter->type == PARAMETER_SPAN ? TYPE_DURATION : TYPE_NUMBER) ||
        !(number >= parameter->least && number <= parameter->most) ||
        (parameter->type == PARAMETER_WHOLE && floor(number) != number))
        return parameter_mistake(call, column);
    call->parameter = number;
    return true;
}

bool arguments_compile(struct call *call)
{
    const struct syntax_node *node = call->node;
    const struct aggregate_parameter *parameter = &call->kind->parameter;
    uint32_t most = 0, least = 0;
    for (uint32_t i = 0; i < AGGREGATE_ARGUMENTS_MAX && call->kind->argument[i].types; i++) {
        most++;
        least += !call->kind->argument[i].optional;
    }
    bool has_parameter = parameter->type != PARAMETER_NONE;
    if (node->argument_count + call->kind->takes_location <
            least + (has_parameter && !parameter->optional) ||
        node->argument_count > most + has_parameter)
        return call_mistake(call, node->column, "%s has %u argument%s here: its form is %s",
                            node->name, node->argument_count, node->argument_count == 1 ? "" : "s",
                            call->kind->signature);
    call->condition = VALUE_NONE;
    for (uint32_t i = 0; i < node->argument_count && i < most; i++)
        if (!argument_compile(call, i))
            return false;
    if (call->kind->takes_location && call->argument_count < least)
        return call_mistake(call, node->column, "%s takes a location, or both of its numbers",
                            node->name);
    return !has_parameter || parameter_compile(call, most);
}
