/* The commands of the program: one file each (command_x.c) and one row of command_table.c. */
#ifndef ENGINE_COMMAND_H
#define ENGINE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of every command. */
enum exit_code { EXIT_GOOD = 0, EXIT_FINDINGS = 1, EXIT_USAGE = 2 };

enum flag_type { FLAG_SWITCH, FLAG_TEXT, FLAG_INTEGER, FLAG_TIME /* ISO 8601, to ms */, FLAG_SPAN };

/* A flag of a command line: --name VALUE.  `offset` is in the command's own structure: bool, const
 * char *, int64_t, int64_t, int64_t by type. */
struct flag {
    const char *name, *value_name, *help;
    enum flag_type type;
    unsigned long offset;
};

struct command {
    const char *name, *usage, *summary;
    const char *help;               /* paragraphs under the usage */
    const struct flag *flags;       /* NULL-terminated by name; --help is everywhere */
    int argument_min, argument_max; /* words that are not flags; -1: any number */
    int (*run)(const struct command *command, int argument_count, char **arguments);
};

extern const struct command *const command_table[]; /* NULL-terminated */

/* Reads flags into `into` (defaults are there already) and packs the other words to the front of
 * arguments (the command's name is not among them).  Returns their number, or -1 after a message on
 * standard error: the command returns EXIT_USAGE then. */
int command_parse(const struct command *command, int argument_count, char **arguments, void *into);

/* NULL if there is none of this name. */
const struct command *command_find(const char *name);

/* Says so on standard error, with the nearest name; returns EXIT_USAGE. */
int command_unknown(const char *name);

/* One command's help: usage, what it does, its flags. */
void command_help(const struct command *command, FILE *file);

/* What the program is and all its commands. */
void command_overview(FILE *file);

#endif
