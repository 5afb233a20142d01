/* The configuration as a whole: the JSON, its plain members, then section by section; see config.h.
 */
#include "engine/config.h"
#include "base/assert.h"
#include "base/calendar.h"
#include "base/kafka.h"
#include "engine/config_file.h"
#include "engine/config_parts.h"
#include "engine/locate.h"
#include <stdlib.h>
#include <string.h>

static const struct option root_options[] = {
    {.name = "name",
     .help = "the pipeline's name; its Kafka group is weir-NAME",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct config, name),
     .size = sizeof((struct config *)0)->name},
    {.name = "description",
     .help = "for people",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config, description),
     .size = sizeof((struct config *)0)->description},
    {.name = "seed",
     .help = "where all chance comes from",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, seed),
     .standard = "1",
     .minimum = 0,
     .maximum = 1e18},
    {.name = "memory",
     .help = "the limit of the state",
     .type = OPTION_SIZE,
     .offset = offsetof(struct config, memory),
     .standard = "1GiB",
     .minimum = 1 << 24,
     .maximum = 1e18},
    {.name = "lateness",
     .help = "how late an event may come and still take its right place",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config, lateness_ms),
     .standard = "1h"},
    {.name = "time_zone",
     .help = "whose clocks hours and days are of, such as Europe/Berlin",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config, time_zone),
     .size = sizeof((struct config *)0)->time_zone,
     .standard = "UTC"},
    {.name = "future",
     .help = "how far ahead an event may be of its arrival, or of all before it, to be believed",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config, future_ms),
     .standard = "1d",
     .minimum = SECOND_MS,
     .maximum = 1e18},
    {.name = "key_file",
     .help = "16 secret bytes that identifiers are hashed with; else from the name",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config, key_file),
     .size = sizeof((struct config *)0)->key_file},
    {.name = "batch",
     .help = "records in one step at most",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, batch),
     .standard = "128",
     .minimum = 1,
     .maximum = BATCH_RECORDS_MAX},
    {.name = "commit",
     .help = "time between two settles",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config, commit_ms),
     .standard = "100ms",
     .minimum = 1,
     .maximum = HOUR_MS},
    {.name = "recent_labels",
     .help = "labels that recent metrics look back on",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, recent_labels),
     .standard = "10000",
     .minimum = 100,
     .maximum = 1e9},
    OPTION_END,
};

static const char *const root_others[] = {
    "kafka",       "events",     "labels",   "entities",   "features", "models",
    "score",       "rules",      "outcomes", "drift",      "outputs",  "alerts_from",
    "thresholds",  "retraining", "state",    "delivery",   "journal",  "commit_records",
    "message_max", "control",    "lists",    "time_zones", NULL,
};

/* The name goes into Kafka's group and into file names. */
static void check_name(const struct config *config, struct findings *findings)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (config->name[strspn(config->name, letters)])
        findings_add(findings, "name", 0, "expected letters, digits, '.', '_' and '-' only");
}

/* Without a secret, whoever knows the configuration can craft keys that collide; results are right
 * all the same. */
static void make_key(struct config *config, struct findings *findings)
{
    struct failure failure;
    config->key.low = hash_fingerprint(config->name, strlen(config->name));
    config->key.high = hash_fingerprint(&config->key.low, sizeof config->key.low);
    if (config->key_file[0] &&
        config_file_key(config->key_file, &config->key, &failure) != STATUS_OK)
        findings_add(findings, "key_file", 0, "%s", failure.text);
}

static void open_zone(struct config *config, struct findings *findings)
{
    struct failure failure;
    config_read_zones(config, findings);
    config->zone = zones_find(&config->zones, config->time_zone, &failure);
    if (!config->zone)
        findings_add(findings, "time_zone", 0, "%s", failure.text);
}

static void read_root(struct config *config, struct findings *findings)
{
    options_read(root_options, config->root, "", root_others, config, findings);
    if (!json_is_object(config->root))
        return;
    check_name(config, findings);
    make_key(config, findings);
    open_zone(config, findings);
    snprintf(config->group, sizeof config->group, "weir-%s", config->name);
    config->kafka = config_section(config, "kafka", findings);
    if (config->kafka)
        kafka_check(config->kafka, "kafka", findings);
    config_read_events(config, findings);
    config_read_labels(config, findings);
    config_read_control(config, findings);
    config_read_lists(config, findings);
    config_read_entities(config, findings);
    config_read_features(config, findings);
    config_read_models(config, findings);
    config_imply_features(config);
    config_read_decisions(config, findings);
    config_read_monitor(config, findings);
    config_read_outputs(config, findings);
    config_read_delivery(config, findings);
    config->buildable = config->untimed;
    for (uint32_t i = 0; i < config->events.schema.field_count; i++)
        config->buildable |= config->events.schema.field[i].role == ROLE_TIME;
}

/* The token that jansson stopped at, as its message quotes it; "" if it quotes none. */
static void error_token(const json_error_t *error, char token[JSON_ERROR_TEXT_LENGTH])
{
    const char *near = strstr(error->text, "near '");
    snprintf(token, JSON_ERROR_TEXT_LENGTH, "%s", near ? near + strlen("near '") : "");
    char *end = strrchr(token, '\'');
    if (end)
        *end = '\0';
}

/* jansson names the end of the token that it stumbled on; people look for its beginning. */
static void add_placed(const struct config *config, const json_error_t *error, const char *message,
                       struct findings *findings)
{
    char token[JSON_ERROR_TEXT_LENGTH];
    error_token(error, token);
    size_t offset = error->position > 0 ? (size_t)error->position : 0, size = strlen(token);
    findings_add(findings, "", 0, "%s", message);
    struct place place =
        locate_offset(config->text, config->text_size, offset > size ? offset - size : 0);
    struct finding *finding = &findings->list[findings->count - 1];
    finding->line = place.line;
    finding->line_column = place.column;
}

static void report_syntax(const struct config *config, const json_error_t *error,
                          struct findings *findings)
{
    char message[JSON_ERROR_TEXT_LENGTH + 16];
    snprintf(message, sizeof message, "not JSON: %s", error->text);
    add_placed(config, error, message, findings);
}

static void report_duplicate(const struct config *config, const json_error_t *error,
                             struct findings *findings)
{
    char token[JSON_ERROR_TEXT_LENGTH], message[JSON_ERROR_TEXT_LENGTH + 64];
    error_token(error, token);
    snprintf(message, sizeof message, "%s stands twice in this object: take one away",
             token[0] ? token : "a name");
    add_placed(config, error, message, findings);
}

/* A name that stands twice is a mistake, and reading goes on with the last one, for the others. */
static void parse_text(struct config *config, struct findings *findings)
{
    json_error_t error;
    config->root = json_loadb(config->text, config->text_size, JSON_REJECT_DUPLICATES, &error);
    if (config->root)
        return;
    if (json_error_code(&error) == json_error_duplicate_key) {
        report_duplicate(config, &error, findings);
        config->root = json_loadb(config->text, config->text_size, 0, &error);
    }
    if (!config->root)
        report_syntax(config, &error, findings);
}

static bool read_text(struct config *config, struct findings *findings)
{
    parse_text(config, findings);
    if (config->root)
        read_root(config, findings);
    return findings->count == 0;
}

bool config_read_text(struct config *config, const char *path, const char *text, size_t size,
                      struct findings *findings)
{
    memset(config, 0, sizeof *config);
    config->path = path;
    config->text = malloc(size + 1);
    ASSERT(config->text);
    memcpy(config->text, text, size);
    config->text[size] = '\0';
    config->text_size = size;
    return read_text(config, findings);
}

bool config_read(struct config *config, const char *path, struct findings *findings)
{
    struct failure failure;
    memset(config, 0, sizeof *config);
    config->path = path;
    if (config_file_read(path, &config->text, &config->text_size, &failure) != STATUS_OK) {
        findings_add(findings, "", 0, "%s", failure.text);
        return false;
    }
    return read_text(config, findings);
}

void config_close(struct config *config)
{
    for (uint32_t i = 0; i < config->events.schema.field_count; i++)
        if (config->events.schema.field[i].role != ROLE_LABEL)
            free(config->events.schema.field[i].choices);
    free(config->labels.classes);
    for (uint32_t i = 0; i < config->model_count; i++) {
        free(config->model[i].options);
        free(config->model[i].feature);
    }
    for (uint32_t i = 0; i < config->detector_count; i++)
        free(config->detector[i].options);
    for (int i = 0; i < STREAMS; i++)
        free(config->output[i].options);
    config_close_lists(config);
    zones_close(&config->zones);
    free(config->events.source_options);
    free(config->labels_input.source_options);
    free(config->control.source_options);
    json_decref(config->root);
    free(config->text);
    memset(config, 0, sizeof *config);
}
