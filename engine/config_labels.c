/* "labels": the truth about events, on a stream of its own (source), inside the events of history
 * files (event_field), or both. */
#include "engine/config_parts.h"
#include <math.h>
#include <string.h>

static const struct option label_options[] = {
    {.name = "event_field",
     .help = "where an event itself carries its label, as history files do",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config_labels, event_source),
     .size = SCHEMA_PATH_MAX},
    {.name = "delay",
     .help = "how long after its event a carried label becomes known",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config_labels, delay_ms),
     .standard = "0"},
    {.name = "negative_after",
     .help = "an event without label is a negative after this long; 0: never",
     .type = OPTION_SPAN,
     .offset = offsetof(struct config_labels, negative_after_ms),
     .standard = "0"},
    {.name = "remembered",
     .help = "events that a label may still find",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config_labels, remembered),
     .standard = "1000000",
     .minimum = 1,
     .maximum = 1e9},
    OPTION_END,
};

static const char *const label_others[] = {"classes", "positive", NULL};

static const char *const unit_names[] = {"s", "ms", "us", NULL};

/* One of a label's own fields: a path, or an object with `from` and, of a time, its unit. */
struct part_text {
    char from[SCHEMA_PATH_MAX];
    int unit;
};

static const struct option part_options[] = {
    {.name = "from",
     .help = "JSON path or CSV column",
     .type = OPTION_TEXT,
     .required = true,
     .offset = offsetof(struct part_text, from),
     .size = SCHEMA_PATH_MAX},
    {.name = "unit",
     .help = "of a time that is a number: s, ms or us",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct part_text, unit),
     .standard = "s",
     .choices = unit_names},
    OPTION_END,
};

static const struct {
    const char *name, *help;
    enum field_type type;
    enum field_role role;
    bool required;
} label_parts[] = {
    {"id", "where a label names its event", FIELD_ID, ROLE_ID, true},
    {"label", "where a label says the truth: true, false, 1 or 0", FIELD_BOOLEAN, ROLE_LABEL, true},
    {"time", "when the label became known", FIELD_TIME, ROLE_TIME, false},
};

enum { LABEL_PARTS = sizeof label_parts / sizeof *label_parts };

static void read_part(struct field *field, const json_t *value, const char *path,
                      struct findings *findings)
{
    struct part_text text = {0};
    if (json_is_object(value))
        options_read(part_options, value, path, NULL, &text, findings);
    else if (!json_is_string(value))
        findings_add_type(findings, path, "a path such as \"id\" or \"payment.id\"", value);
    else if (json_string_length(value) == 0 || json_string_length(value) >= sizeof text.from)
        findings_add(findings, path, 0, "expected a path of 1 to %zu bytes", sizeof text.from - 1);
    else
        memcpy(text.from, json_string_value(value), json_string_length(value) + 1);
    memcpy(field->source, text.from, sizeof field->source);
    field->unit = (enum time_unit)text.unit;
}

static const char *part_at(const void *self, uint32_t index)
{
    (void)self;
    return index < LABEL_PARTS ? label_parts[index].name : NULL;
}

static bool is_part(const char *name)
{
    for (uint32_t i = 0; i < LABEL_PARTS; i++)
        if (strcmp(label_parts[i].name, name) == 0)
            return true;
    return false;
}

static void add_part(struct schema *schema, uint32_t part, const json_t *value, const char *path,
                     struct findings *findings)
{
    struct field *field = &schema->field[schema->field_count++];
    memcpy(field->name, label_parts[part].name, strlen(label_parts[part].name) + 1);
    field->type = label_parts[part].type;
    field->role = label_parts[part].role;
    field->required = label_parts[part].required;
    field->fallback = NAN;
    field->minimum = -INFINITY;
    field->maximum = INFINITY;
    field->slot = field->text_slot = SLOT_NONE;
    read_part(field, value, path, findings);
}

void config_read_label_schema(struct schema *schema, const json_t *object, const char *path,
                              struct findings *findings)
{
    char place[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        findings_add_type(findings, path, "an object that says where id and label are", object);
        return;
    }
    json_object_foreach((json_t *)object, name, value)
    {
        if (!is_part(name))
            findings_add_unknown(findings, path_member(place, path, name), true, "member", name,
                                 part_at, NULL);
    }
    for (uint32_t i = 0; i < LABEL_PARTS; i++) {
        value = json_object_get(object, label_parts[i].name);
        path_member(place, path, label_parts[i].name);
        if (value)
            add_part(schema, i, value, place, findings);
        else if (label_parts[i].required)
            findings_add(findings, place, 0, "missing: %s", label_parts[i].help);
    }
}

/* A field that reads the label itself would let features know what they are to foretell. */
static void check_leak(const struct config *config, struct findings *findings)
{
    char path[FINDING_PATH_MAX];
    for (uint32_t i = 0; i < config->events.schema.field_count; i++) {
        const struct field *field = &config->events.schema.field[i];
        if (strcmp(field->source, config->labels.event_source) == 0)
            findings_add_key(findings, path_member(path, "events.fields", field->name),
                             "this is where the label stands (labels.event_field): features may "
                             "not see it");
    }
}

static bool has_id(const struct schema *schema)
{
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (schema->field[i].role == ROLE_ID)
            return true;
    return false;
}

/* A label is true or false unless its classes have names. */
static void label_type(struct field *field, const struct config_labels *labels)
{
    field->type = labels->classes ? FIELD_ENUM : FIELD_BOOLEAN;
    field->choice_count = labels->classes ? labels->class_count : 0;
    field->choices = labels->classes;
}

/* The stream of labels, and what its object may hold besides. */
static void read_stream(struct config *config, const json_t *object, struct findings *findings)
{
    static const char *const others[] = {
        "event_field", "delay", "negative_after", "remembered", "classes", "positive", NULL};
    struct config_input *input = &config->labels_input;
    config_read_input(input, object, "labels", others, findings);
    const json_t *fields = json_object_get(object, "fields");
    if (fields)
        config_read_label_schema(&input->schema, fields, "labels.fields", findings);
    else
        findings_add(findings, "labels.fields", 0, "missing: where id and label stand in a label");
    input->schema.key = config->key;
    for (uint32_t i = 0; i < input->schema.field_count; i++)
        if (input->schema.field[i].role == ROLE_LABEL)
            label_type(&input->schema.field[i], &config->labels);
    if (!has_id(&config->events.schema))
        findings_add(findings, "labels", 0,
                     "labels find their event by its id, and no field of the events has type id");
}

/* The label inside an event goes to the batch's own array, never to a column that a formula can
 * name. */
static void add_carried(struct config *config)
{
    struct schema *schema = &config->events.schema;
    struct field *field = &schema->field[schema->field_count++];
    memset(field, 0, sizeof *field);
    snprintf(field->name, sizeof field->name, "label");
    snprintf(field->source, sizeof field->source, "%s", config->labels.event_source);
    field->role = ROLE_LABEL;
    field->fallback = MISSING;
    field->slot = field->text_slot = SLOT_NONE;
    label_type(field, &config->labels);
}

void config_read_labels(struct config *config, struct findings *findings)
{
    struct config_labels *labels = &config->labels;
    options_default(label_options, labels);
    labels->class_count = 2;
    const json_t *object = config_section(config, "labels", findings);
    if (!object)
        return;
    bool has_source = json_object_get(object, "source");
    if (has_source)
        options_take(label_options, object, "labels", labels, findings);
    else
        options_read(label_options, object, "labels", label_others, labels, findings);
    config_read_classes(labels, object, findings);
    snprintf(labels->event_field, sizeof labels->event_field, "%.63s", labels->event_source);
    bool carried = labels->event_source[0];
    if (!has_source && !carried)
        findings_add(findings, "labels", 0,
                     "expected a source of labels, an event_field that carries them, or both");
    if (carried && !json_object_get(object, "delay"))
        findings_add(findings, "labels.delay", 0, "missing: %s", label_options[1].help);
    if (carried)
        check_leak(config, findings);
    if (has_source)
        read_stream(config, object, findings);
    if (carried)
        add_carried(config);
}
