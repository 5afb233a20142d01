/* What formulas cost: thirty of them as a payment pipeline has, over full batches, and the few that
 * depend on a score, row by row.  Prints one JSON line a figure. */
#include "base/clock.h"
#include "base/program.h"
#include "base/random.h"
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 20000, NAMES = 14, EMAIL = 12, IP, LIST_SIZE = 10000 };

static const struct known {
    const char *name;
    enum value_type type;
    uint8_t level;
} known[NAMES] = {
    {"amount", TYPE_NUMBER, 0},
    {"time", TYPE_TIME, 0},
    {"before", TYPE_TIME, 0},
    {"card", TYPE_TEXT, 0},
    {"merchant", TYPE_TEXT, 0},
    {"online", TYPE_BOOLEAN, 0},
    {"count_1h", TYPE_NUMBER, 0},
    {"count_1d", TYPE_NUMBER, 0},
    {"mean_30d", TYPE_NUMBER, 0},
    {"sd_30d", TYPE_NUMBER, 0},
    {"fraud", TYPE_NUMBER, PROGRAM_SCORE_LEVEL},
    {"strange", TYPE_NUMBER, PROGRAM_SCORE_LEVEL},
    {"email", TYPE_TEXT, 0},
    {"ip", TYPE_TEXT, 0},
};

static const char *const formulas[] = {
    "amount / mean_30d",
    "(amount - mean_30d) / sd_30d",
    "amount - mean_30d > 3 * sd_30d",
    "count_1h / coalesce(count_1d, 1)",
    "count_1h > 5 and amount < 2",
    "hour(time)",
    "hour(time) < 6",
    "weekday(time)",
    "is_weekend(time)",
    "is_weekend(time) and hour(time) < 6",
    "time - before",
    "time - before < 10m and card != merchant",
    "card == '4000000000000002'",
    "if(online, amount, 0)",
    "if(online and amount > 100, count_1h, count_1d)",
    "max(amount, mean_30d)",
    "min(count_1h, 20, count_1d)",
    "clamp(amount, 0, 5000)",
    "abs(amount - mean_30d)",
    "sign(amount - mean_30d)",
    "amount > 500 or count_1h > 10 or not online",
    "is_missing(mean_30d)",
    "coalesce(mean_30d, amount)",
    "sqrt(count_1h)",
    "floor(amount)",
};

/* What looks at bytes, or a value up. */
static const char *const texts[] = {
    "lower(email)",
    "domain(email) == 'example.com'",
    "suffix(email, '.org')",
    "contains(email, '+')",
    "matches(email, '^[a-z]+[0-9]{4,}@')",
    "length(email)",
    "card in blocked",
    "ip in networks",
    "amount in (1, 2, 3)",
    "hour(time, 'Europe/Berlin') < 6",
};

static const char *const libm[] = {"log1p(amount)", "exp(-count_1h)", "pow(amount, 0.3)",
                                   "amount % 10", "day(time)"};
static const char *const scored[] = {"fraud > 0.9", "fraud * 0.7 + strange * 0.3",
                                     "fraud > 0.5 and amount > 1000 and hour(time) < 6"};

static struct program program;
static struct syntax syntax;
static struct batch batch;
static struct lists lists;

static uint32_t find_name(void *self, const struct syntax_node *node, struct syntax_error *error)
{
    (void)self, (void)error;
    for (uint32_t i = 0; i < NAMES; i++)
        if (strcmp(known[i].name, node->name) == 0)
            return i;
    return VALUE_NONE;
}

static void compile(const char *const *wanted, size_t count)
{
    const struct program_resolver resolver = {find_name, NULL, NULL};
    struct syntax_error error;
    for (size_t i = 0; i < count; i++)
        if (!syntax_parse(&syntax, wanted[i], &error) ||
            program_compile(&program, &syntax, syntax.root, &resolver, &error) == VALUE_NONE)
            fprintf(stderr, "%s: %s\n", wanted[i], error.message);
}

/* A list of cards and one of networks, ten thousand each. */
static void fill_lists(void)
{
    static char text[2][LIST_SIZE][24];
    static struct list_member member[2][LIST_SIZE];
    for (uint32_t i = 0; i < LIST_SIZE; i++) {
        snprintf(text[0][i], sizeof text[0][i], "4000%012u", i);
        snprintf(text[1][i], sizeof text[1][i], "10.%u.%u.0/24", i >> 8, i & 255);
        for (int list = 0; list < 2; list++)
            member[list][i] =
                (struct list_member){text[list][i], (uint32_t)strlen(text[list][i]), 0};
    }
    lists = (struct lists){.count = 2,
                           .list = {{"blocked", LIST_TEXT, false, LIST_SIZE, member[0]},
                                    {"networks", LIST_NETWORK, false, LIST_SIZE, member[1]}}};
}

static void start(const char *const *wanted, size_t count)
{
    program_close(&program);
    program_init(&program, (struct hash_key){1, 2});
    program.lists = &lists;
    for (uint32_t i = 0; i < NAMES; i++) {
        uint32_t value = program_add_external(&program, known[i].type, known[i].level, i + 1);
        if (i >= EMAIL)
            program.value[value].text_slot = program.text_count++;
    }
    compile(wanted, count);
    program_finish(&program);
    program_prepare(&program, &batch);
}

static void fill(void)
{
    struct random chance;
    random_seed(&chance, 1);
    for (uint32_t i = 0; i < NAMES; i++) {
        for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++) {
            double draw = random_uniform(&chance);
            if (known[i].type == TYPE_TEXT)
                batch_column(&batch, i)[row].key = 1 + random_below(&chance, 1000);
            else if (known[i].type == TYPE_BOOLEAN)
                batch_column(&batch, i)[row].number = draw < 0.5;
            else
                batch_column(&batch, i)[row].number =
                    known[i].type == TYPE_TIME ? 1.5e9 + draw * 1e7 : draw * 1000;
        }
    }
}

/* Bytes as a decoder leaves them: other ones a row. */
static void fill_texts(void)
{
    struct position nowhere = position_nowhere;
    for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row++) {
        char text[2][48];
        snprintf(text[0], sizeof text[0], "Customer%u@mail%u.Example.%s", row * 977, row % 7,
                 row % 3 ? "com" : "org");
        snprintf(text[1], sizeof text[1], "%u.%u.3.4", row % 2 ? 10 : 11, row % 64);
        batch_add(&batch, RECORD_EVENT, nowhere, NULL, 0);
        for (uint32_t i = EMAIL; i <= IP; i++) {
            struct span *span = &batch_texts(&batch, i - EMAIL)[row];
            const char *bytes = text[i - EMAIL];
            batch_keep_text(&batch, row, bytes, strlen(bytes), span);
            batch_column(&batch, i)[row].key = hash_bytes(program.key, bytes, strlen(bytes));
        }
    }
}

/* `rows` at a time, at one level. */
static void measure(const char *name, size_t count, uint32_t level, uint32_t rows)
{
    uint64_t from = clock_monotonic_ns(&system_clock);
    for (int round = 0; round < ROUNDS; round++)
        for (uint32_t row = 0; row < BATCH_RECORDS_MAX; row += rows)
            program_run(&program, level, &batch, row, row + rows);
    double spent = (double)(clock_monotonic_ns(&system_clock) - from);
    double events = (double)ROUNDS * BATCH_RECORDS_MAX;
    uint32_t operations = program.level_start[level + 1] - program.level_start[level];
    printf("{\"bench\": \"program\", \"case\": \"%s\", \"rows\": %u, \"formulas\": %zu, "
           "\"operations\": %u, \"ns_per_event\": %.2f, \"ns_per_operation\": %.3f}\n",
           name, rows, count, operations, spent / events, spent / events / operations);
}

int main(void)
{
    struct failure failure;
    if (batch_open_layers(&batch, 256, 16, 4, &failure) != STATUS_OK)
        return 1;
    fill();
    fill_texts();
    fill_lists();
    size_t count = sizeof formulas / sizeof *formulas;
    start(formulas, count);
    measure("columns", count, 0, BATCH_RECORDS_MAX);
    measure("columns", count, 0, 1);
    start(libm, sizeof libm / sizeof *libm);
    measure("libm", sizeof libm / sizeof *libm, 0, BATCH_RECORDS_MAX);
    start(scored, sizeof scored / sizeof *scored);
    measure("scored", sizeof scored / sizeof *scored, PROGRAM_SCORE_LEVEL, 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        start(&texts[i], 1);
        measure(texts[i], 1, 0, BATCH_RECORDS_MAX);
    }
    program_close(&program);
    batch_close(&batch);
    return 0;
}
