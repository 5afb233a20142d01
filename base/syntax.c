/* A parser by recursive descent, one function a production; see syntax.h.  Every way into a deeper
 * level goes through deeper(), so the text cannot drive the stack. */
#include "base/syntax.h"
#include "base/lexer.h"
#include <string.h>

/* A failed parser returns SYNTAX_NONE from everywhere; its first error stands. */
struct parser {
    struct syntax *syntax;
    const char *text, *at;
    struct token token; /* the next one, not yet taken */
    uint32_t depth;
    bool failed;
    struct syntax_error *error;
};

static uint32_t parse_formula(struct parser *parser);

static void take(struct parser *parser)
{
    if (!parser->failed)
        parser->failed = !lexer_next(parser->text, &parser->at, &parser->token, parser->error);
}

static uint32_t expected(struct parser *parser, const char *what)
{
    char shown[TOKEN_SHOWN_MAX];
    token_show(&parser->token, shown);
    if (!parser->failed)
        syntax_fail(parser->error, parser->token.column, "expected %s here, found %s", what, shown);
    parser->failed = true;
    return SYNTAX_NONE;
}

static bool next_is(const struct parser *parser, const char *word)
{
    return !parser->failed && token_is(&parser->token, word);
}

static bool accept(struct parser *parser, const char *word)
{
    bool found = next_is(parser, word);
    if (found)
        take(parser);
    return found;
}

static bool deeper(struct parser *parser)
{
    if (parser->failed)
        return false;
    if (parser->depth < SYNTAX_DEPTH_MAX) {
        parser->depth++;
        return true;
    }
    parser->failed = true;
    return syntax_fail(parser->error, parser->token.column,
                       "the formula is nested more than %d levels deep here", SYNTAX_DEPTH_MAX);
}

/* A new node, or NULL if there is no room or an error before. */
static struct syntax_node *add_node(struct parser *parser, enum syntax_kind kind, uint32_t column)
{
    if (parser->failed)
        return NULL;
    struct syntax *syntax = parser->syntax;
    if (syntax->count == SYNTAX_NODES_MAX) {
        parser->failed =
            !syntax_fail(parser->error, column,
                         "the formula is too long: it has more than %d parts", SYNTAX_NODES_MAX);
        return NULL;
    }
    struct syntax_node *node = &syntax->node[syntax->count++];
    memset(node, 0, sizeof *node);
    node->kind = kind;
    node->column = column;
    node->where = SYNTAX_NONE;
    return node;
}

static uint32_t node_index(const struct parser *parser, const struct syntax_node *node)
{
    return node ? (uint32_t)(node - parser->syntax->node) : SYNTAX_NONE;
}

/* The lexer has seen to it that it fits. */
static void copy_token(const struct token *token, char name[SCHEMA_NAME_MAX])
{
    memcpy(name, token->bytes, token->size);
    name[token->size] = '\0';
}

static const char *const reserved[] = {"and", "or", "not", "true", "false"};

enum { SAYS_KEYS = 1, SAYS_WINDOW = 2, SAYS_DELAY = 4, SAYS_CONDITION = 8, SAYS_BEFORE = 16 };

/* The clauses, and what of a window each one says. */
static const struct clause {
    const char *word;
    uint32_t says;
} clauses[] = {
    {"by", SAYS_KEYS},         {"over", SAYS_WINDOW},
    {"delay", SAYS_DELAY},     {"from", SAYS_WINDOW | SAYS_DELAY},
    {"before", SAYS_BEFORE},   {"session", SAYS_WINDOW},
    {"where", SAYS_CONDITION},
};

static bool is_reserved(const struct token *token)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (token_is(token, reserved[i]))
            return true;
    return false;
}

static void parse_by_name(struct parser *parser, struct syntax_node *call)
{
    if (parser->token.kind != TOKEN_NAME || is_reserved(&parser->token)) {
        expected(parser, "the name of a key field");
        return;
    }
    if (call->by_count == SYNTAX_BY_MAX) {
        parser->failed = !syntax_fail(parser->error, parser->token.column,
                                      "a window has at most %d keys", SYNTAX_BY_MAX);
        return;
    }
    copy_token(&parser->token, call->by[call->by_count]);
    for (uint32_t i = 0; i < call->by_count; i++)
        if (strcmp(call->by[i], call->by[call->by_count]) == 0)
            parser->failed = !syntax_fail(parser->error, parser->token.column,
                                          "'%s' is named twice", call->by[i]);
    call->by_column[call->by_count++] = parser->token.column;
    take(parser);
    if (next_is(parser, "("))
        parser->failed = !syntax_fail(parser->error, parser->token.column,
                                      "by takes names of key fields, not formulas: what windows "
                                      "are taken by must stand in the events");
}

static void parse_by(struct parser *parser, struct syntax_node *call)
{
    bool list = accept(parser, "(");
    parse_by_name(parser, call);
    while (list && accept(parser, ","))
        parse_by_name(parser, call);
    if (list && !parser->failed && !accept(parser, ")"))
        expected(parser, "',' or ')'");
}

static int64_t parse_duration(struct parser *parser)
{
    int64_t span_ms = parser->token.span_ms;
    if (parser->token.kind == TOKEN_DURATION)
        take(parser);
    else if (parser->token.kind == TOKEN_NUMBER)
        expected(parser, "a duration with its unit (ms s m h d w, such as 7d)");
    else
        expected(parser, "a duration such as 7d");
    return span_ms;
}

/* A place where a window could stand, and none does. */
static void expected_window(struct parser *parser)
{
    expected(parser, "a window such as 7d, last 50, today, this week or session gap 30m");
}

static void parse_last(struct parser *parser, struct syntax_node *call)
{
    const struct token *token = &parser->token;
    bool whole = token->kind == TOKEN_NUMBER && token->number >= 1 &&
                 token->number <= SYNTAX_COUNT_MAX &&
                 token->number == (double)(int64_t)token->number;
    if (!whole) {
        expected(parser, "a whole number of events from 1 to 1000000, as in last 50,");
        return;
    }
    call->window = WINDOW_LAST;
    call->over_count = (int64_t)token->number;
    take(parser);
}

static void parse_period(struct parser *parser, struct syntax_node *call)
{
    static const char *const words[] = {"hour", "day", "week", "month", "year"};
    for (uint32_t i = 0; i < sizeof words / sizeof *words; i++)
        if (accept(parser, words[i])) {
            call->window = WINDOW_PERIOD;
            call->period = (enum period)i;
            return;
        }
    expected(parser, "hour, day, week, month or year");
}

static void parse_session(struct parser *parser, struct syntax_node *call)
{
    if (!accept(parser, "gap")) {
        expected(parser, "gap and a duration, as in session gap 30m,");
        return;
    }
    call->window = WINDOW_SESSION;
    call->gap_ms = parse_duration(parser);
}

static void parse_window(struct parser *parser, struct syntax_node *call)
{
    if (parser->token.kind == TOKEN_DURATION || parser->token.kind == TOKEN_NUMBER) {
        call->window = WINDOW_SPAN;
        call->over_ms = parse_duration(parser);
    } else if (accept(parser, "last")) {
        parse_last(parser, call);
    } else if (accept(parser, "this")) {
        parse_period(parser, call);
    } else if (accept(parser, "session")) {
        parse_session(parser, call);
    } else if (accept(parser, "today")) {
        call->window = WINDOW_PERIOD;
        call->period = PERIOD_DAY;
    } else {
        expected_window(parser);
    }
}

/* `from 14d to 7d`: the span between two moments that lie behind the event. */
static void parse_from(struct parser *parser, struct syntax_node *call)
{
    uint32_t column = parser->token.column;
    int64_t from_ms = parse_duration(parser);
    if (!parser->failed && !accept(parser, "to")) {
        expected(parser, "to and a duration, as in from 14d to 7d,");
        return;
    }
    call->delay_ms = parse_duration(parser);
    call->window = WINDOW_SPAN;
    call->over_ms = from_ms - call->delay_ms;
    if (!parser->failed && call->over_ms <= 0)
        parser->failed = !syntax_fail(parser->error, column,
                                      "from must lie further back than to, as in from 14d to 7d");
}

/* The clause that the next token begins, or NULL. */
static const struct clause *next_clause(const struct parser *parser)
{
    for (uint32_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        if (next_is(parser, clauses[i].word))
            return &clauses[i];
    return NULL;
}

static void parse_clause(struct parser *parser, struct syntax_node *call)
{
    if (accept(parser, "by"))
        parse_by(parser, call);
    else if (accept(parser, "over"))
        parse_window(parser, call);
    else if (accept(parser, "session"))
        parse_session(parser, call);
    else if (accept(parser, "from"))
        parse_from(parser, call);
    else if (accept(parser, "delay"))
        call->delay_ms = parse_duration(parser);
    else if (accept(parser, "where"))
        call->where = parse_formula(parser);
    else if (accept(parser, "before"))
        call->before = true;
}

static void parse_clauses(struct parser *parser, struct syntax_node *call)
{
    uint32_t said = 0, seen = 0;
    for (const struct clause *clause; (clause = next_clause(parser)) != NULL;) {
        uint32_t word = 1U << (clause - clauses);
        if (said & clause->says) {
            parser->failed =
                !syntax_fail(parser->error, parser->token.column,
                             seen & word ? "the window has a second '%s'"
                                         : "'%s' says again what the window has said before",
                             clause->word);
            return;
        }
        said |= clause->says;
        seen |= word;
        parse_clause(parser, call);
        call->has_window = true;
    }
}

static void parse_argument(struct parser *parser, struct syntax_node *call)
{
    if (call->argument_count == SYNTAX_ARGUMENTS_MAX) {
        parser->failed = !syntax_fail(parser->error, parser->token.column,
                                      "a call has at most %d arguments", SYNTAX_ARGUMENTS_MAX);
        return;
    }
    call->argument[call->argument_count++] = parse_formula(parser);
}

static uint32_t parse_call(struct parser *parser, const struct token *name)
{
    struct syntax_node *call = add_node(parser, SYNTAX_CALL, name->column);
    if (!call)
        return SYNTAX_NONE;
    copy_token(name, call->name);
    if (!accept(parser, ")")) {
        parse_argument(parser, call);
        while (accept(parser, ","))
            parse_argument(parser, call);
        if (!parser->failed && !accept(parser, ")"))
            expected(parser, "an operator, ',' or ')'");
    }
    parse_clauses(parser, call);
    call->end = parser->token.column;
    return node_index(parser, call);
}

static uint32_t parse_name(struct parser *parser)
{
    struct token name = parser->token;
    take(parser);
    if (accept(parser, "("))
        return parse_call(parser, &name);
    bool truth = token_is(&name, "true");
    bool boolean = truth || token_is(&name, "false");
    struct syntax_node *node =
        add_node(parser, boolean ? SYNTAX_BOOLEAN : SYNTAX_NAME, name.column);
    if (node && boolean)
        node->number = truth;
    else if (node)
        copy_token(&name, node->name);
    return node_index(parser, node);
}

/* The name is for messages and for texts that stand for something short. */
static void set_text(struct syntax_node *node, const struct token *token)
{
    struct token cut = *token;
    if (cut.size >= SCHEMA_NAME_MAX)
        for (cut.size = SCHEMA_NAME_MAX - 1; (cut.bytes[cut.size] & 0xC0) == 0x80;)
            cut.size--;
    copy_token(&cut, node->name);
    node->text = token->bytes;
    node->text_size = (uint32_t)token->size;
}

static bool is_literal(const struct token *token)
{
    return token->kind == TOKEN_NUMBER || token->kind == TOKEN_DURATION ||
           token->kind == TOKEN_TEXT;
}

static uint32_t parse_literal(struct parser *parser)
{
    const struct token *token = &parser->token;
    enum syntax_kind kind = token->kind == TOKEN_TEXT       ? SYNTAX_TEXT
                            : token->kind == TOKEN_DURATION ? SYNTAX_DURATION
                                                            : SYNTAX_NUMBER;
    struct syntax_node *node = add_node(parser, kind, token->column);
    if (node && kind == SYNTAX_TEXT)
        set_text(node, token);
    else if (node)
        node->number = token->number;
    take(parser);
    return node_index(parser, node);
}

static uint32_t parse_primary(struct parser *parser)
{
    const struct token *token = &parser->token;
    if (is_literal(token))
        return parse_literal(parser);
    if (token->kind == TOKEN_NAME && !token_is(token, "and") && !token_is(token, "or") &&
        !token_is(token, "not"))
        return parse_name(parser);
    if (!accept(parser, "("))
        return expected(parser, "a number, a name or '('");
    uint32_t inner = parse_formula(parser);
    if (!parser->failed && !accept(parser, ")"))
        return expected(parser, "an operator or ')'");
    return inner;
}

/* An operator's node stands where the operator stands. */
static uint32_t add_operator(struct parser *parser, enum syntax_operator operator, uint32_t column,
                             uint32_t left, uint32_t right)
{
    bool unary = right == SYNTAX_NONE;
    struct syntax_node *node = add_node(parser, unary ? SYNTAX_UNARY : SYNTAX_BINARY, column);
    if (!node)
        return SYNTAX_NONE;
    node->operator= operator;
    node->argument_count = unary ? 1 : 2;
    node->argument[0] = left;
    node->argument[1] = unary ? 0 : right;
    return node_index(parser, node);
}

static uint32_t parse_prefixed(struct parser *parser, const char *word,
                               enum syntax_operator operator,
                               uint32_t (*tighter)(struct parser *parser))
{
    uint32_t column = parser->token.column;
    if (!accept(parser, word))
        return tighter(parser);
    if (!deeper(parser))
        return SYNTAX_NONE;
    uint32_t operand = parse_prefixed(parser, word, operator, tighter);
    parser->depth--;
    return add_operator(parser, operator, column, operand, SYNTAX_NONE);
}

static uint32_t parse_unary(struct parser *parser)
{
    return parse_prefixed(parser, "-", OPERATOR_NEGATE, parse_primary);
}

struct infix {
    const char *word;
    enum syntax_operator operator;
};

static const struct infix *next_infix(const struct parser *parser, const struct infix *table)
{
    for (; table->word; table++)
        if (next_is(parser, table->word))
            return table;
    return NULL;
}

/* operand { operator operand }, from the left. */
static uint32_t parse_chain(struct parser *parser, const struct infix *table,
                            uint32_t (*operand)(struct parser *parser))
{
    uint32_t left = operand(parser);
    for (const struct infix *infix; (infix = next_infix(parser, table));) {
        uint32_t column = parser->token.column;
        take(parser);
        uint32_t right = operand(parser);
        left = add_operator(parser, infix->operator, column, left, right);
    }
    return parser->failed ? SYNTAX_NONE : left;
}

static uint32_t parse_product(struct parser *parser)
{
    static const struct infix table[] = {
        {"*", OPERATOR_MULTIPLY}, {"/", OPERATOR_DIVIDE}, {"%", OPERATOR_REMAINDER}, {NULL, 0}};
    return parse_chain(parser, table, parse_unary);
}

static uint32_t parse_sum(struct parser *parser)
{
    static const struct infix table[] = {{"+", OPERATOR_ADD}, {"-", OPERATOR_SUBTRACT}, {NULL, 0}};
    return parse_chain(parser, table, parse_product);
}

/* One of a set; its node is the next one, so that the members stand in a row. */
static void parse_member(struct parser *parser, uint32_t in)
{
    uint32_t column = parser->token.column;
    bool negative = accept(parser, "-");
    bool number = parser->token.kind == TOKEN_NUMBER || parser->token.kind == TOKEN_DURATION;
    if (parser->failed || !is_literal(&parser->token) || (negative && !number)) {
        expected(parser, negative ? "a number" : "a number or a text");
        return;
    }
    uint32_t member = parse_literal(parser);
    if (member == SYNTAX_NONE)
        return;
    struct syntax_node *node = &parser->syntax->node[member];
    node->column = column;
    node->number = negative ? -node->number : node->number;
    parser->syntax->node[in].member_count++;
}

static void parse_set(struct parser *parser, uint32_t in)
{
    struct syntax_node *node = &parser->syntax->node[in];
    node->set_column = parser->token.column;
    if (parser->token.kind == TOKEN_NAME && !is_reserved(&parser->token)) {
        copy_token(&parser->token, node->name);
        take(parser);
        return;
    }
    if (!accept(parser, "(")) {
        expected(parser, "a list: its name, or values such as ('FR', 'DE')");
        return;
    }
    node->member = parser->syntax->count;
    parse_member(parser, in);
    while (accept(parser, ","))
        parse_member(parser, in);
    if (!parser->failed && !accept(parser, ")"))
        expected(parser, "',' or ')'");
}

/* Behind what is looked for; `not` is the next word, or `in`. */
static uint32_t parse_in(struct parser *parser, uint32_t left)
{
    struct syntax_node *node = add_node(parser, SYNTAX_IN, parser->token.column);
    if (!node)
        return SYNTAX_NONE;
    node->argument_count = 1;
    node->argument[0] = left;
    node->operator= accept(parser, "not") ? OPERATOR_NOT_IN : OPERATOR_IN;
    if (accept(parser, "in"))
        parse_set(parser, node_index(parser, node));
    else
        expected(parser, "'in'");
    return node_index(parser, node);
}

static uint32_t parse_comparison(struct parser *parser)
{
    static const struct infix table[] = {
        {"<", OPERATOR_LESS},
        {"<=", OPERATOR_LESS_EQUAL},
        {">", OPERATOR_GREATER},
        {">=", OPERATOR_GREATER_EQUAL},
        {"==", OPERATOR_EQUAL},
        {"!=", OPERATOR_NOT_EQUAL},
        {NULL, 0},
    };
    uint32_t left = parse_sum(parser);
    bool member = next_is(parser, "in") || next_is(parser, "not");
    const struct infix *infix = next_infix(parser, table);
    if (!infix && !member)
        return left;
    uint32_t column = parser->token.column;
    if (!member)
        take(parser);
    uint32_t right = member ? parse_in(parser, left) : parse_sum(parser);
    if (next_infix(parser, table) || next_is(parser, "in")) {
        parser->failed = !syntax_fail(parser->error, parser->token.column,
                                      "comparisons do not chain: write a < b and b < c");
        return SYNTAX_NONE;
    }
    return member ? right : add_operator(parser, infix->operator, column, left, right);
}

static uint32_t parse_not(struct parser *parser)
{
    return parse_prefixed(parser, "not", OPERATOR_NOT, parse_comparison);
}

static uint32_t parse_and(struct parser *parser)
{
    static const struct infix table[] = {{"and", OPERATOR_AND}, {NULL, 0}};
    return parse_chain(parser, table, parse_not);
}

static uint32_t parse_or(struct parser *parser)
{
    static const struct infix table[] = {{"or", OPERATOR_OR}, {NULL, 0}};
    return parse_chain(parser, table, parse_and);
}

static uint32_t parse_formula(struct parser *parser)
{
    if (!deeper(parser))
        return SYNTAX_NONE;
    uint32_t node = parse_or(parser);
    parser->depth--;
    return parser->failed ? SYNTAX_NONE : node;
}

static void parse_end(struct parser *parser)
{
    if (parser->failed || parser->token.kind == TOKEN_END)
        return;
    if (next_clause(parser)) {
        char shown[TOKEN_SHOWN_MAX];
        token_show(&parser->token, shown);
        parser->failed =
            !syntax_fail(parser->error, parser->token.column,
                         "%s belongs to a window: it follows a call such as count()", shown);
    } else {
        expected(parser, "an operator or the end");
    }
}

bool syntax_parse(struct syntax *syntax, const char *text, struct syntax_error *error)
{
    struct parser parser = {.syntax = syntax, .text = text, .at = text, .error = error};
    syntax->formula = text;
    syntax->count = 0;
    take(&parser);
    syntax->root = parse_formula(&parser);
    parse_end(&parser);
    return !parser.failed;
}
