/* "fields": what a record looks like.  A field is the name of its type, or an object:
 *
 *     "card": {"type": "key", "from": "card.number", "sensitive": true}
 *
 * The field of type id names the event; of several times the one called "time" orders the stream.
 * The lines of a file may have none: their order is the stream's.
 */
#include "base/assert.h"
#include "base/calendar.h"
#include "base/suggest.h"
#include "engine/config_parts.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In the order of enum field_type. */
static const char *const type_names[] = {
    "id", "key", "text", "number", "time", "boolean", "enum", "latitude", "longitude", NULL,
};

/* In the order of enum time_unit. */
static const char *const unit_names[] = {"s", "ms", "us", NULL};

/* A field's object as written. */
struct field_text {
    int type, unit;
    bool sensitive, optional;
    char from[SCHEMA_PATH_MAX];
    double minimum, maximum;
};

static const struct option field_options[] = {
    {.name = "type",
     .help = "id, key, text, number, time, boolean, enum, latitude or longitude",
     .type = OPTION_CHOICE,
     .required = true,
     .offset = offsetof(struct field_text, type),
     .choices = type_names},
    {.name = "from",
     .help = "JSON path or CSV column, if it is not the name",
     .type = OPTION_TEXT,
     .offset = offsetof(struct field_text, from),
     .size = SCHEMA_PATH_MAX},
    {.name = "unit",
     .help = "of a time that is a number: s, ms or us",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct field_text, unit),
     .standard = "s",
     .choices = unit_names},
    {.name = "sensitive",
     .help = "leaves only masked",
     .type = OPTION_BOOLEAN,
     .offset = offsetof(struct field_text, sensitive),
     .standard = "false"},
    {.name = "optional",
     .help = "may be missing",
     .type = OPTION_BOOLEAN,
     .offset = offsetof(struct field_text, optional),
     .standard = "false"},
    {.name = "minimum",
     .help = "smaller numbers make a dead letter",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct field_text, minimum)},
    {.name = "maximum",
     .help = "larger numbers make a dead letter",
     .type = OPTION_NUMBER,
     .offset = offsetof(struct field_text, maximum)},
    OPTION_END,
};

static const char *const field_others[] = {"values", "default", NULL};

static const char *type_at(const void *self, uint32_t index)
{
    (void)self;
    return type_names[index];
}

static int type_find(const char *name)
{
    for (int i = 0; type_names[i]; i++)
        if (strcmp(type_names[i], name) == 0)
            return i;
    return -1;
}

/* What was meant, so that formulas that use the field are not blamed for its type. */
static enum field_type type_guess(const json_t *written)
{
    const char *best = NULL;
    size_t distance = 0;
    for (int i = 0; json_is_string(written) && type_names[i]; i++)
        suggest_offer(json_string_value(written), type_names[i], &best, &distance);
    return best ? (enum field_type)type_find(best) : FIELD_NUMBER;
}

static const char *choice_at(const void *self, uint32_t index)
{
    const struct field *field = self;
    return index < field->choice_count ? field->choices[index] : NULL;
}

static uint32_t choice_find(const struct field *field, const char *name)
{
    for (uint32_t i = 0; i < field->choice_count; i++)
        if (strcmp(field->choices[i], name) == 0)
            return i;
    return UINT32_MAX;
}

static void add_choice(struct field *field, const json_t *value, const char *path,
                       struct findings *findings)
{
    const char *text = json_string_value(value);
    if (!text || !*text)
        findings_add_type(findings, path, "a text that is not empty", value);
    else if (strlen(text) >= SCHEMA_NAME_MAX)
        findings_add(findings, path, 0, "expected at most %d bytes", SCHEMA_NAME_MAX - 1);
    else if (choice_find(field, text) != UINT32_MAX)
        findings_add(findings, path, 0, "'%s' stands twice", text);
    else
        memcpy(field->choices[field->choice_count++], text, strlen(text) + 1);
}

static void read_choices(struct field *field, const json_t *values, const char *path,
                         struct findings *findings)
{
    char place[FINDING_PATH_MAX], item[FINDING_PATH_MAX];
    path_member(place, path, "values");
    size_t count = json_array_size(values);
    field->choices = calloc(SCHEMA_CHOICES_MAX, sizeof *field->choices);
    ASSERT(field->choices);
    if (!values)
        findings_add(findings, place, 0, "missing: the texts that an enum may be, as a list");
    else if (count == 0 || count > SCHEMA_CHOICES_MAX)
        findings_add(findings, place, 0, "expected a list of 1 to %d texts", SCHEMA_CHOICES_MAX);
    else
        for (size_t i = 0; i < count; i++)
            add_choice(field, json_array_get(values, i), path_item(item, place, i), findings);
}

static void default_number(struct field *field, const json_t *value, const char *path,
                           struct findings *findings)
{
    double number = json_number_value(value);
    if (!json_is_number(value))
        findings_add_type(findings, path, "a number", value);
    else if (number < field->minimum || number > field->maximum)
        findings_add(findings, path, 0, "the default is out of the field's own range");
    else
        field->fallback = number;
}

static void default_time(struct field *field, const json_t *value, const char *path,
                         struct findings *findings)
{
    int64_t time_ms;
    if (!json_is_string(value) ||
        !calendar_parse(json_string_value(value), json_string_length(value), &time_ms))
        findings_add_type(findings, path, "a time such as \"2018-04-01T00:00:00Z\"", value);
    else
        field->fallback = (double)time_ms / 1000;
}

static void default_enum(struct field *field, const json_t *value, const char *path,
                         struct findings *findings)
{
    uint32_t choice = UINT32_MAX;
    if (!json_is_string(value)) {
        findings_add_type(findings, path, "one of the field's values", value);
        return;
    }
    choice = choice_find(field, json_string_value(value));
    if (choice == UINT32_MAX)
        findings_add_unknown(findings, path, false, "value", json_string_value(value), choice_at,
                             field);
    else
        field->fallback = choice;
}

static void default_text(struct field *field, const json_t *value, const char *path,
                         struct findings *findings)
{
    if (!json_is_string(value) || json_string_length(value) >= sizeof field->fallback_text)
        findings_add_type(findings, path, "a text of at most 63 bytes", value);
    else
        memcpy(field->fallback_text, json_string_value(value), json_string_length(value) + 1);
}

static void read_default(struct field *field, const json_t *value, const char *path,
                         struct findings *findings)
{
    field->has_fallback = true;
    field->required = false;
    switch (field->type) {
    case FIELD_ID:
        findings_add(findings, path, 0, "an id names one event and has no default");
        break;
    case FIELD_KEY:
    case FIELD_TEXT:
        default_text(field, value, path, findings);
        break;
    case FIELD_TIME:
        default_time(field, value, path, findings);
        break;
    case FIELD_ENUM:
        default_enum(field, value, path, findings);
        break;
    case FIELD_BOOLEAN:
        if (json_is_boolean(value))
            field->fallback = json_is_true(value);
        else
            findings_add_type(findings, path, "true or false", value);
        break;
    case FIELD_NUMBER:
    case FIELD_LATITUDE:
    case FIELD_LONGITUDE:
        default_number(field, value, path, findings);
    }
}

/* Members that say nothing about a field of this type. */
static void check_members(const struct field *field, const json_t *object, const char *path,
                          struct findings *findings)
{
    static const struct {
        const char *member;
        enum field_type type;
    } only[] = {{"unit", FIELD_TIME},
                {"values", FIELD_ENUM},
                {"minimum", FIELD_NUMBER},
                {"maximum", FIELD_NUMBER}};
    char place[FINDING_PATH_MAX];
    for (size_t i = 0; i < sizeof only / sizeof *only; i++)
        if (json_object_get(object, only[i].member) && field->type != only[i].type)
            findings_add_key(findings, path_member(place, path, only[i].member),
                             "only a field of type %s has this, and this one is of type %s",
                             type_names[only[i].type], type_names[field->type]);
    path_member(place, path, "minimum");
    if (field->type == FIELD_NUMBER && field->minimum > field->maximum)
        findings_add(findings, place, 0, "the minimum is above the maximum");
}

static void field_range(struct field *field, const struct field_text *text)
{
    double bound = field->type == FIELD_LATITUDE    ? 90
                   : field->type == FIELD_LONGITUDE ? 180
                                                    : INFINITY;
    field->minimum = field->type == FIELD_NUMBER ? text->minimum : -bound;
    field->maximum = field->type == FIELD_NUMBER ? text->maximum : bound;
}

static void read_object(struct field *field, const json_t *object, const char *path,
                        struct findings *findings)
{
    struct field_text text = {.type = -1, .minimum = -INFINITY, .maximum = INFINITY};
    char place[FINDING_PATH_MAX];
    options_read(field_options, object, path, field_others, &text, findings);
    field->type =
        text.type < 0 ? type_guess(json_object_get(object, "type")) : (enum field_type)text.type;
    field->unit = (enum time_unit)text.unit;
    field->sensitive = text.sensitive;
    field->required = !text.optional;
    if (text.from[0])
        memcpy(field->source, text.from, sizeof field->source);
    field_range(field, &text);
    if (text.type >= 0)
        check_members(field, object, path, findings);
    if (field->type == FIELD_ENUM)
        read_choices(field, json_object_get(object, "values"), path, findings);
    const json_t *standard = json_object_get(object, "default");
    if (standard && text.type >= 0)
        read_default(field, standard, path_member(place, path, "default"), findings);
}

/* "amount": "number" */
static void read_type(struct field *field, const json_t *value, const char *path,
                      struct findings *findings)
{
    int type = type_find(json_string_value(value));
    field->type = type < 0 ? type_guess(value) : (enum field_type)type;
    const struct field_text text = {.minimum = -INFINITY, .maximum = INFINITY};
    field_range(field, &text);
    if (type < 0)
        findings_add_unknown(findings, path, false, "type", json_string_value(value), type_at,
                             NULL);
    if (field->type == FIELD_ENUM)
        read_choices(field, NULL, path, findings);
}

static struct field *field_begin(struct schema *schema, const char *name)
{
    struct field *field = &schema->field[schema->field_count++];
    memset(field, 0, sizeof *field);
    memcpy(field->name, name, strlen(name) + 1);
    memcpy(field->source, name, strlen(name) + 1);
    field->type = FIELD_NUMBER;
    field->required = true;
    field->fallback = NAN;
    field->slot = field->text_slot = SLOT_NONE;
    return field;
}

static void read_field(struct schema *schema, const char *name, const json_t *value,
                       const char *path, struct findings *findings)
{
    config_check_name("field", name, path, findings);
    if (!*name || strlen(name) >= SCHEMA_NAME_MAX)
        return;
    struct field *field = field_begin(schema, name);
    if (json_is_string(value))
        read_type(field, value, path, findings);
    else if (json_is_object(value))
        read_object(field, value, path, findings);
    else
        findings_add_type(findings, path, "a type or an object", value);
}

/* At most one id; all of its events are named by it. */
static void find_id(struct schema *schema, const char *path, struct findings *findings)
{
    const struct field *id = NULL;
    char place[FINDING_PATH_MAX];
    for (uint32_t i = 0; i < schema->field_count; i++) {
        struct field *field = &schema->field[i];
        if (field->type != FIELD_ID)
            continue;
        if (id)
            findings_add(findings, path_member(place, path, field->name), 0,
                         "'%s' is the id already: make this one a key", id->name);
        else
            field->role = ROLE_ID;
        id = field;
    }
}

static bool find_time(struct schema *schema, const char *path, struct findings *findings)
{
    struct field *time = NULL;
    uint32_t count = 0;
    char place[FINDING_PATH_MAX];
    for (uint32_t i = 0; i < schema->field_count; i++) {
        struct field *field = &schema->field[i];
        bool is_time = field->type == FIELD_TIME;
        count += is_time;
        if (is_time && (!time || strcmp(field->name, "time") == 0))
            time = field;
    }
    if (!time)
        return false;
    if (count > 1 && strcmp(time->name, "time") != 0)
        findings_add(findings, path, 0,
                     "there are %u times: call the one that orders the events \"time\"", count);
    time->role = ROLE_TIME;
    if (!time->required)
        findings_add(findings, path_member(place, path, time->name), 0,
                     "the event's time is neither optional nor has it a default");
    return true;
}

bool config_read_schema(struct schema *schema, const json_t *object, const char *path,
                        struct findings *findings)
{
    enum { FIELDS_MAX = SCHEMA_FIELDS_MAX - 1 }; /* the carried label is one more */
    char place[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        findings_add_type(findings, path, "an object of fields", object);
        return true;
    }
    if (json_object_size(object) > FIELDS_MAX)
        findings_add(findings, path, 0, "expected at most %d fields, found %zu", FIELDS_MAX,
                     json_object_size(object));
    json_object_foreach((json_t *)object, name, value)
    {
        if (schema->field_count < FIELDS_MAX)
            read_field(schema, name, value, path_member(place, path, name), findings);
    }
    find_id(schema, path, findings);
    return find_time(schema, path, findings);
}
