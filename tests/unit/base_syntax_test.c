/* The parser: every production, how operators bind, and what errors say and where. */
#include "base/buffer.h"
#include "base/syntax.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct syntax syntax;
static struct syntax_error error;

static void show(struct buffer *text, uint32_t index);

static void show_call(struct buffer *text, const struct syntax_node *node)
{
    buffer_format(text, "%s(", node->name);
    for (uint32_t i = 0; i < node->argument_count; i++) {
        buffer_text(text, i ? "," : "");
        show(text, node->argument[i]);
    }
    buffer_text(text, ")");
    if (!node->has_window)
        return;
    buffer_text(text, "{");
    for (uint32_t i = 0; i < node->by_count; i++)
        buffer_format(text, "%s ", node->by[i]);
    static const char *const period[] = {"hour", "day", "week", "month", "year"};
    if (node->window == WINDOW_LAST)
        buffer_format(text, "last %lld", (long long)node->over_count);
    else if (node->window == WINDOW_PERIOD)
        buffer_format(text, "this %s", period[node->period]);
    else if (node->window == WINDOW_SESSION)
        buffer_format(text, "gap %lld", (long long)node->gap_ms);
    else
        buffer_format(text, "%lld", (long long)node->over_ms);
    buffer_format(text, "/%lld%s ", (long long)node->delay_ms, node->before ? " before" : "");
    if (node->where == SYNTAX_NONE)
        buffer_text(text, "-");
    else
        show(text, node->where);
    buffer_text(text, "}");
}

static void show_in(struct buffer *text, const struct syntax_node *node)
{
    buffer_text(text, "(");
    show(text, node->argument[0]);
    buffer_format(text, " %s %s[", node->operator== OPERATOR_IN ? "in" : "not in", node->name);
    for (uint32_t i = 0; i < node->member_count; i++) {
        buffer_text(text, i ? " " : "");
        show(text, node->member + i);
    }
    buffer_text(text, "])");
}

static void show_operator(struct buffer *text, const struct syntax_node *node)
{
    static const char *const name[] = {"-",  "not", "+",  "-",  "*",  "/",   "%", "<",
                                       "<=", ">",   ">=", "==", "!=", "and", "or"};
    buffer_text(text, "(");
    if (node->kind == SYNTAX_BINARY) {
        show(text, node->argument[0]);
        buffer_text(text, " ");
    }
    buffer_format(text, "%s ", name[node->operator]);
    show(text, node->argument[node->argument_count - 1]);
    buffer_text(text, ")");
}

/* Writes the tree with all its parentheses, so that a test compares one text. */
static void show(struct buffer *text, uint32_t index)
{
    const struct syntax_node *node = &syntax.node[index];
    if (node->kind == SYNTAX_NUMBER || node->kind == SYNTAX_DURATION)
        buffer_format(text, "%g", node->number);
    else if (node->kind == SYNTAX_BOOLEAN)
        buffer_text(text, node->number != 0 ? "yes" : "no");
    else if (node->kind == SYNTAX_TEXT)
        buffer_format(text, "[%s]", node->name);
    else if (node->kind == SYNTAX_NAME)
        buffer_text(text, node->name);
    else if (node->kind == SYNTAX_CALL)
        show_call(text, node);
    else if (node->kind == SYNTAX_IN)
        show_in(text, node);
    else
        show_operator(text, node);
}

static void expect_tree(const char *formula, const char *tree)
{
    char shown[1024];
    struct buffer text;
    buffer_init(&text, shown, sizeof shown - 1);
    if (!syntax_parse(&syntax, formula, &error))
        fail_msg("%s: column %u: %s", formula, error.column, error.message);
    show(&text, syntax.root);
    shown[text.size] = '\0';
    assert_string_equal(shown, tree);
}

static void expect_error(const char *formula, uint32_t column, const char *message)
{
    memset(&error, 0xAA, sizeof error);
    if (syntax_parse(&syntax, formula, &error))
        fail_msg("%s: parsed without an error", formula);
    assert_string_equal(error.message, message);
    assert_int_equal(error.column, column);
}

static void primaries(void **unused)
{
    (void)unused;
    expect_tree("1", "1");
    expect_tree(" \t\r\n 12.5 ", "12.5");
    expect_tree("1e3", "1000");
    expect_tree("2.5E-1", "0.25");
    expect_tree("1e+2", "100");
    expect_tree("90m", "5400");
    expect_tree("1.5h", "5400");
    expect_tree("250ms", "0.25");
    expect_tree("2w", "1.2096e+06");
    expect_tree("'it is \"so\"'", "[it is \"so\"]");
    expect_tree("\"it's\"", "[it's]");
    expect_tree("''", "[]");
    expect_tree("true", "yes");
    expect_tree("false", "no");
    expect_tree("_amount2", "_amount2");
    expect_tree("((amount))", "amount");
    expect_tree("f()", "f()");
    expect_tree("f (a, b ,c,4)", "f(a,b,c,4)");
    expect_tree("by + over", "(by + over)");
}

static void operators_bind(void **unused)
{
    (void)unused;
    expect_tree("a or b and c", "(a or (b and c))");
    expect_tree("a and b or c and d", "((a and b) or (c and d))");
    expect_tree("not a and b", "((not a) and b)");
    expect_tree("not a == b", "(not (a == b))");
    expect_tree("not not a", "(not (not a))");
    expect_tree("a < b and c >= d", "((a < b) and (c >= d))");
    expect_tree("a + 1 <= b - 1", "((a + 1) <= (b - 1))");
    expect_tree("a - b - c", "((a - b) - c)");
    expect_tree("a / b / c * d % e", "((((a / b) / c) * d) % e)");
    expect_tree("a + b * c", "(a + (b * c))");
    expect_tree("(a + b) * c", "((a + b) * c)");
    expect_tree("a + 1 in (1, -2, 3m) and b", "(((a + 1) in [1 -2 180]) and b)");
    expect_tree("not a in blocked", "(not (a in blocked[]))");
    expect_tree("a not in ('x', \"y\")", "(a not in [[x] [y]])");
    expect_tree("in in in", "(in in in[])"); /* a word only where an operator may stand */
    expect_tree("count() by in where a in b over 1h", "count(){in 3600000/0 (a in b[])}");
    expect_tree("-a * -b", "((- a) * (- b))");
    expect_tree("--a", "(- (- a))");
    expect_tree("a - -1", "(a - (- 1))");
    expect_tree("a != b", "(a != b)");
    expect_tree("a>b", "(a > b)");
    expect_tree("(a < b) == (c < d)", "((a < b) == (c < d))");
    expect_tree("notes or android", "(notes or android)");
}

static void clauses(void **unused)
{
    (void)unused;
    expect_tree("count() by card", "count(){card 0/0 -}");
    expect_tree("mean(a) by (card, merchant) over 7d delay 1h",
                "mean(a){card merchant 604800000/3600000 -}");
    expect_tree("sum(a) delay 1h over 2h by (card) before",
                "sum(a){card 7200000/3600000 before -}");
    expect_tree("count() over 1h by card / 2", "(count(){card 3600000/0 -} / 2)");
    expect_tree("count() where a > 1 and b over 1h", "count(){3600000/0 ((a > 1) and b)}");
    expect_tree("count() by card where a or b before delay 1s",
                "count(){card 0/1000 before (a or b)}");
    expect_tree("(count() by card where a) > 3 and c", "((count(){card 0/0 a} > 3) and c)");
    expect_tree("count() by card where a > 3 and c", "count(){card 0/0 ((a > 3) and c)}");
    expect_tree("count() where max(x) over 1h > 2 over 2h",
                "count(){7200000/0 (max(x){3600000/0 -} > 2)}");
    expect_tree("count() by card where (a > abs(b)) over 1h",
                "count(){card 3600000/0 (a > abs(b))}");
    expect_tree("mean(amount / mean(amount) by card) by shop",
                "mean((amount / mean(amount){card 0/0 -})){shop 0/0 -}");
    expect_tree("count() by over over 1h", "count(){over 3600000/0 -}");
    expect_tree("count() over last 50 by card", "count(){card last 50/0 -}");
    expect_tree("count() over last 1e6 before", "count(){last 1000000/0 before -}");
    expect_tree("count() over today delay 1d", "count(){this day/86400000 -}");
    expect_tree("count() over this week", "count(){this week/0 -}");
    expect_tree("count() over this hour + count() over this year",
                "(count(){this hour/0 -} + count(){this year/0 -})");
    expect_tree("count() session gap 30m where a", "count(){gap 1800000/0 a}");
    expect_tree("count() over session gap 30m", "count(){gap 1800000/0 -}");
    expect_tree("count() from 14d to 7d by a", "count(){a 604800000/604800000 -}");
    expect_tree("last(session) + from + today + this + gap",
                "((((last(session) + from) + today) + this) + gap)");
    expect_tree("count() where delay > 3 delay 1h", "count(){0/3600000 (delay > 3)}");
}

static void columns(void **unused)
{
    (void)unused;
    expect_tree("a + mean(bb) by (card, shop)", "(a + mean(bb){card shop 0/0 -})");
    const struct syntax_node *sum = &syntax.node[syntax.root];
    assert_int_equal(sum->column, 2);
    const struct syntax_node *call = &syntax.node[sum->argument[1]];
    assert_int_equal(call->column, 4);
    assert_int_equal(syntax.node[call->argument[0]].column, 9);
    assert_int_equal(call->by_column[0], 17);
    assert_int_equal(call->by_column[1], 23);
}

static void errors_in_windows(void **unused)
{
    (void)unused;
    expect_error("count() over", 12,
                 "expected a window such as 7d, last 50, today, this week or session gap 30m here, "
                 "found the end");
    expect_error("count() delay", 13, "expected a duration such as 7d here, found the end");
    expect_error("count() over last", 17,
                 "expected a whole number of events from 1 to 1000000, as in last 50, here, found "
                 "the end");
    expect_error("count() over last 2.5", 18,
                 "expected a whole number of events from 1 to 1000000, as in last 50, here, found "
                 "'2.5'");
    expect_error("count() over last 0", 18,
                 "expected a whole number of events from 1 to 1000000, as in last 50, here, found "
                 "'0'");
    expect_error("count() over last 1000001", 18,
                 "expected a whole number of events from 1 to 1000000, as in last 50, here, found "
                 "'1000001'");
    expect_error("count() over last 7d", 18,
                 "expected a whole number of events from 1 to 1000000, as in last 50, here, found "
                 "'7d'");
    expect_error("count() over this", 17,
                 "expected hour, day, week, month or year here, found the end");
    expect_error("count() session 30m", 16,
                 "expected gap and a duration, as in session gap 30m, here, found '30m'");
    expect_error("count() session gap", 19, "expected a duration such as 7d here, found the end");
    expect_error("count() from 7d", 15,
                 "expected to and a duration, as in from 14d to 7d, here, found the end");
    expect_error("count() from 7d to 7d", 13,
                 "from must lie further back than to, as in from 14d to 7d");
    expect_error("count() from 7d to 1d delay 1h", 22,
                 "'delay' says again what the window has said before");
    expect_error("count() over 7d session gap 1h", 16,
                 "'session' says again what the window has said before");
}

static void errors(void **unused)
{
    (void)unused;
    expect_error("", 0, "expected a number, a name or '(' here, found the end");
    expect_error("a +", 3, "expected a number, a name or '(' here, found the end");
    expect_error("a + * b", 4, "expected a number, a name or '(' here, found '*'");
    expect_error("a b", 2, "expected an operator or the end here, found 'b'");
    expect_error("(a", 2, "expected an operator or ')' here, found the end");
    expect_error("f(a", 3, "expected an operator, ',' or ')' here, found the end");
    expect_error("f(a b)", 4, "expected an operator, ',' or ')' here, found 'b'");
    expect_error("f(,)", 2, "expected a number, a name or '(' here, found ','");
    expect_error("f(1,2,3,4,5)", 10, "a call has at most 4 arguments");
    expect_error("a < b < c", 6, "comparisons do not chain: write a < b and b < c");
    expect_error("a in (1) in (2)", 9, "comparisons do not chain: write a < b and b < c");
    expect_error("a in (1) < 2", 9, "comparisons do not chain: write a < b and b < c");
    expect_error("a in", 4,
                 "expected a list: its name, or values such as ('FR', 'DE') here, found the end");
    expect_error("a in not", 5,
                 "expected a list: its name, or values such as ('FR', 'DE') here, found 'not'");
    expect_error("a in ()", 6, "expected a number or a text here, found ')'");
    expect_error("a in (b)", 6, "expected a number or a text here, found 'b'");
    expect_error("a in (-'b')", 7, "expected a number here, found 'b'");
    expect_error("a in (1 2)", 8, "expected ',' or ')' here, found '2'");
    expect_error("a not b", 6, "expected 'in' here, found 'b'");
    expect_error("a = b", 2, "'=' is not of this language: write '=='");
    expect_error("a && b", 2, "'&&' is not of this language: write 'and'");
    expect_error("a ** b", 2, "'**' is not of this language: write 'pow(x, y)'");
    expect_error("!a", 0, "'!' is not of this language: write 'not'");
    expect_error("a $ b", 2, "'$' means nothing in a formula");
    expect_error("a + \xc3\xa9t", 4, "'\xc3\xa9' means nothing in a formula");
    expect_error("a + \x07", 4, "'?' means nothing in a formula");
    expect_error("a or and", 5, "expected a number, a name or '(' here, found 'and'");
    expect_error(
        "5min", 0,
        "'5min' is neither a number nor a duration (a number above 0 with one of the units "
        "ms s m h d w, such as 90m)");
    expect_error("1.", 2, "expected a digit behind the point");
    expect_error("1e999", 0, "the number is too large");
    expect_error("a == 'b", 5, "the text has no closing '");
    expect_error("amount over 1h", 7,
                 "'over' belongs to a window: it follows a call such as count()");
    expect_error("count() over 7", 13,
                 "expected a duration with its unit (ms s m h d w, such as 7d) here, found '7'");
    expect_error("count() by 3", 11, "expected the name of a key field here, found '3'");
    expect_error("count() by (a, not)", 15, "expected the name of a key field here, found 'not'");
    expect_error("count() by (a, a)", 15, "'a' is named twice");
    expect_error("count() by (a b)", 14, "expected ',' or ')' here, found 'b'");
    expect_error("count() by (a,b,c,d,e)", 20, "a window has at most 4 keys");
    expect_error("count() over 1h by a over 2h", 21, "the window has a second 'over'");
    expect_error("count() by a where", 18, "expected a number, a name or '(' here, found the end");
}

static void long_things_are_refused(void **unused)
{
    (void)unused;
    char formula[8192];
    memset(formula, 'a', 64);
    formula[64] = '\0';
    expect_error(formula, 0, "the name is longer than 63 bytes");
    formula[63] = '\0';
    assert_true(syntax_parse(&syntax, formula, &error));
    assert_string_equal(syntax.node[syntax.root].name, formula);
    formula[0] = '\'';
    memset(formula + 1, 'a', 256);
    strcpy(formula + 257, "'");
    expect_error(formula, 0, "the text is longer than 255 bytes");
    strcpy(formula + 256, "'");
    assert_true(syntax_parse(&syntax, formula, &error));
    assert_int_equal(syntax.node[syntax.root].text_size, 255);
    assert_int_equal(strlen(syntax.node[syntax.root].name), 63);
    memcpy(formula + 63, "\xc3\xa9", 2); /* what is shown is cut between characters */
    assert_true(syntax_parse(&syntax, formula, &error));
    assert_int_equal(strlen(syntax.node[syntax.root].name), 62);
}

/* Each kind of nesting up to the bound and one beyond. */
static void depth_is_bounded(void **unused)
{
    (void)unused;
    static const char *const openings[] = {"(", "-", "not ", "f(", "count() where "};
    for (size_t kind = 0; kind < sizeof openings / sizeof *openings; kind++) {
        for (int depth = SYNTAX_DEPTH_MAX - 1; depth <= SYNTAX_DEPTH_MAX; depth++) {
            char formula[4096] = "";
            for (int i = 0; i < depth; i++)
                strcat(formula, openings[kind]);
            strcat(formula, "a");
            bool closes = openings[kind][strlen(openings[kind]) - 1] == '(';
            for (int i = 0; closes && i < depth; i++)
                strcat(formula, ")");
            bool parsed = syntax_parse(&syntax, formula, &error);
            assert_int_equal(parsed, depth < SYNTAX_DEPTH_MAX);
            if (!parsed)
                assert_string_equal(error.message,
                                    "the formula is nested more than 64 levels deep here");
        }
    }
}

static void size_is_bounded(void **unused)
{
    (void)unused;
    char formula[4096] = "a";
    for (int i = 0; i < 255; i++)
        strcat(formula, "+a");
    assert_true(syntax_parse(&syntax, formula, &error));
    assert_int_equal(syntax.count, 511);
    strcat(formula, "+a");
    assert_false(syntax_parse(&syntax, formula, &error));
    assert_string_equal(error.message, "the formula is too long: it has more than 512 parts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primaries),
        cmocka_unit_test(operators_bind),
        cmocka_unit_test(clauses),
        cmocka_unit_test(columns),
        cmocka_unit_test(errors),
        cmocka_unit_test(errors_in_windows),
        cmocka_unit_test(long_things_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
