/* How exactly it is delivered: "delivery", "journal", "state"; and the configuration as the journal
 * holds it. */
#include "base/assert.h"
#include "base/calendar.h"
#include "engine/config_parts.h"
#include <stdlib.h>
#include <string.h>

static const char *const delivery_choices[] = {"automatic", "exactly_once", "at_least_once", NULL};

static const struct option delivery_options[] = {
    {.name = "delivery",
     .help = "exactly_once: outputs, offsets and journal in one Kafka transaction, the state comes "
             "back after a crash; automatic: exactly_once if the events come from Kafka",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, delivery),
     .standard = "automatic",
     .choices = delivery_choices},
    {.name = "journal",
     .help = "the journal's topic; else weir-NAME-journal; made if it is not there",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config, journal),
     .size = sizeof((struct config *)0)->journal},
    {.name = "commit_records",
     .help = "records after which a transaction is committed before its time",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, commit_records),
     .standard = "50000",
     .minimum = 1,
     .maximum = 1e6},
    {.name = "message_max",
     .help = "larger outputs are replaced by a line that says so; no topic may take less",
     .type = OPTION_SIZE,
     .offset = offsetof(struct config, message_max),
     .standard = "900KiB",
     .minimum = 1024,
     .maximum = 16 << 20},
    OPTION_END,
};

static const struct option state_options[] = {
    {.name = "directory",
     .help =
         "where snapshots are kept, in a folder of the pipeline's name; one process a directory",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config_state, directory),
     .size = sizeof((struct config_state *)0)->directory,
     .standard = "weir-state"},
    {.name = "every",
     .help = "time between two snapshots",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config_state, every_ms),
     .standard = "1m",
     .minimum = 100,
     .maximum = 7 * DAY_MS},
    {.name = "keep",
     .help = "snapshots that are kept",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config_state, keep),
     .standard = "2",
     .minimum = 2,
     .maximum = 16},
    OPTION_END,
};

static bool is_kafka(const struct config_input *input)
{
    return input->source && strcmp(input->source->name, "kafka") == 0;
}

/* A journal names records by topic, partition and offset, and a transaction holds what goes to
 * Kafka. */
static void check_exactly_once(const struct config *config, struct findings *findings)
{
    if (!is_kafka(&config->events) && config->events.source)
        findings_add(findings, "delivery", 0,
                     "exactly_once needs events from Kafka; the source is '%s'",
                     config->events.source->name);
    if (config->labels_input.present && !is_kafka(&config->labels_input))
        findings_add(findings, "labels.source", 0,
                     "exactly once, labels come from Kafka, too, or inside the events; "
                     "or set \"delivery\": \"at_least_once\"");
    if (config->control.present && !is_kafka(&config->control))
        findings_add(findings, "control.source", 0,
                     "exactly once, requests come from Kafka, too; or set \"delivery\": "
                     "\"at_least_once\"");
}

/* The journal names an input by its topic. */
static void check_topics(const struct config *config, struct findings *findings)
{
    if (config->labels_input.present && strcmp(config->labels_input.name, config->events.name) == 0)
        findings_add(findings, "labels.topic", 0,
                     "the topic '%s' is read as events already; labels need one of their own",
                     config->events.name);
    const struct config_input *const others[] = {&config->events, &config->labels_input, NULL};
    for (int i = 0; config->control.present && others[i]; i++)
        if (others[i]->present && strcmp(config->control.name, others[i]->name) == 0)
            findings_add(findings, "control.topic", 0,
                         "the topic '%s' is read as %s already; requests need one of their own",
                         others[i]->name, i == 0 ? "events" : "labels");
}

static void check_journal(const struct config *config, struct findings *findings)
{
    static const char *const places[] = {"events", "labels", "control"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *input = json_object_get(config->root, places[i]);
        const char *topic = json_string_value(json_object_get(input, "topic"));
        if (topic && strcmp(topic, config->journal) == 0)
            findings_add(findings, "journal", 0, "the topic '%s' is read as %s already", topic,
                         places[i]);
    }
}

void config_read_delivery(struct config *config, struct findings *findings)
{
    options_take(delivery_options, config->root, "", config, findings);
    if (!config->journal[0])
        snprintf(config->journal, sizeof config->journal, "weir-%.120s-journal", config->name);
    const json_t *state = config_section(config, "state", findings);
    if (state)
        options_read(state_options, state, "state", NULL, &config->state, findings);
    else
        options_default(state_options, &config->state);
    config->exactly_once = config->delivery == DELIVERY_EXACTLY_ONCE ||
                           (config->delivery == DELIVERY_AUTOMATIC && is_kafka(&config->events));
    if (!config->exactly_once)
        return;
    check_exactly_once(config, findings);
    check_topics(config, findings);
    check_journal(config, findings);
}

const char *config_topic(const struct config *config, enum stream stream)
{
    const struct sink_kind *sink = config->output[stream].sink;
    if (!sink || strcmp(sink->name, "kafka") != 0)
        return NULL;
    const json_t *outputs = json_object_get(config->root, "outputs");
    return json_string_value(
        json_object_get(json_object_get(outputs, stream_name(stream)), "topic"));
}

/* What belongs to this machine or is secret stays out. */
static const char *const not_journalled[] = {"kafka", "key_file", "state", "description"};

enum { NOT_JOURNALLED = sizeof not_journalled / sizeof *not_journalled };

char *config_dump(const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
    ASSERT(text);
    return text;
}

char *config_journalled(const struct config *config)
{
    json_t *root = json_copy(config->root);
    for (size_t i = 0; i < NOT_JOURNALLED; i++)
        json_object_del(root, not_journalled[i]);
    config_write_zones(config, root);
    char *text = config_dump(root);
    json_decref(root);
    return text;
}

bool config_read_journalled(struct config *config, const struct config *own, const char *text,
                            size_t size, struct findings *findings)
{
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        memset(config, 0, sizeof *config);
        findings_add(findings, "", 0, "the journal's configuration is no JSON object");
        return false;
    }
    for (size_t i = 0; i < NOT_JOURNALLED; i++) {
        json_t *member = json_object_get(own->root, not_journalled[i]);
        if (member)
            json_object_set(root, not_journalled[i], member);
    }
    char *whole = config_dump(root);
    json_decref(root);
    bool good =
        config_read_text(config, "the journal's configuration", whole, strlen(whole), findings);
    free(whole);
    config->batch = own->batch;
    config->wait_ms = own->wait_ms;
    return good;
}
