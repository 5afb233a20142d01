/* The feature language's text, read into a tree.  Knows the grammar, not the names.  The
 * rules stand in grammar.c, and `weir list grammar` prints them.
 *
 * A text has at most 255 bytes.  A duration counts seconds.  The name of a set is that of a list of
 * the configuration; `in` is a word only where an operator may stand, and a name everywhere else.
 * Clauses come in any order, each at most once, and belong to the call right before them.  `from
 * 14d to 7d` is `over 7d delay 7d`, `session gap 30m` is `over session gap 30m`, `over today` is
 * `over this day`.  `where` takes a whole formula, so `count() by card where a > 1 and b over 1h`
 * has the condition `a > 1 and b`; only when the condition ends with a call does it need
 * parentheses, since the clauses would be that call's: `count() by card where (a > abs(b)) over
 * 1h`.  The clause words are names everywhere else. */
#ifndef BASE_SYNTAX_H
#define BASE_SYNTAX_H

#include "base/schema.h"
#include "base/zone.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    SYNTAX_NODES_MAX = 512,
    SYNTAX_DEPTH_MAX = 64,
    SYNTAX_BY_MAX = 4,
    SYNTAX_ARGUMENTS_MAX = 4,
    SYNTAX_TEXT_MAX = 256,
    SYNTAX_COUNT_MAX = 1000000, /* of WINDOW_LAST */
};

#define SYNTAX_NONE UINT32_MAX

enum syntax_kind {
    SYNTAX_NUMBER,
    SYNTAX_DURATION, /* in seconds */
    SYNTAX_TEXT,
    SYNTAX_BOOLEAN, /* number is 0 or 1 */
    SYNTAX_NAME,
    SYNTAX_CALL,  /* functions and aggregates; unary and binary operators have kinds of their own */
    SYNTAX_UNARY, /* negate, not */
    SYNTAX_BINARY,
    SYNTAX_IN, /* in, not in: of a named list or of members written there */
};

enum syntax_operator {
    OPERATOR_NEGATE,
    OPERATOR_NOT,
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_REMAINDER,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_EQUAL,
    OPERATOR_EQUAL,
    OPERATOR_NOT_EQUAL,
    OPERATOR_AND,
    OPERATOR_OR,
    OPERATOR_IN,
    OPERATOR_NOT_IN,
};

/* What a window is cut by. */
enum syntax_window {
    WINDOW_EVER, /* nothing: all there has been */
    WINDOW_SPAN,
    WINDOW_LAST,
    WINDOW_PERIOD,
    WINDOW_SESSION,
};

struct syntax_node {
    enum syntax_kind kind;
    enum syntax_operator operator;
    uint32_t column; /* byte offset in the formula, for messages: its beginning, or the operator */
    uint32_t end;    /* of a call: offset of what follows it and its clauses */
    double number;
    char name[SCHEMA_NAME_MAX]; /* names, calls, the list after `in`; texts, cut if long */
    const char *text;           /* of a text: its bytes, inside the formula; not terminated */
    uint32_t text_size;
    uint32_t member_count, member; /* of `in`: the first of the literals, in a row; 0: a name */
    uint32_t set_column;           /* of `in`: where its set begins */
    uint32_t argument_count;
    uint32_t argument[SYNTAX_ARGUMENTS_MAX]; /* nodes; operands of operators as well */
    /* clauses of a call */
    bool has_window; /* any clause was given */
    bool before;     /* the event itself is left out */
    uint32_t by_count;
    char by[SYNTAX_BY_MAX][SCHEMA_NAME_MAX];
    uint32_t by_column[SYNTAX_BY_MAX];
    enum syntax_window window;
    int64_t over_ms;    /* of WINDOW_SPAN, otherwise 0 */
    int64_t over_count; /* of WINDOW_LAST */
    int64_t gap_ms;     /* of WINDOW_SESSION */
    enum period period; /* of WINDOW_PERIOD */
    int64_t delay_ms;
    uint32_t where; /* node, or SYNTAX_NONE */
};

struct syntax {
    const char *formula; /* the text that was read; not owned */
    uint32_t count, root;
    struct syntax_node node[SYNTAX_NODES_MAX];
};

struct syntax_error {
    uint32_t column;
    char message[256];
};

/* False with an error that says what was expected.  Depth and size are bounded; no input crashes.
 */
bool syntax_parse(struct syntax *syntax, const char *text, struct syntax_error *error);

#endif
