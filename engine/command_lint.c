/* weir lint: everything that is wrong with a configuration, at once. */
#include "base/assert.h"
#include "engine/command.h"
#include "engine/pipeline.h"
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>

struct lint_flags {
    bool json;
};

static const struct flag lint_flags[] = {
    {"json", NULL, "prints one JSON object", FLAG_SWITCH, offsetof(struct lint_flags, json)},
    {NULL, NULL, NULL, FLAG_SWITCH, 0},
};

static json_t *finding_object(const struct finding *finding)
{
    /* Texts may have been cut inside a character. */
    json_t *message = json_string(finding->message), *path = json_string(finding->path);
    return json_pack("{s:i, s:i, s:o, s:o}", "line", (int)finding->line, "column",
                     (int)finding->line_column, "path", path ? path : json_string("?"), "message",
                     message ? message : json_string("?"));
}

static void print_json(const struct config *config, const struct findings *findings)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < findings->count; i++)
        json_array_append_new(list, finding_object(&findings->list[i]));
    json_t *object = json_pack("{s:s, s:b, s:o}", "file", config->path, "good",
                               findings->count == 0, "findings", list);
    ASSERT(object);
    json_dumpf(object, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(object);
}

static void print_count(uint32_t count, const char *noun, const char *joint)
{
    if (count > 0)
        printf("%s%u %s%s", joint, count, noun, count == 1 ? "" : "s");
}

static void print_good(const struct config *config)
{
    printf("%s: good: ", config->path);
    print_count(config->events.schema.field_count, "field", "");
    print_count(config->feature_count, "feature", ", ");
    print_count(config->model_count, "model", ", ");
    print_count(config->rule_count, "rule", ", ");
    print_count(config->detector_count, "drift detector", ", ");
    printf("\n");
}

/* Formulas are looked at even when something else is wrong, so that all mistakes come at once. */
static void find(struct config *config, const char *path, struct findings *findings)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    ASSERT(pipeline);
    config_read(config, path, findings);
    uint32_t fields = config->events.schema.field_count;
    if (config->buildable) {
        pipeline_build(pipeline, config, findings);
        pipeline_close(pipeline);
    }
    config->events.schema.field_count = fields; /* without the carried label */
    config_locate_findings(config, findings);
    free(pipeline);
}

static int run_lint(const struct command *command, int argument_count, char **arguments)
{
    struct lint_flags flags = {0};
    if (command_parse(command, argument_count, arguments, &flags) < 0)
        return EXIT_USAGE;
    struct config *config = calloc(1, sizeof *config);
    struct findings findings = {0};
    ASSERT(config);
    find(config, arguments[0], &findings);
    int code = findings.count == 0 ? EXIT_GOOD : EXIT_FINDINGS;
    if (flags.json)
        print_json(config, &findings);
    else if (code == EXIT_GOOD)
        print_good(config);
    else
        config_write_findings(config, &findings, stdout);
    findings_close(&findings);
    config_close(config);
    free(config);
    return code;
}

const struct command command_lint = {
    .name = "lint",
    .usage = "weir lint CONFIG [--json]",
    .summary = "checks a configuration",
    .help = "Prints all mistakes at once, sorted by their places, as\n"
            "FILE:LINE:COLUMN: PATH: message, and exits 1; or exits 0.\n"
            "CONFIG is a file, or - for standard input.",
    .flags = lint_flags,
    .argument_min = 1,
    .argument_max = 1,
    .run = run_lint,
};
