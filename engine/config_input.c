/* "events" and "control", and what they share with "labels": a source, a format. */
#include "base/assert.h"
#include "base/calendar.h"
#include "engine/config_parts.h"
#include <stdlib.h>
#include <string.h>

enum { OTHERS_MAX = 16 };

static const struct option input_options[] = {
    {.name = "payload_max",
     .help = "larger records become dead letters unread",
     .type = OPTION_SIZE,
     .offset = offsetof(struct config_input, payload_max),
     .standard = "64KiB",
     .minimum = 16,
     .maximum = BATCH_PAYLOAD_MAX},
    OPTION_END,
};

/* What else stands in "events". */
static const struct option event_options[] = {
    {.name = "lateness",
     .help = "of these events, instead of the pipeline's",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config, lateness_ms)},
    {.name = "idle_after",
     .help = "a partition without events for this long does not hold the watermark back",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config, idle_after_ms),
     .standard = "1m",
     .minimum = 1000,
     .maximum = 365.0 * DAY_MS},
    OPTION_END,
};

static const char *const event_others[] = {"lateness", "idle_after", NULL};

static const char *const input_others[] = {"source", "format", "fields", "payload_max", NULL};

static uint32_t append_names(const char **into, uint32_t count, const char *const *names)
{
    for (; names && *names; names++) {
        ASSERT(count < OTHERS_MAX);
        into[count++] = *names;
    }
    return count;
}

/* What people call the input: its topic, its path, or its kind. */
static void name_input(struct config_input *input, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "topic"));
    if (!name)
        name = json_string_value(json_object_get(object, "path"));
    if (!name)
        name = input->source->name;
    snprintf(input->name, sizeof input->name, "%s", name);
}

static bool table_has(const struct option *table, const char *name)
{
    for (; table && table->name; table++)
        if (strcmp(table->name, name) == 0)
            return true;
    return false;
}

/* "format" names the decoder; a source of lines has an option of its own name that follows from it.
 */
static json_t *source_object(const struct kind *kind, const struct config_input *input,
                             const json_t *object)
{
    json_t *copy = json_copy((json_t *)object);
    ASSERT(copy);
    bool csv = input->decoder && strcmp(input->decoder->name, "csv") == 0;
    json_object_del(copy, "format");
    if (table_has(kind->options, "format"))
        json_object_set_new(copy, "format", json_string(csv ? "csv" : "jsonl"));
    return copy;
}

static void read_source(struct config_input *input, const json_t *object, const char *path,
                        const char *const *others, struct findings *findings)
{
    const char *names[OTHERS_MAX + 1] = {NULL};
    append_names(names, append_names(names, 0, input_others), others);
    struct kind kind;
    if (!config_kind(KINDS_SOURCES, object, path, "source", &kind, findings))
        return;
    json_t *options = source_object(&kind, input, object);
    bool csv = input->decoder && strcmp(input->decoder->name, "csv") == 0;
    if (csv && !table_has(kind.options, "format")) {
        char member[FINDING_PATH_MAX];
        findings_add(findings, path_member(member, path, "format"), 0,
                     "csv needs the header line of a file, and source %s has none; use json",
                     kind.name);
    }
    input->source = kind.row;
    input->source_options = config_kind_options(&kind, options, path, names, findings);
    json_decref(options);
    name_input(input, object);
}

/* Without "format" a file's name says it: .csv and .csv.gz; everything else is JSON. */
static bool has_csv_ending(const char *path)
{
    static const char *const endings[] = {".csv", ".csv.gz"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t size = strlen(path), ending = strlen(endings[i]);
        if (size >= ending && strcmp(path + size - ending, endings[i]) == 0)
            return true;
    }
    return false;
}

static void read_format(struct config_input *input, const json_t *object, const char *path,
                        struct findings *findings)
{
    struct kind kind;
    const char *file = json_string_value(json_object_get(object, "path"));
    input->decoder = decoder_find(file && has_csv_ending(file) ? "csv" : "json");
    if (json_object_get(object, "format") &&
        config_kind(KINDS_DECODERS, object, path, "format", &kind, findings))
        input->decoder = kind.row;
}

void config_read_input(struct config_input *input, const json_t *object, const char *path,
                       const char *const *others, struct findings *findings)
{
    input->present = true;
    options_take(input_options, object, path, input, findings);
    read_format(input, object, path, findings);
    read_source(input, object, path, others, findings);
}

/* The lines of one file have an order of their own; partitions and worlds have none without times.
 */
static void read_untimed(struct config *config, struct findings *findings)
{
    const struct source_kind *source = config->events.source;
    config->untimed = source && strcmp(source->name, "file") == 0;
    if (!config->untimed)
        findings_add(findings, "events.fields", 0,
                     "no field of type time: it is what orders the events (only the lines of a "
                     "file may do without)");
}

void config_read_events(struct config *config, struct findings *findings)
{
    struct config_input *input = &config->events;
    const json_t *object = config_section(config, "events", findings);
    if (!json_object_get(config->root, "events"))
        findings_add(findings, "events", 0,
                     "missing: where events come from and what they look like");
    if (!object) {
        options_default(event_options, config);
        return;
    }
    options_take(event_options, object, "events", config, findings);
    config_read_input(input, object, "events", event_others, findings);
    input->schema.key = config->key;
    const json_t *fields = json_object_get(object, "fields");
    if (!fields)
        findings_add(findings, "events.fields", 0, "missing: what an event holds");
    else if (!config_read_schema(&input->schema, fields, "events.fields", findings))
        read_untimed(config, findings);
}

void config_read_control(struct config *config, struct findings *findings)
{
    const json_t *object = config_section(config, "control", findings);
    if (!object)
        return;
    config_read_input(&config->control, object, "control", NULL, findings);
    if (json_object_get(object, "fields"))
        findings_add_key(findings, "control.fields",
                         "requests have no fields of their own: they name fields of the events");
    const struct config_input *input = &config->control;
    if (input->source && table_has(input->source->options, "format") &&
        strcmp(input->decoder->name, "json") != 0)
        findings_add(findings, "control.format", 0, "requests are JSON");
}
