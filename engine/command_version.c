/* weir version: the program's, and of the libraries it runs with. */
#include "engine/command.h"
#include <jansson.h>
#include <stddef.h>
#include <uv.h>

struct version_flags {
    bool json;
};

static const struct flag version_flags[] = {
    {"json", NULL, "prints one JSON object", FLAG_SWITCH, offsetof(struct version_flags, json)},
    {NULL, NULL, NULL, FLAG_SWITCH, 0},
};

static int run_version(const struct command *command, int argument_count, char **arguments)
{
    struct version_flags flags = {0};
    if (command_parse(command, argument_count, arguments, &flags) < 0)
        return EXIT_USAGE;
    const char *form = flags.json ? "{\"weir\": \"%s\", \"jansson\": \"%s\", \"libuv\": \"%s\"}\n"
                                  : "weir %s (jansson %s, libuv %s)\n";
    printf(form, WEIR_VERSION, jansson_version_str(), uv_version_string());
    return EXIT_GOOD;
}

const struct command command_version = {
    .name = "version",
    .usage = "weir version [--json]",
    .summary = "prints the version, and those of its libraries",
    .flags = version_flags,
    .run = run_version,
};
