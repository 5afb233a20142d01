/* The feature language's text, read into a tree.  Knows the grammar, not the names.
 *
 *     formula   = or
 *     or        = and { "or" and }            and = not { "and" not }
 *     not       = "not" not | comparison
 *     comparison= sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
 *     sum       = product { ("+" | "-") product }
 *     product   = unary { ("*" | "/" | "%") unary }
 *     unary     = "-" unary | primary
 *     primary   = number | duration | text | "true" | "false" | name | call | "(" formula ")"
 *     call      = name "(" [ formula { "," formula } ] ")" { clause }
 *     clause    = "by" ( name | "(" name { "," name } ")" ) | "over" duration | "delay" duration
 *               | "where" comparison-level formula | "before"
 *     number    = digits [ "." digits ] [ "e" [sign] digits ]       duration = number unit (a number of
 *     seconds)                                                       text = '...' or "..."
 *
 * `where` takes everything up to the end of the call's clauses: it binds looser than comparison and
 * `and`, so `count() by card where a > 1 and b` has the whole condition; parentheses end it. */
#ifndef BASE_SYNTAX_H
#define BASE_SYNTAX_H

#include "base/schema.h"
#include <stdbool.h>
#include <stdint.h>

enum { SYNTAX_NODES_MAX = 512, SYNTAX_DEPTH_MAX = 64, SYNTAX_BY_MAX = 4, SYNTAX_ARGUMENTS_MAX = 4 };

#define SYNTAX_NONE UINT32_MAX

enum syntax_kind {
    SYNTAX_NUMBER, /* also durations, in seconds */
    SYNTAX_TEXT,
    SYNTAX_BOOLEAN, /* number is 0 or 1 */
    SYNTAX_NAME,
    SYNTAX_CALL,  /* functions and aggregates; unary and binary operators have kinds of their own */
    SYNTAX_UNARY, /* operator '-' or 'n' (not) */
    SYNTAX_BINARY,
};

enum syntax_operator {
    OPERATOR_NEGATE, OPERATOR_NOT,
    OPERATOR_ADD, OPERATOR_SUBTRACT, OPERATOR_MULTIPLY, OPERATOR_DIVIDE, OPERATOR_REMAINDER,
    OPERATOR_LESS, OPERATOR_LESS_EQUAL, OPERATOR_GREATER, OPERATOR_GREATER_EQUAL,
    OPERATOR_EQUAL, OPERATOR_NOT_EQUAL, OPERATOR_AND, OPERATOR_OR,
};

struct syntax_node {
    enum syntax_kind kind;
    enum syntax_operator operator;
    uint32_t column; /* byte offset in the formula where it begins, for messages */
    double number;
    char name[SCHEMA_NAME_MAX]; /* names, calls, texts */
    uint32_t argument_count;
    uint32_t argument[SYNTAX_ARGUMENTS_MAX]; /* nodes; operands of operators as well */
    /* clauses of a call */
    bool has_window; /* any clause was given */
    bool before;     /* the event itself is left out */
    uint32_t by_count;
    char by[SYNTAX_BY_MAX][SCHEMA_NAME_MAX];
    uint32_t by_column[SYNTAX_BY_MAX];
    int64_t over_ms;  /* 0: for ever */
    int64_t delay_ms;
    uint32_t where; /* node, or SYNTAX_NONE */
};

struct syntax {
    uint32_t count, root;
    struct syntax_node node[SYNTAX_NODES_MAX];
};

struct syntax_error {
    uint32_t column;
    char message[256];
};

/* False with an error that says what was expected.  Depth and size are bounded; no input crashes. */
bool syntax_parse(struct syntax *syntax, const char *text, struct syntax_error *error);

#endif
