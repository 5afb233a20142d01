/* `x in SET`: what the set holds, read as what x is, and made into something that answers fast. */
#include "base/assert.h"
#include "base/compiler.h"
#include "base/key_set.h"
#include "base/networks.h"
#include "base/suggest.h"
#include "base/text_operation.h"
#include <stdlib.h>
#include <string.h>

/* Words to be looked up, and what they mean: a sum, so that their order makes no difference. */
struct gathering {
    uint64_t *word;
    uint32_t count;
    uint64_t print;
};

static void gather(struct gathering *gathering, uint64_t word, uint64_t print)
{
    gathering->word[gathering->count++] = word;
    gathering->print += print;
}

/* The value of the row of that name, which takes what x is. */
static uint32_t add_lookup(const struct compiler *compiler, const struct syntax_node *node,
                           const char *name, uint32_t left, const void *with, uint64_t print)
{
    const struct program_value *value = &compiler->program->value[left];
    const struct operation_argument argument = {value->type, value->field};
    struct operation_argument result;
    const struct operation *operation = operation_find(name, 1, &argument, &result);
    ASSERT(operation);
    return added(compiler, node,
                 program_add_with(compiler->program, operation, &left, with, print | 1));
}

static uint32_t add_words(const struct compiler *compiler, const struct syntax_node *node,
                          uint32_t left, const struct gathering *gathering)
{
    struct key_set *set = key_set_make(gathering->word, gathering->count);
    if (!program_keep(compiler->program, set, key_set_close))
        return added(compiler, node, VALUE_NONE);
    const char *name = node->operator== OPERATOR_IN ? "in" : "not in";
    return add_lookup(compiler, node, name, left, set, gathering->print);
}

/* ---- members written in the formula ---- */

static bool is_number(enum value_type type)
{
    return type == TYPE_NUMBER || type == TYPE_BOOLEAN || type == TYPE_DURATION;
}

/* A literal as what stands left of it. */
static uint32_t compile_member(const struct compiler *compiler, const struct syntax_node *member,
                               uint32_t left)
{
    const struct program_value *value = &compiler->program->value[left];
    const struct operation_argument beside = {value->type, value->field};
    bool text = member->kind == SYNTAX_TEXT;
    if (text == is_number(value->type))
        return fail(compiler, member->column, "'in' looks for %s here, and this is %s",
                    value_type_name(value->type), text ? "a text" : "a number");
    if (text)
        return compile_text(compiler, member, &beside);
    return added(compiler, member, program_add_number(compiler->program, member->number));
}

static uint32_t compile_members(const struct compiler *compiler, const struct syntax_node *node,
                                uint32_t left)
{
    uint64_t word[SYNTAX_NODES_MAX];
    struct gathering gathering = {.word = word};
    bool text = compiler->program->value[left].type == TYPE_TEXT;
    for (uint32_t i = 0; i < node->member_count; i++) {
        const struct syntax_node *member = &compiler->syntax->node[node->member + i];
        uint32_t value = compile_member(compiler, member, left);
        if (value == VALUE_NONE)
            return VALUE_NONE;
        const struct program_value *literal = &compiler->program->value[value];
        gather(&gathering, text ? literal->literal.key : number_word(literal->literal.number),
               literal->fingerprint);
    }
    return add_words(compiler, node, left, &gathering);
}

/* ---- lists of the configuration ---- */

static uint32_t unknown_list(const struct compiler *compiler, const struct syntax_node *node)
{
    const struct lists *lists = compiler->program->lists;
    const char *best = NULL;
    size_t distance = 0;
    for (uint32_t i = 0; lists && i < lists->count; i++)
        suggest_offer(node->name, lists->list[i].name, &best, &distance);
    if (best)
        return fail(compiler, node->set_column, "unknown list '%s'; did you mean '%s'?", node->name,
                    best);
    return fail(compiler, node->set_column,
                "unknown list '%s': \"lists\" in the configuration names them", node->name);
}

static uint32_t compile_networks(const struct compiler *compiler, const struct syntax_node *node,
                                 uint32_t left, const struct list *list)
{
    if (!bytes_check(compiler, left, node->column, "in"))
        return VALUE_NONE;
    struct network *network = malloc((list->count + 1) * sizeof *network);
    char message[160];
    uint64_t print = 0;
    ASSERT(network);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct list_member *member = &list->member[i];
        bool good = network_parse(member->text, member->size, &network[i], message);
        ASSERT(good); /* whoever made the list has seen to it */
        print += hash_fingerprint(member->text, member->size);
    }
    struct networks *set = networks_make(network, list->count);
    free(network);
    if (!program_keep(compiler->program, set, networks_close))
        return added(compiler, node, VALUE_NONE);
    const char *name = node->operator== OPERATOR_IN ? "in network" : "not in network";
    return add_lookup(compiler, node, name, left, set, print);
}

/* The choice of an enum that a text names; false: none, and so it is never found. */
static bool choice_of(const struct field *field, const struct list_member *member, uint64_t *word)
{
    for (uint32_t i = 0; field && i < field->choice_count; i++)
        if (strlen(field->choices[i]) == member->size &&
            memcmp(field->choices[i], member->text, member->size) == 0) {
            *word = number_word(i);
            return true;
        }
    return false;
}

static uint32_t compile_words(const struct compiler *compiler, const struct syntax_node *node,
                              uint32_t left, const struct list *list)
{
    const struct program_value *value = &compiler->program->value[left];
    struct gathering gathering = {.word = malloc((list->count + 1) * sizeof(uint64_t))};
    ASSERT(gathering.word);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct list_member *member = &list->member[i];
        uint64_t word = number_word(member->number), print = hash_fingerprint(&word, sizeof word);
        bool known = true;
        if (list->type == LIST_TEXT) {
            print = hash_fingerprint(member->text, member->size);
            word = hash_bytes(compiler->program->key, member->text, member->size);
        }
        if (value->type == TYPE_ENUM)
            known = choice_of(value->field, member, &word);
        if (known)
            gather(&gathering, word, print);
    }
    uint32_t result = add_words(compiler, node, left, &gathering);
    free(gathering.word);
    return result;
}

static uint32_t compile_list(const struct compiler *compiler, const struct syntax_node *node,
                             uint32_t left, const struct list *list)
{
    static const char *const holds[] = {"texts", "numbers", "networks"};
    if (list->unread)
        return added(compiler, node, program_add_boolean(compiler->program, false));
    enum value_type type = compiler->program->value[left].type;
    bool fits = list->type == LIST_NUMBER ? is_number(type)
                : list->type == LIST_TEXT ? type == TYPE_TEXT || type == TYPE_ENUM
                                          : type == TYPE_TEXT;
    if (!fits)
        return fail(compiler, node->column, "'%s' is a list of %s, and this looks for %s in it",
                    list->name, holds[list->type], value_type_name(type));
    return list->type == LIST_NETWORK ? compile_networks(compiler, node, left, list)
                                      : compile_words(compiler, node, left, list);
}

uint32_t compile_in(const struct compiler *compiler, const struct syntax_node *node)
{
    uint32_t left = VALUE_NONE;
    if (compiler->syntax->node[node->argument[0]].kind == SYNTAX_TEXT)
        left = compile_text(compiler, &compiler->syntax->node[node->argument[0]], NULL);
    else
        left = compile(compiler, node->argument[0]);
    if (left == VALUE_NONE)
        return VALUE_NONE;
    if (compiler->program->value[left].type == TYPE_LOCATION)
        return fail(compiler, node->column, "'in' does not go with a location");
    if (node->member_count > 0)
        return compile_members(compiler, node, left);
    const struct list *list = lists_find(compiler->program->lists, node->name);
    return list ? compile_list(compiler, node, left, list) : unknown_list(compiler, node);
}
