/* "lists": what formulas look values up in, by name.
 *
 *     "blocked": {"type": "text", "values": ["4000123412341234"]}
 *     "datacenters": {"type": "network", "file": "datacenters.txt"}
 *
 * A file is read with the configuration and takes the place of its name: from then on the list has
 * values like any other.  So the journal and the snapshots hold what was decided by, and a replay
 * decides the same after the file has changed. */
#include "base/assert.h"
#include "base/networks.h"
#include "engine/config_file.h"
#include "engine/config_parts.h"
#include "ingest/number.h"
#include <stdlib.h>
#include <string.h>

enum { LISTS_SIZE_MAX = 32 << 20 /* bytes of all, as JSON */ };

/* In the order of enum list_type. */
static const char *const type_names[] = {"text", "number", "network", NULL};

/* A list's object as written. */
struct list_text {
    int type;
    char file[1024];
};

static const struct option list_options[] = {
    {.name = "type",
     .help = "text, number or network",
     .type = OPTION_CHOICE,
     .required = true,
     .offset = offsetof(struct list_text, type),
     .choices = type_names},
    {.name = "file",
     .help = "one value a line, comments behind #",
     .type = OPTION_TEXT,
     .offset = offsetof(struct list_text, file),
     .size = sizeof((struct list_text *)0)->file},
    OPTION_END,
};

static const char *const list_others[] = {"values", NULL};

/* ---- values ---- */

/* Why a text cannot be in the list, or NULL; fills the member. */
static const char *check_text(enum list_type type, const char *text, size_t size,
                              struct list_member *member, char message[160])
{
    struct network network;
    *member = (struct list_member){.text = text, .size = (uint32_t)size};
    if (type == LIST_NETWORK)
        return network_parse(text, size, &network, message) ? NULL : message;
    if (size == 0)
        return "an empty text is a missing one, and in no list";
    return size > SCHEMA_TEXT_MAX ? "the text is longer than 4096 bytes" : NULL;
}

static void read_value(struct list *list, const json_t *value, const char *path,
                       struct findings *findings)
{
    struct list_member *member = &list->member[list->count];
    char message[160];
    const char *why = NULL;
    bool number = list->type == LIST_NUMBER;
    if (number ? !json_is_number(value) : !json_is_string(value)) {
        findings_add_type(findings, path, number ? "a number" : "a text", value);
        return;
    }
    if (number)
        member->number = json_number_value(value);
    else
        why = check_text(list->type, json_string_value(value), json_string_length(value), member,
                         message);
    if (why)
        findings_add(findings, path, 0, "%s", why);
    else
        list->count++;
}

static void read_values(struct list *list, const json_t *values, const char *path,
                        struct findings *findings)
{
    char place[FINDING_PATH_MAX], item[FINDING_PATH_MAX];
    path_member(place, path, "values");
    size_t count = json_array_size(values);
    if (!json_is_array(values)) {
        findings_add_type(findings, place, "a list of values", values);
        return;
    }
    if (count > LIST_MEMBERS_MAX) {
        findings_add(findings, place, 0, "expected at most %d values, found %zu", LIST_MEMBERS_MAX,
                     count);
        return;
    }
    list->member = calloc(count + 1, sizeof *list->member);
    ASSERT(list->member);
    for (size_t i = 0; i < count; i++)
        read_value(list, json_array_get(values, i), path_item(item, place, i), findings);
}

/* ---- files ---- */

/* Not strchr, which finds the zero byte in every text. */
static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* What a line says: without blanks around it and without its comment, which stands at the line's
 * beginning or behind a blank. */
static void trim(const char **line, size_t *size)
{
    const char *at = *line, *end = at + *size;
    for (const char *mark = at; mark < end; mark++)
        if (*mark == '#' && (mark == at || mark[-1] == ' ' || mark[-1] == '\t')) {
            end = mark;
            break;
        }
    while (at < end && is_blank(*at))
        at++;
    while (end > at && is_blank(end[-1]))
        end--;
    *line = at;
    *size = (size_t)(end - at);
}

/* The line as a value of the configuration; NULL with a sentence. */
static json_t *line_value(enum list_type type, const char *line, size_t size, char message[160])
{
    struct list_member member;
    double number;
    json_t *value = NULL;
    const char *why = memchr(line, '\0', size) ? "it has a zero byte" : NULL;
    if (why) {
        snprintf(message, 160, "%s", why);
    } else if (type == LIST_NUMBER) {
        bool good = number_parse(line, size, &number);
        value = good ? json_real(number) : NULL;
        if (!value)
            snprintf(message, 160, "'%.*s' is no number", (int)(size < 40 ? size : 40), line);
    } else {
        why = check_text(type, line, size, &member, message);
        value = why ? NULL : json_stringn(line, size);
        if (!value && why != message)
            snprintf(message, 160, "%s", why ? why : "it is not UTF-8");
    }
    return value;
}

static json_t *read_lines(enum list_type type, const char *file, const char *text, size_t size,
                          const char *path, struct findings *findings)
{
    json_t *values = json_array();
    const char *end = text + size;
    uint32_t number = 0;
    char message[160];
    ASSERT(values);
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) /* a mark that some editors leave */
        text += 3;
    while (text < end) {
        const char *line = text, *stop = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - line);
        text = stop ? stop + 1 : end;
        number++;
        trim(&line, &length);
        json_t *value = length ? line_value(type, line, length, message) : NULL;
        if (value)
            json_array_append_new(values, value);
        else if (length)
            findings_add(findings, path, 0, "%.100s:%u: %s", file, number, message);
    }
    return values;
}

/* Puts the file's values in its place; NULL after a finding. */
static const json_t *take_file(enum list_type type, json_t *object, const char *file,
                               const char *path, struct findings *findings)
{
    struct failure failure;
    char *text = NULL, place[FINDING_PATH_MAX];
    size_t size = 0;
    path_member(place, path, "file");
    if (config_file_read_plain(file, &text, &size, &failure) != STATUS_OK) {
        findings_add(findings, place, 0, "%.100s: %s", file, failure.text);
        free(text);
        return NULL;
    }
    json_t *values = read_lines(type, file, text, size, place, findings);
    free(text);
    json_object_set_new(object, "values", values);
    json_object_del(object, "file");
    return values;
}

/* ---- lists ---- */

static void read_list(struct list *list, json_t *object, const char *path,
                      struct findings *findings)
{
    struct list_text text = {.type = -1};
    uint32_t before = findings->count;
    options_read(list_options, object, path, list_others, &text, findings);
    const json_t *values = json_object_get(object, "values");
    if (findings->count > before)
        return;
    list->type = (enum list_type)text.type;
    if (text.file[0] && values)
        findings_add(findings, path, 0, "a list has \"values\" or a \"file\", not both");
    else if (text.file[0])
        values = take_file(list->type, object, text.file, path, findings);
    else if (!values)
        findings_add(findings, path, 0, "missing: \"values\", or a \"file\" of one value a line");
    if (values)
        read_values(list, values, path, findings);
}

/* The journal and the snapshots hold them as they are written here, with all else that stands in
 * the configuration. */
static void check_size(const json_t *section, struct findings *findings)
{
    size_t size = json_dumpb(section, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (size > LISTS_SIZE_MAX)
        findings_add(findings, "lists", 0,
                     "all lists together have %zu MiB, and the journal takes %d of them at most",
                     (size >> 20) + 1, LISTS_SIZE_MAX >> 20);
}

void config_read_lists(struct config *config, struct findings *findings)
{
    const json_t *section = config_section(config, "lists", findings);
    struct lists *lists = &config->lists;
    char path[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    if (json_object_size(section) > LISTS_MAX)
        findings_add(findings, "lists", 0, "expected at most %d lists, found %zu", LISTS_MAX,
                     json_object_size(section));
    json_object_foreach((json_t *)section, name, value)
    {
        path_member(path, "lists", name);
        if (lists->count == LISTS_MAX)
            break;
        if (!config_check_name("list", name, path, findings))
            continue;
        struct list *list = &lists->list[lists->count++];
        uint32_t before = findings->count;
        memcpy(list->name, name, strlen(name) + 1);
        if (json_is_object(value))
            read_list(list, value, path, findings);
        else
            findings_add_type(findings, path, "an object", value);
        list->unread = findings->count > before;
    }
    if (section)
        check_size(section, findings);
}

void config_close_lists(struct config *config)
{
    for (uint32_t i = 0; i < config->lists.count; i++)
        free(config->lists.list[i].member);
}
