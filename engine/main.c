/* The program: finds the command and runs it. */
#include "engine/command.h"
#include <stdio.h>
#include <string.h>

static int help(int argument_count, char **arguments)
{
    const struct command *command = argument_count > 0 ? command_find(arguments[0]) : NULL;
    if (argument_count > 0 && !command)
        return command_unknown(arguments[0]);
    if (command)
        command_help(command, stdout);
    else
        command_overview(stdout);
    return EXIT_GOOD;
}

static bool asks_for_help(int argument_count, char **arguments)
{
    for (int i = 0; i < argument_count && strcmp(arguments[i], "--") != 0; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0)
            return true;
    return false;
}

int main(int argument_count, char **arguments)
{
    if (argument_count < 2) {
        command_overview(stderr);
        return EXIT_USAGE;
    }
    const char *name = arguments[1];
    argument_count -= 2;
    arguments += 2;
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argument_count, arguments);
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *command = command_find(name);
    if (!command)
        return command_unknown(name);
    if (asks_for_help(argument_count, arguments)) {
        command_help(command, stdout);
        return EXIT_GOOD;
    }
    return command->run(command, argument_count, arguments);
}
