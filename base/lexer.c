/* Cutting formulas into tokens; see lexer.h. */
#include "base/lexer.h"
#include "base/calendar.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool syntax_fail(struct syntax_error *error, uint32_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->column = column;
    return false;
}

/* The C library's classes depend on the locale; the language does not. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(char c)
{
    return is_name_start(c) || is_digit(c);
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

void token_show(const struct token *token, char shown[TOKEN_SHOWN_MAX])
{
    if (token->kind == TOKEN_END) {
        snprintf(shown, TOKEN_SHOWN_MAX, "the end");
        return;
    }
    size_t size = token->size, room = TOKEN_SHOWN_MAX - sizeof "'...'";
    bool cut = size > room;
    if (cut)
        for (size = room; size > 0 && is_continuation(token->bytes[size]);)
            size--;
    snprintf(shown, TOKEN_SHOWN_MAX, "'%.*s%s'", (int)size, token->bytes, cut ? "..." : "");
    for (char *at = shown; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = '?';
}

bool token_is(const struct token *token, const char *word)
{
    return (token->kind == TOKEN_NAME || token->kind == TOKEN_SYMBOL) &&
           token->size == strlen(word) && memcmp(token->bytes, word, token->size) == 0;
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

/* Behind an exponent if there is a whole one, else where it began: "1e" has a unit "e". */
static const char *skip_exponent(const char *at)
{
    if (*at != 'e' && *at != 'E')
        return at;
    const char *digits = at + 1 + (at[1] == '+' || at[1] == '-');
    return is_digit(*digits) ? skip_digits(digits) : at;
}

static bool read_duration(struct token *token, struct syntax_error *error)
{
    char shown[TOKEN_SHOWN_MAX];
    token->kind = TOKEN_DURATION;
    if (!duration_parse(token->bytes, token->size, &token->span_ms)) {
        token_show(token, shown);
        return syntax_fail(
            error, token->column,
            "%s is neither a number nor a duration (a number above 0 with one of the "
            "units ms s m h d w, such as 90m)",
            shown);
    }
    token->number = (double)token->span_ms / SECOND_MS;
    return true;
}

static bool read_number(const char **at, struct token *token, struct syntax_error *error)
{
    const char *end = skip_digits(*at);
    if (*end == '.') {
        if (!is_digit(end[1]))
            return syntax_fail(error, token->column + (uint32_t)(end + 1 - *at),
                               "expected a digit behind the point");
        end = skip_digits(end + 1);
    }
    end = skip_exponent(end);
    bool unit = is_name_start(*end);
    while (is_name_part(*end))
        end++;
    token->size = (size_t)(end - *at);
    *at = end;
    if (unit)
        return read_duration(token, error);
    token->kind = TOKEN_NUMBER;
    token->number = strtod(token->bytes, NULL);
    if (!isfinite(token->number))
        return syntax_fail(error, token->column, "the number is too large");
    return true;
}

static bool read_text(const char **at, struct token *token, struct syntax_error *error)
{
    const char *end = strchr(*at + 1, **at);
    if (!end)
        return syntax_fail(error, token->column, "the text has no closing %c", **at);
    token->kind = TOKEN_TEXT;
    token->bytes = *at + 1;
    token->size = (size_t)(end - token->bytes);
    *at = end + 1;
    if (token->size >= SYNTAX_TEXT_MAX)
        return syntax_fail(error, token->column, "the text is longer than %d bytes",
                           SYNTAX_TEXT_MAX - 1);
    return true;
}

static bool read_name(const char **at, struct token *token, struct syntax_error *error)
{
    const char *end = *at;
    while (is_name_part(*end))
        end++;
    token->kind = TOKEN_NAME;
    token->size = (size_t)(end - *at);
    *at = end;
    if (token->size >= SCHEMA_NAME_MAX)
        return syntax_fail(error, token->column, "the name is longer than %d bytes",
                           SCHEMA_NAME_MAX - 1);
    return true;
}

/* In this order, since some begin with others; `instead` marks what other languages write. */
static const struct symbol {
    const char *text, *instead;
} symbols[] = {
    {"<=", NULL},  {">=", NULL}, {"==", NULL},        {"!=", NULL}, {"<>", "!="},
    {"&&", "and"}, {"||", "or"}, {"**", "pow(x, y)"}, {"<", NULL},  {">", NULL},
    {"+", NULL},   {"-", NULL},  {"*", NULL},         {"/", NULL},  {"%", NULL},
    {"(", NULL},   {")", NULL},  {",", NULL},         {"=", "=="},  {"!", "not"},
    {"&", "and"},  {"|", "or"},  {"^", "pow(x, y)"},
};

static bool read_symbol(const char **at, struct token *token, struct syntax_error *error)
{
    token->kind = TOKEN_SYMBOL;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        token->size = strlen(symbols[i].text);
        if (strncmp(*at, symbols[i].text, token->size) != 0)
            continue;
        if (symbols[i].instead)
            return syntax_fail(error, token->column, "'%s' is not of this language: write '%s'",
                               symbols[i].text, symbols[i].instead);
        *at += token->size;
        return true;
    }
    for (token->size = 1; is_continuation((*at)[token->size]); token->size++)
        ;
    char shown[TOKEN_SHOWN_MAX];
    token_show(token, shown);
    return syntax_fail(error, token->column, "%s means nothing in a formula", shown);
}

bool lexer_next(const char *text, const char **at, struct token *token, struct syntax_error *error)
{
    *at += strspn(*at, " \t\r\n");
    *token = (struct token){.column = (uint32_t)(*at - text), .bytes = *at};
    if (**at == '\0')
        return true;
    if (is_digit(**at))
        return read_number(at, token, error);
    if (**at == '\'' || **at == '"')
        return read_text(at, token, error);
    if (is_name_start(**at))
        return read_name(at, token, error);
    return read_symbol(at, token, error);
}
