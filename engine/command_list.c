/* weir list: what a configuration can name, printed from the tables that read it. */
#include "base/assert.h"
#include "base/clause_table.h"
#include "base/grammar.h"
#include "base/program.h"
#include "base/suggest.h"
#include "engine/command.h"
#include "engine/kinds.h"
#include "models/imbalance.h"
#include <stddef.h>
#include <string.h>

static void print_bytes(double bytes)
{
    if (bytes < 1024)
        printf("%.0f bytes", bytes);
    else if (bytes < 1024 * 1024)
        printf("%.3g KiB", bytes / 1024);
    else
        printf("%.3g MiB", bytes / (1024 * 1024));
}

/* Ten numbers, two classes, standard options: something to compare kinds by. */
static void print_cost(const struct model_kind *kind)
{
    enum { FEATURES = 10 };
    enum value_type types[FEATURES];
    const char *names[FEATURES];
    const struct model_shape shape = {FEATURES, types, names, 2};
    _Alignas(max_align_t) char options[4096] = {0};
    ASSERT(kind->option_size <= sizeof options);
    for (int i = 0; i < FEATURES; i++) {
        types[i] = TYPE_NUMBER;
        names[i] = "x";
    }
    options_default(kind->options, options);
    printf("      %s; ", !kind->supervised  ? "detector"
                         : kind->multiclass ? "learner, up to 64 classes"
                                            : "learner, two classes");
    print_bytes((double)kind->state_size(options, &shape));
    if (kind->cost_ns)
        printf(", about %u ns an event", kind->cost_ns);
    printf(" (10 numbers, standard options)\n");
}

static void print_kind(enum kind_table table, const struct kind *kind)
{
    printf("  %-28s %s\n", kind->signature ? kind->signature : kind->name, kind->summary);
    if (table == KINDS_MODELS)
        print_cost(kind->row);
    options_print(kind->options, "      ");
    if (kind->options && kind->options->name)
        printf("\n");
}

static void print_function(const struct program_function *function)
{
    printf("      %s, as in %s\n", function->types, function->example);
}

static void print_table(enum kind_table table)
{
    struct kind kind;
    printf("%s\n", kind_table_name(table));
    for (uint32_t i = 0; kind_at(table, i, &kind); i++) {
        print_kind(table, &kind);
        if (table == KINDS_FUNCTIONS)
            print_function(kind.row);
    }
    if (table == KINDS_MODELS) {
        printf("  %-28s %s\n", "(every learner)", "takes besides its own options");
        options_print(imbalance_options, "      ");
        printf("\n");
    }
    printf("\n");
}

/* ---- what no table of kinds holds ---- */

static void print_clauses(void)
{
    for (const struct clause_help *clause = clause_table; clause->form; clause++)
        printf("  %-28s %s\n", clause->form, clause->summary);
}

static void print_grammar(void)
{
    for (const char *const *line = grammar_lines; *line; line++)
        printf("%s%s\n", **line ? "  " : "", *line);
}

static const struct section {
    const char *name;
    void (*print)(void);
} sections[] = {{"clauses", print_clauses}, {"grammar", print_grammar}};

enum { SECTIONS = sizeof sections / sizeof *sections };

static int section_find(const char *name)
{
    for (int i = 0; i < SECTIONS; i++)
        if (strcmp(name, sections[i].name) == 0)
            return i;
    return -1;
}

static void print_section(int index)
{
    printf("%s\n", sections[index].name);
    sections[index].print();
    printf("\n");
}

static int table_find(const char *name)
{
    for (int i = 0; i < KIND_TABLES; i++)
        if (strcmp(name, kind_table_name((enum kind_table)i)) == 0 ||
            strcmp(name, kind_table_noun((enum kind_table)i)) == 0)
            return i;
    return -1;
}

static int say_unknown(const char *name)
{
    const char *best = NULL;
    size_t distance = 0;
    fprintf(stderr, "weir list: unknown kind '%s'", name);
    for (int i = 0; i < KIND_TABLES; i++)
        suggest_offer(name, kind_table_name((enum kind_table)i), &best, &distance);
    for (int i = 0; i < SECTIONS; i++)
        suggest_offer(name, sections[i].name, &best, &distance);
    if (best)
        fprintf(stderr, "; did you mean '%s'?", best);
    else
        for (int i = 0; i < KIND_TABLES; i++)
            fprintf(stderr, "%s%s", i == 0 ? "; known: " : ", ",
                    kind_table_name((enum kind_table)i));
    for (int i = 0; !best && i < SECTIONS; i++)
        fprintf(stderr, ", %s", sections[i].name);
    fprintf(stderr, "\n");
    return EXIT_USAGE;
}

static int run_list(const struct command *command, int argument_count, char **arguments)
{
    int words = command_parse(command, argument_count, arguments, NULL);
    if (words < 0)
        return EXIT_USAGE;
    int only = words > 0 ? table_find(arguments[0]) : -1;
    int section = words > 0 ? section_find(arguments[0]) : -1;
    if (words > 0 && only < 0 && section < 0)
        return say_unknown(arguments[0]);
    for (int i = 0; i < KIND_TABLES; i++)
        if (words == 0 || only == i)
            print_table((enum kind_table)i);
    for (int i = 0; i < SECTIONS; i++)
        if (words == 0 || section == i)
            print_section(i);
    return EXIT_GOOD;
}

const struct command command_list = {
    .name = "list",
    .usage = "weir list [KIND]",
    .summary = "prints every source, aggregate, model, detector, sink, with its options",
    .help = "KIND is sources, decoders, aggregates, functions, models, detectors, sinks,\n"
            "clauses: what may stand behind a window, or grammar: that of formulas.\n"
            "A function's second line: the types it takes and gives, and an example.\n"
            "An option's line: name, type, range, default, what it is.",
    .argument_max = 1,
    .run = run_list,
};
