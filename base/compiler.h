/* What the files of the compiler share: compile.c and compile_in.c. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include "base/lexer.h"
#include "base/operation.h"

struct compiler {
    struct program *program;
    const struct syntax *syntax;
    const struct program_resolver *resolver;
    struct syntax_error *error;
};

/* An expression, so that it can be returned. */
#define fail(compiler, column, ...)                                                                \
    (syntax_fail((compiler)->error, (column), __VA_ARGS__) ? 0 : VALUE_NONE)

/* A value of a node, or VALUE_NONE after an error. */
uint32_t compile(const struct compiler *compiler, uint32_t index);

/* A text that stands beside something of a type: a time, a choice; NULL: a text. */
uint32_t compile_text(const struct compiler *compiler, const struct syntax_node *node,
                      const struct operation_argument *beside);

/* The value, or an error because there is no room for it. */
uint32_t added(const struct compiler *compiler, const struct syntax_node *node, uint32_t value);

/* False with an error if the bytes of the text cannot be had. */
bool bytes_check(const struct compiler *compiler, uint32_t value, uint32_t column,
                 const char *what);

uint32_t compile_in(const struct compiler *compiler, const struct syntax_node *node);

#endif
