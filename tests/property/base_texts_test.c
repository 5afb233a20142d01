/* Functions of texts, look-ups and clocks against definitions written apart from them, byte by
 * byte, on random texts of few letters; in any cut of rows, which must not change a byte. */
#include "base/program.h"
#include "base/random.h"
#include "base/zone.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 20181122, ROUNDS = 60, S = 0, T, N, W, COLUMNS, TEXT_MAX = 40 };

static struct random chance;
static struct program program;
static struct syntax syntax;
static struct batch batch;
static char text[2][BATCH_RECORDS_MAX][TEXT_MAX]; /* of s and t */

static struct list_member words[] = {{"a", 1, 0}, {"ab", 2, 0}, {"A", 1, 0}, {"b.a", 3, 0}};
static const struct lists lists = {.count = 1, .list = {{"words", LIST_TEXT, false, 4, words}}};

static uint32_t find_name(void *self, const struct syntax_node *node, struct syntax_error *error)
{
    (void)self, (void)error;
    static const char letters[] = "stnw";
    const char *letter = strchr(letters, node->name[0]);
    assert_non_null(letter);
    return (uint32_t)(letter - letters);
}

/* What a formula should give of a row: a number, or a text in `made`. */
typedef double define(const char *s, const char *t, double n, char made[TEXT_MAX]);

static void make_lower(const char *s, char *made)
{
    for (; *s; s++, made++)
        *made = (char)(*s >= 'A' && *s <= 'Z' ? *s - 'A' + 'a' : *s);
    *made = '\0';
}

static double define_lower(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)t, (void)n;
    make_lower(s, made);
    return 0;
}

static double define_domain(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)t, (void)n;
    char host[TEXT_MAX];
    const char *scheme = strstr(s, "://");
    snprintf(host, sizeof host, "%s", scheme ? scheme + 3 : strchr(s, '@') ? s : "");
    if (scheme)
        host[strcspn(host, "/?#\\")] = '\0';
    char *at = strrchr(host, '@'), *begin = at ? at + 1 : host;
    if (scheme)
        begin[strcspn(begin, ":")] = '\0';
    make_lower(begin, made);
    return 0;
}

static double define_prefix(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)n, (void)made;
    return *s && *t ? strncmp(s, t, strlen(t)) == 0 : MISSING;
}

static double define_suffix(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)n, (void)made;
    size_t size = strlen(s), part = strlen(t);
    return *s && *t ? size >= part && strcmp(s + size - part, t) == 0 : MISSING;
}

static double define_contains(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)n, (void)made;
    return *s && *t ? strstr(s, t) != NULL : MISSING;
}

static double define_length(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)t, (void)n, (void)made;
    double count = 0;
    for (const char *at = s; *at; at++)
        count += *at != '\xa9'; /* of the only character that has two bytes */
    return *s ? count : MISSING;
}

/* a*b anywhere, then the end. */
static double define_matches(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)t, (void)n, (void)made;
    size_t size = strlen(s);
    return *s ? size > 1 && s[size - 1] == 'b' && s[size - 2] == 'a' : MISSING;
}

static double define_in(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)t, (void)n, (void)made;
    return strcmp(s, "a") == 0 || strcmp(s, "ab") == 0 || strcmp(s, "A") == 0 ||
           strcmp(s, "b.a") == 0;
}

static double define_not_in(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    return *s && !(define_in(s, t, n, made) != 0);
}

static double define_numbers(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)s, (void)t, (void)made;
    return n == 0 || n == -2 || n == 3;
}

static double define_other(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    snprintf(made, TEXT_MAX, "%s", n > 0 ? s : *t ? t : "None");
    return define_lower(made, t, n, made);
}

static double define_clock(const char *s, const char *t, double n, char made[TEXT_MAX])
{
    (void)s, (void)t, (void)made;
    struct failure failure;
    static struct zone *zone;
    zone = zone ? zone : zone_open("Europe/Berlin", &failure);
    assert_non_null(zone);
    if (n != n)
        return MISSING;
    int64_t second = (int64_t)(1.5e9 + n * 1e6);
    int64_t local = second + zone_offset_ms(zone, second * 1000) / 1000;
    return (double)(local / 3600 % 24);
}

static const struct definition {
    const char *formula;
    define *of;
    bool makes; /* a text */
} definitions[] = {
    {"lower(s)", define_lower, true},
    {"domain(s)", define_domain, true},
    {"lower(domain(lower(s)))", define_domain, true},
    {"lower(if(n > 0, s, coalesce(t, 'None')))", define_other, true},
    {"prefix(s, t)", define_prefix, false},
    {"suffix(s, t)", define_suffix, false},
    {"contains(s, t)", define_contains, false},
    {"length(s)", define_length, false},
    {"matches(s, 'a+b$')", define_matches, false},
    {"s in words", define_in, false},
    {"s not in words", define_not_in, false},
    {"s in ('b.a', 'a', \"ab\", 'A')", define_in, false},
    {"n in (0, -2, 3)", define_numbers, false},
    {"hour(w, 'Europe/Berlin')", define_clock, false},
};

enum { DEFINITIONS = sizeof definitions / sizeof *definitions };

static uint32_t value_of[DEFINITIONS];

static void compile_all(void)
{
    static const enum value_type type[COLUMNS] = {TYPE_TEXT, TYPE_TEXT, TYPE_NUMBER, TYPE_TIME};
    const struct program_resolver resolver = {find_name, NULL, NULL};
    struct syntax_error error;
    struct failure failure;
    program_init(&program, (struct hash_key){1, 2});
    program.lists = &lists;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        uint32_t value = program_add_external(&program, type[i], 0, i + 1);
        if (type[i] == TYPE_TEXT)
            program.value[value].text_slot = program.text_count++;
    }
    for (uint32_t i = 0; i < DEFINITIONS; i++) {
        assert_true(syntax_parse(&syntax, definitions[i].formula, &error));
        value_of[i] = program_compile(&program, &syntax, syntax.root, &resolver, &error);
        if (value_of[i] == VALUE_NONE)
            fail_msg("%s: %s", definitions[i].formula, error.message);
    }
    program_finish(&program);
    assert_int_equal(batch_open_layers(&batch, program.value_count, program.text_count,
                                       program.layer_count, &failure),
                     STATUS_OK);
    program_prepare(&program, &batch);
}

static void any_text(char into[TEXT_MAX])
{
    static const char *const pieces[] = {"a", "b", "A", "B", ".", "@", "://",      "/",
                                         ":", "?", "a", "b", "Z", "[", "\xc3\xa9", "ab"};
    uint64_t count = random_below(&chance, 4) ? random_below(&chance, 8) : random_below(&chance, 3);
    into[0] = '\0';
    for (uint64_t i = 0; i < count; i++)
        strcat(into, pieces[random_below(&chance, sizeof pieces / sizeof *pieces)]);
    /* A bracket where a host begins is an IPv6 address, whose rule has a test of its own. */
    for (char *at = strstr(into, "["); at; at = strstr(at, "["))
        if (at > into && (at[-1] == '/' || at[-1] == '@'))
            *at = '_';
        else
            at++;
}

static void fill(void)
{
    struct position nowhere = position_nowhere;
    batch_clear(&batch);
    for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++) {
        double n = random_below(&chance, 5) ? (double)random_below(&chance, 9) - 4 : MISSING;
        assert_true(batch_add(&batch, RECORD_EVENT, nowhere, NULL, 0));
        for (uint32_t i = S; i <= T; i++) {
            struct span span = {0, 0};
            any_text(text[i][row]);
            size_t size = strlen(text[i][row]);
            assert_true(!size || batch_keep_text(&batch, row, text[i][row], size, &span));
            batch_texts(&batch, program.value[i].text_slot)[row] = span;
            batch_column(&batch, i)[row].key =
                size ? hash_bytes(program.key, text[i][row], size) : 0;
        }
        batch_column(&batch, N)[row].number = n;
        batch_column(&batch, W)[row].number = 1.5e9 + n * 1e6;
    }
}

static void run_in_pieces(void)
{
    for (uint32_t from = 0, to; from < BATCH_RECORDS_MAX; from = to) {
        to = from + 1 + (uint32_t)random_below(&chance, random_below(&chance, 2) ? 5 : 90);
        to = to > BATCH_RECORDS_MAX ? BATCH_RECORDS_MAX : to;
        program_run(&program, 0, &batch, from, to);
    }
}

static void compare(uint32_t i, uint32_t row)
{
    const struct definition *definition = &definitions[i];
    const struct program_value *value = &program.value[value_of[i]];
    char made[TEXT_MAX] = "";
    union value found = batch_column(&batch, value_of[i])[row], wanted;
    wanted.number =
        definition->of(text[S][row], text[T][row], batch_column(&batch, N)[row].number, made);
    if (definition->makes) {
        struct span span = batch_texts(&batch, value->text_slot)[row];
        wanted.key = *made ? hash_bytes(program.key, made, strlen(made)) : 0;
        if (span.size != strlen(made) || memcmp(batch_bytes(&batch, span), made, span.size) != 0)
            fail_msg("seed %d: %s is '%.*s', not '%s' (s '%s', t '%s')", SEED, definition->formula,
                     (int)span.size, batch_bytes(&batch, span), made, text[S][row], text[T][row]);
    }
    if (found.key != wanted.key)
        fail_msg("seed %d: %s is %g, not %g (s '%s', t '%s')", SEED, definition->formula,
                 found.number, wanted.number, text[S][row], text[T][row]);
}

static void texts_keep_to_their_definitions(void **unused)
{
    (void)unused;
    random_seed(&chance, SEED);
    compile_all();
    for (int round = 0; round < ROUNDS; round++) {
        fill();
        run_in_pieces();
        for (uint32_t i = 0; i < DEFINITIONS; i++)
            for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++)
                compare(i, row);
    }
    batch_close(&batch);
    program_close(&program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_keep_to_their_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
