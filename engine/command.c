/* Command lines: flags by their tables, help printed from them; see command.h. */
#include "engine/command.h"
#include "base/calendar.h"
#include "base/suggest.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct command *command_find(const char *name)
{
    for (int i = 0; command_table[i]; i++)
        if (strcmp(command_table[i]->name, name) == 0)
            return command_table[i];
    return NULL;
}

int command_unknown(const char *name)
{
    const char *best = NULL;
    size_t distance = 0;
    for (int i = 0; command_table[i]; i++)
        suggest_offer(name, command_table[i]->name, &best, &distance);
    fprintf(stderr, "weir: unknown command '%s'", name);
    if (best)
        fprintf(stderr, "; did you mean '%s'?\n", best);
    else
        fprintf(stderr, "; `weir help` names them all\n");
    return EXIT_USAGE;
}

void command_overview(FILE *file)
{
    fprintf(file, "weir: a topic of transactions in, a topic of decisions out\n\n"
                  "usage: weir COMMAND [ARGUMENT ...]\n\n");
    for (int i = 0; command_table[i]; i++)
        fprintf(file, "  %-10s %s\n", command_table[i]->name, command_table[i]->summary);
    fprintf(file, "\n`weir help COMMAND` says more; exit 0: good, 1: findings, 2: usage.\n");
}

void command_help(const struct command *command, FILE *file)
{
    fprintf(file, "usage: %s\n\n%s\n", command->usage, command->summary);
    if (command->help)
        fprintf(file, "\n%s\n", command->help);
    fprintf(file, "\n");
    for (const struct flag *flag = command->flags; flag && flag->name; flag++) {
        const char *value = flag->value_name ? flag->value_name : "";
        int width = 26 - (int)strlen(flag->name);
        fprintf(file, "  --%s %-*s %s\n", flag->name, width < 0 ? 0 : width, value, flag->help);
    }
    fprintf(file, "  --%-27s %s\n", "help", "prints this");
}

static void say_usage(const struct command *command)
{
    fprintf(stderr, "usage: %s\n`weir help %s` says more\n", command->usage, command->name);
}

static const struct flag *flag_find(const struct command *command, const char *name, size_t size)
{
    for (const struct flag *flag = command->flags; flag && flag->name; flag++)
        if (strlen(flag->name) == size && memcmp(flag->name, name, size) == 0)
            return flag;
    return NULL;
}

static void say_unknown_flag(const struct command *command, const char *name, size_t size)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%.*s", (int)size, name);
    const char *best = NULL;
    size_t distance = 0;
    for (const struct flag *flag = command->flags; flag && flag->name; flag++)
        suggest_offer(wanted, flag->name, &best, &distance);
    fprintf(stderr, "weir %s: unknown flag '--%s'", command->name, wanted);
    if (best)
        fprintf(stderr, "; did you mean '--%s'?\n", best);
    else
        fprintf(stderr, "; `weir help %s` names them all\n", command->name);
}

static bool whole_parse(const char *text, int64_t *whole)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *whole = number;
    return errno == 0 && end != text && *end == '\0';
}

static const char *flag_expected(enum flag_type type)
{
    if (type == FLAG_TIME)
        return "a time such as 2018-04-01 or 2018-04-01T12:00:00Z";
    return type == FLAG_SPAN ? "a duration such as 30s, 10m, 7d" : "a whole number";
}

/* False if the flag does not take the text. */
static bool flag_fill(const struct flag *flag, const char *value, void *into)
{
    void *place = (char *)into + flag->offset;
    switch (flag->type) {
    case FLAG_SWITCH:
        *(bool *)place = true;
        return true;
    case FLAG_TEXT:
        *(const char **)place = value;
        return true;
    case FLAG_INTEGER:
        return whole_parse(value, place);
    case FLAG_TIME:
        return calendar_parse(value, strlen(value), place);
    case FLAG_SPAN:
        return duration_parse(value, strlen(value), place);
    }
    return false;
}

/* Takes the flag at arguments[*at], and its value if that is the next word. */
static bool take_flag(const struct command *command, int argument_count, char **arguments, int *at,
                      void *into)
{
    const char *name = arguments[*at] + (arguments[*at][1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const struct flag *flag = flag_find(command, name, size);
    if (!flag || arguments[*at][1] != '-') {
        say_unknown_flag(command, name, size);
        return false;
    }
    const char *value = equals ? equals + 1 : NULL;
    if (flag->type == FLAG_SWITCH && value) {
        fprintf(stderr, "weir %s: --%s takes no value\n", command->name, flag->name);
        return false;
    }
    if (flag->type != FLAG_SWITCH && !value && *at + 1 < argument_count)
        value = arguments[++*at];
    if (flag->type != FLAG_SWITCH && !value) {
        fprintf(stderr, "weir %s: --%s needs a value (%s)\n", command->name, flag->name,
                flag->value_name);
        return false;
    }
    if (flag_fill(flag, value, into))
        return true;
    fprintf(stderr, "weir %s: --%s: expected %s, found '%s'\n", command->name, flag->name,
            flag_expected(flag->type), value);
    return false;
}

static int check_words(const struct command *command, int words)
{
    bool few = words < command->argument_min;
    bool many = command->argument_max >= 0 && words > command->argument_max;
    if (!few && !many)
        return words;
    fprintf(stderr, "weir %s: too %s arguments\n", command->name, few ? "few" : "many");
    say_usage(command);
    return -1;
}

int command_parse(const struct command *command, int argument_count, char **arguments, void *into)
{
    int words = 0;
    bool flags = true;
    for (int i = 0; i < argument_count; i++) {
        char *argument = arguments[i];
        if (flags && strcmp(argument, "--") == 0)
            flags = false;
        else if (!flags || argument[0] != '-' || argument[1] == '\0')
            arguments[words++] = argument;
        else if (!take_flag(command, argument_count, arguments, &i, into))
            return -1;
    }
    return check_words(command, words);
}
