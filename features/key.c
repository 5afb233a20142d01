/* What a window is taken by: the keys of its entity, and whose pairs they make. */
#include "features/call.h"
#include "features/owner.h"
#include <stdio.h>
#include <string.h>

/* The place of a name in `by` is not its place in the key: new(x) has put x there first. */
static bool key_compile(struct call *call, uint32_t index)
{
    const struct syntax_node *node = call->node;
    struct syntax_node name = {.kind = SYNTAX_NAME, .column = node->by_column[index]};
    memcpy(name.name, node->by[index], sizeof name.name);
    call->error->column = name.column;
    uint32_t value = call->resolver->name(call->resolver->self, &name, call->error);
    if (value == VALUE_NONE)
        return false;
    const struct field *field = call->program->value[value].field;
    if (call->program->value[value].type != TYPE_TEXT || !field ||
        (field->type != FIELD_KEY && field->type != FIELD_ID))
        return call_mistake(
            call, node->by_column[index],
            "by needs a field of type key: '%s' is none; declare it as one in the schema",
            node->by[index]);
    for (uint32_t i = 0; i < call->key_count; i++)
        if (call->key[i] == value)
            return call_mistake(call, node->by_column[index], "'%s' stands twice in by",
                                node->by[index]);
    call->key[call->key_count++] = value;
    return true;
}

/* A field by its name, a formula by what it means. */
const char *call_key_name(const struct call *call, uint32_t index, char name[SCHEMA_NAME_MAX])
{
    const struct program_value *value = &call->program->value[call->key[index]];
    if (value->field && !value->operation)
        snprintf(name, SCHEMA_NAME_MAX, "%s", value->field->name);
    else
        snprintf(name, SCHEMA_NAME_MAX, "=%016llx", (unsigned long long)value->fingerprint);
    return name;
}

/* (merchant, card) is the same entity as (card, merchant): keys stand in the order of their names.
 */
static void keys_sort(struct call *call)
{
    char name[2][SCHEMA_NAME_MAX];
    for (uint32_t i = 1; i < call->key_count; i++)
        for (uint32_t j = i; j > 0 && strcmp(call_key_name(call, j - 1, name[0]),
                                             call_key_name(call, j, name[1])) > 0;
             j--) {
            uint32_t swapped = call->key[j];
            call->key[j] = call->key[j - 1];
            call->key[j - 1] = swapped;
        }
}

bool call_keys(struct call *call)
{
    for (uint32_t i = 0; i < call->node->by_count; i++)
        if (!key_compile(call, i))
            return false;
    keys_sort(call);
    return true;
}

/* Whose events the window is of: all that `by` names. */
void call_owner(const struct call *call, struct entity *entity)
{
    for (uint32_t i = 0; i < call->key_count; i++)
        if (call->key[i] == call->key_apart)
            owner_add(entity, i);
}
