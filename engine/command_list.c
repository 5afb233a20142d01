/* weir list: what a configuration can name, printed from the tables that read it. */
#include "base/suggest.h"
#include "engine/command.h"
#include "engine/kinds.h"
#include <string.h>

static void print_kind(const struct kind *kind)
{
    printf("  %-28s %s\n", kind->signature ? kind->signature : kind->name, kind->summary);
    options_print(kind->options, "      ");
    if (kind->options && kind->options->name)
        printf("\n");
}

static void print_table(enum kind_table table)
{
    struct kind kind;
    printf("%s\n", kind_table_name(table));
    for (uint32_t i = 0; kind_at(table, i, &kind); i++)
        print_kind(&kind);
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
    if (best)
        fprintf(stderr, "; did you mean '%s'?", best);
    else
        for (int i = 0; i < KIND_TABLES; i++)
            fprintf(stderr, "%s%s", i == 0 ? "; known: " : ", ",
                    kind_table_name((enum kind_table)i));
    fprintf(stderr, "\n");
    return EXIT_USAGE;
}

static int run_list(const struct command *command, int argument_count, char **arguments)
{
    int words = command_parse(command, argument_count, arguments, NULL);
    if (words < 0)
        return EXIT_USAGE;
    int only = words > 0 ? table_find(arguments[0]) : -1;
    if (words > 0 && only < 0)
        return say_unknown(arguments[0]);
    for (int i = 0; i < KIND_TABLES; i++)
        if (only < 0 || only == i)
            print_table((enum kind_table)i);
    return EXIT_GOOD;
}

const struct command command_list = {
    .name = "list",
    .usage = "weir list [KIND]",
    .summary = "prints every source, aggregate, model, detector, sink, with its options",
    .help = "KIND is sources, decoders, aggregates, functions, models, detectors or sinks.\n"
            "An option's line: name, type, range, default, what it is.",
    .argument_max = 1,
    .run = run_list,
};
