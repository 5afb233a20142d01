/* A call such as `mean(amount) by card over 7d` while it is compiled into a window; see window.c.
 */
#ifndef FEATURES_CALL_H
#define FEATURES_CALL_H

#include "features/pass.h"

struct call {
    struct features *features;
    struct program *program;
    const struct syntax *syntax;
    const struct syntax_node *node;
    const struct program_resolver *resolver;
    struct syntax_error *error;
    const struct aggregate_kind *kind;
    uint32_t argument_count;                    /* those that slots hold; a location is two */
    uint32_t argument[AGGREGATE_ARGUMENTS_MAX]; /* values */
    double parameter;
    uint32_t condition; /* a value that joins `where`, or VALUE_NONE */
    uint32_t where;     /* value or VALUE_NONE */
    uint32_t where_1;   /* where it names the label: of a label of 1, while `where` is of 0 */
    struct frame frame; /* but for its condition and level */
    uint32_t key_count;
    uint32_t key[ENTITY_KEYS_MAX];
    uint32_t key_apart; /* that `by` does not name: x of new(x); or VALUE_NONE */
    bool names_label;
    uint32_t level;
};

/* Says what is wrong, at that column; returns false. */
bool call_mistake(const struct call *call, uint32_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As it was written, without the blanks behind it; the caller's. */
char *call_formula(const struct call *call);

/* Does the value depend on the label? */
bool value_uses(const struct program *program, uint32_t value, uint32_t label);

/* The window stands above all values that it looks at; scores are too high. */
bool level_check(struct call *call, uint32_t value, uint32_t column);

/* The keys that `by` names, and the place of each name in the entity's; whose pairs the entity's
 * rows are, if the window has a key that `by` does not name; key.c. */
bool call_keys(struct call *call);
const char *call_key_name(const struct call *call, uint32_t index, char name[SCHEMA_NAME_MAX]);
void call_owner(const struct call *call, struct entity *entity);

/* The arguments and the constant behind them; argument.c. */
bool arguments_compile(struct call *call);

#endif
