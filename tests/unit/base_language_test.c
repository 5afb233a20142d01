/* What formulas say of texts, lists, durations and clocks: values, missing ones, types, mistakes.
 * One row of a batch is filled by hand, as a decoder would. */
#include "base/calendar.h"
#include "base/operation.h"
#include "base/program.h"
#include "base/zone.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char countries[][SCHEMA_NAME_MAX] = {"FR", "DE", "NL"};
static const struct field country_field = {
    .name = "country", .type = FIELD_ENUM, .choice_count = 3, .choices = countries};

enum { AMOUNT, FLAG, TIME_NAME, THEN, CARD, EMAIL, IP, NOTHING, HASHED, COUNTRY, NAMES };

/* In the order of their columns; those with a text have bytes. */
static const struct known {
    const char *name;
    enum value_type type;
    const char *text;
    double number;
} known[NAMES] = {
    {"amount", TYPE_NUMBER, NULL, 12.5},
    {"flag", TYPE_BOOLEAN, NULL, 1},
    {"time", TYPE_TIME, NULL, 1522544400}, /* Sunday 2018-04-01T01:00:00Z */
    {"then", TYPE_TIME, NULL, 1522540800}, /* an hour before */
    {"card", TYPE_TEXT, "4000123412341234", 0},
    {"email", TYPE_TEXT, "Jo\xc3\xa9.Doe@Mail.Example.COM", 0},
    {"ip", TYPE_TEXT, "10.1.2.3", 0},
    {"nothing", TYPE_TEXT, "", 0},
    {"hashed", TYPE_TEXT, NULL, 0}, /* comes out of a window */
    {"country", TYPE_ENUM, NULL, 1},
};

static struct list_member blocked[] = {
    {"4000123412341234", 16, 0}, {"FR", 2, 0}, {"DE", 2, 0}, {"none", 4, 0}};
static struct list_member few[] = {{NULL, 0, 12.5}, {NULL, 0, -1}, {NULL, 0, 1}};
static struct list_member nets[] = {{"10.0.0.0/8", 10, 0}, {"2001:db8::/32", 13, 0}};
static const struct lists lists = {
    .count = 4,
    .list = {{"blocked", LIST_TEXT, false, 4, blocked},
             {"few", LIST_NUMBER, false, 3, few},
             {"nets", LIST_NETWORK, false, 2, nets},
             {"empty", LIST_TEXT, false, 0, NULL}},
};

static const struct hash_key key = {1, 2};
static struct program program;
static struct syntax syntax;
static struct syntax_error error;
static struct batch batch;

static uint32_t find_name(void *self, const struct syntax_node *node, struct syntax_error *failed)
{
    (void)self;
    for (uint32_t i = 0; i < NAMES; i++)
        if (strcmp(known[i].name, node->name) == 0)
            return i;
    snprintf(failed->message, sizeof failed->message, "unknown name '%s'", node->name);
    return VALUE_NONE;
}

static int start(void **unused)
{
    (void)unused;
    program_init(&program, key);
    program.lists = &lists;
    for (uint32_t i = 0; i < NAMES; i++) {
        uint64_t print = hash_fingerprint(known[i].name, strlen(known[i].name));
        uint32_t value = program_add_external(&program, known[i].type, 0, print);
        if (known[i].text)
            program.value[value].text_slot = program.text_count++;
    }
    program.value[COUNTRY].field = &country_field;
    return 0;
}

static int stop(void **unused)
{
    (void)unused;
    program_close(&program);
    return 0;
}

static uint32_t compile(const char *formula)
{
    const struct program_resolver resolver = {find_name, NULL, NULL};
    if (!syntax_parse(&syntax, formula, &error))
        return VALUE_NONE;
    return program_compile(&program, &syntax, syntax.root, &resolver, &error);
}

static uint32_t compiled(const char *formula)
{
    uint32_t value = compile(formula);
    if (value == VALUE_NONE)
        fail_msg("%s: column %u: %s", formula, error.column, error.message);
    return value;
}

static void expect_error(const char *formula, uint32_t column, const char *message)
{
    if (compile(formula) != VALUE_NONE)
        fail_msg("%s: compiled without an error", formula);
    assert_string_equal(error.message, message);
    assert_int_equal(error.column, column);
}

static void fill_row(uint32_t row, const char *replaced)
{
    for (uint32_t i = 0; i < NAMES; i++) {
        const char *text = known[i].text && replaced && *known[i].text ? replaced : known[i].text;
        batch_column(&batch, i)[row].number = known[i].number;
        if (known[i].type == TYPE_TEXT)
            batch_column(&batch, i)[row].key =
                text && *text ? hash_bytes(key, text, strlen(text)) : 0;
        if (!text)
            continue;
        struct span span = {0, 0};
        assert_true(!*text || batch_keep_text(&batch, row, text, strlen(text), &span));
        batch_texts(&batch, program.value[i].text_slot)[row] = span;
    }
}

/* Runs everything over row 1 of two, with other texts in all fields if there are. */
static union value run(uint32_t value, const char *replaced, struct span *span)
{
    struct failure failure;
    struct position nowhere = position_nowhere;
    program_finish(&program);
    assert_int_equal(batch_open_layers(&batch, program.value_count, program.text_count,
                                       program.layer_count, &failure),
                     STATUS_OK);
    program_prepare(&program, &batch);
    for (uint32_t row = 0; row < 2; row++) {
        assert_true(batch_add(&batch, RECORD_EVENT, nowhere, "", 0));
        fill_row(row, row == 1 ? replaced : "Other@Else.org");
    }
    program_run(&program, 0, &batch, 0, 2);
    if (span && program.value[value].text_slot != SLOT_NONE)
        *span = batch_texts(&batch, program.value[value].text_slot)[1];
    return batch_column(&batch, value)[1];
}

static void expect_with(const char *text, const char *formula, double number)
{
    uint32_t index = compiled(formula);
    union value found = run(index, text, NULL), wanted = {.number = number};
    batch_close(&batch);
    if (found.key != wanted.key)
        fail_msg("%s is %.17g, not %.17g, with %s", formula, found.number, number, text);
}

static void expect(const char *formula, double number)
{
    expect_with(NULL, formula, number);
}

/* "": it is missing. */
static void expect_text(const char *text, const char *formula, const char *wanted)
{
    struct span span = {0, 0};
    union value found = run(compiled(formula), text, &span);
    char shown[256];
    snprintf(shown, sizeof shown, "%.*s", (int)span.size, batch_bytes(&batch, span));
    assert_string_equal(shown, wanted);
    assert_true(found.key == (*wanted ? hash_bytes(key, wanted, strlen(wanted)) : 0));
    batch_close(&batch);
}

static void texts_are_made(void **unused)
{
    (void)unused;
    expect_text(NULL, "lower(email)", "jo\xc3\xa9.doe@mail.example.com");
    expect_text("\xc3\x89"
                "A@[Z",
                "lower(email)",
                "\xc3\x89"
                "a@[z");
    expect_text(NULL, "lower(card)", "4000123412341234");
    expect_text(NULL, "lower(nothing)", "");
    expect_text(NULL, "domain(email)", "mail.example.com");
    expect_text(NULL, "domain(card)", "");
    expect_text("a@b@C", "domain(email)", "c");
    expect_text("a@", "domain(email)", "");
    expect_text("https://u:p@Www.Example.org:8080/a@b?c#d", "domain(email)", "www.example.org");
    expect_text("ftp://h", "domain(email)", "h");
    expect_text("x://[2001:DB8::1]:80/", "domain(email)", "2001:db8::1");
    expect_text("://", "domain(email)", "");
    expect_text("http://a?b@c", "domain(email)", "a");
    expect_text(NULL, "lower(lower(domain(lower(email))))", "mail.example.com");
    expect_text(NULL, "lower(if(flag, email, card))", "jo\xc3\xa9.doe@mail.example.com");
    expect_text(NULL, "lower(if(not flag, email, 'ABC'))", "abc");
    expect_text(NULL, "lower(coalesce(nothing, 'X', email))", "x");
    expect_text(NULL, "lower(coalesce(nothing, card))", "4000123412341234");
}

static void texts_are_asked(void **unused)
{
    (void)unused;
    expect("prefix(card, '4000')", 1);
    expect("prefix(card, '40001234123412345')", 0);
    expect("prefix(card, '')", MISSING);
    expect("suffix(email, '.COM')", 1);
    expect("suffix(email, '.com')", 0);
    expect("suffix(lower(email), '.com')", 1);
    expect("suffix(card, card)", 1);
    expect("contains(email, '.Example.')", 1);
    expect("contains(email, 'example')", 0);
    expect("contains(card, ip)", 0);
    expect("prefix(nothing, 'a')", MISSING);
    expect("prefix(card, nothing)", MISSING);
    expect("length(email)", 24);
    expect("length(nothing)", MISSING);
    expect("matches(card, '^[0-9]{16}$')", 1);
    expect("matches(card, '12$')", 0);
    expect("matches(email, 'doe')", 0);
    expect("matches(email, '(?i)doe')", 1);
    expect("matches(email, \"Jo.\\\\.\")", 0);
    expect("matches(email, 'Jo.[.]')", 1);
    expect("matches(nothing, '')", MISSING);
    expect("lower(email) == 'jo\xc3\xa9.doe@mail.example.com'", 1);
    expect("lower(email) == email", 0);
    expect("lower(card) == card", 1);
    expect("is_missing(domain(card))", 1);
    expect("if(prefix(nothing, 'a'), 1, 2)", 2);
    expect("not prefix(nothing, 'a')", 1);
}

static void sets_are_looked_up(void **unused)
{
    (void)unused;
    expect("amount in (1, 12.5)", 1);
    expect("amount not in (1, 12.5)", 0);
    expect("amount in (-12.5)", 0);
    expect("-amount in (-12.5)", 1);
    expect("amount - 12.5 in (0)", 1);
    expect("0 * -amount in (0)", 1);
    expect("time - then in (1h)", 1);
    expect("amount in few", 1);
    expect("flag in few", 1);
    expect("1 / 0 in few", 0);
    expect("1 / 0 not in few", 0);
    expect("not 1 / 0 in few", 1);
    expect("card in blocked", 1);
    expect("email in blocked", 0);
    expect("email not in blocked", 1);
    expect("nothing in blocked", 0);
    expect("nothing not in blocked", 0);
    expect("card in empty", 0);
    expect("card not in empty", 1);
    expect("card in ('a', '4000123412341234')", 1);
    expect("hashed in ('a')", 0);
    expect("lower('FR') in ('fr')", 1);
    expect("country in ('FR', 'DE')", 1);
    expect("country in ('FR', 'NL')", 0);
    expect("country in blocked", 1); /* of which only some are choices */
    expect("time in ('2018-04-01T01:00:00Z')", 1);
    expect("ip in nets", 1);
    expect("ip not in nets", 0);
    expect_with("11.0.0.1", "ip in nets", 0);
    expect_with("2001:db8:1::", "ip in nets", 1);
    expect_with("no address", "ip in nets", 0);
    expect_with("no address", "ip not in nets", 1);
    expect("nothing in nets", 0);
    expect("nothing not in nets", 0);
    expect("'10.9.9.9' in nets", 1);
}

static void durations_are_a_type(void **unused)
{
    (void)unused;
    static const struct {
        const char *formula;
        enum value_type type;
    } rows[] = {
        {"1h", TYPE_DURATION},
        {"time - then", TYPE_DURATION},
        {"-(time - then)", TYPE_DURATION},
        {"1h + 1m", TYPE_DURATION},
        {"1h - 1m", TYPE_DURATION},
        {"1h * 2", TYPE_DURATION},
        {"amount * 1h", TYPE_DURATION},
        {"(time - then) / 2", TYPE_DURATION},
        {"(time - then) % 1m", TYPE_DURATION},
        {"abs(then - time)", TYPE_DURATION},
        {"min(1h, time - then)", TYPE_DURATION},
        {"coalesce(time - then, 1h)", TYPE_DURATION},
        {"(time - then) / 1h", TYPE_NUMBER},
        {"1 / 1h", TYPE_NUMBER},
        {"1h + 1", TYPE_NUMBER}, /* serves as its seconds */
        {"if(flag, 1h, amount)", TYPE_NUMBER},
        {"time - 1h", TYPE_TIME},
        {"time + 60", TYPE_TIME},
        {"location(amount, 2)", TYPE_LOCATION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(program.value[compiled(rows[i].formula)].type, rows[i].type);
    expect("(time - then) / 1h", 1);
    expect("time - then > 30m", 1);
    expect("time - then > 3599", 1);
    expect("1h == 3600", 1);
    expect("location(amount, 2) == location(12.5, 2)", 1);
    expect("location(amount, 2) == location(2, amount)", 0);
    expect("location(amount, 2) != location(2, amount)", 1);
    expect("is_missing(location(1 / 0, 2))", 1);
    expect("is_missing(location(0, 0))", 0);
}

static void clocks_have_zones(void **unused)
{
    (void)unused;
    struct failure failure;
    expect("hour(time)", 1);
    expect("hour(time, 'UTC')", 1);
    expect("hour(time, 'Europe/Berlin')", 3); /* a week after the clocks went forward */
    expect("hour(time - 7d - 1h, 'Europe/Berlin')", 1);
    expect("hour(time - 7d, 'Europe/Berlin')", 3);
    expect("minute(time, 'Asia/Kolkata')", 30);
    expect("day(time, 'America/New_York')", 31);
    expect("month(time, 'America/New_York')", 3);
    expect("weekday(time, 'America/New_York')", 5);
    expect("is_weekend(time + 1d)", 0);
    expect("is_weekend(time)", 1);
    expect("day_of_year(time)", 91);
    expect("day_of_year('2016-12-31')", 366);
    expect("year(time)", 2018);
    expect("year('2017-12-31T23:30:00Z', 'Europe/Berlin')", 2018);
    expect("month('1969-02-28')", 2);
    expect("year(time + 1e12)", MISSING);
    expect("hour(time + 1 / 0)", MISSING);
    struct zone *zone = zone_open("Asia/Tokyo", &failure);
    program.zone = zone;
    expect("hour(time)", 10);
    expect("hour(time, 'UTC')", 1);
    program.zone = NULL;
    zone_close(zone);
}

/* What means the same is computed once, and what is constant never. */
static void meanings_are_shared(void **unused)
{
    (void)unused;
    static const char *const same[][2] = {
        {"card in ('a', 'b')", "card in ('b', 'a')"},
        {"lower(email)", "lower( email )"},
        {"matches(email, 'a+')", "matches(email, \"a+\")"},
        {"hour(time, 'Asia/Tokyo')", "hour(time,'Asia/Tokyo')"},
        {"ip in nets", "(ip) in nets"},
    };
    static const char *const other[][2] = {
        {"card in ('a')", "card in ('b')"},
        {"card in ('a')", "card not in ('a')"},
        {"matches(email, 'a+')", "matches(email, 'a*')"},
        {"hour(time, 'Asia/Tokyo')", "hour(time, 'Asia/Kolkata')"},
        {"lower(email)", "domain(email)"},
        {"amount in (1)", "amount in few"},
    };
    static const char *const constants[] = {"lower('AB') == 'ab'",
                                            "'x' in ('x', 'y')",
                                            "matches('abc', 'b')",
                                            "'10.0.0.1' in nets",
                                            "length('ab') == 2",
                                            "domain('a@b') == 'b'",
                                            "hour('2018-07-01T00:00:00Z', 'Europe/Berlin') == 2"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_int_equal(compiled(same[i][0]), compiled(same[i][1]));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        uint32_t a = compiled(other[i][0]), b = compiled(other[i][1]);
        assert_true(program.value[a].fingerprint != program.value[b].fingerprint);
    }
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        const struct program_value *value = &program.value[compiled(constants[i])];
        assert_true(value->constant && value->literal.number == 1);
    }
    uint32_t count = program.value_count;
    compiled("hour(time, 'Asia/Tokyo') + minute(time, 'Asia/Tokyo')");
    assert_int_equal(program.value_count, count + 2); /* the local time is there */
    uint64_t print = program.value[compiled("card in blocked")].fingerprint;
    stop(NULL);
    start(NULL);
    program.key = (struct hash_key){7, 8};
    assert_true(program.value[compiled("card in blocked")].fingerprint == print);
}

static void mistakes(void **unused)
{
    (void)unused;
    expect_error("lower(amount)", 6, "'lower' takes a text here, not a number");
    expect_error("prefix(card, 4)", 13, "'prefix' takes a text here, not a number");
    expect_error("prefix(card)", 0, "prefix(x, start) takes 2 values, found 1");
    expect_error("lower(hashed)", 6,
                 "'lower' looks at the characters of a text, and of this one only a hash is kept: "
                 "it comes out of a window");
    expect_error("1 + length(coalesce(hashed, card))", 11,
                 "'length' looks at the characters of a text, and of this one only a hash is kept: "
                 "it comes out of a window");
    expect_error("hashed in nets", 7,
                 "'in' looks at the characters of a text, and of this one only a hash is kept: it "
                 "comes out of a window");
    expect_error("matches(card, 'ab(c')", 15, "'ab(c' is no regular expression: missing ): ab(c");
    expect_error("matches(card, 'ab[z-a]')", 18,
                 "'ab[z-a]' is no regular expression: invalid character class range: z-a");
    expect_error("matches(card, email)", 14, "'matches' takes a regular expression here, a text");
    expect_error("matches(card)", 0, "matches(x, pattern) takes 2 values, found 1");
    expect_error("matches(amount, 'a')", 8, "'matches' takes a text here, not a number");
    expect_error("matches(card, '((((a{100}){100}){100}){100})')", 20,
                 "'((((a{100}){100}){100}){100})' is no regular expression: invalid repetition "
                 "size: {100}");
    expect_error("matches(card, '(\\pL{400}\\pN{400}){2}')", 15,
                 "'(\\pL{400}\\pN{400}){2}' is no regular expression: it needs too much memory");
    expect_error("card in (1)", 9, "'in' looks for a text here, and this is a number");
    expect_error("amount in (1, 'a')", 14, "'in' looks for a number here, and this is a text");
    expect_error("country in ('FR', 'DK')", 18,
                 "'DK' is none of the choices of country; did you mean 'DE'?");
    expect_error("time in ('soon')", 9,
                 "'soon' is no time: it stands beside one and must look like '2018-05-01' or "
                 "'2018-05-01T12:30:00Z'");
    expect_error("card in blockd", 8, "unknown list 'blockd'; did you mean 'blocked'?");
    expect_error("card in xyz", 8, "unknown list 'xyz': \"lists\" in the configuration names them");
    expect_error("amount in blocked", 7,
                 "'blocked' is a list of texts, and this looks for a number in it");
    expect_error("card in few", 5, "'few' is a list of numbers, and this looks for a text in it");
    expect_error("country in nets", 8,
                 "'nets' is a list of networks, and this looks for an enum in it");
    expect_error("location(1, 2) in few", 15, "'in' does not go with a location");
    expect_error("location(time, 2)", 9, "'location' takes a number here, not a time");
    expect_error("location(1, 2) + 1", 0, "'+' takes a number or a time here, not a location");
    expect_error("hour(time, 1)", 11,
                 "'hour' takes the name of a time zone here, such as 'Europe/Berlin'");
    expect_error("hour(time, 'UTC', 1)", 0, "hour(time[, zone]) takes 2 values, found 3");
    expect_error("hour()", 0, "hour(time[, zone]) takes 1 value, found 0");
    expect_error("hour(1h)", 5, "'hour' takes a time here, not a duration");
    expect_error("1h and flag", 0, "'and' takes a boolean here, not a duration");
    assert_int_equal(compile("hour(time, 'Europe/Berln')"), VALUE_NONE);
    assert_int_equal(error.column, 11);
    assert_non_null(strstr(error.message, "Europe/Berln"));
}

/* An example is a formula over these names. */
static uint32_t find_example(void *self, const struct syntax_node *node,
                             struct syntax_error *failed)
{
    static const char *const texts[] = {"card", "email", "country"};
    (void)self, (void)failed;
    if (strcmp(node->name, "time") == 0)
        return TIME_NAME;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(node->name, texts[i]) == 0)
            return CARD;
    return AMOUNT;
}

static void examples_compile(void **unused)
{
    (void)unused;
    const struct program_resolver resolver = {find_example, NULL, NULL};
    uint32_t count;
    const struct program_function *functions = program_functions(&count);
    for (uint32_t i = 0; i < count; i++) {
        bool good =
            syntax_parse(&syntax, functions[i].example, &error) &&
            program_compile(&program, &syntax, syntax.root, &resolver, &error) != VALUE_NONE;
        if (!good)
            fail_msg("%s: %s", functions[i].example, error.message);
        assert_non_null(strstr(functions[i].example, functions[i].name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts_are_made, start, stop),
        cmocka_unit_test_setup_teardown(texts_are_asked, start, stop),
        cmocka_unit_test_setup_teardown(sets_are_looked_up, start, stop),
        cmocka_unit_test_setup_teardown(durations_are_a_type, start, stop),
        cmocka_unit_test_setup_teardown(clocks_have_zones, start, stop),
        cmocka_unit_test_setup_teardown(meanings_are_shared, start, stop),
        cmocka_unit_test_setup_teardown(mistakes, start, stop),
        cmocka_unit_test_setup_teardown(examples_compile, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
