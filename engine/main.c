/* The program: finds the command and runs it. */
#include "engine/command.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A descriptor below 3 that was closed would be given to the next file, and messages written there.
 */
static void open_standard_files(void)
{
    for (int i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            exit(EXIT_FINDINGS);
}

int main(int argument_count, char **arguments)
{
    open_standard_files();
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
