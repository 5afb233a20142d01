/* Any text as a formula: parsed, compiled against a few fields and a pretended window, run over a
 * batch. What comes out is a value whose numbers are finite or MISSING, or an error inside the
 * text. */
#include "base/assert.h"
#include "base/program.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static char choices[][SCHEMA_NAME_MAX] = {"approved", "declined"};
static const struct field status = {
    .name = "status", .type = FIELD_ENUM, .choice_count = 2, .choices = choices};

static const struct known {
    const char *name;
    enum value_type type;
    uint8_t level;
} known[] = {
    {"amount", TYPE_NUMBER, 0}, {"flag", TYPE_BOOLEAN, 0},
    {"time", TYPE_TIME, 0},     {"card", TYPE_TEXT, 0},
    {"status", TYPE_ENUM, 0},   {"score", TYPE_NUMBER, PROGRAM_SCORE_LEVEL},
    {"email", TYPE_TEXT, 0},
};

enum { STATUS = 4, EMAIL = 6 };

static struct list_member list_texts[] = {{"a", 1, 0}, {"approved", 8, 0}};
static struct list_member list_numbers[] = {{NULL, 0, 1}, {NULL, 0, 17.5}};
static struct list_member list_networks[] = {{"10.0.0.0/8", 10, 0}, {"::/0", 4, 0}};
static const struct lists lists = {
    .count = 3,
    .list = {{"t", LIST_TEXT, false, 2, list_texts},
             {"n", LIST_NUMBER, false, 2, list_numbers},
             {"w", LIST_NETWORK, false, 2, list_networks}},
};

enum { KNOWN = sizeof known / sizeof *known, LAYERS = 64 };

static struct program program;
static struct syntax syntax;
static struct batch batch;

static uint32_t find_name(void *self, const struct syntax_node *node, struct syntax_error *error)
{
    (void)self, (void)error;
    for (uint32_t i = 0; i < KNOWN; i++)
        if (strcmp(known[i].name, node->name) == 0)
            return i;
    return VALUE_NONE;
}

/* Compiles what belongs to the window, then gives a column one level above. */
static uint32_t find_window(void *self, const struct syntax *tree, const struct syntax_node *node,
                            struct syntax_error *error)
{
    const struct program_resolver resolver = {find_name, find_window, self};
    uint8_t level = 0;
    for (uint32_t i = 0; i <= node->argument_count; i++) {
        uint32_t part = i < node->argument_count ? node->argument[i] : node->where;
        if (part == SYNTAX_NONE)
            continue;
        uint32_t value = program_compile(&program, tree, part, &resolver, error);
        if (value == VALUE_NONE)
            return VALUE_NONE;
        level = program.value[value].level > level ? program.value[value].level : level;
    }
    if (level + 1 >= PROGRAM_SCORE_LEVEL)
        return VALUE_NONE;
    return program_add_external(&program, TYPE_NUMBER, (uint8_t)(level + 1), 99);
}

static void fill(void)
{
    static const double numbers[] = {0, 1, -0.0, 17.5, 1e300, -1e300, 1525132800};
    for (uint32_t i = 0; i < program.value_count; i++) {
        const struct program_value *value = &program.value[i];
        for (uint32_t row = 0; row < 16 && !value->operation && !value->constant; row++) {
            double number = row % 8 == 7 ? MISSING : numbers[row % 8];
            bool narrow = value->type == TYPE_BOOLEAN || value->type == TYPE_ENUM;
            if (value->type == TYPE_TEXT)
                batch_column(&batch, i)[row].key = row % 3;
            else
                batch_column(&batch, i)[row].number = narrow && !isnan(number) ? row % 2 : number;
        }
    }
}

/* What a decoder would put there: a text with its hash. */
static void fill_texts(void)
{
    static const char *const emails[] = {"", "A@B.com", "http://x@Y:1/", "10.1.2.3", "\xff@@"};
    struct span *span = batch_texts(&batch, program.value[EMAIL].text_slot);
    for (uint32_t row = 0; row < 16; row++) {
        const char *text = emails[row % 5];
        size_t size = strlen(text);
        span[row] = (struct span){row * 64, (uint32_t)size};
        memcpy(batch.bytes + span[row].offset, text, size);
        batch_column(&batch, EMAIL)[row].key = size ? hash_bytes(program.key, text, size) : 0;
    }
}

static void check(uint32_t index)
{
    const struct program_value *value = &program.value[index];
    const union value *column = batch_column(&batch, index);
    union value missing = {.number = MISSING};
    for (uint32_t row = 0; row < 16 && value->text_slot != SLOT_NONE; row++) {
        struct span span = batch_texts(&batch, value->text_slot)[row];
        uint64_t hash =
            span.size ? hash_bytes(program.key, batch_bytes(&batch, span), span.size) : 0;
        /* An empty literal has no bytes and yet a hash: it is no missing text. */
        ASSERT(value->constant || !span.size || column[row].key == hash);
    }
    for (uint32_t row = 0; row < 16 && !value_type_is_key(value->type); row++) {
        bool boolean = column[row].number == 0 || column[row].number == 1;
        bool stored = value->type == TYPE_BOOLEAN ? boolean : isfinite(column[row].number);
        ASSERT(stored || column[row].key == missing.key);
    }
}

static void run(void)
{
    program_finish(&program);
    if (program.layer_count > LAYERS)
        return;
    program_prepare(&program, &batch);
    fill();
    fill_texts();
    for (uint32_t level = 0; level < PROGRAM_SCORE_LEVEL; level++)
        program_run(&program, level, &batch, 0, 16);
    for (uint32_t row = 0; row < 16; row++)
        program_run_scored(&program, &batch, row, row + 1);
    for (uint32_t i = 0; i < program.value_count; i++)
        check(i);
}

static void try_formula(const char *text, size_t size)
{
    const struct program_resolver resolver = {find_name, find_window, NULL};
    struct syntax_error error;
    memset(&error, 'x', sizeof error);
    program_init(&program, (struct hash_key){1, 2});
    for (uint32_t i = 0; i < KNOWN; i++)
        program_add_external(&program, known[i].type, known[i].level, i + 1);
    program.value[STATUS].field = &status;
    program.value[EMAIL].text_slot = program.text_count++;
    program.lists = &lists;
    bool parsed = syntax_parse(&syntax, text, &error);
    if (parsed && program_compile(&program, &syntax, syntax.root, &resolver, &error) != VALUE_NONE)
        run();
    else
        ASSERT(memchr(error.message, '\0', sizeof error.message) && error.column <= size);
    program_close(&program);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct failure failure;
    if (!batch.columns && batch_open_layers(&batch, PROGRAM_VALUES_MAX, PROGRAM_VALUES_MAX, LAYERS,
                                            &failure) != STATUS_OK)
        abort();
    char *text = malloc(size + 1);
    if (!text)
        abort();
    if (size)
        memcpy(text, bytes, size);
    text[size] = '\0';
    try_formula(text, size);
    free(text);
    return 0;
}
