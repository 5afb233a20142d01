/* Words of the feature language: a formula's text cut into tokens, with their places. */
#ifndef BASE_LEXER_H
#define BASE_LEXER_H

#include "base/syntax.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_DURATION,
    TOKEN_TEXT, /* bytes and size without the quotes */
    TOKEN_NAME, /* keywords as well: the parser knows where a name is one */
    TOKEN_SYMBOL,
};

struct token {
    enum token_kind kind;
    uint32_t column;
    const char *bytes; /* inside the formula */
    size_t size;
    double number;   /* of a number; of a duration in seconds */
    int64_t span_ms; /* of a duration */
};

/* Reads the token at `at` (past blanks) and moves `at` behind it. */
bool lexer_next(const char *text, const char **at, struct token *token, struct syntax_error *error);

/* Is it this keyword or symbol? */
bool token_is(const struct token *token, const char *word);

enum { TOKEN_SHOWN_MAX = 64 };

/* "'xyz'" or "the end", for messages: cut if long, without control characters. */
void token_show(const struct token *token, char shown[TOKEN_SHOWN_MAX]);

/* Fills the error; false, so that `return syntax_fail(...)` reads well. */
bool syntax_fail(struct syntax_error *error, uint32_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
