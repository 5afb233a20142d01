/* Reading and checking options by their tables; see option.h. */
#include "base/option.h"
#include "base/assert.h"
#include "base/buffer.h"
#include "base/calendar.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bounds beyond this are no bounds: a table that wants only a minimum gives a huge maximum. */
static const double bound_endless = 1e15;

/* Whole numbers that a double holds exactly. */
static const double whole_max = 9007199254740992.0;

struct size_unit {
    const char *name;
    int64_t bytes;
};

static const struct size_unit size_units[] = {
    {"TiB", 1LL << 40}, {"GiB", 1LL << 30}, {"MiB", 1LL << 20}, {"KiB", 1LL << 10}, {"B", 1},
};

enum { SIZE_UNITS = sizeof size_units / sizeof *size_units };

static bool size_parse(const char *text, int64_t *size)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    double number = strtod(text, &end);
    for (int i = 0; i < SIZE_UNITS; i++) {
        double bytes = number * (double)size_units[i].bytes;
        if (strcmp(end, size_units[i].name) != 0 || !(bytes <= whole_max))
            continue;
        *size = (int64_t)bytes;
        return true;
    }
    return false;
}

static void size_format(struct buffer *text, int64_t size)
{
    int unit = 0;
    while (size % size_units[unit].bytes != 0 || size < size_units[unit].bytes) {
        if (unit == SIZE_UNITS - 1)
            break;
        unit++;
    }
    buffer_integer(text, size / size_units[unit].bytes);
    buffer_text(text, size_units[unit].name);
}

static void *option_place(const struct option *option, void *into)
{
    return (char *)into + option->offset;
}

static const char *choice_at(const void *self, uint32_t index)
{
    return ((const char *const *)self)[index];
}

static int choice_find(const char *const *choices, const char *name)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], name) == 0)
            return i;
    return -1;
}

static const char *option_expected(enum option_type type)
{
    static const char *const expected[] = {
        [OPTION_TEXT] = "a text",
        [OPTION_NUMBER] = "a number",
        [OPTION_INTEGER] = "a whole number",
        [OPTION_BOOLEAN] = "true or false",
        [OPTION_SPAN] = "a duration such as \"30s\", \"10m\", \"7d\"",
        [OPTION_SIZE] = "a size such as \"64MiB\", \"2GiB\"",
        [OPTION_CHOICE] = "a text",
    };
    return expected[type];
}

/* A value of the option as people write it. */
static void value_format(struct buffer *text, enum option_type type, double value)
{
    if (type == OPTION_SPAN && value > 0)
        duration_format(text, (int64_t)value);
    else if (type == OPTION_SIZE && value > 0)
        size_format(text, (int64_t)value);
    else
        buffer_number(text, value);
}

static bool option_bounded(const struct option *option)
{
    return option->minimum != 0 || option->maximum != 0;
}

static void range_format(struct buffer *text, const struct option *option)
{
    bool below = option->minimum > -bound_endless, above = option->maximum < bound_endless;
    if (!above)
        buffer_text(text, "at least ");
    else if (!below)
        buffer_text(text, "at most ");
    if (below)
        value_format(text, option->type, option->minimum);
    if (below && above)
        buffer_text(text, " to ");
    if (above)
        value_format(text, option->type, option->maximum);
}

static void check_range(const struct option *option, double value, const char *path,
                        const json_t *found, struct findings *findings)
{
    if (!option_bounded(option) || (value >= option->minimum && value <= option->maximum))
        return;
    char bytes[96];
    struct buffer text;
    buffer_init(&text, bytes, sizeof bytes - 1);
    range_format(&text, option);
    bytes[text.size] = '\0';
    findings_add_type(findings, path, bytes, found);
}

static bool take_whole(const json_t *value, int64_t *whole)
{
    double number = json_number_value(value);
    if (json_is_integer(value))
        *whole = json_integer_value(value);
    else if (json_is_real(value) && floor(number) == number && fabs(number) <= whole_max)
        *whole = (int64_t)number; /* 1e6 */
    else
        return false;
    return true;
}

/* "0s" is as good as 0, where none is allowed. */
static bool is_no_span(const char *text)
{
    char one[8];
    size_t zeros = strspn(text, "0");
    int64_t span_ms;
    int size = snprintf(one, sizeof one, "1%s", text + zeros);
    return zeros > 0 && size < (int)sizeof one && duration_parse(one, (size_t)size, &span_ms);
}

static bool take_span(const json_t *value, int64_t *span_ms)
{
    *span_ms = 0;
    if (json_is_string(value) && is_no_span(json_string_value(value)))
        return true;
    if (json_is_string(value))
        return duration_parse(json_string_value(value), json_string_length(value), span_ms);
    return take_whole(value, span_ms) && *span_ms == 0;
}

static bool take_size(const json_t *value, int64_t *size)
{
    if (json_is_string(value))
        return size_parse(json_string_value(value), size);
    return take_whole(value, size);
}

static void take_text(const struct option *option, const json_t *value, const char *path,
                      void *into, struct findings *findings)
{
    size_t size = json_string_length(value);
    if (size >= option->size)
        findings_add(findings, path, 0, "expected at most %zu bytes, found %zu", option->size - 1,
                     size);
    else if (size == 0 && option->required)
        findings_add(findings, path, 0, "expected a text that is not empty");
    else
        memcpy(option_place(option, into), json_string_value(value), size + 1);
}

static void take_choice(const struct option *option, const json_t *value, const char *path,
                        void *into, struct findings *findings)
{
    int choice = choice_find(option->choices, json_string_value(value));
    if (choice < 0)
        findings_add_unknown(findings, path, false, option->name, json_string_value(value),
                             choice_at, option->choices);
    else
        *(int *)option_place(option, into) = choice;
}

/* Numbers of all kinds.  False: the value has another type. */
static bool take_quantity(const struct option *option, const json_t *value, void *into,
                          double *quantity)
{
    int64_t *whole = option_place(option, into), taken = 0;
    switch (option->type) {
    case OPTION_NUMBER:
        if (json_is_number(value))
            *(double *)option_place(option, into) = *quantity = json_number_value(value);
        return json_is_number(value);
    case OPTION_INTEGER:
        if (!take_whole(value, &taken))
            return false;
        break;
    case OPTION_SPAN:
        if (!take_span(value, &taken))
            return false;
        break;
    default:
        if (!take_size(value, &taken))
            return false;
    }
    *whole = taken;
    *quantity = (double)taken;
    return true;
}

static void option_take(const struct option *option, const json_t *value, const char *path,
                        void *into, struct findings *findings)
{
    double quantity;
    bool wants_text = option->type == OPTION_TEXT || option->type == OPTION_CHOICE;
    if (wants_text && json_is_string(value)) {
        if (option->type == OPTION_TEXT)
            take_text(option, value, path, into, findings);
        else
            take_choice(option, value, path, into, findings);
    } else if (option->type == OPTION_BOOLEAN && json_is_boolean(value)) {
        *(bool *)option_place(option, into) = json_is_true(value);
    } else if (!wants_text && option->type != OPTION_BOOLEAN &&
               take_quantity(option, value, into, &quantity)) {
        check_range(option, quantity, path, value, findings);
    } else {
        findings_add_type(findings, path, option_expected(option->type), value);
    }
}

/* The default as the JSON value that the configuration would hold. */
static json_t *standard_value(const struct option *option)
{
    if (option->type == OPTION_BOOLEAN)
        return json_boolean(strcmp(option->standard, "true") == 0);
    if (option->type == OPTION_TEXT || option->type == OPTION_CHOICE)
        return json_string(option->standard);
    char *end;
    double number = strtod(option->standard, &end);
    return *end ? json_string(option->standard) : json_real(number);
}

void options_default(const struct option *table, void *into)
{
    struct findings findings = {0};
    for (const struct option *option = table; option && option->name; option++) {
        if (!option->standard)
            continue;
        json_t *value = standard_value(option);
        option_take(option, value, option->name, into, &findings);
        json_decref(value);
    }
    ASSERT(findings.count == 0); /* a table whose default its own bounds refuse */
    findings_close(&findings);
}

struct names {
    const struct option *table;
    const char *const *others;
};

/* Members that an object may have: of the table, then others. */
static const char *names_at(const void *self, uint32_t index)
{
    const struct names *names = self;
    uint32_t count = 0;
    for (const struct option *option = names->table; option && option->name; option++)
        if (count++ == index)
            return option->name;
    for (const char *const *other = names->others; other && *other; other++)
        if (count++ == index)
            return *other;
    return NULL;
}

static const struct option *option_find(const struct option *table, const char *name)
{
    for (const struct option *option = table; option && option->name; option++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

void options_take(const struct option *table, const json_t *object, const char *path, void *into,
                  struct findings *findings)
{
    options_default(table, into);
    char member[FINDING_PATH_MAX];
    for (const struct option *option = table; option && option->name; option++) {
        const json_t *value = json_object_get(object, option->name);
        path_member(member, path, option->name);
        if (value)
            option_take(option, value, member, into, findings);
        else if (option->required)
            findings_add(findings, member, 0, "missing: %s", option->help);
    }
}

static void report_unknown(const struct names *names, const json_t *object, const char *path,
                           struct findings *findings)
{
    char member[FINDING_PATH_MAX];
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (option_find(names->table, name))
            continue;
        if (!names->others || choice_find(names->others, name) < 0)
            findings_add_unknown(findings, path_member(member, path, name), true, "member", name,
                                 names_at, names);
    }
}

void options_read(const struct option *table, const json_t *object, const char *path,
                  const char *const *others, void *into, struct findings *findings)
{
    if (!json_is_object(object)) {
        options_default(table, into);
        findings_add_type(findings, path, "an object", object);
        return;
    }
    struct names names = {table, others};
    options_take(table, object, path, into, findings);
    report_unknown(&names, object, path, findings);
}

static void print_range(const struct option *option)
{
    char bytes[96];
    struct buffer text;
    buffer_init(&text, bytes, sizeof bytes);
    if (option->type == OPTION_CHOICE)
        for (int i = 0; option->choices[i]; i++)
            buffer_format(&text, "%s%s", i == 0 ? "" : "|", option->choices[i]);
    else if (option_bounded(option))
        range_format(&text, option);
    else if (option->type == OPTION_BOOLEAN)
        buffer_text(&text, "true|false");
    printf(" %-18.*s", (int)text.size, bytes);
}

void options_print(const struct option *table, const char *indent)
{
    static const char *const type[] = {
        [OPTION_TEXT] = "text",       [OPTION_NUMBER] = "number", [OPTION_INTEGER] = "whole",
        [OPTION_BOOLEAN] = "boolean", [OPTION_SPAN] = "duration", [OPTION_SIZE] = "size",
        [OPTION_CHOICE] = "choice",
    };
    for (const struct option *option = table; option && option->name; option++) {
        printf("%s%-20s %-9s", indent, option->name, type[option->type]);
        print_range(option);
        const char *standard = option->standard && *option->standard ? option->standard : "-";
        printf(" %-10s %s\n", option->required ? "required" : standard, option->help);
    }
}
