/* weir lint: everything that is wrong with a configuration, at once; and what it would do to a
 * state. */
#include "base/assert.h"
#include "engine/command.h"
#include "engine/migrate_against.h"
#include "engine/pipeline.h"
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>

struct lint_flags {
    bool json;
    const char *against;
};

/* What became of --against. */
struct comparison {
    bool wanted, good;
    char snapshot[DISK_NAME_MAX];
    struct migration_report report;
    struct failure failure;
};

/* What each kind of entity gets of `memory`. */
struct rooms {
    uint32_t count;
    struct entity_report room[CONFIG_ENTITIES_MAX];
};

static const struct flag lint_flags[] = {
    {"json", NULL, "prints one JSON object", FLAG_SWITCH, offsetof(struct lint_flags, json)},
    {"against", "STATE", "says what a running pipeline's state directory would keep", FLAG_TEXT,
     offsetof(struct lint_flags, against)},
    {NULL, NULL, NULL, FLAG_SWITCH, 0},
};

/* From 1, in characters. */
static int formula_column(const struct finding *finding)
{
    int column = 1;
    for (uint32_t i = 0; i < finding->column && finding->formula[i]; i++)
        column += ((unsigned char)finding->formula[i] & 0xC0) != 0x80;
    return column;
}

static json_t *finding_object(const struct finding *finding, const char *file)
{
    /* Texts may have been cut inside a character. */
    json_t *message = json_string(finding->message), *path = json_string(finding->path);
    json_t *object =
        json_pack("{s:s, s:i, s:i, s:o, s:o}", "file", file, "line", (int)finding->line, "column",
                  (int)finding->line_column, "path", path ? path : json_string("?"), "message",
                  message ? message : json_string("?"));
    if (finding->formula) {
        json_object_set_new(object, "formula", json_string(finding->formula));
        json_object_set_new(object, "formula_column", json_integer(formula_column(finding)));
    }
    return object;
}

static json_t *comparison_object(const struct comparison *comparison)
{
    if (!comparison->good)
        return json_pack("{s:s}", "failure", comparison->failure.text);
    json_t *parts = json_array();
    for (uint32_t i = 0; i < comparison->report.count; i++) {
        const struct migration_line *line = &comparison->report.lines[i];
        json_array_append_new(parts, json_pack("{s:s, s:s, s:s}", "part", line->part, "outcome",
                                               migration_name(line->outcome), "why", line->why));
    }
    return json_pack("{s:s, s:o}", "snapshot", comparison->snapshot, "parts", parts);
}

static json_t *rooms_object(const struct rooms *rooms)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < rooms->count; i++) {
        const struct entity_report *room = &rooms->room[i];
        json_object_set_new(object, room->name,
                            json_pack("{s:I, s:I, s:I, s:I, s:I}", "memory",
                                      (json_int_t)room->memory, "entities_max",
                                      (json_int_t)room->entities_max, "bytes_each",
                                      (json_int_t)room->bytes_per_entity, "blocks_max",
                                      (json_int_t)room->blocks_max, "events_a_block",
                                      (json_int_t)room->block_events));
    }
    return object;
}

static void print_json(const struct config *config, const struct findings *findings,
                       const struct rooms *rooms, const struct comparison *comparison)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < findings->count; i++)
        json_array_append_new(list, finding_object(&findings->list[i], config->path));
    json_t *object = json_pack("{s:s, s:b, s:o}", "file", config->path, "good",
                               findings->count == 0, "findings", list);
    ASSERT(object);
    if (findings->count == 0)
        json_object_set_new(object, "entities", rooms_object(rooms));
    if (comparison->wanted)
        json_object_set_new(object, "against", comparison_object(comparison));
    json_dumpf(object, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(object);
}

static void print_count(uint32_t count, const char *noun, const char *joint)
{
    if (count > 0)
        printf("%s%u %s%s", joint, count, noun, count == 1 ? "" : "s");
}

/* Without the label that events carry. */
static uint32_t field_count(const struct config *config)
{
    const struct schema *schema = &config->events.schema;
    uint32_t count = 0;
    for (uint32_t i = 0; i < schema->field_count; i++)
        count += schema->field[i].role != ROLE_LABEL;
    return count;
}

static void print_good(const struct config *config)
{
    printf("%s: good: ", config->path);
    print_count(field_count(config), "field", "");
    print_count(config->feature_count, "feature", ", ");
    print_count(config->model_count, "model", ", ");
    print_count(config->rule_count, "rule", ", ");
    print_count(config->detector_count, "drift detector", ", ");
    printf("\n");
}

/* All of it is a bound: memory comes as it is used. */
static void print_rooms(const struct rooms *rooms)
{
    for (uint32_t i = 0; i < rooms->count; i++) {
        const struct entity_report *room = &rooms->room[i];
        printf("  by %s: at most %.1f MiB: %llu entities of %llu bytes", room->name,
               (double)room->memory / (1 << 20), (unsigned long long)room->entities_max,
               (unsigned long long)room->bytes_per_entity);
        if (room->blocks_max)
            printf(", %llu blocks of %llu older events", (unsigned long long)room->blocks_max,
                   (unsigned long long)room->block_events);
        printf("\n");
    }
}

static void print_comparison(const struct comparison *comparison)
{
    if (!comparison->good) {
        fprintf(stderr, "weir lint: %s\n", comparison->failure.text);
        return;
    }
    printf("against %s:\n", comparison->snapshot);
    for (uint32_t i = 0; i < comparison->report.count; i++) {
        const struct migration_line *line = &comparison->report.lines[i];
        printf("  %-9s %s%s%s\n", migration_name(line->outcome), line->part,
               line->why[0] ? ": " : "", line->why);
    }
}

/* Formulas are looked at even when something else is wrong, so that all mistakes come at once. */
static void find(struct config *config, const char *path, struct findings *findings,
                 struct rooms *rooms)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    ASSERT(pipeline);
    config_read(config, path, findings);
    if (config->buildable) {
        if (pipeline_build(pipeline, config, findings))
            rooms->count = features_plan(pipeline->features, rooms->room, CONFIG_ENTITIES_MAX);
        pipeline_close(pipeline);
    }
    config_locate_findings(config, findings);
    free(pipeline);
}

/* Of a configuration without mistakes. */
static void compare(struct config *config, const char *directory, struct comparison *comparison)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    struct findings findings = {0};
    ASSERT(pipeline);
    bool built = pipeline_build(pipeline, config, &findings);
    ASSERT(built);
    comparison->wanted = true;
    comparison->good = migrate_against(pipeline, directory, comparison->snapshot,
                                       &comparison->report, &comparison->failure) == STATUS_OK;
    pipeline_close(pipeline);
    findings_close(&findings);
    free(pipeline);
}

static int run_lint(const struct command *command, int argument_count, char **arguments)
{
    struct lint_flags flags = {0};
    if (command_parse(command, argument_count, arguments, &flags) < 0)
        return EXIT_USAGE;
    struct config *config = calloc(1, sizeof *config);
    struct findings findings = {0};
    struct comparison comparison = {0};
    static struct rooms rooms;
    ASSERT(config);
    find(config, arguments[0], &findings, &rooms);
    if (findings.count == 0 && flags.against)
        compare(config, flags.against, &comparison);
    if (flags.json)
        print_json(config, &findings, &rooms, &comparison);
    else if (findings.count == 0)
        print_good(config);
    else
        config_write_findings(config, &findings, stdout);
    if (findings.count == 0 && !flags.json)
        print_rooms(&rooms);
    if (comparison.wanted && !flags.json)
        print_comparison(&comparison);
    bool good = findings.count == 0 && comparison.good == comparison.wanted;
    migration_report_close(&comparison.report);
    findings_close(&findings);
    config_close(config);
    free(config);
    return good ? EXIT_GOOD : EXIT_FINDINGS;
}

const struct command command_lint = {
    .name = "lint",
    .usage = "weir lint CONFIG [--json] [--against STATE]",
    .summary = "checks a configuration",
    .help = "Prints all mistakes at once, sorted by their places, as\n"
            "FILE:LINE:COLUMN: PATH: message, and exits 1; or exits 0.\n"
            "CONFIG is a file, or - for standard input.\n\n"
            "--against compares it with the newest snapshot of a state directory: what keeps its\n"
            "state, is refilled from kept events, begins anew or is gone, one line each.  Nothing\n"
            "is changed, and a running weir is not disturbed.",
    .flags = lint_flags,
    .argument_min = 1,
    .argument_max = 1,
    .run = run_lint,
};
